"""The JSON Schema for overlay files: it takes what `with_config` takes, and refuses what it refuses."""

import copy
import json
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, Flag
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, Union
from uuid import UUID

import attrs
import pytest
from dependency_injector import providers
from jsonschema import Draft202012Validator

from resourcekit import ConfigurableResource, ResourceContainer, field, ref
from tests.inspected import Database, Dev, Prod, environments


def accepts(schema, overlay):
    """Whether the schema takes an overlay."""
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(overlay)


def is_taken(app, overlay):
    """Whether a container takes an overlay, its sources unread."""
    problems = app.with_config(overlay).check(environment=False)
    return not problems


GOOD = [
    {},
    {"database": {"host": "db-1", "port": 5433}},
    {"database": {"port": "5433"}},
    {"database": {"port": {"env": "DB_PORT"}}},
    {"database": {"port": {"env": "DB_PORT", "default": 5432}, "password": {"file": "/run/secrets/db"}}},
    {"database.port": 5433},
    {"database": {"pool": {"size": 3, "timeout": "PT5S"}}},
    {"database": {"pool": {"size": {"env": "SIZE"}}}},
    {"database": {"pool": '{"size": 3}'}},
    {"api": {"level": "LOUD", "mode": "fast", "since": "2026-01-02", "tags": ["a", "b"], "limits": {"a": 1}}},
    {"api": {"level": "quiet", "since": None, "tags": "a,b", "verbose": "yes"}},
    {"api": {"since": "none", "verbose": False, "limits": {"a": {"env": "LIMIT"}}}},
    {"orders": {"cache": "/tmp", "database": {"port": 1}}},
    {"orders": {"database.port": 1}},
    {"orders.database.port": 1},
    {"orders": {"partners": {"0": {"port": 1}}}},
    {"orders": {"partners.0": {"port": 1}}},
]
BAD = [
    {"databse": {}},
    {"database": {"prot": 1}},
    {"database": {"port": "many"}},
    {"database": {"port": 1.5}},
    {"database": {"port": None}},
    {"database": {"host": 3}},
    {"database": 3},
    {"database.prot": 1},
    {"database": {"pool": {"sise": 3}}},
    {"database": {"pool": {"size": "big"}}},
    {"api": {"level": "SILENT"}},
    {"api": {"mode": "slow"}},
    {"api": {"tags": [1]}},
    {"api": {"limits": {"a": "x"}}},
    {"api": {"verbose": "maybe"}},
    {"orders": {"partners": {"1": {"port": 1}}}},
    {"basket": {"limit": 3}},
    {"site": "other"},
]


@pytest.mark.parametrize("overlay", GOOD, ids=json.dumps)
def test_a_good_overlay_is_valid(overlay):
    """What `with_config` takes is valid."""
    app = Dev()
    assert not app.with_config(copy.deepcopy(overlay)).check(environment=False)
    assert accepts(app.env().json_schema(), overlay)


@pytest.mark.parametrize("overlay", BAD, ids=json.dumps)
def test_a_bad_overlay_is_not(overlay, monkeypatch):
    """What a run refuses is not valid."""
    app = Dev()
    monkeypatch.setattr("os.path.isfile", lambda path: True)
    problems = [each for each in app.with_config(overlay).check() if each.code != "unreadable-source"]
    assert problems
    assert not accepts(app.env().json_schema(), overlay)


class Color(Enum):
    RED = 1
    BLUE = 2


class Access(Flag):
    READ = 1
    WRITE = 2


class Size(TypedDict):
    width: int


class Point(NamedTuple):
    x: int


@attrs.define
class Tree:
    left: Union["Tree", None] = None
    weight: int = 0


TYPES: list[tuple[Any, list[Any], list[Any]]] = [
    (int | str, [1, "x"], [None, 1.5]),
    (float, [1, 1.5, "1e5", "inf"], ["x", True]),
    (Decimal, [1, "1.5"], [None]),
    (timedelta, [1, "PT1H", "3"], ["soon"]),
    (date, ["2026-01-02"], [3]),
    (UUID, ["12345678123456781234567812345678"], [3]),
    (bytes, ["x"], [3]),
    (Path, ["x"], [3]),
    (Color, [1, "1", "RED"], ["GREEN", 3]),
    (Access, [1, "READ", "READ|WRITE"], ["EXECUTE"]),
    (Literal["a", 2, True], ["a", 2, "2", True, "true"], ["b", 3]),
    (Literal[Color.RED], ["RED"], []),
    (tuple[int, str], [[1, "a"], "1,a"], [[1], ["a", "b"]]),
    (tuple[int, ...], [[1, 2]], [["a"]]),
    (set[int], [[1, 2]], [["a"]]),
    (list, [[1, "a"]], [3]),
    (dict, [{"a": 1}], [3]),
    (Size, [{"width": 1}, '{"width": 1}'], [{"widht": 1}]),
    (Point, [{"x": 1}, [1]], []),
    (Tree, [{"left": {"weight": 1}}, {"left": None}], [{"rigth": {}}, {"weight": "x"}]),
    (object, [1, "a", None, [1]], []),
    (int | None, [1, None, "null"], ["x"]),
    (memoryview, [], ["x", 3]),
]


@pytest.mark.parametrize(("annotation", "good", "bad"), TYPES, ids=str)
def test_each_type_has_its_schema(annotation, good, bad):
    """For every type that a field may have, what converts is valid, and what does not is not."""
    namespace = {"__annotations__": {"it": annotation}, "__module__": __name__, "it": field(default=None)}
    if annotation is not object and type(None) not in getattr(annotation, "__args__", ()):
        namespace["it"] = field()
    holder: Any = type("Holder", (ConfigurableResource,), namespace)
    app = ResourceContainer.of({"holder": holder(it=ref("nothing"))})
    schema = app.env().json_schema()
    assert [overlay for overlay in good if not accepts(schema, {"holder": {"it": overlay}})] == []
    assert [overlay for overlay in bad if accepts(schema, {"holder": {"it": overlay}})] == []


def test_a_converter_takes_anything():
    """A field with a converter takes whatever the converter may take."""

    class Holder(ConfigurableResource):
        it: int = field(converter=len)

    schema = ResourceContainer.of({"holder": Holder(it="abc")}).env().json_schema()
    assert accepts(schema, {"holder": {"it": [1, 2]}})


def test_nested_containers():
    """Keys of nested containers are tables in tables, or dotted."""

    class App(ResourceContainer):
        storage = providers.Container(Dev)

    schema = App().env().json_schema()
    assert accepts(schema, {"storage": {"database": {"port": 1}}})
    assert accepts(schema, {"storage.database": {"port": 1}})
    assert not accepts(schema, {"storage": {"database": {"port": "x"}}})
    assert not accepts(schema, {"storage": {"nothing": {}}})


def test_what_replaces_a_key_takes_any_overlay():
    """An overlay for a key that is overridden has no effect, and is not refused."""
    app = Dev()
    with app.override(database=Database(host="fake", password="x")):
        assert accepts(app.env().json_schema(), {"database": {"anything": 1}})


def test_the_schema_of_environments():
    """An overlay for any one of the environments is valid."""
    schema = environments.env().json_schema()
    assert accepts(schema, {"database": {"port": 1}})
    assert not accepts(schema, {"database": {"port": "x"}})
    assert accepts(ResourceContainer.of({}).env().json_schema(), {})


def test_descriptions_help_an_editor():
    """A field's schema tells its description, its type and the value it has now; of a secret no value."""
    definitions = Prod().env().json_schema()["$defs"]
    fields = definitions["resource.database"]["properties"]
    assert fields["port"]["description"] == "int, now EnvVar('DB_PORT', default=...)"
    assert fields["password"]["description"] == "Ask the operators. (str)"
    assert definitions["resource.database"]["description"] == "The orders database."
