"""The scenarios, run: entries made from the contenders, timed, and put in tables."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from typing import Final
from unittest import mock

import attrs

from benchmarks.contenders.base import BOTH, CONSTRUCT, DECLARE, Contender, Operation
from benchmarks.contenders.by_hand import IMPORT_BASELINE
from benchmarks.fresh import import_times, start_time
from benchmarks.graphs import Graph, layered
from benchmarks.measure import CountError, Effort, Entry, counted, cyclic_garbage, interleave, judge, ratios, timed
from benchmarks.programs import COUNTING, LOGGING, sleeping
from benchmarks.results import Cell, Place, Result, Row, Unit
from benchmarks.scenarios import CRITICAL_PATH, START, WAIT, scope_graphs, startup_sizes
from benchmarks.subjects import ENVIRONMENT, TEXT

__all__ = (
    "RUNNERS",
    "Setting",
    "async_scope_entry",
    "call_entries",
    "environment_entries",
    "lookup_entries",
    "override_entries",
    "running",
    "scope_entry",
    "settings_entries",
    "start_entries",
)

_ROUNDS: Final = 25
_START_ROUNDS: Final = 3
_IMPORT_ROUNDS: Final = 7
_PATIENCE: Final = 60.0
"""Seconds that a start of S6 may take for the next size to be tried: some grow with the square."""

_GROWTH: Final = "exponent"
"""The last column of S6."""


@attrs.frozen
class Setting:
    """Who runs, how long, and where.

    Args:
        contenders: The contenders; the baseline is among them.
        place: Where.
        quick: Whether a rough answer will do.
    """

    contenders: Sequence[Contender]
    place: Place
    quick: bool

    @property
    def effort(self) -> Effort:
        """How long to time."""
        return Effort(7, 0.002) if self.quick else Effort(_ROUNDS, 0.004)


class Table:
    """A table in the making."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._cells: dict[str, dict[str, Cell]] = {}
        self._notes: dict[str, dict[str, str]] = {}
        self._baselines: dict[str, float] = {}

    def put(self, label: str, column: str, cell: Cell) -> None:
        """One figure."""
        self._see(label, column)
        self._cells[label][column] = cell

    def note(self, label: str, column: str, text: str) -> None:
        """Why there is none."""
        self._see(label, column)
        self._notes[label][column] = text

    def _see(self, label: str, column: str) -> None:
        self._cells.setdefault(label, {})
        self._notes.setdefault(label, {})
        if column not in self._columns:
            self._columns.append(column)

    def time(self, column: str, entries: Sequence[Entry], effort: Effort) -> None:
        """Time entries against each other, and put the ratios to the first in a column."""
        found = ratios(interleave(entries, effort), entries[0].label)
        self._baselines[column] = found[entries[0].label].seconds * 1e6
        for entry in entries:
            each = found[entry.label]
            self.put(entry.label, column, Cell(each.least, each.median, entry.order))

    def result(self, code: str, place: Place, unit: Unit = "ratio") -> Result:
        """The table, made."""
        rows = [Row(label, cells, self._notes[label]) for label, cells in self._cells.items()]
        return Result(code, self._columns, rows, place, unit, self._baselines)


def labelled(contender: Contender, way: str) -> str:
    """What a table calls one way of a contender."""
    return f"{contender.name}: {way}" if way else contender.name


# S1, S2 --------------------------------------------------------------------------------------------------------------


def scope_entry(graph: Graph, opened: ExitStack, contender: Contender) -> Entry | None:
    """S1: the entry of a contender, judged by its twin; None where it takes no part.

    Raises:
        CountError: It does not do its work.
    """
    twin = contender.scope(graph, LOGGING, opened)
    if twin is None:
        return None
    order = judge(twin)
    prepared = contender.scope(graph, COUNTING, opened)
    assert prepared is not None, "it took part before"
    return Entry(contender.name, counted(prepared), order)


def async_scope_entry(
    graph: Graph, opened: AsyncExitStack, runner: asyncio.Runner, contender: Contender
) -> Entry | None:
    """S2: the same."""
    twin = runner.run(contender.async_scope(graph, LOGGING.asynchronous(), opened))
    if twin is None:
        return None
    order = judge(twin, runner)
    prepared = runner.run(contender.async_scope(graph, COUNTING.asynchronous(), opened))
    assert prepared is not None, "it took part before"
    return Entry(contender.name, counted(prepared, runner), order)


@contextmanager
def running() -> Iterator[tuple[AsyncExitStack, asyncio.Runner]]:
    """An event loop, and what is closed in it at the end."""
    with asyncio.Runner() as runner:
        opened = AsyncExitStack()
        try:
            yield opened, runner
        finally:
            runner.run(opened.aclose())


def _scopes(setting: Setting) -> Result:
    table = Table()
    for graph in scope_graphs(quick=setting.quick):
        with ExitStack() as opened:
            _time_scopes(table, graph, setting, partial(scope_entry, graph, opened))
    return table.result("S1", setting.place)


def _async_scopes(setting: Setting) -> Result:
    table = Table()
    for graph in scope_graphs(quick=setting.quick):
        with running() as (opened, runner):
            _time_scopes(table, graph, setting, partial(async_scope_entry, graph, opened, runner))
    return table.result("S2", setting.place)


def _time_scopes(table: Table, graph: Graph, setting: Setting, entry: Callable[[Contender], Entry | None]) -> None:
    entries = []
    for contender in setting.contenders:
        try:
            made = entry(contender)
        except CountError as error:
            table.note(contender.name, graph.name, f"not timed: {error}")
        else:
            entries += [made] if made else []
    table.time(graph.name, entries, setting.effort)


def _garbage(setting: Setting) -> Result:
    table = Table()
    graph = layered(10)
    with ExitStack() as opened:
        for contender in setting.contenders:
            prepared = contender.scope(graph, COUNTING, opened)
            if prepared is not None:
                table.put(contender.name, "objects", Cell(cyclic_garbage(prepared.operate)))
    return table.result("garbage", setting.place, "count")


# S3, S4, S9, S10 -----------------------------------------------------------------------------------------------------


def call_entries(contender: Contender, opened: ExitStack) -> Iterator[Entry]:
    """S3."""
    for way, function in contender.calls(opened).items():
        assert function(1) == 2, labelled(contender, way)
        yield Entry(labelled(contender, way), timed(lambda function=function: function(1)))  # type: ignore[misc]


def lookup_entries(contender: Contender, opened: ExitStack) -> Iterator[Entry]:
    """S4."""
    for way, look_up in contender.lookups(opened).items():
        found = look_up()
        assert (found.v, look_up()) == (1, found), labelled(contender, way)
        yield Entry(labelled(contender, way), timed(look_up))


def override_entries(contender: Contender, opened: ExitStack) -> Iterator[Entry]:
    """S11."""
    for way, operate in contender.overrides(opened).items():
        assert operate() is not None, labelled(contender, way)
        yield Entry(labelled(contender, way), timed(operate))


def settings_entries(contender: Contender, _opened: ExitStack) -> Iterator[Entry]:
    """S9: from a dictionary."""
    yield from _settings_entries(contender, contender.settings(TEXT))


def environment_entries(contender: Contender, opened: ExitStack) -> Iterator[Entry]:
    """S9: from the environment."""
    opened.enter_context(mock.patch.dict(os.environ, ENVIRONMENT))
    yield from _settings_entries(contender, contender.settings_of_environment())


def _settings_entries(contender: Contender, ways: Mapping[str, Operation]) -> Iterator[Entry]:
    for way, make in ways.items():
        made = make()
        found = (made.port, made.debug, made.tags, made.shards, made.cache, made.pool.size)
        assert found == (5432, True, ["blue", "green"], [1, 2, 3], False, 10), (labelled(contender, way), found)
        yield Entry(labelled(contender, way), timed(make))


Entries = Callable[[Contender, ExitStack], Iterator[Entry]]


def _by_column(code: str, columns: Mapping[str, Entries], setting: Setting) -> Result:
    table = Table()
    for column, entries_of in columns.items():
        with ExitStack() as opened:
            entries = [entry for each in setting.contenders for entry in entries_of(each, opened)]
            table.time(column, entries, setting.effort)
    return table.result(code, setting.place)


def _classes(setting: Setting) -> Result:
    table = Table()
    for column in (DECLARE, CONSTRUCT, BOTH):
        ways = [(each.name, each.classes().get(column)) for each in setting.contenders]
        entries = [Entry(name, timed(operate)) for name, operate in ways if operate is not None]
        table.time(column, entries, setting.effort)
    return table.result("S10", setting.place)


# S6, S7, S8 ----------------------------------------------------------------------------------------------------------


def _startups(setting: Setting) -> Result:
    table = Table()
    sizes = startup_sizes(quick=setting.quick)
    for contender in setting.contenders:
        if type(contender).startup is not Contender.startup:
            _start_up(table, contender.name, sizes, quick=setting.quick)
    return table.result("S6", setting.place, "microseconds")


def _start_up(table: Table, name: str, sizes: Sequence[int], *, quick: bool) -> None:
    least: list[float] = []
    start_time(name, sizes[0])  # It writes the bytecode.
    for size in sizes:
        if least and least[-1] > _PATIENCE:
            table.note(name, f"{size:,}", "not timed: too slow")
            continue
        tries = 1 if quick else 2 if size > 1000 else 3
        least.append(min(start_time(name, size).seconds for _ in range(tries)))
        table.put(name, f"{size:,}", Cell(least[-1] / size * 1e6))
    if len(least) == len(sizes):
        growth = math.log(least[-1] / least[-2]) / math.log(sizes[-1] / sizes[-2])
        table.put(name, _GROWTH, Cell(growth))


def _starts(setting: Setting) -> Result:
    table = Table()
    effort = Effort(1 if setting.quick else _START_ROUNDS, 0)
    with running() as (_, runner):
        entries = [entry for each in setting.contenders for entry in start_entries(each, runner)]
        _time_starts(table, "async", entries, effort)
    entries = [entry for each in setting.contenders for entry in start_entries(each)]
    _time_starts(table, "blocking", entries, effort)
    return table.result("S7", setting.place)


def start_entries(contender: Contender, runner: asyncio.Runner | None = None, wait: float = WAIT) -> Iterator[Entry]:
    """S7: blocking, or async in the loop of *runner*; *wait* is in seconds."""
    sleep: Callable[[float], object] = time.sleep if runner is None else asyncio.sleep
    hooks = sleeping(sleep, wait, START.root, is_async=runner is not None)
    for way, prepared in contender.starts(START, hooks).items():
        yield Entry(labelled(contender, way), counted(prepared, runner, time.perf_counter))


def _time_starts(table: Table, column: str, entries: Sequence[Entry], effort: Effort) -> None:
    for label, seconds in interleave(entries, effort).items():
        table.put(label, column, Cell(min(seconds) / CRITICAL_PATH))


def _imports(setting: Setting) -> Result:
    imports = [each for contender in setting.contenders for each in contender.imports]
    times = import_times(imports, 2 if setting.quick else _IMPORT_ROUNDS)
    found = ratios(times, IMPORT_BASELINE)
    table = Table()
    for each in imports:
        ratio = found[each.statement]
        table.put(f"`{each.statement}`", "time", Cell(ratio.least, ratio.median))
    return table.result("S8", setting.place)


RUNNERS: Final[Mapping[str, Callable[[Setting], Result]]] = {
    "S1": _scopes,
    "S2": _async_scopes,
    "garbage": _garbage,
    "S3": partial(_by_column, "S3", {"a call": call_entries}),
    "S4": partial(_by_column, "S4", {"a look-up": lookup_entries}),
    "S6": _startups,
    "S7": _starts,
    "S8": _imports,
    "S9": partial(_by_column, "S9", {"dictionary": settings_entries, "environment": environment_entries}),
    "S10": _classes,
    "S11": partial(_by_column, "S11", {"a run": override_entries}),
}
