"""Which resource and field an overlay's values are for: by key, dotted or nested, into lists and inline resources."""

import pytest
from dependency_injector import providers

from resourcekit import ConfigError, ConfigurableResource, ResourceContainer, secret, value

SECRET = "hunter2"


class Database(ConfigurableResource):
    """Has a plain field, a secret and a table."""

    host: str = "localhost"
    port: int = 5432
    password: str = secret(default="none")
    options: dict[str, str] = {}  # noqa: RUF012
    limits: dict[str, dict[str, int]] = {}  # noqa: RUF012


class Orders(ConfigurableResource):
    """Nests one, a list and a dictionary of resources."""

    database: Database
    replicas: list[Database] = []  # noqa: RUF012
    regions: dict[str, Database] = {}  # noqa: RUF012
    page_size: int = 100


class Storage(ResourceContainer):
    """To be nested."""

    db = Database(host="storage")


class App(ResourceContainer):
    """Every place an overlay can reach."""

    database = Database()
    orders = Orders(
        database=Database(host="inline"),
        replicas=[Database(host="r0"), Database(host="r1")],
        regions={"eu": Database(host="eu")},
    )
    shared = Orders(database=database)
    url = value("https://api.example.com")
    client = providers.Factory(dict, database=database)
    storage = providers.Container(Storage)


@pytest.mark.parametrize(
    ("config", "read", "expected"),
    [
        ({"database": {"port": 1}}, lambda it: it.database.port, 1),
        ({"database.port": 1}, lambda it: it.database.port, 1),
        ({"orders": {"database": {"port": 1}}}, lambda it: it.orders.database.port, 1),
        ({"orders.database.port": 1}, lambda it: it.orders.database.port, 1),
        ({"orders": {"database.port": 1}}, lambda it: it.orders.database.port, 1),
        ({"orders": {"replicas.1": {"port": 1}}}, lambda it: it.orders.replicas[1].port, 1),
        ({"orders": {"replicas": {"1": {"port": 1}}}}, lambda it: it.orders.replicas[1].port, 1),
        ({"orders.regions.eu.port": 1}, lambda it: it.orders.regions["eu"].port, 1),
        ({"orders": {"regions": {"eu": {"port": 1}}}}, lambda it: it.orders.regions["eu"].port, 1),
        ({"storage": {"db": {"port": 1}}}, lambda it: it.storage.db.port, 1),
        ({"storage.db": {"port": 1}}, lambda it: it.storage.db.port, 1),
        ({"storage.db.port": 1}, lambda it: it.storage.db.port, 1),
        ({"shared": {"database": {"port": 1}}}, lambda it: it.database.port, 1),
        ({"database.options": {"a": "b"}}, lambda it: it.database.options, {"a": "b"}),
        ({"database.options.a": "b"}, lambda it: it.database.options, {"a": "b"}),
        ({"database": {"limits.a.b": 1}}, lambda it: it.database.limits, {"a": {"b": 1}}),
    ],
)
def test_where_values_go(config, read, expected):
    """A value reaches its field by nested tables or dotted names, through inline and shared resources."""
    with App().run(config=config) as resources:
        assert read(resources) == expected


def test_later_overlays_win_field_by_field():
    """A run's overlay lies over the container's, the container's later over its earlier; what they leave out stays."""
    app = App().with_config({"database": {"host": "a", "port": 1, "options": {"x": "1", "y": "1"}}})
    app = app.with_config({"database": {"port": 2, "options": {"y": "2"}}})
    with app.run(config={"database": {"options.z": "3"}}) as resources:
        database = resources.database
        assert (database.host, database.port) == ("a", 2)
        assert database.options == {"x": "1", "y": "2", "z": "3"}


def test_a_value_that_is_no_table_replaces():
    """Where one overlay has a table and a later one a plain value, the later one stands."""
    app = App().with_config({"database": {"options": {"x": "1"}}}).with_config({"database": {"options": '{"y": "2"}'}})
    with app.run() as resources:
        assert resources.database.options == {"y": "2"}


def test_a_variable_in_an_overlay_is_one_value(monkeypatch):
    """`{env = ...}` is not merged with a table, nor with another variable's default."""
    monkeypatch.setenv("OPTIONS", '{"y": "2"}')
    monkeypatch.delenv("OTHER", raising=False)
    app = App().with_config({"database": {"options": {"x": "1"}}})
    with app.run(config={"database": {"options": {"env": "OPTIONS"}}}) as resources:
        assert resources.database.options == {"y": "2"}
    app = App().with_config({"database": {"port": {"env": "OTHER", "default": 1}}})
    with app.run() as resources:
        assert resources.database.port == 1
    (problem,) = app.with_config({"database": {"port": {"env": "OTHER"}}}).check()
    assert problem.code == "missing-variable"


@pytest.mark.parametrize(
    ("config", "code", "where", "hint"),
    [
        ({"databse": {"port": 1}}, "unknown-key", "databse", "did you mean database?"),
        ({"storage.dbb": {}}, "unknown-key", "storage.dbb", "did you mean storage.db?"),
        ({"storage": 5}, "unknown-key", "storage", "did you mean storage.db?"),
        ({"database": {"prt": 1}}, "unknown-field", "database.prt", "did you mean port?"),
        ({"orders": {"database": {"prt": 1}}}, "unknown-field", "orders.database.prt", "did you mean port?"),
        (
            {"database": 5},
            "invalid-value",
            "database",
            "write {database = {field = value}}; its fields: host, port, password, options, limits",
        ),
        ({"url": {"a": 1}}, "unknown-field", "url", "override the key: container.override(url=...)"),
        ({"client": {"a": 1}}, "unknown-field", "client", "override the key: container.override(client=...)"),
    ],
)
def test_what_is_for_nothing(config, code, where, hint):
    """An overlay for a key or field that is not there is a problem with the nearest name; nothing opens."""
    app = App().with_config(config)
    (problem,) = app.check()
    assert (problem.code, problem.where, problem.hint) == (code, where, hint)
    assert problem.source == "with_config(...)"
    with pytest.raises(ConfigError), app.run():
        pass


def test_no_value_of_an_overlay_is_shown():
    """What an overlay held for a wrong field, or of a wrong type, is not in any text."""
    config = {"database": {"passwrd": SECRET, "port": SECRET}, "databse": SECRET, "url": {"a": SECRET}}
    with pytest.raises(ConfigError) as caught, App().run(config=config):
        pass
    assert len(caught.value.problems) == 4
    assert SECRET not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)


def test_overlays_are_not_for_what_replaces():
    """An overlay applies to the declaration of a key, not to what an override puts in its place."""
    app = App().with_config({"database": {"port": 1}})
    with app.override(database=Database(port=2)) as derived, derived.run() as resources:
        assert resources.database.port == 2
    with app.run() as resources:
        assert resources.database.port == 1
