"""The one rule: resources are injected by their class, everything else by `ResourceParam`; errors say so."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    InjectionError,
    ResourceContainer,
    ResourceParam,
    RunStateError,
    inject,
    injected,
    value,
)

T = TypeVar("T")


class Database(ConfigurableResource, scope="app"):
    """What baskets need."""


class Basket:
    """No resource: a class like any other."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database


class Saved(Basket):
    """Made by other providers."""


class HasDatabase(Protocol):
    """What a basket is, by its members."""

    database: Database | None

    def __init__(self, database: Database | None = None) -> None: ...


class Box(Generic[T]):
    """Generic."""


class Connection:
    """What a factory of resourcekit's vends."""


class Connections(ConfigurableResourceFactory[Connection]):
    """Vends connections."""

    def create_resource(self) -> Connection:
        return Connection()


def opened() -> Iterator[Saved]:
    yield Saved()


class App(ResourceContainer):
    """One key of each kind."""

    database = Database()
    connection = Connections()
    basket = providers.Factory(Basket, database=database)
    cached = providers.Singleton(Saved, database=database)
    called = providers.Callable(Saved)
    kept = providers.Object(Saved())
    resource = providers.Resource(opened)
    plain = value(Saved())
    delegate = providers.Delegate(basket)
    box = providers.Factory(Box)


@pytest.fixture
def app() -> Iterator[App]:
    with App() as app:
        yield app


KEYS = ["basket", "cached", "called", "kept", "resource", "plain"]


def asking(name: str, annotation: object, *, is_async: bool = False) -> Callable[..., Any]:
    """A function with one parameter of that name and annotation, which it returns."""

    def function(given: object) -> object:
        return given

    async def coroutine(given: object) -> object:
        return given

    made: Any = coroutine if is_async else function

    def renamed(**named: object) -> object:
        return made(named[name])

    async def arenamed(**named: object) -> object:
        return await made(named[name])

    asked: Any = arenamed if is_async else renamed
    parameter = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
    asked.__signature__ = inspect.Signature([parameter])
    return inject(asked)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "annotation",
    [ResourceParam[Basket], ResourceParam[Basket | None], ResourceParam[Basket] | None, ResourceParam[HasDatabase]],
    ids=str,
)
def test_resource_param_gets_what_a_provider_makes(app: App, key: str, annotation: object) -> None:
    """`ResourceParam` gets what the provider under a key makes, whatever kind of provider it is."""
    with app.run():
        assert isinstance(asking(key, annotation)(), Basket)


@pytest.mark.anyio
@pytest.mark.parametrize("key", KEYS)
async def test_resource_param_in_an_async_function(key: str) -> None:
    """It is the same in an async function."""
    async with App() as app, app.run():
        assert isinstance(await asking(key, ResourceParam[Basket], is_async=True)(), Basket)


@pytest.mark.parametrize("key", KEYS)
def test_a_bare_annotation_is_the_callers(app: App, key: str) -> None:
    """A class that is no resource is the caller's where it stands by itself; left out, the error says how to ask."""
    asked = asking(key, Basket)
    with app.run():
        mine = Basket()
        assert asked(**{key: mine}) is mine
        with pytest.raises(TypeError, match=f"missing 1 required keyword-only argument: '{key}'") as caught:
            asked()
    assert "Basket is no resource class, and no factory of resourcekit vends it" in str(caught.value)
    assert "ResourceParam[Basket]" in str(caught.value)


@pytest.mark.anyio
async def test_a_missing_argument_of_every_kind_of_function() -> None:
    """It says so in sync and async functions and generators, by `inject`, by the container's, and by its `call`."""

    def plain(basket: Basket, database: Database) -> None: ...

    async def coroutine(basket: Basket, database: Database) -> None: ...

    def generator(basket: Basket, database: Database) -> Iterator[None]:
        yield

    async def agenerator(basket: Basket, database: Database) -> Any:
        yield

    words = r"missing 1 required positional argument: 'basket'.*ResourceParam\[Basket\]"
    async with App() as app, app.run():
        for decorate in (inject, app.inject):
            with pytest.raises(TypeError, match=words):
                decorate(plain)()
            with pytest.raises(TypeError, match=words):
                await decorate(coroutine)()
            with pytest.raises(TypeError, match=words):
                next(decorate(generator)())
            with pytest.raises(TypeError, match=words):
                await anext(decorate(agenerator)())
        with pytest.raises(TypeError, match=words):
            app.call(plain)
        with pytest.raises(TypeError, match=words):
            await app.acall(coroutine)


def test_a_missing_argument_of_plain_data_is_told_by_python(app: App) -> None:
    """A missing str is missed as Python misses one: nobody thinks of it as a resource."""

    @inject
    def read(name: str, database: Database) -> None: ...

    with app.run(), pytest.raises(TypeError, match=r"missing 1 required positional argument: 'name'$"):
        read()


def test_resources_and_vended_types_need_no_mark(app: App) -> None:
    """What resourcekit sets up is injected by its bare class."""

    @inject
    def read(database: Database, connection: Connection) -> tuple[object, ...]:
        return database, connection

    with app.run() as resources:
        assert read() == (resources.database, resources.connection)


def test_a_bare_resource_param_says_nothing(app: App) -> None:
    """`ResourceParam` without a type is an error where the function is decorated, bare and by its name."""

    def bare(basket: ResourceParam) -> None: ...  # type: ignore[type-arg]

    def later(basket: "ResourceParam") -> None: ...  # type: ignore[type-arg]

    for function in (bare, later):
        for decorate in (inject, app.inject):
            with pytest.raises(InjectionError, match=r"does not say of what type; write ResourceParam\[Database\]"):
                decorate(function)
    assert inject(lambda basket: ResourceParam("basket")) is not None


# --- the provider itself ---


@pytest.mark.parametrize(
    ("key", "annotation"),
    [
        ("basket", ResourceParam[providers.Factory[Basket]]),
        ("basket", ResourceParam[providers.Factory]),
        ("basket", ResourceParam[providers.Provider[Basket]] | None),
        ("cached", ResourceParam[providers.Singleton[Basket]]),
        ("called", ResourceParam[providers.Callable[Basket]]),
    ],
    ids=str,
)
def test_the_provider_itself_is_asked_for_by_its_class(app: App, key: str, annotation: object) -> None:
    """`ResourceParam[providers.Factory[Basket]]` gets the factory, as the view has it, to make many."""
    with app.run() as resources:
        provider = asking(key, annotation)()
        assert provider is getattr(resources, key)
        assert isinstance(provider(), Basket)


def test_a_provider_of_another_class_is_an_error(app: App) -> None:
    """A Factory that is asked for where a Singleton stands, or a plain value, is an error, not what it gives."""
    with app.run():
        for key in ("cached", "called", "plain", "database"):
            with pytest.raises(InjectionError, match="it wants Factory, the key of that name holds"):
                asking(key, ResourceParam[providers.Factory[Basket]])()


def test_a_provider_is_never_searched_by_its_class() -> None:
    """Another name finds no factory by type: what it makes cannot be seen in its class."""

    class One(ResourceContainer):
        box = providers.Factory(Box)

    with One().run(), pytest.raises(InjectionError, match="has no key 'make' and none of type Factory"):
        asking("make", ResourceParam[providers.Factory[Basket]])()


def test_what_a_delegate_gives_is_a_provider(app: App) -> None:
    """A Delegate gives the provider it stands for: that fits `Factory`, and is no Basket."""
    with app.run() as resources:
        assert asking("delegate", ResourceParam[providers.Factory[Basket]])() is resources.basket
        assert asking("delegate", ResourceParam[Any])() is resources.basket
        with pytest.raises(InjectionError, match="it wants Basket, the key of that name holds Factory"):
            asking("delegate", ResourceParam[Basket])()


def test_get_by_type_gives_what_a_factory_makes(app: App) -> None:
    """`app.get(Basket)` gives a Basket, `app.get("basket")` the provider, as the view; in a run and in the app."""

    class Few(ResourceContainer):
        database = Database()
        basket = providers.Factory(Basket, database=database)

    with Few() as few:
        assert isinstance(few.get(Basket), Basket)
        assert few.get(Basket) is not few.get(Basket)
        with few.run() as resources:
            assert few.get(Basket).database is resources.database
            assert few.get("basket") is resources.basket


def test_get_by_type_of_what_must_be_awaited() -> None:
    """A factory that needs something async gives an awaitable: `get` by type says to take it by its key."""

    async def connect() -> Saved:
        return Saved()

    class Later(ResourceContainer):
        saved = providers.Coroutine(connect)
        basket = providers.Factory(Basket, database=saved)

    async def main() -> None:  # dependency-injector's awaitables are asyncio's.
        app = Later()
        async with app.run():
            with pytest.raises(RunStateError, match=r"await container.get\('basket'\)\(\)"):
                app.get(Basket)
            assert isinstance(await app.get("basket")(), Basket)

    asyncio.run(main())


# --- what frameworks see ---


def test_pydantic_is_told_why_it_cannot_read_a_parameter() -> None:
    """Where FastAPI cannot make a parameter of a class, the error is ours, names it, and says how to ask."""
    fastapi = pytest.importorskip("fastapi")
    web = fastapi.FastAPI()

    def endpoint(basket: Basket, database: Database) -> None: ...

    def dependency(basket: Basket) -> None: ...

    def optional(*, basket: Basket | None = None) -> None: ...

    for decorate in (inject, App().inject):
        for function in (endpoint, dependency, optional):
            with pytest.raises(InjectionError, match=r"ResourceParam\[Basket") as caught:
                web.get("/")(decorate(function))
            assert caught.value.parameter == "basket"
            assert function.__name__ in caught.value.function
    with pytest.raises(InjectionError):
        web.get("/", dependencies=[fastapi.Depends(inject(dependency))])(lambda: None)


def test_what_pydantic_can_read_is_read_as_ever() -> None:
    """Models, dataclasses, the framework's own classes and `Depends` are the framework's, and their form is seen."""
    fastapi = pytest.importorskip("fastapi")
    pydantic = pytest.importorskip("pydantic")
    from fastapi.testclient import TestClient

    class Item(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        name: str

    @dataclass
    class Page:
        number: int

    def of_request() -> Basket:
        return Basket()

    web, app = fastapi.FastAPI(), App()

    @web.post("/{day}")
    @app.inject
    def endpoint(
        day: str,
        item: Item,
        page: Page,
        request: fastapi.Request,
        tasks: fastapi.BackgroundTasks,
        database: Database,
        basket: Basket = fastapi.Depends(of_request),  # noqa: B008
        other: Annotated[Basket | None, fastapi.Depends(of_request)] = None,
    ) -> str:
        assert isinstance(request, fastapi.Request)
        assert isinstance(tasks, fastapi.BackgroundTasks)
        return f"{day} {item.name} {page.number} {type(basket).__name__} {type(other).__name__}"

    with app, TestClient(web) as client:
        answer = client.post("/monday", json={"item": {"name": "tea"}, "page": {"number": 2}})
        assert answer.json() == "monday tea 2 Basket Basket"
        schema = client.get("/openapi.json").json()["paths"]["/{day}"]["post"]
        assert [parameter["name"] for parameter in schema["parameters"]] == ["day"]


def test_a_route_without_inject_says_that_nothing_injects() -> None:
    """A resource in a route that is not decorated, or decorated the wrong way round, is told as just that."""
    fastapi = pytest.importorskip("fastapi")
    web = fastapi.FastAPI()

    def by_class(database: Database) -> None: ...

    def optional(database: Database | None) -> None: ...

    def marked(url: ResourceParam[str]) -> None: ...

    for function in (by_class, optional, marked):
        with pytest.raises(DefinitionError, match="put @inject directly above the function"):
            web.get("/")(function)
        with pytest.raises(DefinitionError, match="put @inject directly above the function"):
            inject(web.get("/")(function))


def test_a_pydantic_model_may_hold_a_resource_as_an_arbitrary_type() -> None:
    """A model that allows arbitrary types holds resources as before."""
    pydantic = pytest.importorskip("pydantic")

    class Holder(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        database: Database

    database = Database()
    assert Holder(database=database).database is database


def test_the_public_signature_shows_what_is_not_injected() -> None:
    """In what frameworks read, a parameter of a plain class has its class, with a mark; other marks are left alone."""

    @inject
    def read(
        basket: Basket, other: Annotated[Basket, "mine"], name: str, database: Database, late: Basket = injected()
    ) -> None: ...

    parameters = inspect.signature(read).parameters
    assert list(parameters) == ["basket", "other", "name"]
    assert str(parameters["basket"]).replace("typing.", "").startswith("basket: Annotated[")
    assert parameters["basket"].annotation.__origin__ is Basket
    assert str(parameters["basket"]).endswith("not injected]")
    assert parameters["other"].annotation == Annotated[Basket, "mine"]
    assert parameters["name"].annotation is str
