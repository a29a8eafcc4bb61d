"""Containers in containers: `providers.Container(Storage)`, dotted keys, and everything that goes through them."""

import copy
import pickle

import pytest
from dependency_injector import containers, providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    EnvVar,
    InjectionError,
    NotInRunError,
    ResourceContainer,
    UnknownKeyError,
    inject,
)


class Database(ConfigurableResource):
    host: str = "localhost"


class AppDatabase(Database, scope="app"):
    pass


class Files(ConfigurableResource):
    database: Database
    root: str = "/"


class Service:
    def __init__(self, database=None):
        self.database = database


class Storage(ResourceContainer):
    db = Database(host="storage")
    files = Files(database=db)
    service = providers.Factory(Service, database=db)


class App(ResourceContainer):
    database = Database(host="app")
    storage = providers.Container(Storage)
    files = Files(database=storage.db)


class Given(ResourceContainer):
    database = Database(host="given")
    storage = providers.Container(Storage, db=database)
    files = Files(database=storage.db)


class Deep(ResourceContainer):
    inner = providers.Container(App)


def test_keys_of_a_nested_container_are_dotted():
    """`resources.storage.db`, `run("storage.db")`: a nested container's keys are keys, with a dot."""
    app = App()
    assert list(app.plan().keys) == ["database", "storage.db", "storage.files", "storage.service", "files"]
    with app.run() as resources:
        assert resources.storage.db.host == "storage"
        assert resources.storage.files.database is resources.files.database is resources.storage.db
        assert resources.storage.service().database is resources.storage.db
        assert dir(resources.storage) == ["db", "files", "service"]
        assert "storage" in repr(resources)
    with app.run("storage.files") as resources:
        assert resources.storage.files.database.host == "storage"
        with pytest.raises(
            NotInRunError, match=r"'storage\.db' is not in this run.*run\('storage.files', 'storage.db'\)"
        ):
            resources.storage.db  # noqa: B018


def test_containers_nested_twice():
    """Nesting goes to any depth."""
    with Deep().run("inner.storage.files") as resources:
        assert resources.inner.storage.files.database.host == "storage"
    with Deep().with_config({"inner": {"storage": {"db": {"host": "deep"}}}}).run() as resources:
        assert resources.inner.files.database.host == "deep"


class Simple(ResourceContainer):
    """Holds a resource that refers to nothing, and one that does."""

    db = Database()
    files = Files(database=db)


class Twice(ResourceContainer):
    """Nests one class twice."""

    first = providers.Container(Simple)
    second = providers.Container(Simple)


class Deeper(ResourceContainer):
    """Nests that in turn, twice."""

    left = providers.Container(Twice)
    right = providers.Container(Twice)


@pytest.mark.parametrize("app", [Twice(), copy.deepcopy(Twice()), pickle.loads(pickle.dumps(Twice()))], ids=str)
def test_one_class_nested_twice_is_two_containers(app):
    """What each holds is its own: set up by itself, configured by itself, overridden by itself."""
    with app.run() as resources:
        assert resources.first.db is not resources.second.db
        assert resources.first.files.database is resources.first.db
        assert resources.second.files.database is resources.second.db
    overlay = {"first": {"db": {"host": "one"}}}
    with app.with_config(overlay).run() as resources:
        assert (resources.first.db.host, resources.second.db.host) == ("one", "localhost")
    with app.run(config=overlay) as resources:
        assert (resources.first.files.database.host, resources.second.files.database.host) == ("one", "localhost")
    with app.override(**{"second.db": Database(host="fake")}), app.run() as resources:
        assert (resources.first.db.host, resources.second.db.host) == ("localhost", "fake")
    names = [step.name for step in app.plan().steps]
    assert sorted(names) == ["first.db", "first.files", "second.db", "second.files"]


def test_one_class_nested_twice_in_two_levels():
    """It is the same further down."""
    overlay = {"left": {"second": {"db": {"host": "one"}}}}
    with Deeper().with_config(overlay).run() as resources:
        hosts = [each.db.host for side in (resources.left, resources.right) for each in (side.first, side.second)]
    assert hosts == ["localhost", "one", "localhost", "localhost"]


def test_one_class_nested_twice_with_app_scoped_resources():
    """Each starts its own, once."""

    class Pool(ConfigurableResource, scope="app"): ...

    class Pools(ResourceContainer):
        pool = Pool()

    class Both(ResourceContainer):
        first = providers.Container(Pools)
        second = providers.Container(Pools)

    with Both() as app, app.run() as resources:
        assert resources.first.pool is not resources.second.pool
        assert resources.first.pool is app.get("first.pool")


def test_unknown_dotted_keys():
    """A misspelt dotted key is told with the nearest one."""
    for wrong in ("storage.bd", "storage", "stroage.db"):
        with pytest.raises(UnknownKeyError, match="did you mean storage"):
            App().check(wrong)


def test_a_nested_container_is_given_the_outer_ones_keys():
    """A key of the outer container given to the nested one is the same live object in both."""
    with Given().run() as resources:
        assert resources.storage.db is resources.database is resources.files.database
        assert resources.storage.files.database is resources.database
        assert resources.storage.service().database is resources.database
    assert [step.name for step in Given().plan().steps] == ["database", "storage.files", "files"]


def test_dependencies_of_a_nested_container():
    """A Dependency or DependenciesContainer of dependency-injector's is filled by our resources as well."""

    class Needs(ResourceContainer):
        db = providers.Dependency(instance_of=Database)
        gateways = providers.DependenciesContainer()
        files = Files(database=db)
        service = providers.Factory(Service, database=gateways.db)

    class Whole(ResourceContainer):
        storage = providers.Container(Storage)
        needs = providers.Container(Needs, db=storage.db, gateways=storage)

    with Whole().run() as resources:
        assert resources.needs.files.database is resources.storage.db
        assert resources.needs.service().database is resources.storage.db


def test_rebinding_goes_through():
    """A redefined key of the outer container reaches the nested one; a redefined nested container its users."""

    class Prod(Given):
        database = Database(host="prod")

    class Other(Storage):
        db = Database(host="other")

    class Swapped(App):
        storage = providers.Container(Other)

    with Prod().run() as resources:
        assert resources.storage.files.database is resources.files.database is resources.database
        assert resources.database.host == "prod"
    with Swapped().run() as resources:
        assert resources.storage.files.database is resources.storage.db
        assert resources.storage.db.host == "other"
        assert resources.files.database is resources.storage.db


def test_overrides_go_through():
    """An overridden key of the outer container reaches the nested one, and nothing is left afterwards."""
    app = Given()
    with app.override(database=Database(host="fake")), app.run() as resources:
        assert resources.storage.files.database is resources.files.database is resources.database
        assert resources.database.host == "fake"
    with app.run() as resources:
        assert resources.storage.db.host == "given"


def test_a_dotted_key_can_be_overridden():
    """A key of a nested container is overridden by its dotted name; the rest of it is shared."""
    app = App()
    with app.override(**{"storage.db": Database(host="fake")}) as fake:
        with app.run() as resources:
            assert resources.storage.db.host == "fake"
            assert resources.storage.files.database is resources.files.database is resources.storage.db
            assert resources.storage.service().database is resources.storage.db
            assert resources.database.host == "app"
        assert fake.database is app.database
        arrived = pickle.loads(pickle.dumps(fake))
    with arrived.run("files") as resources:
        assert resources.files.database.host == "fake"
    with app.run() as resources:
        assert resources.files.database.host == "storage"
    with pytest.raises(UnknownKeyError, match=r"did you mean storage\.db"):
        app.override(**{"storage.bd": Database()})


def test_a_nested_provider_can_be_overridden_by_itself():
    """`app.storage.db.override(...)` is honoured by the next run of the outer container."""
    app = App()
    with app.storage.db.override(Database(host="fake")), app.run() as resources:
        assert resources.files.database.host == "fake"
    with app.run() as resources:
        assert resources.files.database.host == "storage"
    app.storage.override(Storage(db=Database(host="whole")))
    with app.run() as resources:
        assert resources.storage.files.database.host == resources.files.database.host == "whole"
    app.storage.reset_override()
    with app.run() as resources:
        assert resources.files.database.host == "storage"


@pytest.mark.parametrize(
    "overlay",
    [
        {"storage": {"db": {"host": "cfg"}}},
        {"storage.db": {"host": "cfg"}},
        {"storage.db.host": "cfg"},
        {"storage": {"db.host": "cfg"}},
        {"storage": {"files": {"database": {"host": "cfg"}}}},
    ],
)
def test_config_goes_through(overlay):
    """Overlays name nested keys by nested tables or by dotted keys, for a container and for a run."""
    with App().with_config(overlay).run() as resources:
        assert resources.files.database.host == "cfg"
    with App().run(config=overlay) as resources:
        assert resources.storage.db.host == "cfg"


def test_what_is_wrong_in_a_nested_container():
    """A problem of a nested key is told by its dotted name; so are unknown ones in an overlay."""
    app = App(storage=Storage(db=Database(host=EnvVar("RESOURCEKIT_NOT_SET"))))
    assert [(problem.code, problem.where) for problem in app.check()] == [("missing-variable", "storage.db.host")]
    with pytest.raises(ConfigError) as caught, App().run(config={"storage": {"bd": {}, "db": {"hots": 1}}}):
        pass
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [
        ("unknown-key", "storage.bd"),
        ("unknown-field", "storage.db.hots"),
    ]


def test_app_scoped_resources_of_a_nested_container():
    """What is app-scoped in a nested container starts with the outer one."""

    class Apps(ResourceContainer):
        db = AppDatabase(host="started")
        files = Files(database=db)

    class Outer(ResourceContainer):
        apps = providers.Container(Apps)
        files = Files(database=apps.db)

    with Outer() as app, app.run() as one, app.run() as two:
        assert one.apps.db is two.files.database is app.get("apps.db")
        assert one.apps.files is not two.apps.files


def test_instances_with_nested_containers_are_independent():
    """Instances, copies and pickles have nested containers of their own."""
    one, two = App(), App()
    one.storage.db.override(Database(host="one"))
    three = copy.deepcopy(one)
    one.storage.db.reset_override()
    hosts = []
    for app in (one, two, three, pickle.loads(pickle.dumps(two))):
        with app.run("files") as resources:
            hosts.append(resources.files.database.host)
    assert hosts == ["storage", "storage", "one", "storage"]


def test_a_plain_container_of_dependency_injector_nested():
    """A DeclarativeContainer of dependency-injector's may be nested; its providers are keys with a dot."""

    class Plain(containers.DeclarativeContainer):
        config = providers.Configuration()
        service = providers.Singleton(Service, database=config.host)

    class Outer(ResourceContainer):
        plain = providers.Container(Plain)
        holder = Database(host=plain.config.host)

    app = Outer()
    app.plain.config.from_dict({"host": "h"})
    with app.run() as resources:
        assert (resources.holder.host, resources.plain.service().database) == ("h", "h")


def test_get_and_inject_find_nested_keys():
    """`get` takes a dotted key; a parameter finds a nested one by its type where it is the only one."""

    @inject
    def report(files: Files):
        return files.root

    class Only(ResourceContainer):
        storage = providers.Container(Storage)

    app = Only()
    with app.run() as resources:
        assert app.get("storage.db") is resources.storage.db
        assert app.get(Files) is resources.storage.files
        assert report() == "/"
        assert app.storage.db() is Only.storage.db() is resources.storage.db
    app = App()
    with app.run(), pytest.raises(InjectionError, match="2 keys of type Database"):
        app.get(Database)


def test_a_dotted_key_is_replaced_at_once():
    """`App(**{"storage.db": ...})` is a container whose nested one has another database."""
    with App(**{"storage.db": Database(host="new")}).run() as resources:
        assert resources.storage.files.database is resources.files.database is resources.storage.db
        assert resources.storage.db.host == "new"
    with pytest.raises(UnknownKeyError, match=r"did you mean storage\.db"):
        App(**{"storage.bd": Database()})
