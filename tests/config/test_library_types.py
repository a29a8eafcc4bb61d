"""Values of other libraries' classes, read by the library's own means."""

import ipaddress
import re
import subprocess
import sys
import typing
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import pydantic
import pytest
import sqlalchemy
import yarl
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    EnvVar,
    FileVar,
    InvalidFieldError,
    PlanError,
    ResourceContainer,
    field,
    open_resource,
)
from resourcekit.config.text import ConversionError, convert, has_form
from resourcekit.inspection.dotenv import as_text

SECRET = "hunter2"


class Limits(pydantic.BaseModel):
    """A model with a rule, an alias and a secret."""

    size: int = pydantic.Field(gt=0)
    label: str = pydantic.Field(default="x", alias="name")
    token: pydantic.SecretStr | None = None


class Pool(msgspec.Struct):
    """A struct."""

    size: int
    names: list[str] = []


T = typing.TypeVar("T")


class Box(msgspec.Struct, typing.Generic[T]):
    """A generic struct."""

    content: T


class Page(pydantic.BaseModel, typing.Generic[T]):
    """A generic model."""

    content: T


READ: list[tuple[Any, object, object]] = [
    (ipaddress.IPv4Address, " 10.0.0.1 ", ipaddress.IPv4Address("10.0.0.1")),
    (ipaddress.IPv6Interface, "fd00::1/64", ipaddress.IPv6Interface("fd00::1/64")),
    (ipaddress.IPv4Network, "10.0.0.0/8", ipaddress.IPv4Network("10.0.0.0/8")),
    (ipaddress.IPv4Address | ipaddress.IPv6Address, "::1", ipaddress.IPv6Address("::1")),
    (list[ipaddress.IPv4Address], "10.0.0.1, 10.0.0.2", [*map(ipaddress.IPv4Address, ("10.0.0.1", "10.0.0.2"))]),
    (ZoneInfo, "Europe/Berlin", ZoneInfo("Europe/Berlin")),
    (ZoneInfo | None, "none", None),
    (re.Pattern, "a+ ", re.compile("a+ ")),
    (re.Pattern[str], "a|b", re.compile("a|b")),
    (Fraction, "1/3", Fraction(1, 3)),
    (Fraction, 0.1, Fraction(1, 10)),
    (Fraction, 2, Fraction(2)),
    (yarl.URL, "https://shop.example/a?b=c", yarl.URL("https://shop.example/a?b=c")),
    (httpx2.URL, "https://shop.example/", httpx2.URL("https://shop.example/")),
    (sqlalchemy.URL, "postgresql://u:p@h/db", sqlalchemy.make_url("postgresql://u:p@h/db")),
    (pydantic.HttpUrl, "https://shop.example/", pydantic.HttpUrl("https://shop.example/")),
    (pydantic.SecretStr, SECRET, pydantic.SecretStr(SECRET)),
    (pydantic.AwareDatetime, "2024-05-31T12:00:00+00:00", datetime(2024, 5, 31, 12, tzinfo=UTC)),
    (pydantic.PastDate, "2024-05-31", date(2024, 5, 31)),
    (Limits, '{"size": "3", "name": "y"}', Limits(size=3, name="y")),
    (Limits, {"size": 3}, Limits(size=3)),
    (dict[str, Limits], '{"a": {"size": 1}}', {"a": Limits(size=1)}),
    (Pool, '{"size": "3", "names": ["a"]}', Pool(3, ["a"])),
    (Pool, {"size": 3}, Pool(3)),
    (Box[int], '{"content": "1"}', Box(1)),
    (Page[int], '{"content": "1"}', Page[int](content=1)),
    (re.Pattern[bytes], "a", re.compile(b"a")),
]


@pytest.mark.parametrize(("annotation", "raw", "expected"), READ, ids=lambda each: str(each)[:40])
def test_values_are_read_by_their_library(annotation: Any, raw: object, expected: object) -> None:
    """A field may be of a class of Python's rarer ones or of a library that is known; so may elements and members."""
    value = convert(raw, annotation)
    assert value == expected
    assert type(value) is type(expected)
    assert has_form(annotation)
    assert convert(expected, annotation) is expected or isinstance(expected, list | dict)


REFUSED: list[tuple[Any, object, str]] = [
    (ipaddress.IPv4Address, SECRET, "expected IPv4Address: not an IP address of that kind"),
    (ipaddress.IPv4Address, 1, "expected IPv4Address: it is of type int, not a text"),
    (list[ipaddress.IPv4Network], f"10.0.0.0/8, {SECRET}", r"\[1\]: expected IPv4Network: not an IP network"),
    (ZoneInfo, f"Europe/{SECRET}", "expected ZoneInfo: not a time zone that is known here"),
    (ZoneInfo, f"../{SECRET}", "expected ZoneInfo: not a time zone"),
    (re.Pattern, f"({SECRET}", "expected Pattern: not a regular expression"),
    (re.Pattern[str], f"({SECRET}", r"expected Pattern\[str\]: not a regular expression"),
    (Box[int], f'{{"content": "{SECRET}"}}', r"^expected Box\[int\]: msgspec refuses it"),
    (Fraction, SECRET, "expected Fraction: not a fraction"),
    (Fraction, "1_0/3", "expected Fraction: not a fraction"),
    (Fraction, True, "expected Fraction: not a fraction"),
    (sqlalchemy.URL, SECRET, "expected URL: not a URL of a database"),
    (pydantic.HttpUrl, SECRET, r"expected HttpUrl: pydantic refuses it \(url_parsing\)"),
    (Limits, f'{{"size": "{SECRET}"}}', r"size: expected Limits: pydantic refuses it \(int_parsing\)"),
    (Limits, {"size": 0}, r"size: expected Limits: pydantic refuses it \(greater_than\)"),
    (Limits, {"name": 5}, r"(?s)size: expected .*\(missing\)\nname: expected .*\(string_type\)"),
    (pydantic.AwareDatetime, "2024-05-31T12:00:00", r"expected AwareDatetime: .* \(timezone_aware\)"),
    (Limits, SECRET, r"^expected Limits: pydantic refuses it \(model_type\)"),
    (Pool, f'{{"size": "{SECRET}"}}', "^expected Pool: msgspec refuses it"),
    (Pool, SECRET, "^expected Pool: msgspec refuses it"),
]


@pytest.mark.parametrize(("annotation", "raw", "message"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_a_library_refuses(annotation: Any, raw: object, message: str) -> None:
    """A refusal says what was wanted and, of a pydantic model, which field breaks which rule; never the value."""
    with pytest.raises(ConversionError, match=message) as caught:
        convert(raw, annotation)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_rule_of_the_users_own_shows_no_words() -> None:
    """What a validator of the user's model says may hold the value, so it is not told."""

    class Checked(pydantic.BaseModel):
        it: str

        @pydantic.field_validator("it")
        @classmethod
        def never(cls, value: str) -> str:
            raise ValueError(f"bad {value}")

    with pytest.raises(ConversionError, match=r"it: expected Checked: pydantic refuses it \(value_error\)") as caught:
        convert({"it": SECRET}, Checked)
    assert SECRET not in str(caught.value)


@given(
    st.one_of(
        st.ip_addresses(),
        st.fractions(),
        st.timezone_keys(allow_prefix=False).map(ZoneInfo),
        st.sampled_from(["a+", "(x|y)\n", ""]).map(re.compile),
        st.builds(Limits, size=st.integers(1), name=st.text()),
        st.builds(Pool, st.integers(-(2**63), 2**63 - 1), st.lists(st.text())),
        st.sampled_from([yarl.URL("https://a/b"), pydantic.HttpUrl("https://a/"), sqlalchemy.make_url("sqlite:///x")]),
    )
)
def test_values_of_libraries_are_read_back_from_their_text(value: object) -> None:
    """What stands for a default in a `.env.example` gives that default, alone and in a list."""
    for whole in (value, [value]):
        text = as_text(whole)
        assert text is not None
        assert convert(text, typing.cast("Any", list[type(value)] if whole is not value else type(value))) == whole


def test_a_value_that_its_text_does_not_give_has_none() -> None:
    """A pattern with flags, a model with a secret and a struct with anything are left out of a `.env.example`."""
    assert as_text(Pool(typing.cast("Any", object()))) is None
    assert as_text(re.compile("a", re.IGNORECASE)) is None
    assert as_text(re.compile(b"a")) is None
    assert as_text(Limits(size=1, token=pydantic.SecretStr(SECRET))) is None


def test_a_resource_with_such_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run reads them from variables, an overlay may set them, and what is wrong is told before anything opens."""

    class Server(ConfigurableResource):
        bind: ipaddress.IPv4Address
        limits: Limits
        zone: ZoneInfo = ZoneInfo("UTC")

    app = ResourceContainer.of({"server": Server(bind=EnvVar("BIND"), limits=EnvVar("LIMITS"))})
    monkeypatch.setenv("BIND", "127.0.0.1")
    monkeypatch.setenv("LIMITS", '{"size": 2}')
    with app.run(config={"server": {"zone": "Europe/Paris"}}) as resources:
        server = typing.cast("Server", resources.server)
        assert (server.bind, server.limits.size) == (ipaddress.IPv4Address("127.0.0.1"), 2)
        assert server.zone == ZoneInfo("Europe/Paris")
    monkeypatch.setenv("LIMITS", '{"size": 0}')
    with pytest.raises(ConfigError, match=r"server.limits.size.*greater_than"), app.run():
        pass


def test_no_library_is_imported_to_read_values() -> None:
    """Reading a value of a known class loads no library but the one the class is from."""
    program = """
import sys
from fractions import Fraction
from resourcekit.config.text import convert
assert convert("1/3", Fraction) == Fraction(1, 3)
assert not {"pydantic", "msgspec", "yarl", "sqlalchemy"} & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", program], check=True)


class Pixels(ConfigurableResource):
    """Its type has no text."""

    data: memoryview
    more: list[memoryview] = field(factory=list)
    made: memoryview = field(default=memoryview(b""), converter=lambda text: memoryview(str(text).encode()))


@pytest.mark.parametrize(
    ("pixels", "where", "source"),
    [
        (Pixels(data=EnvVar("DATA")), "pixels.data", "variable DATA"),
        (Pixels(data=EnvVar("DATA", default=memoryview(b""))), "pixels.data", "variable DATA"),
        (Pixels(data=FileVar("/nowhere")), "pixels.data", "file /nowhere"),
        (Pixels(data=EnvVar.template("{A}-{B}")), "pixels.data", "template of A, B"),
        (Pixels(data=memoryview(b""), more=[EnvVar("ONE")]), "pixels.more.0", "variable ONE"),
    ],
)
def test_a_type_without_a_text_is_a_mistake_in_the_declaration(pixels: Pixels, where: str, source: str) -> None:
    """What no text becomes cannot come from a variable or file: that is told without reading any, and by a run too."""
    app = ResourceContainer.of({"pixels": pixels})
    (problem,) = app.check(environment=False)
    told = problem.code, problem.where, problem.expected, problem.stage
    assert told == ("unreadable-type", where, "memoryview", "plan")
    assert problem.source == source
    assert app.check() == (problem,)
    with pytest.raises(PlanError), app.run():
        pass
    with pytest.raises(PlanError), open_resource(pixels):
        pass


def test_an_overlay_that_points_a_field_without_a_text_at_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable in an overlay is told of as one in the declaration is."""
    monkeypatch.setenv("DATA", SECRET)
    app = ResourceContainer.of({"pixels": Pixels(data=memoryview(b""))}).with_config(
        {"pixels": {"data": {"env": "DATA"}}}
    )
    assert [problem.code for problem in app.check()] == ["unreadable-type"]
    assert app.check(environment=False) == ()


def test_a_converter_makes_any_type_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field with a converter takes text, whatever its type is."""
    monkeypatch.setenv("MADE", "abc")
    app = ResourceContainer.of({"pixels": Pixels(data=memoryview(b""), made=EnvVar("MADE"))})
    assert app.check(environment=False) == ()
    with app.run() as resources:
        assert bytes(typing.cast("Pixels", resources.pixels).made) == b"abc"


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (pydantic.AwareDatetime, datetime(2024, 5, 31, tzinfo=UTC), datetime(2024, 5, 31)),
        (pydantic.PastDate, date(2024, 5, 31), date(2999, 1, 1)),
        (list[pydantic.PastDate], [date(2024, 5, 31)], [date(2999, 1, 1)]),
        (pydantic.HttpUrl, pydantic.HttpUrl("https://a/"), "https://a/"),
        (pydantic.SecretStr | None, pydantic.SecretStr(SECRET), "text"),
        (Limits, Limits(size=1), {"size": 1}),
        (Pool, Pool(1), {"size": 1}),
        (yarl.URL, yarl.URL("https://a/"), "https://a/"),
        (re.Pattern[str], re.compile("a"), "a"),
    ],
    ids=str,
)
def test_a_constructor_takes_such_values_as_they_are(annotation: Any, right: object, wrong: object) -> None:
    """A value in code must be right already, as for any other type; pydantic says it of its types without instances."""
    cls = type("Typed", (ConfigurableResource,), {"__annotations__": {"it": annotation}, "__module__": __name__})
    assert typing.cast("Any", cls)(it=right).it == right
    with pytest.raises(InvalidFieldError, match="wrong-type"):
        cls(it=wrong)
