"""What steps receive: resources by key, from dicts and containers laid over one another."""

import sqlite3
from contextlib import closing
from typing import Protocol
from unittest.mock import MagicMock, Mock

import pytest
from dependency_injector import providers

from resourcekit import (
    AssetExecutionContext,
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    Definitions,
    EnvVar,
    InjectionError,
    InMemoryIOManager,
    ResourceContainer,
    ResourceNotRequestedError,
    ResourceParam,
    asset,
    inject,
    injected,
    job,
    materialize,
    op,
    ref,
    value,
)


class Database(ConfigurableResource):
    """Tells who it is."""

    name: str = "db"

    def setup_for_execution(self, context):
        self._key = context.key


class Orders(ConfigurableResource):
    database: Database
    limit: int = 10


class Sqlite(ConfigurableResourceFactory[sqlite3.Connection]):
    def create_resource(self):
        with closing(sqlite3.connect(":memory:")) as connection:
            yield connection


@asset
def names(database: Database, orders: Orders) -> tuple[str, str]:
    return database.name, orders.database.name


def problems(*assets, **resources):
    return [(each.code, each.where, each.hint) for each in Definitions(assets, resources=resources).check()]


def run(step, resources=None, **options):
    """The output of one asset."""
    return materialize([step], resources=resources, **options).output_for(step)


def test_every_kind_of_thing_in_a_dict():
    """A dict may hold resources, factories, providers of dependency-injector's and plain values."""

    @asset
    def all_of_them(
        database: Database,
        connection: ResourceParam[sqlite3.Connection],
        basket: ResourceParam[list],
        url: ResourceParam[str],
        nothing: ResourceParam[None],
        mock: ResourceParam[Mock],
    ):
        return database.name, connection.execute("select 1").fetchone(), basket, url, nothing, mock

    mock = Mock()
    resources = {
        "database": Database(),
        "connection": Sqlite(),
        "basket": providers.Factory(list, [1]),
        "url": "https://api.example.com",
        "nothing": None,
        "mock": mock,
    }
    assert run(all_of_them, resources) == ("db", (1,), [1], "https://api.example.com", None, mock)


def test_a_provider_that_makes_resources():
    """A provider of dependency-injector's that makes resources is refused: no run would call their hooks."""

    @asset
    def name(database: ResourceParam[object]) -> str:
        return database.name

    way = "give the resource itself, database=Database(...): there is one for each run, or scope='app'"
    for provider in (providers.Singleton(Database), providers.Factory(Database)):
        (problem,) = Definitions([name], resources={"database": provider}).check()
        assert (problem.code, problem.where, problem.hint) == ("raw-resource", "name", way)
        assert f"the {type(provider).__name__} under 'database' makes a Database that no run sets up" in str(problem)
    with pytest.raises(DefinitionError, match="'database' gave a Database that no run has set up; give the resource"):
        run(name, {"database": providers.Callable(Database)})


def test_a_provider_that_gives_what_needs_no_run():
    """A provider may give a resource without hooks and resources of its own, or one that the run has set up."""

    class Named(ConfigurableResource):
        name: str

    @asset
    def name(database: ResourceParam[object]) -> str:
        return database.name

    class Reached(ResourceContainer):
        main = Database(name="live")
        database = providers.Callable(lambda main: main, main)

    assert run(name, {"database": providers.Factory(Named, name="made")}) == "made"
    assert run(name, Reached) == "live"


def test_a_vended_type_asks_for_the_factory():
    """A parameter annotated with what a factory vends is a resource, unless an asset of its name is there."""

    @asset
    def one(connection: sqlite3.Connection) -> int:
        return connection.execute("select 1").fetchone()[0]

    assert run(one, {"connection": Sqlite()}) == 1

    @asset
    def connection() -> str:
        return "an asset"

    @asset
    def two(connection: sqlite3.Connection) -> str:
        return connection

    assert materialize([connection, two], resources={"connection": Sqlite()}).output_for(two) == "an asset"


def test_optional_resources():
    """`Database | None` is a resource: filled where there is one, else None; a default is kept."""

    @asset
    def maybe(database: Database | None, other: Database | None = None, third: Database = injected()):
        return database and database.name, other, third.name

    @asset
    def unhashable(database: Database | list = []):  # noqa: B006
        return database

    assert run(unhashable) == []
    assert isinstance(run(unhashable, {"database": Database()}), Database)
    assert run(maybe, {"third": Database(name="c")}) == (None, None, "c")
    assert run(maybe, {"third": Database(name="c"), "database": Database(name="a")}) == ("a", None, "c")


def test_a_missing_key():
    """A missing key is told with the step, the keys there are and the nearest, before anything is set up."""
    found = problems(names, databse=Database(), orders=Orders(database=Database()))
    assert found == [("unknown-resource", "names(database)", "did you mean databse?")]
    with pytest.raises(DefinitionError, match="'databse' holds Database") as caught:
        materialize([names], resources={"databse": Database(name=EnvVar("SURELY_NOT_SET"))})
    assert [problem.where for problem in caught.value.problems] == ["names(database)", "names(orders)"]


def test_resources_are_found_by_name_only():
    """The only resource of a type under another name is proposed, not taken."""
    found = problems(names, first=Database(), orders=Orders(database=Database()))
    assert found == [("unknown-resource", "names(database)", "name the parameter first")]
    found = problems(names, first=Database(), second=Database(), orders=Orders(database=Database()))
    assert found == [("unknown-resource", "names(database)", "name the parameter first or second")]


def test_the_nearest_key_is_one_of_the_type():
    """Of the keys of the type, the nearest is proposed; one of another type is named as what it is."""

    @asset
    def rows(database: Database): ...

    @asset
    def page(url: ResourceParam[str]): ...

    def hint(step, **resources):
        return Definitions([step], resources=resources).check()[0].hint

    assert hint(rows, databse=Orders(database=Database()), base=Database()) == "did you mean base?"
    assert hint(rows, databse=Database(), base=Database()) == "did you mean databse?"
    assert hint(rows, databse=5) == "the nearest, databse, holds int: add a Database under 'database'"
    assert hint(rows, databse=providers.Callable(Database)) == "did you mean databse?"
    assert hint(rows, shop=5) == "add a Database under that key"
    assert hint(rows, database=5) == "give a Database there, or change the parameter's name or annotation"
    assert hint(rows) == "give it, resources={'database': Database(...)}"
    assert hint(page) == "give it, resources={'url': ...}"


def test_a_wrong_type():
    """A key that holds another type is an error beforehand: a resource, a vended object, a plain value."""

    @asset
    def asks(database: Database, url: ResourceParam[str], connection: ResourceParam[sqlite3.Connection]): ...

    found = problems(asks, database=Sqlite(), url=5, connection=Database())
    assert [(code, where) for code, where, _ in found] == [
        ("wrong-resource", "asks(database)"),
        ("wrong-resource", "asks(url)"),
        ("wrong-resource", "asks(connection)"),
    ]


def test_a_wrong_type_that_only_a_run_knows():
    """What a provider gives is checked as soon as it is there, before the function sees it."""

    @asset
    def asks(url: ResourceParam[str]): ...

    with pytest.raises(InjectionError, match="wants str, the key of that name holds int"):
        materialize([asks], resources={"url": providers.Callable(lambda: 5)})


def test_protocols_and_mocks():
    """A Protocol takes what has its methods; a mock, with a spec or without, is taken anywhere."""

    class HasName(Protocol):
        name: str

        def setup_for_execution(self, context): ...

    @asset
    def asks(database: ResourceParam[HasName]) -> str:
        return database.name

    assert run(asks, {"database": Database(name="x")}) == "x"
    for mock in (MagicMock(), Mock(spec=Database)):
        mock.name = "mocked"
        orders = Orders(database=mock)
        assert materialize([names], resources={"database": mock, "orders": orders}).output_for(names) == (
            "mocked",
            "mocked",
        )


def test_a_factory_as_annotation():
    """A parameter annotated with a factory class is told what to write."""
    with pytest.raises(InjectionError, match=r"ResourceParam\[Connection\]"):

        @asset
        def wrong(connection: Sqlite): ...


def test_required_resource_keys():
    """`required_resource_keys` fills the context alone; with a parameter that asks as well, it is an error."""

    @op(required_resource_keys={"database"})
    def reads(context):
        assert context.resources._asdict() == {"database": context.resources.database}
        assert list(context.resources) == [context.resources.database]
        assert dir(context.resources) == ["database"]
        assert repr(context.resources) == "<resources of op 'reads': database>"
        return context.resources.database.name

    @job(resource_defs={"database": Database(name="x")})
    def reading():
        reads()

    assert reading.execute_in_process().output_for(reads) == "x"
    with pytest.raises(DefinitionError, match="did you mean database") as caught:
        _misspelt_job().execute_in_process()
    assert caught.value.problems[0].code == "unknown-resource"
    with pytest.raises(DefinitionError, match="use one of the two"):

        @asset(required_resource_keys={"database"})
        def both(orders: Orders): ...


def _misspelt_job():
    @op(required_resource_keys="databse")
    def misspelt(context): ...

    @job(resource_defs={"database": Database()})
    def misspelling():
        misspelt()

    return misspelling


def test_the_context_has_what_was_asked_for():
    """`context.resources` has the very objects of the parameters; what was not asked for is told with the nearest."""

    @asset
    def asks(context: AssetExecutionContext, database: Database):
        assert context.resources.database is database
        assert not hasattr(context.resources, "__wrapped__")
        return context.resources.databse

    with pytest.raises(ResourceNotRequestedError, match="did you mean database"):
        run(asks, {"database": Database(), "orders": Orders(database=Database())})

    @asset
    def reads(context, database: Database):
        return context.resources.orders

    with pytest.raises(AttributeError, match=r"only for: database; ask for it .* required_resource_keys=\{'orders'\}"):
        run(reads, {"database": Database(), "orders": Orders(database=Database())})


def test_another_object_for_the_context():
    """A resource may show another object in the context than the parameter receives, as Dagster's integrations do."""

    class Client(ConfigurableResource):
        def get_object_to_set_on_execution_context(self):
            return "the raw client"

    @asset
    def asks(context, client: Client):
        return isinstance(client, Client), context.resources.client

    assert run(asks, {"client": Client()}) == (True, "the raw client")


def test_only_what_is_asked_for_is_set_up():
    """Resources that no chosen step needs are not set up, and their variables not read."""
    log = []

    class Logged(ConfigurableResource):
        name: str

        def setup_for_execution(self, context):
            log.append(self.name)

    @asset
    def first(a: Logged): ...

    @asset
    def second(b: Logged): ...

    resources = {"a": Logged(name="a"), "b": Logged(name="b"), "c": Logged(name=EnvVar("SURELY_NOT_SET"))}
    materialize([first, second], resources=resources, selection=first)
    assert log == ["a"]
    materialize([], resources=resources)
    assert log == ["a"]


def test_one_object_per_run():
    """A resource shared by a key, a nested field and several steps is set up once, and is one object."""
    log = []

    class Shared(ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("up")

        def teardown_after_execution(self, context):
            log.append("down")

    class Holder(ConfigurableResource):
        shared: Shared

    shared = Shared()

    @asset
    def first(shared: Shared, left: Holder, right: Holder, third: Holder):
        return {shared, left.shared, right.shared, third.shared} == {shared}

    @asset
    def second(first: bool, shared: Shared):
        log.append("second")

    resources = {
        "left": Holder(shared=shared),
        "shared": shared,
        "right": Holder(shared=ref("shared")),
        "third": Holder(shared=ResourceParam("shared")),
    }
    assert materialize([first, second], resources=resources).output_for(first)
    assert log == ["up", "second", "down"]


# Containers ----------------------------------------------------------------------------------------------------------


class Base(ResourceContainer):
    database = Database(name="base")
    orders = Orders(database=database)


class Test(Base):
    __test__ = False
    database = Database(name="test")


def test_a_container_goes_wherever_a_dict_goes():
    """A container class, an instance, and an environment's container are resources for assets and jobs."""

    @op
    def name(database: Database) -> str:
        return database.name

    @job
    def naming():
        name()

    assert run(names, Base) == ("base", "base")
    assert run(names, Base()) == ("base", "base")
    assert run(names, Base(database=Database(name="x"))) == ("x", "x")
    assert Definitions([names], resources=Test).materialize().output_for(names) == ("test", "test")
    assert naming.execute_in_process(resources=Test()).output_for(name) == "test"


def test_call_before_job_before_definitions():
    """What the call gives goes before what the job has, and that before what the definitions have, key by key."""

    @op
    def three(a: ResourceParam[str], b: ResourceParam[str], c: ResourceParam[str]) -> str:
        return a + b + c

    @job(resource_defs={"b": "job ", "c": "job "})
    def joining():
        three()

    defs = Definitions(jobs=[joining], resources={"a": "defs ", "b": "defs ", "c": "defs "})
    bound = defs.get_job_def("joining")
    assert bound.execute_in_process().output_for(three) == "defs job job "
    assert bound.execute_in_process(resources={"c": "call "}).output_for(three) == "defs job call "
    assert defs.jobs["joining"].check() == ()
    with pytest.raises(DefinitionError, match="no key 'a'"):
        joining.execute_in_process()


@pytest.mark.parametrize(
    "below", [Base, Base(), {"database": Database(name="base"), "orders": Orders(database=ref("database"))}]
)
def test_a_dict_over_anything_reaches_every_user(below):
    """A key that a call replaces is replaced for whoever uses it; others stay; new ones are added."""

    @asset
    def more(names: tuple[str, str], extra: ResourceParam[str], database: Database):
        return (*names, extra, database.name)

    defs = Definitions([names, more], resources=below)
    result = defs.materialize(resources={"database": Database(name="fake"), "extra": "new"})
    assert result.output_for(more) == ("fake", "fake", "new", "fake")
    result = defs.materialize(resources={"extra": Database(name="not text")}, selection=names)
    assert result.output_for(names) == ("base", "base")


def test_a_class_over_another():
    """A container class lies over a dict or another class key by key, related or not."""

    class Apart(ResourceContainer):
        database = Database(name="apart")
        extra = value("extra")

    defs = Definitions([names], resources=Base)
    for over, expected in ((Test, "test"), (Apart, "apart"), (Base, "base")):
        assert defs.materialize(resources=over).output_for(names) == (expected, expected)
    assert Definitions([names], resources=Test).materialize(resources=Base).output_for(names) == ("base", "base")
    below = {"database": Database(name="dict"), "orders": Orders(database=ref("database"))}
    assert Definitions([names], resources=below).materialize(resources=Apart).output_for(names) == ("apart", "apart")


def test_an_instance_stands_for_itself():
    """A container instance that a call gives is used as it is, with its own config; what is below is not mixed in."""
    defs = Definitions([names], resources={"database": Database(name="below"), "extra": 1})
    instance = Base().with_config({"database": {"name": "configured"}})
    assert defs.materialize(resources=instance).output_for(names) == ("configured", "configured")


def test_a_started_app():
    """A started container's app-scoped resources are used, not set up again, also under an override of another key."""
    log = []

    class Pool(ConfigurableResource, scope="app"):
        def setup_for_execution(self, context):
            log.append("pool")

    class App(ResourceContainer):
        pool = Pool()
        database = Database()

    app = App()

    @asset
    def uses(pool: Pool, database: Database) -> str:
        return app.get("database").name

    with app:
        assert run(uses, app) == "db"
        assert run(uses, app) == "db"
        defs = Definitions([uses], resources=app)
        assert defs.materialize(resources={"database": Database(name="x")}).output_for(uses) == "x"
        with app.override(database=Database(name="y")):
            assert run(uses, app) == "y"
    assert log == ["pool"]


def test_config():
    """`config` lays values over the resources for one run, nested and by every user's key."""
    resources = {"database": Database(), "orders": Orders(database=ref("database"))}
    assert run(names, resources, config={"database": {"name": "x"}}) == ("x", "x")
    with pytest.raises(ConfigError, match="did you mean name"):
        run(names, resources, config={"database": {"nam": "x"}})
    with pytest.raises(ConfigError, match="did you mean database"):
        materialize([], resources=resources, config={"databse": {}})


def test_what_is_no_set_of_resources():
    """A list, a resource by itself, a wrong key: told where, and how to write it."""
    with pytest.raises(DefinitionError, match=r"resources wants a dict of resources by key.*not a list"):
        materialize([], resources=[Database()])
    with pytest.raises(DefinitionError, match=r"Definitions\(resources=...\) wants a dict.*not a Database"):
        Definitions(resources=Database())
    with pytest.raises(DefinitionError, match="call it 'my_db'"):
        materialize([], resources={"my-db": Database()})
    with pytest.raises(DefinitionError, match="call it 'my_db'"):
        Definitions(resources=Base()).materialize(resources={"my-db": Database()})
    with pytest.raises(DefinitionError, match="is the class Database"):
        materialize([], resources={"database": Database})


def test_resources_an_asset_brings_along():
    """`resource_defs` of an asset are used; another object under the same key, from anywhere, is an error."""
    own = Database(name="own")

    @asset(resource_defs={"database": own})
    def brings(database: Database) -> str:
        return database.name

    @asset(resource_defs={"database": Database(name="own")})
    def other(database: Database): ...

    assert run(brings) == "own"
    assert run(brings, {"database": own}) == "own"
    for resources in ({"database": Database(name="own")}, Base):
        with pytest.raises(DefinitionError, match="two different resources"):
            run(brings, resources)
    with pytest.raises(DefinitionError, match="two different resources"):
        materialize([brings, other])


def test_what_an_asset_brings_along_is_required():
    """`resource_defs` implies the keys: `context.resources` has them, they are set up, and other assets' are not."""
    log = []

    class Logged(ConfigurableResource):
        name: str

        def setup_for_execution(self, context):
            log.append(self.name)

    @asset(resource_defs={"one": Logged(name="one"), "word": "tea"})
    def brings(context):
        return sorted(context.resources._asdict()), context.resources.one.name, context.resources.word

    @asset(resource_defs={"two": Logged(name="two")}, required_resource_keys={"two", "unit"})
    def both(context):
        return sorted(context.resources._asdict())

    @asset(resource_defs={"two": Logged(name="two")})
    async def by_parameter(context, two: Logged):
        return context.resources.two is two

    assert run(brings) == (["one", "word"], "one", "tea")
    assert log == ["one"]
    assert run(by_parameter) is True
    assert run(both, {"unit": "kg"}) == ["two", "unit"]
    assert materialize([brings, by_parameter], selection=brings).success
    assert log == ["one", "two", "two", "one"]
    defs = Definitions(assets=[by_parameter], resources={"unit": "kg"})
    assert defs.check() == ()
    assert defs.materialize(resources={"two": by_parameter.options.resource_defs["two"]}).output_for(by_parameter)


def test_an_io_manager_that_an_asset_brings_along():
    """An IO manager in `resource_defs` keeps the value; it is not among the resources of the context."""

    class Memory(InMemoryIOManager): ...

    memory = Memory()

    @asset(resource_defs={"io_manager": memory, "word": "tea"})
    def brings(context):
        return list(context.resources._asdict())

    assert run(brings) == ["word"]
    assert memory.values["brings",] == ["word"]


def test_an_injected_function_as_a_step():
    """A function that `inject` made may be a step: what it asks for is set up for it."""

    @asset
    @inject
    def injected_asset(database: Database) -> str:
        return database.name

    @asset
    @inject
    def asks_wrongly(databse: Database) -> str:
        return databse.name

    assert run(injected_asset, {"database": Database(name="x")}) == "x"
    assert run(asks_wrongly, {"database": Database(name="unique by type, as inject has it")}).startswith("unique")
    with pytest.raises(DefinitionError, match="no key 'database'"):
        run(injected_asset, {"other": 5})


def test_functions_that_a_step_calls():
    """An injected function that a step calls receives the resources of the execution."""

    @inject
    def name(database: Database) -> str:
        return database.name

    @asset
    def calls(database: Database) -> str:
        return name()

    assert run(calls, {"database": Database(name="x")}) == "x"
