"""`concurrent=True`: a resource starts when what it needs is up, and nothing else about a run changes."""

import asyncio
import contextvars
import signal
import threading

import anyio
import pytest

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    ResourceContainer,
    SetupError,
    TeardownError,
    field,
    inject,
)
from resourcekit.lifecycle.concurrent import Schedule
from tests.worlds import WORLDS, in_world, run_in

TRACE: list[str] = []
MEET: dict[str, threading.Barrier] = {}
FAIL: dict[str, BaseException] = {}
LOCAL: contextvars.ContextVar[str] = contextvars.ContextVar("local", default="unset")
WAIT = 60  # seconds until a meeting that will never be is given up


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()
    MEET.clear()
    FAIL.clear()


def did(entry):
    """Note a step, meet the others that must be there at the same time, and fail where the test said so."""
    TRACE.append(entry)
    if entry in MEET:
        MEET[entry].wait(WAIT)
    if entry in FAIL:
        raise FAIL[entry]


class Hooked(ConfigurableResource):
    """Two plain hooks."""

    needs: list[object] = field(factory=list)
    _thread: int = 0

    def setup_for_execution(self, context):
        self._thread = threading.get_ident()
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        assert threading.get_ident() == threading.main_thread().ident
        did(f"-{context.key}")


class Pinned(Hooked, threads=False):
    """Stays in the run's own thread."""


class Generated(ConfigurableResource):
    """One generator."""

    needs: list[object] = field(factory=list)
    _thread: int = 0

    def yield_for_execution(self, context):
        self._thread = threading.get_ident()
        did(f"+{context.key}")
        try:
            yield self
        finally:
            did(f"-{context.key}")


class Vending(ConfigurableResourceFactory[str]):
    """Vends its key, with hooks around that."""

    needs: list[object] = field(factory=list)

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def create_resource(self, context):
        did(f"++{context.key}")
        return f"{context.key} in {threading.current_thread().name}"

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


def meet(*entries):
    """These steps must be under way at the same time, or the test fails."""
    barrier = threading.Barrier(len(entries))
    MEET.update(dict.fromkeys(entries, barrier))


def diamond(kind, **options):
    """A needs nothing; b and c need a; d needs both."""
    a = kind()
    b, c = kind(needs=[a]), kind(needs=[a])
    return ResourceContainer.of({"a": a, "b": b, "c": c, "d": kind(needs=[b, c])})


def test_blocking_hooks_run_at_the_same_time():
    """Two resources that do not need one another are set up at once, in two threads; the teardown is the plan's."""
    meet("+b", "+c")
    app = diamond(Hooked)
    with app.run(concurrent=True) as resources:
        assert resources.b._thread != resources.c._thread
        assert (TRACE[0], sorted(TRACE[1:3]), TRACE[3]) == ("+a", ["+b", "+c"], "+d")
    assert TRACE[4:] == ["-d", "-c", "-b", "-a"]


def test_there_are_no_levels():
    """A resource does not wait for others of its level: only for what it needs."""
    meet("+slow", "+second")
    first = Hooked()
    app = ResourceContainer.of({"slow": Hooked(), "first": first, "second": Hooked(needs=[first])})
    with app.run(concurrent=True):
        assert set(TRACE) == {"+slow", "+first", "+second"}
    assert TRACE[3:] == ["-second", "-first", "-slow"]


class AsyncHooked(ConfigurableResource):
    """Its hook is done when all of its siblings have begun."""

    needs: list[object] = field(factory=list)
    count: int = 2

    async def setup_for_execution(self, context):
        TRACE.append(f"+{context.key}")
        with anyio.fail_after(WAIT):
            while len([entry for entry in TRACE if entry[0] == "+"]) < self.count:
                await anyio.sleep(0.001)

    async def teardown_after_execution(self, context):
        TRACE.append(f"-{context.key}")


@pytest.mark.anyio
async def test_async_hooks_run_at_the_same_time():
    """Async hooks run as tasks beside one another, and blocking ones beside them in threads."""
    meet("+blocking", "+other")
    app = ResourceContainer.of(
        {"one": AsyncHooked(count=4), "two": AsyncHooked(count=4), "blocking": Hooked(), "other": Hooked()}
    )
    async with app.run(concurrent=True) as resources:
        assert sorted(TRACE) == ["+blocking", "+one", "+other", "+two"]
        assert resources.blocking._thread != threading.get_ident()
    assert TRACE[4:] == ["-other", "-blocking", "-two", "-one"]


def test_what_stays_in_the_runs_own_thread():
    """Generators, context managers and classes with `threads=False` are set up in the run's own thread; the plan says
    so."""
    app = ResourceContainer.of({"moved": Hooked(), "pinned": Pinned(), "generated": Generated(), "made": Vending()})
    moves = {step.name: step.moves for step in app.plan().steps}
    assert moves == {"moved": True, "pinned": False, "generated": False, "made": True}
    with app.run(concurrent=True) as resources:
        here = threading.get_ident()
        assert resources.pinned._thread == resources.generated._thread == here != resources.moved._thread
        assert resources.made.startswith("made in resourcekit")


def test_a_hook_that_stays_does_not_hold_up_those_that_move():
    """What can move is started before a hook that stays is run, wherever it is declared."""
    meet("+stays", "+moves")
    app = ResourceContainer.of({"stays": Pinned(), "moves": Hooked()})
    with app.run(concurrent=True):
        assert set(TRACE) == {"+stays", "+moves"}


def test_context_variables():
    """What a moved hook sets in a context variable is not seen outside it; what a hook that stays sets is."""

    class Setting(ConfigurableResource):
        def setup_for_execution(self):
            self._seen = LOCAL.get()
            LOCAL.set("moved")

    class Staying(Setting, threads=False):
        pass

    def main():
        LOCAL.set("mine")
        with ResourceContainer.of({"moved": Setting()}).run(concurrent=True) as resources:
            seen = resources.moved._seen, LOCAL.get()
        with ResourceContainer.of({"stays": Staying()}).run(concurrent=True):
            return (*seen, LOCAL.get())

    assert contextvars.copy_context().run(main) == ("mine", "mine", "moved")


def test_hooks_find_what_is_up():
    """A moved hook that calls an injected function finds the resources that are up."""

    @inject
    def thread_of(first: Hooked) -> int:
        return first._thread

    class Asking(Hooked):
        def setup_for_execution(self, context):
            self._thread = thread_of()

    first = Hooked()
    with ResourceContainer.of({"first": first, "asking": Asking(needs=[first])}).run(concurrent=True) as resources:
        assert resources.asking._thread == resources.first._thread


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("kind", [Hooked, Generated, Vending])
def test_a_failing_set_up(world, kind):
    """What was up is torn down in reverse plan order; the only error surfaces as itself, with its note."""
    FAIL["+c"] = OSError("no route")
    app = diamond(in_world(world, kind))
    run = app.run(concurrent=True)
    error = run_in(world, run, lambda _: did("body"))
    assert error is FAIL["+c"]
    assert "'c'" in error.__notes__[0]
    assert [entry for entry in TRACE if entry[0] == "-"] in (["-b", "-a"], ["-a"])
    assert ("-b" in TRACE) is ("+b" in TRACE)
    assert "body" not in TRACE
    assert "+d" not in TRACE
    assert run.report.outcome == "setup failed"


@pytest.mark.parametrize("world", ["sync", "asyncio", "trio"])
def test_several_failures_come_in_one_group(world):
    """Hooks that fail at the same time are all told, each with its note."""
    meet("+b", "+c")
    FAIL["+b"], FAIL["+c"], FAIL["-a"] = OSError("no route"), ValueError("bad token"), LookupError("gone")
    error = run_in(world, diamond(Hooked).run(concurrent=True), lambda _: did("body"))
    assert type(error) is SetupError
    assert set(error.exceptions) == {FAIL["+b"], FAIL["+c"]}
    assert error.teardown_errors.exceptions == (FAIL["-a"],)
    assert str(error).startswith("2 set-up hooks failed")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_surfaces_as_itself(kind):
    """Of several failures Ctrl-C and exit surface as themselves, and hold the others."""
    meet("+b", "+c")
    FAIL["+b"], FAIL["+c"] = ValueError("bad token"), kind()
    error = run_in("sync", diamond(Hooked).run(concurrent=True), lambda _: did("body"))
    assert error is FAIL["+c"]
    assert error.__context__.exceptions == (FAIL["+b"],)
    assert TRACE[-1] == "-a"


class Refusing(Exception):
    """An error that takes no attributes."""

    def __setattr__(self, name, value):
        raise RuntimeError("no attributes")


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("more", [[], [ValueError("bad token")]])
def test_an_error_beside_the_end_of_a_generator(world, more):
    """An error surfaces before a GeneratorExit, which is none; also an error that takes no attributes."""
    FAIL["+b"], FAIL["+c"] = Refusing("no route"), GeneratorExit()
    FAIL.update(dict(zip(["+e"], more, strict=False)))
    meet(*FAIL)
    a = Hooked()
    app = ResourceContainer.of({"a": a, **{key[1:]: Hooked(needs=[a]) for key in FAIL}})
    error = run_in(world, app.run(concurrent=True), lambda _: did("body"))
    if more:
        assert set(error.exceptions) == {FAIL["+b"], *more}
    else:
        assert error is FAIL["+b"]
    assert TRACE[-1] == "-a"


@pytest.mark.anyio
async def test_siblings_are_cancelled_and_awaited():
    """When one fails, async siblings are cancelled, and awaited, before anything is torn down."""

    class Endless(ConfigurableResource):
        async def setup_for_execution(self):
            TRACE.append("+endless")
            try:
                await anyio.sleep(WAIT)
            finally:
                TRACE.append("cancelled")

        async def teardown_after_execution(self):
            TRACE.append("-endless")

    class Failing(ConfigurableResource):
        first: Hooked

        async def setup_for_execution(self):
            while "+endless" not in TRACE:
                await anyio.sleep(0.001)
            raise OSError("no route")

    first = Hooked()
    app = ResourceContainer.of({"first": first, "endless": Endless(), "failing": Failing(first=first)})
    with pytest.raises(OSError, match="no route"):
        async with app.run(concurrent=True):
            pass
    assert TRACE[-2:] == ["cancelled", "-first"]


@pytest.mark.anyio
async def test_a_cancelled_start():
    """A start that is cancelled from outside tears down what was up, and the cancellation goes on."""

    class Endless(ConfigurableResource):
        first: Hooked

        async def setup_for_execution(self):
            TRACE.append("+endless")
            scope.cancel()
            await anyio.sleep(WAIT)

    first = Hooked()
    app = ResourceContainer.of({"first": first, "endless": Endless(first=first)})
    with anyio.CancelScope() as scope:
        async with app.run(concurrent=True):
            pass
    assert scope.cancelled_caught
    assert TRACE == ["+first", "+endless", "-first"]


@pytest.mark.anyio
async def test_a_task_group_that_stays_open():
    """A resource that holds a task group over its yield works, and closes in the right order, beside tasks."""

    class Grouped(ConfigurableResource):
        needs: list[object] = field(factory=list)

        async def yield_for_execution(self, context):
            try:
                async with anyio.create_task_group() as group:
                    self._group = group
                    TRACE.append(f"+{context.key}")
                    yield self
                    group.cancel_scope.cancel()
            finally:
                TRACE.append(f"-{context.key}")

    moved = AsyncHooked(count=0)
    one = Grouped(needs=[moved])
    app = ResourceContainer.of(
        {"two": Grouped(), "moved": moved, "one": one, "last": AsyncHooked(count=0, needs=[one])}
    )
    async with app.run(concurrent=True) as resources:
        resources.one._group.start_soon(anyio.sleep, WAIT)
    assert sorted(TRACE[:4]) == ["+last", "+moved", "+one", "+two"]
    assert sorted(TRACE[4:]) == ["-last", "-moved", "-one", "-two"]
    assert TRACE.index("-last") < TRACE.index("-one") < TRACE.index("-moved")
    TRACE.clear()
    with pytest.raises(LookupError):
        async with app.run(concurrent=True):
            raise LookupError
    assert len(TRACE) == 8


def test_a_container_that_starts_concurrently():
    """The class keyword, inherited, makes `with app:` concurrent; `start(concurrent=...)` decides for one start."""

    class App(Hooked, scope="app"):
        pass

    class Base(ResourceContainer, concurrent=True):
        one = App()
        two = App()

    class Prod(Base):
        pass

    meet("+one", "+two")
    with Prod() as app:
        assert app.get("one")._thread != app.get("two")._thread
    assert TRACE[2:] == ["-two", "-one"]
    MEET.clear()
    app = Prod().start(concurrent=False)
    assert app.get("one")._thread == app.get("two")._thread == threading.get_ident()
    app.close()


@pytest.mark.anyio
async def test_an_async_container_that_starts_concurrently():
    """`await app.astart(concurrent=True)` starts async resources beside one another."""

    class App(AsyncHooked, scope="app"):
        pass

    app = await ResourceContainer.of({"one": App(), "two": App()}).astart(concurrent=True)
    assert sorted(TRACE) == ["+one", "+two"]
    await app.aclose()
    assert TRACE[2:] == ["-two", "-one"]


@pytest.fixture
def heard_interrupts():
    """Ctrl-C is heard, also where the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_ctrl_c_while_others_are_setting_up():
    """Ctrl-C while blocking hooks run in threads: they are waited for, what they set up is torn down."""

    class Interrupting(Hooked):
        def setup_for_execution(self, context):
            signal.raise_signal(signal.SIGINT)
            super().setup_for_execution(context)

    first = Hooked()
    app = ResourceContainer.of({"first": first, "second": Interrupting(needs=[first])})
    assert isinstance(run_in("sync", app.run(concurrent=True), lambda _: did("body")), KeyboardInterrupt)
    assert TRACE[-2:] == ["-second", "-first"]
    assert "body" not in TRACE


@pytest.mark.parametrize("world", WORLDS)
def test_ctrl_c_between_two_steps(world, monkeypatch):
    """Ctrl-C after a hook was accounted for, and before anything else is done, loses nothing and hangs nothing."""
    ended = Schedule.ended

    def interrupted(self, pending):
        ended(self, pending)
        if pending.call.phase == "setup_for_execution":
            monkeypatch.setattr(Schedule, "ended", ended)
            raise KeyboardInterrupt

    monkeypatch.setattr(Schedule, "ended", interrupted)
    app = diamond(in_world(world, Hooked))
    assert isinstance(run_in(world, app.run(concurrent=True), lambda _: did("body")), KeyboardInterrupt)
    assert TRACE == ["+a", "-a"]


def test_ctrl_c_in_a_listener():
    """Ctrl-C while a listener hears of a moved hook ends the start; what is up is torn down."""
    app = diamond(Hooked)

    def listen(event):
        if getattr(event, "status", "") == "finished" and event.phase == "setup_for_execution":
            raise KeyboardInterrupt

    app.listen(listen)
    assert isinstance(run_in("sync", app.run(concurrent=True), lambda _: did("body")), KeyboardInterrupt)
    assert TRACE == ["+a", "-a"]


@pytest.mark.anyio
async def test_a_start_that_is_cancelled_by_its_last_hook():
    """A cancellation that comes when all is up already goes on to the body, or ends the start; all is torn down."""

    class Cancelling(Hooked, threads=False):
        def setup_for_execution(self, context):
            super().setup_for_execution(context)
            scope.cancel()

    with anyio.CancelScope() as scope:
        first = Hooked()
        async with ResourceContainer.of({"a": first, "b": Cancelling(needs=[first])}).run(concurrent=True):
            await anyio.sleep(WAIT)
    assert scope.cancelled_caught
    assert TRACE[-2:] == ["-b", "-a"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_asyncios_own_cancel_when_all_is_up():
    """asyncio's task.cancel() that comes when all is up ends the start, and all is torn down."""

    class Cancelling(Hooked, threads=False):
        def setup_for_execution(self, context):
            super().setup_for_execution(context)
            asyncio.current_task().cancel()

    async def main():
        async with ResourceContainer.of({"only": Cancelling()}).run(concurrent=True):
            await anyio.sleep(WAIT)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(main())
    assert TRACE == ["+only", "-only"]


def test_phases_are_reported():
    """A concurrent run tells listeners every phase, in the run's own thread."""
    app, heard = diamond(Hooked), []
    app.listen(lambda event: heard.append((threading.get_ident(), event)))
    with app.run(concurrent=True) as resources:
        assert resources.d.needs[0] is resources.b
    assert {ident for ident, _ in heard} == {threading.get_ident()}
    finished = [event.name for _, event in heard if getattr(event, "phase", "") == "setup_for_execution"]
    assert len(finished) == 8
    run = app.run(concurrent=True)
    with run:
        pass
    assert run.report.order == ["a", "b", "c", "d"]


def test_a_failing_teardown_after_a_concurrent_start():
    """Teardown is as after any start: every hook runs, the errors come in one group."""
    FAIL["-b"], FAIL["-c"] = ValueError("b"), ValueError("c")
    with pytest.raises(TeardownError) as caught, diamond(Hooked).run(concurrent=True):
        pass
    assert caught.value.exceptions == (FAIL["-c"], FAIL["-b"])
    assert TRACE[4:] == ["-d", "-c", "-b", "-a"]


@pytest.mark.parametrize(
    "keywords", [{"concurrent": 1}, {"setup_timeout": 0}, {"slow_start": "soon"}, {"start_timeout": True}]
)
def test_bad_class_keywords_of_a_container(keywords):
    """A keyword of no use is an error of the class that names it."""
    (name,) = keywords
    with pytest.raises(DefinitionError, match=f"class App: {name} is "):
        type(ResourceContainer)("App", (ResourceContainer,), {}, **keywords)


def test_misspelt_class_keywords():
    """A class keyword that nobody knows is an error with the nearest one; those of a mix-in are the mix-in's."""
    with pytest.raises(DefinitionError, match="no class keyword 'setup_timeot'; did you mean setup_timeout"):
        type(ConfigurableResource)("Broken", (ConfigurableResource,), {}, setup_timeot=1)
    with pytest.raises(DefinitionError, match="no class keyword 'concurent'; did you mean concurrent"):
        type(ResourceContainer)("App", (ResourceContainer,), {}, concurent=True)

    class Tagged:
        def __init_subclass__(cls, tag, **options):
            super().__init_subclass__(**options)
            cls.tag = tag

    assert type(ConfigurableResource)("Good", (Tagged, ConfigurableResource), {}, tag="x", threads=False).tag == "x"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'tag'"):
        type(ConfigurableResource)("Untagged", (ConfigurableResource, Tagged), {})


@pytest.mark.parametrize("keywords", [{"threads": "no"}, {"setup_timeout": -1}, {"teardown_timeout": float("nan")}])
def test_bad_class_keywords_of_a_resource(keywords):
    """A keyword of no use is an error of the class that names it."""
    (name,) = keywords
    with pytest.raises(DefinitionError, match=f"Broken: {name} is "):
        type(ConfigurableResource)("Broken", (ConfigurableResource,), {}, **keywords)
