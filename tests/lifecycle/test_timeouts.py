"""How long hooks and starts may take: what takes longer is an error that names it, and is logged while it lasts."""

import logging
import pickle
import threading
import time

import anyio
import pytest

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    HookTimeoutError,
    ResourceContainer,
    TeardownError,
)

TRACE: list[str] = []
SHORT = 0.01
LONG = 60
SLOW = 0.2  # Long enough for what comes before the hook that is slow, on a busy machine too.


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()


class Blocking(ConfigurableResource, setup_timeout=SHORT):
    """Takes longer than it may, and cannot be interrupted."""

    def setup_for_execution(self):
        time.sleep(2 * SHORT)
        TRACE.append("+")

    def teardown_after_execution(self):
        TRACE.append("-")


class Endless(ConfigurableResource, setup_timeout=SHORT):
    """Would take for ever."""

    async def setup_for_execution(self):
        TRACE.append("+")
        await anyio.sleep(LONG)

    async def teardown_after_execution(self):
        TRACE.append("-")


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_blocking_hook_that_takes_too_long(concurrent):
    """It is not cut off: when it returns, the run fails with an error that names it, and what it did is undone."""
    run = ResourceContainer.of({"slow": Blocking()}).run(concurrent=concurrent)
    with pytest.raises(
        HookTimeoutError, match=r"setup_for_execution of 'slow' \(Blocking\) took longer than 0.01 s"
    ) as caught:
        run.start()
    assert TRACE == ["+", "-"]
    assert (caught.value.key, caught.value.setting) == ("slow", "setup_timeout")
    assert isinstance(caught.value, TimeoutError)
    assert "needed as slow" in caught.value.__notes__[0]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("concurrent", [False, True])
async def test_an_async_hook_that_takes_too_long(concurrent):
    """It is cancelled at its limit; it is not up, so it is not torn down."""
    with pytest.raises(HookTimeoutError, match="'slow'"):
        async with ResourceContainer.of({"slow": Endless()}).run(concurrent=concurrent):
            pass
    assert TRACE == ["+"]


@pytest.mark.anyio
@pytest.mark.parametrize("concurrent", [False, True])
async def test_an_async_generator_that_takes_too_long(concurrent):
    """A generator that does not come to its yield is cancelled, and cleans up after itself."""

    class Generated(ConfigurableResource, setup_timeout=SHORT):
        async def yield_for_execution(self):
            try:
                await anyio.sleep(LONG)
                yield
            finally:
                TRACE.append("-")

    with pytest.raises(HookTimeoutError, match="yield_for_execution of 'slow'"):
        async with ResourceContainer.of({"slow": Generated()}).run(concurrent=concurrent):
            pass
    assert TRACE == ["-"]


@pytest.mark.anyio
@pytest.mark.parametrize("concurrent", [False, True])
async def test_a_limit_around_a_task_group_that_stays_open(concurrent):
    """A resource in time may hold a task group over its yield: the limit ends with its set-up."""

    class Grouped(ConfigurableResource, setup_timeout=LONG, teardown_timeout=LONG):
        async def yield_for_execution(self):
            async with anyio.create_task_group():
                yield self
            TRACE.append("-")

    app = ResourceContainer.of({"one": Grouped(), "two": Grouped()})
    for _ in range(2):
        async with app.run(concurrent=concurrent):
            await anyio.sleep(0)
    assert TRACE == ["-"] * 4
    with pytest.raises(LookupError):
        async with app.run(concurrent=concurrent):
            raise LookupError


class Reluctant(ConfigurableResource):
    """Takes long to close."""

    async def teardown_after_execution(self):
        TRACE.append("-reluctant")
        await anyio.sleep(LONG)


class ReluctantBlocking(ConfigurableResource):
    """Takes long to close, and cannot be interrupted."""

    def teardown_after_execution(self):
        time.sleep(2 * SHORT)
        TRACE.append("-blocking")


class Prompt(ConfigurableResource, teardown_timeout=LONG):
    """Closes at once."""

    def teardown_after_execution(self):
        TRACE.append("-prompt")


class Closing(ResourceContainer, teardown_timeout=SHORT):
    prompt = Prompt()
    reluctant = Reluctant()
    blocking = ReluctantBlocking()


@pytest.mark.anyio
async def test_teardown_hooks_that_take_too_long():
    """Each gets an error, in one group; the other hooks run. The container gives the limit to classes without one."""
    with pytest.raises(TeardownError) as caught:
        async with Closing().run():
            pass
    assert TRACE == ["-blocking", "-reluctant", "-prompt"]
    assert [(error.key, error.phase) for error in caught.value.exceptions] == [
        ("blocking", "teardown_after_execution"),
        ("reluctant", "teardown_after_execution"),
    ]


@pytest.mark.anyio
async def test_teardown_limits_hold_after_a_failure():
    """Also where the body has failed, or was cancelled, no teardown hook takes longer than it may."""
    with pytest.raises(LookupError) as caught:
        async with Closing().run():
            raise LookupError
    assert len(caught.value.teardown_errors.exceptions) == 2
    with anyio.CancelScope() as scope:
        async with Closing().run():
            scope.cancel()
            await anyio.sleep(LONG)
    assert scope.cancelled_caught
    assert TRACE == ["-blocking", "-reluctant", "-prompt"] * 2


def test_a_deadline_for_the_whole_start():
    """`start_timeout` counts over all resources: the one under way when it passes is named, and all is undone."""

    class Part(ConfigurableResource, scope="app"):
        def setup_for_execution(self, context):
            time.sleep(0.02)
            TRACE.append(f"+{context.key}")

        def teardown_after_execution(self, context):
            TRACE.append(f"-{context.key}")

    class App(ResourceContainer, start_timeout=0.03):
        one = Part()
        two = Part()
        three = Part()

    with pytest.raises(
        HookTimeoutError, match=r"not done within 0\.03 s, the start_timeout of its container"
    ) as caught:
        App().start()
    assert caught.value.key in ("one", "two")
    assert "+three" not in TRACE
    ups = [entry[1:] for entry in TRACE if entry[0] == "+"]
    assert [entry[1:] for entry in TRACE if entry[0] == "-"] == ups[::-1]


@pytest.mark.anyio
async def test_the_tighter_limit_counts():
    """A resource's own limit counts where it is shorter than what is left of the start."""

    class App(ResourceContainer, start_timeout=LONG):
        slow = type("AppEndless", (Endless,), {}, scope="app")()

    with pytest.raises(HookTimeoutError, match=r"took longer than 0\.01 s, its setup_timeout"):
        await App().astart()


class Told(logging.Handler):
    """Keeps what is logged, in whatever thread, and lets others wait for it."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.said = threading.Event()

    def emit(self, record):
        self.lines.append(record.getMessage())
        self.said.set()


@pytest.fixture
def told():
    """What resourcekit logs."""
    handler, logger = Told(), logging.getLogger("resourcekit")
    logger.addHandler(handler)
    yield handler
    for thread in threading.enumerate():  # Another handler would hear the rest of it.
        if isinstance(thread, threading.Timer):
            thread.join(LONG)
    logger.removeHandler(handler)


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_slow_start_says_what_it_waits_for(told, concurrent):
    """One log line names what is still starting, for how long, and who waits for it."""

    class Slow(ConfigurableResource, scope="app"):
        def setup_for_execution(self):
            assert told.said.wait(LONG)

    class Waiting(ConfigurableResource, scope="app"):
        slow: Slow

    class App(ResourceContainer, slow_start=SLOW, concurrent=concurrent):
        slow = Slow()
        first = Waiting(slow=slow)
        second = Waiting(slow=slow)

    with App():
        pass
    (line,) = told.lines
    assert line.startswith("App is still starting after 0.2 s: slow (Slow) in setup_for_execution for ")
    assert line.endswith(", first, second wait for it")


def test_a_slow_start_between_two_hooks(told):
    """Where no hook is under way when the time has come, the line comes with the next hook, and names that."""

    class Manager:
        def __enter__(self):
            assert told.said.wait(LONG)

        @property
        def __exit__(self):
            time.sleep(2 * SLOW)  # It is looked up before anything is entered.
            return lambda *_outcome: None

    class Managed(ConfigurableResource, scope="app"):
        def yield_for_execution(self):
            return Manager()

    class App(ResourceContainer, slow_start=SLOW):
        managed = Managed()

    with App():
        pass
    (line,) = told.lines
    assert "managed (Managed) in yield_for_execution for " in line


def test_a_start_in_time_says_nothing(caplog):
    """A start that is done in time logs nothing, nor does one that is not watched; listeners hear it all the same."""

    class Quick(ConfigurableResource, scope="app"):
        def setup_for_execution(self):
            TRACE.append("+")

    class App(ResourceContainer):
        quick = Quick()

    class Unwatched(App, slow_start=None):
        pass

    for container in (App, Unwatched):
        app, heard = container(), []
        app.listen(heard.append)
        with app:
            assert [event.status for event in heard] == ["opened"] + ["started", "finished"] * 2
    assert caplog.records == []


def test_limits_of_a_factory():
    """`create_resource` is limited as a set-up hook is."""

    class Slow(ConfigurableResourceFactory[str], setup_timeout=SHORT):
        def create_resource(self):
            time.sleep(2 * SHORT)
            return "late"

    with pytest.raises(HookTimeoutError, match="create_resource of 'slow'"):
        ResourceContainer.of({"slow": Slow()}).run().start()


@pytest.mark.anyio
@pytest.mark.parametrize("concurrent", [False, True])
async def test_an_async_hook_in_time(concurrent):
    """A hook that is done in time is none the worse for its limit."""

    class Prompt(ConfigurableResource, setup_timeout=LONG, teardown_timeout=LONG):
        async def setup_for_execution(self):
            await anyio.sleep(0)
            TRACE.append("+")

        async def teardown_after_execution(self):
            await anyio.sleep(0)
            TRACE.append("-")

    async with ResourceContainer.of({"prompt": Prompt()}).run(concurrent=concurrent):
        pass
    assert TRACE == ["+", "-"]
