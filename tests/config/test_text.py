"""Values from outside: every type by its text forms, what TOML, JSON and YAML give, and what the errors may say."""

import collections
import collections.abc
import dataclasses
import gc
import json
import traceback
import typing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum, auto
from math import inf, isnan
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict
from uuid import UUID

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resourcekit.config.text import ConversionError, convert, has_form


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Colour(StrEnum):
    RED = "red"
    NONE = "none"


class Plain(Enum):
    A = "b"
    b = "c"
    PAIR = (1, 2)
    YES = True


class Access(Flag):
    READ = auto()
    WRITE = auto()


class Sloppy(Enum):
    OK = "ok"

    @classmethod
    def _missing_(cls, value):
        return cls.OK if str(value).lower() == "ok" else cls.fail(value)

    @classmethod
    def fail(cls, value):
        raise RuntimeError(value)


@attrs.define
class Pool:
    size: int = attrs.field(validator=attrs.validators.ge(1))
    timeout: timedelta = timedelta(seconds=5)
    _name: str = "main"
    tags: frozenset[str] = attrs.field(factory=frozenset, converter=frozenset)


@attrs.define
class Tree:
    value: int
    children: "list[Tree]" = attrs.Factory(list)
    by_name: "dict[str, Tree]" = attrs.Factory(dict)


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0
    norm: float = dataclasses.field(init=False, default=1.0)


@dataclasses.dataclass
class Positive:
    n: int

    def __post_init__(self):
        if self.n < 0:
            raise ValueError(f"{self.n} is negative")


T = typing.TypeVar("T")


@attrs.define
class Box(typing.Generic[T]):
    content: T


@attrs.define
class Postgres:
    kind: Literal["postgres"]
    host: str
    port: int = 5432


@attrs.define
class Sqlite:
    kind: Literal["sqlite"]
    file: Path


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Address(NamedTuple):
    host: str
    port: int = 80


class Client:
    """A class resourcekit knows nothing of."""


@attrs.define
class WithClient:
    client: Client = attrs.field(converter=lambda value: value if isinstance(value, Client) else Client())
    when: date = attrs.field(converter=lambda value: value)


class Host(str):
    """A str with a name of its own."""


UserId = NewType("UserId", int)

GOOD = [
    # str, bytes, Any
    ("", str, ""),
    (" as it is ", str, " as it is "),
    ("nul\0", str, "nul\0"),
    ("null", str, "null"),
    ("db-1", Host, Host("db-1")),
    ("é", bytes, "é".encode()),
    ("\udcff", bytes, b"\xff"),
    (b"raw", bytes, b"raw"),
    ("[1]", Any, "[1]"),
    ("1", object, "1"),
    (None, Any, None),
    # bool
    *[(word, bool, True) for word in ("true", "True", " TRUE ", "t", "1", "yes", "on", "On")],
    *[(word, bool, False) for word in ("false", "FALSE", "f", "0", "no", "off", " off\n")],
    (True, bool, True),
    # numbers
    ("5432", int, 5432),
    (" +007 ", int, 7),
    ("-3", int, -3),
    (5, int, 5),
    ("1.5", float, 1.5),
    ("1e3", float, 1000.0),
    ("inf", float, inf),
    ("-Infinity", float, -inf),
    (2, float, 2.0),
    ("1.10", Decimal, Decimal("1.10")),
    (3, Decimal, Decimal(3)),
    (0.1, Decimal, Decimal("0.1")),
    # paths and identifiers
    ("/var/data", Path, Path("/var/data")),
    ("a/b", PurePosixPath, PurePosixPath("a/b")),
    ("12345678123456781234567812345678", UUID, UUID("12345678-1234-5678-1234-567812345678")),
    # times
    ("2024-05-31", date, date(2024, 5, 31)),
    ("2024-05-31T12:00:00Z", datetime, datetime(2024, 5, 31, 12, tzinfo=UTC)),
    ("2024-05-31", datetime, datetime(2024, 5, 31)),
    (datetime(2024, 5, 31, 12), datetime, datetime(2024, 5, 31, 12)),
    ("12:30", time, time(12, 30)),
    *[(text, time, time(12, 30)) for text in ("T12:30", "T1230", "12:30:00.0", "12:30:00,000", " 12:30 ")],
    ("T12", time, time(12)),
    ("12:30Z", time, time(12, 30, tzinfo=UTC)),
    *[(text, datetime, datetime(2024, 5, 31, 12)) for text in ("2024-05-31 12:00", "20240531T120000", "2024-W22-5t12")],
    ("PT30S", timedelta, timedelta(seconds=30)),
    ("P1DT2H", timedelta, timedelta(days=1, hours=2)),
    ("p2w", timedelta, timedelta(weeks=2)),
    ("-PT1.5M", timedelta, timedelta(seconds=-90)),
    ("90", timedelta, timedelta(seconds=90)),
    ("0.5", timedelta, timedelta(milliseconds=500)),
    (90, timedelta, timedelta(seconds=90)),
    # enums and literals
    ("2", Level, Level.HIGH),
    ("HIGH", Level, Level.HIGH),
    (2, Level, Level.HIGH),
    (Level.LOW, Level, Level.LOW),
    ("red", Colour, Colour.RED),
    ("RED", Colour, Colour.RED),
    ("b", Plain, Plain.A),
    ("A", Plain, Plain.A),
    ("PAIR", Plain, Plain.PAIR),
    ("yes", Plain, Plain.YES),
    ("OK", Sloppy, Sloppy.OK),
    ("READ | WRITE", Access, Access.READ | Access.WRITE),
    ("3", Access, Access.READ | Access.WRITE),
    ("0", Access, Access(0)),
    ("a", Literal["a", "b"], "a"),
    ("1", Literal["a", 1, True], 1),
    ("true", Literal["a", 1, True], True),
    ("none", Literal["a", None], None),
    ("HIGH", Literal[Level.HIGH], Level.HIGH),
    (1, Literal[1], 1),
    # lists, tuples, sets
    ("a, b,c", list[str], ["a", "b", "c"]),
    ("", list[str], []),
    ("  ", list[int], []),
    ("1,2", list[int], [1, 2]),
    ('["a,b", "c"]', list[str], ["a,b", "c"]),
    (" [1, 2]", list[int], [1, 2]),
    ('["1", 2]', list[int], [1, 2]),
    ("a,b", list, ["a", "b"]),
    ("[1]", list, [1]),
    ("1,2", set[int], {1, 2}),
    ([1, 1], set[int], {1}),
    ({1}, set[int], {1}),
    ([1], frozenset[int], frozenset({1})),
    ("1,2", tuple[int, ...], (1, 2)),
    ([1], tuple[int, ...], (1,)),
    ("a, 1", tuple[str, int], ("a", 1)),
    (["a", 1], tuple[str, int], ("a", 1)),
    ("", tuple[()], ()),
    ("1,2", collections.abc.Sequence[int], [1, 2]),
    ((1, 2), collections.abc.Sequence[int], (1, 2)),
    ("1,2", collections.abc.Iterable[int], [1, 2]),
    ({3}, collections.abc.Collection[int], {3}),
    ("1,2", collections.abc.Set[int], frozenset({1, 2})),
    ("1", collections.deque[int], collections.deque([1])),
    (["1,2", "3"], list[list[int]], [[1, 2], [3]]),
    # mappings
    ('{"a": 1}', dict[str, int], {"a": 1}),
    ("", dict[str, int], {}),
    ({"1": "2"}, dict[int, int], {1: 2}),
    ('{"a": [1]}', dict[str, tuple[int, ...]], {"a": (1,)}),
    ({"a": 1}, collections.abc.Mapping[str, float], {"a": 1.0}),
    ('{"a": 1}', dict, {"a": 1}),
    ({"b": 1, "a": 2}, collections.OrderedDict[str, int], collections.OrderedDict(b=1, a=2)),
    ({"a": "2"}, collections.Counter[str], collections.Counter(a=2)),
    ('{"a": "1"}', collections.defaultdict[str, list[int]], collections.defaultdict(list, {"a": [1]})),
    # classes with fields
    ('{"size": "3", "name": "x", "timeout": 2}', Pool, Pool(3, timedelta(seconds=2), "x")),
    ({"size": 3, "tags": "a,b"}, Pool, Pool(3, tags=["a", "b"])),
    (MappingProxyType({"size": "3"}), Pool, Pool(3)),
    (MappingProxyType({"a": "1"}), dict[str, int], {"a": 1}),
    (
        {"value": 1, "children": [{"value": "2"}], "by_name": {"x": {"value": 3}}},
        Tree,
        Tree(1, [Tree(2)], {"x": Tree(3)}),
    ),
    ('{"x": 1, "y": 2}', Point, Point(1, 2.0)),
    ({"content": "5"}, Box[int], Box(5)),
    ('{"title": "Alien", "year": "1979"}', Movie, {"title": "Alien", "year": 1979}),
    ({"title": "Alien"}, Movie, {"title": "Alien"}),
    ('{"host": "h"}', Address, Address("h")),
    ('["h", "8080"]', Address, Address("h", 8080)),
    (["h"], Address, Address("h")),
    ('[{"size": 1}]', list[Pool], [Pool(1)]),
    # unions
    ("5", int | str, 5),
    ("5", str | int, 5),
    ("x", str | int, "x"),
    ("1", bool | int, True),
    ("2", bool | int, 2),
    (5, str | int, 5),
    (True, int | bool, True),
    (5, float | str, 5.0),
    # beside str: only what gives the text back unchanged
    ("01", int | str, "01"),
    ("+1", int | str, "+1"),
    (" 1", int | str, " 1"),
    ("1_000", int | str, "1_000"),
    ("-1", int | str, -1),
    ("01", int | str | None, "01"),
    ("01", Annotated[int, "port"] | typing.Annotated[str, "name"], "01"),
    ("01", int | Any, "01"),
    ("01", int | bytes, b"01"),
    ("01", int | float, 1),
    ("01, 2", list[int | str], ["01", 2]),
    ('{"zip": "01", "port": "1"}', dict[str, int | str], {"zip": "01", "port": 1}),
    ("1.5", float | str, 1.5),
    ("30", float | str, 30.0),
    ("1.50", float | str, "1.50"),
    ("1e3", float | str, "1e3"),
    ("007", float | str, "007"),
    ("True", bool | str, True),
    ("false", bool | str, False),
    ("1", bool | str, "1"),
    ("no", bool | str, "no"),
    ("t", bool | str, "t"),
    ("1.50", Decimal | str, Decimal("1.50")),
    ("01.50", Decimal | str, "01.50"),
    ("2024-05-31", date | str, date(2024, 5, 31)),
    ("20240531", date | str, "20240531"),
    ("2024-05-31T12:00:00", datetime | str, datetime(2024, 5, 31, 12)),
    ("2024-05-31T12:00:00Z", datetime | str, datetime(2024, 5, 31, 12, tzinfo=UTC)),
    ("2024-05-31", datetime | str, "2024-05-31"),
    ("12:30:00", time | str, time(12, 30)),
    ("T1230", time | str, "T1230"),
    ("30", timedelta | str, timedelta(seconds=30)),
    ("030", timedelta | str, "030"),
    ("PT90M", timedelta | str, timedelta(minutes=90)),
    ("12345678-1234-5678-1234-567812345678", UUID | str, UUID("12345678-1234-5678-1234-567812345678")),
    ("12345678123456781234567812345678", UUID | str, "12345678123456781234567812345678"),
    ("a//b", Path | str, "a//b"),
    ("NONE", Colour | str, Colour.NONE),
    (" NONE ", Colour | str, " NONE "),
    ("1", Literal[1] | str, 1),
    ("01", Literal[1] | str, "01"),
    (" auto", Literal["auto"] | str, " auto"),
    (["5"], list[int] | list[str], ["5"]),
    ("", int | None, None),
    (" Null ", int | None, None),
    ("none", list[str] | None, None),
    ("None", Path | None, None),
    ("3", int | None, 3),
    (None, int | None, None),
    ("", str | None, ""),
    ("null", str | None, "null"),
    ("null", Any | None, "null"),
    ("none", Literal["none", "all"] | None, "none"),
    ("null", Literal["none", "all"] | None, None),
    ("none", Colour | None, Colour.NONE),
    ("auto", Literal["auto"] | int, "auto"),
    ("4", Literal["auto"] | int, 4),
    ('{"a": "1"}', list[str] | dict[str, str], {"a": "1"}),
    ('["1"]', dict[str, str] | list[str], ["1"]),
    ({"kind": "sqlite", "file": "x.db"}, Postgres | Sqlite, Sqlite("sqlite", Path("x.db"))),
    ('{"kind": "postgres", "host": "h"}', Sqlite | Postgres, Postgres("postgres", "h")),
    ({"x": 1}, Pool | Point, Point(1)),
    ({"size": 1}, Pool | Movie | None, Pool(1)),
    # wrappings
    ("5", Annotated[int, "port"], 5),
    ("5", UserId, 5),
    ("5", typing.Final[int], 5),
    ("1,2", list[Annotated[int, "port"]], [1, 2]),
    ("", None, None),
]


@given(
    st.text() | st.from_regex(r"\A ?[+-]?0?[0-9_]{1,4}(\.[0-9]{1,3})?(e[0-9])?\Z"),
    st.sampled_from([int, float, bool, Decimal, date, datetime, time, UUID, Path, Level, Colour, Literal["a", 1]]),
)
def test_text_beside_a_str_is_never_changed(text, cls):
    """Where str is one of the types, what a text becomes is that text, or writes itself as it."""
    value = convert(text, cls | str if isinstance(cls, type) else typing.Union[cls, str])  # noqa: UP007
    if isinstance(value, bool):
        assert text.lower() == str(value).lower()
    elif isinstance(value, Enum):
        assert text in (value.name, str(value.value))
    elif isinstance(value, float):
        assert text in (repr(value), repr(value).removesuffix(".0"))
    elif isinstance(value, datetime | date | time):
        assert text.replace("Z", "+00:00") == value.isoformat()
    else:
        assert str(value) == text


@pytest.mark.parametrize(("raw", "annotation", "value"), GOOD, ids=lambda value: repr(value)[:60])
def test_good_values(raw, annotation, value):
    """A value from outside becomes the value that its field's type says."""
    result = convert(raw, annotation)
    assert result == value
    assert type(result) is type(value)


BAD = [
    *[(word, bool, "true, false, t, f, 1, 0, yes, no, on, off") for word in ("", "2", "y", "tru")],
    (1, bool, "it is of type int"),
    *[(text, int, "not a whole number") for text in ("", "1.0", "1_000", "0x10", "\u0661", "1 2", "--1")],
    ("9" * 5000, int, "more digits than Python converts"),
    ("x" * 2**20, int, "not a whole number"),
    (1.0, int, "it is of type float"),
    (True, int, "it is of type bool"),
    (None, int, "it is null"),
    *[(text, float, "not a number") for text in ("", "1_0.0", "one", "1,5")],
    (True, float, "it is of type bool"),
    (10**400, float, "too large"),
    ("1_0", Decimal, "not a decimal number"),
    (5, str, "it is of type int; put it in quotes"),
    (b"x", str, "it is of type bytes"),
    ("\ud800", bytes, "UTF-8"),
    *[("", cls, "it is empty; '.' is the folder") for cls in (Path, PurePosixPath)],
    ("x", UUID, "not a UUID"),
    ("2024-05-31T12:00", date, "without a time"),
    (datetime(2024, 5, 31), date, "it is of type datetime"),
    (date(2024, 5, 31), datetime, "it is of type date"),
    ("2024-02-30", datetime, "ISO 8601"),
    *[(text, time, "ISO 8601") for text in ("25:00", "1700000000", "17", "1700", "12.5", "\uff11\uff12:30", "")],
    *[
        (text, datetime, "ISO 8601")
        for text in ("1700000000", "2024-05-31x12:00", "2024-05-31T1700000000", "2024-05-31_12:00", "20240531120000")
    ],
    *[(text, date, "ISO 8601") for text in ("1700000000", "1700", "24-05-31", "2024-5-1", "2024/05/31")],
    *[(text, timedelta, "PT30S") for text in ("12:30", "1_000", "5 s", "PT1H 5M", "\u0661")],
    *[(text, timedelta, "PT30S") for text in ("", "P", "PT", "P1Y", "soon", "P1DT")],
    ("1e300", timedelta, "a timedelta can hold"),
    ("nan", timedelta, "a timedelta can hold"),
    ("P99999999999D", timedelta, "ISO 8601"),
    (True, timedelta, "it is of type bool"),
    ("3", Level, "the names are LOW, HIGH"),
    ("low", Level, "the names are LOW, HIGH"),
    (True, Level, "the names are"),
    (1.0, Level, "the names are"),
    ("bad", Sloppy, "the names are OK"),
    ("READ|OTHER", Access, "the names are"),
    ("c", Literal["a", "b"], "none of these"),
    (True, Literal[1], "it is of type bool"),
    ("[1", list[int], "line 1, column 3"),
    ("[1] 2", list[int], "Extra data"),
    (3, list[int], "not a list"),
    ({"a": 1}, list[int], "not a list"),
    ({1}, list[int], "not a list"),
    ("a", tuple[str, int], "1 items instead of 2"),
    ("a,1,2", tuple[str, int], "3 items instead of 2"),
    ("[[]]", set[Any], "TypeError"),
    ("[1]", dict[str, int], "it is other JSON"),
    ("a=1", dict[str, int], "it must be a JSON object"),
    ('{"a": 1, "a": 2}', dict[str, int], "the same key twice"),
    ({"1": 1, " 1": 2}, dict[int, int], "the same key"),
    ([1], dict[str, int], "not a table"),
    ("x", Pool, "it must be a JSON object"),
    (5, Pool, "not a table"),
    ('{"n": -1}', Positive, "it is refused with ValueError"),
    (["a", 1, 2], Address, "3 items instead of at most 2"),
    ("1", None, "neither empty nor one of none, null"),
    ("x", Client, "no text becomes one"),
    (5, Client, "it is of type int"),
    ("x", int | float, "none of these types takes it"),
    ("[" * 100_000, list[Any], "nested too deeply"),
    ("x", int | None, "not a whole number"),
]


@pytest.mark.parametrize(("raw", "annotation", "reason"), BAD, ids=lambda value: repr(value)[:40])
def test_bad_values(raw, annotation, reason):
    """A value that does not fit is an error that names the expected type and says why."""
    with pytest.raises(ConversionError) as caught:
        convert(raw, annotation)
    assert reason in str(caught.value)
    assert caught.value.problems[0].expected in str(caught.value)


def problems(raw, annotation):
    with pytest.raises(ConversionError) as caught:
        convert(raw, annotation)
    return [(problem.where, problem.expected, problem.reason) for problem in caught.value.problems]


def test_every_problem_of_one_value_is_told():
    """All that is wrong in a structured value comes in one error, each with its place."""
    raw = {"size": "x", "sise": 1, "timeout": "soon", "tags": ["a", 2]}
    found = problems(raw, Pool)
    assert [where for where, _, _ in found] == ["size", "timeout", "tags[1]", "sise"]
    assert found[0] == ("size", "int", "not a whole number")
    assert "did you mean size?" in found[3][2]


def test_places_in_nested_values():
    """Fields are told by name, elements by position, and keys that are data by their position only."""
    raw = {"value": 1, "children": [{"value": 2}, {"value": "x"}], "by_name": {"a": {"value": 1}, "secret": {}}}
    assert problems(raw, Tree) == [
        ("children[1].value", "int", "not a whole number"),
        ("by_name[key 2].value", "int", "it is required, and missing"),
    ]
    assert problems("1,x", list[int])[0][0] == "[1]"
    assert problems(["a", "b"], tuple[str, int])[0][0] == "[1]"
    assert problems({"x": 1}, dict[int, int])[0][0] == "[key 1]"


def test_a_field_is_set_by_its_alias():
    """The key of a private attrs field is its alias, as in the constructor; its name is unknown."""
    assert problems({"size": 1, "_name": "x"}, Pool)[0][0] == "_name"


def test_unknown_keys_of_a_text_are_not_shown():
    """Where the whole value is one text, its keys are a piece of it, and told by position."""
    [(where, expected, reason)] = problems('{"size": 1, "timeuot": 2}', Pool)
    assert (where, expected) == ("[key 2]", "a field of Pool")
    assert reason == "there is no such field; did you mean timeout?"


def test_init_false_fields_are_unknown():
    """A field that the constructor does not take cannot be set from outside."""
    assert problems({"x": 1, "norm": 2.0}, Point)[0][0] == "norm"


def test_missing_and_unknown_keys_of_typed_dicts_and_named_tuples():
    """TypedDicts and NamedTuples are as strict as classes."""
    assert [where for where, _, _ in problems({"yaer": 1979}, Movie)] == ["title", "yaer"]
    assert [where for where, _, _ in problems({"port": 1}, Address)] == ["host"]


def test_a_validator_is_named_by_its_field():
    """When a field's own validator refuses the value, the error says which field, and no value."""
    assert problems({"size": 0}, Pool) == [("size", "int", "its validator refuses it with ValueError")]


def test_the_tag_decides_which_member_of_a_union_is_explained():
    """A table with the tag of one class is measured against that class."""
    assert problems({"kind": "postgres", "port": "x"}, Postgres | Sqlite) == [
        ("host", "str", "it is required, and missing"),
        ("port", "int", "not a whole number"),
    ]
    assert problems('{"kind": "sqlite"}', Postgres | Sqlite) == [("file", "Path", "it is required, and missing")]
    assert problems({"kind": "mysql"}, Postgres | Sqlite) == [("", "Postgres | Sqlite", "none of these types takes it")]


def test_a_union_with_one_class_explains_that_class():
    """What is wrong inside a table is told, not only that the union does not take it."""
    assert problems({"size": "x"}, Pool | str) == [("size", "int", "not a whole number")]


def test_the_order_of_a_union_counts_wherever_it_is_written():
    """``int | bool`` equals ``bool | int`` in Python, and is another wish all the same, whichever was seen first."""

    @attrs.define
    class Numbers:
        values: list[int | bool]

    @attrs.define
    class Truths:
        values: list[bool | int]

    for _ in range(2):
        assert convert("1", int | bool) is not True
        assert convert("1", bool | int) is True
        assert convert("1", list[int | bool])[0] is not True
        assert convert("1", dict[str, list[bool | int]] | list[bool | int])[0] is True
        assert convert({"values": "1"}, Numbers).values[0] is not True
        assert convert({"values": "1"}, Truths).values[0] is True
    assert problems("x", list[int | bool]) == [("[0]", "int | bool", "none of these types takes it")]


def test_an_annotation_may_say_what_has_no_hash():
    """What Annotated says is nobody's business here, a dict or a list as well."""
    unit: Any = Annotated[int, {"unit": "s"}]

    @attrs.define
    class Wait:
        seconds: Annotated[int, {"unit": "s"}]

    assert convert("1", unit) == 1
    assert convert("1,2", list[unit]) == [1, 2]
    assert convert({"seconds": "3"}, Wait) == Wait(3)
    assert problems("x", list[unit]) == [("[0]", "int", "not a whole number")]


def test_nan_is_a_float():
    """Python's words for special floats are accepted."""
    assert isnan(convert("nan", float))


def test_instances_are_passed_on():
    """An object of the right class, given by a call, is used as it is."""
    pool, client, address = Pool(1), Client(), Address("h")
    assert convert(pool, Pool) is pool
    assert convert(client, Client) is client
    assert convert(address, Address) is address
    assert convert([client], list[Client])[0] is client
    assert convert({"client": client, "when": "2024-05-31"}, WithClient).client is client


def test_a_list_from_a_call_is_copied():
    """What a caller handed over is never the list or dict that a resource holds."""
    rows = [1]
    assert convert(rows, list[int]) is not rows
    table = {"a": [1]}
    assert convert(table, dict[str, list[int]])["a"] is not table["a"]


def test_a_field_converter_gets_what_has_no_form():
    """For a class resourcekit knows nothing of, the field's own attrs converter sees the text."""
    made = convert({"client": "url", "when": "2024-05-31"}, WithClient)
    assert isinstance(made.client, Client)
    assert made.when == date(2024, 5, 31)


def test_has_form():
    """Whether text can become a type is known before there is any."""
    assert has_form(int)
    assert has_form(Pool | None)
    assert has_form(None)
    assert not has_form(Client)
    assert not has_form(Client | None)
    assert not has_form(collections.abc.Iterator[int])
    assert not has_form(collections.ChainMap[str, int])


def test_a_field_without_an_annotation_takes_what_comes():
    """A field of a class that says nothing of its type is not converted."""
    untyped = attrs.make_class("Untyped", ["it"])
    assert convert({"it": "1"}, untyped).it == "1"


class Resource:
    """Stands for a resource class: they are known by this name."""

    __resourcekit__ = True


@pytest.mark.parametrize(
    ("raw", "annotation", "where"),
    [
        ("db", Resource, ""),
        ('{"host": "h"}', Resource, ""),
        ({"host": "h"}, Resource, ""),
        ("db", Resource | None, ""),
        ("db", list[Resource], "[0]"),
        ([{"host": "h"}], list[Resource], "[0]"),
        ('{"main": "db"}', dict[str, Resource], "[key 1]"),
    ],
)
def test_a_resource_never_comes_from_text(raw, annotation, where):
    """A nested resource has a key of its own; text or a table in its place is an error that says so."""
    [(place, expected, reason)] = problems(raw, annotation)
    assert (place, expected) == (where, "Resource")
    assert "a nested resource cannot come from text or a table; declare it under a key of its own" in reason


def test_a_resource_is_passed_on():
    """A resource that a call gives is taken, alone and inside a list."""
    resource = Resource()
    assert convert(resource, Resource) is resource
    assert convert([resource], list[Resource]) == [resource]
    assert convert("", Resource | None) is None


def test_annotations_that_cannot_be_resolved():
    """A nested class whose annotations name something unknown is reported by that name."""

    @attrs.define
    class Broken:
        field: "Nowhere"  # noqa: F821

    assert "Nowhere" in problems({"field": 1}, Broken)[0][2]


def test_a_value_that_holds_itself():
    """A cyclic value is an error, not a crash."""
    tree = {"value": 1, "children": []}
    tree["children"].append(tree)
    assert any("nested too deeply" in reason for _, _, reason in problems(tree, Tree))


def test_deep_json():
    """JSON that is nested more deeply than Python can follow is an error."""
    text = '{"value": 1, "children": [' * 5000 + "]}" * 5000
    assert any("nested too deeply" in reason for _, _, reason in problems(text, Tree))


def test_long_texts():
    """A text of a mebibyte is nothing special."""
    text = "x" * 2**20
    assert convert(text, str) == text
    assert len(convert("7," * 2**19 + "7", list[int])) == 2**19 + 1


def test_many_problems_are_counted():
    """The text of an error stays readable; all problems are there as data."""
    with pytest.raises(ConversionError) as caught:
        convert("x," * 99 + "x", list[int])
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("... and 80 more")


def ok_or_number(value):
    try:
        return value if value == "ok" else int(value)
    except ValueError as error:
        error.add_note(f"{value} is neither ok nor a number")
        raise


@attrs.define
class Guarded:
    size: int = attrs.field(validator=attrs.validators.in_([1]), default=1)
    name: str = attrs.field(validator=attrs.validators.matches_re("a+"), default="a")
    code: str = attrs.field(converter=ok_or_number, default="ok")


MARK = "hunter2"
LEAKS = [
    (MARK, annotation)
    for annotation in (
        *(bool, int, float, Decimal, UUID, datetime, date, time, timedelta, Level, Plain, Sloppy, Access, None, Client),
        *(Literal["a", 1], list[int], tuple[str, int], dict[str, int], set[int], Pool, Movie, Address, Point, Resource),
        *(int | None, int | float, Pool | dict[str, int], Postgres | Sqlite, list[Annotated[int, 1]], UserId),
    )
] + [
    ("\ud800" + MARK, bytes),
    (f"[{MARK}", list[str]),
    (f'{{"{MARK}": 1}}', Pool),
    (f'{{"{MARK}": "x"}}', dict[str, int]),
    (f'{{"{MARK}": 1, "{MARK}": 2}}', dict[str, int]),
    (f'["{MARK}", 1]', list[int]),
    ([MARK, [MARK]], list[int]),
    ({"a": {MARK: MARK}}, dict[str, dict[str, int]]),
    ({"a": {MARK: "1"}}, dict[str, dict[int, int]]),
    ({MARK}, set[int]),
    ({"size": MARK, "tags": [MARK, 5]}, Pool),
    ({"name": MARK}, Guarded),
    ({"code": MARK}, Guarded),
    ({"kind": "sqlite", "file": 5, "host": MARK}, Postgres | Sqlite),
    ({"kind": MARK}, Postgres | Sqlite),
    (f'{{"kind": "{MARK}"}}', Postgres | Sqlite),
    (MARK.encode(), str),
]


def reachable(error):
    """Every exception one can get to from an error, and everything that stands in its arguments and attributes."""
    seen, waiting = {}, [error]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, BaseException):
            waiting += [item.args, vars(item), item.__cause__, item.__context__]
        elif isinstance(item, list | tuple | set | frozenset | dict) or attrs.has(type(item)):
            waiting += gc.get_referents(item)
    return [item for item in seen.values() if not isinstance(item, type)]


@pytest.mark.parametrize(("raw", "annotation"), LEAKS, ids=lambda value: repr(value)[:40])
def test_no_error_holds_the_value(raw, annotation):
    """Neither the text of an error, nor its traceback, nor anything that hangs on it shows a piece of the value."""
    with pytest.raises(ConversionError) as caught:
        convert(raw, annotation)
    error = caught.value
    assert MARK not in str(error)
    assert MARK not in repr(error)
    assert MARK not in "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not [item for item in reachable(error) if MARK in repr(item)]


scalars = {
    int: st.integers(),
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False),
    bool: st.booleans(),
    UUID: st.uuids(),
    str: st.text(),
}


@pytest.mark.parametrize("cls", scalars)
@given(data=st.data())
def test_what_python_writes_is_read_back(cls, data):
    """The text of a number, a bool or a UUID gives the value it was made from."""
    value = data.draw(scalars[cls])
    assert convert(str(value), cls) == value


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_iso_texts_are_read_back(moment):
    """The ISO text of a moment, a day and a time of day gives it back."""
    assert convert(moment.isoformat(), datetime) == moment
    assert convert(moment.date().isoformat(), date) == moment.date()
    assert convert(moment.timetz().isoformat(), time) == moment.timetz()


@given(st.timedeltas(min_value=timedelta(days=-(10**6)), max_value=timedelta(days=10**6)))
def test_durations_are_read_back(value):
    """A duration written as ISO 8601 gives it back, to the microsecond."""
    sign, size = ("-", -value) if value < timedelta() else ("", value)
    hours, minutes, seconds = size.seconds // 3600, size.seconds % 3600 // 60, size.seconds % 60
    text = f"{sign}P{size.days}DT{hours}H{minutes}M{seconds}.{size.microseconds:06}S"
    assert convert(text, timedelta) == value


@given(st.lists(st.integers()))
def test_lists_are_read_back(values):
    """JSON and the comma form give the same list."""
    assert convert(json.dumps(values), list[int]) == values
    assert convert(", ".join(map(str, values)), list[int]) == values
    assert convert(json.dumps(values), tuple[int, ...]) == tuple(values)
    assert convert(json.dumps(values), set[int]) == set(values)


words = st.text().map("word {}".format)  # A text that spells a number is one where a number is allowed.


@given(st.dictionaries(st.text(), st.lists(st.floats(allow_nan=False) | words | st.none())))
def test_json_of_a_precise_type_is_read_back(value):
    """A structure that JSON holds and the annotation describes comes back as it was."""
    assert convert(json.dumps(value), dict[str, list[str | float | None]]) == value


def error_of(raw, annotation):
    """The error of a conversion, None when there is a value."""
    try:
        convert(raw, annotation)
    except ConversionError as error:
        return error
    return None


@given(
    st.text(max_size=20),
    st.sampled_from([annotation for _, annotation, _ in GOOD]),
)
@settings(max_examples=500)
def test_any_text_gives_a_value_or_a_conversion_error(text, annotation):
    """No text makes anything but a value or the one error, whatever the type."""
    error = error_of(text, annotation)
    assert error is None or (error.problems and error.__context__ is None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["size", "x", "value", "children", "kind", "host", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values, st.sampled_from([annotation for _, annotation, _ in GOOD]))
@settings(max_examples=500)
def test_any_data_gives_a_value_or_a_conversion_error(raw, annotation):
    """No data makes anything but a value or the one error, and the data is left alone."""
    before = repr(raw)
    error = error_of(raw, annotation)
    assert error is None or (error.problems and error.__context__ is None)
    assert repr(raw) == before
