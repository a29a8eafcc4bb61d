"""Cancellation during set-up, body and teardown, by anyio's scopes on both loops and by asyncio's task.cancel()."""

import asyncio
from collections.abc import Callable

import anyio
import pytest

from resourcekit import ConfigurableResource, ResourceContainer, TeardownError

TRACE: list[str] = []
BLOCK: set[str] = set()
REACHED: list[Callable[[], object]] = []  # Called when a place that blocks is reached.
FAIL: dict[str, BaseException] = {}

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()
    BLOCK.clear()
    REACHED.clear()
    FAIL.clear()


async def step(entry):
    """Note a step, block or fail where the test said so, and note that it was finished."""
    TRACE.append(entry)
    await anyio.sleep(0)
    if entry in BLOCK:
        for call in REACHED:
            call()
        await anyio.sleep(60)
    if entry in FAIL:
        raise FAIL[entry]
    TRACE.append(f"{entry}.")


class Slow(ConfigurableResource):
    """Its hooks take time."""

    needs: object = None

    async def setup_for_execution(self, context):
        await step(f"+{context.key}")

    async def teardown_after_execution(self, context):
        TRACE.append(type(context.exception).__name__)
        await step(f"-{context.key}")


class Generated(ConfigurableResource):
    """The same as one generator."""

    needs: object = None

    async def yield_for_execution(self, context):
        await step(f"+{context.key}")
        outcome = None
        try:
            yield self
        except BaseException as error:
            outcome = error
            raise
        finally:
            TRACE.append(type(outcome).__name__)
            await step(f"-{context.key}")


@pytest.fixture(params=[Slow, Generated])
def app(request):
    """A container of three in a row."""
    a = request.param()
    b = request.param(needs=a)
    return ResourceContainer.of({"a": a, "b": b, "c": request.param(needs=b)})


def steps():
    """The trace without what hooks heard."""
    return [entry for entry in TRACE if entry[0] in "+-b"]


def heard():
    """What teardown hooks heard of the outcome."""
    return {entry for entry in TRACE if entry[0] not in "+-b"}


async def work(run):
    """One run with a body that takes time."""
    async with run:
        await step("body")


async def cancelled_at(run, place):
    """Work in a cancel scope that is cancelled while *place* blocks; gives whether the scope caught it."""
    BLOCK.add(place)
    with anyio.CancelScope() as scope:
        REACHED.append(scope.cancel)
        await work(run)
    return scope.cancelled_caught


UP = ["+a", "+a.", "+b", "+b.", "+c", "+c."]
DOWN = ["-c", "-c.", "-b", "-b.", "-a", "-a."]


async def test_in_a_set_up(app):
    """A cancelled set-up is interrupted; what was up is torn down whole, and the cancellation goes on."""
    run = app.run()
    assert await cancelled_at(run, "+c")
    assert steps() == ["+a", "+a.", "+b", "+b.", "+c", *DOWN[2:]]
    assert heard() <= {"CancelledError", "Cancelled"}
    assert run.report.outcome == "setup failed"


async def test_in_the_body(app):
    """A cancelled body is torn down whole: no teardown is interrupted by the same cancellation."""
    assert await cancelled_at(app.run(), "body")
    assert steps() == [*UP, "body", *DOWN]
    assert heard() <= {"CancelledError", "Cancelled"}


async def test_in_a_teardown(app):
    """A cancelled teardown hook is interrupted, the rest run whole, then the cancellation goes on."""
    run = app.run()
    assert await cancelled_at(run, "-c")
    assert steps() == [*UP, "body", "body.", "-c", *DOWN[2:]]
    assert heard() == {"NoneType"}
    assert len(run.report.teardown_errors) == 1


async def test_a_teardown_error_with_a_cancellation(app):
    """What fails while a cancelled run is torn down is attached to the cancellation, which goes on."""
    FAIL["-b"] = ValueError("b")
    run = app.run()
    assert await cancelled_at(run, "body")
    assert run.report.error.teardown_errors.exceptions == (FAIL["-b"],)
    assert steps()[-2:] == ["-a", "-a."]


async def test_after_an_error_the_rest_is_shielded(app):
    """Once the body has failed, a cancellation during a teardown hook does not interrupt it."""
    FAIL["body"] = LookupError()

    async def cancel(scope):
        while "-c" not in TRACE:
            await anyio.sleep(0)
        scope.cancel()

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(cancel, scope)
            with pytest.raises(LookupError):
                await work(app.run())
    assert scope.cancel_called
    assert steps() == [*UP, "body", *DOWN]


async def test_a_success_is_not_shielded(app):
    """A timeout around a run whose teardown hangs is honoured: nothing is shielded while all goes well."""
    assert await cancelled_at(app.run(), "-c")
    assert "-c." not in TRACE


async def test_cancellation_before_a_nested_run_ends(app):
    """Through nested runs, each is torn down whole, the inner first."""

    class Outer(ResourceContainer):
        x = Slow()

    BLOCK.add("body")
    with anyio.CancelScope() as scope:
        REACHED.append(scope.cancel)
        async with Outer().run():
            await work(app.run())
    assert scope.cancelled_caught
    assert steps() == ["+x", "+x.", *UP, "body", *DOWN, "-x", "-x."]


async def native(app, *places):
    """A task that is cancelled by asyncio's own cancel() at each of *places*; gives what came out of it."""
    BLOCK.update(places)
    run = app.run()
    task = asyncio.create_task(work(run))
    for place in places:
        while place not in TRACE:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        task.cancel()
    await asyncio.wait([task])
    return task, run


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("place", ["+c", "body", "-c"])
async def test_task_cancel(app, place):
    """asyncio's own cancellation: the task is cancelled, and nothing is skipped, wherever it comes."""
    task, _ = await native(app, place)
    assert task.cancelled()
    expected = {
        "+c": ["+a", "+a.", "+b", "+b.", "+c", *DOWN[2:]],
        "body": [*UP, "body", *DOWN],
        "-c": [*UP, "body", "body.", "-c", *DOWN[2:]],
    }
    assert steps() == expected[place]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_task_cancel_twice(app):
    """A second cancel() interrupts the teardown hook that is awaiting, and only that one."""
    task, run = await native(app, "body", "-b")
    assert task.cancelled()
    assert steps() == [*UP, "body", "-c", "-c.", "-b", "-a", "-a."]
    assert [type(error) for error in run.report.teardown_errors] == [asyncio.CancelledError]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_timeout_of_asyncio(app):
    """asyncio.timeout() turns the cancellation into its TimeoutError when all is torn down."""
    BLOCK.add("body")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as timeout:
            REACHED.append(lambda: timeout.reschedule(asyncio.get_running_loop().time()))
            await work(app.run())
    assert steps() == [*UP, "body", *DOWN]


async def test_a_body_with_a_task_group(app):
    """A group of errors from the body's own tasks surfaces as it is; hooks hear it."""

    async def fail():
        raise LookupError("task")

    with pytest.raises(ExceptionGroup) as caught:
        async with app.run():
            async with anyio.create_task_group() as group:
                group.start_soon(fail)
    assert caught.group_contains(LookupError)
    assert heard() == {"ExceptionGroup"}


class Worker(ConfigurableResource):
    """Keeps a task group open, with a task in it, for as long as the run."""

    async def yield_for_execution(self, context):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 10)
            yield self
            group.cancel_scope.cancel()


class Timed(ConfigurableResource):
    """Keeps a cancel scope open by a plain generator."""

    def yield_for_execution(self, context):
        with anyio.CancelScope():
            yield self


@pytest.mark.parametrize("held", [Worker, Timed])
async def test_a_resource_that_keeps_a_task_group_open(held):
    """A task group or cancel scope may be held over the yield: cancellation and errors leave the loop in order."""
    app = ResourceContainer.of({"a": Slow(), "held": held(), "c": Slow()})
    with anyio.CancelScope():
        async with app.run():
            pass
        run = app.run()
        assert await cancelled_at(run, "body")
        assert run.report.teardown_errors == ()
        BLOCK.clear()
        FAIL["body"] = error = LookupError()
        run = app.run()
        with pytest.raises(LookupError) as caught:
            await work(run)
    assert caught.value is error
    assert run.report.teardown_errors == ()
    assert steps()[-4:] == DOWN[:2] + DOWN[4:]
    await anyio.sleep(0)


async def test_teardown_errors_in_async_runs(app):
    """Without a body error, teardown errors come as one group, and each hook has run."""
    FAIL.update({"-c": KeyError("c"), "-a": ValueError("a")})
    with pytest.raises(TeardownError) as caught:
        await work(app.run())
    assert caught.value.exceptions == (FAIL["-c"], FAIL["-a"])
    assert steps() == [*UP, "body", "body.", "-c", "-b", "-b.", "-a"]


def test_a_coroutine_closed_without_its_loop():
    """A coroutine that is closed when its loop is gone still calls the sync hooks; async ones say there is no loop."""

    class Plain(ConfigurableResource):
        def teardown_after_execution(self, context):
            TRACE.append(f"-{context.key}")

    class Closing(ConfigurableResource):
        async def teardown_after_execution(self, context):
            await step(f"-{context.key}")

    run = ResourceContainer.of({"plain": Plain(), "slow": Closing(), "late": Plain()}).run()

    async def main():
        async with run:
            await asyncio.sleep(0)

    coroutine = main()
    coroutine.send(None)
    with pytest.raises(TeardownError) as caught:
        coroutine.close()
    assert len(caught.value.exceptions) == 1
    assert "of 'slow'" in caught.value.exceptions[0].__notes__[0]
    assert TRACE == ["-late", "-plain"]
