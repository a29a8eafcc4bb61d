"""Overrides: a derived container, seen in this context only, that leaves nothing behind."""

import asyncio
import contextvars
import threading
from unittest.mock import Mock

import anyio
import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigurableResource,
    DefinitionError,
    NoActiveRunError,
    PlanError,
    ResourceContainer,
    RunStateError,
    UnknownKeyError,
    inject,
    value,
)

LOG: list[str] = []


@pytest.fixture(autouse=True)
def log():
    """What hooks were called, in order."""
    LOG.clear()
    return LOG


class Database(ConfigurableResource, scope="app"):
    host: str = "real"

    def setup_for_execution(self):
        LOG.append(f"+{self.host}")

    def teardown_after_execution(self):
        LOG.append(f"-{self.host}")


class Fake(ConfigurableResource):
    """Not a Database, and run-scoped by its class."""

    host: str = "fake"

    def setup_for_execution(self):
        LOG.append(f"+{self.host}")

    def teardown_after_execution(self):
        LOG.append(f"-{self.host}")


class FakeDatabase(Database):
    pass


class Users(ConfigurableResource, scope="app"):
    database: Database


class Orders(ConfigurableResource):
    users: Users
    database: Database


class Cache(ConfigurableResource, scope="app"):
    size: int = 1


class Service:
    def __init__(self, database=None):
        self.database = database


class App(ResourceContainer):
    config = providers.Configuration()
    database = Database()
    cache = Cache()
    users = Users(database=database)
    orders = Orders(users=users, database=database)
    service = providers.Singleton(Service, database=database)
    lonely = providers.Singleton(Service)


def host(app):
    """The host `orders` sees, both ways."""
    with app.run("orders") as resources:
        assert resources.orders.users.database is resources.orders.database
        return resources.orders.database.host


def test_the_derived_container_has_the_replacement_everywhere():
    """In the block, and in the container that `as` gives, every reference to the key is the replacement's."""
    app = App()
    with app.override(database=FakeDatabase(host="fake")) as fake:
        assert host(app) == host(fake) == "fake"
        assert isinstance(fake, App)
        with app.run() as resources:
            assert isinstance(resources.database, FakeDatabase)
            assert resources.service().database is resources.database
    assert host(app) == "real"
    assert host(fake) == "fake"


def test_what_replaces_is_set_up_and_torn_down_like_any_other(log):
    """A replacement's hooks run in the place of what it replaces, in order."""
    with App().override(database=FakeDatabase(host="fake")) as fake, fake.run("orders"):
        log.append("body")
    assert log == ["+fake", "body", "-fake"]


def test_a_replacement_that_does_not_fit():
    """A replacement of another type than its users want is a problem like any other; a mock is not."""
    app = App()
    with app.override(database=Fake()):
        assert {problem.code for problem in app.check()} == {"type-mismatch"}
        with pytest.raises(PlanError), app.run():
            pass
    with app.override(database=Mock(host="mock")):
        assert app.check() == ()


@pytest.mark.parametrize("fake", [Mock(host="x"), Mock(spec=Database, host="x"), 7, None])
def test_mocks_and_plain_values(fake, log):
    """A mock or a value takes the place as it is: no hook is called, nothing is copied."""
    with App().override(database=fake) as derived, derived.run("database") as resources:
        assert resources.database is fake
    assert log == []


def test_a_provider_in_a_resources_place():
    """A provider is called once in the key's scope; every user gets the same object."""
    app = App()
    with app.override(database=providers.Factory(FakeDatabase, host="made")) as fake:
        with app.run() as resources:
            assert resources.database is resources.users.database is resources.orders.database
            assert (resources.database.host, resources.service().database) == ("made", resources.database)
        with fake, fake.run() as one, fake.run() as two:
            assert one.database is two.database
    with app.override(database=providers.Factory(int)):
        assert {problem.code for problem in app.check()} == {"type-mismatch"}


def test_a_plain_provider_is_replaced_by_anything():
    """A provider takes a provider's place, a value is given when it is called, a resource is live."""
    app = App()
    with app.override(service=providers.Object(3)), app.run("service") as resources:
        assert resources.service() == 3
    with app.override(service=4), app.run("service") as resources:
        assert resources.service() == 4
    with app.override(service=Cache(size=5)), app.run("service") as resources:
        assert resources.service.size == 5


def test_plain_values_are_replaced_by_plain_values():
    """A value's key is given another value, and a mock's another mock: users receive the last one."""

    class Valued(App):
        url = value("https://example.com")

    app = Valued()
    with app.override(url="https://test", database=Mock(host="outer")):
        with app.override(url=None, database=Mock(host="inner")), app.run() as resources:
            assert (resources.url, resources.database.host) == (None, "inner")
        with app.run("url") as resources:
            assert resources.url == "https://test"


def test_a_replacement_may_use_the_containers_keys():
    """A replacement may refer to other keys, and wrap what it does not replace."""
    app = App()
    with app.override(orders=Orders(users=App.users, database=App.database)), app.run() as resources:
        assert resources.orders.users is resources.users
    with app.override(users=Users(database=FakeDatabase(host="inner"))), app.run() as resources:
        assert resources.orders.users.database.host == "inner"
        assert resources.orders.database.host == "real"


def test_a_replacement_taken_from_another_key():
    """A key may be given what another key has: both are one thing then."""

    class Replicas(App):
        replica = Database(host="replica")

    app = Replicas()
    with app.override(database=app.replica), app.run() as resources:
        assert resources.orders.database is resources.replica


@pytest.mark.parametrize(
    ("wrong", "text"),
    [({"databse": Fake()}, "App has no key 'databse'; did you mean database"), ({"run": Fake()}, "no key 'run'")],
)
def test_unknown_keys(wrong, text):
    """An unknown key is an error with the nearest name, at once."""
    with pytest.raises(UnknownKeyError, match=text):
        App().override(**wrong)


def test_wrong_replacements():
    """A class, a bare list, a resource without a key, and keys beside a container are refused."""
    app = App()
    with pytest.raises(DefinitionError, match="is the class Fake"):
        app.override(database=Fake)
    with pytest.raises(DefinitionError, match="bare list of resources"):
        app.override(database=[Fake()])
    with pytest.raises(DefinitionError, match=r"override\(database=Fake"):
        app.override(Fake())
    with pytest.raises(DefinitionError, match="or one container"):
        app.override(App(), database=Fake())


def test_other_threads_see_nothing():
    """A thread has the original; given the derived container, it can use that."""
    app, seen = App(), []
    with app.override(database=FakeDatabase(host="fake")) as fake:
        threads = [threading.Thread(target=lambda each=each: seen.append(host(each))) for each in (app, fake)]
        for thread in threads:
            thread.start()
            thread.join()
        assert host(app) == "fake"
    assert seen == ["real", "fake"]


@pytest.mark.anyio
async def test_other_tasks_see_nothing():
    """A task that overrides is alone with it; a task it starts has it too, as with every ContextVar."""
    app, seen = App(), {}

    async def overriding(name, started):
        async with app.override(database=FakeDatabase(host=name)):
            started.set()
            await anyio.sleep(0.01)
            seen[name] = host(app)
            async with anyio.create_task_group() as inner:
                inner.start_soon(child, name)

    async def child(name):
        seen[f"child of {name}"] = host(app)

    one, two = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(overriding, "a", one)
        group.start_soon(overriding, "b", two)
        await one.wait()
        await two.wait()
        seen["outside"] = host(app)
    assert seen == {"a": "a", "child of a": "a", "b": "b", "child of b": "b", "outside": "real"}


def test_nested_overrides_add_up():
    """An override inside another has both; the inner one wins where both replace the same key."""
    app = App()
    with app.override(database=FakeDatabase(host="outer")):
        with app.override(cache=Cache(size=9)), app.run() as resources:
            assert (resources.cache.size, resources.orders.database.host) == (9, "outer")
        with app.override(database=FakeDatabase(host="inner")) as inner:
            assert host(app) == "inner"
            with inner.override(database=FakeDatabase(host="innermost")):
                assert (host(inner), host(app)) == ("innermost", "innermost")
        assert host(app) == "outer"
    assert host(app) == "real"


@given(st.permutations(range(4)), st.integers(0, 4))
def test_overlapping_overrides_end_in_any_order(order, ended):
    """Whichever ends first: the latest that is still on is seen, and when all have ended nothing is left."""
    app = App()
    overrides = [app.override(database=FakeDatabase(host=str(number))) for number in range(4)]
    for override in overrides:
        override.__enter__()
    for number in order[:ended]:
        overrides[number].__exit__(None, None, None)
    left = [number for number in range(4) if number not in order[:ended]]
    assert host(app) == (str(max(left)) if left else "real")
    for number in order[ended:]:
        overrides[number].__exit__(None, None, None)
    assert host(app) == "real"


def test_an_override_that_ends_in_another_context():
    """A fixture or notebook may leave where it did not enter: no error, and here nothing changes."""
    app = App()
    override = app.override(database=FakeDatabase(host="fake"))
    context = contextvars.copy_context()
    context.run(override.__enter__)
    override.__exit__(None, None, None)
    assert host(app) == "real"


def test_nothing_is_left_behind():
    """Objects made under an override, singletons that reach the key too, are gone with it; shared ones are one."""
    app = App()
    with app:
        before = app.service()
        assert before.database.host == "real"
        with app.override(database=FakeDatabase(host="fake")) as fake, fake.run() as resources:
            assert resources.service().database.host == "fake"
            assert resources.lonely is app.lonely
            assert resources.lonely() is app.lonely()
            assert fake.cache is app.cache
        assert app.service() is before
        assert app.service.overridden == app.database.overridden == ()
    assert host(App()) == "real"


def test_a_containers_attributes_are_the_overrides_in_its_block():
    """`app.service()` in the block is the derived container's singleton: the original's keeps nothing of the fake."""
    app = App()
    with app.override(database=FakeDatabase(host="fake")) as fake, app.run():
        assert app.service is fake.service
        assert app.service().database.host == "fake"
    with app.run():
        assert app.service().database.host == "real"
    with app.override(service=Mock(return_value=3), lonely=4):
        assert (app.service()(), app.lonely()) == (3, 4)
    assert "service" in dir(app)
    assert "hosts" not in dir(app)


def test_providers_that_do_not_reach_the_key_are_shared():
    """Only what reaches a replaced key is copied: a Configuration that is set later is seen by both."""

    class Configured(App):
        named = Database(host=App.config.host)

    app = Configured()
    with app.override(cache=Cache(size=2)) as fake:
        app.config.from_dict({"host": "set later"})
        with fake.run("named") as resources:
            assert resources.named.host == "set later"
        assert {key for key in app.providers if fake.providers[key] is not app.providers[key]} == {"cache"}


def test_children_of_dependency_injector_keep_their_parent():
    """A shared Dependency or nested container still belongs to the container it was declared in."""

    class Inner(ResourceContainer):
        cache = Cache()

    class Outer(App):
        needed = providers.Dependency(default=3)
        inner = providers.Container(Inner)

    app = Outer()
    with app.override(database=Mock()):
        assert app.needed.parent is app.inner.parent is app
    assert app.needed.parent_name == "Outer.needed"


def test_app_scoped_keys_that_are_replaced_live_for_the_run(log):
    """In a started app, the replacement and what is above it live for the run; the rest is the app's."""
    app = App()
    with app:
        log.clear()
        with app.override(database=FakeDatabase(host="fake")):
            with app.run() as resources:
                assert resources.cache is app.get(Cache)
                assert resources.users.database is resources.database
                assert resources.orders.users is resources.users
                log.append("body")
            assert log == ["+fake", "body", "-fake"]
        with app.run() as resources:
            assert resources.users.database is app.get("database")
            assert resources.database.host == "real"
    assert log == ["+fake", "body", "-fake", "-real"]


def test_a_replacement_takes_the_keys_scope():
    """A run-scoped class in an app-scoped key's place is app-scoped there: nothing above it is captured."""

    class RunScoped(FakeDatabase, scope="run"):
        pass

    with App().override(database=RunScoped(host="scoped")) as fake:
        assert {step.name: step.scope for step in fake.plan().steps}["database"] == "app"
        assert fake.check() == ()
        with fake, fake.run() as one, fake.run() as two:
            assert one.database is two.database


def test_starting_the_app_under_an_override(log):
    """`with app:` in the block starts the derived container; outside, the original is not started."""
    app = App()
    with app.override(database=FakeDatabase(host="fake")):
        with app:
            assert app.get("database").host == "fake"
            with app.run() as resources:
                assert resources.database is app.get("database")
        assert log == ["+fake", "-fake"]
    with pytest.raises(NoActiveRunError):
        app.get("database")


def test_an_app_that_outlives_the_override_it_was_started_under(log):
    """Started inside and closed outside, or the other way round: what was started is what is closed."""
    app = App()
    override = app.override(database=FakeDatabase(host="fake"))
    with override:
        app.start()
    app.close()
    assert log == ["+fake", "-fake"]
    app.start()
    with app.override(database=FakeDatabase(host="other")):
        app.close()
    assert log == ["+fake", "-fake", "+real", "-real"]
    with pytest.raises(RunStateError):
        app.close()


def test_two_threads_with_an_app_each_started(log):
    """One thread starts the original, another the overridden one; each leaves its own."""
    app, entered, left = App(), threading.Event(), threading.Event()

    def other():
        with app:
            entered.set()
            assert left.wait(60)

    thread = threading.Thread(target=other)
    with app.override(database=FakeDatabase(host="fake")):
        with app:
            thread.start()
            assert entered.wait(60)
        assert log == ["+fake", "+real", "-fake"]
    left.set()
    thread.join()
    assert log == ["+fake", "+real", "-fake", "-real"]


def test_get_call_and_inject_use_the_override():
    """Everything that is asked of the original in this context is the derived one's."""
    app = App()

    @app.inject
    def report(orders: Orders):
        return orders.database.host

    @inject
    def bare(orders: Orders):
        return orders.database.host

    with app.override(database=FakeDatabase(host="fake")):
        assert (report(), app.call(lambda orders: orders, orders=3)) == ("fake", 3)
        with app.run():
            assert (bare(), app.get("database").host, app.database().host) == ("fake", "fake", "fake")
            assert App.database().host == "fake"
        assert app.plan("orders").steps
        assert host(app.with_config({})) == "fake"
    assert report() == "real"


@pytest.mark.anyio
async def test_async_with():
    """`async with app.override(...)` is the same, for async code."""
    app = App()
    async with app.override(database=FakeDatabase(host="fake")) as fake, app.run() as resources:
        assert resources.database.host == "fake"
        assert await asyncio_free(fake) == "fake"
    assert host(app) == "real"


async def asyncio_free(app):
    async with app.run() as resources:
        return resources.database.host


def test_asyncio_to_thread_sees_the_override():
    """What is run with a copy of the context, as `asyncio.to_thread` does, sees what its starter sees."""
    app = App()

    async def main():
        with app.override(database=FakeDatabase(host="fake")):
            return await asyncio.to_thread(host, app)

    assert asyncio.run(main()) == "fake"


def test_dependency_injectors_own_form():
    """`override(container)` is global and lasts until it is reset, as dependency-injector has it."""

    class Stub(ResourceContainer):
        database = FakeDatabase(host="stub")

    class Plain(containers.DeclarativeContainer):
        database = providers.Factory(FakeDatabase, host="plain")

    app, seen = App(), []
    assert app.override(Stub()) is None
    thread = threading.Thread(target=lambda: seen.append(host(app)))
    thread.start()
    thread.join()
    assert [host(app), *seen] == ["stub", "stub"]
    app.reset_override()
    assert host(app) == "real"
    app.override(Plain())
    assert host(app) == "plain"
    app.reset_override()
    with pytest.raises(Exception, match="could not be overridden with itself"):
        app.override(app)


@pytest.mark.parametrize("fake", [FakeDatabase(host="x"), Mock(host="x"), providers.Factory(FakeDatabase, host="x")])
def test_a_providers_own_override_is_honoured_by_the_next_run(fake):
    """`app.database.override(...)` holds for the runs that follow, until it is reset; a call gives the same object."""
    app = App()
    assert host(app) == "real"
    with app.database.override(fake):
        assert host(app) == "x"
        with app.run() as resources:
            assert app.database() is resources.database is resources.orders.database
    assert host(app) == "real"
    app.database.override(fake)
    app.database.override(FakeDatabase(host="second"))
    assert host(app) == "second"
    app.database.reset_last_overriding()
    assert host(app) == "x"
    app.database.reset_override()
    assert host(app) == "real"


def test_override_providers():
    """dependency-injector's `override_providers` takes resources as well, and ends with its block."""
    app = App()
    with app.override_providers(database=FakeDatabase(host="x"), service=3):
        assert host(app) == "x"
        assert app.service() == 3
    assert host(app) == "real"


@pytest.mark.anyio
async def test_a_provider_that_gives_an_awaitable_in_a_resources_place():
    """A coroutine provider is awaited in an async run; in a sync one it is an error."""

    async def make():
        return FakeDatabase(host="awaited")

    app = App()
    with app.override(database=providers.Coroutine(make)):
        async with app.run("orders") as resources:
            assert resources.orders.database.host == "awaited"
        with pytest.raises(RunStateError, match="awaitable, and the run is sync"), app.run("orders"):
            pass


def test_threads_that_make_the_same_blueprint():
    """Many threads may run one container while its providers are overridden: each run is whole."""
    app, seen, failed = App(), set(), []

    def work():
        try:
            for _ in range(20):
                seen.add(host(app))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        with app.database.override(FakeDatabase(host=str(number))), app.lonely.override(number):
            assert host(app) == str(number)
            with app.run("lonely") as resources:
                assert resources.lonely() == number
    for thread in threads:
        thread.join()
    assert failed == []
    assert seen <= {"real", *map(str, range(20))}


def test_a_plain_providers_own_override_is_honoured_by_the_next_run():
    """The same for dependency-injector's providers, which tell nobody."""
    app = App()
    with app.run("service"), app.service.override(3):
        with app.run("service") as resources:
            assert resources.service() == 3
    with app.lonely.override(FakeDatabase(host="x")):
        assert [problem.code for problem in app.check("lonely")] == ["raw-resource"]
    assert app.check("lonely") == ()


def test_a_providers_own_override_in_a_started_app():
    """An app-scoped key that is overridden in a started app lives for the run, with what is above it."""
    app = App()
    with app:
        with app.database.override(FakeDatabase(host="fake")):
            assert host(app) == "fake"
            with app.run() as resources:
                assert resources.cache is app.get(Cache)
        assert host(app) == "real"


def test_an_override_is_part_of_a_pickle_but_not_of_a_new_instance():
    """The class and other instances know nothing of an instance's override."""
    one = App()
    with one.override(database=FakeDatabase(host="fake")):
        assert host(App()) == "real"
