"""Markers of a wired module that no container has resolved: left to the others, and an error where they are used."""

import functools

import anyio
import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import UnresolvedMarkerWarning

from resourcekit import ConfigurableResource, InjectionError, ResourceContainer


class Database(ConfigurableResource):
    host: str = "localhost"


class Storage(ResourceContainer):
    path = providers.Object("/data")


class Users(ResourceContainer):
    database = Database(host="users")
    config = providers.Configuration()
    storage = providers.Container(Storage)


class Orders(ResourceContainer):
    database = Database(host="orders")
    service = providers.Object("orders")


class Late(ResourceContainer):
    later = providers.Object("later")


class Plain(containers.DeclarativeContainer):
    number = providers.Object(5)


@pytest.fixture
def views(package):
    """A module with a marker of each of three containers."""
    return package(
        "views",
        views="""
            from tests.container.test_unresolved_markers import Orders, Plain, Users

            @inject
            def index(a=Provide["config.size"], b=Provide["service"], c=Provide["number"]):
                return a, b, c

            @inject
            def by_provider(a=Provide[Users.database], b=Provide[Orders.service], c=Provide[Plain.number]):
                return a.host, b, c

            size = Provider["config.size"]
            service = Provide["service"]

            class View:
                number = Provide["number"]
        """,
    )


def test_containers_that_wire_one_module_by_name(views):
    """Each container resolves the names that it has, in any order, and leaves the others' alone."""
    users, orders, plain = Users(config={"size": 3}), Orders(), Plain()
    users.wire(modules=[views])
    plain.wire(modules=[views])
    orders.wire(modules=[views])
    with users.run():
        assert views.by_provider() == ("users", "orders", 5)
    assert views.index() == (3, "orders", 5)
    assert (views.size(), views.service, views.View.number) == (3, "orders", 5)
    users.unwire()
    assert [each.provider for each in views.index()] == ["config.size", "service", "number"]
    assert views.size.provider == "config.size"


def test_a_name_that_both_have_is_that_of_the_last(package):
    """Of two containers that have a name the one that wires last gives it, as with dependency-injector."""
    views = package("views", views="@inject\ndef index(it=Provide['database']): return it.host")
    users, orders = Users(), Orders()
    users.wire(modules=[views])
    orders.wire(modules=[views])
    with users.run(), orders.run():
        assert views.index() == "orders"
        users.wire(modules=[views])
        assert views.index() == "users"


CALLS = {
    "function": "@inject\ndef index(it=Provide['databse']): ...",
    "without inject": "def index(it=Provide['databse']): ...",
    "closing": "@inject\ndef index(it=Closing[Provide['databse']]): ...",
    "provider": "@inject\ndef index(it=Provider['databse']): ...",
    "generator": "@inject\ndef index(it=Provide['databse']): yield it",
    "annotated": "from typing import Annotated\n@inject\ndef index(it: Annotated[int, Provide['databse']]): ...",
    "method": "class V:\n    @inject\n    def index(self, it=Provide['databse']): ...\nindex = V().index",
    "bare method": "class V:\n    def index(self, it=Provide['databse']): ...\nindex = lambda: V().index()",
    "class method": "class V:\n    @classmethod\n    @inject\n"
    "    def index(cls, it=Provide['databse']): ...\nindex = V.index",
    "closure": "def make():\n    @inject\n    def index(it=Provide['databse']): ...\n    return index\nindex = make()",
    "modifier": "from dependency_injector.wiring import as_int\n"
    "@inject\ndef index(it=Provide['databse', as_int()]): ...",
    "provided": "from dependency_injector.wiring import provided\n"
    "@inject\ndef index(it=Provide['databse', provided().host]): ...",
}


@pytest.mark.parametrize("source", CALLS.values(), ids=CALLS.keys())
def test_an_error_at_the_call(package, source):
    """The call of a function whose marker nothing resolves is an error with function, parameter and nearest key."""
    views = package("views", views=source)
    Users().wire(modules=[views])
    expected = (
        r"index\(\) cannot be given 'it': its marker names 'databse', which Users does not have; did you mean database"
    )
    with pytest.raises(InjectionError, match=expected):
        views.index()


@pytest.mark.parametrize("kind", ["function", "generator"])
def test_an_error_at_the_call_of_an_async_function(package, kind):
    """Of an async function it is the error of awaiting it, of an async generator that of its first step."""
    body = "yield it" if kind == "generator" else "return it"
    views = package("views", views=f"@inject\nasync def index(it=Provide['databse']): {body}")
    Users().wire(modules=[views])
    called = views.index().__anext__ if kind == "generator" else views.index
    with pytest.raises(InjectionError, match="'databse', which Users does not have"):
        anyio.run(called)


ATTRIBUTES = {
    "Provide, of a module": ("it = Provide['databse']", lambda views: views.it.host),
    "Provider, of a module": ("it = Provider['databse']", lambda views: views.it()),
    "Provide, of a class": ("class View:\n    it = Provide['databse']", lambda views: views.View.it.host),
    "Provider, of a class": ("class View:\n    it = Provider['databse']", lambda views: views.View().it()),
}


@pytest.mark.parametrize(("source", "use"), ATTRIBUTES.values(), ids=ATTRIBUTES.keys())
def test_an_error_where_an_attribute_is_used(package, source, use):
    """An attribute whose marker nothing resolves is an error where it is used; after unwiring it is a marker again."""
    views = package("views", views=source)
    users = Users()
    users.wire(modules=[views])
    with pytest.raises(InjectionError, match=r"'(View\.)?it'.*'databse', which Users does not have; did you mean"):
        use(views)
    Orders().wire(modules=[views])
    with pytest.raises(InjectionError, match="which Users and Orders do not have"):
        use(views)
    held = getattr(views, "View", views)
    assert not hasattr(held.it, "__wrapped__")
    users.unwire()
    assert type(held.it).__module__ == "dependency_injector.wiring"


def test_the_nearest_key_of_all_containers(package):
    """The error names every container that wired the module, and the nearest of all their keys, dotted ones too."""
    source = "@inject\ndef {}(it=Provide['{}']): ...\n"
    views = package("views", views=source.format("one", "servce") + source.format("two", "storage.paht"))
    Orders().wire(modules=[views])
    Users().wire(modules=[views])
    Orders().wire(modules=[views])
    with pytest.raises(InjectionError, match=r"'servce', which Orders and Users do not have; did you mean service"):
        views.one()
    with pytest.raises(InjectionError, match=r"'storage\.paht', which .* did you mean storage\.path"):
        views.two()


def test_a_container_that_comes_later_mends_it(package):
    """What a container resolves that wires the module later is no error any more: ours or a plain one."""
    views = package("views", views="@inject\ndef index(a=Provide['later'], b=Provide['number']): return a, b")
    Users().wire(modules=[views])
    Late().wire(modules=[views])
    with pytest.raises(InjectionError, match="'number', which Users and Late do not have"):
        views.index()
    Plain().wire(modules=[views])
    assert views.index() == ("later", 5)


def test_a_marker_by_provider_of_a_container_that_is_not_wired(package):
    """A marker that names another container's provider is an error at the call, which names what it can."""
    views = package(
        "views",
        views="""
            from tests.container.test_unresolved_markers import Orders, Plain
            @inject
            def ours(it=Provide[Orders.database]): ...
            @inject
            def plain(it=Provide[Plain.number.provided.real]): ...
        """,
    )
    Users().wire(modules=[views])
    with pytest.raises(
        InjectionError, match=r"names Orders\.database, of which Users knows nothing; wire the container"
    ):
        views.ours()
    with pytest.raises(InjectionError, match=r"names an Object, of which Users knows nothing"):
        views.plain()


def test_what_the_caller_gives_is_no_error(package):
    """A parameter that the caller gives needs no container."""
    views = package("views", views="@inject\ndef index(it=Provide['databse']): return it")
    Users().wire(modules=[views])
    assert views.index(it=3) == 3


def test_a_method_of_a_container_is_no_key(package):
    """`Provide["run"]` names a method, not a key: unresolved like any other name."""
    views = package("views", views="@inject\ndef index(it=Provide['run']): ...\nit = Provide['check']")
    Users().wire(modules=[views])
    with pytest.raises(InjectionError, match="'run', which Users does not have"):
        views.index()


def test_functions_that_a_module_imports(package):
    """A function that a wired module imports from one that is not is left to the container which wires its own."""
    package("elsewhere", elsewhere="@inject\ndef helper(it=Provide['number']): return it")
    views = package("views", views="from elsewhere import helper")
    Users().wire(modules=[views])
    assert views.helper().provider == "number"
    plain = Plain()
    plain.wire(modules=["elsewhere"])
    Users().wire(modules=[views])
    assert views.helper() == 5


def test_a_marker_that_several_functions_share(package):
    """A marker under a name of its own serves as a default and as a resolved attribute."""
    views = package("views", views="shared = Provide['number']\n@inject\ndef index(it=shared): return it")
    app = ResourceContainer.of({"number": 6})
    app.wire(modules=[views])
    assert (views.index(), views.shared) == (6, 6)


def test_an_attribute_of_an_imported_class(package):
    """The attributes of a class that a wired module imports are left to who wires the class's module."""
    package("elsewhere", elsewhere="class View:\n    it = Provide['nowhere']")
    views = package("views", views="from elsewhere import View")
    Users().wire(modules=[views])
    assert type(views.View.it).__module__ == "dependency_injector.wiring"


def test_a_closing_as_an_attribute_means_nothing(package):
    """`Closing` belongs to a call: as an attribute it is left as it is."""
    views = package("views", views="it = Closing[Provide['database']]")
    Users().wire(modules=[views])
    assert type(views.it).__name__ == "Closing"


@pytest.mark.parametrize("by", ["call", "configuration"])
def test_warnings_when_wiring(package, by):
    """`warn_unresolved` tells at once of each marker that is not this container's."""
    views = package("warned", warned="@inject\ndef index(it=Provide['databse']): ...")

    class Warned(Users):
        wiring_config = containers.WiringConfiguration(modules=[views], warn_unresolved=True)

    made = Warned if by == "configuration" else functools.partial(Users().wire, [views], warn_unresolved=True)
    with pytest.warns(UnresolvedMarkerWarning, match="it"):
        made()


def test_fastapi_endpoints(package):
    """An endpoint whose marker nothing resolves fails with the error; the others answer."""
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    views = package(
        "views",
        views="""
            from typing import Annotated
            from fastapi import Depends, FastAPI

            app = FastAPI()

            @app.get("/good")
            @inject
            async def good(service: Annotated[str, Depends(Provide["service"])]) -> str:
                return service

            @app.get("/bad")
            @inject
            async def bad(service: str = Depends(Provide["servce"])) -> str:
                return service
        """,
    )
    Orders().wire(modules=[views])
    client = TestClient(views.app)
    assert client.get("/good").json() == "orders"
    with pytest.raises(InjectionError, match="'servce', which Orders does not have; did you mean service"):
        client.get("/bad")
