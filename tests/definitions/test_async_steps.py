"""Async steps, resources and IO managers: in an event loop of their own, and in the caller's, on asyncio and trio."""

import threading

import anyio
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    ConfigurableResource,
    DefinitionError,
    Definitions,
    ExecutionError,
    InMemoryIOManager,
    IOManager,
    ResourceParam,
    RetryPolicy,
    RunStateError,
    amaterialize,
    asset,
    job,
    materialize,
    op,
)


class Clock(ConfigurableResource):
    """Is set up and torn down asynchronously."""

    async def setup_for_execution(self, context):
        await anyio.lowlevel.checkpoint()
        self._ticks = 1

    async def teardown_after_execution(self, context):
        await anyio.lowlevel.checkpoint()
        self._ticks = 0

    def ticks(self) -> int:
        return self._ticks


class Store(ConfigurableIOManager):
    """Keeps values asynchronously."""

    async def handle_output(self, context, obj):
        await anyio.lowlevel.checkpoint()
        KEPT[context.get_identifier()] = obj

    async def load_input(self, context):
        await anyio.lowlevel.checkpoint()
        return KEPT[context.get_identifier()]


KEPT: dict[tuple[str, ...], object] = {}


@asset
async def number() -> int:
    await anyio.lowlevel.checkpoint()
    return 41


@asset
def plus_one(number: int) -> int:
    return number + 1


@asset
def ticks(clock: Clock) -> int:
    return clock.ticks()


def test_async_assets_without_a_loop():
    """`materialize` runs async assets and resources, sync ones among them, in an event loop of its own."""
    result = materialize([number, plus_one, ticks], resources={"clock": Clock(), "io_manager": Store()})
    assert result.output_for(plus_one) == 42
    assert result.output_for(ticks) == 1
    assert materialize([ticks], resources={"clock": Clock()}).output_for(ticks) == 1
    memory = InMemoryIOManager()
    memory.values["number",] = 1
    result = materialize([number, plus_one], selection="plus_one", resources={"io_manager": memory})
    assert result.output_for(plus_one) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [1, 4])
async def test_async_assets_in_a_loop(limit):
    """`amaterialize` and a job's `aexecute_in_process` run in the caller's event loop."""
    resources = {"clock": Clock(), "io_manager": Store()}
    result = await amaterialize([number, plus_one, ticks], resources=resources, max_concurrent=limit)
    assert result.output_for(plus_one) == 42
    defs = Definitions([number, plus_one, ticks], resources=resources)
    assert (await defs.amaterialize(max_concurrent=limit)).output_for(ticks) == 1

    @op
    async def one(clock: Clock) -> int:
        return clock.ticks()

    @op
    def add(a: int, b: int) -> int:
        return a + b

    @job(resource_defs=resources)
    def adding():
        add(one(), 41)

    assert (await adding.aexecute_in_process(max_concurrent=limit)).output_for(add) == 42


@pytest.mark.anyio
async def test_materialize_in_a_loop():
    """In a running loop `materialize` runs what is sync; for what is async it names the reason and the async form."""

    @asset
    def plain() -> int:
        return 1

    assert materialize([plain]).output_for(plain) == 1
    for assets, resources, limit, reason in (
        ([number], {}, 1, "async asset 'number'"),
        ([ticks], {"clock": Clock()}, 1, "async resource 'clock'"),
        ([plain], {"io_manager": Store()}, 1, "async IO manager 'io_manager'"),
        ([plain, ticks], {"clock": Clock()}, 2, "max_concurrent=2"),
    ):
        with pytest.raises(RunStateError, match=f"{reason}.*await amaterialize"):
            materialize(assets, resources=resources, max_concurrent=limit)


@pytest.mark.anyio
async def test_async_steps_at_once():
    """Async steps run at once as tasks, up to the limit; sync ones beside them in threads."""
    arrived = []
    all_there = anyio.Event()

    def make(name):
        @asset(name=name)
        async def step():
            arrived.append(name)
            if len(arrived) == 3:
                all_there.set()
            with anyio.fail_after(30):
                await all_there.wait()
            return threading.get_ident()

        return step

    @asset
    def beside() -> int:
        return threading.get_ident()

    result = await amaterialize([*map(make, "abc"), beside], max_concurrent=4)
    here = threading.get_ident()
    assert [result.output_for(name) for name in "abc"] == [here] * 3
    assert result.output_for(beside) != here


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [1, 2])
async def test_async_failures(limit):
    """An async step that fails surfaces as itself; retries await their delay."""
    tries = []

    @asset(retry_policy=RetryPolicy(max_retries=1, delay=0.001))
    async def flaky(clock: Clock):
        tries.append(clock.ticks())
        raise ValueError("no")

    @asset(deps=[flaky])
    def after(): ...

    with pytest.raises(ValueError, match="no"):
        await amaterialize([flaky, after], resources={"clock": Clock()}, max_concurrent=limit)
    result = await amaterialize(
        [flaky, after], resources={"clock": Clock()}, raise_on_error=False, max_concurrent=limit
    )
    assert [step.status for step in result.steps.values()] == ["failed", "skipped"]
    assert tries == [1, 1, 1, 1]


@pytest.mark.anyio
async def test_running_steps_are_let_finish():
    """When a step fails, those that run are let finish and kept, and no other is begun."""
    failed = anyio.Event()

    @asset
    async def slow() -> str:
        await failed.wait()
        return "done"

    @asset
    async def fails():
        failed.set()
        raise ValueError("no")

    @asset
    async def later() -> str:
        return "begun"

    memory = InMemoryIOManager()
    with pytest.raises(ValueError, match="no"):
        await amaterialize([slow, fails, later], resources={"io_manager": memory}, max_concurrent=2)
    assert dict(memory.values) == {("slow",): "done"}


@pytest.mark.anyio
async def test_cancellation():
    """A cancelled execution tears its resources down and is cancelled; no result says that it went well."""
    torn_down = []

    class Held(ConfigurableResource):
        async def teardown_after_execution(self, context):
            await anyio.lowlevel.checkpoint()
            torn_down.append(context.exception is not None)

    @asset
    async def forever(held: Held):
        await anyio.sleep_forever()

    @asset
    async def beside(): ...

    for limit in (1, 2):
        with anyio.move_on_after(0.05) as scope:
            await amaterialize([forever, beside], resources={"held": Held()}, max_concurrent=limit)
        assert scope.cancelled_caught
    assert torn_down == [True, True]


@pytest.mark.anyio
async def test_an_awaitable_provider():
    """What an async provider gives is awaited for the step."""

    async def connect() -> str:
        await anyio.lowlevel.checkpoint()
        return "connected"

    @asset
    async def asks(connection: ResourceParam[str]) -> str:
        return connection

    resources = {"connection": providers.Coroutine(connect)}
    assert (await amaterialize([asks], resources=resources)).output_for(asks) == "connected"


def test_an_awaitable_out_of_nowhere():
    """A sync function that gives a coroutine, unannounced and without a loop, fails its step, and says what to do."""

    @asset
    def hides():
        return number.function()

    with pytest.raises(DefinitionError, match=r"asset 'hides' gave an awaitable.*make it `async def`"):
        materialize([hides])


def test_an_io_manager_that_is_async_unannounced():
    """A factory's IO manager that turns out to be async is refused where nothing said so; annotated, it works."""

    class Made(IOManager):
        async def handle_output(self, context, obj): ...

        async def load_input(self, context):
            return 1

    class Quiet(ConfigurableIOManagerFactory):
        def create_io_manager(self, context):
            return Made()

    class Told(ConfigurableIOManagerFactory):
        def create_io_manager(self, context) -> Made:
            return Made()

    with pytest.raises(DefinitionError, match="loading the value of asset 'number' gave an awaitable"):
        materialize([_with_plain_number, plus_one], resources={"io_manager": Quiet()}, selection="plus_one")
    result = materialize([_with_plain_number, plus_one], resources={"io_manager": Told()}, selection="plus_one")
    assert result.output_for(plus_one) == 2


@asset(name="number")
def _with_plain_number() -> int:
    return 1


def test_errors_of_several_tasks():
    """Async steps that fail together are one `ExecutionError`, as sync ones are."""

    def make(name):
        @asset(name=name)
        async def step():
            await anyio.lowlevel.checkpoint()
            raise ValueError(name)

        return step

    with pytest.raises(ExecutionError):
        materialize([make("a"), make("b")], max_concurrent=2)


def test_loading_a_value_asynchronously():
    """A value that an async IO manager keeps is loaded from sync code, and awaited in a running loop."""
    defs = Definitions([number], resources={"io_manager": Store()})
    KEPT["number",] = 5
    assert defs.load_asset_value(number) == 5

    async def main() -> object:
        with pytest.raises(RunStateError, match=r"await defs\.aload_asset_value"):
            defs.load_asset_value(number)
        return await defs.aload_asset_value("number")

    assert anyio.run(main) == 5
    assert anyio.run(main, backend="trio") == 5


@pytest.mark.parametrize("limit", [1, 2])
def test_next_of_what_is_empty(limit):
    """A StopIteration of a step, which would end our own generators, is a RuntimeError that names the step."""

    @asset
    def first():
        return next(iter([]))

    @asset
    def other(): ...

    with pytest.raises(RuntimeError, match="asset 'first' raised StopIteration") as caught:
        materialize([first, other], max_concurrent=limit)
    assert isinstance(caught.value.__cause__, StopIteration)
