"""What may be written in the body of a resource class, and what the class then is."""

import abc
import dataclasses
import functools
import threading
import typing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import attrs
import pytest

import resourcekit
from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    EnvVar,
    Field,
    FrozenResourceError,
    InvalidFieldError,
    ResourceDependency,
    UnresolvedError,
    field,
    open_resource,
    secret,
    state,
)


class Database(ConfigurableResource):
    host: str
    port: int = 5432


# --- an attrs class ---


def test_a_resource_class_is_an_attrs_class() -> None:
    """A subclass has attrs' fields at once, without a decorator."""
    assert attrs.has(Database)
    assert [each.name for each in attrs.fields(Database)] == ["host", "port"]
    assert all(each.kw_only for each in attrs.fields(Database))


def test_fields_have_values_and_defaults() -> None:
    """What is left out has its default."""
    database = Database(host="localhost")
    assert (database.host, database.port) == ("localhost", 5432)
    assert repr(database) == "Database(host='localhost', port=5432)"


def test_fields_are_keyword_only() -> None:
    """A value without its name is a TypeError that shows how to write it."""
    with pytest.raises(TypeError, match=r"keyword arguments only.*\n.*\n.*write Database\(field=value\)"):
        Database("localhost")  # type: ignore[misc]


def test_subclasses_add_and_override_fields() -> None:
    """Fields, defaults, hooks and scope are inherited; a subclass adds to them and overrides them."""

    class Base(ConfigurableResource, scope="app"):
        host: str
        port: int = 1

        def setup_for_execution(self) -> None:
            self._log = ["base"]

    class Child(Base):
        port: int = 2
        name: str = "child"

        def setup_for_execution(self) -> None:
            super().setup_for_execution()
            self._log.append("child")

    with open_resource(Child(host="h")) as child:
        assert (child.host, child.port, child.name, child._log) == ("h", 2, "child", ["base", "child"])


@pytest.mark.parametrize("where", ["before", "after"])
def test_abstract_classes(where: str) -> None:
    """An abstract resource cannot be made; a concrete subclass can, wherever ABC stands among the bases."""
    bases = (abc.ABC, ConfigurableResource) if where == "before" else (ConfigurableResource, abc.ABC)

    class Store(*bases):  # type: ignore[misc]
        root: str = "/"

        @abc.abstractmethod
        def load(self) -> str: ...

    class Files(Store):
        def load(self) -> str:
            return self.root

    with pytest.raises(TypeError, match="abstract"):
        Store()
    assert Files(root="/data").load() == "/data"


class Loads(typing.Protocol):
    root: str

    def load(self) -> str: ...


def test_a_protocol_among_the_bases() -> None:
    """A resource may implement a Protocol by name, which may stand first or last in its bases."""

    class First(Loads, ConfigurableResource):
        root: str

        def load(self) -> str:
            return self.root

    class Last(ConfigurableResource, Loads):
        root: str

        def load(self) -> str:
            return self.root

    class User(ConfigurableResource):
        store: Loads

    assert First(root="a").load() == "a"
    assert Last(root="b").load() == "b"
    for store in (First(root="a"), Last(root="b")):
        with open_resource(User(store=store)) as user:
            assert user.store.load() == store.root
            assert user.store is not store


T = typing.TypeVar("T")
K = typing.TypeVar("K")


class Box(ConfigurableResource, typing.Generic[T]):
    item: T
    others: list[T] = field(factory=list)


class Pair(Box[list[T]], typing.Generic[K, T]):
    key: K


def test_generic_classes() -> None:
    """A generic resource class works with and without its argument."""
    assert Box(item=1) == Box[int](item=1)
    assert Box[str](item="a", others=["b"]).others == ["b"]


def test_a_type_argument_decides_the_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subclass of `Box[int]` has an int field: checked in the constructor, converted from a variable."""

    class IntBox(Box[int]):
        pass

    class Deep(Pair[str, int]):
        pass

    with pytest.raises(InvalidFieldError, match="expected int, got str"):
        IntBox(item="no")  # type: ignore[arg-type]
    with pytest.raises(InvalidFieldError, match=r"expected list\[int\], got list with str at \[0\]"):
        Deep(item=["a"], key="k")  # type: ignore[list-item]
    monkeypatch.setenv("ITEM", "5")
    with open_resource(IntBox(item=EnvVar("ITEM"), others=[EnvVar("ITEM")])) as box:
        assert (box.item, box.others) == (5, [5])


def test_mixins() -> None:
    """Methods come from plain mix-ins, fields from attrs ones; resourcekit's constructor, repr and equality stay."""

    class Greets:
        def __init__(self) -> None:
            raise AssertionError("not called")

        def __repr__(self) -> str:
            return "leaks everything"

        def greet(self) -> str:
            return f"hello {self.name}"  # type: ignore[attr-defined]

    @attrs.frozen(slots=False)
    class Retries:
        retries: int = 3

    @attrs.frozen
    class Untyped:
        untyped = attrs.field(default=None)

    class Greeter(Greets, Retries, Untyped, ConfigurableResource):  # type: ignore[misc]
        name: str
        token: str = secret()

        def remember(self) -> None:
            self._seen = True

    greeter = Greeter(name="Ada", token="hunter2")
    greeter.remember()
    assert greeter.greet() == "hello Ada"
    assert repr(greeter) == "Greeter(untyped=None, retries=3, name='Ada', token='***')"
    assert greeter == Greeter(name="Ada", token="hunter2", retries=3)


def test_a_repr_of_the_class_itself_is_kept() -> None:
    """As with attrs, a method written in the class body wins."""

    class Named(ConfigurableResource):
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert repr(Named(name="x")) == "<x>"


def test_class_variables_properties_and_static_methods() -> None:
    """What is no field stays what it is in any class."""

    class Api(ConfigurableResource):
        LIMIT: typing.ClassVar[int] = 10
        host: str

        @property
        def url(self) -> str:
            return f"https://{self.host}"

        @classmethod
        def local(cls) -> "Api":
            return cls(host="localhost")

        @staticmethod
        def version() -> str:
            return "v1"

    api = Api.local()
    assert (api.url, api.LIMIT, api.version()) == ("https://localhost", 10, "v1")
    assert [each.name for each in attrs.fields(Api)] == ["host"]
    with pytest.raises(InvalidFieldError, match="no field 'LIMIT'"):
        Api(host="x", LIMIT=1)  # type: ignore[call-arg]


def test_an_attribute_without_annotation_is_told_from_a_field() -> None:
    """A keyword for a plain class attribute is refused with the annotation that would make it a field."""

    class Api(ConfigurableResource):
        limit = 3
        page: typing.ClassVar[int] = 4

        def fetch(self) -> None: ...

    with pytest.raises(InvalidFieldError, match=r"hint: +Api.limit has no annotation: write limit: int = ..."):
        Api(limit=4)  # type: ignore[call-arg]
    for name in ("page", "fetch"):
        with pytest.raises(InvalidFieldError, match=r"hint: +there is none"):
            Api(**{name: 4})  # type: ignore[arg-type]


def test_cached_property_is_computed_per_object() -> None:
    """A cached property works on a frozen resource, and what it cached is not carried into a run."""
    computed = []

    class Api(ConfigurableResource):
        host: str

        @functools.cached_property
        def url(self) -> str:
            computed.append(self.host)
            return f"https://{self.host}"

    api = Api(host="a")
    assert (api.url, api.url) == ("https://a", "https://a")
    assert len(computed) == 1
    with open_resource(api) as live:
        assert (live.url, live.url) == ("https://a", "https://a")
    assert len(computed) == 2


def test_annotations_may_name_local_and_later_classes() -> None:
    """Annotations written as strings are read late: they may name classes of the function and of the future."""

    class Local(ConfigurableResource):
        later: "Later | None" = None
        itself: "Local | None" = None

    class Later(ConfigurableResource):
        size: "int" = 1

    outer = Local(later=Later(size=2), itself=Local())
    assert outer.later is not None
    assert outer.later.size == 2
    with pytest.raises(InvalidFieldError, match=r"expected Later \| None, got int"):
        Local(later=5)  # type: ignore[arg-type]


def test_an_inherited_annotation_is_read_where_it_was_written() -> None:
    """A class of the same name where a subclass is defined does not change what the parent meant."""

    def parent() -> type[ConfigurableResource]:
        class Inner(ConfigurableResource):
            size: int = 1

        class Outer(ConfigurableResource):
            inner: "Inner"

        Outer(inner=Inner())
        return Outer

    Parent = parent()  # noqa: N806

    class Inner(ConfigurableResource):
        pass

    class Child(Parent):  # type: ignore[misc, valid-type]
        pass

    with pytest.raises(InvalidFieldError, match="expected Inner, got"):
        Child(inner=Inner())


def test_threads_may_use_a_new_class_at_once() -> None:
    """The first uses of a class may come from many threads at the same time."""
    for _ in range(20):

        class Inner(ConfigurableResource):
            size: "int" = 1

        class Outer(ConfigurableResource):
            inner: "Inner"
            others: "list[Inner]" = field(factory=list)

        barrier = threading.Barrier(4)

        def use(barrier: threading.Barrier = barrier, cls: typing.Any = Outer, inner: typing.Any = Inner) -> int:
            barrier.wait()
            return cls(inner=inner()).inner.size  # type: ignore[no-any-return]

        with ThreadPoolExecutor(4) as pool:
            assert [each.result() for each in [pool.submit(use) for _ in range(4)]] == [1, 1, 1, 1]


def test_an_annotation_that_cannot_be_read() -> None:
    """A name that does not exist is a DefinitionError that names class, field and name."""

    class Broken(ConfigurableResource):
        thing: "NoSuchThing"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(DefinitionError, match=r"Broken\.thing cannot be read: name 'NoSuchThing' is not defined"):
        Broken(thing=1)


@pytest.mark.parametrize(
    "decorator",
    [
        attrs.define,
        attrs.define(slots=False),
        attrs.frozen(slots=False),
        dataclasses.dataclass,
        dataclasses.dataclass(slots=True),
        dataclasses.dataclass(frozen=True),
    ],
)
def test_a_class_decorator_on_top_is_refused(decorator: typing.Any) -> None:
    """@attrs.define and @dataclass would lose what fields say: an error at the latest on use, or on subclassing."""
    with pytest.raises(DefinitionError, match="take it away"):

        @decorator
        class Twice(ConfigurableResource):
            host: str = "h"

        Twice()
    with pytest.raises(DefinitionError, match="take it away"):

        @decorator
        class Parent(ConfigurableResource):
            host: str = "h"

        class Child(Parent):
            pass


# --- setting ---


def test_fields_cannot_be_set_or_deleted() -> None:
    """Setting a field is attrs' FrozenAttributeError, with what to do in its place."""
    database = Database(host="h")
    for name in ("host", "port", "anything"):
        with pytest.raises(
            attrs.exceptions.FrozenAttributeError, match=rf"replace\(resource, {name}=...\).*self._{name}"
        ):
            setattr(database, name, 1)
    with pytest.raises(FrozenResourceError):
        del database.host
    assert database.host == "h"


def test_private_state_may_be_set_at_any_time() -> None:
    """Names that begin with an underscore are no fields: set and deleted freely, never in the constructor."""
    database = Database(host="h")
    database._pool = 1  # type: ignore[attr-defined]
    assert database == Database(host="h")
    assert "_pool" not in repr(database)
    del database._pool  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute '_pool'"):
        database._pool  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(InvalidFieldError, match="no field '_pool'"):
        Database(host="h", _pool=1)  # type: ignore[call-arg]


def test_a_method_may_be_patched_on_one_object() -> None:
    """`mock.patch.object(resource, "fetch")` works, and is undone."""

    class Api(ConfigurableResource):
        host: str = "h"

        def fetch(self) -> str:
            return self.host

        @staticmethod
        def version() -> str:
            return "v1"

        @classmethod
        def kind(cls) -> str:
            return cls.__name__

        @property
        def url(self) -> str:
            return self.host

    api = Api()
    with mock.patch.multiple(api, fetch=lambda: "mocked", version=lambda: "v2", kind=lambda: "k"):
        assert (api.fetch(), api.version(), api.kind()) == ("mocked", "v2", "k")
    assert (api.fetch(), api.version(), api.kind()) == ("h", "v1", "Api")
    for name in ("host", "url"):
        with pytest.raises(FrozenResourceError):
            mock.patch.object(api, name, "x").start()


def test_state_is_made_for_each_live_resource() -> None:
    """`state()` declares private state: its factory runs per object, and a run does not see the declaration's."""

    class Cache(ConfigurableResource):
        _entries: dict[str, int] = state(factory=dict)
        _hits: int = state(default=0)
        _name: str | None = None

    class Child(Cache):
        _more: list[int] = state(factory=list)

    declaration = Child()
    declaration._entries["a"] = 1
    declaration._hits = 7
    with open_resource(declaration) as first, open_resource(declaration) as second:
        assert (first._entries, first._hits, first._more, first._name) == ({}, 0, [], None)
        assert first._entries is not second._entries
    assert declaration._entries == {"a": 1}


@pytest.mark.parametrize("kind", [list, dict, set])
def test_a_shared_mutable_private_default_is_refused(kind: type) -> None:
    """A mutable default of private state would be shared by every resource."""
    with pytest.raises(DefinitionError, match=rf"_items = state\(factory={kind.__name__}\)"):
        type("Shared", (ConfigurableResource,), {"_items": kind()})
    with pytest.raises(DefinitionError, match="factory"):
        state(default=kind())


def test_state_is_spelled_with_an_underscore_and_one_source() -> None:
    """A public name for state, a field() for a private name, a default beside a factory: each is an error."""
    with pytest.raises(DefinitionError, match="begins with an underscore"):
        type("Public", (ConfigurableResource,), {"items": state()})
    with pytest.raises(DefinitionError, match=r"write _items = state\("):
        type("Private", (ConfigurableResource,), {"_items": field(factory=list), "__annotations__": {"_items": list}})
    with pytest.raises(DefinitionError, match="not both"):
        state(default=1, factory=int)


# --- names and definitions ---


HOOKS = {"setup_for_execution", "teardown_after_execution", "yield_for_execution"}
CONSTRUCTORS = {"configure_at_launch", "from_env"}


def test_the_base_class_takes_no_names_but_the_hooks() -> None:
    """A resource class is free to use every public name that is neither a hook's nor a constructor's."""
    ours = HOOKS | CONSTRUCTORS
    assert {name for name in dir(ConfigurableResource) if not name.startswith("_")} == ours
    assert {name for name in dir(ConfigurableResourceFactory) if not name.startswith("_")} == ours | {"create_resource"}
    private = {name for name in dir(ConfigurableResource) if name.startswith("_")} - set(dir(object))
    assert {name for name in private if "resource" in name} == {"__resourcekit__"}


@pytest.mark.parametrize("name", sorted(HOOKS | CONSTRUCTORS | {"create_resource"}))
def test_a_field_with_a_hooks_name_is_refused(name: str) -> None:
    """A field cannot be called as a hook is."""
    with pytest.raises(DefinitionError, match=f"Wrong.{name} cannot be a field"):
        type("Wrong", (ConfigurableResource,), {"__annotations__": {name: int}})


def test_unknown_class_keywords_and_scopes() -> None:
    """A scope that does not exist, or a class keyword that does not, is an error of the class statement."""
    with pytest.raises(DefinitionError, match="scope is 'run' or 'app', not 'request'"):

        class Wrong(ConfigurableResource, scope="request"):  # type: ignore[arg-type]
            pass

    with pytest.raises(DefinitionError, match="did you mean scope"):

        class Odd(ConfigurableResource, scpoe="app"):  # type: ignore[call-arg]
            pass


def test_a_field_needs_an_annotation() -> None:
    """`x = field()` without an annotation is a DefinitionError, as in attrs."""
    with pytest.raises(DefinitionError, match="x"):
        type("Wrong", (ConfigurableResource,), {"x": field()})


def test_pydantics_field_is_refused() -> None:
    """pydantic's own Field as a default says which Field to import."""
    pydantic_field = type("FieldInfo", (), {"__module__": "pydantic.fields"})()
    with pytest.raises(DefinitionError, match="import Field, field or secret from resourcekit"):
        type("Wrong", (ConfigurableResource,), {"__annotations__": {"x": int}, "x": pydantic_field})


def test_field_under_the_guides_name() -> None:
    """`Field` takes the guide's arguments: default, default_factory, description, alias, exclude."""

    class Api(ConfigurableResource):
        host: str = Field(description="the host's name")
        retries: int = Field(3, description="attempts")
        tags: list[str] = Field(default_factory=list)
        class_: str = Field("x", alias="kind")
        token: str = Field(exclude=True)
        required: int = Field(...)

    api = Api(host="h", token="hunter2", required=1, kind="y")
    assert (api.retries, api.tags, api.class_) == (3, [], "y")
    assert repr(api) == "Api(host='h', retries=3, tags=[], kind='y', token='***', required=1)"
    with pytest.raises(InvalidFieldError, match="no field 'class_'"):
        Api(host="h", token="t", required=1, class_="y")  # type: ignore[call-arg]
    with pytest.raises(InvalidFieldError, match="'required' is required"):
        Api(host="h", token="t")  # type: ignore[call-arg]


@pytest.mark.parametrize("alias", ["class", "two words", "1st"])
def test_an_alias_must_be_a_keyword(alias: str) -> None:
    """An alias that no call can spell is an error of the class."""
    with pytest.raises(DefinitionError, match="alias"):
        type("Wrong", (ConfigurableResource,), {"__annotations__": {"kind": str}, "kind": field(alias=alias)})


def test_a_wrong_default_is_an_error_of_the_class() -> None:
    """A default that does not fit is a DefinitionError, whatever is given; every one is listed."""

    class Wrong(ConfigurableResource):
        port: int = "no"  # type: ignore[assignment]
        token: str = secret(default=5)

    for _ in range(2):
        with pytest.raises(DefinitionError) as caught:
            Wrong(port=1, token="t")
        assert [problem.where for problem in caught.value.problems] == ["Wrong.port", "Wrong.token"]
        assert "its default 'no' does not fit: expected int, got str" in str(caught.value)
        assert "its default '***' does not fit" in str(caught.value)


def test_a_field_annotated_with_a_factory_is_refused() -> None:
    """Users receive what a factory vends: the class is an error, which spells the annotation to write."""

    class Client:
        pass

    class Clients(ConfigurableResourceFactory[Client]):
        def create_resource(self) -> Client:
            return Client()

    class Later(ConfigurableResource):
        client: "Clients"

    advice = r"client: Clients is a factory(.|\n)*annotate it as ResourceDependency\[Client\]"
    with pytest.raises(DefinitionError, match=advice):

        class Wrong(ConfigurableResource):
            clients: list[Clients]
            client: Clients

    with pytest.raises(DefinitionError, match=advice):
        Later(client=Clients())


def test_a_resource_dependency_must_say_of_what() -> None:
    """`ResourceDependency` without its argument is a DefinitionError."""

    class Wrong(ConfigurableResource):
        client: ResourceDependency  # type: ignore[type-arg]

    with pytest.raises(DefinitionError, match=r"ResourceDependency\[Client\]"):
        Wrong(client=1)  # type: ignore[arg-type]


def test_a_class_of_its_own_getattr_does_not_hide_missing_values() -> None:
    """A resource may delegate unknown attributes; a field without a value still says so, also through a property."""

    class Client:
        def get(self) -> str:
            return "got"

    class Delegates:
        def __getattr__(self, name: str) -> typing.Any:
            return getattr(self._client, name)

    class Proxy(Delegates, ConfigurableResource):
        host: str
        _client: Client = state(factory=Client)

        @property
        def url(self) -> str:
            return f"https://{self.host}"

        @property
        def length(self) -> int:
            return self.nothing  # type: ignore[no-any-return]

    class Child(Proxy):
        pass

    for proxy in (Proxy(host=EnvVar("HOST")), Child(host=EnvVar("HOST"))):
        assert proxy.get() == "got"
        for name in ("host", "url"):
            with pytest.raises(UnresolvedError, match="variable HOST"):
                getattr(proxy, name)
        for name in ("nothing", "length"):
            with pytest.raises(AttributeError, match="'Client' object has no attribute"):
                getattr(proxy, name)


def test_a_constructor_of_ones_own() -> None:
    """A resource class may have positional arguments of its own; a run does not call its constructor again."""
    calls = []

    class Host(ConfigurableResource):
        host: str

        def __init__(self, host: str) -> None:
            calls.append(host)
            super().__init__(host=host)

    with open_resource(Host("h")) as host:
        assert host.host == "h"
    assert calls == ["h"]


def test_one_constructor_only() -> None:
    """attrs' second constructor, which would make a resource that nothing was checked of, is not there."""
    with pytest.raises(AttributeError, match="__attrs_init__"):
        Database(host="localhost").__attrs_init__(host=5, port="5432")
    assert attrs.fields_dict(Database).keys() == {"host", "port"}


def test_everything_public_is_there() -> None:
    """`import resourcekit` lists its names, and an unknown one is an AttributeError."""
    assert "ConfigurableResource" in dir(resourcekit)
    with pytest.raises(AttributeError, match="no attribute 'Resource'"):
        resourcekit.Resource  # type: ignore[attr-defined]  # noqa: B018


def test_the_default_hooks_do_nothing() -> None:
    """A class without hooks opens and closes; calling the base hooks by hand is allowed."""
    database = Database(host="h")
    assert database.setup_for_execution(None) is None
    assert database.teardown_after_execution(None) is None

    class Plain(ConfigurableResource):
        def yield_for_execution(self, context: resourcekit.RunContext) -> Iterator["Plain"]:
            with super().yield_for_execution(context) as resource:
                yield resource

    with open_resource(Plain()) as plain:
        assert isinstance(plain, Plain)
