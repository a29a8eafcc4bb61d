"""Every way to annotate a field, with values from outside: forms that users write and that are easily forgotten."""

from __future__ import annotations

import json
from collections import namedtuple
from types import MappingProxyType
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, Required, TypedDict, TypeVar

import attrs
import pytest

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    Deferred,
    DefinitionError,
    EnvVar,
    FileVar,
    InvalidFieldError,
    ResourceContainer,
    ref,
)

T = TypeVar("T")
N = TypeVar("N", bound=int)


def resource_class(annotation):
    """A class of resources with one field, `value`."""
    return type(ConfigurableResource)("Holder", (ConfigurableResource,), {"__annotations__": {"value": annotation}})


def values(declared, config=None):
    """What the field holds in a first run, in a later one, and in one that the machine runs."""
    app = ResourceContainer.of({"holder": declared})
    found = []
    for options in ({}, {}, {"report": True}):
        with app.run(config=config, **options) as resources:
            found.append(resources.holder.value)
    return found


def from_outside(annotation, value, monkeypatch):
    """Every value that a variable with its JSON, and an overlay, give a field."""
    monkeypatch.setenv("VALUE", value if isinstance(value, str) else json.dumps(value))
    holder = resource_class(annotation)
    overlaid = values(holder.configure_at_launch(), {"holder": {"value": value}})
    return values(holder(value=EnvVar("VALUE"))) + overlaid


class Address(TypedDict):
    host: str
    port: NotRequired[int]
    path: Annotated[NotRequired[str], "of the URL"]


class Partial(TypedDict, total=False):
    host: Required[str]
    port: int


class Entry(TypedDict, Generic[T]):
    key: str
    value: T


class Pair(NamedTuple, Generic[T]):
    first: T
    second: T | None = None


Point = namedtuple("Point", "x y")  # what is asked here is how it does without types


@attrs.define
class Box(Generic[T]):
    item: T
    more: list[T] = attrs.field(factory=list)


@attrs.define
class Count(Generic[N]):
    number: N


class Undecorated(Box[int]):
    """Adds methods only, so nobody thought of a decorator."""


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        pytest.param(Address, {"host": "a"}, {"host": "a"}, id="NotRequired in a string"),
        pytest.param(Address, {"path": "/", "host": "a", "port": "1"}, {"host": "a", "port": 1, "path": "/"}, id="all"),
        pytest.param(Partial, {"host": "a"}, {"host": "a"}, id="Required in a string"),
        pytest.param(Entry[int], {"key": "a", "value": "1"}, {"key": "a", "value": 1}, id="generic TypedDict"),
        pytest.param(Pair[int], {"first": "1"}, Pair(1), id="generic NamedTuple"),
        pytest.param(Pair[int], ["1", "2"], Pair(1, 2), id="generic NamedTuple by position"),
        pytest.param(Pair, {"first": "1"}, Pair("1"), id="bare generic NamedTuple"),
        pytest.param(Point, {"x": 1, "y": 2}, Point(1, 2), id="namedtuple without types"),
        pytest.param(Box, {"item": "1"}, Box("1"), id="bare generic class"),
        pytest.param(Count, {"number": "1"}, Count(1), id="bare generic class with a bound"),
        pytest.param(Box[Box[int]], {"item": {"item": "1"}}, Box(Box(1)), id="generic in generic"),
        pytest.param(Undecorated, {"item": "1", "more": "1,2"}, Undecorated(1, [1, 2]), id="undecorated subclass"),
        pytest.param(tuple[int, *tuple[str, ...]], ["1", "2", "3"], (1, "2", "3"), id="open tuple"),
        pytest.param(tuple[int, *tuple[str, ...]], ["1"], (1,), id="open tuple at its shortest"),
        pytest.param(tuple[*tuple[str, ...], int], ["1", "2", "3"], ("1", "2", 3), id="tuple open in front"),
        pytest.param(tuple[int, *tuple[str, int]], ["1", "2", "3"], (1, "2", 3), id="unpacked tuple"),
        pytest.param(tuple[str, *tuple[int, *tuple[str, ...]]], ["1", "2", "3"], ("1", 2, "3"), id="unpacked twice"),
    ],
)
def test_a_form_is_read_from_outside(annotation, value, expected, monkeypatch):
    """A variable and an overlay give the same value, in every run."""
    found = from_outside(annotation, value, monkeypatch)
    assert found == [expected] * len(found)
    assert {type(each) for each in found} == {type(expected)}


@pytest.mark.parametrize(
    ("annotation", "value", "where", "message"),
    [
        pytest.param(Address, {"port": 1}, "holder.value.host", "it is required, and missing", id="missing key"),
        pytest.param(Partial, {"port": 1}, "holder.value.host", "it is required, and missing", id="Required"),
        pytest.param(Pair[int], {"second": 1}, "holder.value.first", "it is required, and missing", id="NamedTuple"),
        pytest.param(Entry[int], {"key": "a", "value": "x"}, "holder.value.value", "not a whole number", id="generic"),
        pytest.param(tuple[int, *tuple[str, ...]], [], "holder.value", "0 items instead of 1", id="open tuple"),
        pytest.param(tuple[*tuple[str, ...], int], ["a", "b"], "holder.value.1", "not a whole number", id="last item"),
    ],
)
def test_a_wrong_part_of_a_form_is_told_by_its_place(annotation, value, where, message, monkeypatch):
    """What is missing or wrong is named with the way to it."""
    monkeypatch.setenv("VALUE", json.dumps(value))
    with pytest.raises(ConfigError) as caught:
        values(resource_class(annotation)(value=EnvVar("VALUE")))
    assert [(problem.where, problem.message) for problem in caught.value.problems] == [(where, message)]


@pytest.mark.parametrize(
    ("annotation", "wrong"),
    [
        pytest.param(Entry[int], {"key": "a", "value": "1"}, id="generic TypedDict"),
        pytest.param(tuple[int, *tuple[str, ...]], (1, 2), id="open tuple"),
        pytest.param(tuple[int, *tuple[str, ...]], (), id="open tuple too short"),
        pytest.param(tuple[*tuple[str, ...], int], ("1", "2"), id="tuple open in front"),
    ],
)
def test_the_constructor_looks_into_generic_and_open_forms(annotation, wrong):
    """A value whose part is of the wrong type is refused where it is written."""
    with pytest.raises(InvalidFieldError, match="expected"):
        resource_class(annotation)(value=wrong)


def test_a_variable_inside_a_generic_typed_dict_is_converted(monkeypatch):
    """The argument of the class says what becomes of the text."""
    monkeypatch.setenv("VALUE", "5")
    found = values(resource_class(Entry[int])(value={"key": "a", "value": EnvVar("VALUE")}))
    assert found == [{"key": "a", "value": 5}] * 3


@pytest.mark.parametrize(
    ("annotation", "expected"), [(str | bytes, "5"), (bytes | str, b"5"), (bytes | int, 5), (int | bytes, 5)]
)
def test_bytes_take_any_text_as_str_does(annotation, expected, monkeypatch):
    """So they come after the members that do not, and before or after str as written."""
    monkeypatch.setenv("VALUE", "5")
    assert values(resource_class(annotation)(value=EnvVar("VALUE"))) == [expected] * 3


@pytest.mark.parametrize("wrong", [{EnvVar("KEY"): 1}, MappingProxyType({"a": EnvVar("VALUE")})], ids=["key", "proxy"])
def test_a_variable_where_no_run_would_read_it_is_refused(wrong):
    """The key of a dict and a read-only mapping would keep the EnvVar itself for ever."""
    with pytest.raises(InvalidFieldError, match="not there yet, where no run looks for it"):
        resource_class(Any)(value=wrong)


def endless():
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    "default", [EnvVar("OTHER"), [FileVar("x")], {"a": ref("b")}, resource_class(int)(value=1), endless()]
)
def test_the_default_of_a_variable_is_a_value(default):
    """One that would have to be read itself is refused where it is written, with the way out."""
    with pytest.raises(DefinitionError, match=r"the default of EnvVar\('VALUE'\) is .*; give a value"):
        EnvVar("VALUE", default=default)


def test_the_text_of_a_config_file_is_not_taken_for_its_path():
    """It may hold secrets, so it is not shown; the message says to parse it."""
    app = ResourceContainer.of({"holder": resource_class(str)(value="a")})
    for text in ('{"holder": {"value": "hunter2"}}', "holder:\n  value: hunter2"):
        with pytest.raises(DefinitionError, match="give the mapping") as caught, app.run(config=text):
            pass
        assert "hunter2" not in str(caught.value)


def test_config_that_holds_itself_is_refused():
    """It has no end, whichever way it is given."""
    app = ResourceContainer.of({"holder": resource_class(Any)(value=1)})
    with pytest.raises(DefinitionError, match="holds itself"):
        app.with_config({"holder": {"value": endless()}})


def test_an_overlay_is_what_the_mapping_was_when_it_was_given():
    """Changing the mapping, or what is in it, changes no run."""
    config = {"holder": {"value": [1]}}
    app = ResourceContainer.of({"holder": resource_class(list[int]).configure_at_launch()}).with_config(config)
    config["holder"]["value"].append(2)
    with app.run() as resources:
        assert resources.holder.value == [1]


class Vault(Deferred):
    """Keeps what it gives."""

    def __init__(self, kept):
        self.kept = kept

    def read(self, context):
        return self.kept


def test_what_a_source_gives_is_not_shared_with_the_source():
    """A run may change its own list, and neither the source nor the next run has it changed."""
    vault = Vault({"ids": [1]})
    app = ResourceContainer.of({"holder": resource_class(dict[str, list[int]])(value=vault)})
    for options in ({}, {}, {"report": True}):
        with app.run(**options) as resources:
            assert resources.holder.value == {"ids": [1]}
            resources.holder.value["ids"].append(2)
    assert vault.kept == {"ids": [1]}
