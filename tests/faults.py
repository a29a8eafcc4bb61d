"""Fault injection: kinds of resources whose every hook can be made to fail, and what a run of them must do then."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
import attrs
import trio

from resourcekit import ConfigurableResource, ConfigurableResourceFactory, ResourceContainer, TeardownError, ref
from tests.worlds import WORLDS, in_world, run_in

TRACE: list[str] = []
FAIL: dict[str, str] = {}
RAISED: list[BaseException] = []
COUNTED = {"cases": 0}


class Halt(BaseException):
    """No error, like a cancellation."""


class Slotted(Exception):
    """An error that keeps no attributes of its own."""

    __slots__ = ()


class Unprintable(Exception):
    """An error that cannot be shown."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Refusing(Exception):
    """An error that takes no attributes and no notes."""

    __notes__ = property(lambda self: None)

    def __setattr__(self, name, value):
        if name != "__traceback__":  # contextlib's
            raise RuntimeError("no attributes")
        super().__setattr__(name, value)


@attrs.frozen
class Frozen(Exception):
    """An error that is an attrs class."""

    entry: str


class Falsy(Exception):
    """An error that counts as false."""

    def __len__(self):
        return 0


class Hostile(Exception):
    """An error whose every attribute, truth, text and comparison raises."""

    def _refuse(self, *_):
        raise RuntimeError("hostile")

    __bool__ = __str__ = __repr__ = __eq__ = __getattribute__ = add_note = _refuse
    __hash__ = None
    __notes__ = property(_refuse)

    def __setattr__(self, name, value):
        if name != "__traceback__":  # contextlib's
            raise RuntimeError("hostile")
        super().__setattr__(name, value)


class Abort(KeyboardInterrupt, Exception):
    """Ctrl-C that is an error as well."""


def cancelled(world, entry):
    """What a cancellation is in a world."""
    return trio.Cancelled._create() if world == "trio" else asyncio.CancelledError(entry)


# By name: what makes the exception.
ERRORS: dict[str, Any] = {
    "error": lambda world, entry: ValueError(entry),
    "slotted": lambda world, entry: Slotted(entry),
    "unprintable": lambda world, entry: Unprintable(entry),
    "refusing": lambda world, entry: Refusing(entry),
    "frozen": lambda world, entry: Frozen(entry),
    "group": lambda world, entry: ExceptionGroup(entry, [ValueError(entry), Unprintable(entry)]),
    "base group": lambda world, entry: BaseExceptionGroup(entry, [ValueError(entry), Halt(entry)]),
    "teardown": lambda world, entry: TeardownError([ValueError(entry)]),  # of a run inside the hook
    "falsy": lambda world, entry: Falsy(entry),
    "hostile": lambda world, entry: Hostile(entry),
    "abort": lambda world, entry: Abort(entry),
    "halt": lambda world, entry: Halt(entry),
    "ctrl-c": lambda world, entry: KeyboardInterrupt(entry),
    "exit": lambda world, entry: SystemExit(entry),
    "cancelled": cancelled,
    "generator exit": lambda world, entry: GeneratorExit(entry),
}


def did(entry):
    """Note a step; fail where this case says so."""
    TRACE.append(entry)
    if entry in FAIL:
        error = ERRORS[FAIL[entry]](FAIL["world"], entry)
        RAISED.append(error)
        raise error


class Silent(ConfigurableResource):
    """No hooks."""

    label: str
    needs: list[object]


class Hooked(Silent):
    """Two hooks."""

    def setup_for_execution(self, context):
        did(f"+{self.label}")

    def teardown_after_execution(self, context):
        did(f"-{self.label}")


class Generated(Silent):
    """One generator."""

    def yield_for_execution(self, context):
        did(f"+{self.label}")
        try:
            yield self
        finally:
            did(f"-{self.label}")


class Swallowing(Silent):
    """A generator that lets nothing through, and hears of nothing."""

    def yield_for_execution(self, context):
        did(f"+{self.label}")
        with suppress(BaseException):
            yield
        did(f"-{self.label}")


class Managed(Silent):
    """Gives a context manager."""

    def yield_for_execution(self, context):
        return entered(self)


@contextmanager
def entered(resource):
    """What `Managed` gives."""
    did(f"+{resource.label}")
    try:
        yield resource
    finally:
        did(f"-{resource.label}")


class Vending(ConfigurableResourceFactory[str]):
    """Three hooks, one of them a generator."""

    label: str
    needs: list[object]

    def setup_for_execution(self, context):
        did(f"+{self.label}")

    def create_resource(self, context):
        did(f"++{self.label}")
        try:
            yield self.label
        finally:
            did(f"--{self.label}")

    def teardown_after_execution(self, context):
        did(f"-{self.label}")


class Making(ConfigurableResourceFactory[str]):
    """Makes an object that its teardown closes."""

    label: str
    needs: list[object]

    def create_resource(self, context):
        did(f"++{self.label}")
        return self.label

    def teardown_after_execution(self, context):
        did(f"-{self.label}")


class SharedHooked(Hooked, scope="app"):
    """Two hooks, for the app."""


class SharedGenerated(Generated, scope="app"):
    """One generator, for the app."""


class SharedVending(Vending, scope="app"):
    """Three hooks, for the app."""


# What each kind does, in order; a step down is noted there, and done at the end, in reverse.
OPERATIONS = {
    Silent: (),
    Hooked: ("+", "-"),
    Generated: ("+", "-"),
    Swallowing: ("+", "-"),
    Managed: ("+", "-"),
    Vending: ("+", "-", "++", "--"),
    Making: ("-", "++"),
    SharedHooked: ("+", "-"),
    SharedGenerated: ("+", "-"),
    SharedVending: ("+", "-", "++", "--"),
}
SHARED = (SharedHooked, SharedGenerated, SharedVending)
# Each class once: there are many cases.
KINDS = {world: {kind: in_world(world, kind) for kind in OPERATIONS} for world in WORLDS}


@dataclass(frozen=True)
class Node:
    """A resource of a generated graph: what it needs are earlier ones, by number."""

    kind: type
    needs: tuple[int, ...] = ()
    is_async: bool = True
    """In the async worlds: whether its hooks are."""
    is_inline: bool = False
    """Whether it stands in its dependants' fields, without a key."""


class Case:
    """A container of a generated graph, in a world.

    Args:
        world: Which.
        nodes: The resources, each after those it needs.
        declared: Their numbers, in the order the container declares them.
    """

    def __init__(self, world, nodes, declared=None):
        made = {}
        self.world = world
        self.kinds = {}
        for number, node in enumerate(nodes):
            needs = [made[need] if nodes[need].is_inline else ref(f"k{need}") for need in node.needs]
            kind = KINDS[world if node.is_async else "sync"][node.kind]
            made[number] = kind(label=f"k{number}", needs=needs)
            self.kinds[f"k{number}"] = node.kind
        used = {need for node in nodes for need in node.needs if nodes[need].is_inline}
        keyed = [number for number in declared or range(len(nodes)) if number not in used]
        self.app = ResourceContainer.of({f"k{number}": made[number] for number in keyed})
        self.steps = [step.resource.label for step in self.app.plan().steps]
        self.needs = {f"k{number}": [f"k{need}" for need in node.needs] for number, node in enumerate(nodes)}

    def play(self, fail, mode):
        """Run it, in a mode, with failures; gives the run and what came out of it."""
        COUNTED["cases"] += 1
        TRACE.clear()
        RAISED.clear()
        FAIL.clear()
        FAIL.update(fail, world=self.world)
        run = self.run(mode)
        error = run_in(self.world, run, lambda _: did("body"))
        assert (run.source is not None) is (mode == "generated")
        return run, error

    def run(self, mode):
        """A run in a mode: whoever wants times gets the machine."""
        return self.app.run(report=mode != "generated", concurrent=mode == "concurrent")

    def garbage(self, mode):
        """What a run without failures leaves for the collector of cycles; in the loop, which leaves some at its end."""
        FAIL.clear()

        def main():
            for _ in range(2):  # The first makes what is made once.
                gc.collect()
                with self.run(mode):
                    pass
            return gc.collect()

        async def amain():
            for _ in range(2):
                gc.collect()
                async with self.run(mode):
                    pass
            return gc.collect()

        return main() if self.world == "sync" else anyio.run(amain, backend=self.world)

    def foretold(self, fail):
        """The trace of a run that is not concurrent, by the rules."""
        trace, undo = [], []
        for entry in [*self.operations(), "body"]:
            if entry[0] == "-":
                undo.append(entry)
                continue
            trace.append(entry)
            if entry in fail:
                break
        return trace + undo[::-1]

    def operations(self):
        """What there is to do, and to be noted, in order."""
        return [mark + label for label in self.steps for mark in OPERATIONS[self.kinds[label]]]

    def points(self):
        """Where a run of it can fail."""
        return [*self.operations(), "body"]

    def check_concurrent(self, fail):
        """The trace of a concurrent run: only the order of what goes on at the same time is free."""
        ups = [entry for entry in TRACE if entry[0] != "-"]
        done = [entry for entry in ups if entry not in fail]
        assert len(ups) == len(set(ups))
        for place, entry in enumerate(ups):
            before = [mark + need for need in self.needs.get(entry.lstrip("+"), ()) for mark in self._ups(need)]
            assert set(before) <= set(done) & set(ups[:place])
        assert ("body" in ups) is (not any(entry[0] == "+" for entry in fail))
        expected = []
        for label in self.steps:
            marks = OPERATIONS[self.kinds[label]]
            for place, mark in enumerate(marks):
                is_open = all(up + label in done for up in marks[:place] if up[0] == "+")
                # A create_resource that is next when another resource fails is not called; its teardown is.
                if mark[0] == "-" and is_open and (marks[0] != "-" or mark + label in TRACE):
                    expected.append(mark + label)
        assert [entry for entry in TRACE if entry[0] == "-"] == expected[::-1]
        assert ups + expected[::-1] == TRACE

    def _ups(self, label):
        return [mark for mark in OPERATIONS[self.kinds[label]] if mark[0] == "+"]


def found_in(error) -> Iterator[BaseException]:
    """Every exception that can be reached from what surfaced."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [*read(each, "exceptions", ()), read(each, "teardown_errors", None), read(each, "__context__", None)]


def read(error, name, default):
    """An attribute of an exception, whatever its class makes of that."""
    try:
        return BaseException.__getattribute__(error, name)
    except Exception:
        return default


def weight(error):
    """Which matters more: exit, what is no error, error, the end of a generator."""
    kind = type(error)
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return 3
    if issubclass(kind, GeneratorExit):
        return 0
    return 1 if issubclass(kind, Exception) else 2


def told(error):
    """What a run says of an error, without asking the error."""
    if error is None:
        return None
    notes = tuple(read(error, "__notes__", ()) or ())
    return type(error).__name__, notes, tuple(map(told, read(error, "exceptions", ())))


def check_errors(run, error, logged, *, is_concurrent=False):
    """What surfaces is what the rules say, everything else hangs on it or is logged, and the report has it all."""
    raised = list(RAISED)
    if not raised:
        assert (error, run.report.outcome) == (None, "success")
        return
    entries = [entry for entry in TRACE if entry in FAIL]
    before = [each for each, entry in zip(raised, entries, strict=True) if entry[0] != "-"]
    teardown = tuple(raised[len(before) :])
    primary = run.report.error
    assert same(run.report.teardown_errors, teardown)
    if not is_concurrent:
        assert same((primary,), before[:1] or (None,))
        heaviest = max(raised, key=weight)
        if weight(heaviest) == 1 and heaviest is not primary:
            assert type(error) is TeardownError
            assert same(error.exceptions, [each for each in teardown if issubclass(type(each), Exception)])
        else:
            assert error is heaviest
    reached = set(map(id, found_in(error)))
    noted = "\n".join(told(error)[1])
    for each in (*before, *teardown):
        is_said = id(each) in reached or type(each).__name__ in noted or id(each) in logged
        is_cancelled = is_concurrent and issubclass(type(each), asyncio.CancelledError | trio.Cancelled)
        assert is_said or is_cancelled or issubclass(type(each), GeneratorExit)


def same(first, second):
    """Whether these are the very same exceptions; some compare as equal, and some cannot be compared."""
    return list(map(id, first)) == list(map(id, second))
