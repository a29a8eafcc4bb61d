"""Fields that hold resources: what they accept, whose hooks run, and what users of the field receive."""

import abc
import typing
from collections.abc import Sequence
from unittest import mock

import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    InvalidFieldError,
    PlanError,
    ResourceContainer,
    ResourceDependency,
    ResourceParam,
    UnresolvedError,
    field,
    open_resource,
    ref,
)

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


class Store(abc.ABC):
    @abc.abstractmethod
    def get(self) -> str: ...


class Gets(typing.Protocol):
    name: str

    def get(self) -> str: ...


class Logged(ConfigurableResource):
    name: str = "x"

    def setup_for_execution(self) -> None:
        LOG.append(f"+{self.name}")

    def teardown_after_execution(self) -> None:
        LOG.append(f"-{self.name}")


class Files(Logged, Store):
    def get(self) -> str:
        return self.name


class Memory(Logged):
    size: int = 1

    def get(self) -> str:
        return self.name


class Other(ConfigurableResource):
    pass


class Fake:
    name = "fake"

    def get(self) -> str:
        return self.name


class StoreFake(Fake, Store):
    pass


class Holder(ConfigurableResource):
    one: Files | None = None
    either: Files | Memory | None = None
    protocol: Gets | None = None
    abstract: Store | None = None
    many: list[Files] = field(factory=list)
    some: tuple[Memory, ...] = ()
    pair: tuple[Files, Memory] | None = None
    named: dict[str, Files] = field(factory=dict)
    ordered: Sequence[Store] = ()


ACCEPTED = [
    ("one", Files()),
    ("one", None),
    ("one", mock.Mock()),
    ("one", mock.MagicMock(spec=Files)),
    ("one", Fake()),
    ("either", Memory()),
    ("either", Files()),
    ("either", mock.Mock(spec=Memory)),
    ("protocol", Memory()),
    ("protocol", Files()),
    ("protocol", Fake()),
    ("protocol", mock.Mock()),
    ("abstract", Files()),
    ("abstract", StoreFake()),
    ("abstract", mock.Mock(spec=Store)),
    ("many", [Files(), mock.Mock(), Fake()]),
    ("some", (Memory(), Memory())),
    ("pair", (Files(), Memory())),
    ("named", {"a": Files(), "b": mock.Mock()}),
    ("ordered", [Files(), StoreFake()]),
]


@pytest.mark.parametrize(
    ("name", "value"), ACCEPTED, ids=[f"{name}-{type(value).__name__}" for name, value in ACCEPTED]
)
def test_what_a_field_for_resources_accepts(name: str, value: object) -> None:
    """A resource of the class, and any object that may stand in for one: a mock, with or without spec, a fake."""
    holder = Holder(**{name: value})  # type: ignore[arg-type]
    assert getattr(holder, name) == value
    with open_resource(holder) as live:
        got = getattr(live, name)
        if not isinstance(value, ConfigurableResource | list | tuple | dict):
            assert got is value


@pytest.mark.parametrize("value", [5, "files", b"", 1.5, True, ["x"], {1: "x"}, Files, Other(), object()])
@pytest.mark.parametrize("name", ["one", "either", "protocol", "abstract"])
def test_what_a_field_for_resources_refuses(name: str, value: object) -> None:
    """Scalars, containers, classes and resources of another class are errors at construction."""
    with pytest.raises(InvalidFieldError, match=rf"Holder\.{name}: expected"):
        Holder(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["either", "protocol", "abstract"])
def test_a_dict_must_be_for_one_class(name: str) -> None:
    """A dict of fields is refused where it does not say which class is meant."""
    with pytest.raises(InvalidFieldError, match=rf"Holder\.{name}: expected"):
        Holder(**{name: {"name": "x"}})  # type: ignore[arg-type]


def test_a_dict_of_fields_stands_for_a_nested_resource() -> None:
    """Where a field holds one resource, a dict makes it, nested ones too; its hooks run like any other's."""

    class Outer(ConfigurableResource):
        holder: Holder

    made = Outer(holder={"one": {"name": "dict"}})  # type: ignore[arg-type]
    assert made == Outer(holder=Holder(one=Files(name="dict")))
    with open_resource(made) as live:
        assert live.holder.one.name == "dict"  # type: ignore[union-attr]
    assert LOG == ["+dict", "-dict"]


def test_a_dict_that_does_not_fit_tells_the_whole_path() -> None:
    """What is wrong in a dict is told with the path to it, and with the rest that is wrong."""

    class Outer(ConfigurableResource):
        holder: Holder
        size: int

    with pytest.raises(InvalidFieldError) as caught:
        Outer(holder={"one": {"nmae": "x"}, "many": [1]}, size="1")  # type: ignore[arg-type]
    assert {problem.where for problem in caught.value.problems} == {
        "Outer.holder.one.nmae",
        "Outer.holder.many",
        "Outer.size",
    }


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("many", [Files(), Memory()], r"list with Memory at \[1\]"),
        ("many", (Files(),), "got tuple"),
        ("some", (Files(),), r"tuple with Files at \[0\]"),
        ("pair", (Files(),), "tuple of length 1"),
        ("named", {"a": Other()}, r"dict with Other at \[\*\]"),
        ("named", {1: Files()}, "dict with int as key"),
        ("ordered", [Memory()], r"list with Memory at \[0\]"),
    ],
)
def test_wrong_resources_inside_containers(name: str, value: typing.Any, told: str) -> None:
    """Each element must be right; the error says which is not."""
    with pytest.raises(InvalidFieldError, match=told):
        Holder(**{name: value})


def test_everything_that_is_held_is_set_up_and_torn_down() -> None:
    """Hooks run for every resource found in a value, in declaration order, once each, and reversed at the end."""
    shared = Files(name="shared")
    holder = Holder(
        one=shared,
        either=Memory(name="either"),
        protocol=Memory(name="protocol"),
        abstract=Files(name="abstract"),
        many=[Files(name="m0"), shared],
        some=(Memory(name="s0"),),
        named={"eu": Files(name="eu")},
    )
    with open_resource(holder) as live:
        names = ["shared", "either", "protocol", "abstract", "m0", "s0", "eu"]
        assert [f"+{name}" for name in names] == LOG
        assert live.one is live.many[1]
        assert live.one is not shared
        LOG.clear()
    assert [f"-{name}" for name in reversed(names)] == LOG


def test_a_default_may_be_a_resource() -> None:
    """A field's default resource is used, shared by those who use it, set up once; one that is given wins."""

    class Uses(ConfigurableResource):
        files: Files = Files(name="default")

    class Both(ConfigurableResource):
        a: Uses = Uses()
        b: Uses = Uses()

    with open_resource(Both()) as both:
        assert both.a.files is both.b.files
        assert LOG == ["+default"]
    with open_resource(Uses(files=Files(name="given"))) as uses:
        assert uses.files.name == "given"


def test_inline_resources_are_named_by_their_path() -> None:
    """Errors and plans call a nested resource without a key `orders.database`, elements by position and name."""

    class App(ResourceContainer):
        holder = Holder(
            one=Files(name=EnvVar("NOT_SET")),
            many=[Files(), Files(name=EnvVar("NOT_SET"))],
            named={"eu": Files(name=EnvVar("NOT_SET"))},
        )

    found = [(problem.where, problem.path) for problem in App().check()]
    assert found == [
        ("holder.one.name", ("holder", "holder.one")),
        ("holder.many.1.name", ("holder", "holder.many.1")),
        ("holder.named.eu.name", ("holder", "holder.named.eu")),
    ]


def test_a_nested_resource_can_be_read_before_a_run() -> None:
    """A declaration's nested resource is the very object given, and its values can be read."""
    files = Files(name="n")
    holder = Holder(one=files)
    assert holder.one is files
    assert Holder(many=[files]).many[0].name == "n"
    waiting = Holder(one=ref("files"))
    with pytest.raises(UnresolvedError, match="key 'files'"):
        waiting.one  # noqa: B018


def test_references_and_providers_fill_fields() -> None:
    """`ref("key")`, `ResourceParam("key")` and any provider stand for what they give, with the field's type checked."""

    class App(ResourceContainer):
        holder = Holder(
            one=ref("files"), either=ResourceParam("memory"), many=[ref("files")], protocol=providers.Factory(Fake)
        )
        files = Files(name="files")
        memory = Memory(name="memory")

    with App().run() as resources:
        assert resources.holder.one is resources.files
        assert resources.holder.either is resources.memory
        assert resources.holder.many == [resources.files]
        assert isinstance(resources.holder.protocol, Fake)
        assert LOG == ["+files", "+memory"]

    class Wrong(ResourceContainer):
        holder = Holder(one=ref("memory"), either=ref("flies"))
        memory = Memory()
        files = Files()

    with pytest.raises(PlanError) as caught, Wrong().run():
        pass
    assert {problem.code for problem in caught.value.problems} == {"type-mismatch", "dangling-ref"}
    assert "did you mean files?" in str(caught.value)


# --- what factories vend ---


class Client:
    pass


class Clients(ConfigurableResourceFactory[Client]):
    def create_resource(self) -> Client:
        return Client()


class Numbers(ConfigurableResourceFactory[int]):
    number: int = 1

    def create_resource(self) -> int:
        return self.number


class Unknown(ConfigurableResource):
    made: typing.Any = None

    def create_resource(self):  # type: ignore[no-untyped-def]
        return self.made


class Untold(ConfigurableResourceFactory):  # type: ignore[type-arg]
    """A factory that tells what it vends by its method only."""

    def create_resource(self) -> typing.Iterator[Client]:
        yield Client()


class Unreadable(ConfigurableResource):
    """What it vends cannot be told before."""

    def create_resource(self) -> "NoSuchName":  # type: ignore[name-defined]  # noqa: F821
        return Client()


class Vending(ConfigurableResource):
    """No factory by class, but it gives its users something else."""

    def create_resource(self) -> Client:
        return Client()


class Uploader(ConfigurableResource):
    client: ResourceDependency[Client]


def test_a_dependency_receives_what_a_factory_vends() -> None:
    """`ResourceDependency[T]` takes a factory of T, a T, or a stand-in; the live field is a T."""
    for given in (Clients(), Vending(), Untold(), Unreadable()):
        with open_resource(Uploader(client=given)) as uploader:
            assert type(uploader.client) is Client
    client = Client()
    for stands in (client, mock.Mock()):
        with open_resource(Uploader(client=stands)) as uploader:
            assert uploader.client is stands

    class App(ResourceContainer):
        clients = Clients()
        first = Uploader(client=clients)
        second = Uploader(client=ref("clients"))

    with App().run() as resources:
        assert resources.first.client is resources.clients
        assert resources.second.client is resources.clients


def test_a_dependency_refuses_what_vends_something_else() -> None:
    """A factory of another type, another resource, a scalar, nothing at all: errors at construction."""
    for wrong in (Numbers(), Files(), 5, None, Client):
        with pytest.raises(InvalidFieldError, match=r"Uploader\.client: expected Client"):
            Uploader(client=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidFieldError, match="'client' is required"):
        Uploader()  # type: ignore[call-arg]


def test_what_is_vended_is_checked_when_it_is_there() -> None:
    """Where the type of what is vended is not known before, the object itself is checked, and not printed."""
    with open_resource(Uploader(client=Unknown(made=Client()))) as uploader:
        assert type(uploader.client) is Client
    with (
        pytest.raises(InvalidFieldError, match=r"Uploader\.client: expected Client, got str") as caught,
        open_resource(Uploader(client=Unknown(made="hunter2"))),
    ):
        pass
    assert "hunter2" not in str(caught.value)


def test_a_field_of_the_vending_class_itself_receives_the_object_too() -> None:
    """A class with create_resource that is no factory may be the annotation: users get what it creates."""

    class Uses(ConfigurableResource):
        vending: Vending
        unknown: Unknown | None = None

    with open_resource(Uses(vending=Vending(), unknown=Unknown(made=5))) as uses:  # 5 is no Unknown, but vended by one
        assert type(uses.vending) is Client
        assert uses.unknown == 5


def test_vended_objects_in_containers() -> None:
    """Lists and dicts of dependencies receive each factory's object."""

    class Pool(ConfigurableResource):
        clients: list[ResourceDependency[Client]]
        numbers: dict[str, ResourceDependency[int]] = field(factory=dict)

    with open_resource(Pool(clients=[Clients(), Client()], numbers={"a": Numbers(number=4), "b": 5})) as pool:
        assert [type(client) for client in pool.clients] == [Client, Client]
        assert pool.numbers == {"a": 4, "b": 5}
    with pytest.raises(InvalidFieldError, match=r"list with Numbers at \[0\]"):
        Pool(clients=[Numbers()])


def test_converters_of_linked_fields() -> None:
    """A provider's object meets the field's converter when it is there; a nested resource met it as a declaration."""
    seen = []

    def note(value: typing.Any) -> typing.Any:
        seen.append(type(value).__name__)
        return value

    class Uses(ConfigurableResource):
        number: int = field(converter=lambda value: int(note(value)))
        files: Files = field(converter=note)

    with open_resource(Uses(number=providers.Object("5"), files=Files())) as uses:
        assert uses.number == 5
    assert seen == ["Files", "str"]


def test_a_long_chain() -> None:
    """Two thousand resources, each nested in the next, open and close."""

    class Link(ConfigurableResource):
        inner: typing.Optional["Link"] = None

        def setup_for_execution(self) -> None:
            LOG.append("+")

    chain = Link()
    for _ in range(1999):
        chain = Link(inner=chain)
    with open_resource(chain):
        assert len(LOG) == 2000
    assert len(repr(chain)) < 300
