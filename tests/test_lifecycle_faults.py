"""Random graphs, random failures, three worlds: what is set up is torn down once, in reverse, and no error is lost."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resourcekit import ConfigurableResource, ConfigurableResourceFactory, ResourceContainer, TeardownError, ref
from tests.worlds import WORLDS, in_world, run_in

TRACE: list[str] = []
FAIL: dict[str, type[BaseException]] = {}
RAISED: list[BaseException] = []


class Halt(BaseException):
    """No error, like a cancellation."""


class Slotted(Exception):
    """An error that keeps no attributes of its own."""

    __slots__ = ()


def did(entry):
    """Note a step; fail where this example says so."""
    TRACE.append(entry)
    if entry in FAIL:
        error = FAIL[entry](entry)
        RAISED.append(error)
        raise error


class Hooked(ConfigurableResource):
    """Two hooks."""

    needs: list[object]

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


class Generated(ConfigurableResource):
    """One generator."""

    needs: list[object]

    def yield_for_execution(self, context):
        did(f"+{context.key}")
        try:
            yield self
        finally:
            did(f"-{context.key}")


class Vending(ConfigurableResourceFactory[str]):
    """Three hooks, one of them a generator."""

    needs: list[object]

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def create_resource(self, context):
        did(f"++{context.key}")
        try:
            yield context.key
        finally:
            did(f"--{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


class Silent(ConfigurableResource):
    """No hooks."""

    needs: list[object]


# What each kind does, and what undoes it.
STEPS = {Hooked: ["+"], Generated: ["+"], Vending: ["+", "++"], Silent: []}
KINDS = {
    world: {kind: in_world(world, kind) for kind in STEPS} for world in WORLDS
}  # each class once: hypothesis runs many examples


@st.composite
def examples(draw):
    """A graph, in any order of declaration, what fails in it, and with what."""
    count = draw(st.integers(1, 8))
    order = draw(st.permutations(range(count)))
    graph = {
        f"k{node}": (
            draw(st.sampled_from(list(STEPS))),
            sorted(draw(st.sets(st.integers(0, node - 1), max_size=3))) if node else [],
        )
        for node in order
    }
    ups = [mark + key for key, (kind, _) in graph.items() for mark in STEPS[kind]]
    downs = [up.replace("+", "-") for up in ups]
    kinds = st.sampled_from([ValueError, Slotted, Halt, KeyboardInterrupt])
    fail = draw(st.dictionaries(st.sampled_from(downs), kinds, max_size=4)) if downs else {}
    # Going up, the first failure ends it: one place, or the body, so that much is up when things go wrong.
    first = draw(st.sampled_from([None, "body", *ups]))
    return graph, fail if first is None else {first: draw(kinds), **fail}


def foretold(order, fail):
    """The trace, by the rules."""
    trace, undo = [], []
    steps = [(mark + key, mark.replace("+", "-") + key) for key, kind in order for mark in STEPS[kind]]
    for up, down in [*steps, ("body", None)]:
        trace.append(up)
        if up in fail:
            break
        if down is not None:
            undo.append(down)
    return trace + undo[::-1]


def found_in(error):
    """Every exception that can be reached from what surfaced."""
    waiting, found = [error], []
    while waiting:
        each = waiting.pop()
        if each is not None and each not in found:
            found.append(each)
            group = getattr(each, "teardown_errors", None)
            waiting += [*getattr(each, "exceptions", ()), group, each.__context__]
    return found


def weight(error):
    """Which matters more: exit, what is no error, error."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return 2
    return 0 if isinstance(error, Exception) else 1


def play(world, graph, fail, *, generated=True):
    """Run the graph in a world, by generated code or by the machine; gives the run, what came out and the order."""
    TRACE.clear()
    RAISED.clear()
    FAIL.clear()
    FAIL.update(fail)
    app = ResourceContainer.of(
        {key: KINDS[world][kind](needs=[ref(f"k{need}") for need in needs]) for key, (kind, needs) in graph.items()}
    )
    run = app.run(report=not generated)  # Whoever wants times gets the machine.
    order = [(step.name, graph[step.name][0]) for step in app.plan().steps]
    return run, run_in(world, run, lambda _: did("body")), order


@pytest.fixture(autouse=True, scope="module")
def quiet():
    """What is logged is another test's matter."""
    logging.getLogger("resourcekit").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("resourcekit").setLevel(logging.NOTSET)


@settings(max_examples=120)
@given(examples())
def test_nothing_is_lost_in_any_world(example):
    """In every world, by generated code and by the machine: the same steps, each undone once in reverse; the right
    exception surfaces, with all others and the same notes."""
    graph, fail = example
    texts = set()
    for world in WORLDS:
        notes = []
        for generated in (True, False):
            run, error, order = play(world, graph, fail, generated=generated)
            assert (run.source is not None) is generated
            assert foretold(order, fail) == TRACE
            check_errors(run, error, list(RAISED))
            texts.add((type(error).__name__, run.report.outcome, tuple(map(repr, run.report.teardown_errors))))
            notes.append((run.report.order, [getattr(each, "__notes__", []) for each in (error, *RAISED)]))
        assert notes[0] == notes[1]
    assert len(texts) == 1


def check_errors(run, error, raised):
    """What surfaces is what the rules say, everything else hangs on it, and the report has it all."""
    if not raised:
        assert (error, run.report.outcome) == (None, "success")
        return
    primary = raised[0] if str(raised[0].args[0])[0] in "+b" else None
    teardown = raised[1:] if primary is not None else raised
    assert run.report.error is primary
    assert run.report.teardown_errors == tuple(teardown)
    heaviest = max(raised, key=weight)
    if weight(heaviest) == 0 and primary is None:
        assert type(error) is TeardownError
        assert error.exceptions == tuple(teardown)
    else:
        assert error is heaviest
    reached = found_in(error)
    assert all(each in reached for each in raised if isinstance(each, Exception))
    told = "\n".join(getattr(error, "__notes__", ()))
    assert all(each in reached or type(each).__name__ in told for each in raised)
