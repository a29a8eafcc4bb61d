"""Rows 1-12: fields and their types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Literal, Optional
from uuid import UUID

import attrs

from tests.dagster_rows.expected import better, same


class Colour(Enum):
    """The value is not the name."""

    RED = "r"


class Level(IntEnum):
    """Numbers with names."""

    LOW = 1


@dataclass
class Size:
    """A nested dataclass."""

    width: int


@attrs.define
class Part:
    """A nested attrs class."""

    width: int


@same(5432)
def test_row_001_defaults(dg):
    """A field that is not given has its default."""

    class Database(dg.ConfigurableResource):
        host: str
        port: int = 5432

    return Database(host="h").port


@same(True)
def test_row_002_keyword_only(dg):
    """A field's value cannot be given by position: a TypeError."""

    class Database(dg.ConfigurableResource):
        host: str

    try:
        Database("h")
    except TypeError:
        return True
    return False


@better(ours=(True, "error: invalid field"), dagster=(False, "error: invalid field"))
def test_row_003_required_field(dg):
    """A required field that is missing is an error at construction, which says that it is required."""

    class Database(dg.ConfigurableResource):
        host: str

    return "required" in dg.message(Database), dg.attempt(Database)


@same(None)
def test_row_004_optional_field(dg):
    """A field that may be None is None when it is not given."""

    class Database(dg.ConfigurableResource):
        host: Optional[str]  # noqa: UP045  # as the row writes it

    return Database().host


@same("error: invalid field")
def test_row_005_wrong_scalar(dg):
    """A value of the wrong type is an error at construction, before any run."""

    class Database(dg.ConfigurableResource):
        port: int

    return dg.attempt(lambda: Database(port="why"))


@better(
    ours={
        "int of '5'": "error: invalid field",
        "int of True": "error: invalid field",
        "float of 1": 1,
        "bool of 'yes'": "error: invalid field",
        "str of 5": "error: invalid field",
        "int of 1.5": "error: invalid field",
    },
    dagster={
        "int of '5'": 5,
        "int of True": 1,
        "float of 1": 1.0,
        "bool of 'yes'": True,
        "str of 5": "error: invalid field",
        "int of 1.5": "error: invalid field",
    },
)
def test_row_006_coercion(dg):
    """A constructor's values are never coerced; an int is a float."""

    class Typed(dg.ConfigurableResource):
        i: int = 0
        f: float = 0.0
        b: bool = False
        s: str = ""

    return {
        "int of '5'": dg.attempt(lambda: Typed(i="5").i),
        "int of True": dg.attempt(lambda: Typed(i=True).i),
        "float of 1": dg.attempt(lambda: Typed(f=1).f),
        "bool of 'yes'": dg.attempt(lambda: Typed(b="yes").b),
        "str of 5": dg.attempt(lambda: Typed(s=5).s),
        "int of 1.5": dg.attempt(lambda: Typed(i=1.5).i),
    }


@better(ours={"outside text": 5, "outside bool": True}, dagster={"outside text": 5, "outside bool": "error: config"})
def test_row_006_text_from_outside(dg, monkeypatch):
    """Text from outside is converted to the field's type, unlike a constructor's values."""

    class Typed(dg.ConfigurableResource):
        i: int = 0
        b: bool = False

    monkeypatch.setenv("ROW_I", "5")
    monkeypatch.setenv("ROW_B", "yes")
    return {
        "outside text": dg.attempt(lambda: dg.live(Typed(i=dg.EnvVar.int("ROW_I")), lambda live: live.i)),
        "outside bool": dg.attempt(lambda: dg.live(Typed(), lambda live: live.b, config={"b": "yes"})),
    }


@better(ours=("error: invalid field", True), dagster=(False, None))
def test_row_007_unknown_keyword(dg):
    """A misspelt keyword is an error that proposes the right name; it is never ignored."""

    class Database(dg.ConfigurableResource):
        host: str = "h"

    found = dg.attempt(lambda: hasattr(Database(hots="x"), "hots"))
    return found, "host?" in dg.message(lambda: Database(hots="x")) if found else None


@same(
    [
        "text",
        1,
        1.5,
        True,
        ["a"],
        {"a": 1},
        {"b": 2},
        [1, "x"],
        {"y": 3},
        "given",
        Colour.RED,
        Level.LOW,
        "on",
        1,
        [2],
        [("k", 3)],
        "R(4)",
    ]
)
def test_row_009_field_types(dg):
    """A run has the values of all these types as they were given."""

    class Nested(dg.Config):
        x: int

    class Other(dg.ConfigurableResource):
        x: int

    class Typed(dg.ConfigurableResource):
        a: str
        b: int
        c: float
        d: bool
        e: list[str]
        f: dict[str, int]
        g: Mapping[str, int]
        h: list
        i: dict
        j: Optional[str]  # noqa: UP045
        k: Colour
        el: Level
        m: Literal["on", "off"]
        n: Nested
        o: list[Nested]
        p: dict[str, Nested]
        q: Other

    given = Typed(a="text", b=1, c=1.5, d=True, e=["a"], f={"a": 1}, g={"b": 2}, h=[1, "x"], i={"y": 3}, j="given",
                  k=Colour.RED, el=Level.LOW, m="on", n=Nested(x=1), o=[Nested(x=2)], p={"k": Nested(x=3)},
                  q=Other(x=4))  # fmt: skip

    def read(r):
        parts = [r.n.x, [part.x for part in r.o], [(key, part.x) for key, part in r.p.items()], f"R({r.q.x})"]
        return [r.a, r.b, r.c, r.d, r.e, r.f, r.g, r.h, r.i, r.j, r.k, r.el, r.m, *parts]

    return dg.live(given, read)


MORE_TYPES = {
    "str | int": (str | int, 1),
    "Path": (Path, Path("p")),
    "datetime": (datetime, datetime(2026, 1, 1)),
    "date": (date, date(2026, 1, 1)),
    "UUID": (UUID, UUID(int=1)),
    "bytes": (bytes, b"x"),
    "dataclass": (Size, Size(1)),
    "attrs class": (Part, Part(1)),
    "tuple": (tuple[int, ...], (1, 2)),
    "set": (set[int], {1}),
    "Sequence": (Sequence[int], [1]),
}


def supported(dg, *names):
    """Which of MORE_TYPES a field may have: True, or the kind of error."""

    def carries(annotation, value):
        typed = type(
            "Typed", (dg.ConfigurableResource,), {"__annotations__": {"x": annotation}, "__module__": __name__}
        )
        return dg.live(typed(x=value), lambda live: live.x == value and type(live.x) is type(value))

    return {name: dg.attempt(carries, *MORE_TYPES[name]) for name in names}


MORE = ("str | int", "Path", "datetime", "date", "UUID", "bytes", "dataclass", "attrs class")


@better(ours=dict.fromkeys(MORE, True), dagster=dict.fromkeys(MORE, "error: definition"))
def test_row_010_more_field_types(dg):
    """Unions, paths, dates, ids, bytes, dataclasses and attrs classes are field types."""
    return supported(dg, *MORE)


@better(ours=dict.fromkeys(("tuple", "set", "Sequence"), True), dagster={})
def test_row_011_tuples_and_sets(dg):
    """Tuples, sets and sequences are field types."""
    found = supported(dg, "tuple", "set", "Sequence")
    return {name: outcome for name, outcome in found.items() if outcome is True}


@better(ours=(1, True), dagster=("error: check", "error: SerializationError"))
def test_row_012_int_literals_and_any(dg):
    """A Literal may hold ints, and a field of Any holds any object at all."""

    class Typed(dg.ConfigurableResource):
        level: Literal[1, 2]

    class Holder(dg.ConfigurableResource):
        thing: Any

    thing = object()
    return (
        dg.attempt(lambda: Typed(level=1).level),
        dg.attempt(lambda: dg.live(Holder(thing=thing), lambda live: live.thing is thing)),
    )
