"""`inject`: what a function asks for, which key fills it, and what is said when none does."""

import inspect
from pathlib import Path
from typing import Annotated, Any, Optional

import pytest
from dependency_injector import providers
from dependency_injector.wiring import Provide

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    InjectionError,
    ResourceContainer,
    ResourceParam,
    RunStateError,
    inject,
    injected,
    value,
)
from tests.shop import Client, ClientFactory, Database, Orders, Shop

# --- what is filled ---


def test_a_resource_class_asks_for_a_resource(shop: Shop) -> None:
    """A parameter annotated with a resource class gets the live resource of that name; the caller gives the rest."""

    @inject
    def report(day: str, orders: Orders) -> tuple[str, Orders]:
        return day, orders

    with shop.run() as resources:
        assert report("monday") == ("monday", resources.orders)
        assert report(day="monday") == ("monday", resources.orders)


def test_a_vended_type_asks_for_what_the_factory_vends(shop: Shop) -> None:
    """A parameter annotated with the type that a factory vends gets the vended object."""

    @inject
    def fetch(client: Client) -> str:
        return client.url

    with shop.run():
        assert fetch() == "https://api.example.com"


def test_resource_param_asks_for_any_type(shop: Shop) -> None:
    """`ResourceParam[str]` gets what the key holds, though a plain str would be an argument like any other."""

    @inject
    def link(path: str, url: ResourceParam[str]) -> str:
        return url + path

    with shop.run():
        assert link("/a") == "https://shop.example.com/a"


def test_injected_asks_whatever_the_annotation() -> None:
    """The default `injected()` marks a parameter of any annotation, or of none."""

    class App(ResourceContainer):
        url = value("u")
        numbers = value([1, 2])

    @inject
    def both(numbers: list[int] = injected(), url=injected()) -> tuple[Any, Any]:  # type: ignore[no-untyped-def]
        return numbers, url

    with App().run():
        assert both() == ([1, 2], "u")
    assert repr(injected()) == "injected()"


def test_other_parameters_are_left_alone(shop: Shop) -> None:
    """A plain annotation, or none, is the caller's, even where a key has the name."""

    @inject
    def plain(url: str, client, *, orders: object = None) -> tuple[Any, ...]:  # type: ignore[no-untyped-def]
        return url, client, orders

    with shop.run():
        assert plain("given", 5) == ("given", 5, None)
        with pytest.raises(TypeError, match="client"):
            plain("given")


def test_plain_data_that_a_factory_vends_is_the_callers() -> None:
    """A factory of paths does not make every Path parameter a resource; ResourceParam[Path] says that it is one."""

    class Folder(ConfigurableResourceFactory[Path]):
        def create_resource(self) -> Path:
            return Path("made")

    class App(ResourceContainer):
        folder = Folder()

    @inject
    def read(path: Path, folder: ResourceParam[Path]) -> list[str]:
        return [path.name, folder.name]

    with App().run():
        assert read(Path("given")) == ["given", "made"]


def test_a_union_is_filled_with_any_of_its_members() -> None:
    """`Orders | Archive` takes whichever the key holds."""

    class Archive(ConfigurableResource): ...

    class App(ResourceContainer):
        source = Archive()

    @inject
    def read(source: Orders | Archive) -> object:
        return source

    with App().run() as resources:
        assert read() is resources.source


def test_a_base_class_is_filled_with_a_subclass() -> None:
    """A parameter annotated with a base class gets the subclass that the key holds."""

    class Replica(Database): ...

    class App(ResourceContainer):
        database = Replica()

    @inject
    def read(database: Database) -> object:
        return database

    with App().run() as resources:
        assert read() is resources.database


def test_a_parameter_gets_what_a_provider_gives() -> None:
    """A dependency-injector provider under the key is called for the parameter, as it is for a field."""

    class Repository:
        def __init__(self, database: Database) -> None:
            self.database = database

    class App(ResourceContainer):
        database = Database()
        repository = providers.Factory(Repository, database=database)
        config = providers.Configuration(default={"size": 3})

    @inject
    def read(repository: ResourceParam[Repository], config: ResourceParam[dict[str, int]]) -> tuple[Repository, int]:
        return repository, config["size"]

    app = App()
    with app.run() as resources:
        repository, size = read()
        assert (repository.database, size) == (resources.database, 3)
    assert app.call(inspect.unwrap(read))[0].database.host == "localhost"


def test_a_sync_function_cannot_take_what_must_be_awaited() -> None:
    """A provider that gives an awaitable is an error in a sync function."""

    async def connect() -> str:
        return "connected"

    class Later:
        def __await__(self) -> Any: ...

    @inject
    def read(connection: ResourceParam[str]) -> str:
        return connection

    for provider in (providers.Callable(connect), providers.Callable(Later)):
        app = ResourceContainer.of({"connection": provider})
        with app.run(), pytest.raises(RunStateError, match="the provider for 'connection' gave an awaitable"):
            read()


@pytest.mark.anyio
async def test_an_async_function_takes_what_was_awaited() -> None:
    """A provider that gives an awaitable is awaited for an async function."""

    async def connect() -> str:
        return "connected"

    class App(ResourceContainer):
        connection = providers.Callable(connect)

    @inject
    async def read(connection: ResourceParam[str]) -> str:
        return connection

    async with App().run():
        assert await read() == "connected"


def test_any_other_object_is_the_callers(shop: Shop) -> None:
    """A parameter of a class that is neither a resource nor vended by a factory is missed as Python misses one."""

    class Request: ...

    @inject
    def read(request: Request, database: Database) -> object:
        return request

    with shop.run():
        assert isinstance(read(Request()), Request)
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'request'"):
            read()


# --- by name, by type ---


def test_by_a_unique_type_where_no_key_has_the_name(shop: Shop) -> None:
    """A parameter of another name gets the only key of its type."""

    @inject
    def read(db: Database, api: Client, store: Orders) -> tuple[object, ...]:
        return db, api, store

    with shop.run() as resources:
        assert read() == (resources.database, resources.client, resources.orders)


def test_a_plain_value_is_found_by_type_too() -> None:
    """`ResourceParam[int]` of another name gets the only int; a bool is none."""

    class App(ResourceContainer):
        debug = value(True)
        limit = value(7)

    @inject
    def read(most: ResourceParam[int]) -> int:
        return most

    with App().run():
        assert read() == 7


def test_two_of_a_type_are_an_error() -> None:
    """Where several keys are of the type, the error names them: nothing is guessed."""

    class App(ResourceContainer):
        primary = Database(host="a")
        replica = Database(host="b")

    @inject
    def read(database: Database) -> None: ...

    with App().run(), pytest.raises(InjectionError) as caught:
        read()
    assert str(caught.value) == (
        "test_two_of_a_type_are_an_error.<locals>.read() cannot be given 'database': App has no key 'database', "
        "and 2 of type Database; name the parameter primary or replica"
    )


def test_one_resource_under_two_keys_is_one() -> None:
    """A resource that has two keys is still the only one of its type."""

    class App(ResourceContainer):
        primary = Database(host="a")
        writer = primary

    @inject
    def read(database: Database) -> str:
        return database.host

    with App().run():
        assert read() == "a"


def test_a_name_with_the_wrong_type_is_never_a_search_by_type() -> None:
    """The key of the parameter's name must fit, though another key would; the error proposes that one."""

    class App(ResourceContainer):
        orders = Database(host="a")
        real = Orders(database=orders)

    @inject
    def read(orders: Orders) -> None: ...

    with App().run(), pytest.raises(InjectionError) as caught:
        read()
    assert "it wants Orders, the key of that name holds Database; name it real" in str(caught.value)


def test_a_wrong_value_is_an_error_that_does_not_show_it() -> None:
    """A plain value of the wrong type is refused, and not shown: it may be a secret."""

    class App(ResourceContainer):
        port = value("hunter2")

    def read(port: ResourceParam[int]) -> None: ...

    with pytest.raises(InjectionError, match="wants int, the key of that name holds str") as caught:
        App().call(read)
    assert "hunter2" not in str(caught.value)


def test_what_a_provider_gives_is_checked_when_it_is_there() -> None:
    """Where the type is not known before, the object itself is looked at."""

    class App(ResourceContainer):
        port = providers.Callable(str, 5432)

    @inject
    def read(port: ResourceParam[int]) -> None: ...

    with App().run(), pytest.raises(InjectionError, match="wants int, the key of that name holds str"):
        read()


def test_a_missing_key_names_function_parameter_keys_and_the_nearest(shop: Shop) -> None:
    """The error says who asks for what, what there is, and which key was probably meant."""

    class Missing(ConfigurableResource): ...

    @inject
    def read(ordrs: Missing) -> None: ...

    with shop.run(), pytest.raises(InjectionError) as caught:
        read()
    error = caught.value
    assert (error.function, error.parameter) == (read.__qualname__, "ordrs")
    assert str(error) == (
        f"{read.__qualname__}() cannot be given 'ordrs': Shop has no key 'ordrs' and none of type Missing; "
        "its keys: database, orders, client, url; the nearest, orders, holds Orders: add a Missing under 'ordrs'"
    )


def test_an_empty_container_has_nothing_to_propose() -> None:
    """The error of a container without keys says so."""

    class Empty(ResourceContainer): ...

    @inject
    def read(anything=injected()) -> None: ...  # type: ignore[no-untyped-def]

    with (
        Empty().run(),
        pytest.raises(
            InjectionError, match=r"Empty has no key 'anything'; its keys: none; add a value under that key$"
        ),
    ):
        read()


def test_many_keys_are_not_all_listed() -> None:
    """The error of a large container lists the first twelve keys only."""
    app = ResourceContainer.of({f"key_{number}": number for number in range(20)})

    def read(database: Database) -> None: ...

    with pytest.raises(InjectionError, match=r"key_11, \.\.\.; add a Database under that key$"):
        app.call(read)


def test_a_factory_is_not_what_users_receive() -> None:
    """A parameter annotated with a factory class is refused at once, with the annotation to write."""
    with pytest.raises(InjectionError, match=r"a factory, whose users receive Client; annotate it as ResourceParam\[C"):

        @inject
        def fetch(client: ClientFactory) -> None: ...


# --- defaults and optional parameters ---


def test_an_optional_parameter_is_filled_when_there_is_one(shop: Shop) -> None:
    """`Orders | None` gets the orders; where the container has none, None."""

    class Other(ResourceContainer): ...

    @inject
    def read(orders: Orders | None, db: Optional[Database], url: ResourceParam[str] | None) -> list[object]:  # noqa: UP045
        return [orders, db, url]

    with shop.run() as resources:
        assert read() == [resources.orders, resources.database, resources.url]
    with Other().run():
        assert read() == [None, None, None]
    assert read() == [None, None, None]


def test_a_default_stands_where_there_is_none(shop: Shop) -> None:
    """A parameter with a default gets the resource, and its default where there is none."""

    class Other(ResourceContainer): ...

    spare = Database(host="spare")

    @inject
    def read(database: Database = spare) -> str:
        return database.host

    with shop.run():
        assert read() == "localhost"
    with Other().run():
        assert read() == "spare"
    assert Other().call(inspect.unwrap(read)) == "spare"


def test_an_optional_parameter_of_the_wrong_type_is_an_error() -> None:
    """Optional means that it may be missing, not that it may be of another type."""

    class App(ResourceContainer):
        orders = Database()

    @inject
    def read(orders: Orders | None) -> None: ...

    with App().run(), pytest.raises(InjectionError, match=r"wants Orders \| None"):
        read()


def test_none_is_no_resource_of_an_optional_type() -> None:
    """A key that holds None is not what `Orders | None` of another name asks for; under its own name it is."""

    class App(ResourceContainer):
        nothing = value(None)

    spare = Orders(database=Database())

    @inject
    def read(orders: Orders | None = spare, nothing: Orders | None = spare) -> object:
        return orders, nothing

    with App().run():
        assert read() == (spare, None)


def test_markers_of_other_frameworks_are_left_to_them(shop: Shop) -> None:
    """A parameter that FastAPI's Depends or dependency-injector's Provide fills is not ours to fill."""
    fastapi = pytest.importorskip("fastapi")

    def theirs() -> None: ...

    @shop.inject
    def read(
        orders: Annotated[Orders, fastapi.Depends(theirs)],
        database: Database = Provide["database"],
        again: Orders = fastapi.Depends(theirs),  # noqa: B008
        *,
        client: Annotated[Client, "any other note"],
    ) -> None: ...

    assert list(inspect.signature(read).parameters) == ["orders", "database", "again"]
