"""Random graphs and failures, and all that can fail in one graph; three worlds, by generated code, by the machine and
concurrent: what is set up is torn down once, in reverse, and no error is lost.

RESOURCEKIT_FAULT_CASES=20 tries twenty times as many; `pytest -s` prints how many that were.
"""

import gc
import logging
import os
import sys
from functools import partial
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import (
    COUNTED,
    ERRORS,
    OPERATIONS,
    SHARED,
    TRACE,
    Case,
    Generated,
    Hooked,
    Making,
    Node,
    Vending,
    check_errors,
    told,
)
from tests.worlds import WORLDS

MODES = ("generated", "machine", "concurrent")
TIMES = int(os.environ.get("RESOURCEKIT_FAULT_CASES", "1"))


class Kept(logging.Handler):
    """Keeps the exceptions that are logged, and says nothing."""

    def __init__(self):
        super().__init__()
        self.errors = {}

    def emit(self, record):
        if record.exc_info:
            self.errors[id(record.exc_info[1])] = record.exc_info[1]


@pytest.fixture(autouse=True, scope="module")
def logged(frozen_heap):
    """What is logged, by identity."""
    handler, logger = Kept(), logging.getLogger("resourcekit")
    logger.addHandler(handler)
    logger.propagate = False
    yield handler.errors
    logger.propagate = True
    logger.removeHandler(handler)
    print(f"\n{COUNTED['cases']} runs with faults")


def check(case, fail, logged):
    """One case in every mode."""
    said = []
    for mode in MODES:
        logged.clear()
        run, error = case.play(fail, mode)
        if mode == "concurrent":
            case.check_concurrent(fail)
        else:
            assert case.foretold(fail) == TRACE
            said.append((told(error), tuple(map(told, run.report.teardown_errors)), run.report.order))
        check_errors(run, error, logged, is_concurrent=mode == "concurrent")
    assert said[0] == said[1]
    return said[0][0] and said[0][0][0], len(said[0][1])


@st.composite
def examples(draw):
    """A graph of 1 to 12 resources, in any order of declaration, what fails in it, and with what."""
    count = draw(st.integers(1, 12))
    nodes = []
    for number in range(count):
        kind = draw(st.sampled_from(list(OPERATIONS)))
        allowed = [each for each in range(number) if kind not in SHARED or nodes[each].kind in SHARED]
        needs = draw(st.sets(st.sampled_from(allowed), max_size=3)) if allowed else set()
        nodes.append(Node(kind, tuple(sorted(needs)), draw(st.booleans()), draw(st.booleans())))
    points = Case("sync", nodes).points()
    errors = st.sampled_from(list(ERRORS))
    downs = [point for point in points if point[0] == "-"]
    fail = draw(st.dictionaries(st.sampled_from(downs), errors, max_size=4)) if downs else {}
    # Going up, the first failure ends it: one place, or the body, so that much is up when things go wrong.
    first = draw(st.sampled_from([None, *(point for point in points if point[0] != "-")]))
    return nodes, draw(st.permutations(range(count))), fail if first is None else {first: draw(errors), **fail}


@settings(max_examples=60 * TIMES)
@given(examples())
def test_nothing_is_lost_in_any_world(logged, example):
    """Whatever fails in whatever graph, in every world, by generated code and by the machine: the same steps, each
    undone once in reverse; the right exception surfaces, with all others and the same notes. Concurrent: no less."""
    nodes, declared, fail = example
    outcomes = {check(Case(world, nodes, declared), fail, logged) for world in WORLDS}
    assert len({count for _, count in outcomes}) == 1
    assert len({name.replace("CancelledError", "Cancelled") for name, _ in outcomes if name}) <= 1


# Every kind, sync and async, over one another; with one that stands aside, and some that are shared.
CHAIN = [
    Node(kind, (number - 1,) if number else (), is_async=number % 3 != 0, is_inline=number % 4 == 1)
    for number, kind in enumerate([*SHARED, *(kind for kind in OPERATIONS if kind not in SHARED)])
]
CHAIN += [Node(CHAIN[-1].kind, (0, 3)), Node(CHAIN[-2].kind, (2, 10))]


@pytest.fixture(params=WORLDS)
def chain(request):
    """A container with every kind of resource."""
    return Case(request.param, CHAIN)


@pytest.mark.parametrize("error", ERRORS)
def test_every_hook_fails_with_everything(chain, logged, error):
    """Every hook and the body fail, one at a time, with every kind of exception."""
    for point in chain.points():
        check(chain, {point: error}, logged)


def test_every_two_hooks_fail(chain, logged):
    """Every two of all hooks and the body fail in one run, with changing kinds of exceptions."""
    errors = list(product(ERRORS, ERRORS))
    for number, (first, second) in enumerate(combinations(chain.points(), 2)):
        for turn in range(min(TIMES, len(errors))):
            one, other = errors[(number * 7 + turn) % len(errors)]
            check(chain, {first: one, second: other}, logged)


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_succeeds_leaves_no_garbage(chain, mode):
    """After a run that succeeded nothing is left for the collector of cycles; what an event loop leaves is its own."""
    assert chain.garbage(mode) == 0


STEPS = [
    Node(kind, (number - 1,) if number else ()) for number, kind in enumerate([Hooked, Generated, Vending, Making])
]


class Interrupting:
    """A trace function that sends Ctrl-C before a line of generated code that belongs to a step.

    Args:
        at: Which of all the lines that are reached; none for -1.
    """

    def __init__(self, at):
        self.at = at
        self.reached = set()
        self.phase = None

    def __call__(self, frame, event, _argument):
        if not frame.f_code.co_filename.startswith("resourcekit run "):
            return None
        line = frame.f_globals["__loader__"].get_source("").splitlines()[frame.f_lineno - 1]
        if (
            event == "line"
            and line.startswith(" " * 8)
            and line.strip() != "pass"
            and frame.f_lineno not in self.reached
        ):
            self.reached.add(frame.f_lineno)
            if len(self.reached) == self.at:
                self.phase = frame.f_code.co_name
                raise KeyboardInterrupt
        return self


def interrupted(case, at):
    """Play a case with Ctrl-C before one line; gives the tracer and what came out."""
    gc.collect()  # A generator that was lost before says its last word here.
    tracer, before = Interrupting(at), sys.gettrace()
    sys.settrace(tracer)
    try:
        return tracer, case.play({}, "generated")[1]
    finally:
        sys.settrace(before)


def without(lost, entries):
    """The other entries."""
    return [entry for entry in entries if entry != lost]


@pytest.mark.parametrize("world", WORLDS)
def test_ctrl_c_at_every_step_of_generated_code(world):
    """Ctrl-C between any two steps on the way up undoes exactly what was done; on the way down only the hook it
    interrupts is lost."""
    case = Case(world, STEPS)
    tracer, error = interrupted(case, -1)
    assert (error, len(tracer.reached) > 20) == (None, True)
    phases = set()
    for at in range(1, len(tracer.reached) + 1):
        tracer, error = interrupted(case, at)
        assert isinstance(error, KeyboardInterrupt)
        done = [entry for entry in TRACE if entry[0] == "+"]
        downs = [entry for entry in TRACE if entry[0] == "-"]
        all_downs = [entry for entry in case.foretold({}) if entry[0] == "-"]
        if tracer.phase == "entering":
            assert "body" not in TRACE or done == [entry for entry in case.operations() if entry[0] == "+"]
            expected = [entry.replace("+", "-") for entry in done if entry != "++k3"][::-1]
            assert downs in (expected, ["-k3", *expected])  # It has no set-up hook: its teardown follows its making.
        else:
            # A generator that is lost closes when it is collected.
            assert any(without(lost, downs) == without(lost, all_downs) for lost in all_downs)
        phases.add(tracer.phase)
    assert phases == {"entering", "leaving"}


def test_ctrl_c_in_what_a_run_does_itself():
    """Ctrl-C between the hooks and the body, where a run looks after itself, loses nothing either."""
    case = Case("sync", STEPS)
    whole = case.foretold({})

    def at_call(name, frame, event, called):
        if event == "c_call" and called.__name__ == "get" and frame.f_code.co_name == name:
            raise KeyboardInterrupt

    for name, expected in (("entering", []), ("leaving", whole)):
        before = sys.getprofile()
        sys.setprofile(partial(at_call, name))
        try:
            _, error = case.play({}, "generated")
        finally:
            sys.setprofile(before)
        assert isinstance(error, KeyboardInterrupt)
        assert (TRACE, getattr(error, "__notes__", [])) == (expected, [])


@pytest.mark.parametrize("mode", ["machine", "concurrent"])
@pytest.mark.parametrize("world", WORLDS)
def test_ctrl_c_at_every_step_of_the_machine(world, mode):
    """Ctrl-C before or after any hook, in a listener, undoes exactly what was done, and surfaces."""
    case = Case(world, STEPS)
    heard, fatal = [], {"at": 0}

    def listen(event):
        heard.append(event)
        if len(heard) == fatal["at"]:
            raise KeyboardInterrupt

    case.app.listen(listen)
    case.play({}, mode)
    for fatal["at"] in range(1, len(heard) + 1):
        heard.clear()
        _, error = case.play({}, mode)
        assert isinstance(error, KeyboardInterrupt)
        downs = [entry for entry in TRACE if entry[0] == "-"]
        done = [entry for entry in TRACE if entry[0] == "+"]
        expected = [entry.replace("+", "-") for entry in done if entry != "++k3"][::-1]
        assert downs in (expected, ["-k3", *expected])


class Entering:
    """A profile function that sends Ctrl-C where one teardown hook is entered, before its first line; once.

    Args:
        at: Which of those that are entered.
    """

    def __init__(self, at):
        self.at = at
        self.label = None

    def __call__(self, frame, event, _argument):
        if event == "call" and frame.f_code.co_name == "teardown_after_execution" and self.at >= 0:
            self.at -= 1
            if self.at < 0:
                self.label = frame.f_locals["self"].label
                raise KeyboardInterrupt


@pytest.mark.parametrize("mode", ["generated", "machine"])
def test_ctrl_c_on_the_way_into_a_teardown_hook(mode):
    """Ctrl-C that comes before the first line of a teardown hook, which has done nothing by then, loses no hook."""
    case = Case("sync", STEPS)
    for at in range(3):
        entering, before = Entering(at), sys.getprofile()
        sys.setprofile(entering)
        try:
            _, error = case.play({}, mode)
        finally:
            sys.setprofile(before)
        assert isinstance(error, KeyboardInterrupt)
        assert entering.label is not None
        assert case.foretold({}) == TRACE
