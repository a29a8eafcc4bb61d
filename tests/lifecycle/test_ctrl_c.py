"""Ctrl-C anywhere in what resourcekit does between hooks: what was set up is torn down, once, in reverse."""

import asyncio
import dis
import gc
import os
import sys
import warnings

import pytest

import resourcekit
from resourcekit.lifecycle import drivers, watch
from resourcekit.run import ending
from resourcekit.run.app import App
from resourcekit.run.session import Session
from tests.faults import FAIL, TRACE, Case, Generated, Hooked, Making, Node, SharedGenerated, SharedHooked, Vending, did

# What is left open for the collector is what this is about.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("frozen_heap")]

PACKAGE = os.path.dirname(resourcekit.__file__)
EVERY = int(os.environ.get("RESOURCEKIT_CTRL_C", "61"))  # of the places; 1 tries all
# After one of these Python looks whether a signal has come.
LOOKING = ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "JUMP_BACKWARD", "PRECALL", "RESUME")

STEPS = [
    Node(kind, (number - 1,) if number else ()) for number, kind in enumerate([Hooked, Generated, Vending, Making])
]
SHARED = [Node(SharedHooked), Node(SharedGenerated, (0,))]
BESIDE = [Node(Hooked), Node(Hooked), Node(Generated), Node(Vending, (0,))]


class Interrupting:
    """A trace function that sends Ctrl-C once, at one of the places where a signal can come in resourcekit's own code.

    Args:
        at: Which of them; none for -1.
    """

    def __init__(self, at):
        self.at = at
        self.seen = 0
        self.before = {}

    def __call__(self, frame, event, _argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True  # And lines: without them CPython 3.13 tells of no opcodes after an interruption.
        if event == "return":
            self.before.pop(frame, None)
        elif event == "opcode":
            before, self.before[frame] = self.before.get(frame), dis.opname[frame.f_code.co_code[frame.f_lasti]]
            # Python's own end of an `except` has no line: an error there leaves what was handled in the thread.
            self.seen += before in LOOKING and frame.f_lineno is not None
            if self.seen == self.at:
                self.before.clear()
                self.at = -1
                raise KeyboardInterrupt
        return self


class InterruptingCalls:
    """A profile function that does the same where functions begin and calls of C code have ended: unlike a tracer, it
    lets coverage see what becomes of that."""

    def __init__(self, at):
        self.at = at
        self.seen = 0

    def __call__(self, frame, event, _argument):
        code = frame.f_code
        is_place = event in ("call", "c_return") and code.co_name != "<genexpr>"  # One that is closed loses Ctrl-C.
        if is_place and code.co_filename.startswith(PACKAGE):
            self.seen += 1
            if self.seen == self.at:
                raise KeyboardInterrupt


OPCODES = (Interrupting, sys.gettrace, sys.settrace)
CALLS = (InterruptingCalls, sys.getprofile, sys.setprofile)


class Interrupted:
    """A block of a run, or of an app, with Ctrl-C at one of the places before or after its body."""

    def __init__(self, steps, options, way=OPCODES, world="sync"):
        self.make, self.get, self.set = way
        self.world = world
        self.case = Case(world, steps)
        self.options = options
        self.is_beside = steps is BESIDE
        FAIL.clear()
        FAIL["world"] = world
        self.play(-1)  # What is made once is made now.

    def play(self, at):
        """Whether Ctrl-C came out of it, and how many places there were."""
        TRACE.clear()
        gc.collect()
        tracer, before, error = self.make(at), self.get(), None
        block = self.case.app if self.options is None else self.case.app.run(**self.options)
        try:
            if self.world == "sync":
                self.enter(block, tracer, before)
            else:
                asyncio.run(self.aenter(block, tracer, before))
        except KeyboardInterrupt:
            error = True
        finally:
            self.set(before)
        return error, tracer.seen

    def enter(self, block, tracer, before):
        self.set(tracer)
        with block:
            self.set(before)
            did("body")
            self.set(tracer)
        self.set(before)

    async def aenter(self, block, tracer, before):
        self.set(tracer)
        async with block:
            self.set(before)
            did("body")
            self.set(tracer)
        self.set(before)

    def check(self):
        """What was up is down again, each once; in order, where what was set up beside one another is in none."""
        ups = [entry for entry in TRACE if entry[0] == "+"]
        downs = [entry for entry in TRACE if entry[0] == "-" and (self.is_beside or entry != "-k3")]
        alone = "++k3" if "+k3" not in ups else None  # It has no set-up hook: its teardown goes with its making.
        expected = [entry.replace("+", "-") for entry in ups if entry != alone][::-1]
        assert (sorted(downs) == sorted(expected)) if self.is_beside else (downs == expected), TRACE


FEWER = 1 + EVERY // 6  # There are fewer places of that kind.


@pytest.mark.parametrize(
    ("steps", "options", "way", "every"),
    [
        (STEPS, {"report": True}, OPCODES, EVERY),
        (STEPS, {"report": True}, CALLS, FEWER),
        (STEPS, {"concurrent": True}, OPCODES, EVERY),
        (BESIDE, {"concurrent": True}, OPCODES, EVERY),
    ],
    ids=["serial", "serial-calls", "concurrent", "beside"],
)
def test_ctrl_c_anywhere_in_a_run(steps, options, way, every):
    """Wherever Ctrl-C comes in a run that goes through the machine, exactly what was set up is torn down: at once, or,
    where it came on the very way in or out of the block, when the run is collected."""
    interrupted = Interrupted(steps, options, way)
    _, places = interrupted.play(-1)
    assert places > 100
    for at in range(1, places, every):
        error, _ = interrupted.play(at)
        gc.collect()
        assert error
        interrupted.check()


@pytest.mark.parametrize(
    ("way", "every", "world"),
    [(OPCODES, EVERY, "sync"), (CALLS, FEWER, "sync"), (CALLS, FEWER, "asyncio")],
    ids=["anywhere", "calls", "async"],
)
def test_ctrl_c_anywhere_in_an_app(way, every, world):
    """Wherever Ctrl-C comes while an app starts or stops, what was set up is torn down; or the app is started, and can
    be closed; or, where it came on the very way to its teardown, a warning tells of it."""
    interrupted = Interrupted(SHARED, None, way, world)
    _, places = interrupted.play(-1)
    assert places > 100
    for at in range(1, places, every):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", ResourceWarning)
            error, _ = interrupted.play(at)
            if interrupted.case.app._assembly.app.session is not None:
                interrupted.case.app.close()
            gc.collect()
        assert error or warned
        if not warned:
            interrupted.check()
        with interrupted.case.app:  # No lock is held for ever.
            pass


class Pressed:
    """A method that Ctrl-C comes into the first time it is called, before it does anything, or when it is done."""

    def __init__(self, monkeypatch, owner, name, *, is_done=False):
        self.method = getattr(owner, name)
        self.is_pressed = False
        self.is_done = is_done
        pressed = self

        def method(*arguments, **named):
            return pressed.call(*arguments, **named)

        monkeypatch.setattr(owner, name, method)

    def call(self, *arguments, **named):
        is_first, self.is_pressed = not self.is_pressed, True
        if is_first and not self.is_done:
            raise KeyboardInterrupt
        given = self.method(*arguments, **named)
        if is_first:
            raise KeyboardInterrupt
        return given


@pytest.mark.parametrize("world", ["sync", "asyncio"])
@pytest.mark.parametrize(
    ("owner", "name", "is_done"),
    [
        (App, "_started", False),
        (App, "_started", True),
        (App, "_gives_up", False),
        (App, "_gives_up", True),
        (ending, "_end_{}sync", False),
        (Session, "_write_order", False),
        (Session, "_write_order", True),
    ],
)
def test_ctrl_c_between_the_hooks_of_an_app(world, owner, name, is_done, monkeypatch):
    """Between two hooks of a start, or before the first of a teardown, Ctrl-C surfaces and everything is torn down."""
    interrupted = Interrupted(SHARED, None, CALLS, world)
    Pressed(monkeypatch, owner, name.format("" if world == "sync" else "a"), is_done=is_done)
    error, _ = interrupted.play(-1)
    assert error
    assert "+k0" in TRACE
    interrupted.check()


@pytest.mark.parametrize("world", ["sync", "asyncio"])
def test_endless_ctrl_c(world, monkeypatch):
    """Who presses Ctrl-C again and again gets out of a teardown that never gets any further."""
    pressed = []

    def press(*_arguments):
        pressed.append(True)
        raise KeyboardInterrupt

    interrupted = Interrupted([Node(Hooked)], {"report": True}, CALLS, world)
    monkeypatch.setattr(drivers, "tear_down", press)
    error, _ = interrupted.play(-1)
    assert error
    assert 1 < len(pressed) < 50


def test_ctrl_c_while_the_watch_begins(monkeypatch):
    """A watch whose thread is under way when Ctrl-C comes is given up."""
    timers = []

    class Interrupted(watch.Timer):
        def start(self):
            timers.append(self)
            super().start()
            raise KeyboardInterrupt

    monkeypatch.setattr(watch, "Timer", Interrupted)
    with pytest.raises(KeyboardInterrupt), Case("sync", SHARED).app:
        pass
    (timer,) = timers
    timer.join(60)
    assert not timer.is_alive()


def test_a_watch_whose_time_comes_when_the_start_has_ended(monkeypatch):
    """It says nothing, and ends."""
    watches = []

    class Late(watch.Timer):
        def run(self):
            watches.append(self)
            self.finished.wait(60)
            self.function()

    monkeypatch.setattr(watch, "Timer", Late)
    with Case("sync", SHARED).app:
        pass
    (late,) = watches
    late.join(60)
    assert not late.is_alive()
