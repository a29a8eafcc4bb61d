"""Calling assets and ops directly: in tests, in notebooks, from other code."""

import sqlite3
from typing import Annotated
from unittest.mock import Mock

import anyio
import pytest
from dependency_injector import providers

from resourcekit import (
    AssetExecutionContext,
    AssetKey,
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    InjectionError,
    OpExecutionContext,
    ResourceContainer,
    ResourceParam,
    RunStateError,
    asset,
    build_asset_context,
    build_op_context,
    materialize,
    op,
    ref,
    value,
)

LOG: list[str] = []


@pytest.fixture(autouse=True)
def log():
    LOG.clear()
    return LOG


class Database(ConfigurableResource):
    path: str = ":memory:"

    def setup_for_execution(self, context):
        LOG.append("up")
        self._connection = sqlite3.connect(self.path)

    def teardown_after_execution(self, context):
        LOG.append("down")
        self._connection.close()

    def ask(self, query: str) -> object:
        return self._connection.execute(query).fetchone()[0]


class App(ResourceContainer):
    database = Database()
    word = value("app")


@asset
def answer(database: Database, question: str = "select 42") -> object:
    return database.ask(question)


@asset
def told(context: AssetExecutionContext, word: ResourceParam[str]) -> tuple[str, str]:
    return str(context.asset_key), word


def test_a_declaration_is_set_up_around_the_call(log):
    """A resource that is given, by keyword or by position, is set up before the function and torn down after it."""
    assert answer(database=Database()) == 42
    assert answer(Database(), "select 43") == 43
    assert log == ["up", "down"] * 2
    with pytest.raises(sqlite3.OperationalError):
        answer(Database(), "nonsense")
    assert log[-1] == "down"


def test_fakes_are_passed_as_they_are(log):
    """A mock, or any object that is no resource, is what the function sees."""
    fake = Mock()
    fake.ask.return_value = 1
    assert answer(database=fake) == 1
    fake.ask.assert_called_once_with("select 42")
    assert answer(database=Mock(spec=Database, ask=lambda _: 2)) == 2
    assert log == []


def test_variables_are_read(monkeypatch):
    """A deferred value has its value inside the function."""
    monkeypatch.setenv("PATH_OF_DB", ":memory:")

    @asset
    def path(database: Database) -> str:
        return database.path

    assert path(Database(path=EnvVar("PATH_OF_DB"))) == ":memory:"


def test_what_is_shared_is_one(log):
    """Resources given to one call that share another share it live."""

    class Report(ConfigurableResource):
        database: Database

    @asset
    def same(report: Report, database: Database) -> bool:
        return report.database is database

    database = Database()
    assert same(report=Report(database=database), database=database)
    assert log == ["up", "down"]


def test_factories_are_opened():
    """A factory that is given is opened, and the function receives what it vends."""

    class Sqlite(ConfigurableResourceFactory[sqlite3.Connection]):
        def create_resource(self) -> sqlite3.Connection:
            return sqlite3.connect(":memory:")

    @asset
    def one(connection: ResourceParam[sqlite3.Connection]) -> object:
        found = connection.execute("select 1").fetchone()
        connection.close()
        return found

    assert one(connection=Sqlite()) == (1,)


def test_in_a_running_container(log):
    """Resources that are left out are taken from the run that is open here; a live one may be passed on."""
    with App().run() as resources:
        assert answer() == 42
        assert answer(resources.database) == 42
        assert told() == ("told", "app")
        assert told(word="given") == ("told", "given")
    assert log == ["up", "down"]
    with pytest.raises(InjectionError, match=r"give it, answer\(database=...\), or call it inside"):
        answer()


def test_steps_call_one_another():
    """A step may call another, which takes its resources from the same execution."""

    @asset
    def outer(database: Database) -> object:
        return answer(question="select 7")

    assert materialize([outer], resources=App).output_for(outer) == 7


def test_without_a_context():
    """A context that is left out is made; one that is made by hand is used."""
    assert told(word="x") == ("told", "x")
    context = AssetExecutionContext(step="mine", asset_key=AssetKey("mine"))
    assert told(context, word="x") == ("mine", "x")
    assert told(context=context, word="x") == ("mine", "x")


def test_built_contexts(log):
    """`build_asset_context` and `build_op_context` give resources to a call, as parameters and in the context."""

    @op(required_resource_keys={"database"})
    def reads(context: OpExecutionContext) -> tuple[object, str, dict[str, str]]:
        return context.resources.database.ask("select 1"), context.run_id, dict(context.tags)

    assert answer(build_asset_context(resources=App)) == 42
    assert told(build_asset_context(resources={"word": "x"})) == ("told", "x")
    assert reads(build_op_context(resources={"database": Database()}, run_id="r1", tags={"a": "b"})) == (
        1,
        "r1",
        {"a": "b"},
    )
    assert log == ["up", "down"] * 2
    assert build_asset_context(asset_key="a/b").asset_key == AssetKey(["a", "b"])


def test_a_built_context_for_several_calls(log):
    """Entered with `with`, a built context keeps its resources live for every call in the block, and no longer."""
    with build_asset_context(resources={"database": Database()}) as context:
        assert answer(context) == 42
        assert answer(context, "select 43") == 43
        assert context.resources.database.ask("select 1") == 1
        with pytest.raises(RunStateError, match="entered already"), context:
            pass
    assert log == ["up", "down"]
    with pytest.raises(RunStateError, match="'database' is not live"):
        _ = context.resources.database
    with pytest.raises(AttributeError, match="has not asked"):
        _ = context.resources.other


def test_given_twice():
    """A resource that is given as an argument and in the context is an error that names it."""
    with pytest.raises(InjectionError, match="'database': it is given as an argument and in the context"):
        answer(build_asset_context(resources={"database": Database()}), database=Database())


def test_another_object_in_a_built_context():
    """What a resource shows in the context is not what the parameter receives, in direct calls as well."""

    class Client(ConfigurableResource):
        def get_object_to_set_on_execution_context(self):
            return "the raw client"

    @asset
    def asks(context, client: Client):
        return isinstance(client, Client), context.resources.client

    assert asks(build_asset_context(resources={"client": Client()})) == (True, "the raw client")


def test_the_context_has_what_the_call_has(log):
    """`context.resources` has what was passed to a direct call, whichever way; the caller's context is as it was."""

    @asset
    def same(context: AssetExecutionContext, database: Database) -> bool:
        return context.resources.database is database

    @op
    def same_in_op(database: Database, context: OpExecutionContext) -> bool:
        return context.resources.database is database

    assert same(database=Database())
    assert same(database=Mock())
    assert same_in_op(Database())
    assert same_in_op(database=Database())
    by_hand = AssetExecutionContext(step="mine", asset_key=AssetKey("mine"))
    assert same(by_hand, database=Database())
    assert not hasattr(by_hand.resources, "database")
    built = build_asset_context(resources={"word": "x"})
    assert same(built, database=Database())
    with App().run() as resources, build_asset_context(resources={"word": "x"}) as entered:
        assert same()
        assert same(database=resources.database)
        assert same(entered)
        assert same(entered, Database())
        assert entered.resources._asdict() == {"word": "x"}

    @asset
    def keeps_others(context, database: Database) -> list[str]:
        context.add_output_metadata({"rows": 1})
        return sorted(context.resources._asdict())

    assert keeps_others(built, database=Database()) == ["database", "word"]
    assert built.output_metadata == {"rows": 1}
    assert keeps_others(Mock(resources=Mock(_asdict=dict)), database=Database()) == []
    assert log.count("up") == log.count("down")


@pytest.mark.anyio
async def test_the_context_of_an_async_step():
    """In an async step `context.resources` has what was passed, too."""

    @asset
    async def same(context: AssetExecutionContext, clock: Clock) -> bool:
        await anyio.lowlevel.checkpoint()
        return context.resources.clock is clock

    assert await same(clock=Clock())
    async with ResourceContainer.of({"clock": Clock()}).run():
        assert await same()


def test_a_resource_that_is_not_given_is_not_in_the_context():
    """A parameter that keeps its default puts nothing into `context.resources`."""

    @asset
    def keys(context, database: Database | None = None) -> list[str]:
        return list(context.resources._asdict())

    assert keys() == []
    assert keys(database=Mock()) == ["database"]


def test_a_parameter_that_names_its_key():
    """A parameter with a key of its own gets that one of a built context, and the context has it under the key."""

    @asset
    def reads(context, database: Annotated[Database, ref("replica")]) -> bool:
        return context.resources.replica is database

    assert reads(database=Database())
    assert reads(build_asset_context(resources={"replica": Database(), "database": Database()}))
    assert materialize([reads], resources={"replica": Database()}).output_for(reads)


def test_required_keys_of_a_direct_call(log):
    """What `required_resource_keys` names is taken from the run that is open here; where none is, it is an error."""

    @op(required_resource_keys={"database", "made"})
    def reads(context) -> tuple[object, str]:
        return context.resources.database.ask("select 1"), context.resources.made

    made = []

    class Made(App):
        made = providers.Factory(lambda: made.append(1) or "made")

    with Made().run():
        assert reads() == (1, "made")
        assert reads(build_op_context(resources={"made": "given"})) == (1, "given")
    assert made == [1]
    for call in (reads, lambda: reads(build_op_context(resources={"database": Database()}))):
        with pytest.raises(InjectionError, match=r"required_resource_keys, and no run .* build_op_context\(resources="):
            call()
    assert log == ["up", "down"]
    by_hand = OpExecutionContext(step="x", resources=Mock(made="mock", database=Mock(ask=lambda _: 2)))
    assert reads(by_hand) == (2, "mock")


def test_a_direct_call_has_what_the_asset_brings_along(log):
    """What an asset's `resource_defs` has is set up for a direct call; what is given, or open here, goes before it."""

    class Report(ConfigurableResource):
        database: Database

    @asset(resource_defs={"database": Database(), "report": Report(database=ref("database")), "unit": "kg"})
    def reads(context, database: Database) -> tuple[object, str, bool]:
        resources = context.resources
        return database.ask("select 1"), resources.unit, resources.report.database is resources.database is database

    assert reads() == (1, "kg", True)
    assert reads(build_asset_context(resources={"unit": "g"})) == (1, "g", True)
    assert log == ["up", "down"] * 2
    log.clear()
    with App().run() as resources:
        assert reads(database=resources.database) == (1, "kg", False)  # Its report has the database it brings along.
        assert log == ["up", "up", "down"]


def test_wrong_arguments():
    """Arguments that do not fit are Python's own errors."""
    with pytest.raises(TypeError, match="questoin"):
        answer(Database(), questoin="x")
    with pytest.raises(TypeError, match="too many"):
        answer(Database(), "x", "y")

    @asset
    def loose(*rest: int): ...

    with pytest.raises(TypeError, match="too many"):
        loose(1)

    @asset
    def adds(a: int, b: int) -> int:
        return a + b

    assert adds(1, b=2) == 3
    with pytest.raises(TypeError, match="missing"):
        adds(1)


class Clock(ConfigurableResource):
    async def setup_for_execution(self, context):
        await anyio.lowlevel.checkpoint()
        LOG.append("up")

    async def teardown_after_execution(self, context):
        LOG.append("down")

    def now(self) -> str:
        return "noon"


@asset
async def noon(clock: Clock) -> str:
    await anyio.lowlevel.checkpoint()
    return clock.now()


@pytest.mark.anyio
async def test_async_steps(log):
    """An async asset is called as the coroutine function it is, with its resources set up around the await."""
    assert await noon(Clock()) == "noon"
    assert await noon(Mock(now=lambda: "mock")) == "mock"
    assert await noon(build_asset_context(resources={"clock": Clock()})) == "noon"
    async with build_asset_context(resources={"clock": Clock()}) as context:
        assert await noon(context) == "noon"
    async with ResourceContainer.of({"clock": Clock()}).run():
        assert await noon() == "noon"
    assert log == ["up", "down"] * 4
    with pytest.raises(InjectionError, match=r"noon\(clock=...\)"):
        await noon()

    @asset
    def maybe(clock: Clock | None = None) -> bool:
        return clock is None

    @asset
    def optional(clock: Clock | None) -> bool:
        return clock is None

    assert maybe()
    assert optional()


def test_a_sync_call_with_an_async_resource():
    """A sync function cannot set an async resource up: the error says so, and nothing is opened."""

    @asset
    def sync(clock: Clock): ...

    with pytest.raises(Exception, match="async") as caught:
        sync(Clock())
    assert type(caught.value).__name__ == "PlanError"


def test_more_arguments():
    """Functions with *args or **kwargs may be steps, and are called with them directly."""

    @asset
    def loose(database: Database, **options: int) -> int:
        return sum(options.values())

    assert loose(Database(), a=1, b=2) == 3
    assert materialize([loose], resources=App).output_for(loose) == 0


def test_wrong_arguments_name_the_function_and_the_nearest_parameter():
    """A keyword that is no parameter, and too many arguments, are TypeErrors with the function and what it takes."""

    @asset
    def report(amounts: list[int], database: Database) -> int:
        return len(amounts)

    with pytest.raises(
        TypeError, match=r"report\(\) got an unexpected keyword argument 'amuonts'; did you mean amounts"
    ):
        report(amuonts=[1], database=Database())
    with pytest.raises(TypeError, match=r"report\(\) too many positional arguments; it takes: amounts, database"):
        report([1], Database(), 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'xyz'; there is: amounts"):
        report(build_asset_context(resources={"database": Database()}), [1], xyz=3)
