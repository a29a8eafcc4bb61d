"""Random graphs and all of one, random failures and all of them; three worlds; generated, by the machine, concurrent:
what is set up is torn down once, in reverse, and no error is lost.

RESOURCEKIT_FAULT_CASES=20 tries twenty times as many; `pytest -s` prints how many that were.
"""

import gc
import logging
import os
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import COUNTED, ERRORS, OPERATIONS, SHARED, TRACE, Case, Node, check_errors, told
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
def logged():
    """What is logged, by identity; all that was made before is no matter of the garbage collector's."""
    handler, logger = Kept(), logging.getLogger("resourcekit")
    logger.addHandler(handler)
    logger.propagate = False
    gc.collect()
    gc.freeze()
    yield handler.errors
    gc.unfreeze()
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
