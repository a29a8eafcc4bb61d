"""`check()`: every problem as data, with a stable code, found without opening anything."""

import os
from collections.abc import Mapping
from contextlib import contextmanager

import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    Deferred,
    EnvVar,
    FileVar,
    PlanError,
    PreflightError,
    ResourceContainer,
    SourceError,
    UnknownKeyError,
    field,
    ref,
    secret,
)


class Database(ConfigurableResource):
    host: str = "localhost"
    port: int = 5432
    password: str = secret(default="hunter2")

    def setup_for_execution(self):
        raise AssertionError("check() must not open anything")


class AppDatabase(Database, scope="app"):
    pass


class Orders(ConfigurableResource):
    database: Database


class AppOrders(Orders, scope="app"):
    pass


class Cache(ConfigurableResource):
    size: int = field(default=1, validator=lambda resource, attribute, value: None)


class Holder(ConfigurableResource):
    made: object


class AsyncDatabase(Database):
    async def setup_for_execution(self):
        raise AssertionError("check() must not open anything")


class Sealed(Deferred):
    def read(self, context):
        raise SourceError("the vault is sealed")


class Broken(Deferred):
    def read(self, context):
        raise KeyError("hunter2")


def codes(app, *keys, **options):
    """Code and place of every problem."""
    return [(problem.code, problem.where) for problem in app.check(*keys, **options)]


def of(**resources):
    """A container of these resources."""
    return ResourceContainer.of(resources)


def test_nothing_wrong():
    """A container that would start has no problem."""
    assert of(database=Database(), url="x").check() == ()


def test_missing_and_malformed_variables(monkeypatch):
    """A variable that is not set, and one that is not of the field's type; its text is never shown."""
    monkeypatch.setenv("RESOURCEKIT_PORT", "hunter2")
    app = of(database=Database(host=EnvVar("RESOURCEKIT_HOST"), port=EnvVar("RESOURCEKIT_PORT")))
    missing, malformed = app.check()
    assert (missing.code, missing.where, missing.owner) == ("missing-variable", "database.host", "Database")
    assert (malformed.code, malformed.where, malformed.expected) == ("invalid-value", "database.port", "int")
    assert (missing.declared.file, missing.stage) == (__file__, "config")
    assert "variable RESOURCEKIT_PORT" in malformed.source
    assert "hunter2" not in f"{missing}{malformed}{missing.to_dict()}{malformed.to_dict()}"


def test_a_wrong_value_from_a_users_source():
    """What a source gives that is no text must have the field's type already."""

    class Number(Deferred):
        def read(self, context):
            return 3

    assert codes(of(database=Database(host=Number()))) == [("wrong-type", "database.host")]


def test_unreadable_sources(tmp_path):
    """A file that is missing, a directory or no text, and a user's source that fails, tell what could not be read."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    for name in ("missing", "binary", "."):
        app = of(database=Database(password=FileVar(str(tmp_path / name))))
        assert codes(app) == [("unreadable-source", "database.password")], name
    for source in (Sealed(), Broken()):
        problems = of(database=Database(password=source)).check()
        assert [problem.code for problem in problems] == ["unreadable-source"]
        assert "hunter2" not in str(problems)


def test_unknown_overlay_keys_and_fields():
    """A misspelt key or field of an overlay, with the nearest name."""
    app = of(database=Database()).with_config({"databse": {}, "database": {"hots": 1}})
    assert codes(app) == [("unknown-key", "databse"), ("unknown-field", "database.hots")]
    assert [problem.hint for problem in app.check()] == ["did you mean database?", "did you mean host?"]


def test_cycles_with_the_path_drawn():
    """Resources that need each other: the path is drawn from the first declared back to itself."""

    class Link(ConfigurableResource):
        to: "Link"

    app = of(a=Link(to=ref("b")), b=Link(to=ref("c")), c=Link(to=ref("a")), free=Database())
    (problem,) = app.check()
    assert (problem.code, problem.path) == ("cycle", ("a", "b", "c", "a"))
    assert "a -> b -> c -> a" in problem.message
    assert codes(of(a=Link(to=ref("a")))) == [("cycle", "a")]
    assert codes(app, "free") == []


def test_dangling_refs():
    """A `ref` to a key that is not there, with the nearest."""
    (problem,) = of(database=Database(), orders=Orders(database=ref("databse"))).check()
    assert (problem.code, problem.where, problem.hint) == ("dangling-ref", "orders", "did you mean database?")


def test_captive_scopes():
    """What lives for the app may not need what lives for a run: directly, through providers, through a cache."""

    class Service:
        def __init__(self, database): ...

    class App(ResourceContainer):
        database = Database()
        direct = AppOrders(database=database)
        factory = providers.Factory(Service, database=database)
        through = providers.List(factory)
        holder = type("AppHolder", (Holder,), {"__module__": __name__}, scope="app")(made=through)
        single = providers.Singleton(Service, database=database)

    found = {problem.where: problem for problem in App().check()}
    assert {problem.code for problem in found.values()} == {"captive-scope"}
    assert found["direct"].path == ("direct", "database")
    assert found["holder"].path == ("holder", "through", "factory", "database")
    assert "providers.Factory" in found["single"].hint
    assert codes(App(), "factory") == []


def test_async_hooks_in_a_sync_run():
    """An async hook is no problem by itself; for a sync run it is, which `sync=True` asks for."""
    app = of(database=AsyncDatabase())
    assert codes(app) == []
    (problem,) = app.check(sync=True)
    assert (problem.code, problem.where) == ("async-in-sync", "database")
    assert "AsyncDatabase.setup_for_execution is async" in problem.message
    with pytest.raises(PlanError), app.run():
        pass


def test_type_mismatches():
    """A nested field that is given a key of another type."""

    class App(ResourceContainer):
        cache = Cache()
        orders = Orders(database=cache)
        numbers = providers.Factory(int)
        more = Orders(database=numbers)

    first, second = App().check()
    assert (first.code, first.where, first.expected) == ("type-mismatch", "orders", "Database")
    assert "'cache' gives Cache" in first.message
    assert "'numbers' gives int" in second.message


def test_resources_given_to_plain_providers():
    """A resource that was given to a Factory by itself would never be set up."""
    app = of(service=providers.Factory(dict, database=Database()))
    assert codes(app) == [("raw-resource", "service")]
    assert "give the Database a key" in app.check()[0].hint


def test_app_overlays():
    """A run cannot configure what is started: entering it tells, before anything else is opened."""

    class Quiet(ConfigurableResource, scope="app"):
        size: int = 1

    with of(quiet=Quiet(), database=Database()) as app, pytest.raises(ConfigError) as caught:
        with app.run(config={"quiet": {"size": 2}}):
            pass
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("app-overlay", "quiet")
    assert "its size cannot be set for one run" in problem.message


def everything():
    """A container with a problem of nearly every kind."""

    class App(ResourceContainer):
        database = Database(host=EnvVar("RESOURCEKIT_HOST"), password=FileVar("/does/not/exist"))
        orders = AppOrders(database=database)
        dangling = Orders(database=ref("nothing"))
        wrong = Orders(database=providers.Factory(int))

    return App().with_config({"databse": {}})


def test_everything_at_once():
    """Plan and config problems come together, and entering a run raises the very same."""
    app = everything()
    found = codes(app)
    assert found == [
        ("dangling-ref", "dangling"),
        ("type-mismatch", "wrong"),
        ("captive-scope", "orders"),
        ("unknown-key", "databse"),
        ("missing-variable", "database.host"),
        ("unreadable-source", "database.password"),
    ]
    with pytest.raises(PreflightError) as caught, app.run():
        pass
    assert [(problem.code, problem.where) for problem in caught.value.problems] == found
    assert [type(part) for part in caught.value.exceptions] == [PlanError, ConfigError]
    with pytest.raises(PreflightError), app:
        pass


def test_only_what_some_keys_need():
    """With keys, only what these need is checked; overlays are always."""
    app = everything()
    assert codes(app, "dangling") == [("dangling-ref", "dangling"), ("unknown-key", "databse")]
    with pytest.raises(UnknownKeyError, match="did you mean orders"):
        app.check("order")
    with pytest.raises(UnknownKeyError):
        app.plan("order")


class Guarded(Mapping):
    """An environment that tells whether it was read."""

    def __init__(self):
        self.reads = []

    def _read(self, *args, **_options):
        self.reads.append(args)
        raise KeyError(*args)

    __getitem__ = __iter__ = __len__ = __contains__ = get = keys = items = values = _read


def test_without_the_environment_nothing_is_read(monkeypatch):
    """`check(environment=False)`, `plan`, and making, copying and overriding containers read no variable, no file."""

    class Watched(Deferred):
        def read(self, context):
            return guarded._read("source")

    app, guarded = everything(), Guarded()
    app.watched = Database(host=Watched())
    expected = codes(app)[:4]
    guarded.reads.clear()
    with monkeypatch.context() as guard:
        guard.setattr(os, "environ", guarded)
        guard.setattr("builtins.open", guarded._read)
        guard.setattr("pathlib.Path.read_bytes", guarded._read)
        found = codes(app, environment=False)
        app.plan()
        with app.override(watched=Database(host=Watched())) as fake:
            fake.check(environment=False)
        silent = list(guarded.reads)
        app.check()
    assert (found, silent) == (expected, [])
    assert ("source",) in guarded.reads
    assert ("RESOURCEKIT_HOST",) in guarded.reads


def test_a_plan_is_data_and_a_dry_run():
    """The plan tells the steps in order as data and as text, problems among them; nothing is opened or read."""

    class App(ResourceContainer):
        database = AppDatabase(host=EnvVar("RESOURCEKIT_HOST"))
        orders = Orders(database=database)
        lost = Orders(database=ref("nothing"))

    plan = App().plan("orders")
    assert [step.name for step in plan.steps] == ["database", "orders"]
    assert plan.to_dict()["steps"][0]["scope"] == "app"
    assert str(plan).splitlines()[0] == "plan of App: 2 resources"
    assert "dangling-ref" in str(App().plan())


def test_misspelt_hooks():
    """With warnings=True a method called almost like a hook is told, once a class; a run starts all the same."""

    class Slips(ConfigurableResource):
        def setup_for_executon(self): ...
        async def teardown_after_executon(self, context): ...
        @contextmanager
        def yield_for_excution(self, context):
            yield self

    app = ResourceContainer.of({"one": Slips(), "two": Slips()})
    found = app.check(warnings=True)
    assert [(problem.where, problem.stage, problem.message) for problem in found] == [
        ("one", "warning", f"no run calls {Slips.__qualname__}.{method}(): the hook is called {hook}")
        for method, hook in (
            ("setup_for_executon", "setup_for_execution"),
            ("teardown_after_executon", "teardown_after_execution"),
            ("yield_for_excution", "yield_for_execution"),
        )
    ]
    assert all(problem.declared.file == __file__ for problem in found)
    assert app.check() == ()
    with app.run():
        pass


def test_what_is_no_misspelt_hook():
    """What has the hook itself, is private, wants arguments, is no method or is not that like a hook is left alone."""

    class Fine(ConfigurableResource):
        prepare_for_execution: str = ""

        def setup_for_execution(self): ...
        def setup_for_executions(self): ...
        def _teardown_after_execution(self): ...
        def teardown_after_executions(self, first, second): ...
        def yield_for_executions(self, *, rows): ...
        def create_resources(self): ...
        def check_health_of(self, name): ...

    class Inner(ConfigurableResource):
        yield_for_executio: type = dict
        teardown_after_executio = property(lambda self: None)

    assert ResourceContainer.of({"fine": Fine(), "inner": Inner()}).check(warnings=True) == ()
