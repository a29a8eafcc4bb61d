"""`providers.Resource` in our containers: what we open is shut down after what uses it; what you open is yours."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dependency_injector import providers, resources

from resourcekit import ConfigurableResource, ResourceContainer, Run, RunStateError, TeardownError

TRACE: list[str] = []
pytestmark = pytest.mark.usefixtures("_trace")


@pytest.fixture
def _trace() -> Iterator[None]:
    TRACE.clear()
    yield
    assert TRACE.count("+connection") == TRACE.count("-connection"), "whatever is opened is shut down in the end"


class Connection:
    """What a resource gives."""


def generator() -> Iterator[Connection]:
    """The usual form."""
    TRACE.append("+connection")
    yield Connection()
    TRACE.append("-connection")


class Classic(resources.Resource):
    """dependency-injector's own class of resources."""

    def init(self) -> Connection:
        TRACE.append("+connection")
        return Connection()

    def shutdown(self, _connection: Connection) -> None:
        TRACE.append("-connection")


FORMS = pytest.mark.parametrize("form", [generator, Classic, contextmanager(generator)])


class User(ConfigurableResource):
    """What uses it."""

    connection: object

    def setup_for_execution(self):
        TRACE.append("+user")

    def teardown_after_execution(self):
        TRACE.append("-user")


class AppUser(User, scope="app"):
    """What uses it as long as the app."""


def app_of(form, user=User):
    """An app with a resource of that form, and what uses it."""

    class App(ResourceContainer):
        connection = providers.Resource(form)
        user_of_it = user(connection=connection)
        service = providers.Factory(dict, connection=connection)

    return App()


@FORMS
def test_a_run_shuts_down_what_it_opened(form):
    """Opened as a resource's dependency, it is shut down after that one, at the end of the run."""
    app = app_of(form)
    for _ in range(3):
        with app.run() as live:
            assert isinstance(live.user_of_it.connection, Connection)
            assert live.service()["connection"] is live.user_of_it.connection
        assert not app.connection.initialized
    assert TRACE == ["+connection", "+user", "-user", "-connection"] * 3


@FORMS
def test_what_the_body_opens_is_shut_down_too(form):
    """Asked for by the body, directly or through a Factory, it ends with the run; not asked for, nothing happens."""
    app = app_of(form)
    with app.run("service", "connection") as live:
        assert live.service()["connection"] is live.connection()
    assert TRACE == ["+connection", "-connection"]
    with app.run("service"):
        pass
    assert TRACE == ["+connection", "-connection"]


def test_what_no_key_of_the_run_needs_is_not_the_runs():
    """A resource of another key than the run's is the user's own."""
    app = app_of(generator)
    with ResourceContainer.of({"one": providers.Object(1)}).run():
        app.connection()
    assert app.connection.initialized
    app.shutdown_resources()


@FORMS
def test_a_started_app_keeps_it_until_it_closes(form):
    """Opened at the start, by a run or by the body: in a started app it is shut down when the app closes."""
    app = app_of(form)
    with app:
        assert TRACE == []
        with app.run():
            pass
        with app.run() as live:
            assert live.connection() is app.connection()
        assert TRACE == ["+connection", "+user", "-user", "+user", "-user"]
    assert TRACE[-1] == "-connection"
    assert not app.connection.initialized


def test_an_app_that_is_started_by_hand():
    """`start` and `close` do as `with` does, also where several have entered, and where it is started again."""
    app = app_of(generator, AppUser)
    for _ in range(2):
        app.start()
        with app:
            app.connection()
        assert app.connection.initialized
        app.close()
        assert TRACE == ["+connection", "+user", "-user", "-connection"]
        TRACE.clear()


def test_an_app_that_starts_while_a_run_is_open():
    """The last of those who use it shuts it down, whichever that is."""
    app = app_of(generator)
    run = app.run()
    run.start()
    with app:
        run.close()
        assert app.connection.initialized
    assert TRACE == ["+connection", "+user", "-user", "-connection"]
    app.start()
    run = app.run()
    run.start()
    app.close()
    run.close()
    assert not app.connection.initialized


@FORMS
def test_what_the_user_has_initialised_is_left_alone(form):
    """After `init_resources()` neither runs nor apps shut it down: `shutdown_resources()` does."""
    app = app_of(form)
    app.init_resources()
    with app.run():
        pass
    with app, app.run():
        pass
    assert app.connection.initialized
    assert TRACE.count("-connection") == 0
    app.shutdown_resources()
    assert TRACE[-1] == "-connection"


def test_what_the_body_has_shut_down_is_not_shut_down_again():
    """`shutdown_resources()` in the body is fine; opened again after that, it ends with the run."""
    app = app_of(generator)
    with app.run():
        app.shutdown_resources()
    with app.run():
        app.shutdown_resources()
        app.connection()
    assert TRACE.count("-connection") == 3


def test_overlapping_runs_share_it():
    """Runs in threads share the one object; the last of them that ends shuts it down."""
    app = app_of(generator)
    inside = threading.Barrier(3, timeout=60)
    seen: list[object] = []

    def work():
        with app.run() as live:
            seen.append(live.user_of_it.connection)
            inside.wait()

    with app.run():
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        inside.wait()
        for thread in threads:
            thread.join(60)
        assert app.connection.initialized
        assert "-connection" not in TRACE
    assert seen[0] is seen[1]
    assert TRACE[-1] == "-connection"


@pytest.mark.skipif(not hasattr(providers, "ContextLocalResource"), reason="older resources end in another way")
def test_one_that_is_used_again_while_it_is_shut_down():
    """Who comes while it is shut down gets a new one, which is shut down in its turn."""
    later: list[Run[Any]] = []

    def form() -> Iterator[Connection]:
        TRACE.append("+connection")
        yield Connection()
        if not later:
            later.append(app.run("user_of_it"))
            later[0].start()
        TRACE.append("-connection")

    app = app_of(form)
    with app.run():
        pass
    assert TRACE == ["+connection", "+user", "-user", "+connection", "+user", "-connection"]
    assert app.connection.initialized
    later[0].close()
    assert TRACE[-2:] == ["-user", "-connection"]
    assert not app.connection.initialized


def test_nested_runs_share_it():
    """A run inside another does not end what that one uses."""
    app = app_of(generator)
    with app.run() as outer, app.run() as inner:
        assert inner.user_of_it.connection is outer.user_of_it.connection
    assert TRACE == ["+connection", "+user", "+user", "-user", "-user", "-connection"]


def test_one_that_uses_another():
    """They are shut down in reverse order: what uses another goes first."""

    def inner():
        TRACE.append("+inner")
        yield 1
        TRACE.append("-inner")

    def outer(number):
        TRACE.append("+outer")
        yield number + 1
        TRACE.append("-outer")

    class App(ResourceContainer):
        second = providers.Resource(outer, providers.Resource(inner))
        needs = User(connection=second)

    with App().run("needs") as live:
        assert live.needs.connection == 2
    assert TRACE == ["+inner", "+outer", "+user", "-user", "-outer", "-inner"]


def test_a_failing_set_up_shuts_it_down():
    """When a resource after it cannot be set up, it is shut down as well; the error surfaces as itself."""

    class Broken(User):
        def setup_for_execution(self):
            raise ValueError("no")

    app = app_of(generator, Broken)
    with pytest.raises(ValueError, match="no"), app.run():
        pass
    assert TRACE == ["+connection", "-connection"]


def test_one_that_fails_to_open():
    """It raises as itself, and is not shut down: nothing was opened."""

    def failing():
        raise OSError("unreachable")
        yield

    with pytest.raises(OSError, match="unreachable"), app_of(failing).run():
        pass
    with pytest.raises(OSError, match="unreachable"), app_of(failing, AppUser):
        pass


def test_one_that_fails_to_shut_down():
    """A failing shut-down is a teardown error that names the key; the others are shut down all the same."""

    def failing():
        yield Connection()
        raise OSError("lost")

    class App(ResourceContainer):
        first = providers.Resource(generator)
        second = providers.Resource(failing)
        user_of_it = User(connection=providers.Factory(dict, first=first, second=second))

    for opened in (App().run(), App()):
        with pytest.raises(TeardownError) as caught, opened as live:
            live.second()
            live.first()
        assert [type(error) for error in caught.value.exceptions] == [OSError]
        assert "'second'" in caught.value.exceptions[0].__notes__[0]
    with pytest.raises(KeyError) as body, App().run():
        raise KeyError("body")
    assert [type(error) for error in body.value.teardown_errors.exceptions] == [OSError]


def test_one_over_an_app_scoped_resource_goes_with_that():
    """What stands on an app-scoped resource ends before it: with the app, or with the run that had it."""

    class Pool(ConfigurableResource, scope="app"):
        def teardown_after_execution(self):
            TRACE.append("-pool")

    def over(_pool):
        TRACE.append("+connection")
        yield Connection()
        TRACE.append("-connection")

    class App(ResourceContainer):
        pool = Pool()
        connection = providers.Resource(over, pool)
        user_of_it = User(connection=connection)

    app = App()
    with app:
        with app.run():
            pass
        assert TRACE == ["+connection", "+user", "-user"]
    assert TRACE[-2:] == ["-connection", "-pool"]
    with app.run():
        pass
    assert TRACE[-2:] == ["-connection", "-pool"]


def test_one_in_a_nested_container_and_a_shared_one():
    """In a nested container it is the same; in one that was given, it is the giver's where that has initialised it."""

    class Inner(ResourceContainer):
        connection = providers.Resource(generator)

    class App(ResourceContainer):
        inner = providers.Container(Inner)
        user_of_it = User(connection=inner.connection)

    with App().run():
        pass
    assert TRACE == ["+connection", "+user", "-user", "-connection"]
    inner = Inner()
    inner.init_resources()
    with App(inner=inner).run() as live:
        assert live.user_of_it.connection is inner.connection()
    assert inner.connection.initialized
    inner.shutdown_resources()
    with inner, App(inner=inner).run():
        pass
    assert not inner.connection.initialized


def test_one_that_is_overridden():
    """What overrides it is what is shut down."""
    app = app_of(generator)
    with app.connection.override(providers.Resource(Classic)), app.run():
        assert not app.connection.initialized
    assert TRACE == ["+connection", "+user", "-user", "-connection"]
    with app.override(connection=providers.Object(3)), app.run() as live:
        assert live.user_of_it.connection == 3
    assert TRACE.count("+connection") == 1


@pytest.mark.skipif(not hasattr(providers, "ContextLocalResource"), reason="older resources end in another way")
def test_one_for_each_context():
    """A `ContextLocalResource` is shut down where it was opened."""

    class App(ResourceContainer):
        connection = providers.ContextLocalResource(generator)
        user_of_it = User(connection=connection)

    with App().run():
        pass
    assert TRACE == ["+connection", "+user", "-user", "-connection"]


def test_a_concurrent_run_and_a_run_with_a_report():
    """Runs of every kind shut it down."""
    app = app_of(generator)
    for options in ({"concurrent": True}, {"report": True}, {"config": {}}):
        with app.run(**options):
            pass
    assert TRACE == ["+connection", "+user", "-user", "-connection"] * 3


async def agenerator():
    """The usual async form."""
    TRACE.append("+connection")
    yield Connection()
    TRACE.append("-connection")


class AsyncClassic(resources.AsyncResource):
    """dependency-injector's own class of async resources."""

    async def init(self) -> Connection:
        TRACE.append("+connection")
        return Connection()

    async def shutdown(self, _connection: Connection) -> None:
        TRACE.append("-connection")


ASYNC_FORMS = pytest.mark.parametrize("form", [agenerator, AsyncClassic])


@pytest.fixture
def anyio_backend():
    """dependency-injector knows asyncio alone."""
    return "asyncio"


@ASYNC_FORMS
@pytest.mark.anyio
async def test_async_ones(form):
    """Async resources are awaited, opened and shut down, in async runs and apps; the user's are left alone."""
    app = app_of(form)
    async with app.run() as live:
        assert isinstance(live.user_of_it.connection, Connection)
    assert TRACE == ["+connection", "+user", "-user", "-connection"]
    async with app:
        async with app.run():
            pass
        assert app.connection.initialized
    assert TRACE[-1] == "-connection"
    await app.init_resources()
    async with app, app.run():
        pass
    assert app.connection.initialized
    await app.shutdown_resources()


@ASYNC_FORMS
@pytest.mark.anyio
async def test_async_ones_that_fail(form):
    """A body that fails shuts it down; a failing shut-down is a teardown error."""
    with pytest.raises(ValueError, match="body"):
        async with app_of(form).run():
            raise ValueError("body")

    async def failing():
        yield Connection()
        raise OSError("lost")

    with pytest.raises(TeardownError) as caught:
        async with app_of(failing).run():
            pass
    assert [type(error) for error in caught.value.exceptions] == [OSError]


@pytest.mark.skipif(not hasattr(providers, "ContextLocalResource"), reason="older resources end in another way")
@pytest.mark.anyio
async def test_an_async_one_in_a_sync_run():
    """A sync run cannot await it: the error says so."""
    app = app_of(agenerator)
    with pytest.raises(TeardownError) as caught, app.run("connection") as live:
        await live.connection()
    [error] = caught.value.exceptions
    assert isinstance(error, RunStateError)
    assert "async with" in str(error)
    TRACE.append("-connection")  # It could not be.


class Pool(ConfigurableResource, scope="app"):
    """What lives as long as the app."""

    def teardown_after_execution(self):
        TRACE.append("-pool")


def over(base):
    """An app with an async resource over an app-scoped one, in a container of its own."""

    class Inner(ResourceContainer):
        pool = Pool()
        connection = providers.Resource(base, pool)

    class App(ResourceContainer):
        inner = providers.Container(Inner)
        user_of_it = User(connection=inner.connection)

    return App()


async def over_pool(_pool):
    """It needs the pool."""
    TRACE.append("+connection")
    yield Connection()
    TRACE.append("-connection")


@pytest.mark.anyio
async def test_an_async_one_over_an_app_scoped_resource():
    """It is awaited before what it stands on is torn down: with the app, or with the run that had it."""
    app = over(over_pool)
    async with app:
        async with app.run():
            pass
        assert TRACE == ["+connection", "+user", "-user"]
    assert TRACE[-2:] == ["-connection", "-pool"]
    for _ in range(2):
        async with app.run():
            pass
        assert TRACE[-3:] == ["-user", "-connection", "-pool"]
    with app:
        pass  # Nothing was opened, so that there is nothing to be awaited.


@pytest.mark.anyio
async def test_an_async_one_over_an_app_scoped_resource_that_fails():
    """A failing shut-down is told; what it stands on is torn down all the same."""

    async def failing(_pool):
        yield Connection()
        raise OSError("lost")

    app = over(failing)
    for opened in (app, app.run()):
        with pytest.raises(TeardownError) as caught:
            async with opened:
                await app.inner.connection()
        assert [type(error) for error in caught.value.exceptions] == [OSError]
        assert TRACE.pop() == "-pool"


def test_a_fork_leaves_the_parents_alone():
    """In a forked child nothing of the parent's is shut down, whatever runs the child opens and ends."""
    app = app_of(generator)
    with app.run():
        child = os.fork()
        if child == 0:
            try:
                with app.run():
                    pass
            finally:
                os._exit(TRACE.count("-connection"))
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert TRACE == ["+connection", "+user", "-user", "-connection"]
