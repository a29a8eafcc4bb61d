"""Wiring with dependency-injector's markers: `Provide`, `Provider`, `Closing`, by provider and by name."""

import sys
import textwrap
from types import ModuleType

import pytest
from dependency_injector import containers, errors, providers, wiring
from dependency_injector.wiring import Closing, Provide, Provider, inject  # noqa: F401  # for the wired modules

from resourcekit import ConfigurableResource, InjectionError, NoActiveRunError, ResourceContainer


class Database(ConfigurableResource, scope="app"):
    host: str = "localhost"


class Orders(ConfigurableResource):
    database: Database


class Service:
    def __init__(self, database=None):
        self.database = database


CLOSED: list[str] = []


def opened():
    """A resource of dependency-injector's."""
    yield "open"
    CLOSED.append("closed")


class Storage(ResourceContainer):
    db = Database(host="storage")


class Base(ResourceContainer):
    config = providers.Configuration()
    database = Database(host="base")
    orders = Orders(database=database)
    service = providers.Factory(Service, database=database)
    opened = providers.Resource(opened)
    storage = providers.Container(Storage)


class Prod(Base):
    database = Database(host="prod")
    only_prod = providers.Object(3)


class Staging(Base):
    database = Database(host="test")


class Unrelated(ResourceContainer):
    database = Database(host="unrelated")


@pytest.fixture
def module(request):
    """Makes a module of source text that can be wired, and takes it away afterwards."""
    made = []

    def make(source, name="wired_module", **attributes):
        found = ModuleType(name)
        found.__dict__.update(globals() | attributes, __name__=name, __package__=name.rpartition(".")[0])
        sys.modules[name] = found
        made.append(found)
        exec(compile(textwrap.dedent(source), f"<{name}>", "exec"), found.__dict__)
        return found

    yield make
    wiring.unwire(modules=made)
    for each in made:
        sys.modules.pop(each.__name__, None)


def test_a_marker_gives_the_live_object(module):
    """`Provide[Prod.database]` gives the live object of the current run or app scope; without one, an error."""
    wired = module("""
        def without_markers(): ...

        @inject
        def report(day, database=Provide[Prod.database], orders=Provide[Prod.orders], service=Provide[Prod.service]):
            return day, database, orders, service
    """)
    app = Prod()
    app.wire(modules=[wired])
    with app.run() as resources:
        day, database, orders, service = wired.report("monday")
        assert (day, database, orders) == ("monday", resources.database, resources.orders)
        assert service.database is database
        assert wired.report("x", database=3)[1] == 3
    with app:
        assert wired.report("x", orders=None)[1] is app.get("database")
    with pytest.raises(NoActiveRunError, match="database"):
        wired.report("x")
    app.unwire()
    assert wired.report("x")[1].provider is Prod.database


def test_markers_of_every_class_of_the_mro(module):
    """Code that is written against `Base` works in a `Prod()` instance, by provider and by container."""
    wired = module("""
        @inject
        def report(a=Provide[Base.database], b=Provide[Prod.database], c=Provide[Base], d=Provide[Prod]):
            return a, b, c, d
    """)
    app = Prod()
    app.wire(modules=[wired])
    with app.run() as resources:
        a, b, c, d = wired.report()
        assert a is b is resources.database
        assert c is d is app


def test_string_ids_and_modifiers(module):
    """A key by name, dotted for a nested container's, and dependency-injector's modifiers for what is in it."""
    wired = module("""
        from dependency_injector.wiring import as_int, provided

        @inject
        def report(a=Provide["database"], b=Provide["storage.db"], c=Provide["config.size", as_int()],
                   d=Provide["database", provided().host], e=Provide["<container>"], f=Provide[Base.config.size],
                   g=Provide[Base.storage.db], h=Provide[Base.database.provided.host]):
            return a, b, c, d, e, f, g, h
    """)
    app = Prod()
    app.config.from_dict({"size": "7"})
    app.wire(modules=[wired])
    with app.run() as resources:
        found = wired.report()
        assert found == (resources.database, resources.storage.db, 7, "prod", app, "7", resources.storage.db, "prod")


def test_required_and_invariant_options(module):
    """`required()`, with a type or without, and `invariant(...)` are honoured, by name and by provider."""
    wired = module("""
        from dependency_injector.wiring import invariant, required

        @inject
        def report(size=Provide["config.size", required().as_int()], same=Provide[Base.config.size.required()],
                   by_zone=Provide["config.hosts", invariant("config.zone")]):
            return size, same, by_zone

        @inject
        def strict(lost=Provide["config.lost", required()]):
            return lost
    """)
    app = Prod()
    app.config.from_dict({"size": "7", "zone": "eu", "hosts": {"eu": "eu-1"}})
    app.wire(modules=[wired])
    assert wired.report() == (7, "7", "eu-1")
    with pytest.raises(errors.Error, match=r"config\.lost"):
        wired.strict()


def test_provider_markers(module):
    """`Provider[...]` gives the provider: called, it is the live object."""
    wired = module("""
        @inject
        def report(make=Provider[Base.database], service=Provider["service"]):
            return make, service
    """)
    app = Prod()
    app.wire(modules=[wired])
    make, service = wired.report()
    with app.run() as resources:
        assert make() is resources.database
        assert service().database is resources.database


def test_closing(module):
    """`Closing` shuts a resource of dependency-injector's down after the call; ours stay the run's."""
    wired = module("""
        @inject
        def report(text=Closing[Provide["opened"]], orders=Closing[Provide[Base.orders]]):
            return text, orders
    """)
    CLOSED.clear()
    app = Prod()
    app.wire(modules=[wired])
    with app.run() as resources:
        text, orders = wired.report()
        assert (text, orders, CLOSED) == ("open", resources.orders, ["closed"])
        assert app.get("orders") is orders


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # dependency-injector knows no other
async def test_async_functions(module):
    """Async functions and async generators are wired as well."""
    wired = module("""
        @inject
        async def report(database=Provide[Base.database]):
            return database

        @inject
        async def rows(database=Provide[Base.database]):
            yield database
    """)
    app = Prod()
    app.wire(modules=[wired])
    async with app.run() as resources:
        assert await wired.report() is resources.database
        assert [row async for row in wired.rows()] == [resources.database]


def test_methods_classes_attributes_and_annotated(module):
    """Markers in methods, class attributes, module attributes and `Annotated` are resolved."""
    wired = module("""
        from typing import Annotated

        made = Provider[Base.database]
        plain = Provide["only_prod"]

        class View:
            made = Provider[Prod.database]

            @inject
            def method(self, database=Provide[Base.database]):
                return database

            @classmethod
            @inject
            def of_class(cls, database=Provide[Base.database]):
                return database

            @staticmethod
            @inject
            def static(database: Annotated[Database, Provide[Base.database]]):
                return database

        def bare(database=Provide[Base.database]):
            return database
    """)
    app = Prod()
    app.wire(modules=[wired])
    view = wired.View()
    with app.run() as resources:
        found = [view.method(), view.of_class(), view.static(), wired.bare(), wired.made(), view.made()]
        assert found == [resources.database] * 6
        assert wired.plain == 3


def test_overrides_are_seen_by_wired_functions(module):
    """In the block of an override, and by dependency-injector's own override, a wired function gets what replaces."""
    wired = module("""
        @inject
        def report(database=Provide[Base.database]):
            return database.host
    """)
    app = Prod()
    app.wire(modules=[wired])
    with app.override(database=Database(host="fake")), app.run():
        assert wired.report() == "fake"
    with app.database.override(Database(host="global")), app.run():
        assert wired.report() == "global"


def test_overrides_of_plain_providers_are_seen_by_wired_functions(module):
    """The same for dependency-injector's providers, by provider and by name; a singleton keeps nothing of the fake."""

    class App(Prod):
        single = providers.Singleton(Service, database=Base.database)

    wired = module(
        """
        @inject
        def report(a=Provide[Base.service], b=Provide["single"], c=Provider[App.single],
                   d=Provide[App.single.provided]):
            return a, b, c, d
        """,
        App=App,
    )
    app = App()
    app.wire(modules=[wired])
    with app.override(database=Database(host="fake")), app.run():
        a, b, c, d = wired.report()
        assert (a.database.host, b.database.host) == ("fake", "fake")
        assert b is c() is d is app.single()
        assert c.cls is Service
    with app.override(service=7, single=8), app.run():
        assert wired.report()[:2] == (7, 8)
    with app.run():
        a, b, c, d = wired.report()
        assert (a.database.host, b.database.host) == ("prod", "prod")
        assert not hasattr(c, "nothing")
        assert not hasattr(c, "__nothing__")


def test_a_key_of_a_related_class(module):
    """`Provide[Staging.database]` wired by `Prod` is an error: the two have a base in common, which is meant."""
    for marker in ("Staging.database", "Staging.database.provided.host", "Staging", "Prod.only_prod"):
        wired = module(f"@inject\ndef report(it=Provide[{marker}]): ...")
        owner = marker.partition(".")[0]
        (Base if owner == "Prod" else Prod)().wire(modules=[wired])
        with pytest.raises(InjectionError, match=rf"report\(\).* 'it': its marker names {owner}"):
            wired.report()


def test_several_containers_in_one_module(module):
    """Unrelated containers may wire one module: each resolves its own markers and leaves the others'."""

    class Plain(containers.DeclarativeContainer):
        number = providers.Object(5)

    wired = module(
        """
        @inject
        def report(a=Provide[Prod.database], b=Provide[Unrelated.database], c=Provide[Plain.number]):
            return a.host, b.host, c
        """,
        Plain=Plain,
    )
    Plain().wire(modules=[wired])
    app, other = Prod(), Unrelated()
    app.wire(modules=[wired])
    other.wire(modules=[wired])
    with app.run(), other.run():
        assert wired.report() == ("prod", "unrelated", 5)


def test_wiring_config(module):
    """`wiring_config` in the body wires every instance when it is made, as dependency-injector does."""
    wired = module("""
        @inject
        def report(database=Provide["database"]):
            return database.host
    """)

    class Wired(Prod):
        wiring_config = containers.WiringConfiguration(modules=[wired])

    class Late(Prod):
        wiring_config = containers.WiringConfiguration(modules=["wired_module"], auto_wire=False)

    app = Wired()
    with app.run():
        assert wired.report() == "prod"
    app.unwire()
    late = Late(database=Database(host="late"))
    late.wire()
    with late.run():
        assert wired.report() == "late"


def test_packages(module, tmp_path, monkeypatch):
    """A package is wired with all its modules, and what is unresolved in any of them is told."""
    package = tmp_path / "wired_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    head = "from dependency_injector.wiring import Provide, inject\n"
    (package / "good.py").write_text(head + "@inject\ndef report(database=Provide['database']):\n    return database\n")
    monkeypatch.syspath_prepend(tmp_path)
    app = Prod()
    app.wire(packages=["wired_package"])
    with app.run() as resources:
        assert sys.modules["wired_package.good"].report() is resources.database
    (package / "bad.py").write_text(head + "@inject\ndef report(databse=Provide['databse']): ...\n")
    app.wire(packages=["wired_package"])
    with pytest.raises(InjectionError, match="databse"):
        sys.modules["wired_package.bad"].report()
    app.unwire()
    for name in [name for name in sys.modules if name.startswith("wired_package")]:
        wiring.unwire(modules=[sys.modules.pop(name)])


def test_relative_names_are_the_callers(module, monkeypatch):
    """A relative module name is found in the package of the code that calls `wire`."""
    caller = module("def start(app): app.wire(modules=['.module'])", "wired_caller.main")
    module("", "wired_caller")
    wired = module("@inject\ndef report(database=Provide['database']): return database", "wired_caller.module")
    app = Prod()
    caller.start(app)
    assert app.wired_to_modules == [wired]
    with app.run() as resources:
        assert wired.report() is resources.database


def test_wiring_adds_no_key(module):
    """After wiring, by ours or by dependency-injector's own function, the keys are the same; instances can be made."""
    wired = module("@inject\ndef report(database=Provide['database']): return database")
    app = Base()
    keys = list(app.plan().keys)
    app.wire(modules=[wired])
    wiring.wire(container=app, modules=[wired])
    for each in (app, Base(), app.with_config({})):
        assert list(each.plan().keys) == keys
        with each.run() as resources:
            assert set(dir(resources)) == {*Base.providers} - {"__self__"}
    with app.override(database=Database(host="fake")) as fake, fake.run("orders") as resources:
        assert resources.orders.database.host == "fake"


def test_wiring_nothing():
    """`wire()` without modules does nothing, as in dependency-injector."""
    app = Base()
    app.wire()
    assert app.wired_to_modules == []
    app.unwire()


def test_the_loader_wires_new_modules(tmp_path, monkeypatch):
    """`register_loader_containers` wires modules as they are imported."""
    (tmp_path / "wired_by_loader.py").write_text(
        "from dependency_injector.wiring import Provide, inject\n"
        "@inject\ndef report(database=Provide['database']):\n    return database\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    app = Prod()
    wiring.register_loader_containers(app)
    try:
        import wired_by_loader
    finally:
        wiring.unregister_loader_containers(app)
    with app.run() as resources:
        assert wired_by_loader.report() is resources.database
    app.unwire()
    del sys.modules["wired_by_loader"]


def test_fastapi_style_depends(module):
    """A marker inside FastAPI's `Depends` is seen by dependency-injector, and so by us."""
    fastapi = pytest.importorskip("fastapi")
    wired = module(
        """
        @inject
        async def endpoint(database=Depends(Provide[Base.database])):
            return database.host
        """,
        Depends=fastapi.Depends,
    )
    app = Prod()
    app.wire(modules=[wired])
    with app.run() as resources:
        coroutine = wired.endpoint()
        with pytest.raises(StopIteration) as caught:
            coroutine.send(None)
        assert caught.value.value == resources.database.host
