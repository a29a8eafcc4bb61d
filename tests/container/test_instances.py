"""Container instances: independent of each other, replaceable at once, copied and pickled as recipes."""

import copy
import pickle
from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable
from unittest.mock import Mock

import pytest
from dependency_injector import containers, providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    EnvVar,
    InjectionError,
    NoActiveRunError,
    NotInRunError,
    ResourceContainer,
    RunStateError,
    UnknownKeyError,
    secret,
)


class Database(ConfigurableResource, scope="app"):
    host: str = "localhost"
    password: str = secret(default="hunter2")


class Fake(Database):
    pass


class Orders(ConfigurableResource):
    database: Database


class Client:
    pass


class Clients(ConfigurableResourceFactory[Client]):
    def create_resource(self):
        return Client()


class Service:
    def __init__(self, database=None):
        self.database = database


class Base(ResourceContainer):
    """A docstring of the user's."""

    limit = 5
    database = Database()
    orders = Orders(database=database)
    singleton = providers.Singleton(Service, database=database)

    def hosts(self):
        with self.run("database") as resources:
            return [resources.database.host] * self.limit

    @classmethod
    def title(cls):
        return cls.__name__.lower()

    @staticmethod
    def twice(number):
        return 2 * number

    @property
    def size(self):
        return len(self.providers)


class Prod(Base):
    database = Database(host="db-1")


class Needs(ResourceContainer):
    database = Database(host=EnvVar("RESOURCEKIT_TEST_HOST"))


def host(container):
    """The host that `orders` sees."""
    with container.run("orders") as resources:
        return resources.orders.database.host


def test_instances_are_independent():
    """Whatever is done to one instance, another and the class know nothing of it."""
    one, two = Base(), Base()
    one.database = Database(host="one")
    two.database.override(Database(host="two"))
    one.singleton.override("one")
    assert [host(each) for each in (one, two, Base())] == ["one", "two", "localhost"]
    with one:
        with pytest.raises(NoActiveRunError):
            two.get(Database)
        assert one.get(Database).host == "one"
    with two, Base() as three:
        assert isinstance(two.singleton(), Service)
        assert two.singleton() is two.singleton()
        assert two.singleton() is not three.singleton()


def test_making_an_instance_reads_and_opens_nothing(monkeypatch):
    """A module may hold an instance: the variable is read by the run."""
    app = Needs()
    monkeypatch.setenv("RESOURCEKIT_TEST_HOST", "late")
    with app.run() as resources:
        assert resources.database.host == "late"


def test_isinstance_and_repr():
    """An instance is one of its class and of the class's bases, and shows its keys but no value."""
    app = Prod()
    assert isinstance(app, Prod)
    assert isinstance(app, Base)
    assert isinstance(app, ResourceContainer)
    assert isinstance(app, containers.Container)
    assert not isinstance(Base(), Prod)
    assert not isinstance(containers.DynamicContainer(), Base)
    assert not isinstance(3, Base)
    assert repr(app) == "<Prod container: database, orders, singleton>"


def test_a_keyword_replaces_a_key_at_once():
    """`Prod(database=Fake())` is a container whose every reference to `database` is the fake's."""
    app = Prod(database=Fake(host="fake"))
    with app.run() as resources:
        assert isinstance(resources.database, Fake)
        assert resources.orders.database is resources.database
        with app:
            assert app.singleton().database is app.get("database")
    assert host(Prod()) == "db-1"


@pytest.mark.parametrize("fake", [Mock(), "text", None])
def test_a_keyword_takes_a_plain_value(fake):
    """A mock or any value takes a resource's place as it is: no hooks, no copy."""
    with Base(database=fake).run("database") as resources:
        assert resources.database is fake


def test_a_keyword_takes_a_provider():
    """A provider takes a resource's place; whoever refers to the key gets what it makes."""
    assert host(Base(database=providers.Factory(Fake, host="made"))) == "made"


def test_a_keyword_overrides_a_plain_provider():
    """Where the class has a provider of dependency-injector's, it is overridden as dependency-injector does."""
    assert Base(singleton=3).singleton() == 3
    with Base(singleton=Fake()).run() as resources:
        assert isinstance(resources.singleton, Fake)


def test_an_unknown_keyword():
    """A key that is not there is an error that tells the nearest."""
    with pytest.raises(UnknownKeyError, match="Prod has no key 'databse'; did you mean database"):
        Prod(databse=Fake())


def test_a_keyword_with_a_class_or_list_of_resources():
    """What a body refuses is refused here as well."""
    with pytest.raises(DefinitionError, match="is the class Fake"):
        Prod(database=Fake)
    with pytest.raises(DefinitionError, match="bare list of resources"):
        Prod(database=[Fake()])


def test_the_users_own_methods():
    """Methods, properties and constants of the container class work on an instance; misspelled names are told."""
    app = Prod()
    assert app.hosts() == ["db-1"] * 5
    assert (app.title(), app.twice(4), app.size, app.limit) == ("prod", 8, 3, 5)
    with pytest.raises(AttributeError, match=r"Prod has no attribute 'databse'; did you mean database\?"):
        app.databse  # noqa: B018


def test_the_parts_of_a_dynamic_container_still_work():
    """set_provider, resolve_provider_name, traverse, dependencies and reset_singletons are dependency-injector's."""
    app = Base()
    app.set_provider("other", Database(host="other"))
    app.set_providers(more=providers.Object(3))
    assert app.resolve_provider_name(app.orders) == "orders"
    assert set(app.traverse(types=[providers.Singleton])) == {app.singleton}
    assert app.database in set(app.traverse())
    assert app.dependencies == {}
    with app.reset_singletons() as same, same.run() as resources:
        assert (resources.other.host, resources.more()) == ("other", 3)


def roundtrip(container):
    return pickle.loads(pickle.dumps(container))


def test_a_container_pickles_as_a_recipe():
    """What arrives is made anew from the class: nothing of a run or a started app travels."""
    app = Prod()
    with app, app.run():
        assert b"hunter2" not in pickle.dumps(app)
        arrived = roundtrip(app)
    assert isinstance(arrived, Prod)
    assert host(arrived) == "db-1"
    with pytest.raises(NoActiveRunError):
        arrived.get(Database)


def test_replaced_assigned_and_deleted_keys_are_part_of_the_recipe():
    """Keywords, later assignment and deletion arrive, in order."""
    app = Prod(database=Fake(host="new"))
    app.extra = Database(host="extra")
    app.extra = Database(host="again")
    app.gone = Database()
    del app.gone
    arrived = roundtrip(app)
    assert host(arrived) == "new"
    assert list(arrived.providers) == list(app.providers)
    with arrived.run("extra") as resources:
        assert resources.extra.host == "again"


def test_overrides_and_overlays_are_part_of_the_recipe(monkeypatch):
    """`with_config` and `override` arrive, with what comes from variables still to be read there."""
    monkeypatch.setenv("RESOURCEKIT_TEST_HOST", "there")
    app = Prod().with_config({"database": {"host": {"env": "RESOURCEKIT_TEST_HOST"}}})
    assert host(roundtrip(app)) == "there"
    with app.override(database=Fake(host="fake")) as fake:
        arrived = roundtrip(fake)
    assert host(arrived) == "fake"
    assert host(roundtrip(roundtrip(arrived))) == "fake"


@pytest.mark.parametrize("name", ["class", "instance", "nested"])
def test_references_to_keys_arrive_as_references(name):
    """What was given `Base.database` or `app.database` refers to the arrived container's key, not to a copy."""
    app = Prod()
    database = {"class": Base.database, "instance": app.database, "nested": Base.database}[name]
    app.more = Orders(database=database)
    assert host(Prod(orders=Orders(database=Base.database))) == "db-1"
    with roundtrip(app).run() as resources:
        assert resources.more.database is resources.database


def test_of_containers_pickle():
    """A container made from a dictionary is made from it again, also one with a class that has keys of its own."""
    database = Database(host="of")
    app = ResourceContainer.of({"database": database, "orders": Orders(database=database), "url": "x"})
    with roundtrip(app).run() as resources:
        assert resources.orders.database is resources.database
        assert (resources.url, resources.database.host) == ("x", "of")
    assert host(roundtrip(Base.of({"database": database}).with_config({"database": {"host": "cfg"}}))) == "cfg"


def test_a_provider_of_ours_does_not_pickle_by_itself():
    """It would arrive as a copy that nobody knows; the error says to send the container."""
    with pytest.raises(TypeError, match="the provider of 'database' cannot be pickled; send the container"):
        pickle.dumps(Prod.database)


def test_a_live_view_and_a_live_resource_do_not_pickle():
    """Live state is refused with a clear error."""
    with Prod().run() as resources:
        with pytest.raises(RunStateError, match="live resources cannot be pickled; send the container"):
            pickle.dumps(resources)
        with pytest.raises(TypeError, match="live Database cannot be copied or pickled"):
            pickle.dumps(resources.database)


def test_deepcopy_is_another_independent_instance():
    """A deep copy has the same keys, overlays and overrides, and a life of its own."""
    app = Prod(database=Fake(host="fake")).with_config({"database": {"host": "cfg"}})
    app.extra = Orders(database=app.database)
    with app:
        twin = copy.deepcopy(app)
        with pytest.raises(NoActiveRunError):
            twin.get(Database)
    twin.late = Orders(database=app.database)
    app.database = Database(host="only app's")
    with twin.run() as resources:
        assert resources.extra.database is resources.orders.database is resources.late.database is resources.database
        assert resources.database.host == "cfg"
    assert isinstance(twin, Prod)
    assert host(roundtrip(twin)) == "cfg"


def test_deepcopy_of_what_holds_a_container_twice():
    """A container that is held twice is copied once."""
    app = Prod()
    one, two = copy.deepcopy([app, app])
    assert one is two is not app


def test_a_chain_of_two_thousand_resources():
    """A chain may be long: making, copying, overriding, planning and running it do not recurse."""

    class Link(ConfigurableResource):
        before: "Link | None"

    chain, resource = {}, None
    for number in range(2_000):
        chain[f"link{number}"] = resource = Link(before=resource)
    app = ResourceContainer.of(chain)
    assert len(app.plan("link1999").steps) == 2_000
    for each in (app, copy.deepcopy(app), app.with_config({})):
        with each.run() as resources:
            assert resources.link1999.before is resources.link1998
    with app.override(link0=Link()) as fake, fake.run("link1999") as resources:
        assert resources.link1999.before.before is not None


def test_five_thousand_keys():
    """Many keys are no trouble: an instance, a copy, an override and a run of them."""
    keys = {f"key{number}": Database(host=str(number)) for number in range(5_000)}
    app = ResourceContainer.of(keys)
    with app.override(key7=Fake(host="fake")) as fake, fake.run() as resources:
        assert (resources.key7.host, resources.key4999.host) == ("fake", "4999")
    twin = copy.deepcopy(app)
    assert len(twin.check()) == 0
    assert len(twin.providers) == 5_000


def test_get_by_key_and_by_type():
    """`get` gives the live object of the current run or app scope, by key or by the type users receive."""

    class Store(ConfigurableResource, ABC):
        @abstractmethod
        def read(self): ...

    class Memory(Store):
        def read(self):
            return 1

    @runtime_checkable
    class Closes(Protocol):
        def close(self): ...

    class Files(ConfigurableResource):
        def close(self): ...

    class App(Base):
        store = Memory()
        files = Files()
        client = Clients()

    app = App()
    with app.run() as resources:
        assert app.get("orders") is app.get(Orders) is resources.orders
        assert app.get(Store) is resources.store
        assert app.get(Closes) is resources.files
        assert app.get(Client) is app.get("client") is resources.client
        assert isinstance(resources.client, Client)
        with app.run("database") as inner:
            assert app.get("orders") is resources.orders
            assert app.get("database") is inner.database
    with app:
        assert app.get(Database).host == "localhost"
        with pytest.raises(NoActiveRunError, match="no live 'orders'"):
            app.get("orders")
    with pytest.raises(NoActiveRunError, match="neither an open run of App nor its app scope has it"):
        app.get(Database)


@pytest.mark.parametrize("wrong", [3, None, ["database"], Database()])
def test_get_of_what_is_no_key_and_no_type(wrong):
    """Only a key or a type can be asked for."""
    with Base().run(), pytest.raises(TypeError, match=r"wants a key of Base or a type, not .*its keys: database"):
        Base().get(wrong)


def test_configuration_options_are_copied_with_the_container():
    """A field that is given an option of a Configuration follows the Configuration of its own container."""

    class App(ResourceContainer):
        config = providers.Configuration()
        database = Database(host=config.host)

    app = App()
    app.config.from_dict({"host": "one"})
    twin, derived = copy.deepcopy(app), app.with_config({})
    app.config.from_dict({"host": "two"})
    hosts = []
    for each in (app, twin, derived):
        with each.run() as resources:
            hosts.append(resources.database.host)
    assert hosts == ["two", "one", "one"]


def test_configuration_files_are_loaded_unless_told_otherwise(tmp_path):
    """`auto_load_config` is dependency-injector's: with it a new instance reads the files its Configuration names."""
    (tmp_path / "c.json").write_text('{"host": "file"}')

    class App(ResourceContainer):
        config = providers.Configuration(json_files=[tmp_path / "c.json"])

    class Later(App):
        auto_load_config = False

    assert App().config.host() == "file"
    later = Later()
    assert later.config.host() is None
    later.load_config()
    assert later.config.host() == "file"


def test_get_of_what_is_not_there():
    """An unknown key or type, and a type that several keys have, are told as such."""
    app = Base(orders=Database())
    with app.run():
        with pytest.raises(UnknownKeyError, match="Base has no key 'databse'; did you mean database"):
            app.get("databse")
        with pytest.raises(InjectionError, match="Base has no key of type Client; its keys: database, orders"):
            app.get(Client)
        with pytest.raises(InjectionError, match=r"2 keys of type Database; use get\('database'\) or get\('orders'\)"):
            app.get(Database)


def test_a_very_long_key_is_shortened_in_messages():
    """A key of a megabyte is told by its first characters, wherever it is asked for."""
    key = "k" * 2**20
    app = Base()
    with app.run("database") as resources:
        for ask in (app.get, app.plan, app.check, lambda key: getattr(resources, key)):
            with pytest.raises((UnknownKeyError, NotInRunError)) as caught:
                ask(key)
            assert "kkk...'" in str(caught.value)
            assert len(str(caught.value)) < 400


def test_calling_a_provider_gives_the_live_object():
    """`app.providers["database"]()` is the live object of the run or the app; outside of both an error."""
    app = Prod()
    with app.run() as resources:
        assert app.providers["database"]() is app.database() is Prod.database() is Base.database() is resources.database
        with app.run("database"):
            assert app.orders() is resources.orders
    with app:
        assert app.database() is app.get(Database)
        with pytest.raises(NoActiveRunError):
            Prod().database()
    with pytest.raises(NoActiveRunError, match="no live 'database'"):
        app.database()


def test_calling_the_provider_of_a_key_that_has_become_a_value():
    """The provider a base had gives what this container has under its key, whatever that is."""

    class Valued(Base):
        database = 7

    class Made(Base):
        database = providers.Factory(Fake)

    with Valued().run("database"):
        assert Base.database() == 7
    with Made().run("database"):
        assert isinstance(Base.database(), Fake)


def test_start_and_close():
    """Without `with`, for notebooks: `start`, `close`, and a clear error where nothing was started."""
    app = Prod()
    assert app.start() is app
    assert app.start().get(Database).host == "db-1"
    app.close()
    assert app.get(Database).host == "db-1"
    app.close()
    with pytest.raises(RunStateError, match="not started"):
        app.close()
    run = app.run()
    assert run.start().database.host == "db-1"
    run.close()


@pytest.mark.anyio
async def test_start_and_close_async():
    """The same for async resources."""
    app = Prod()
    assert await app.astart() is app
    assert app.get(Database).host == "db-1"
    await app.aclose()
    async with app as same, same.run() as resources:
        assert resources.database is app.get(Database)
    with pytest.raises(RunStateError, match="not started"):
        await app.aclose()


def test_entering_checks_the_whole_container():
    """`with app:` tells what is wrong with any key, though only the app-scoped ones are started."""

    class App(ResourceContainer):
        database = Database()
        orders = Orders(database=database)
        broken = Orders(database=Fake(host=EnvVar("RESOURCEKIT_NOT_SET")))

    app = App()
    with pytest.raises(ConfigError) as caught:
        with app:
            pass
    assert "variable RESOURCEKIT_NOT_SET is not set" in str(caught.value)
    with app.run("orders"):
        pass


def test_unknown_keys_of_a_run():
    """A key that is not there is told with the nearest; nothing is opened."""
    for wrong in ("ordrs", "orders.database", ""):
        with pytest.raises(UnknownKeyError, match="Prod has no key"):
            with Prod().run(wrong):
                pass


def test_listen_ends_when_told():
    """A listener hears of the runs of its container until it is ended; ending twice is fine."""
    app, heard = Prod(), []
    stop = app.listen(lambda event: heard.append(event))
    with app.run("orders"):
        pass
    assert heard
    stop()
    stop()
    heard.clear()
    with app.run("orders"):
        pass
    assert heard == []
    with pytest.raises(TypeError, match=r"listen\(\) wants a function that takes an event, not an int"):
        app.listen(3)


def test_listeners_hear_of_overrides_and_derived_containers_have_their_own():
    """What is run under an override is heard by the original's listeners; `with_config` starts with the same ones."""
    app, heard = Prod(), []
    app.listen(lambda event: heard.append(event.container))
    with app.override(database=Fake()), app.run("database"):
        pass
    assert heard
    heard.clear()
    derived = app.with_config({})
    derived.listen(lambda event: None)
    with derived.run("database"):
        pass
    assert heard


def test_call_refuses_what_it_cannot_call():
    """An async function goes to `acall`, a generator function to `inject`."""

    async def report(orders: Orders): ...

    def rows(orders: Orders):
        yield 1

    with pytest.raises(RunStateError, match="acall"):
        Prod().call(report)
    with pytest.raises(RunStateError, match="inject"):
        Prod().call(rows)


def test_inject_opens_a_run_for_every_call():
    """A function under `app.inject` gets its own live resources on every call, a started app's where they are."""
    app = Prod()

    @app.inject
    def report(day, orders: Orders):
        return day, orders, orders.database

    with app:
        (_, one, shared), (_, two, same) = report("a"), report("b")
    assert one is not two
    assert shared is same
    assert app.call(lambda *, database: database, database=3) == 3


@pytest.mark.anyio
async def test_acall_calls_sync_and_async_functions():
    """`acall` opens an async run around a function of either kind, and gives what it returns."""

    async def report(day: str, orders: Orders):
        return day, orders.database.host

    def plain(orders: Orders):
        return orders.database.host

    assert await Prod().acall(report, "monday") == ("monday", "db-1")
    assert await Prod().acall(plain) == "db-1"
    assert await Prod().acall(plain, orders=Orders(database=Database(host="given"))) == "given"
