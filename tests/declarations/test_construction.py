"""Giving a resource its values: what the constructor takes, what it says, copies, equality, and the user's own code."""

import enum
import pickle
import typing
from collections import OrderedDict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock
from uuid import UUID

import attrs
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    EnvVar,
    InvalidFieldError,
    ResourceContainer,
    UnresolvedError,
    field,
    open_resource,
    ref,
    replace,
    secret,
    state,
)
from tests.leaks import leaks


class Database(ConfigurableResource):
    host: str
    port: int = 5432
    password: str = secret(default="hunter2")


class Orders(ConfigurableResource):
    database: Database
    tags: list[str] = field(factory=list)


# --- what the constructor says ---


def test_every_wrong_argument_is_told_at_once() -> None:
    """A missing field, an unknown one and a wrong type come in one error, which is a TypeError and a ValueError."""
    with pytest.raises(InvalidFieldError) as caught:
        Database(hsot="h", port="5432", password=5)  # type: ignore[call-arg, arg-type]
    problems = {problem.where: problem for problem in caught.value.problems}
    assert {where: problem.code for where, problem in problems.items()} == {
        "Database.host": "missing-field",
        "Database.hsot": "unknown-field",
        "Database.port": "wrong-type",
        "Database.password": "wrong-type",
    }
    assert problems["Database.hsot"].hint == "did you mean host?"
    assert problems["Database.port"].message == "expected int, got str: '5432'"
    assert problems["Database.password"].message == "expected str, got int"
    assert problems["Database.port"].declared is not None
    assert problems["Database.port"].declared.file == __file__
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)
    assert "4 problems" in str(caught.value)
    assert "Database" in caught.value.message


def test_a_secret_value_is_not_in_the_error() -> None:
    """A secret of the wrong type is described by its type alone, at any depth."""

    class Keys(ConfigurableResource):
        keys: dict[str, int] = secret()

    with pytest.raises(InvalidFieldError) as caught:
        Keys(keys={"topsecretkey": "topsecretvalue"})  # type: ignore[dict-item]
    assert leaks(caught.value, "topsecretvalue") == []
    assert caught.value.problems[0].message == "expected dict[str, int], got dict with str at [*]"


def test_a_field_that_may_be_none_is_none_when_left_out() -> None:
    """An optional field needs no default; a field that takes anything does."""

    class Api(ConfigurableResource):
        proxy: str | None
        timeout: typing.Optional[float]  # noqa: UP045
        anything: typing.Any

    api = Api(anything=1)
    assert (api.proxy, api.timeout) == (None, None)
    with pytest.raises(InvalidFieldError, match="'anything' is required"):
        Api()


class Colour(enum.Enum):
    RED = "red"


@attrs.frozen
class Pool:
    size: int


VALUES: list[tuple[typing.Any, typing.Any, typing.Any]] = [
    (str, "a", 1),
    (int, 1, True),
    (float, 1, True),
    (bool, True, 1),
    (bytes, b"a", "a"),
    (Path, Path("/"), "/"),
    (UUID, UUID(int=1), "0" * 32),
    (datetime, datetime(2024, 1, 1), date(2024, 1, 1)),
    (date, date(2024, 1, 1), datetime(2024, 1, 1)),
    (timedelta, timedelta(1), 1),
    (Decimal, Decimal(1), 1),
    (Colour, Colour.RED, "red"),
    (typing.Literal[1, "a"], 1, True),
    (list[int], [1], ["1"]),
    (tuple[int, str], (1, "a"), (1,)),
    (set[int], {1}, [1]),
    (dict[str, int], {"a": 1}, {"a": "1"}),
    (int | str, "a", 1.5),
    (int | None, None, "1"),
    (Pool, Pool(1), {"size": 1}),
]


@pytest.mark.parametrize(("annotation", "right", "wrong"), VALUES, ids=[str(each[0]) for each in VALUES])
@pytest.mark.parametrize("attrs_checks", [True, False])
def test_values_are_checked_and_never_coerced(
    annotation: typing.Any, right: object, wrong: object, attrs_checks: bool
) -> None:
    """A concrete value must have its type already, whatever attrs' global switch for validators says."""
    cls = type("Checked", (ConfigurableResource,), {"__annotations__": {"x": annotation}})
    attrs.validators.set_disabled(not attrs_checks)
    try:
        assert cls(x=right).x is right
        with pytest.raises(InvalidFieldError, match=r"Checked\.x: expected"):
            cls(x=wrong)
    finally:
        attrs.validators.set_disabled(False)


def test_values_that_have_no_end() -> None:
    """A list that holds itself is an error, not a crash."""
    endless: list[typing.Any] = []
    endless.append(endless)

    class Holds(ConfigurableResource):
        items: typing.Any

    with pytest.raises(InvalidFieldError, match=r"Holds\.items: it is nested too deeply, or it holds itself"):
        Holds(items=endless)


def test_a_million_characters_are_not_printed() -> None:
    """An error about a huge value is short."""
    with pytest.raises(InvalidFieldError) as caught:
        Database(host="h", port="x" * 1_000_000)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 1000


def test_deferred_values_are_found_only_where_a_run_reads_them() -> None:
    """An EnvVar in an object of the user's, or in another kind of container, would never be read: it is refused."""

    @attrs.define
    class Endpoint:
        host: str

    class Row(typing.NamedTuple):
        host: str

    class Api(ConfigurableResource):
        endpoint: typing.Any

    for value in (Endpoint(EnvVar("HOST")), Row(EnvVar("HOST")), [Endpoint(EnvVar("HOST"))]):
        with pytest.raises(InvalidFieldError, match="where no run looks for it"):
            Api(endpoint=value)
    with pytest.raises(InvalidFieldError, match="where no run looks for it"):
        Api(endpoint=OrderedDict(host=Database(host="h")))
    assert Api(endpoint=Endpoint(providers.Object("h"))).endpoint.host() == "h"  # type: ignore[arg-type]
    assert Api(endpoint=Row("h")).endpoint.host == "h"
    assert Api(endpoint={"a": [Endpoint("h")]}).endpoint["a"][0].host == "h"


def test_concrete_parts_beside_a_deferred_value_are_checked_at_once() -> None:
    """A list with an EnvVar in it still tells of a wrong element when it is constructed."""

    class Api(ConfigurableResource):
        ports: list[int]
        pool: Pool | None = None

    with pytest.raises(InvalidFieldError, match=r"list with str at \[1\]"):
        Api(ports=[EnvVar("PORT"), "80"])  # type: ignore[list-item]
    with pytest.raises(InvalidFieldError, match="unknown key"):
        Api(ports=[], pool={"size": EnvVar("SIZE"), "sizes": 1})  # type: ignore[arg-type]


# --- converters, validators, defaults, post-init ---


def test_converters_run_on_real_values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Converters, pipes and attrs.Converter with self and field run once a value is there, once each."""
    seen = []

    def note(value: typing.Any) -> typing.Any:
        seen.append(value)
        return value

    class Api(ConfigurableResource):
        port: int = field(converter=attrs.converters.pipe(note, int))
        url: str = field(
            converter=attrs.Converter(
                lambda value, self, field: f"{field.name} {value}:{self.port}", takes_self=True, takes_field=True
            )
        )
        level: int | None = field(default=None, converter=attrs.converters.optional(int))

    assert Api(port="80", url="h").url == "url h:80"
    assert seen == ["80"]
    seen.clear()
    monkeypatch.setenv("PORT", "81")
    declaration = Api(port=EnvVar("PORT"), url="h", level="3")
    assert seen == []
    assert declaration.level == 3
    with pytest.raises(UnresolvedError, match=r"Api\.url.*converter, which needs Api\.port"):
        declaration.url  # noqa: B018
    assert pickle.loads(pickle.dumps(EnvVar("PORT"))) == EnvVar("PORT")
    with open_resource(declaration) as live:
        assert (live.port, live.url, live.level) == (81, "url h:81", 3)
    assert seen == ["81"]
    assert replace(declaration, port="82").url == "url h:82"


def test_a_converter_of_a_default() -> None:
    """A default is converted, as attrs does, and each declaration gets its own."""

    class Api(ConfigurableResource):
        port: int = field(default="80", converter=int)
        tags: list[str] = field(factory=lambda: ("a",), converter=list)

    assert Api().port == 80
    assert Api().tags == ["a"]
    assert Api().tags is not Api().tags


class Counted(ConfigurableResource):
    host: str
    port: int = field(default=1)
    url: str = field()
    _log: list[str] = state(factory=list)

    @port.validator
    def _check_port(self, _attribute: typing.Any, value: int) -> None:
        self._log_all("port")
        if value < 1:
            raise ValueError(f"{value} is no port")

    @url.default
    def _make_url(self) -> str:
        self._log_all("url")
        return f"https://{self.host}:{self.port}"

    def __attrs_post_init__(self) -> None:
        self._log_all("post")

    def _log_all(self, what: str) -> None:
        LOG.append(what)


LOG: list[str] = []


def test_user_code_runs_once_at_definition_and_once_per_run() -> None:
    """Validators and __attrs_post_init__ run at construction and for each live copy; a default is made once."""
    LOG.clear()
    declaration = Counted(host="h")
    assert LOG == ["url", "port", "post"]
    assert declaration.url == "https://h:1"
    for _ in range(2):
        LOG.clear()
        with open_resource(declaration) as live:
            assert live.url == "https://h:1"
        assert LOG == ["port", "post"]


def test_user_code_waits_for_deferred_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a deferred value, what reads it runs when it is there, and only then."""
    LOG.clear()
    declaration = Counted(host=EnvVar("HOST"))
    assert LOG == ["url", "port"]  # The default was asked for, and reads what is not there.
    with pytest.raises(UnresolvedError, match=r"Counted\.url.*default, which needs Counted\.host"):
        declaration.url  # noqa: B018
    monkeypatch.setenv("HOST", "found")
    LOG.clear()
    with open_resource(declaration) as live:
        assert live.url == "https://found:1"
    assert LOG == ["url", "port", "post"]
    assert replace(declaration, host="h").url == "https://h:1"


def test_a_validator_speaks() -> None:
    """A validator's error names class, field, its type and its words."""
    with pytest.raises(
        InvalidFieldError, match=r"Counted\.port: its validator refused the value: ValueError: 0 is no port"
    ):
        Counted(host="h", port=0)


def test_attrs_validators_and_descriptions() -> None:
    """attrs' own validators work; the field's description is the hint."""

    class Api(ConfigurableResource):
        retries: int = field(
            default=3, validator=[attrs.validators.ge(0), attrs.validators.le(9)], description="0 to 9"
        )

    with pytest.raises(InvalidFieldError) as caught:
        Api(retries=10)
    assert "'retries' must be <= 9: 10" in caught.value.problems[0].message
    assert caught.value.problems[0].hint == "0 to 9"
    attrs.validators.set_disabled(True)
    try:
        assert Api(retries=10).retries == 10
    finally:
        attrs.validators.set_disabled(False)


def test_a_validator_that_reads_a_nested_resource_waits_for_it() -> None:
    """A validator of one field that reads another, nested one runs when that is up, once per run."""
    seen = []

    class Reader(ConfigurableResource):
        database: Database = field()
        limit: int = field(default=1)

        @limit.validator
        def _check(self, _attribute: typing.Any, value: int) -> None:
            seen.append((value, self.database.port))
            if value > self.database.port:
                raise ValueError("too many")

        @database.validator
        def _check_database(self, _attribute: typing.Any, value: Database) -> None:
            seen.append(value.port)

    with open_resource(Reader(database=Database(host=EnvVar("HOST", default="h"), port=7), limit=5)):
        assert seen == [7, (5, 7), 7, (5, 7)]
    seen.clear()
    with pytest.raises(InvalidFieldError, match="ValueError: too many"):
        Reader(database=Database(host="h", port=7), limit=8)
    late = Reader(database=Database(host="h", port=EnvVar("PORT", default=7)), limit=8)
    with pytest.raises(InvalidFieldError, match=r"Reader\.limit: its validator refused the value"), open_resource(late):
        pass


def test_a_default_that_fails() -> None:
    """A default's own error is told with class, field and words."""

    class Api(ConfigurableResource):
        host: str = "h"
        size: int = field(factory=lambda: int("x"))
        url: str = field()

        @url.default
        def _make(self) -> str:
            return self.host.no_such_method()  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(InvalidFieldError) as caught:
        Api()
    assert [problem.where for problem in caught.value.problems] == ["Api.size", "Api.url"]
    assert "its default could not be made: AttributeError" in str(caught.value)


def test_a_converter_that_fails() -> None:
    """A converter's error is told with class, field and words, and the type is not told a second time."""

    class Api(ConfigurableResource):
        port: int = field(converter=int)

    with pytest.raises(InvalidFieldError) as caught:
        Api(port="x")
    assert [problem.message for problem in caught.value.problems] == [
        "its converter refused the value: ValueError: invalid literal for int() with base 10: 'x'"
    ]


def test_a_converter_that_waits_and_then_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that had to wait for another field reports its error before anything opens."""

    class Api(ConfigurableResource):
        base: int
        size: int = field(converter=attrs.Converter(lambda value, self: int(value) // self.base, takes_self=True))

        def setup_for_execution(self) -> None:
            raise AssertionError("nothing is opened")

    monkeypatch.setenv("BASE", "0")
    with pytest.raises(ConfigError) as caught, open_resource(Api(base=EnvVar("BASE"), size="5")):
        pass
    assert [problem.where for problem in caught.value.problems] == ["Api.size"]
    assert "ZeroDivisionError" in str(caught.value)


def test_a_default_that_reads_a_nested_resource() -> None:
    """A default may be made of a nested resource that has its values only in a run."""

    class Api(ConfigurableResource):
        database: Database
        url: str = field()

        @url.default
        def _make(self) -> str:
            return f"db://{self.database.host}"

    assert Api(database=Database(host="h")).url == "db://h"
    with open_resource(Api(database=Database(host=EnvVar("HOST", default="d")))) as live:
        assert live.url == "db://d"


def test_post_init_that_reads_nested_resources_runs_when_they_are_there() -> None:
    """__attrs_post_init__ only ever sees real values, of nested resources too."""
    seen = []

    class Api(ConfigurableResource):
        database: Database

        def __attrs_post_init__(self) -> None:
            seen.append(self.database.host)

    Api(database=Database(host="h"))
    assert seen == ["h"]
    waiting = Api(database=Database(host=EnvVar("HOST", default="d")))
    assert Api(database=ref("database")) != waiting
    assert seen == ["h"]
    with open_resource(waiting):
        assert seen == ["h", "d"]


def test_an_error_of_post_init_is_the_users_own() -> None:
    """What __attrs_post_init__ raises comes through as it is."""

    class Api(ConfigurableResource):
        def __attrs_post_init__(self) -> None:
            raise LookupError("mine")

    class Odd(ConfigurableResource):
        def __attrs_post_init__(self) -> None:
            str(EnvVar("HOST"))

    with pytest.raises(LookupError, match="mine"):
        Api()
    with pytest.raises(UnresolvedError, match="variable HOST"):
        Odd()


# --- without a container ---


def test_a_resource_is_usable_alone() -> None:
    """A resource with a mock in a nested one's place works without any container or run."""

    class Store(ConfigurableResource):
        database: Database

        def find(self) -> object:
            return self.database.query("orders")  # type: ignore[attr-defined]

    database = mock.Mock()
    database.query.return_value = ["order"]
    assert Store(database=database).find() == ["order"]


def test_mutable_values_are_copied_for_each_live_resource() -> None:
    """Lists, dicts and sets are copied per run, recursively, defaults too; other values are shared."""
    shared = object()

    class Api(ConfigurableResource):
        items: list[typing.Any]
        more: dict[str, set[int]] = field(default={"a": {1}})
        pair: tuple[list[int], ...] = ([1],)

    declaration = Api(items=[["x"], {"k": [1]}, shared])
    with open_resource(declaration) as live:
        live.items[0].append("y")
        live.items[1]["k"].append(2)
        live.more["a"].add(2)
        live.pair[0].append(2)
        assert live.items[2] is shared
    assert declaration.items == [["x"], {"k": [1]}, shared]
    assert (declaration.more, declaration.pair) == ({"a": {1}}, ([1],))
    assert (Api(items=[]).more, Api(items=[]).pair) == ({"a": {1}}, ([1],))


T = typing.TypeVar("T")


class Box(ConfigurableResource, typing.Generic[T]):
    item: T


def test_a_generic_declaration_stands_where_it_is_written() -> None:
    """`Box[int](...)` is told by the caller's file, not by that of `typing`, which passes the call on."""
    app = ResourceContainer.of({"box": Box[int](item=EnvVar("SURELY_NOT_SET"))})
    (problem,) = app.check()
    assert problem.declared is not None
    assert problem.declared.file == __file__
