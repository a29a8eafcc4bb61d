"""Generic classes in the look-up by type: their arguments count, as far as they are known."""

from typing import Any, Generic, Protocol, TypeVar

import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    InjectionError,
    ResourceContainer,
    ResourceParam,
    inject,
)

T = TypeVar("T")
K = TypeVar("K")
P_co = TypeVar("P_co", covariant=True)


class Database(ConfigurableResource):
    """What repositories need."""


class Repo(ConfigurableResource, Generic[T]):
    """Keeps things of one kind."""

    database: Database


class Numbers(Repo[int]):
    """By a subclass."""


class Texts(Repo[str]):
    """By a subclass."""


class Keyed(Repo[K], Generic[K, T]):
    """A subclass with parameters of its own."""


class Box(Generic[T]):
    """No resource."""


class Numbered(ConfigurableResourceFactory[Box[int]]):
    """Vends boxes."""

    def create_resource(self) -> Box[int]:
        return Box()


class Lettered(ConfigurableResourceFactory[Box[str]]):
    """Vends boxes."""

    def create_resource(self) -> Box[str]:
        return Box()


class Source(Protocol[P_co]):
    """What a repository is, structurally."""

    database: Database


class Aliased(ResourceContainer):
    """The arguments stand where the resources are made."""

    database = Database()
    first = Repo[int](database=database)
    second = Repo[str](database=database)


class Derived(ResourceContainer):
    """They stand in subclasses."""

    database = Database()
    first = Numbers(database=database)
    second = Texts(database=database)


class Passed(ResourceContainer):
    """They are passed on by subclasses."""

    database = Database()
    first = Keyed[int, str](database=database)
    second = Keyed[str, int](database=database)


@inject
def numbers(repo: Repo[int]) -> object:
    return repo


@inject
def texts(repo: Repo[str] | None) -> object:
    return repo


@inject
def second(second: Repo[int]) -> object:
    return second


@inject
def nested(repo: Repo[list[int]] | None = None) -> object:
    return repo


@pytest.mark.parametrize("container", [Aliased, Derived, Passed])
def test_the_arguments_decide_between_two_of_one_class(container: type[ResourceContainer]) -> None:
    """`Repo[int]` and `Repo[str]` are two types: each parameter gets its own, and so does `get`."""
    app = container()
    with app.run() as resources:
        view: Any = resources
        assert numbers() is view.first
        assert texts() is view.second
        assert app.get(Repo[int]) is view.first
        assert nested() is None
    assert app.call(numbers) is not None


@pytest.mark.parametrize("container", [Aliased, Derived, Passed])
def test_a_name_with_other_arguments_is_an_error(container: type[ResourceContainer]) -> None:
    """A key of the name that is of other arguments is of another type: an error that proposes the right one."""
    with container().run(), pytest.raises(InjectionError, match=r"it wants Repo\[int\], .*name it first"):
        second()


def test_an_override_with_other_arguments_is_told() -> None:
    """The type of what replaces a key counts."""
    app = Derived()
    with app.override(first=Texts(database=Database())), app.run():
        with pytest.raises(InjectionError, match=r"has no key 'repo' and none of type Repo\[int\]"):
            numbers()


def test_what_is_not_known_fits() -> None:
    """A bare class, `Any`, and what a Protocol's arguments are, are no mismatch."""

    class App(ResourceContainer):
        database = Database()
        bare = Repo(database=database)

    @inject
    def by_name(bare: Repo[int]) -> object:
        return bare

    @inject
    def anything(bare: Repo[Any]) -> object:
        return bare

    @inject
    def structural(bare: ResourceParam[Source[int]]) -> object:
        return bare

    with App().run() as resources:
        assert numbers() is by_name() is anything() is structural() is resources.bare


def test_the_arguments_of_what_factories_vend() -> None:
    """It is the same for what factories vend, and for what providers make."""

    class Vending(ResourceContainer):
        number = Numbered()
        letter = Lettered()

    class Making(ResourceContainer):
        number = providers.Factory(Box[int])
        letter = providers.Singleton(Box[str])

    @inject
    def vended(box: Box[int]) -> object:
        return box

    @inject
    def made(box: ResourceParam[Box[str]]) -> object:
        return box

    @inject
    def wrong(letter: Box[int]) -> object: ...

    with Vending().run() as resources:
        assert vended() is resources.number
        with pytest.raises(InjectionError, match=r"it wants Box\[int\], the key of that name holds Box\[str\]"):
            wrong()
    with Making().run() as resources:
        assert made() is resources.letter()
