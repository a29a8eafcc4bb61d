"""Config laid over declarations: from mappings and files, field by field, with its precedence."""

import dataclasses
import json
import typing
from pathlib import Path
from types import SimpleNamespace
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
    FileVar,
    Problem,
    ResourceContainer,
    field,
    secret,
)
from resourcekit.config.overlay_files import OverlayFileError
from tests.leaks import leaks

HIDDEN = "hunter2-from-outside"


@attrs.frozen
class Limits:
    reads: int = 1
    writes: int = 1


@dataclasses.dataclass
class Window:
    start: int
    end: int = 24


@attrs.frozen
class Pool:
    size: int
    limits: Limits = Limits()


class Database(ConfigurableResource):
    host: str = "localhost"
    port: int = 5432
    password: str = secret(default="declared")
    pool: Pool = Pool(1)
    labels: dict[str, int] = field(factory=lambda: {"a": 1})
    hosts: list[str] = field(factory=list)
    window: Window | None = None


class Orders(ConfigurableResource):
    database: Database
    replicas: list[Database] = field(factory=list)
    by_name: dict[str, Database] = field(factory=dict)
    page_size: int = 100


class App(ResourceContainer):
    database = Database(host="declared")
    orders = Orders(database=database, replicas=[Database(host="r0"), Database(host="r1")])


class Inline(ResourceContainer):
    orders = Orders(database=Database(host="inline"), by_name={"eu": Database(host="eu")})


def run(config: typing.Any, container: typing.Any = App) -> typing.Any:
    """The resources of a run with an overlay, by key."""
    with container().run(config=config) as view:
        return SimpleNamespace(**{key: getattr(view, key) for key in dir(view)})


def problems(config: typing.Any, container: typing.Any = App) -> list[tuple[str, str]]:
    """What a run with an overlay refuses, as place and code."""
    with pytest.raises(ConfigError) as caught, container().run(config=config):
        pass
    return [(problem.where, problem.code) for problem in caught.value.problems]


def test_an_overlay_changes_the_fields_it_names() -> None:
    """What the overlay leaves out keeps the declared value, then the default."""
    resources = run({"database": {"port": 1}})
    assert (resources.database.host, resources.database.port) == ("declared", 1)
    assert resources.orders.database is resources.database


def test_text_from_outside_is_converted() -> None:
    """Overlay values take the field's type: text, numbers and tables alike."""
    database = run({"database": {"port": "1", "pool": '{"size": 3}', "hosts": "a,b", "labels": {"b": "2"}}}).database
    assert (database.port, database.pool, database.hosts, database.labels) == (1, Pool(3), ["a", "b"], {"a": 1, "b": 2})


def test_dotted_keys_and_nested_tables_are_the_same() -> None:
    """`"database.port"` and `{"database": {"port": ...}}` say the same, down into nested classes and dicts."""
    dotted = {"database.port": 1, "database": {"pool.size": 2, "labels.b": 2}, "database.pool.limits.reads": 9}
    nested = {"database": {"port": 1, "pool": {"size": 2, "limits": {"reads": 9}}, "labels": {"b": 2}}}
    for config in (dotted, nested):
        database = run(config).database
        assert (database.port, database.labels) == (1, {"a": 1, "b": 2})
        assert database.pool == Pool(2, Limits(reads=9, writes=1))


def test_a_nested_class_is_merged_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields of a nested class that the overlay leaves out keep what is declared, deferred values too."""

    class Deep(ResourceContainer):
        database = Database(pool={"size": EnvVar("SIZE"), "limits": Limits(reads=7)})

    monkeypatch.setenv("SIZE", "5")
    assert run({"database": {"pool": {"limits": {"writes": 8}}}}, Deep).database.pool == Pool(5, Limits(7, 8))
    assert run({"database": {"pool": {"size": 6}}}, Deep).database.pool == Pool(6, Limits(7, 1))

    class Windows(ResourceContainer):
        database = Database(window=Window(8, 17))

    assert run({"database": {"window": {"end": 18}}}, Windows).database.window == Window(8, 18)


def test_a_nested_resource_is_reached_through_its_parent() -> None:
    """An inline resource is configured by its path; elements of lists and dicts by position and name."""
    resources = run({"orders": {"database": {"port": 1}, "by_name": {"eu": {"port": 2}}, "page_size": 3}}, Inline)
    orders = resources.orders
    assert (orders.database.host, orders.database.port) == ("inline", 1)
    assert (orders.by_name["eu"].host, orders.by_name["eu"].port) == ("eu", 2)
    assert orders.page_size == 3
    orders = run({"orders.replicas": {"1": {"port": 9}}, "orders.replicas.0.port": 8}).orders
    assert [(each.host, each.port) for each in orders.replicas] == [("r0", 8), ("r1", 9)]


def test_the_parents_path_reaches_a_shared_resource() -> None:
    """A resource with a key is the same one through its parent: every user sees the value."""
    resources = run({"orders.database.port": 1})
    assert resources.database.port == 1


@pytest.mark.parametrize("suffix", ["toml", "json", "yaml"])
def test_overlay_files(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TOML, JSON and YAML files give overlays; `env` and `file` tables stand for EnvVar and FileVar."""
    (tmp_path / "word").write_text(HIDDEN + "\n")
    tree = {
        "database": {
            "host": {"env": "DB_HOST"},
            "port": {"env": "NOT_SET", "default": 7},
            "password": {"file": str(tmp_path / "word")},
            "hosts": ["a", {"env": "DB_HOST"}],
        }
    }
    file = tmp_path / f"prod.{suffix}"
    toml = (
        '[database]\nhost = {env = "DB_HOST"}\nhosts = ["a", {env = "DB_HOST"}]\n'
        'port = {env = "NOT_SET", default = 7}\n'
        f'password = {{file = "{tmp_path / "word"}"}}\n'
    )
    file.write_text(toml if suffix == "toml" else json.dumps(tree))
    monkeypatch.setenv("DB_HOST", "h")
    for config in (file, str(file)):
        database = run(config).database
        assert (database.host, database.port, database.password) == ("h", 7, HIDDEN)
        assert database.hosts == ["a", "h"]
        text = repr(database)
        assert f"host=<overlay {file}, variable DB_HOST>" in text
        assert f"port=<overlay {file}, the default of variable NOT_SET>" in text
        assert "password='***'" in text


def test_deferred_values_in_a_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping in code may hold EnvVar and FileVar themselves."""
    monkeypatch.setenv("DB_HOST", "h")
    database = run({"database": {"host": EnvVar("DB_HOST"), "labels": {"b": EnvVar("N", default=2)}}}).database
    assert (database.host, database.labels) == ("h", {"a": 1, "b": 2})
    assert problems({"database": {"host": FileVar("/no/such")}}) == [("database.host", "unreadable-source")]


def test_precedence() -> None:
    """A run's overlay wins over the container's, that over the declaration, that over the field's default."""
    app = App().with_config({"database": {"port": 1, "labels": {"b": 1, "c": 1}}}).with_config({"database.labels.b": 2})
    with app.run() as resources:
        assert (resources.database.host, resources.database.port) == ("declared", 1)
        assert resources.database.labels == {"a": 1, "b": 2, "c": 1}
    with app.run(config={"database": {"port": 2, "labels.c": 3}}) as resources:
        assert resources.database.port == 2
        assert resources.database.labels == {"a": 1, "b": 2, "c": 3}
        assert "port=<run(config=...)>" in repr(resources.database)
    with app.run() as resources:
        assert "port=<with_config(...)>" in repr(resources.database)
    with App().run() as resources:
        assert resources.database.port == 5432


PORTS = st.none() | st.integers(1, 9)


@given(declared=PORTS, container=PORTS, run_time=PORTS)
def test_the_strongest_that_is_given_wins(declared: int | None, container: int | None, run_time: int | None) -> None:
    """Whatever combination of layers is given, the strongest of them decides."""
    given_in = {"port": declared} if declared else {}

    class Layers(ResourceContainer):
        database = Database(**given_in)

    app = Layers()
    if container:
        app = app.with_config({"database": {"port": container}})
    with app.run(config={"database": {"port": run_time}} if run_time else None) as resources:
        assert resources.database.port == (run_time or container or declared or 5432)


def test_a_default_made_of_other_fields_follows_the_overlay() -> None:
    """A default that is computed from an overlaid field is computed anew; one that was given stays."""

    class Api(ConfigurableResource):
        host: str
        url: str = field()

        @url.default
        def _url(self) -> str:
            return f"https://{self.host}"

    class Apis(ResourceContainer):
        made = Api(host="a")
        given = Api(host="a", url="fixed")

    resources = run({"made": {"host": "b"}, "given": {"host": "b"}}, Apis)
    assert (resources.made.url, resources.given.url) == ("https://b", "fixed")
    assert run(None, Apis).made.url == "https://a"


def test_converters_and_validators_meet_overlay_values() -> None:
    """A field's converter gets what its parameter asks for; its validator sees the result, in the same report."""

    def double(value: int) -> int:
        return value * 2

    class Api(ConfigurableResource):
        size: int = field(default=1, converter=double, validator=attrs.validators.lt(100))
        raw: typing.Any = field(default=None, converter=lambda value: (value,))

    class Apis(ResourceContainer):
        api = Api()

    api = run({"api": {"size": "4", "raw": {"x": "1"}}}, Apis).api
    assert (api.size, api.raw) == (8, ({"x": "1"},))
    assert problems({"api": {"size": 50}}, Apis) == [("api.size", "invalid-value")]


def test_unknown_keys_and_fields_are_told_together() -> None:
    """Every misspelt key and field is an error with the nearest name; nothing is opened."""
    config = {"databse": {"port": 1}, "database": {"prot": 1, "pool": {"sise": 1}, "host": 5}, "orders.pagesize": 1}
    with pytest.raises(ConfigError) as caught, App().run(config=config):
        pass
    found = {problem.where: (problem.code, problem.hint) for problem in caught.value.problems}
    assert found["databse"] == ("unknown-key", "did you mean database?")
    assert found["database.prot"] == ("unknown-field", "did you mean port?")
    assert found["orders.pagesize"] == ("unknown-field", "did you mean page_size?")
    assert found["database.pool.sise"][0] == "invalid-value"
    assert found["database.host"][0] == "invalid-value"
    assert "did you mean size?" in str(caught.value)
    assert all(problem.source == "run(config=...)" for problem in caught.value.problems)


def test_values_of_an_overlay_are_not_shown() -> None:
    """An overlay's value that does not fit is described, never printed; a key that is data is not either."""
    config = {"database": {"port": HIDDEN, "password": [HIDDEN], "labels": {HIDDEN: HIDDEN}, "pool": HIDDEN}}
    with pytest.raises(ConfigError) as caught, App().run(config=config):
        pass
    assert len(caught.value.problems) == 4
    assert leaks(caught.value, HIDDEN) == []


def test_stand_ins_that_cannot_be() -> None:
    """A table for a variable with an impossible name, or for no file, is told like any other wrong value."""
    config = {"database": {"host": {"env": "A=B"}, "hosts": [{"file": ""}], "port": {"env": 5}}}
    assert sorted(problems(config)) == [
        ("database.host", "invalid-value"),
        ("database.hosts", "invalid-value"),
        ("database.port", "invalid-value"),
    ]


def test_the_place_inside_a_value_is_dotted() -> None:
    """A problem inside a value is told by the path that an overlay would use."""
    config = {"database": {"pool": {"limits": {"reads": "x"}}, "hosts": ["a", 5], "labels": {HIDDEN: "x"}}}
    assert problems(config) == [
        ("database.pool.limits.reads", "invalid-value"),
        ("database.labels.key 2", "invalid-value"),
        ("database.hosts.1", "invalid-value"),
    ]


def test_odd_shapes() -> None:
    """A key's content must be a table; a resource cannot be replaced by one."""
    assert problems({"database": 5}) == [("database", "invalid-value")]
    assert problems({"orders": {"database": "other"}}) == [("database", "invalid-value")]
    assert run({}).database.port == 5432
    assert run({"database": {}}).database.port == 5432


@pytest.mark.parametrize("config", [5, ["a"], {1: {}}, {"a": 1}.items()])
def test_what_is_no_overlay(config: typing.Any) -> None:
    """Only a mapping with text keys, or a path, is an overlay."""
    for attempt in (lambda: App().run(config=config), lambda: App().with_config(config)):
        with pytest.raises(DefinitionError, match="config is a mapping of keys to fields, or the path of a file"):
            attempt()


def test_overlay_files_that_cannot_be_used(tmp_path: Path) -> None:
    """A missing, malformed, foreign or non-UTF-8 file is an error with path and line, and none of its content."""
    cases = {
        "none.toml": None,
        "bad.toml": f'a = "{HIDDEN}'.encode(),
        "bad.json": f'{{"a": "{HIDDEN}" "b"}}'.encode(),
        "list.yaml": f"- {HIDDEN}".encode(),
        "odd.toml": HIDDEN.encode() + b"\xff",
        "some.ini": HIDDEN.encode(),
    }
    for name, content in cases.items():
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(OverlayFileError) as caught:
            App().run(config=file)
        assert str(file) in str(caught.value)
        assert leaks(caught.value, HIDDEN) == []
    with pytest.raises(OverlayFileError, match="directory"):
        (tmp_path / "folder.toml").mkdir()
        App().with_config(tmp_path / "folder.toml")


def test_an_overlay_applies_to_the_declaration_not_to_what_replaces_it() -> None:
    """A replaced key keeps the replacement's own values, and the overlay is no error."""
    app = App().with_config({"database": {"port": 1}})
    with app.override(database=Database(port=2)), app.run() as resources:
        assert resources.database.port == 2


def test_a_run_cannot_configure_what_overrides_a_key() -> None:
    """The overlay of a run would do nothing to what an override put there, so it is an error that says so."""
    app = App()
    with app.override(database=Database(port=2)):
        for config in ({"database": {"port": 1}}, {"database.port": 1}, {"orders": {"database": {"port": 1}}}):
            with pytest.raises(ConfigError) as caught, app.run(config=config):
                pass
            (problem,) = caught.value.problems
            assert (problem.code, problem.where) == ("replaced-overlay", "database")
            assert "overridden" in problem.message
        assert [problem.code for problem in app.check()] == []
    with app.run(config={"database": {"port": 1}}) as resources:
        assert resources.database.port == 1


def test_a_container_with_config_is_another_container() -> None:
    """`with_config` leaves the container it came from as it was."""
    app = App()
    changed = app.with_config({"database": {"port": 1}})
    assert changed is not app
    with app.run() as plain, changed.run() as other:
        assert (plain.database.port, other.database.port) == (5432, 1)


@attrs.frozen
class Disk:
    kind: typing.Literal["disk"] = "disk"
    path: str = "/"


@attrs.frozen
class Cloud:
    kind: typing.Literal["cloud"] = "cloud"
    bucket: str = "b"


@attrs.frozen
class Named:
    kind: typing.Literal["other"] = "other"
    disk: dict[str, str] = attrs.Factory(dict)


class Stored(ConfigurableResource):
    place: Disk | Cloud = Disk(path="/here")
    other: Disk | Named = Disk()


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"place": {"cloud": {"bucket": "c"}}}, Cloud(bucket="c")),
        ({"place": {"disk": {}}}, Disk(path="/here")),
        ({"place": {"kind": "cloud", "bucket": "c"}}, Cloud(bucket="c")),
        ({"place": {"path": "/there"}}, Disk(path="/there")),
    ],
)
def test_a_member_of_a_tagged_union(config: dict[str, object], place: object) -> None:
    """The class of a tagged union is chosen by its tag among the fields, or by a table under the tag."""
    container = ResourceContainer.of({"stored": Stored()})
    with container.run(config={"stored": config}) as resources:
        assert resources.stored.place == place


def test_a_fields_name_is_no_tag() -> None:
    """A table under a name that is a field of a member is that field's."""
    container = ResourceContainer.of({"stored": Stored(other=Named())})
    with container.run(config={"stored": {"other": {"disk": {"a": "b"}}}}) as resources:
        assert resources.stored.other == Named(disk={"a": "b"})
    with pytest.raises(ConfigError, match=r"stored.other"), container.run(config={"stored": {"other": {"tape": {}}}}):
        pass


class Sized(ConfigurableResource):
    host: str = "h"
    limit: int | None = None
    tags: list[str] = field(factory=list)
    labels: dict[str, int] = field(factory=dict)


class Using(ConfigurableResource):
    sized: Sized
    spare: Sized | None = None


PLAIN = ResourceContainer.of(
    {
        "sized": Sized(),
        "mocked": Using(sized=Mock(Sized)),
        "given": Using(sized=Sized(host=providers.Object("h"))),
        "site": {"pool": {"size": 1}},
        "made": providers.Factory(dict),
        "settings": providers.Configuration(),
    }
)


@pytest.mark.parametrize(
    ("config", "where", "says"),
    [
        ({"sized": {"host": {"size": 1}}}, "sized.host", "sized.host is a str, it has no fields"),
        ({"sized.host.size": 1}, "sized.host.size", "write all of it: {sized.host = value}"),
        ({"sized.limit.size": 1}, "sized.limit.size", "sized.limit is an int | None, it has no fields"),
        ({"sized.tags.0": "a"}, "sized.tags.0", "sized.tags is a list[str], it has no fields"),
        ({"mocked": {"sized": {"host": "x"}}}, "mocked.sized", "mocked.sized is a Mock, no resource with fields"),
        ({"mocked.sized.host": "x"}, "mocked.sized.host", "declare one, Using(sized=Sized(...))"),
        ({"mocked.spare.host": "x"}, "mocked.spare.host", "mocked.spare is None, no resource with fields"),
        (
            {"given.sized.host": "x"},
            "given.sized.host",
            "is the provider Object: config is for the fields",
        ),
        ({"given": {"sized": {"host": "x"}}}, "given.sized.host", "change the declaration that holds it"),
        ({"site": {"pool": {"size": 2}}}, "site", "'site' is a plain value, dict: config is for the fields"),
        ({"site.pool.size": 2}, "site", "container.override(site=...)"),
        ({"made.size": 2}, "made", "'made' is the provider Factory"),
        ({"settings.size": 2}, "settings", "container.settings.from_dict({...})"),
        ({"siezd.host.size": 2}, "siezd.host.size", "did you mean sized.host.size?"),
        ({"sized": 5}, "sized", "its fields: host, limit, tags, labels"),
    ],
)
def test_config_for_a_part_of_what_is_no_resource(config: dict[str, object], where: str, says: str) -> None:
    """Config for parts of a plain value, a mock, None or a provider says what stands there and what to write."""
    for problems in (PLAIN.with_config(config).check(), _problems_of_a_run(config)):
        (problem,) = problems
        assert problem.where == where
        assert says in str(problem)


def _problems_of_a_run(config: dict[str, object]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught, PLAIN.run(config=config):
        pass
    return caught.value.problems


def test_config_for_what_may_be_nothing() -> None:
    """None is a value for a field that may hold no resource, and a table is one for a dict."""
    app = PLAIN.with_config({"mocked": {"spare": None}, "sized.labels.a": 1, "sized": {"limit": {"env": "NOT_SET"}}})
    assert [problem.code for problem in app.check()] == ["missing-variable"]
