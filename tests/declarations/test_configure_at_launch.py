"""Resources whose values a run's config gives, and resources that are given as config."""

import pytest

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    EnvVar,
    InvalidFieldError,
    ResourceContainer,
    UnresolvedError,
    open_resource,
    ref,
    secret,
)

HIDDEN = "hunter2-at-launch"


class Database(ConfigurableResource):
    host: str
    port: int = 5432
    password: str = secret(default="")


class Orders(ConfigurableResource):
    database: Database
    page_size: int
    replica: Database | None = None


class App(ResourceContainer):
    database = Database.configure_at_launch(port=5433)
    orders = Orders.configure_at_launch(database=database)


GIVEN = {"database": {"host": "db"}, "orders": {"page_size": 10}}


def test_config_gives_what_is_missing() -> None:
    """A run's config gives the values; what was given beforehand holds where config has nothing."""
    with App().run(config=GIVEN) as resources:
        assert (resources.database.host, resources.database.port) == ("db", 5433)
        assert resources.orders.database is resources.database
    with App().with_config(GIVEN).run(config={"database": {"port": 1}}) as resources:
        assert (resources.database.host, resources.database.port, resources.orders.page_size) == ("db", 1, 10)


def test_missing_config_is_told_with_an_example() -> None:
    """A run without a value is refused, every one is told, and the hint is the config to write."""
    with pytest.raises(ConfigError) as caught, App().run():
        pass
    found = {problem.where: problem.hint for problem in caught.value.problems}
    assert found == {
        "database.host": 'give it, as in run(config={"database": {"host": ...}})',
        "orders.page_size": 'give it, as in run(config={"orders": {"page_size": ...}})',
    }
    assert App().check(environment=False) == ()


def test_the_example_works() -> None:
    """The hint's config is right, for a nested resource without a key too."""

    class Inline(ResourceContainer):
        orders = Orders(database=Database.configure_at_launch(), page_size=1)

    (problem,) = Inline().check()
    assert problem.code == "missing-config"
    assert problem.hint == 'give it, as in run(config={"orders.database": {"host": ...}})'
    with Inline().run(config={"orders.database": {"host": "db"}}) as resources:
        assert resources.orders.database.host == "db"


def test_it_is_a_declaration_like_any_other() -> None:
    """A missing value cannot be read; two such declarations are equal; reprs tell where the value will come from."""
    database = Database.configure_at_launch()
    with pytest.raises(UnresolvedError, match="the config of a run"):
        _ = database.host
    assert database == Database.configure_at_launch()
    assert hash(database) == hash(Database.configure_at_launch())
    assert database != Database(host="db")
    assert repr(database) == "Database(host=<the config of a run>, port=5432, password='***')"
    with pytest.raises(ConfigError, match="configured at launch"), open_resource(database):
        pass


def test_what_is_given_beforehand_is_checked() -> None:
    """An unknown keyword, a wrong type and a resource that no config can give are errors at construction."""
    with pytest.raises(InvalidFieldError, match="did you mean host"):
        Database.configure_at_launch(hots="db")
    with pytest.raises(InvalidFieldError, match="port: expected int"):
        Database.configure_at_launch(port="5433")
    with pytest.raises(InvalidFieldError, match=r"Orders.database: field 'database' is required"):
        Orders.configure_at_launch()


def test_a_resource_as_config() -> None:
    """A resource of the class stands for a table of the fields that it was given, nested ones too."""
    config = {
        "database": Database(host=EnvVar("LAUNCH_HOST", default="elsewhere"), password=HIDDEN),
        "orders": Orders(database=Database(host="db", port=7), page_size=10),
    }
    with App().run(config=config) as resources:
        assert (resources.database.host, resources.database.port) == ("db", 7)
        assert resources.orders.page_size == 10
    with App().run(config={**GIVEN, "database": config["database"]}) as resources:
        assert (resources.database.host, resources.database.port) == ("elsewhere", 5433)
        assert resources.database.password == HIDDEN
        assert HIDDEN not in repr(resources.database)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"database": Orders(database=Database(host=""), page_size=1)}, "a table of fields is wanted, not an Orders"),
        ({"orders": {"replica": Database(host="")}}, "config puts no resource or provider in a field"),
        ({"orders": {"replica": ref("database")}}, "config puts no resource or provider in a field"),
    ],
)
def test_config_is_no_wiring(config: dict[str, object], told: str) -> None:
    """Config gives values: a resource of another class, or one where the declaration has none, is refused."""
    with pytest.raises(ConfigError, match=told), App().run(config={**GIVEN, **config}):
        pass
