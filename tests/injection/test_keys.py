"""A parameter that names its key itself."""

from typing import Annotated

import pytest
from dependency_injector import providers

from resourcekit import ConfigurableResource, InjectionError, ResourceContainer, ResourceParam, inject, injected, ref


class Database(ConfigurableResource):
    host: str = "main"


class Orders(ConfigurableResource):
    database: Database


class Storage(ResourceContainer):
    database = Database(host="storage")


class App(ResourceContainer):
    database = Database()
    replica = Database(host="replica")
    orders = Orders(database=database)
    storage = providers.Container(Storage)


app = App()


@inject
def annotated(database: Annotated[Database, ref("replica")]) -> str:
    return database.host


@inject
def default(database: Database = ref("replica")) -> str:  # noqa: B008
    return database.host


@inject
def as_in_the_guide(database: Database = ResourceParam("replica")) -> str:  # noqa: B008
    return database.host


@inject
def marked(database: Annotated[Database, ref("replica")] = injected()) -> str:
    return database.host


@pytest.mark.parametrize("function", [annotated, default, as_in_the_guide, marked])
def test_the_key_that_a_parameter_names(function):
    """`ref("replica")`, in `Annotated` or as the default, is the key; the parameter's own name does not matter."""
    for _ in range(2):
        with app.run():
            assert [function(), function()] == ["replica"] * 2
        assert app.call(function) == "replica"
        with app.override(replica=Database(host="fake")):
            assert app.call(function) == "fake"
    assert function(database=Database(host="given")) == "given"


def test_a_key_of_a_nested_container():
    """So a key of a nested container can be asked for where others are of its type."""

    @inject
    def hosts(inner: Annotated[Database, ref("storage.database")], database: Database) -> list[str]:
        return [inner.host, database.host]

    assert [app.call(hosts), app.inject(hosts)()] == [["storage", "main"]] * 2
    with app.run():
        assert [hosts(), hosts()] == [["storage", "main"]] * 2


def test_an_optional_parameter_that_names_its_key():
    """Where the container has no such key it is left to None, or to its default: nothing else of the type is given."""

    @inject
    def optional(database: Annotated[Database | None, ref("backup")]) -> Database | None:
        return database

    @inject
    def defaulted(database: Annotated[Database | None, ref("backup")] = None) -> Database | None:
        return database

    with app.run():
        assert (optional(), defaulted()) == (None, None)
    assert (app.call(optional), app.call(defaulted)) == (None, None)


def refusal(function):
    with pytest.raises(InjectionError) as caught:
        app.call(function)
    with app.run(), pytest.raises(InjectionError, match="cannot be given 'database'"):
        inject(function)()
    return str(caught.value).partition("cannot be given 'database': ")[2]


def test_a_key_that_is_not_there():
    """A misspelt key is told with the nearest; one that is like none, with those of the type."""

    def misspelt(database: Annotated[Database, ref("replika")]) -> None: ...

    def unlike(database: Database = ref("x")) -> None: ...  # noqa: B008

    def dotted(database: Database = ref("storage.databse")) -> None: ...  # noqa: B008

    assert refusal(misspelt) == "App has no key 'replika', and 3 of type Database; did you mean replica?"
    assert refusal(unlike) == (
        "App has no key 'x', and 3 of type Database; write ref('database') or ref('replica') or ref('storage.database')"
    )
    assert refusal(dotted).endswith("did you mean storage.database?")


def test_a_key_of_another_type():
    """The key that is named must be of the type; what is proposed is."""

    def wrong(database: Orders = ref("replica")) -> None: ...  # noqa: B008

    assert refusal(wrong) == "it wants Orders, key 'replica' holds Database; write ref('orders')"


def test_another_class_of_the_same_name():
    """After a reload, or when a notebook's cell runs again, two classes have one name: the error says so."""

    def again():
        class Database(ConfigurableResource):
            host: str = "new"

        return Database

    new = again()

    def read(database: new) -> None: ...

    assert refusal(read) == (
        f"it wants Database, the key of that name holds Database, another class of that name, of {__name__}; if a "
        "module was reloaded, or a cell run again, make the container and the function anew too"
    )


def test_a_nested_key_is_proposed_as_it_can_be_written():
    """A parameter cannot have a dotted name: the error says `ref`, whatever is looked up, and that works."""

    class Two(ResourceContainer):
        first = providers.Container(Storage)
        second = providers.Container(Storage)
        made = providers.Factory(dict)

    class Unknown(ResourceContainer):
        first = providers.Container(ResourceContainer.of({"made": providers.Callable(dict)}).declarative_parent)

    def read(database: Database): ...

    def wrong(made: Database): ...

    def unknown(first_made: ResourceParam[dict[str, int]]): ...

    advice = r"give it the default ref\('first.database'\) or ref\('second.database'\)"
    with pytest.raises(InjectionError, match=advice):
        Two().call(read)
    with pytest.raises(InjectionError, match=advice):
        Two().call(wrong)
    with pytest.raises(InjectionError, match=r"give it the default ref\('first.made'\)"):
        Unknown().call(unknown)

    def right(database: Database = ref("second.database")):  # noqa: B008
        return database.host

    assert Two().call(right) == "storage"
