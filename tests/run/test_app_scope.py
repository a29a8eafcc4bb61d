"""The app scope: started once, shared by every thread and run, torn down when the last one leaves."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    NoActiveRunError,
    PlanError,
    ResourceContainer,
    RunStateError,
    TeardownError,
    inject,
    injected,
)

TRACE: list[str] = []
FAIL: set[str] = set()
HOOK: dict[str, object] = {}


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()
    FAIL.clear()
    HOOK.clear()


def did(entry):
    """Note a step, do what the test wants done there, and fail where it says so."""
    TRACE.append(entry)
    if entry in HOOK:
        HOOK[entry]()
    if entry in FAIL:
        raise LookupError(entry)


class Database(ConfigurableResource, scope="app"):
    """Lives as long as the app."""

    host: str = "localhost"

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


class Cache(ConfigurableResource, scope="app"):
    """Lives as long as the app, over whatever it is given."""

    below: object = None

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


class Orders(ConfigurableResource):
    """Lives for a run."""

    database: Database
    page_size: int = 100

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


class App(ResourceContainer):
    """What most tests use."""

    database = Database()
    cache = Cache(below=database)
    orders = Orders(database=database)


def test_started_once_for_many_runs():
    """Runs in a started app share its resources and set up only their own."""
    app = App()
    with app as entered:
        assert entered is app
        assert TRACE == ["+database", "+cache"]
        for _ in range(2):
            with app.run() as resources:
                assert resources.orders.database is resources.database is app.get("database")
    assert TRACE == ["+database", "+cache", "+orders", "-orders", "+orders", "-orders", "-cache", "-database"]
    with pytest.raises(NoActiveRunError):
        app.get("database")


def test_without_a_started_app_they_live_for_the_run():
    """A run of a container that is not started brings everything up by itself."""
    with App().run("orders"):
        pass
    assert TRACE == ["+database", "+orders", "-orders", "-database"]


def test_entered_twice_is_started_once():
    """`with app` inside `with app` joins it; the last one to leave tears down."""
    app = App()
    with app:
        with app:
            pass
        assert TRACE == ["+database", "+cache"]
    assert TRACE[2:] == ["-cache", "-database"]
    with app:
        pass
    assert TRACE[4:] == TRACE[:4]


def test_start_and_close():
    """By hand, `start` gives the container and `close` ends it; closing what is not started is an error."""
    app = App()
    with pytest.raises(RunStateError, match="not started"):
        app.close()
    assert app.start() is app
    app.close()
    with pytest.raises(RunStateError, match="not started"):
        app.close()
    assert TRACE == ["+database", "+cache", "-cache", "-database"]


def test_every_thread_sees_the_started_app():
    """The live objects are the same in every thread."""
    app = App()

    @inject
    def ask(number, database: Database = injected()):
        with app.run("orders") as resources:
            return resources.orders.database is database is app.get("database")

    with app, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(20)))


def test_threads_that_start_at_once_share_one_start():
    """Of threads that enter at the same moment one starts, the others wait for it and join."""
    app = App()
    barrier = threading.Barrier(5)
    HOOK["+database"] = lambda: time.sleep(0.05)

    def enter(_number):
        barrier.wait()
        with app:
            barrier.wait()
            return id(app.get("database"))

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(enter, range(5)))) == 1
    assert TRACE == ["+database", "+cache", "-cache", "-database"]


@pytest.mark.anyio
async def test_tasks_that_start_at_once_share_one_start():
    """Of tasks that enter at the same moment one starts, the others wait for it and join."""

    class Slow(ConfigurableResource, scope="app"):
        async def setup_for_execution(self, context):
            TRACE.append("+")
            await anyio.sleep(0.03)
            TRACE.append("+.")

        async def teardown_after_execution(self, context):
            TRACE.append("-")
            await anyio.sleep(0.03)
            TRACE.append("-.")

    app = ResourceContainer.of({"slow": Slow()})
    found = []

    async def enter():
        async with app:
            found.append(app.get("slow"))
            while len(found) < 3:
                await anyio.sleep(0.001)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(enter)
    assert TRACE == ["+", "+.", "-", "-."]
    assert len(set(map(id, found))) == 1


def test_event_loops_that_start_at_once_share_one_start():
    """Tasks in the loops of several threads, asyncio and trio, wait for each other without a hang."""

    class Slow(ConfigurableResource, scope="app"):
        async def setup_for_execution(self, context):
            TRACE.append("+")
            await anyio.sleep(0.05)

    app = ResourceContainer.of({"slow": Slow()})
    barrier = threading.Barrier(4)

    async def enter():
        barrier.wait()
        async with app:
            barrier.wait()
            return id(app.get("slow"))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda backend: anyio.run(enter, backend=backend), ["asyncio", "trio"] * 2))
    assert len(set(found)) == 1
    assert TRACE == ["+"]


@pytest.mark.anyio
async def test_the_next_one_starts_when_the_first_fails():
    """When a start fails, the one that waited for it tries itself."""

    class Flaky(ConfigurableResource, scope="app"):
        async def setup_for_execution(self, context):
            TRACE.append("+")
            await anyio.sleep(0.02)
            if len(TRACE) == 1:
                raise LookupError

    app = ResourceContainer.of({"flaky": Flaky()})
    outcomes = []

    async def enter():
        try:
            async with app:
                outcomes.append("up")
        except LookupError:
            outcomes.append("failed")

    async with anyio.create_task_group() as group:
        group.start_soon(enter)
        group.start_soon(enter)
    assert sorted(outcomes) == ["failed", "up"]
    assert TRACE == ["+", "+"]


def slow_app():
    """An app whose start goes on until it may end; with the events that say that it has begun, and that it may end."""
    begun, may_end = anyio.Event(), anyio.Event()

    class Slow(ConfigurableResource, scope="app"):
        async def setup_for_execution(self, context):
            begun.set()
            await may_end.wait()

    return ResourceContainer.of({"slow": Slow()}), begun, may_end


@pytest.mark.anyio
async def test_waiting_for_a_start_can_be_cancelled():
    """A task that waits for another's start can be cancelled; the start goes on."""

    app, begun, may_end = slow_app()

    async def wait_shortly():
        with anyio.move_on_after(0.02) as scope:
            async with app:
                TRACE.append("entered")
        TRACE.append(f"cancelled: {scope.cancelled_caught}")

    async with anyio.create_task_group() as group:
        group.start_soon(app.astart)
        await begun.wait()
        await wait_shortly()
        may_end.set()
    assert TRACE == ["cancelled: True"]
    await app.aclose()


def test_a_hook_that_enters_its_own_app():
    """A hook that enters the app it belongs to, while it starts or stops, gets an error, not a hang."""
    app = App()
    HOOK["+cache"] = app.start
    with pytest.raises(RunStateError, match="a hook of App enters App itself"):
        app.start()
    assert TRACE == ["+database", "+cache", "-database"]
    HOOK.clear()
    HOOK["-cache"] = app.start
    with pytest.raises(TeardownError) as caught, app:
        pass
    assert isinstance(caught.value.exceptions[0], RunStateError)
    assert TRACE[-1] == "-database"


def test_a_hook_that_enters_its_own_app_elsewhere():
    """The same through an event loop of the hook's own."""
    app = App()

    async def enter():
        async with app:
            pass

    HOOK["+cache"] = lambda: asyncio.run(enter())
    with pytest.raises(RunStateError, match="a hook of App enters App itself"):
        app.start()


@pytest.mark.anyio
async def test_a_plain_with_while_a_task_starts_it():
    """A plain `with` in the same loop could only hang while a task starts the app: it is an error that says so."""

    app, begun, may_end = slow_app()
    async with anyio.create_task_group() as group:
        group.start_soon(app.astart)
        await begun.wait()
        with pytest.raises(RunStateError, match="another task of this thread"), app:
            pass
        may_end.set()
    await app.aclose()


def test_a_hook_finds_its_app_while_it_stops():
    """In a teardown hook the app's resources can still be had; others do not get them any more."""
    app = App()
    found = []

    def look():
        found.append(app.get("database"))
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(NoActiveRunError):
                pool.submit(app.get, "database").result()
            found.append(pool.submit(app.call, from_a_run).result())

    def from_a_run(database: Database):
        return database

    HOOK["-cache"] = look
    with app:
        database = app.get("database")
    assert found[0] is database
    assert found[1] is not database


def test_entering_checks_the_whole_container(monkeypatch):
    """`with app:` finds what is wrong with run-scoped resources too, before anything opens."""
    monkeypatch.delenv("SURELY_NOT_SET", raising=False)

    class Broken(App):
        orders = Orders(database=App.database, page_size=EnvVar("SURELY_NOT_SET"))

    with pytest.raises(ConfigError) as caught, Broken():
        pass
    assert [problem.where for problem in caught.value.problems] == ["orders.page_size"]
    assert TRACE == []


def test_async_resources_of_runs_do_not_keep_a_sync_app_from_starting():
    """An app with async run-scoped resources starts in sync code; async app-scoped ones are refused there."""

    class Slow(ConfigurableResource):
        async def setup_for_execution(self): ...

    class SlowApp(Slow, scope="app"): ...

    class Fine(App):
        slow = Slow()

    with Fine():
        pass

    class Wrong(App):
        slow = SlowApp()

    with pytest.raises(PlanError) as caught, Wrong():
        pass
    assert [problem.code for problem in caught.value.problems] == ["async-in-sync"]


class AsyncFeed(ConfigurableResource, scope="app"):
    """Sets itself up asynchronously."""

    async def setup_for_execution(self):
        did("+feed")


class AsyncClosing(ConfigurableResource, scope="app"):
    """Is torn down asynchronously."""

    async def teardown_after_execution(self):
        did("-feed")


class AsyncVending(ConfigurableResourceFactory[int], scope="app"):
    """Vends asynchronously."""

    async def create_resource(self):
        yield 1


class AsyncWhole(ConfigurableResource, scope="app"):
    """Is around its users asynchronously."""

    async def yield_for_execution(self, context):
        yield self


def begin(manager):
    with manager:
        pass


STARTS = {"with": begin, "start": lambda app: app.start(), "run": lambda app: begin(app.run())}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("cls", [AsyncFeed, AsyncClosing, AsyncVending, AsyncWhole])
def test_one_async_app_resource_in_sync_code_is_named_with_the_ways_out(cls, is_nested, start):
    """Where only one app-scoped resource is async, a sync start names it, opens nothing, and says what can be done."""

    class Feeds(ResourceContainer):
        feed = cls()

    class Mixed(App):
        feeds = providers.Container(Feeds)

    class Flat(App, Feeds): ...

    with pytest.raises(PlanError) as caught:
        STARTS[start](Mixed() if is_nested else Flat())
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("async-in-sync", "feeds.feed" if is_nested else "feed")
    assert f"{cls.__name__}." in problem.message
    assert "the start or run is not" in problem.message
    assert "async with" in problem.hint
    assert "run('orders')" in problem.hint
    assert TRACE == []


def test_a_sync_run_of_other_keys_works_where_one_app_resource_is_async():
    """As the error says: a sync run of keys that do not need the async resource works, with no container started."""

    class Mixed(App):
        feed = AsyncFeed()

    with Mixed().run("orders") as resources:
        assert resources.orders.database.host == "localhost"
    assert "+feed" not in TRACE


@pytest.mark.anyio
async def test_sync_runs_may_use_what_was_started_asynchronously():
    """As the error says: started with `async with`, the async resource is there for sync runs too."""

    class Mixed(App):
        feed = AsyncFeed()

    async with Mixed() as app:
        with app.run() as resources:
            assert resources.feed is app.get("feed")
        assert app.call(lambda: TRACE.count("+feed")) == 1


@pytest.mark.anyio
async def test_sync_runs_in_an_async_app():
    """An app that was started by `async with` serves sync runs whose own steps are sync."""

    class Slow(ConfigurableResource, scope="app"):
        async def setup_for_execution(self):
            TRACE.append("+slow")

        async def teardown_after_execution(self):
            TRACE.append("-slow")

    class Mixed(ResourceContainer):
        slow = Slow()
        user = Cache(below=slow)
        orders = Orders(database=Database())

    app = Mixed()
    async with app:
        with app.run() as resources:
            assert resources.user.below is app.get("slow")
        assert await anyio.to_thread.run_sync(lambda: app.get("slow")) is app.get("slow")
    assert TRACE[-1] == "-slow"


def test_a_run_cannot_configure_what_is_started():
    """An overlay of one run on a started app-scoped key is an error; on the others it is fine."""
    app = App()
    with app:
        with app.run(config={"orders": {"page_size": 5}}) as resources:
            assert resources.orders.page_size == 5
        with pytest.raises(ConfigError) as caught, app.run(config={"database": {"host": "other"}}):
            pass
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("app-overlay", "database")
    assert "with_config" in problem.hint
    with app.run(config={"database": {"host": "other"}}) as resources:
        assert resources.database.host == "other"


def test_an_error_in_the_teardown_of_an_app():
    """Every app-scoped resource is torn down, then the errors come; the app can be started again."""
    app = App()
    FAIL.update({"-cache", "-database"})
    with pytest.raises(TeardownError) as caught, app:
        pass
    assert [str(error) for error in caught.value.exceptions] == ["-cache", "-database"]
    FAIL.clear()
    with app:
        assert app.get("database").host == "localhost"


def test_the_bodys_error_in_an_app_stays_primary():
    """What the body of `with app:` raises surfaces, and hooks hear it."""
    app = App()
    FAIL.add("-cache")
    with pytest.raises(ZeroDivisionError) as caught, app:
        raise ZeroDivisionError
    assert [str(error) for error in caught.value.teardown_errors.exceptions] == ["-cache"]
    assert TRACE[-1] == "-database"


def test_a_failing_start_rolls_back_and_can_be_tried_again():
    """When a start fails, what was up is torn down, and the next start begins anew."""
    app = App()
    FAIL.add("+cache")
    with pytest.raises(LookupError), app:
        pass
    assert TRACE == ["+database", "+cache", "-database"]
    FAIL.clear()
    with app:
        pass
    assert TRACE[3:] == ["+database", "+cache", "-cache", "-database"]


class Client:
    """A plain object over a live resource."""

    def __init__(self, database):
        self.database = database
        self.host = database.host


def closing(database, *_others):
    """A DI Resource: a generator of dependency-injector's."""
    TRACE.append("+connection")
    yield Client(database)
    TRACE.append("-connection")


class Wired(ResourceContainer):
    """Caching providers over an app-scoped resource."""

    first = Database(host="first")
    client = providers.Singleton(Client, database=first)
    connection = providers.Resource(closing, first)
    far = providers.Singleton(dict, client=client)
    user = Cache(below=connection)
    other = providers.Singleton(dict)


def test_singletons_are_reset_when_the_app_is_left():
    """A Singleton over an app-scoped resource forgets its object, so that the next start has a new one."""
    app = Wired()
    with app:
        client, far, other = app.client(), app.far(), app.other()
        assert client is app.client()
        assert client.database is app.get("first")
    with app:
        assert app.client() is not client
        assert app.client().database is app.get("first")
        assert app.far() is not far
        assert app.other() is other


def test_a_resource_of_dependency_injectors_is_shut_down_in_its_place():
    """A DI Resource is shut down after what uses it, and before what it uses."""
    with Wired():
        pass
    assert TRACE == ["+first", "+connection", "+user", "-user", "-connection", "-first"]


def test_a_resource_of_dependency_injectors_over_several():
    """What uses several app-scoped resources goes before the last of them, which went up last."""

    class Two(ResourceContainer):
        first = Database()
        second = Database()
        connection = providers.Resource(closing, first, second)

    with Two() as app:
        app.connection.init()
    assert TRACE == ["+first", "+second", "+connection", "-connection", "-second", "-first"]


def test_caching_providers_are_reset_when_a_run_had_the_app_scope():
    """Without a started app the resource lives for the run, and so does what a Singleton made of it."""
    app = Wired()
    with app.run() as resources:
        client = resources.client()
        assert client.database is resources.first
    with app.run() as resources:
        assert resources.client() is not client
        assert resources.client().database is resources.first


def test_a_started_app_that_is_overridden():
    """What replaces an app-scoped key lives for the run, with what is above it; the rest is the started app's."""

    class Layered(ResourceContainer):
        first = Database(host="first")
        client = providers.Singleton(Client, database=first)
        user = Cache(below=client)

    app = Layered()
    with app:
        shared = app.get("first")
        with app.override(user=Cache()), app.run() as resources:
            assert resources.first is shared
        assert TRACE[2:] == ["+user", "-user"]
        with app.override(first=Database(host="fake")) as fake, fake.run() as resources:
            assert resources.client().host == "fake"
            assert resources.user.below is resources.client()
        assert TRACE[4:] == ["+first", "+user", "-user", "-first"]
        assert app.client().host == "first"


def test_the_app_scope_of_two_containers():
    """Two instances of one class start and stop on their own."""
    first, second = App(), App()
    with first:
        with second:
            assert first.get("database") is not second.get("database")
        assert first.get("database").host == "localhost"
        with pytest.raises(NoActiveRunError):
            second.get("database")


def test_an_override_of_another_container_changes_nothing_here():
    """A started app is seen as it is while some other container is overridden."""

    class Clock(ConfigurableResource, scope="app"):
        zone: str

    class Mine(ResourceContainer):
        clock = Clock(zone="UTC")

    class Other(ResourceContainer):
        clock = Clock(zone="CET")

    with Mine() as app, Other().override(clock=Clock(zone="fake")):
        assert app.providers["clock"]().zone == "UTC"


def test_what_get_gives_follows_every_change():
    """`app.get` gives what is there now: after a restart, an assignment, an override of either kind, inside a run."""

    class Pool(ConfigurableResource, scope="app"):
        name: str = "pool"

    class App(ResourceContainer):
        pool = Pool()

    app = App()
    with app:
        first = app.get("pool")
        assert app.get("pool") is app.get(Pool) is app.get("pool") is first
        with app.override(pool=Pool(name="fake")) as fake, fake.run() as resources:
            assert app.get("pool") is resources.pool
            assert app.get(Pool) is not first
        assert app.get("pool") is first
        with app.run() as resources:
            assert app.get("pool") is resources.pool is first
        app.pool.override(Pool(name="other"))
        with pytest.raises(NoActiveRunError):
            app.get("pool")
        app.pool.reset_override()
        assert app.get("pool") is first
        app.pool = Pool(name="new")
        with pytest.raises(NoActiveRunError):
            app.get("pool")
    with pytest.raises(NoActiveRunError):
        app.get("pool")
    with app:
        assert app.get("pool").name == "new"
        with pytest.raises(TypeError):
            app.get([])
