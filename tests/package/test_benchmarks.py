"""The benchmarks do what they say: every contender does its work, and what is wrong is found."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack

import pytest

from benchmarks import __main__ as command
from benchmarks import report, soak
from benchmarks.contenders.base import Contender, Import, Prepared
from benchmarks.contenders.by_hand import ByHand
from benchmarks.field import contenders
from benchmarks.fresh import import_times, start_time
from benchmarks.graphs import Graph, chain, fan, layered
from benchmarks.measure import CountError, Effort, Entry, counted, cyclic_garbage, interleave, judge, ratios
from benchmarks.programs import COUNTING, LOGGING, Program, attrs_class
from benchmarks.results import Cell, Place, Result, Row
from benchmarks.run import (
    async_scope_entry,
    call_entries,
    environment_entries,
    lookup_entries,
    override_entries,
    running,
    scope_entry,
    settings_entries,
    start_entries,
)
from benchmarks.scenarios import startup_graph

GRAPHS = (chain(1), chain(3), chain(3, settings=2), fan(4), layered(10))
PRESENT = contenders().present
OURS = [each for each in PRESENT if each.name.startswith(("resourcekit", "by hand"))]
PEERS = [each for each in PRESENT if each not in OURS]
PLACE = Place("today", "abc", "CPython 3", "here", 2, {"attrs": "1"})


def names(each: object) -> str:
    return each.name if isinstance(each, Contender | Graph) else str(each)


@pytest.mark.parametrize("graph", GRAPHS, ids=names)
@pytest.mark.parametrize("contender", OURS, ids=names)
def test_a_run_sets_up_and_tears_down_in_order(contender: Contender, graph: Graph) -> None:
    """resourcekit and the work by hand call every hook once, in order, in every shape of graph."""
    with ExitStack() as opened:
        entry = scope_entry(graph, opened, contender)
        assert entry is not None
        assert entry.order == "right"
        entry.chunk(3)


@pytest.mark.parametrize("graph", GRAPHS, ids=names)
@pytest.mark.parametrize("contender", OURS, ids=names)
def test_an_async_run_sets_up_and_tears_down_in_order(contender: Contender, graph: Graph) -> None:
    """The same with async hooks."""
    with running() as (opened, runner):
        entry = async_scope_entry(graph, opened, runner, contender)
        assert entry is not None
        assert entry.order == "right"
        entry.chunk(3)


@pytest.mark.filterwarnings("ignore")  # What a peer warns of is its own affair.
@pytest.mark.parametrize("contender", PEERS, ids=names)
def test_every_peer_does_its_work(contender: Contender) -> None:
    """Every peer that is installed calls every hook once: what it is timed with is the same work."""
    with ExitStack() as opened:
        entry = scope_entry(chain(3), opened, contender)
        assert entry is None or entry.chunk(3) > 0
    with running() as (opened_async, runner):
        entry = async_scope_entry(chain(3), opened_async, runner, contender)
        assert entry is None or entry.chunk(3) > 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("contender", PRESENT, ids=names)
def test_every_contender_gives_the_right_answers(contender: Contender) -> None:
    """Injected calls, look-ups, settings from text, classes and starts give what they should, whoever does them."""
    with ExitStack() as opened:
        for entries in (call_entries, lookup_entries, settings_entries, environment_entries, override_entries):
            for entry in entries(contender, opened):
                entry.chunk(1)
    for operate in contender.classes().values():
        assert operate() is not None
    for entry in start_entries(contender, wait=0):
        entry.chunk(1)
    with running() as (_, runner):
        for entry in start_entries(contender, runner, wait=0):
            entry.chunk(1)
    startup = contender.startup(startup_graph(20))
    assert startup is None or startup.resolve(startup.declare()) == 20


def test_what_needs_a_process_of_its_own_is_measured_in_one() -> None:
    """The start of an application and an import are timed in fresh processes, with a package's requirements only."""
    assert start_time("resourcekit", 10).seconds > 0
    times = import_times([Import("import attrs", "attrs")], 2)
    assert all(seconds > 0 for seconds in times["import attrs"])
    with pytest.raises(subprocess.CalledProcessError):
        import_times([Import("import cattrs", "attrs")], 1)


def test_resourcekit_leaves_nothing_to_the_collector() -> None:
    """A run makes no reference cycles."""
    contender = next(each for each in PRESENT if each.name == "resourcekit")
    with ExitStack() as opened:
        prepared = contender.scope(layered(10), COUNTING, opened)
        assert prepared is not None
        assert cyclic_garbage(prepared.operate) == 0


FIRST_COMES_FIRST = """
def operate():
    first = R0()
    second = R1(first)
    first.setup(), second.setup()
    first.teardown(), second.teardown()
"""


def test_a_wrong_order_is_seen() -> None:
    """A contender that tears the first down first is marked, not taken for right."""
    program = Program(chain(2), LOGGING, attrs_class, end=FIRST_COMES_FIRST)
    assert judge(Prepared(program.namespace["operate"], program)) == "wrong"


def test_a_wrong_count_is_not_timed() -> None:
    """A contender that leaves a teardown out is refused by its twin, and by every chunk."""
    for hooks, refuse in ((LOGGING, judge), (COUNTING, lambda prepared: counted(prepared)(2))):
        program = Program(chain(1), hooks, attrs_class)
        with pytest.raises(CountError):
            refuse(Prepared(lambda program=program: program.root().setup(), program))


def test_everyone_has_a_turn_in_every_round() -> None:
    """The times come in rounds, and ratios are to the baseline's."""
    seconds = {"slow": 4.0, "base": 2.0}
    entries = [Entry(label, lambda number, each=each: number * each) for label, each in seconds.items()]
    times = interleave(entries, Effort(5, 0.001))
    assert {label: len(each) for label, each in times.items()} == {"slow": 5, "base": 5}
    assert ratios(times, "base")["slow"].median == 2


def result(cell: Cell) -> Result:
    cells = {"resourcekit": {"a run": Cell(0.5, 0.25)}, "peer": {"a run": cell}, "other": {}}
    rows = [Row(label, each, {} if each else {"a run": "no"}) for label, each in cells.items()]
    return Result("S1", ["a run"], rows, PLACE, baseline_microseconds={"a run": 1.5})


def test_a_table_tells_wrong_orders_and_who_was_not_timed() -> None:
    """The page shows both ratios, marks a wrong order, and says why a figure is not there."""
    table = report.markdown(result(Cell(123.4, 120.1, "wrong")))
    assert "| **resourcekit** | 0.50 (0.25) |" in table
    assert "| peer | 123 WRONG (120) |" in table
    assert "| other | not timed |" in table
    assert "- other, a run: no" in table


def test_a_table_is_put_in_its_place_on_the_page() -> None:
    """Only what stands between the marks is written anew."""
    page = "before\n<!-- S1 -->\nold\n<!-- end -->\nbetween\n<!-- S2 -->\nkept\n<!-- end -->\n"
    assert report.put_in_page(page, "S1", "new").count("new") == 1
    assert "old" not in report.put_in_page(page, "S1", "new")
    assert "kept" in report.put_in_page(page, "S1", "new")
    with pytest.raises(ValueError, match="0 places for S3"):
        report.put_in_page(page, "S3", "new")


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One command runs what it is asked for and prints the ratios; nothing is written unless it is asked for."""
    command.main(["--quick", "--only", "S3", "--contender", "resourcekit"])
    printed = capsys.readouterr().out
    assert f"{ByHand.name} " in printed
    assert "resourcekit: @inject" in printed
    assert "dishka:" not in printed


def test_the_soak_checks_what_runs_leave_behind() -> None:
    """A soak's runs, in turn and many at once, set up and tear down all they need; a teardown that is lost is seen."""
    soak.tally.reset()
    with soak.App() as app:
        works = (soak.plain_run, soak.failing_run, soak.overridden_run, soak.injected_call)
        soak.tally.check(sum(work(app) for work in works))
    for many in (lambda: soak.threads(4, 20), lambda: soak.tasks(20)):
        soak.tally.reset()
        assert many().cells["runs"].value > 0
    soak.tally.reset()
    with pytest.raises(AssertionError, match="hooks were called"):
        soak.tally.check(1)
