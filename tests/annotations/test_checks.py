"""Which values a field of some type takes, and what else its annotation tells."""

import abc
import collections
import collections.abc
import dataclasses
import datetime
import enum
import io
import pathlib
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, Protocol, TypedDict, TypeVar
from unittest.mock import AsyncMock, MagicMock, Mock, NonCallableMock, create_autospec

import attrs
import pytest
import typing_extensions
from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts, element_annotation, exact_type, resource_classes
from resourcekit.annotations.annotation_structure import union_members, unwrap
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import is_deferred, is_resource_class
from resourcekit.annotations.validators import build_validator

T = TypeVar("T")
Bound = TypeVar("Bound", bound=collections.abc.Sequence[int])
Either = TypeVar("Either", int, str)
Made = TypeVar("Made", covariant=True)
Self: Any = typing.Self
Ids = typing_extensions.TypeAliasType("Ids", list[int])
Swapped = typing_extensions.TypeAliasType("Swapped", dict[Either, T], type_params=(T, Either))
Same = typing_extensions.TypeAliasType("Same", T, type_params=(T,))
UserId = NewType("UserId", int)


new_param_spec: Any = typing.ParamSpec  # type checkers allow no parameter specification as a value
Words = new_param_spec("Words")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Later:
    """A value that is not there yet."""

    __deferred__ = True


class Resource:
    """What makes a class one of resources, and nothing more."""

    __resourcekit__ = None


class Database(Resource):
    host: str

    def fetch(self) -> int:
        return 1


class Replica(Database):
    pass


class Cache(Resource):
    pass


class Store(Resource, typing.Generic[T]):
    pass


class FakeDatabase:
    """What somebody writes by hand for a test."""

    def fetch(self) -> int:
        return 2


class Box(typing.Generic[T]):
    pass


@attrs.define
class Pool:
    size: int
    _owner: str = ""
    spare: "Pool | None" = None


@attrs.define
class Unresolved:
    size: int
    other: "NoSuchName"  # type: ignore[name-defined]  # noqa: F821


@dataclasses.dataclass
class Limits:
    rate: float
    burst: "int" = 1


class Point(NamedTuple):
    x: int
    y: int


class Options(TypedDict, total=False):
    name: typing.Required[str]
    size: int


class OptionsInWords(TypedDict):
    name: "str"
    size: "typing.NotRequired[int]"


class BackportedOptions(typing_extensions.TypedDict):
    size: int


class Fetches(Protocol):
    def fetch(self) -> int: ...


class HasHost(Fetches, Protocol):
    host: str

    @property
    def port(self) -> int: ...


class Streams(Iterable[int], Protocol[Made]):
    @classmethod
    def open(cls) -> Made: ...


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    def area(self) -> float:
        return 1.0


class Refusing(type):
    """A metaclass whose classes answer no question about instances."""

    def __instancecheck__(cls, instance: object) -> bool:
        raise TypeError

    def __subclasscheck__(cls, subclass: type) -> bool:
        raise TypeError


class Unanswerable(metaclass=Refusing):
    pass


class Proxy:
    """Passes every attribute on, as werkzeug's LocalProxy does."""

    def __getattr__(self, name: str) -> object:
        return getattr(FakeDatabase(), name)


class Broken(list[int]):
    """A list that cannot be gone through."""

    def __iter__(self) -> typing.Iterator[int]:
        raise OSError("secret")


def function(word: str = "") -> str:
    return word


def brackets(generic: Any, first: Any, *others: Any) -> Any:
    """`generic[first, *others]`, with arguments that no type checker need understand."""
    return generic[(first, *others) if others else first]


def check(annotation: Any, value: object, instance: object = None) -> Exception | None:
    """What a field of this type says to the value."""
    try:
        build_validator(annotation)(instance, typing.cast("attrs.Attribute[Any]", None), value)
    except Exception as error:
        return error
    return None


TODAY = datetime.date(2024, 2, 29)
NOW = datetime.datetime(2024, 2, 29, 12, 0)

# annotation, values it takes, values it refuses
VALUES: list[tuple[Any, list[object], list[object]]] = [
    (str, ["", "a"], [b"a", 1, None, pathlib.PurePosixPath("a")]),
    (int, [0, -1, Level.LOW], [True, 1.0, "1", None]),
    (float, [1.5, 1], [True, "1.5", Decimal(1)]),
    (complex, [1j, 1.0, 1], [True, "1j"]),
    (bool, [True], [1, 0, "true", None]),
    (bytes, [b"a"], ["a", bytearray(b"a")]),
    (None, [None], [0, "", False]),
    (pathlib.Path, [pathlib.Path("a")], ["a", b"a", pathlib.PurePath]),
    (pathlib.PurePath, [pathlib.Path("a"), pathlib.PureWindowsPath("a")], ["a"]),
    (uuid.UUID, [uuid.UUID(int=1)], ["00000000-0000-0000-0000-000000000001", 1]),
    (datetime.datetime, [NOW], [TODAY, "2024-02-29"]),
    (datetime.date, [TODAY], [NOW, "2024-02-29"]),
    (datetime.time, [NOW.time()], [NOW]),
    (datetime.timedelta, [NOW - NOW], [0, 1.5]),
    (Decimal, [Decimal("1.5")], [1.5, 1, "1.5"]),
    (Color, [Color.RED], ["red", "RED", Level.LOW, Color]),
    (Literal["a", 1, Color.RED], ["a", 1, Color.RED], ["b", True, 1.0, "RED", Color.BLUE, None]),
    (Literal[True], [True], [1, False]),
    (list, [[], [1, "a"]], [(), "a", {}]),
    (typing.List, [[1]], [()]),  # noqa: UP006
    (list[int], [[], [1], [Level.LOW]], [["a"], [1, None], [True], (1,), "1"]),
    (list[list[int]], [[[1], []]], [[1], [["a"]]]),
    (list[Any], [[1, "a", None]], [()]),
    (tuple, [(), (1, "a")], [[1]]),
    (tuple[()], [()], [(1,), []]),
    (tuple[int, ...], [(), (1, 2)], [(1, "a"), [1]]),
    (tuple[int, str], [(1, "a")], [(1,), (1, "a", 2), ("a", 1), [1, "a"]]),
    (tuple[int, *tuple[str, ...]], [(1,), (1, "a")], [[1], (), ("a",), (1, 2), (1, "a", 2)]),
    (set[int], [set(), {1}], [{"a"}, [1], frozenset({1})]),
    (frozenset[str], [frozenset("ab")], [{"a"}, frozenset({1})]),
    (collections.abc.Set[int], [{1}, frozenset({1}), {1: "a"}.keys()], [[1], {"a"}]),
    (collections.deque[int], [collections.deque([1])], [[1], collections.deque(["a"])]),
    (dict, [{}, {1: "a"}], [[], None]),
    (dict[str, int], [{}, {"a": 1}], [{"a": "b"}, {1: 1}, [("a", 1)], types.MappingProxyType({"a": 1})]),
    (collections.Counter[str], [collections.Counter("ab")], [{"a": 1}]),
    (Mapping[str, int], [{"a": 1}, types.MappingProxyType({"a": 1})], [{"a": "b"}, [("a", 1)]]),
    (collections.abc.MutableMapping[str, int], [{"a": 1}], [types.MappingProxyType({"a": 1})]),
    (typing.Mapping[str, list[int]], [{"a": [1]}], [{"a": 1}, {"a": ["b"]}]),
    (Sequence[str], [["a"], ("a",)], ["a", {"a"}, [1], iter("a")]),
    (Sequence, [["a"]], ["a"]),
    (Sequence[int], [[1], (1,), range(3), b"ab"], ["ab"]),
    (collections.abc.MutableSequence[int], [[1], collections.deque([1])], [(1,)]),
    (collections.abc.Collection[str], [{"a"}, {"a": 1}], ["a", iter("a"), {1: "a"}]),
    (Iterable[int], [[1], {1}, {1: "a"}, (n for n in "lazy")], ["a", 1, ["a"]]),
    (collections.abc.ItemsView[str, int], [{"a": 1}.items()], [{"a": 1}]),
    (int | str, [1, "a"], [1.0, True, None]),
    (int | None, [1, None], ["a", True]),
    (typing.Optional[typing.Union[int, str]], [1, "a", None], [b"a"]),  # noqa: UP007, UP045
    (float | str, [1, "a"], [True]),
    (list[int] | dict[str, int], [[1], {"a": 1}], [["a"], {"a": "b"}, 1]),
    (list[int | None], [[1, None]], [["a"]]),
    (Any, [1, None, "a", Color], []),
    (object, [1, None, "a", Color], []),
    (Annotated[int, "bytes"], [1], ["a"]),
    (Annotated[int, ["not hashable"]], [1], ["a"]),
    (typing.Final[int], [1], ["a"]),
    (typing.ClassVar[int], [1], ["a"]),
    (UserId, [1], ["a", True]),
    (T, [1, "a", None], []),
    (Bound, [[1], (1,)], [["a"], 1]),
    (Either, [1, "a"], [b"a"]),
    (typing.LiteralString, ["a"], [1]),
    (Ids, [[1]], [["a"], 1]),
    (list[Ids], [[[1]]], [[1], [["a"]]]),
    (type, [int, Pool], [1, "int"]),
    (type[int], [int, Level], [str, 1, float, bool]),
    (type[Any], [int], [1]),
    (type[Shape], [Shape, Square, Mock()], [int, Square()]),
    (type[int | str], [int, str], [bytes, 1]),
    (Callable, [len, function, int], [1, "a", None]),
    (typing.Callable[[int], str], [len, Mock()], [1]),
    (Callable[..., Any], [function], [1]),
    (Box[int], [Box()], [1, Box]),
    (Shape, [Square()], [1, Square, FakeDatabase()]),
    (Pool, [Pool(1)], [{"size": 1}, 1, Limits(1), Pool]),
    (Pool, [{"size": Later(), "owner": "me", "spare": None}], [{"size": Later(), "owner": 1}, {"sizes": Later()}]),
    (Pool, [{"size": 1, "spare": {"size": Later()}}], [{"size": "1", "spare": {"size": Later()}}]),
    (Pool | None, [None, {"size": Later()}], [{"size": 1}]),
    (Limits, [Limits(1), {"rate": [Later()][0], "burst": 2}], [{"rate": Later(), "burst": "2"}, (1, 2)]),
    (Unresolved, [{"size": Later(), "other": 1}], [{"size": "a", "other": Later()}]),
    (Point, [Point(1, 2)], [(1, 2)]),
    (Options, [{"name": "a"}, {"name": "a", "size": 1}], [{}, {"name": 1}, {"name": "a", "x": 1}, [], Pool(1)]),
    (OptionsInWords, [{"name": "a"}, {"name": "a", "size": 1}], [{"size": 1}, {"name": "a", "size": "b"}]),
    (BackportedOptions, [{"size": 1}], [{}, {"size": "b"}]),
    (Fetches, [FakeDatabase(), Database(), Proxy(), FakeDatabase], [1, object()]),
    (HasHost, [types.SimpleNamespace(fetch=1, host="a", port=1)], [Database(), FakeDatabase()]),
    (typing.SupportsInt, [1, 1.5], ["1"]),
    (typing_extensions.Protocol, [1], []),
    (collections.abc.Hashable, [1, "a"], [[]]),
    (collections.abc.Awaitable[int], [AsyncMock()()], [1]),
    (typing.TextIO, [io.StringIO(), sys.stdout], []),
    (Unanswerable, [1], []),
    (Database, [Database(), Replica(), FakeDatabase(), Mock(), pathlib.Path()], [1, "a", [], {}, None, True, len]),
    (Database, [Box()], [Cache(), Database, FakeDatabase, Mock]),
    (Store[int], [Store()], [Database(), 1]),
    (Database | None, [None, Database()], [1, Cache()]),
    (Database | Cache, [Cache(), Database()], [Store(), "a"]),
    (list[Database], [[Database(), Mock()], []], [[1], [Cache()], Database()]),
    (tuple[Database, ...], [(Replica(),)], [("a",)]),
    (dict[str, Database], [{"a": Database()}], [{"a": Cache()}, {1: Database()}]),
    (Annotated[Database, "main"], [Database()], [Cache()]),
]


def probes(column: int) -> list[Any]:
    """Every pair of an annotation and one of the values in a column of the table."""
    return [
        pytest.param(row[0], value, id=f"{type_name(row[0])}-{type(value).__name__}-{number}")
        for number, row in enumerate(VALUES)
        for value in typing.cast("list[object]", row[column])
    ]


@pytest.mark.parametrize(("annotation", "value"), probes(1))
@pytest.mark.filterwarnings("ignore:coroutine")
def test_right_values_are_accepted(annotation: Any, value: object) -> None:
    """A value of a field's type is taken as it is."""
    assert check(annotation, value) is None


@pytest.mark.parametrize(("annotation", "value"), probes(2))
def test_wrong_values_are_refused(annotation: Any, value: object) -> None:
    """A value of another type is refused, though it could be converted, and by an error that stands alone."""
    error = check(annotation, value)
    assert isinstance(error, TypeError | ValueError)
    assert str(error).startswith("expected ")
    assert (error.__cause__, error.__context__) == (None, None)


def test_the_table_is_broad() -> None:
    """The table asks about at least 33 types, with at least 67 values."""
    assert len({type_name(annotation) for annotation, _, _ in VALUES}) >= 33
    assert len(probes(1) + probes(2)) >= 67


# --- errors ---


class Impostor:
    """Another class of a name that is taken."""


Impostor.__name__ = "Pool"


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (int, "a", "expected int, got str"),
        (int, None, "expected int, got None"),
        (Database, Database, "expected Database, got a class"),
        (type[int], str, "expected type[int], got another class"),
        (Pool, Impostor(), f"expected Pool, got {__name__}.Impostor"),
        (int | None, "a", "expected int | None, got str"),
        (list[int], ["a"], "expected list[int], got list with str at [0]"),
        (list[int], [1, 2, "a"], "expected list[int], got list with str at [2]"),
        (set[int], {"a"}, "expected set[int], got set with str at [*]"),
        (list[list[int]], [[], [1, b""]], "expected list[list[int]], got list with bytes at [1][1]"),
        (dict[str, list[int]], {"a": ["b"]}, "expected dict[str, list[int]], got dict with str at [*][0]"),
        (dict[str, int], {1: 1}, "expected dict[str, int], got dict with int as key"),
        (list[dict[str, int]], [{1: 1}], "expected list[dict[str, int]], got list with dict with int as key at [0]"),
        (Iterable[str], {1: 1}, "expected Iterable[str], got dict with int as key"),
        (tuple[int, str], (1,), "expected tuple[int, str], got tuple of length 1"),
        (tuple[int, str], (1, 2), "expected tuple[int, str], got tuple with int at [1]"),
        (Literal["a", "b"], "c", "expected one of Literal['a', 'b'], got another str"),
        (Literal["a", "b"], 1, "expected Literal['a', 'b'], got int"),
        (list[Literal["a"]], ["b"], "expected list[Literal['a']], got list with another str at [0]"),
        (Options, {}, "expected Options, got dict without the key 'name'"),
        (Options, {"name": "a", "b": 1}, "expected Options, got dict with an unknown key"),
        (Options, {"name": 1}, "expected Options, got dict with int at ['name']"),
        (Pool, {"size": "a"}, "expected Pool, got dict"),
        (Pool, {"size": Later(), "owner": 1}, "expected Pool, got dict with int at ['owner']"),
        (dict[str, int], {"a": 1, 2: 1}, "expected dict[str, int], got dict with int as key"),
        (list[int], Broken([1]), "expected list[int], got Broken that cannot be gone through"),
    ],
)
def test_error_texts(annotation: Any, value: object, text: str) -> None:
    """An error names the type expected, the type found, and where."""
    assert str(check(annotation, value)) == text


def test_kinds_of_errors() -> None:
    """A wrong type is a TypeError; the right type with the wrong content is a ValueError, as with attrs' validators."""
    assert isinstance(check(int, "a"), TypeError)
    assert isinstance(check(Literal["a"], 1), TypeError)
    assert isinstance(check(Literal["a"], "b"), ValueError)
    assert isinstance(check(tuple[int, str], (1,)), ValueError)
    assert isinstance(check(Options, {}), ValueError)


def test_no_repr_is_made() -> None:
    """Refusing a value never asks for its text, and so never makes a copy of what is secret."""

    class Secret:
        def __repr__(self) -> str:
            pytest.fail("the text of a value was made")

    for annotation in (int, int | str, list[int], Literal["a"], Callable, Options, Pool, Fetches, Color):
        assert check(annotation, Secret()) is not None


def test_attrs_runs_the_validators() -> None:
    """A validator is one like attrs' own: it works in any attrs class."""

    @attrs.define
    class Server:
        ports: list[int] = attrs.field(validator=build_validator(list[int]))

    assert Server([1]).ports == [1]
    with pytest.raises(TypeError, match=r"expected list\[int\], got list with str at \[0\]"):
        Server(typing.cast("list[int]", ["a"]))


def test_attrs_switch_is_ignored() -> None:
    """Types are checked whatever attrs' global switch for validators says."""
    with attrs.validators.disabled():
        assert isinstance(check(list[int], ["a"]), TypeError)


# --- stand-ins and values that are not there yet ---


@pytest.mark.parametrize(
    "make", [Mock, MagicMock, NonCallableMock, AsyncMock, lambda: create_autospec(Pool, instance=True)]
)
@pytest.mark.parametrize(
    "annotation",
    [Database, Pool, Limits, Shape, Fetches, HasHost, Box[int], pathlib.Path, Sequence[int], Mapping[str, int], Any],
    ids=type_name,
)
def test_mocks_stand_in(annotation: Any, make: Callable[[], object]) -> None:
    """A mock takes the place of everything but builtin data."""
    assert check(annotation, make()) is None
    assert check(list[annotation] | None, [make()]) is None
    assert accepts(annotation, type(make()))


@pytest.mark.parametrize(
    "annotation", [int, str, list[int], dict[str, int], None, Literal["a"], Options], ids=type_name
)
def test_mocks_are_no_builtin_data(annotation: Any) -> None:
    """A mock is no number, text or list."""
    assert check(annotation, Mock()) is not None


def test_a_mock_of_a_resource_is_no_resource() -> None:
    """What a mock says of its class does not make it a resource of the wrong class."""
    assert check(Cache, Mock(spec=Database)) is None


@pytest.mark.parametrize(
    "value", [Later(), providers.Factory(int), providers.Configuration().port], ids=["own", "provider", "option"]
)
def test_deferred_values_pass(value: object) -> None:
    """A value that is not there yet fits everywhere, at any depth; it is judged when it is there."""
    assert is_deferred(value)
    for annotation in (int, Database, Literal["a"], tuple[int, str], int | None, Options, Fetches):
        assert check(annotation, value) is None
    assert check(list[int], [1, value]) is None
    assert check(dict[str, tuple[int, list[str]]], {"a": (value, ["a", value])}) is None
    assert check(Options, {"name": value}) is None
    assert check(list[int], ["a", value]) is not None


@pytest.mark.parametrize("value", [1, Later, providers.Factory, Mock(), MagicMock(), None])
def test_other_values_are_not_deferred(value: object) -> None:
    """A class of deferred values, or a mock that has every attribute, is a plain value."""
    assert not is_deferred(value)


def test_resource_classes_are_known_by_their_mark() -> None:
    """A class of resources is known as such; its instances, mocks and other classes are not."""
    assert is_resource_class(Database)
    assert not any(map(is_resource_class, (Database(), Mock(), FakeDatabase, int, None, list[Database])))


def test_members_are_not_read() -> None:
    """Looking for a protocol's members runs no property, and a field declared by a resource counts without a value."""

    class Wired(Resource):
        host: str

        def fetch(self) -> int:
            return 1

        @property
        def port(self) -> int:
            return pytest.fail("a property was run")

    assert check(HasHost, Wired()) is None


def test_self_is_the_class_of_the_instance() -> None:
    """`Self` means the class of the instance at hand, and anything where there is none."""
    assert check(Self | None, Replica(), instance=Replica()) is None
    assert str(check(Self, Pool(1), instance=Limits(1))) == "expected Self, got Pool"
    assert check(list[Self], [Pool(1)], instance=Limits(1)) is not None
    assert check(Self, 1) is None


def test_iterators_are_not_consumed() -> None:
    """A generator given for an Iterable arrives whole."""
    numbers = iter([1, 2])
    assert check(Iterable[int], numbers) is None
    assert [*numbers] == [1, 2]


# --- annotations that say nothing, or too much ---


@pytest.mark.parametrize(
    "annotation",
    [
        *("int", "list[", typing.ForwardRef("int"), 5, ..., [int], {}, Mock(), typing.Final, typing.Unpack[tuple[int]]),
        *(typing.Never, typing.Generic, typing.Concatenate[int, Words], dataclasses.InitVar(int), Words, Words.args, T),
    ],
    ids=lambda annotation: repr(annotation).partition(" id=")[0],
)
def test_what_is_not_understood_accepts_everything(annotation: Any) -> None:
    """An annotation without a meaning for us allows every value, and nothing fails on it."""
    assert check(annotation, object()) is None
    assert accepts(annotation, int)
    assert exact_type(annotation) is None
    assert resource_classes(annotation) == ()
    assert element_annotation(annotation, [1], 0) is Any
    assert type_name(annotation)


def recursive_alias() -> Any:
    """`type Tree = int | list[Tree]`, or before Python 3.12 what stands for it."""
    if sys.version_info >= (3, 12):
        space: dict[str, Any] = {}
        exec("type Tree = int | list[Tree]", space)
        return space["Tree"]

    class Alias:
        __name__ = "Tree"
        __type_params__ = ()

        @property
        def __value__(self) -> Any:
            return value

    alias: Any = Alias()
    value = brackets(typing.Union, int, brackets(list, alias), alias)
    return alias


def test_recursive_aliases() -> None:
    """An alias may hold itself."""
    tree = recursive_alias()
    assert check(tree, [1, [2, [[]]]]) is None
    assert check(brackets(list, tree), [1, [2, [["a"]]]]) is not None
    assert str(check(tree, [1, ["a"]])) == "expected Tree, got list with str at [1][0]"
    assert resource_classes(tree) == ()
    assert union_members(tree)[0] is int
    assert accepts(tree, list)
    assert not accepts(tree, str)


def test_the_member_of_a_union_that_goes_the_furthest_is_told() -> None:
    """Of several kinds of lists, the error is about the one that the value fits longest."""
    wanted = "expected list[list[int] | list[float]]"
    assert str(check(list[list[int] | list[float]], [[0.0, 1j]])) == f"{wanted}, got list with complex at [0][1]"
    assert str(check(list[list[int] | list[float]], [["a", 1j]])) == f"{wanted}, got list with str at [0][0]"


def test_aliases_with_parameters() -> None:
    """An alias takes its arguments in the order of its parameters, whatever order they have in what it stands for."""
    first, second = typing.TypeVar("first"), typing.TypeVar("second")

    class Same:
        __type_params__ = (first, second)
        __value__ = dict[first, second]  # type: ignore[valid-type]

    class Other:
        __type_params__ = (second, first)
        __value__ = dict[first, second]  # type: ignore[valid-type]

    assert unwrap(types.GenericAlias(Same(), (str, int))) == dict[str, int]  # type: ignore[arg-type]
    assert unwrap(types.GenericAlias(Other(), (str, int))) == dict[int, str]  # type: ignore[arg-type]


def test_values_that_hold_themselves() -> None:
    """A list that holds itself has no end to check, and is refused."""
    endless: list[Any] = []
    endless.append(endless)
    assert str(check(recursive_alias(), endless)) == "expected Tree, got list that cannot be gone through"
    assert not build_validator(recursive_alias()).matches(None, None, endless)


def test_recursive_classes() -> None:
    """A class may have a field of itself."""
    assert check(Pool, Pool(1, spare=Pool(2))) is None
    assert check(Pool, {"size": 1, "spare": {"size": Later(), "spare": {"size": Later()}}}) is None
    path = "['spare']['spare']['size']"
    value = {"size": 1, "spare": {"size": Later(), "spare": {"size": "a", "spare": Later()}}}
    assert str(check(Pool, value)) == f"expected Pool, got dict with str at {path}"


def test_endless_aliases() -> None:
    """An alias of nothing but itself, or of a name that does not exist, allows everything."""

    class Alias:
        __type_params__ = ()

        def __init__(self, error: Exception | None) -> None:
            self.error = error

        @property
        def __value__(self) -> Any:
            if self.error is not None:
                raise self.error
            return Alias(None)

    assert unwrap(Alias(None)) is Any
    assert unwrap(Alias(NameError("Missing"))) is Any


def test_generic_aliases() -> None:
    """The arguments of a `type` alias find their place."""
    assert unwrap(Swapped[int, str]) == dict[str, int]
    assert unwrap(Swapped) == dict[Any, Any]
    assert unwrap(Same[int]) is int
    assert unwrap(Same) is Any


def test_validators_are_made_once() -> None:
    """The validator of an annotation is kept, under its very spelling."""
    assert build_validator(list[int]) is build_validator(list[int])
    assert build_validator(Literal[1]) is not build_validator(Literal[True])  # equal to a dict
    assert str(check(int | str, b"")) == "expected int | str, got bytes"
    assert str(check(str | int, b"")) == "expected str | int, got bytes"
    assert repr(build_validator(list[int])) == "<validator for list[int]>"


# --- the other questions ---


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, int),
        (None, types.NoneType),
        (Annotated[Annotated[int, 1], 2], int),
        (UserId, int),
        (Annotated[UserId, 1], int),
        (typing.Required[int], int),
        (typing.NotRequired[list[int]], list[int]),
        (Bound, collections.abc.Sequence[int]),
        (Either, int | str),
        (T, T),
        (list[Annotated[int, 1]], list[Annotated[int, 1]]),
    ],
)
def test_unwrap(annotation: Any, expected: object) -> None:
    """What an annotation says beside the type is taken off it, from the outside."""
    assert unwrap(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int,)),
        (None, (types.NoneType,)),
        (int | str | None, (int, str, types.NoneType)),
        (typing.Optional[int], (int, types.NoneType)),  # noqa: UP045
        (Annotated[int | str, 1], (int, str)),
        (Annotated[int, 1] | UserId | Either, (int, str)),
        (list[int | str], (list[int | str],)),
    ],
)
def test_union_members(annotation: Any, expected: tuple[object, ...]) -> None:
    """A union's members are told in order, each once."""
    assert union_members(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (list[str], "list[str]"),
        (typing.List[str], "list[str]"),  # noqa: UP006
        (str | None, "str | None"),
        (typing.Optional[str], "str | None"),  # noqa: UP045
        (list[int | None], "list[int | None]"),
        (Literal["a", 1, Color.RED, None], "Literal['a', 1, Color.RED, None]"),
        (Database, "Database"),
        (Store[int], "Store[int]"),
        (dict[str, Pool], "dict[str, Pool]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[()], "tuple[()]"),
        (tuple, "tuple"),
        (Callable, "Callable"),
        (Callable[[int], str], "Callable"),
        (typing.Callable, "Callable"),
        (Sequence[datetime.date], "Sequence[date]"),
        (type[Database], "type[Database]"),
        (Annotated[int, "secret"], "int"),
        (typing.Final[int], "int"),
        (UserId, "UserId"),
        (T, "T"),
        (Bound, "Sequence"),
        (Self, "Self"),
        ("Later", "Later"),
        (list["Later"], "list[Later]"),
        (typing.List["Later"], "list[Later]"),  # noqa: UP006
        (typing.ForwardRef("Later"), "Later"),
        (Ids, "Ids"),
    ],
)
def test_type_name(annotation: Any, expected: str) -> None:
    """A type is called as one would write it, without modules."""
    assert type_name(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        *((cls, cls) for cls in (str, int, float, bool, bytes, uuid.UUID, datetime.date, Color, Pool, Database, Point)),
        (None, types.NoneType),
        (UserId, int),
        (Annotated[str, 1], str),
        (Box[int], Box),
        (Store[int], Store),
        *((other, None) for other in (pathlib.Path, pathlib.PurePath, list, dict, list[int], tuple[int, str])),
        *(
            (other, None)
            for other in (int | str, int | None, Any, object, Literal["a"], Callable, Callable[[int], str])
        ),
        *((other, None) for other in (Options, Fetches, Shape, type, type[int], T, Sequence[int], typing.TextIO)),
    ],
)
def test_exact_type(annotation: Any, expected: type | None) -> None:
    """Where one class alone is proof enough, it is known."""
    assert exact_type(annotation) is expected


@pytest.mark.parametrize(
    ("annotation", "value", "position", "expected"),
    [
        (list[int], [1], 0, int),
        (list, [1], 0, Any),
        (set[int], {1}, 0, int),
        (frozenset[int], frozenset({1}), 0, int),
        (Sequence[int], (1,), 0, int),
        (Sequence[int], "a", 0, Any),
        (Iterable[int], [1], 0, int),
        (Iterable[int], {1: "a"}, 1, Any),
        (tuple[int, str], (1, "a"), 1, str),
        (tuple[int, str], (1, "a", 2), 2, Any),
        (tuple[int, str], (1, "a"), "1", Any),
        (tuple[int, ...], (1, 2), 1, int),
        (tuple[int, *tuple[str, ...]], (1, "a"), 1, str),
        (tuple[*tuple[int, ...], *tuple[str, ...]], (1, "a"), 1, Any),
        (tuple, (1,), 0, Any),
        (dict[str, int], {"a": 1}, "a", int),
        (Mapping[str, list[int]], {"a": [1]}, "a", list[int]),
        (collections.Counter[str], collections.Counter("a"), "a", Any),
        (collections.abc.ItemsView[str, int], {"a": 1}.items(), 0, Any),
        (list[int] | None, [1], 0, int),
        (str | list[int] | dict[str, bool], [1], 0, int),
        (str | list[int] | dict[str, bool], {"a": True}, "a", bool),
        (str | list[int], "a", 0, Any),
        (Annotated[list[int], 1], [1], 0, int),
        (int, 1, 0, Any),
        (Any, [1], 0, Any),
        (list[int], (1,), 0, Any),
        (Pool, {"size": 1}, "size", int),
        (Pool, {"size": 1}, "spare", Pool | None),
        (Pool, {"owner": ""}, "owner", str),
        (Pool, {"_owner": ""}, "_owner", str),
        (Pool, {"size": 1}, "sizes", Any),
        (Pool, Pool(1), "size", Any),
        (Pool | None, {"size": 1}, "size", int),
        (Limits, {"burst": 1}, "burst", int),
        (Options, {"size": 1}, "size", int),
        (Unresolved, {"size": 1}, "size", int),
        (Unresolved, {"other": 1}, "other", Any),
        (list[Pool], [{"size": 1}], 0, Pool),
    ],
)
def test_element_annotation(annotation: Any, value: object, position: object, expected: object) -> None:
    """The type of an element follows from the type of the whole, and from the place."""
    assert element_annotation(annotation, value, position) == expected


def test_field_annotations() -> None:
    """The fields of a class are known with their types, strings resolved, also where attrs was told a type only."""
    assert field_annotations(Pool) == {"size": int, "_owner": str, "owner": str, "spare": Pool | None}
    assert field_annotations(Limits) == {"rate": float, "burst": int}
    assert field_annotations(attrs.make_class("Made", {"a": attrs.field(type=int), "b": attrs.field()})) == {
        "a": int,
        "b": Any,
    }


@pytest.mark.parametrize(
    ("annotation", "offered", "expected"),
    [
        (Database, Database, True),
        (Database, Replica, True),
        (Replica, Database, False),
        (Database, Cache, False),
        (Database | None, Replica, True),
        (Database | Cache, Store, False),
        (Store[int], Store[str], True),
        (Store[int], Store, True),
        (Annotated[Database, 1], Replica, True),
        (Any, int, True),
        (object, int, True),
        (T, int, True),
        (Bound, list, True),
        (Bound, int, False),
        (float, int, True),
        (float, bool, False),
        (int, bool, False),
        (int, Level, True),
        (int, float, False),
        (datetime.date, datetime.datetime, False),
        (Sequence[str], str, False),
        (Sequence[str], list, True),
        (Sequence[str], list[int], True),
        (dict[str, int], dict, True),
        (dict[str, int], list, False),
        (Options, dict, True),
        (Options, list, False),
        (None, types.NoneType, True),
        (None, int, False),
        (Literal["a"], str, True),
        (Literal["a"], int, False),
        (Literal[1], bool, False),
        (type[int], type, True),
        (type[int], int, False),
        (Callable[[int], str], types.FunctionType, True),
        (Callable[[int], str], int, False),
        (Shape, Square, True),
        (Shape, FakeDatabase, False),
        (Fetches, FakeDatabase, True),
        (Fetches, Database, True),
        (Fetches, Cache, False),
        (HasHost, FakeDatabase, True),
        (Streams[int], list, False),
        (collections.abc.Hashable, list, False),
        (Unanswerable, int, True),
        (typing.TextIO, io.StringIO, True),
        (Database, Any, True),
        (Database, "Database", True),
        (Database, int | Replica, True),
        (Database, int | Cache, False),
        (Database, UserId, False),
        (Database, object, False),
        (Database, Mock, True),
        (int, Mock, False),
    ],
)
def test_accepts(annotation: Any, offered: Any, expected: bool) -> None:
    """Whether two classes go together is known before there is a value."""
    assert accepts(annotation, offered) is expected


def test_protocol_members_may_be_declared_or_taken_back() -> None:
    """A method that a class declares as a field counts; one that it sets to None does not."""

    class Declares:
        fetch: Callable[[], int]

    class TakesBack(FakeDatabase):
        fetch = None  # type: ignore[assignment]

    class Stream(list[int]):
        @classmethod
        def open(cls) -> "Stream":
            return cls()

    class Odd:
        __annotations__ = typing.cast("dict[str, Any]", 5)

    assert accepts(Fetches, Declares)
    assert not accepts(Fetches, Odd)
    assert not accepts(Fetches, TakesBack)
    assert accepts(Streams[int], Stream)
    assert check(Streams[int], Stream()) is None


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, ()),
        (Database, (Database,)),
        (Database | None, (Database,)),
        (Cache | Database | Cache, (Cache, Database)),
        (list[Database], (Database,)),
        (tuple[Database, ...], (Database,)),
        (tuple[Cache, int, Database], (Cache, Database)),
        (dict[str, Database | list[Cache]] | Database, (Database, Cache)),
        (Mapping[str, Database], (Database,)),
        (Annotated[Database, Cache], (Database,)),
        (NewType("Main", Database), (Database,)),
        (TypeVar("D", bound=Database), (Database,)),
        (Box[Database], (Database,)),
        (Store[Database], (Store,)),
        (type[Database], ()),
        (Callable[[Cache], Database], ()),
        (Literal["Database"], ()),
    ],
)
def test_resource_classes(annotation: Any, expected: tuple[type, ...]) -> None:
    """Every class of resources that a field may hold is found, wherever it stands."""
    assert resource_classes(annotation) == expected


# --- properties ---

SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, st.floats() | st.integers()),
    (bool, st.booleans()),
    (str, st.text().map("s3cret".__add__)),
    (bytes, st.binary()),
    (None, st.none()),
    (datetime.date, st.dates()),
    (datetime.datetime, st.datetimes()),
    (uuid.UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False)),
    (Color, st.sampled_from(Color)),
    (Literal["s3cret", 1], st.sampled_from(["s3cret", 1])),
    (Pool, st.builds(Pool, st.integers())),
    (Database, st.builds(Replica)),
]
Typed = tuple[Any, st.SearchStrategy[Any]]


def containers(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Annotations around others, each with a strategy for its values."""
    keys = st.text().map("s3cret".__add__)
    pairs = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda one: (brackets(list, one[0]), st.lists(one[1], max_size=3))),
        inner.map(lambda one: (brackets(Sequence, one[0]), st.lists(one[1], max_size=3).map(tuple))),
        inner.map(lambda one: (brackets(tuple, one[0], ...), st.lists(one[1], max_size=3).map(tuple))),
        inner.map(lambda one: (brackets(dict, str, one[0]), st.dictionaries(keys, one[1], max_size=3))),
        inner.map(lambda one: (brackets(Mapping, str, one[0]), st.dictionaries(keys, one[1], max_size=3))),
        inner.map(lambda one: (brackets(Annotated, one[0], "s3cret"), one[1])),
        inner.map(lambda one: (brackets(typing.Optional, one[0]), one[1] | st.none())),
        pairs.map(lambda two: (brackets(tuple, two[0][0], two[1][0]), st.tuples(two[0][1], two[1][1]))),
        pairs.map(lambda two: (brackets(typing.Union, two[0][0], two[1][0]), two[0][1] | two[1][1])),
    )


typed = st.recursive(st.sampled_from(SCALARS), containers, max_leaves=6)


@st.composite
def annotated_values(draw: st.DrawFn) -> tuple[Any, Any]:
    """An annotation and a value made for it."""
    annotation, values = draw(typed)
    return annotation, draw(values)


def with_one_replaced(draw: st.DrawFn, value: Any, by: object) -> Any:
    """The value with one of its leaves replaced, or itself where it has none."""
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from([*value]))
        return {**value, key: with_one_replaced(draw, value[key], by)}
    if isinstance(value, list | tuple) and value:
        index = draw(st.integers(0, len(value) - 1))
        changed = [*value[:index], with_one_replaced(draw, value[index], by), *value[index + 1 :]]
        return type(value)(changed)
    return by


@st.composite
def annotated_values_with(draw: st.DrawFn, intruder: object) -> tuple[Any, Any]:
    """An annotation and a value made for it, but for one leaf."""
    annotation, value = draw(annotated_values())
    return annotation, with_one_replaced(draw, value, intruder)


@given(annotated_values())
def test_values_made_for_an_annotation_are_accepted(pair: tuple[Any, Any]) -> None:
    """Whatever the type, its values are accepted, and their class is."""
    annotation, value = pair
    assert check(annotation, value) is None
    assert accepts(annotation, type(value))


@given(annotated_values_with(1j))
def test_one_wrong_leaf_is_refused(pair: tuple[Any, Any]) -> None:
    """However deep it is, one value of a type that stands nowhere in the annotation is refused, and named by type."""
    error = check(*pair)
    assert error is not None
    assert "complex" in str(error)


@given(annotated_values_with(Later()))
def test_one_deferred_leaf_is_accepted(pair: tuple[Any, Any]) -> None:
    """However deep it is, a value that is not there yet is accepted."""
    assert check(*pair) is None


@given(typed, annotated_values())
def test_errors_show_no_value(expected: Typed, pair: tuple[Any, Any]) -> None:
    """No error holds a value or a key, only what the annotation itself says."""
    error = check(expected[0], pair[1])
    if error is not None:
        shown = str(error).replace(type_name(expected[0]), "")
        assert "s3cret" not in shown
        assert len(error.args) == 1
        assert (error.__cause__, error.__context__) == (None, None)
