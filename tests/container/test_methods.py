"""Methods of the user's own container classes, and names that a container does not have."""

from unittest.mock import Mock

import pytest

from resourcekit import ConfigurableResource, DefinitionError, ResourceContainer


class Database(ConfigurableResource):
    host: str = "localhost"


class Greeting:
    """A mix-in that knows nothing of containers."""

    def greeting(self) -> str:
        return "hello"


class Base(Greeting, ResourceContainer):
    database = Database()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.made_after = True

    def hosts(self) -> list[str]:
        with self.run() as resources:
            return [resources.database.host]

    @property
    def title(self) -> str:
        return "base"

    @classmethod
    def named(cls) -> str:
        return cls.__name__


class Prod(Base):
    database = Database(host="db-1")

    def greeting(self) -> str:
        return f"{super().greeting()} from prod"

    def hosts(self) -> list[str]:
        return [*super().hosts(), "replica"]

    @property
    def title(self) -> str:
        return f"{super().title}, prod"

    @classmethod
    def named(cls) -> str:
        return f"{super().named()}!"


def test_super_in_a_method():
    """A method, property or class method may go on in the base class with `super()`, mix-ins included."""
    app = Prod()
    assert app.hosts() == ["db-1", "replica"]
    assert (app.greeting(), app.title, app.named()) == ("hello from prod", "base, prod", "Prod!")
    assert Prod.made_after
    with app.override(database=Database(host="fake")) as fake:
        assert fake.hosts() == ["fake", "replica"]


def test_what_an_instance_is():
    """An instance is one of its class, of every base and mix-in, and of no other; so is a mock of the class."""
    app = Prod()
    assert all(isinstance(app, cls) for cls in (Prod, Base, Greeting, ResourceContainer))
    assert not isinstance(Base(), Prod)
    assert not isinstance(app, (str, type))
    assert isinstance(Mock(spec=Prod), Prod)
    assert {"hosts", "database", "run", "wire", "override_providers"} <= set(dir(app))


@pytest.mark.parametrize("name", ["__init__", "__enter__", "__aexit__", "__call__", "__repr__"])
def test_a_special_method_in_a_body_is_refused(name):
    """Python would not call it, since a container class makes instances of another type: it is told, not ignored."""
    with pytest.raises(DefinitionError, match=f"App.{name} would never be called: .* a name of its own, .* hooks"):
        type(Base)("App", (Base,), {name: lambda self, *args: None})


def test_a_name_that_neither_class_nor_instance_has():
    """A misspelt key is told with the nearest, also where a later class names one of its base."""
    for container in (Prod, Prod()):
        with pytest.raises(AttributeError, match=r"^Prod has no attribute 'databse'; did you mean database\?$"):
            container.databse  # noqa: B018
        with pytest.raises(AttributeError, match=r"^Prod has no attribute '_private'$"):
            container._private  # noqa: B018
        assert not hasattr(container, "orders")


def test_a_name_that_only_instances_have():
    """What a class lacks and its instances have is told with how to get there."""
    with pytest.raises(AttributeError, match=r"Prod.wire is for an instance: write Prod\(\).wire$"):
        Prod.wire  # noqa: B018
