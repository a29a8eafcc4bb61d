"""`with_config` and `run(config=...)`: config laid over declarations, by key and field."""

import json
from unittest.mock import Mock

import attrs
import pytest
from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    DefinitionError,
    EnvVar,
    ResourceContainer,
    ResourceKitError,
    secret,
)


@attrs.define
class Pool:
    size: int = 1
    name: str = "main"


class Database(ConfigurableResource):
    host: str = "declared"
    port: int = 1
    password: str = secret(default="hunter2")
    pool: Pool = attrs.field(factory=Pool)


class Started(Database, scope="app"):
    pass


class Orders(ConfigurableResource):
    database: Database
    page_size: int = 10


class App(ResourceContainer):
    database = Database()
    started = Started()
    orders = Orders(database=database)
    inline = Orders(database=Database(host="inline"))
    shards = providers.List(database)
    variable = Database(host=EnvVar("RESOURCEKIT_TEST_HOST", default="unset"))


def read(app, path, **options):
    """The value at a dotted path in a run."""
    with app.run(**options) as resources:
        found = resources
        for name in path.split("."):
            found = getattr(found, name)
        return found


def codes(app, **options):
    """The codes of what entering a run raises."""
    with pytest.raises(ConfigError) as caught, app.run(**options):
        pass
    return [(problem.code, problem.where) for problem in caught.value.problems]


def test_an_overlay_merges_field_by_field():
    """What the overlay does not name stays as declared; the container itself stays as it was."""
    app = App()
    new = app.with_config({"database": {"port": 5433}})
    assert isinstance(new, App)
    assert (read(new, "database.port"), read(new, "database.host")) == (5433, "declared")
    assert read(new, "orders.database.port") == 5433
    assert read(app, "database.port") == 1


@pytest.mark.parametrize(
    "overlay",
    [
        {"inline": {"database": {"host": "new"}}},
        {"inline.database": {"host": "new"}},
        {"inline.database.host": "new"},
        {"inline": {"database.host": "new"}},
    ],
)
def test_nested_and_dotted_spellings(overlay):
    """A nested field may be named by nested mappings, by dotted keys, or by both."""
    app = App().with_config(overlay)
    assert read(app, "inline.database.host") == "new"
    assert read(app, "database.host") == "declared"


def test_a_nested_attrs_class_is_merged_too():
    """Fields of a nested attrs class that the overlay leaves out keep what is declared."""
    app = App(database=Database(pool=Pool(size=3, name="mine"))).with_config({"database": {"pool": {"size": 7}}})
    assert read(app, "database.pool") == Pool(size=7, name="mine")


def test_precedence():
    """The run's overlay beats the container's, a later one an earlier one, all of them the declaration."""
    app = App().with_config({"database": {"host": "a", "port": 2}}).with_config({"database": {"host": "b"}})
    assert (read(app, "database.host"), read(app, "database.port")) == ("b", 2)
    assert read(app, "database.host", config={"database": {"host": "run"}}) == "run"
    assert read(app, "database.port", config={"database": {"host": "run"}}) == 2
    assert read(app, "database.host") == "b"


@given(st.lists(st.dictionaries(st.sampled_from(["host", "page"]), st.text(max_size=3), max_size=2), max_size=4))
def test_the_last_overlay_that_names_a_field_wins(overlays):
    """Any number of overlays: for each field the last one that names it counts."""
    app, expected = App(), "declared"
    for overlay in overlays:
        app = app.with_config({"database": {name: value for name, value in overlay.items() if name == "host"}})
        expected = overlay.get("host", expected)
    assert read(app, "database.host") == expected


def test_files(tmp_path, monkeypatch):
    """TOML, JSON and YAML files are overlays, with env and file in the place of values."""
    monkeypatch.setenv("RESOURCEKIT_TEST_HOST", "from env")
    (tmp_path / "secret").write_text("from file\n")
    tables = {"database": {"host": {"env": "RESOURCEKIT_TEST_HOST"}, "password": {"file": str(tmp_path / "secret")}}}
    (tmp_path / "c.json").write_text(json.dumps(tables))
    (tmp_path / "c.yaml").write_text(json.dumps(tables))
    (tmp_path / "c.toml").write_text(
        f'[database]\nhost = {{ env = "RESOURCEKIT_TEST_HOST" }}\npassword = {{ file = "{tmp_path / "secret"}" }}\n'
    )
    for name in ("c.json", "c.yaml", "c.toml"):
        with App().with_config(tmp_path / name).run() as resources:
            assert (resources.database.host, resources.database.password) == ("from env", "from file")
        assert read(App(), "database.host", config=str(tmp_path / name)) == "from env"


def test_everything_that_is_wrong_is_told_at_once():
    """Unknown keys and fields, wrong values and fields of what has none: one error, with where each one is from."""
    app = App().with_config({"databse": {"port": 1}, "shards": {"x": 1}, "orders": 3})
    wrong = {"database": {"prt": 1, "port": "many", "pool": {"sizes": 1}}, "inline.database.hosst": "x"}
    assert codes(app, config=wrong) == [
        ("unknown-key", "databse"),
        ("unknown-field", "shards"),
        ("invalid-value", "orders"),
        ("unknown-field", "database.prt"),
        ("unknown-field", "inline.database.hosst"),
        ("invalid-value", "database.port"),
        ("invalid-value", "database.pool.sizes"),
    ]
    problem = app.check()[0]
    assert (problem.hint, problem.source) == ("did you mean database?", "with_config(...)")


def test_no_value_is_shown():
    """What an overlay has for a field may be a secret: no error shows it."""
    app = App().with_config({"database": {"password": ["hunter3"], "port": "hunter4", "hosst": "hunter5"}})
    with pytest.raises(ConfigError) as caught, app.run():
        pass
    assert "hunter" not in f"{caught.value}{caught.value!r}{app!r}{app.check()}"


def test_an_overlay_does_not_apply_to_what_replaces_a_declaration():
    """What an override puts in a key's place keeps its own values."""
    app = App().with_config({"database": {"host": "overlay"}})
    with app.override(database=Database(host="replacement")):
        assert read(app, "database.host") == "replacement"
    with app.database.override(Database(host="replacement")):
        assert read(app, "database.host") == "replacement"
    assert (
        read(App(database=Database(host="declared here")).with_config({"database": {"host": "o"}}), "database.host")
        == "o"
    )


@pytest.mark.parametrize("how", ["override", "in place", "nested", "mock"])
def test_an_overlay_over_what_was_replaced_before(how):
    """Config laid over a key that is replaced by then would do nothing: an error names the key and the way out."""
    app = App()
    config = {"orders": {"database": {"port": 2}}} if how == "nested" else {"database": {"port": 2}}
    replacement = Mock() if how == "mock" else Database(host="replacement")
    with app.database.override(replacement) if how == "in place" else app.override(database=replacement):
        new = app.with_config(config).with_config({"orders": {"page_size": 3}})
        assert codes(new) == [("replaced-overlay", "database")]
        (problem,) = new.check()
        assert (problem.source, "override what with_config(...) gives" in problem.hint) == ("with_config(...)", True)
        assert codes(new, config={"database": {"port": 3}}) == [("replaced-overlay", "database")] * 2
    assert codes(new) == [("replaced-overlay", "database")]
    assert app.check() == ()


@pytest.mark.parametrize("in_place", [False, True])
def test_a_mock_for_what_has_an_overlay(in_place):
    """A configured key may be overridden by any object: the container's config is for what was declared."""
    app, mock = App().with_config({"database": {"port": 2}}), Mock()
    with app.database.override(mock) if in_place else app.override(database=mock):
        assert read(app, "database") is mock
        assert codes(app, config={"database": {"port": 3}}) == [("replaced-overlay", "database")]
    assert read(app, "database.port") == 2


def test_an_overlay_made_under_an_override():
    """`with_config` in an override's block derives from what stands for the container there."""
    app = App()
    with app.override(orders=Orders(database=App.database, page_size=1)):
        new = app.with_config({"database": {"host": "x"}})
    assert (read(new, "orders.database.host"), read(new, "orders.page_size")) == ("x", 1)


def test_a_run_cannot_configure_what_the_app_has_started():
    """A run overlay on a started app-scoped key is an error; on one that is not started it is fine."""
    app = App()
    assert read(app, "started.host", config={"started": {"host": "x"}}) == "x"
    with app:
        assert codes(app, config={"started": {"host": "x"}}) == [("app-overlay", "started")]
    with app.with_config({"started": {"host": "y"}}) as new:
        assert new.get("started").host == "y"


@pytest.mark.parametrize("wrong", [3, ["database"], {3: {}}, None])
def test_what_is_no_overlay(wrong):
    """Neither a mapping with text keys nor a path: told at once."""
    with pytest.raises(DefinitionError, match="config is a mapping of keys to fields, or the path of a file"):
        App().with_config(wrong)


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"= not toml", b"a = 1\0"])
def test_files_that_cannot_be_read(tmp_path, content):
    """A missing file, a directory, one that is no text or no TOML: an error that names the file, nothing opened."""
    (tmp_path / "bad.toml").write_bytes(content)
    for path in (tmp_path / "bad.toml", tmp_path / "missing.toml", tmp_path):
        with pytest.raises(ResourceKitError) as caught:
            App().with_config(path)
        assert path.name in str(caught.value)


def test_a_key_with_a_nul_and_a_huge_text():
    """Odd text is data: a key with a NUL is unknown, a megabyte of text is a value."""
    app = App().with_config({"data\0base": {}})
    assert [problem.code for problem in app.check()] == ["unknown-key"]
    assert len(read(App(), "database.host", config={"database": {"host": "x" * 2**20}})) == 2**20
