"""Equality, hashes, copies, and changed copies of declarations."""

import copy
import pickle
import typing

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigurableResource,
    EnvVar,
    InvalidFieldError,
    field,
    open_resource,
    replace,
    secret,
    state,
)


class Database(ConfigurableResource):
    host: str
    port: int = 5432
    password: str = secret(default="hunter2")


class Orders(ConfigurableResource):
    database: Database
    tags: list[str] = field(factory=list)


class Derived(ConfigurableResource):
    host: str
    url: str = field()

    @url.default
    def _make_url(self) -> str:
        return f"https://{self.host}"


def test_declarations_compare_by_class_and_values() -> None:
    """Equal class and values are equal, and hash alike; deferred values and nested resources count too."""

    class Child(Database):
        pass

    one = Orders(database=Database(host=EnvVar("HOST")), tags=["a"])
    two = Orders(database=Database(host=EnvVar("HOST")), tags=["a"])
    assert one == two
    assert hash(one) == hash(two)
    assert one != replace(one, tags=["b"])
    assert Derived(host=EnvVar("HOST")) == Derived(host=EnvVar("HOST"))
    assert hash(Derived(host=EnvVar("HOST"))) == hash(Derived(host=EnvVar("HOST")))
    assert Database(host="h") != Child(host="h")
    assert Database(host="h") != "h"
    assert len({one, two, Database(host="h")}) == 2


def test_everything_is_hashable() -> None:
    """Sets, dicts, and objects that refuse to be hashed do not keep a declaration out of a set."""

    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Unhashable)

    one, two = (Anything(value=[{1, 2}, {"a": [Unhashable()]}, frozenset({3})]) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)


def test_a_live_resource_equals_only_itself() -> None:
    """Two runs' copies of one declaration are different objects, and unlike the declaration."""
    declaration = Database(host="h")
    with open_resource(declaration) as one, open_resource(declaration) as two:
        assert one == one
        assert one != two
        assert one != declaration
        assert declaration != one
        assert len({one, two, declaration}) == 3


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.builds(EnvVar, st.sampled_from(["A", "B"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        max_leaves=8,
    )
)
def test_copies_are_equal_and_independent(value: typing.Any) -> None:
    """copy, deepcopy and pickle of a declaration give an equal one with the same hash and the same repr."""
    declaration = Anything(value=value)
    for copied in (copy.copy(declaration), copy.deepcopy(declaration), pickle.loads(pickle.dumps(declaration))):
        assert copied is not declaration
        assert copied == declaration
        assert hash(copied) == hash(declaration)
        assert repr(copied) == repr(declaration)
        assert copied._cache == {}


class Anything(ConfigurableResource):
    value: typing.Any
    _cache: dict[str, int] = state(factory=dict)


def test_deepcopy_copies_what_is_inside() -> None:
    """A deep copy shares no list and no nested resource; private state starts anew."""
    declaration = Orders(database=Database(host="h"), tags=["a"])
    deep = copy.deepcopy(declaration)
    assert deep.tags is not declaration.tags
    assert deep.database is not declaration.database


def test_a_live_resource_is_not_copied() -> None:
    """A live resource belongs to its run: copying, pickling and replacing it are errors that say what to do."""
    with open_resource(Database(host="h")) as live:
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps, replace):
            with pytest.raises(TypeError, match="it belongs to its run"):
                attempt(live)


def test_replace() -> None:
    """A changed copy keeps the rest, deferred values too; what is unknown or wrong is an error."""
    declaration = Database(host=EnvVar("HOST"), port=1)
    changed = replace(declaration, port=2)
    assert changed == Database(host=EnvVar("HOST"), port=2)
    assert declaration == Database(host=EnvVar("HOST"), port=1)
    assert replace(changed, host="h").host == "h"
    assert declaration.__replace__(port=3) == Database(host=EnvVar("HOST"), port=3)  # type: ignore[attr-defined]
    with pytest.raises(InvalidFieldError, match="did you mean host"):
        replace(declaration, hots="h")
    with pytest.raises(InvalidFieldError, match="expected int, got str"):
        replace(declaration, port="2")
    with pytest.raises(TypeError, match="wants a resource, not a str"):
        replace("database")  # type: ignore[type-var]


def test_replace_of_aliases_converters_and_fields_outside_the_constructor() -> None:
    """`replace` takes constructor keywords, does not convert again, and makes init=False fields anew."""

    class Api(ConfigurableResource):
        kind_: str = field(alias="kind")
        size: int = field(converter=lambda value: int(value) + 1)
        made: list[str] = field(factory=list, init=False)

    api = Api(kind="a", size="1")
    changed = replace(api, kind="b")
    assert (changed.kind_, changed.size, changed.made) == ("b", 2, [])
    assert replace(api, size="5").size == 6
    with pytest.raises(InvalidFieldError, match="no field 'made'"):
        replace(api, made=[])


def test_attrs_evolve_works_on_concrete_values() -> None:
    """attrs users' own spelling gives a changed declaration as well."""
    assert attrs.evolve(Database(host="h"), port=1) == Database(host="h", port=1)


def test_a_run_uses_the_values_that_were_declared() -> None:
    """Changing a list after it was given to a declaration changes neither its runs, nor its hash, nor its copies."""

    class Api(ConfigurableResource):
        names: list[str]
        parts: dict[str, list[str]] = field(factory=dict)
        stores: list[Database] = field(factory=list)

    names = ["a"]
    waiting = ["b", EnvVar("NAME", default="c")]
    stores = [Database(host="h")]
    api = Api(names=names, parts={"x": waiting}, stores=stores)
    other = Api(names=["a"], parts={"x": list(waiting)}, stores=[Database(host="h")])
    before = hash(api)
    names.append("late")
    waiting.append("late")
    api.stores.append(Database(host="late"))
    assert hash(api) == before
    assert api == other
    changed = replace(api, names=["new"])
    changed.stores.append(Database(host="late"))
    for each, expected in ((api, ["a"]), (changed, ["new"])):
        with open_resource(each) as live:
            assert (live.names, live.parts) == (expected, {"x": ["b", "c"]})
            assert [store.host for store in live.stores] == ["h"]
