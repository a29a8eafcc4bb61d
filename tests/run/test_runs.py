"""A run: what it gives, when it may be used, and which one is the current one."""

import asyncio
import contextvars
import copy
import gc
import pickle
import threading
import warnings

import anyio
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    NoActiveRunError,
    NotInRunError,
    ResourceContainer,
    RunStateError,
    UnknownKeyError,
    field,
    open_resource,
    value,
)

SEEN: list[tuple[object, ...]] = []


@pytest.fixture(autouse=True)
def nothing_seen():
    """Every test begins with nothing seen."""
    SEEN.clear()


class Database(ConfigurableResource):
    """Has state of its own."""

    host: str = "localhost"

    def setup_for_execution(self, context):
        SEEN.append((context.key, context.run_id, context.tags, context.scope))
        self._rows = []


class Orders(ConfigurableResource):
    """Needs the database."""

    database: Database


class Pool(ConfigurableResourceFactory[list[str]]):
    """Vends a list."""

    def create_resource(self) -> list[str]:
        return ["a", "b"]


class Storage(ResourceContainer):
    """To be nested."""

    db = Database(host="storage")
    name = value("storage")


class App(ResourceContainer):
    """What most tests use."""

    database = Database()
    orders = Orders(database=database)
    pool = Pool()
    url = value("https://api.example.com")
    client = providers.Factory(dict, database=database)
    storage = providers.Container(Storage)


def test_the_view_has_what_users_receive():
    """A run gives each resource, what a factory vends, values, and providers as themselves."""
    app = App()
    with app.run() as resources:
        assert resources.orders.database is resources.database
        assert resources.database is not app.database
        assert resources.pool == ["a", "b"]
        assert resources.url == "https://api.example.com"
        assert resources.client()["database"] is resources.database
        assert resources.storage.db.host == resources.storage.name == "storage"
        assert dir(resources) == ["client", "database", "orders", "pool", "storage", "url"]
        assert repr(resources) == "<live resources of App: client, database, orders, pool, storage, url>"


def test_the_view_as_a_dictionary():
    """A view is iterated, and is made a dictionary of, in the order of its keys; only while the run is open."""
    with App().run() as resources:
        found = resources._asdict()
        assert list(found) == ["database", "orders", "pool", "url", "client", "storage"]
        assert found["database"] is resources.database
        assert [*resources] == [*found.values()]
        assert [*resources.storage] == [resources.storage.db, "storage"]
    with pytest.raises(RunStateError, match="this run has ended"):
        resources._asdict()


def test_a_key_that_was_not_chosen():
    """Reading another key than the chosen ones is an AttributeError that names the call to make."""
    with App().run("orders", "url") as resources:
        with pytest.raises(NotInRunError, match=r"open it with run\('orders', 'url', 'pool'\)"):
            resources.pool  # noqa: B018
        with pytest.raises(NotInRunError, match="did you mean orders"):
            resources.ordres  # noqa: B018
        assert not hasattr(resources, "pool")
        assert not hasattr(resources, "__len__")


def test_a_nested_key_by_its_dotted_name():
    """A nested container's resource is chosen as `storage.db`, and nothing else is set up."""
    with App().run("storage.db") as resources:
        assert resources.storage.db.host == "storage"
        with pytest.raises(NotInRunError):
            resources.database  # noqa: B018
    assert [key for key, *_ in SEEN] == ["storage.db"]


def test_use_after_the_end():
    """What a run gave says so when it is used after the end, nested containers too; private state stays readable."""
    with App().run() as resources:
        storage = resources.storage
        database = resources.database
    assert storage is not resources
    for view in (resources, storage):
        with pytest.raises(RunStateError, match=r"this run has ended, 'db' .* open another"):
            view.db  # noqa: B018
    assert database._rows == []


def test_a_view_is_not_to_be_changed():
    """Setting or deleting an attribute of what a run gave is refused with the way to override."""
    with App().run() as resources:
        with pytest.raises(RunStateError, match=r"container.override\(database=...\)"):
            resources.database = Database()
        with pytest.raises(RunStateError, match="cannot be deleted"):
            del resources.database


@pytest.mark.parametrize("away", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_view_is_not_to_be_sent_away(away):
    """Live resources are not pickled or copied: the error says to send the container."""
    with App().run() as resources, pytest.raises(RunStateError, match="send the container"):
        away(resources)


def test_start_and_close():
    """Without `with`, a run is started and closed by hand."""
    run = App().run("database")
    assert run.report.outcome == "not opened"
    assert run.start().database.host == "localhost"
    assert run.report.outcome == "open"
    run.close()
    assert run.report.outcome == "success"
    assert repr(run) == f"<run {run.run_id} of App: success>"


@pytest.mark.anyio
async def test_start_and_close_in_async_code():
    """The same in async code."""
    run = App().run("database")
    assert (await run.astart()).database.host == "localhost"
    await run.aclose()
    assert run.report.outcome == "success"


def test_a_run_is_opened_once():
    """A second `with` over the same run is refused; so is closing what is not open."""
    run = App().run("database")
    with pytest.raises(RunStateError, match="not open"):
        run.close()
    with run:
        with pytest.raises(RunStateError, match="opened once"), run:
            pass
    with pytest.raises(RunStateError, match="opened once"):
        run.start()
    with pytest.raises(RunStateError, match="has ended"):
        run.close()
    assert len(SEEN) == 1


@pytest.mark.anyio
async def test_a_run_is_opened_once_in_async_code():
    """The same in async code."""
    run = App().run("database")
    async with run:
        with pytest.raises(RunStateError, match="opened once"):
            async with run:
                pass
    with pytest.raises(RunStateError, match="has ended"):
        await run.aclose()


def test_a_refused_run_can_be_tried_again(monkeypatch):
    """A run that was refused before anything opened may be opened when the cause is gone."""
    run = App().run(config={"database": {"host": {"env": "SOME_HOST"}}})
    monkeypatch.delenv("SOME_HOST", raising=False)
    with pytest.raises(ExceptionGroup):
        run.start()
    assert (SEEN, run.report.outcome) == ([], "not opened")
    monkeypatch.setenv("SOME_HOST", "db-1")
    with run as resources:
        assert resources.database.host == "db-1"


def test_runs_have_their_own_copies():
    """Every run has its own live resources and private state."""
    app = App()
    with app.run("database") as first, app.run("database") as second:
        first.database._rows.append(1)
        assert second.database is not first.database
        assert second.database._rows == []
    with app.run("database") as third:
        assert third.database._rows == []


def test_hooks_hear_id_tags_and_scope():
    """Hooks are told the run's id and the tags of the caller."""
    with App().run("database", run_id="r-1", tags={"user": "ada"}) as _:
        pass
    with App().run("database"):
        pass
    assert SEEN[0] == ("database", "r-1", {"user": "ada"}, "run")
    assert len(SEEN[1][1]) == 12
    assert SEEN[1][2] == {}


@pytest.mark.parametrize("tags", [["a"], "abc", 3])
def test_tags_that_are_no_mapping(tags):
    """Tags of another kind are refused before anything opens."""
    with pytest.raises(TypeError, match=r"run\(tags=...\) wants a mapping of words"):
        App().run(tags=tags)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"concurrent": "yes"}, r"run\(concurrent=...\) is True or False, not a str"),
        ({"concurrent": None}, r"run\(concurrent=...\) is True or False, not a NoneType"),
        ({"report": "no"}, r"run\(report=...\) is True or False, not a str"),
        ({"report": 0}, r"run\(report=...\) is True or False, not an int"),
        ({"run_id": 5}, r"run\(run_id=...\) wants text, not an int"),
        ({"tags": {"attempt": 1}}, "there is an int in it"),
        ({"tags": {1: "attempt"}}, "there is an int in it"),
    ],
)
def test_arguments_of_the_wrong_kind(arguments, text):
    """What `run` cannot mean is refused where it is written, and not taken for true."""
    with pytest.raises(TypeError, match=text):
        App().run(**arguments)


def test_a_start_that_is_neither_concurrent_nor_not():
    """So is what `start` cannot mean; the container can be started after that."""
    app = App()
    with pytest.raises(TypeError, match=r"start\(concurrent=...\) is True or False, not a str"):
        app.start(concurrent="no")
    app.start(concurrent=None)
    app.close()


def test_the_current_run_is_the_innermost_of_its_container():
    """Look-ups find the innermost run of the container that is asked, through runs of other containers."""
    app, other = App(), Storage()
    with app.run("database") as outer:
        with other.run() as nested:
            assert app.get("database") is outer.database
            assert other.get("db") is nested.db
            with app.run("database") as inner:
                assert app.get("database") is inner.database
                assert other.get("db") is nested.db
            assert app.get("database") is outer.database
        with pytest.raises(NoActiveRunError):
            other.get("db")
    with pytest.raises(NoActiveRunError):
        app.get("database")
    with pytest.raises(UnknownKeyError):
        app.get("databse")


def test_overlapping_runs_end_in_any_order():
    """Of two runs by hand the first may end first: the other stays the current one."""
    app = App()
    first, second = app.run("database"), app.run("database")
    first.start()
    view = second.start()
    first.close()
    assert app.get("database") is view.database
    second.close()
    with pytest.raises(NoActiveRunError):
        app.get("database")


def test_rolling_runs_do_not_keep_each_other():
    """Runs that overlap one after another for ever do not hold on to those that have ended."""
    app = App()
    last = app.run("database")
    last.start()
    for _ in range(50):
        new = app.run("database")
        new.start()
        last.close()
        last = new
    last.close()
    length = 0
    while last is not None:
        last, length = last._previous, length + 1
    assert length <= 3


@pytest.mark.parametrize("report", [False, True])
def test_leaving_in_another_context(report):
    """A run may end in another context than it began in; where it began, look-ups pass it over."""
    app = App()
    here = contextvars.copy_context()
    run = app.run("database", report=report)
    database = here.run(run.start).database
    assert here.run(app.get, "database") is database
    with pytest.raises(NoActiveRunError):
        app.get("database")
    run.close()
    with pytest.raises(NoActiveRunError):
        here.run(app.get, "database")
    again = app.run("database")
    assert here.run(again.start).database is here.run(app.get, "database")
    again.close()


@pytest.mark.anyio
async def test_leaving_in_another_task():
    """An async run may be started in one task and closed in another."""
    app = App()
    run = app.run("database")
    async with anyio.create_task_group() as group:
        group.start_soon(run.astart)
    with pytest.raises(NoActiveRunError):
        app.get("database")
    await run.aclose()
    assert run.report.outcome == "success"


def test_threads_do_not_see_each_others_runs():
    """A run is the current one of its own thread only."""
    app = App()
    found: list[object] = []

    def ask():
        try:
            found.append(app.get("database"))
        except NoActiveRunError:
            found.append(None)

    with app.run("database"):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert found == [None]


@pytest.mark.anyio
async def test_a_sync_run_in_a_running_loop():
    """A sync run works inside a running loop, and async code finds it."""
    app = App()
    with app.run("database") as resources:
        assert app.get("database") is resources.database


def test_by_itself():
    """A resource by itself: opened, with a report, once."""
    alone = open_resource(Orders(database=Database(host="db-1")))
    with alone as orders:
        assert orders.database.host == "db-1"
    assert alone.report.order == ["Orders.database", "Orders"]
    with pytest.raises(RunStateError, match="opened once"), alone:
        pass
    with open_resource(Pool()) as pool:
        assert pool == ["a", "b"]


@pytest.mark.anyio
async def test_by_itself_in_async_code():
    """The same with `async with`, a provider in a field included, and an override of that provider honoured."""
    database = providers.Factory(Database, host="made")
    with database.override(providers.Factory(Database, host="overridden")):
        async with open_resource(Orders(database=database)) as orders:
            assert orders.database.host == "overridden"


@pytest.mark.parametrize("thing", [Database, None, "database", App, providers.Factory(Database)])
def test_only_resources_are_opened_by_themselves(thing):
    """Anything else than a resource is refused by name."""
    with pytest.raises(TypeError, match="wants a resource"):
        open_resource(thing)


def test_a_key_that_came_later():
    """A run keeps to the container as it was: a key that was added since is not live in it."""
    app = App()
    with app.run():
        app.late = Database()
        with pytest.raises(NoActiveRunError):
            app.get("late")
    with app.run("late") as resources:
        assert resources.late.host == "localhost"


class Described(ConfigurableResource):
    """Its fields need what comes late: a value under a key, and a default over a nested resource."""

    database: Database
    url: str
    label: str = field()

    @label.default
    def _label(self):
        return f"{self.database.host} at {self.url}"


def test_fields_that_come_late():
    """A field may hold a plain value's key, and a default may read a nested resource."""

    class Late(ResourceContainer):
        url = value("https://api.example.com")
        described = Described(database=Database(host="db-1"), url=url)

    with Late().run() as resources:
        assert resources.described.label == "db-1 at https://api.example.com"


def leaked(make):
    """The warnings of what is left open and forgotten."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        contextvars.copy_context().run(make)
        gc.collect()
    return [str(warning.message) for warning in caught if warning.category is ResourceWarning]


def test_a_run_left_open_warns(monkeypatch):
    """A run that is forgotten open warns, and says how to learn where it was opened."""
    monkeypatch.delenv("RESOURCEKIT_DEBUG", raising=False)

    def forget():
        App().run("database", run_id="r-1").start()

    (message,) = leaked(forget)
    assert message.startswith("<run r-1 of App: open> was left open")
    assert "RESOURCEKIT_DEBUG=1" in message


class Closing(ConfigurableResource):
    """Says that it was closed."""

    def teardown_after_execution(self):
        SEEN.append(("closed", self))


@pytest.mark.parametrize("report", [False, True], ids=["generated", "machine"])
def test_a_run_left_open_is_closed(report):
    """What a forgotten run has up is torn down, as when a file is forgotten."""

    def forget():
        ResourceContainer.of({"closing": Closing()}).run(report=report).start()

    assert len(leaked(forget)) == 1
    assert [event for event, _ in SEEN] == ["closed"]


@pytest.mark.parametrize("report", [False, True], ids=["generated", "machine"])
def test_an_async_run_left_open_only_warns(report):
    """A forgotten async run cannot be closed by the garbage collector: there is no loop to do it in."""

    def forget():
        asyncio.run(ResourceContainer.of({"closing": Closing()}).run(report=report).astart())

    assert len(leaked(forget)) == 1
    assert SEEN == []


def test_a_forgotten_run_warns_once_whatever_views_it_has():
    """The views of nested containers tell nothing that the run's own has told."""

    class Inner(ResourceContainer):
        closing = Closing()

    class Outer(ResourceContainer):
        inner = providers.Container(Inner)

    def forget():
        asyncio.run(Outer().run().astart())

    assert len(leaked(forget)) == 1


def test_a_started_container_left_open_warns(monkeypatch):
    """So does a started container; with RESOURCEKIT_DEBUG=1 the warning has the place that opened it."""
    monkeypatch.setenv("RESOURCEKIT_DEBUG", "1")

    def forget():
        App().start()

    (message,) = leaked(forget)
    line = forget.__code__.co_firstlineno + 1
    assert message.startswith("<container App: open> was left open, opened at ")
    assert f"test_runs.py:{line}" in message


def test_what_was_closed_does_not_warn():
    """A run that was closed, never opened or refused does not warn."""

    def proper():
        with App().run("database"):
            pass
        App().run("database")
        with pytest.raises(ExceptionGroup):
            App().run(config={"nothing": {}}).start()

    assert leaked(proper) == []


def test_a_run_leaves_no_cyclic_garbage():
    """When a run has ended, nothing waits for the garbage collector."""
    app = App()
    with app.run():
        pass
    gc.collect()
    gc.disable()
    try:
        with app.run():
            pass
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_tasks_have_runs_of_their_own():
    """Tasks that run side by side each find their own run."""
    app = App()

    async def one(number):
        async with app.run("database", config={"database": {"host": f"h{number}"}}) as resources:
            await asyncio.sleep(0)
            assert app.get("database") is resources.database
            return resources.database.host

    async def main():
        return await asyncio.gather(*(one(number) for number in range(5)))

    assert asyncio.run(main()) == ["h0", "h1", "h2", "h3", "h4"]
