"""Forms: one reading of a type for all who check, convert, write or describe its values."""

import collections.abc
import enum
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import attrs
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import ConfigurableResource
from resourcekit.annotations import forms
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.validators import build_validator
from resourcekit.config.text import ConversionError, convert
from resourcekit.inspection.dotenv import as_text

Port = NewType("Port", int)
Ports = typing_extensions.TypeAliasType("Ports", list[Port])


class Color(enum.Enum):
    """Colors."""

    RED = 1
    BLUE = "blue"


class Database(ConfigurableResource):
    """A resource."""

    host: str = "localhost"


@attrs.frozen
class Pool:
    """A class with fields."""

    size: int
    names: list[str] = attrs.field(factory=list)
    timeout: timedelta | None = None


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: float = 0.0


class Options(TypedDict):
    """A table."""

    color: Color


@pytest.mark.parametrize(
    ("annotation", "form"),
    [
        *((each, forms.Anything) for each in (Any, object, "NotThere", typing.TypeVar("T"), 5, typing.Final, [int])),
        *((each, forms.Scalar) for each in (int, None, Path, Color, type, typing.SupportsInt, memoryview)),
        *((each, forms.Scalar) for each in (Port, Annotated[int, {"unit": "s"}], collections.abc.Callable[[int], str])),
        *((each, forms.Sequence) for each in (list, list[int], typing.List, set[int], tuple, tuple[int, ...], Ports)),  # noqa: UP006
        *((each, forms.FixedTuple) for each in (tuple[()], tuple[int, str], tuple[int, *tuple[str, ...]])),
        *((each, forms.Mapping) for each in (dict, dict[str, int], collections.abc.Mapping, collections.Counter[str])),
        *((each, forms.Record) for each in (Pool, Point, Options)),
        *((each, forms.OneOf) for each in (int | None, typing.Optional[list[int]])),  # noqa: UP045
        *((each, forms.Resource) for each in (Database, Annotated[Database, "main"])),
        *((each, forms.Choice) for each in (Literal["a"], Literal[1, None])),
        *((each, forms.ClassOf) for each in (type[int], typing.Type[Database])),  # noqa: UP006
        (typing.Self, forms.Own),
    ],
    ids=lambda each: repr(each)[:40],
)
def test_each_type_has_one_form(annotation: Any, form: type[forms.Form]) -> None:
    """Each annotation is read as one of a closed set of forms."""
    assert type(form_of(annotation)) is form


def test_the_same_type_has_the_same_form() -> None:
    """A type is read once, also under another name, with metadata, or written anew."""
    assert form_of(list[int]) is form_of(list[int])
    assert form_of(Port) is form_of(int) is form_of(Annotated[int, "unit"]) is form_of(Annotated[int, []])
    assert form_of(list[Annotated[int, {"unit": "s"}]]) is form_of(list[int])


def test_the_order_of_a_union_is_kept() -> None:
    """`int | str` and `str | int` are equal to Python, and two types to us, inside other types too."""
    assert form_of(int | str).arguments == (int, str)
    assert form_of(str | int).arguments == (str, int)
    assert form_of(list[int | str]) is not form_of(list[str | int])


def test_members_with_several_names_are_one() -> None:
    """A union of one type under two names is that type."""
    assert form_of(Port | int) is form_of(int)
    assert form_of(int | Ports | None).arguments == (int, list[Port], type(None))


def test_items_of_fixed_tuples() -> None:
    """A tuple with a repeated middle has as many items as it is asked for."""
    form = form_of(tuple[int, *tuple[str, ...], bool])
    assert isinstance(form, forms.FixedTuple)
    assert form.items(4) == (int, str, str, bool)
    assert form.items(2) == form.items(0) == (int, bool)


# Types whose every value has a text of its own. A union has none where two members share texts, as str with any other.
_SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (bool, st.booleans()),
    (float, st.floats(allow_nan=False)),
    (Decimal, st.decimals(allow_nan=False)),
    (Path, st.sampled_from([Path("a"), Path("/b c"), Path(".")])),
    (UUID, st.uuids()),
    (date, st.dates()),
    (datetime, st.datetimes()),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(-1000), timedelta(1000)).map(lambda each: timedelta(seconds=each.seconds))),
    (Color, st.sampled_from(Color)),
    (Literal["a", "none", 3], st.sampled_from(["a", "none", 3])),
    (Pool, st.builds(Pool, st.integers(), st.lists(st.text()), st.none() | st.just(timedelta(seconds=2)))),
]
_LEAVES = st.sampled_from([*_SCALARS, (str, st.text())])


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Types with elements of other types, each with a strategy for its values."""
    return st.one_of(
        inner.map(lambda each: (list[each[0]], st.lists(each[1], max_size=3))),
        inner.map(lambda each: (tuple[each[0], ...], st.lists(each[1], max_size=3).map(tuple))),
        st.tuples(inner, inner).map(lambda pair: (tuple[pair[0][0], pair[1][0]], st.tuples(pair[0][1], pair[1][1]))),
        inner.map(lambda each: (dict[str, each[0]], st.dictionaries(st.text(), each[1], max_size=3))),
        inner.map(lambda each: (Annotated[each[0], {"unit": "s"}], each[1])),
        st.sampled_from(_SCALARS[:-2]).map(lambda each: (frozenset[each[0]], st.frozensets(each[1], max_size=3))),
        st.sampled_from(_SCALARS).map(lambda each: (each[0] | None, each[1] | st.none())),
    )


_TYPED_VALUES = st.recursive(_LEAVES, _containers, max_leaves=4).flatmap(
    lambda each: st.tuples(st.just(each[0]), each[1])
)


@given(_TYPED_VALUES)
def test_a_value_that_is_accepted_is_read_back_from_its_text(typed: tuple[Any, Any]) -> None:
    """What a field takes has a text in `.env.example`, and from that text the field gets the same value."""
    annotation, value = typed
    build_validator(annotation)(None, None, value)
    text = as_text(value)
    assert text is not None
    assert convert(text, annotation) == value


_TEXTS = st.sampled_from(["", "1", "no", "none", "a", "RED", "a,b", "1, 2", '[1, "2"]', "{}", '{"x": "1"}', "[[1]]",
                          '{"size": "3"}', '{"color": "RED"}', "2024-05-31", "PT1H", "1.5", "[null]"])  # fmt: skip
_TYPES = st.recursive(
    st.sampled_from([*(each for each, _ in _SCALARS), str, bytes, Point, Options, Any, list, dict, Port, Ports]),
    lambda inner: st.one_of(
        inner.map(lambda each: list[each]),
        inner.map(lambda each: collections.abc.Sequence[each]),
        inner.map(lambda each: dict[str, each]),
        st.tuples(inner, inner).map(lambda pair: tuple[pair[0], *tuple[pair[1], ...]]),
        st.tuples(inner, inner).map(lambda pair: typing.Union[pair[0], pair[1], None]),  # noqa: UP007 - of any two
        inner.map(lambda each: Annotated[each, "metadata"]),
    ),
    max_leaves=4,
)


@given(_TYPES, _TEXTS)
def test_what_is_read_from_a_text_is_accepted(annotation: Any, text: str) -> None:
    """Whatever a text is turned into for a type is right for the type."""
    try:
        value = convert(text, annotation)
    except ConversionError:
        return
    build_validator(annotation)(None, None, value)
