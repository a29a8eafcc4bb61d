"""Dagster's own objects in our classes and containers: errors that tell the way. `dagster_rows` has the real ones."""

import pytest

from resourcekit import ConfigurableResource, DefinitionError, InvalidFieldError, ResourceContainer, field


def of_dagster(name, module, *bases):
    """A class like one of Dagster's, by name and module."""
    return type(name, bases, {"__module__": module})


EnvVar = of_dagster("EnvVar", "dagster._config.field_utils", str)
IntEnvVar = of_dagster("IntEnvVar", "dagster._config.field_utils", int)
Factory = of_dagster("ConfigurableResourceFactory", "dagster._config.pythonic_config.resource")
ResourceDefinition = of_dagster("ResourceDefinition", "dagster._core.definitions.resource_definition")
DagsterDatabase = type("DagsterDatabase", (Factory,), {})


class Database(ConfigurableResource):
    host: str = "localhost"
    port: int = 5432
    hosts: list[str] = field(factory=list)
    extra: dict[str, object] = field(factory=dict)
    anything: object = None


GIVEN = {
    "text": {"host": EnvVar("SECRET_NAME")},
    "number": {"port": IntEnvVar()},
    "list": {"hosts": ["a", EnvVar("SECRET_NAME")]},
    "deep": {"extra": {"a": [{"b": (EnvVar("SECRET_NAME"),)}]}},
    "anything": {"anything": EnvVar("SECRET_NAME")},
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_an_env_var_of_dagsters_in_a_field(given):
    """Dagster's `EnvVar` in a field is an error that names the field and ours, never the name as the value."""
    [name] = given
    with pytest.raises(InvalidFieldError, match=rf"Database\.{name}: .*EnvVar of Dagster's") as caught:
        Database(**given)
    assert "import EnvVar from resourcekit" in str(caught.value)
    assert "SECRET_NAME" not in str(caught.value)


def test_an_env_var_of_dagsters_as_a_default_and_behind_a_converter():
    """As a field's default it is one too, and no converter gets to see it."""
    import attrs

    class Defaulted(ConfigurableResource):
        host: str = EnvVar("X")

    class Converted(ConfigurableResource):
        host: str = attrs.field(converter=str.lower)

    with pytest.raises(InvalidFieldError, match="EnvVar of Dagster's"):
        Defaulted()
    with pytest.raises(InvalidFieldError, match="EnvVar of Dagster's"):
        Converted(host=EnvVar("X"))
    assert Defaulted(host="a").host == "a"


def test_an_env_var_of_dagsters_in_a_nested_resource():
    """Also in the dict of fields that stands for a nested resource."""

    class Orders(ConfigurableResource):
        database: Database

    with pytest.raises(InvalidFieldError, match=r"Orders\.database\.host: .*EnvVar of Dagster's"):
        Orders(database={"host": EnvVar("X")})


def test_an_env_var_of_dagsters_in_an_overlay():
    """In the config of a container or a run it is an error before anything opens."""

    class App(ResourceContainer):
        database = Database()

    app = App()
    for config in ({"database": {"host": EnvVar("X")}}, {"database.hosts": [EnvVar("X")]}):
        with pytest.raises(DefinitionError, match=r"EnvVar of Dagster's.*from resourcekit"):
            app.with_config(config)
        with pytest.raises(DefinitionError, match=r"EnvVar of Dagster's.*from resourcekit"):
            app.run(config=config).start()


def test_an_env_var_of_dagsters_as_a_key():
    """In a key's place it is no plain value either."""
    with pytest.raises(DefinitionError, match=r"url is an EnvVar of Dagster's"):
        ResourceContainer.of({"url": EnvVar("X")})


@pytest.mark.parametrize("make", [DagsterDatabase, ResourceDefinition])
def test_a_resource_of_dagsters_as_a_key(make):
    """A Dagster resource as a key is an error: nothing would run its hooks, and no advice says to leave them out."""
    expected = r"database is a resource of Dagster's, whose hooks only Dagster runs: .*build_resources"

    class App(ResourceContainer):
        database = Database()

    with pytest.raises(DefinitionError, match=expected) as caught:
        ResourceContainer.of({"database": make()})
    assert "value(" not in str(caught.value)
    with pytest.raises(DefinitionError, match=expected):
        type(ResourceContainer)("Body", (ResourceContainer,), {"database": make()})
    with pytest.raises(DefinitionError, match=expected):
        App(database=make())
    with pytest.raises(DefinitionError, match=expected):
        App().override(database=make())
    app = App()
    with pytest.raises(DefinitionError, match=expected):
        app.database = make()


def test_a_class_of_ones_own_by_the_same_name():
    """A class of the user's own that happens to be called `EnvVar` is a value like any other."""
    own = of_dagster("EnvVar", "shop.settings", str)("text")
    assert Database(anything=own).anything is own
