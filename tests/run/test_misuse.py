"""What is used twice, too late, elsewhere or not to the end: each is defined, in threads and tasks too."""

import asyncio
import contextvars
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from resourcekit import ConfigurableResource, NoActiveRunError, ResourceContainer, RunStateError, TeardownError

TRACE: list[str] = []


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()


class Database(ConfigurableResource, scope="app"):
    """Counts its starts."""

    def setup_for_execution(self, context):
        TRACE.append("+")

    def teardown_after_execution(self, context):
        TRACE.append("-")


class Slow(Database, scope="app"):
    """Starts in a while."""

    async def setup_for_execution(self, context):
        TRACE.append("+")
        await anyio.sleep(0.01)

    async def teardown_after_execution(self, context):
        TRACE.append("-")


class App(ResourceContainer):
    database = Database()


class SlowApp(ResourceContainer):
    database = Slow()


class Crowd:
    """Sixty tasks in six event loops that enter a container at once; each loop goes on until all have left."""

    def __init__(self):
        self.app, self.barrier = SlowApp(), threading.Barrier(6)
        self.found: list[object] = []
        self.gone: list[None] = []

    async def task(self):
        """Enter, wait for everybody, leave."""
        async with self.app, self.app.run() as resources:
            self.found.append(resources.database)
            while len(self.found) < 60:
                await anyio.sleep(0.001)
        self.gone.append(None)

    async def loop(self):
        """Ten tasks."""
        self.barrier.wait()
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(self.task)
        while len(self.gone) < 60:
            await anyio.sleep(0.001)


def test_many_threads_and_tasks_enter_first_at_once():
    """Whatever number of threads and tasks, on asyncio and trio, enter a container first, it starts exactly once."""
    for _ in range(5):
        TRACE.clear()
        crowd = Crowd()
        with ThreadPoolExecutor(6) as pool:
            work = [pool.submit(anyio.run, crowd.loop, backend=backend) for backend in ["asyncio", "trio"] * 3]
            for each in work:
                each.result(60)
        assert len(crowd.found) == 60
        assert len(set(map(id, crowd.found))) == 1
        assert TRACE == ["+", "-"]


def forgotten(make):
    """The warnings of what *make* leaves open, in a context of its own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        contextvars.copy_context().run(make)
        gc.collect()
    return [str(each.message) for each in caught if each.category is ResourceWarning]


def open_run(app):
    """Open a run, and forget it."""
    app.run().start()  # here: a run


async def open_async_run(app):
    """Open an async run, and forget it."""
    await app.run().astart()  # here: an async run


def start_app(app):
    """Start a container, and forget it."""
    app.start()  # here: a container


async def start_async_app(app):
    """Start a container in a loop, and forget it."""
    await app.astart()  # here: an async container


async def in_a_task(opener, app):
    """Do it in a task of its own."""
    await asyncio.create_task(opener(app))


def in_a_thread(opener, app):
    """Do it in a thread of its own."""
    thread = threading.Thread(target=opener, args=(app,))
    thread.start()
    thread.join()


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["here", "in-a-thread-or-task"])
@pytest.mark.parametrize("opener", [open_run, open_async_run, start_app, start_async_app])
def test_a_leak_names_its_opener(opener, is_elsewhere, monkeypatch):
    """The warning of what was never closed has the file and line that opened it, in threads and tasks too."""
    monkeypatch.setenv("RESOURCEKIT_DEBUG", "1")

    def forget():
        app = App()
        if asyncio.iscoroutinefunction(opener):
            asyncio.run(in_a_task(opener, app) if is_elsewhere else opener(app))
        elif is_elsewhere:
            in_a_thread(opener, app)
        else:
            opener(app)

    (message,) = forgotten(forget)
    assert f"test_misuse.py:{opener.__code__.co_firstlineno + 2}" in message


def test_closing_twice():
    """The second `close` of a run or container is an error, and nothing is torn down again; so is a second `with`."""
    app = App()
    run = app.run()
    run.start()
    run.close()
    with pytest.raises(RunStateError, match="has ended"):
        run.close()
    with pytest.raises(RunStateError, match="opened once"), run:
        pass
    app.start()
    app.close()
    with pytest.raises(RunStateError, match="not started"):
        app.close()
    assert TRACE == ["+", "-"] * 2


def test_closing_a_run_inside_its_with():
    """A run that was closed by hand in its own `with` is an error at the end of it."""
    run = App().run()
    with pytest.raises(RunStateError, match="has ended"), run:
        run.close()
    assert TRACE == ["+", "-"]


class Closing(ConfigurableResource):
    """Closes its own run in a hook."""

    where: str

    def setup_for_execution(self):
        self._close("set-up")

    def teardown_after_execution(self):
        self._close("teardown")

    def _close(self, where):
        TRACE.append(where)
        if where == self.where:
            RUNS.pop().close()


RUNS: list[object] = []


@pytest.mark.parametrize("options", [{}, {"report": True}, {"concurrent": True}], ids=str)
@pytest.mark.parametrize("where", ["set-up", "teardown"])
def test_a_hook_that_closes_its_own_run(where, options):
    """That is an error of the hook, while the run is opened and while it is closed; every hook still runs once."""
    run = ResourceContainer.of({"database": Database(), "closing": Closing(where=where)}).run(**options)
    RUNS.append(run)
    if where == "set-up":
        with pytest.raises(RunStateError, match=r"not open|being opened"):
            run.start()
        assert TRACE in (["+", "set-up", "-"], ["set-up"])  # Concurrently, nothing is begun after the failure.
    else:
        run.start()
        with pytest.raises(TeardownError) as caught:
            run.close()
        assert [type(each) for each in caught.value.exceptions] == [RunStateError]
        assert TRACE[2:] == ["teardown", "-"]


def test_use_after_exit():
    """What a run or container gave says that it is over."""
    app = App()
    with app:
        with app.run() as resources:
            pass
        with pytest.raises(RunStateError, match="has ended"):
            resources.database  # noqa: B018
    with pytest.raises(NoActiveRunError):
        app.get("database")


def test_leaving_in_another_thread():
    """A run and a container may be left in another thread than they were entered in."""
    app = App()
    run = app.run()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run.start).result()
        run.close()
        pool.submit(app.start).result()
        assert app.get("database") is not None
        app.close()
    assert TRACE == ["+", "-"] * 2


@pytest.mark.anyio
async def test_leaving_in_another_task():
    """So may they in another task; the same container is started anew by the next event loop."""
    app = SlowApp()
    for opened in (app, app.run()):
        async with anyio.create_task_group() as group:
            group.start_soon(opened.astart)
        async with anyio.create_task_group() as group:
            group.start_soon(opened.aclose)
    assert TRACE == ["+", "-"] * 2


def test_two_loops_one_after_the_other():
    """`asyncio.run` twice with one container starts it twice."""
    app = SlowApp()

    async def main():
        async with app, app.run() as resources:
            return id(resources.database)

    asyncio.run(main())
    anyio.run(main, backend="trio")
    assert TRACE == ["+", "-"] * 2


@pytest.mark.anyio
async def test_a_start_that_is_cancelled():
    """A start that is cancelled tears down what was up, and the container can be started again."""

    class Two(ResourceContainer):
        database = Database()
        slow = Slow()

    app = Two()
    with anyio.move_on_after(0) as scope:
        await app.astart()
    assert scope.cancelled_caught
    assert TRACE == ["+", "+", "-"]
    with pytest.raises(RunStateError, match="not started"):
        await app.aclose()
    async with app:
        pass
    assert TRACE[3:] == ["+", "+", "-", "-"]


@pytest.mark.anyio
async def test_closing_while_it_starts():
    """`aclose` while another task still starts the container is an error; the start goes on."""
    begun, may_end = anyio.Event(), anyio.Event()

    class Waiting(Database, scope="app"):
        async def setup_for_execution(self, context):
            TRACE.append("+")
            begun.set()
            await may_end.wait()

    app = ResourceContainer.of({"database": Waiting()})
    async with anyio.create_task_group() as group:
        group.start_soon(app.astart)
        await begun.wait()
        with pytest.raises(RunStateError, match="not started"):
            await app.aclose()
        may_end.set()
    await app.aclose()
    assert TRACE == ["+", "-"]


def test_a_run_left_open_in_a_generator():
    """A generator that is collected in another thread closes the run that it holds."""
    app = App()

    def hold():
        with app.run() as resources:
            yield resources

    def begin():
        generators.append(hold())
        next(generators[0])

    generators: list[object] = []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(begin).result()
    generators.clear()
    gc.collect()
    assert TRACE == ["+", "-"]


@pytest.mark.anyio
async def test_the_context_of_a_worker_thread():
    """A thread of `to_thread` has its caller's context, so it sees the run that is open there."""
    app = SlowApp()
    async with app.run() as resources:
        assert await anyio.to_thread.run_sync(app.get, "database") is resources.database
    with pytest.raises(NoActiveRunError):
        await anyio.to_thread.run_sync(app.get, "database")
