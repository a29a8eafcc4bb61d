"""Rows 13-28: enums, defaults, validators, descriptions, inheritance, nested config, equality."""

import copy
import re
from abc import abstractmethod
from enum import Enum
from functools import cached_property
from typing import ClassVar, Generic, Literal, TypeVar

from tests.dagster_rows.expected import better, same

T = TypeVar("T")


class Colour(Enum):
    """The value is not the name."""

    RED = "r"


@better(ours=("when the class is made", True), dagster=("when it is constructed", True))
def test_row_013_bad_field_type(dg):
    """A field of a type that no field can have is an error of the class, which names class and field."""
    bad = dg.bad_field_type()

    def make():
        return dg.class_with(odd=bad)

    when = "when the class is made" if dg.attempt(make) == "error: definition" else "when it is constructed"
    message = dg.message(lambda: make()(odd=None))
    return when, "Typed" in message and "odd" in message


@better(
    ours={"member": Colour.RED, "name": "error: invalid field", "value": "error: invalid field",
          "outside name": Colour.RED, "outside value": Colour.RED},
    dagster={"member": Colour.RED, "name": Colour.RED, "value": Colour.RED,
             "outside name": Colour.RED, "outside value": "error: config"},
)  # fmt: skip
def test_row_014_enums(dg):
    """A constructor takes an enum's member; text from outside is its name or its value."""

    class Paint(dg.ConfigurableResource):
        colour: Colour

    declared = Paint(colour=Colour.RED)

    def live(**fields):
        return dg.attempt(lambda: dg.live(declared, lambda paint: paint.colour, config=fields))

    return {
        "member": dg.live(declared, lambda paint: paint.colour),
        "name": dg.attempt(lambda: dg.live(Paint(colour="RED"), lambda paint: paint.colour)),
        "value": dg.attempt(lambda: dg.live(Paint(colour="r"), lambda paint: paint.colour)),
        "outside name": live(colour="RED"),
        "outside value": live(colour="r"),
    }


@same(True)
def test_row_015_default_of_the_wrong_type(dg):
    """A default that does not fit its annotation is an error at construction."""

    class Wrong(dg.ConfigurableResource):
        x: int = "no"

    return dg.attempt(Wrong) in ("error: definition", "error: config")


@same(([1], []))
def test_row_016_mutable_defaults(dg):
    """Each resource has its own copy of a mutable default."""

    class Cache(dg.ConfigurableResource):
        a: list[int] = []  # noqa: RUF012  # as the row writes it
        b: list[int] = dg.Field(default_factory=list)

    first, second = Cache(), Cache()
    first.a.append(1)
    first.b.append(2)
    return first.a, second.a + second.b


@same({"ge": "error: invalid field", "min_length": "error: invalid field", "right": 1})
def test_row_017_constraints(dg):
    """Constraints are checked at construction."""

    class Api(dg.ConfigurableResource):
        retries: int = dg.at_least(0, default=0)
        token: str = dg.long_enough(2, default="ab")

    return {
        "ge": dg.attempt(lambda: Api(retries=-1)),
        "min_length": dg.attempt(lambda: Api(token="a")),
        "right": Api(retries=1, token="abc").retries,
    }


@same([3, 4])
def test_row_017_validators_run_again_for_a_run(dg):
    """A field's own validator runs at construction, and in a run on the value that config gives."""
    seen = []
    api = dg.checked_class(seen.append)(x=3)
    first = seen[:1]
    with dg.run({"api": api}, config={"api": {"x": 4}}):
        return first + seen[-1:]


@better(ours="error: invalid field", dagster=-1)
def test_row_018_defaults_are_validated(dg):
    """A default goes through the validators like a value that is given."""

    class Api(dg.ConfigurableResource):
        retries: int = dg.at_least(0, default=-1)

    return dg.attempt(lambda: Api().retries)


@same(("given", "laid over", "error: invalid field"))
def test_row_019_alias(dg):
    """An alias is the name in the constructor and in config; the attribute keeps its own."""

    class Api(dg.ConfigurableResource):
        x_: str = dg.Field(alias="x")

    api = Api(x="given")
    return api.x_, dg.live(api, lambda live: live.x_, config={"x": "laid over"}), dg.attempt(lambda: Api(x_="given"))


@same(("Keeps orders.", {"host": "where it listens"}))
def test_row_020_descriptions(dg):
    """A class's docstring describes the resource, and a field's description is kept."""

    class Database(dg.ConfigurableResource):
        """Keeps orders."""

        host: str = dg.Field(description="where it listens")

    return dg.describe(Database)


@same(("error: definition", True))
def test_row_021_foreign_field(dg):
    """A field of another library as a default is an error that says which to use."""

    def make():
        class Wrong(dg.ConfigurableResource):
            x: str = dg.foreign_field()

        return Wrong(x="x")

    return dg.attempt(make), "pydantic" in dg.message(make) and "Field" in dg.message(make)


@same({"inherited": "h", "nested": 7, "abstract": "error: TypeError", "by its base": "hello"})
def test_row_022_inheritance(dg):
    """Fields, defaults and nested fields are inherited; a subclass fits where its abstract base is asked for."""

    class Inner(dg.ConfigurableResource):
        x: int

    class Base(dg.ConfigurableResource):
        inner: Inner
        host: str = "h"

    class Sub(Base):
        extra: int

    class Greeter(dg.ConfigurableResource):
        @abstractmethod
        def greet(self): ...

    class Polite(Greeter):
        def greet(self):
            return "hello"

    def ask(greeter: Greeter):
        return greeter.greet()

    sub = Sub(inner=Inner(x=7), extra=1)
    return {
        "inherited": sub.host,
        "nested": dg.live(sub, lambda live: live.inner.x),
        "abstract": dg.attempt(Greeter),
        "by its base": dg.in_op(ask, {"greeter": Polite()}),
    }


@same(("class", 2, [2, 5]))
def test_row_023_class_attributes(dg):
    """ClassVar, property and cached_property work; what was cached before a run is not carried into it."""

    class Api(dg.ConfigurableResource):
        size: int
        kind: ClassVar[str] = "class"

        @property
        def double(self):
            return 2 * self.size

        @cached_property
        def cached(self):
            return getattr(self, "_number", 2)

        def setup_for_execution(self, context):
            self._number = 5

    api = Api(size=1)
    before = api.cached
    return api.kind, api.double, [before, dg.live(api, lambda live: live.cached)]


@same((1, ["a"]))
def test_row_025_generics(dg):
    """Generic resource classes and generic config classes work."""

    class Box(dg.Resource, Generic[T]):
        content: T

    class Part(dg.Config, Generic[T]):
        content: T

    class Holder(dg.ConfigurableResource):
        part: Part[list[str]]

    return (
        dg.live(Box[int](content=1), lambda live: live.content),
        dg.live(Holder(part=Part[list[str]](content=["a"])), lambda live: live.part.content),
    )


@better(
    ours={"instance": 1, "dict": "error: invalid field", "dict with a variable": 3, "outside": 4, "path": True},
    dagster={"instance": 1, "dict": 2, "dict with a variable": 3, "outside": 4, "path": True},
)
def test_row_026_nested_config(dg, monkeypatch):
    """A nested class of config: an instance, a mapping where it holds a deferred value, and config by path."""
    monkeypatch.setenv("ROW_SIZE", "3")

    class Pool(dg.Config):
        size: int

    class Database(dg.ConfigurableResource):
        pool: Pool

    def size(pool, **options):
        return dg.attempt(lambda: dg.live(Database(pool=pool), lambda live: live.pool.size, **options))

    wrong = dg.message(lambda: dg.live(Database(pool=Pool(size=1)), config={"pool": {"size": "many"}}))
    return {
        "instance": size(Pool(size=1)),
        "dict": size({"size": 2}),
        "dict with a variable": size({"size": dg.EnvVar.int("ROW_SIZE")}),
        "outside": size(Pool(size=1), config={"pool": {"size": 4}}),
        "path": re.search("pool.{1,10}size", wrong) is not None,
    }


@better(
    ours={"instance": "Disk", "flat": "Cloud", "tagged": "Cloud", "flat outside": "Cloud", "tagged outside": "Cloud"},
    dagster={"instance": "Disk", "flat": "error: check", "tagged": "Cloud", "flat outside": "error: config",
             "tagged outside": "Cloud"},
)  # fmt: skip
def test_row_027_tagged_unions(dg, monkeypatch):
    """One of several classes of config, told apart by a tag that is among the fields, or before them."""

    class Disk(dg.Config):
        kind: Literal["disk"] = "disk"
        path: str = "/"

    class Cloud(dg.Config):
        kind: Literal["cloud"] = "cloud"
        bucket: str = "b"

    class Store(dg.ConfigurableResource):
        place: Disk | Cloud = dg.tagged("kind")

    monkeypatch.setenv("ROW_V", "v")
    variable = dg.EnvVar("ROW_V")

    def found(place, **config):
        return dg.attempt(lambda: dg.live(Store(place=place), lambda live: type(live.place).__name__, **config))

    def outside(place):
        return found(Disk(), config={"place": place})

    return {
        "instance": found(Disk()),
        "flat": found({"kind": "cloud", "bucket": variable}),
        "tagged": found({"cloud": {"bucket": variable}}),
        "flat outside": outside({"kind": "cloud", "bucket": "c"}),
        "tagged outside": outside({"cloud": {"bucket": "c"}}),
    }


@better(
    ours={"equal": True, "different": False, "hash": True, "copy": True, "deepcopy": True, "changed": (2, 2)},
    dagster={"equal": True, "different": False, "hash": True, "copy": True, "deepcopy": "error: TypeError",
             "changed": (2, 1)},
)  # fmt: skip
def test_row_028_equality_and_copies(dg):
    """Resources are compared by their fields, hashed and copied; a changed copy's values reach the run."""

    class Api(dg.ConfigurableResource):
        size: int

    api = Api(size=1)
    changed = dg.copy_with(api, size=2)
    return {
        "equal": api == Api(size=1),
        "different": api == Api(size=2),
        "hash": hash(api) == hash(Api(size=1)),
        "copy": copy.copy(api) == api,
        "deepcopy": dg.attempt(lambda: copy.deepcopy(api) == api),
        "changed": (changed.size, dg.live(changed, lambda live: live.size)),
    }
