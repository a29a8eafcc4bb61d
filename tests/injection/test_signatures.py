"""`inject`: the annotations, arguments and kinds of callables it copes with."""

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Optional, Protocol
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    InjectionError,
    NoActiveRunError,
    ResourceContainer,
    ResourceParam,
    inject,
    injected,
    secret,
)
from tests.shop import Client, Database, Orders, Shop

# --- annotations ---


def test_a_name_of_the_defining_function_is_found() -> None:
    """A string annotation may name a class of the function, or of the class, that the function is defined in."""

    class Local(ConfigurableResource): ...

    class Service:
        class Inner(ConfigurableResource): ...

        @inject
        def read(self, local: "Local", inner: "Inner") -> "tuple[Local, Inner]":
            return local, inner

    class App(ResourceContainer):
        local = Local()
        inner = Service.Inner()

    with App().run() as resources:
        assert Service().read() == (resources.local, resources.inner)
    assert "local" not in inspect.signature(Service.read).parameters


def test_a_name_of_the_module_is_found(shop: Shop) -> None:
    """A string annotation may name a class of the module, also inside another annotation."""

    @inject
    def read(orders: "Orders", database: Optional["Database"] = None) -> object:
        return orders, database

    with shop.run() as resources:
        assert read() == (resources.orders, resources.database)


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A module whose functions use names that are defined later."""
    made = types.ModuleType("late_module")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


SOURCE = """
import late_module
from resourcekit import inject

@inject
def read(later: "Later") -> "Later":
    return later

@inject
def attribute(later: "late_module.Later | None" = None) -> object:
    return later
"""


def test_a_name_that_is_defined_later_is_found_then(module: types.ModuleType) -> None:
    """An annotation that cannot be resolved when a function is decorated is resolved when it can be."""
    exec(SOURCE, vars(module))
    assert list(inspect.signature(module.read).parameters) == ["later"]
    assert module.attribute() is None

    class Later(ConfigurableResource): ...

    module.Later = Later  # type: ignore[attr-defined]
    with ResourceContainer.of({"later": Later()}).run() as resources:
        assert module.read() is resources.later
        assert module.attribute() is resources.later
    assert list(inspect.signature(module.read).parameters) == []


def test_a_call_in_a_run_of_its_own_waits_for_names_too(module: types.ModuleType) -> None:
    """`call` of such a function opens what it turns out to ask for."""
    exec(SOURCE, vars(module))
    module.Later = Database  # type: ignore[attr-defined]
    app = ResourceContainer.of({"later": Database(host="late")})
    assert app.call(module.read).host == "late"


def test_a_name_that_is_never_defined_is_an_error_when_it_counts(module: types.ModuleType) -> None:
    """Left out by the caller, the parameter may have been a resource: the error says what to do. Given, it is fine."""
    exec(SOURCE, vars(module))
    assert module.read(5) == 5
    assert module.read(later=5) == 5
    with pytest.raises(InjectionError) as caught:
        module.read()
    assert str(caught.value) == (
        "read() cannot be given 'later': its annotation cannot be resolved, name 'Later' is not defined; "
        "import the name at run time, not under TYPE_CHECKING alone, or give it the default injected()"
    )


def test_injected_needs_no_annotation_that_can_be_resolved() -> None:
    """A class imported under TYPE_CHECKING only: with injected(), the name decides."""

    @inject
    def read(database: "Nowhere" = injected()) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return database

    with Shop().run() as resources:
        assert read() is resources.database


def test_a_type_that_is_known_later_is_checked_then(module: types.ModuleType) -> None:
    """As long as the annotation cannot be resolved, injected() goes by the name alone; then the type must fit."""
    exec(
        SOURCE + "from resourcekit import injected\n@inject\ndef named(later: 'Later' = injected()): return later",
        vars(module),
    )
    with ResourceContainer.of({"later": Database()}).run() as resources:
        assert module.named() is resources.later
        module.Later = Client  # type: ignore[attr-defined]
        with pytest.raises(InjectionError, match="wants Client, the key of that name holds Database"):
            module.named()


def test_a_factory_that_is_defined_later_counts() -> None:
    """A function may be decorated before the factory that vends what it asks for is defined."""

    class Session: ...

    @inject
    def read(session: Session) -> Session:
        return session

    assert read(session=Session()) is not None

    class SessionFactory(ConfigurableResourceFactory[Session]):
        def create_resource(self) -> Session:
            return Session()

    with ResourceContainer.of({"session": SessionFactory()}).run() as resources:
        assert read() is resources.session


def test_annotations_that_mean_nothing_are_the_callers(shop: Shop) -> None:
    """An annotation that is no type, or that fails when it is evaluated, leaves its parameter to the caller."""

    @inject
    def read(a: "1 / 0", b: 5, c: "list[", database: Database) -> object:  # type: ignore  # noqa
        return a, b, c

    with shop.run():
        assert read(1, 2, 3) == (1, 2, 3)


def test_the_public_signature_has_no_injected_parameter(shop: Shop) -> None:
    """What a framework reads are the caller's parameters only, their annotations resolved."""

    @inject
    def read(day: "date", orders: Orders, *rest: int, client: Client, limit: int = 5) -> "None":
        """Read it."""

    assert inspect.signature(read) == inspect.Signature(
        [
            inspect.Parameter("day", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=date),
            inspect.Parameter("rest", inspect.Parameter.VAR_POSITIONAL, annotation=int),
            inspect.Parameter("limit", inspect.Parameter.KEYWORD_ONLY, default=5, annotation=int),
        ],
        return_annotation=None,
    )
    assert (read.__name__, read.__doc__) == ("read", "Read it.")


# --- the caller's arguments ---


def test_positional_arguments_pass_an_injected_parameter_in_the_middle(shop: Shop) -> None:
    """The caller's positional arguments fill the other parameters in their order, `*rest` included."""

    @inject
    def read(a: int, orders: Orders, b: int = 2, *rest: int, client: Client, **more: int) -> tuple[Any, ...]:
        assert isinstance(orders, Orders)
        assert isinstance(client, Client)
        return a, b, rest, more

    with shop.run():
        assert read(1) == (1, 2, (), {})
        assert read(1, 3) == (1, 3, (), {})
        assert read(1, 3, 4, 5, x=6) == (1, 3, (4, 5), {"x": 6})
        assert read(b=3, a=1) == (1, 3, (), {})
    assert read(1, 3, 4, orders=Orders(database=Database()), client=Client("u")) == (1, 3, (4,), {})


def test_positional_only_parameters(shop: Shop) -> None:
    """An injected parameter may be positional only; the caller may still give it, by keyword."""

    @inject
    def read(a: int = 1, orders: Orders = injected(), /, b: int = 2) -> tuple[Any, ...]:
        return a, orders, b

    with shop.run() as resources:
        assert read() == (1, resources.orders, 2)
        assert read(5, b=6) == (5, resources.orders, 6)
    mine = Mock()
    assert read(5, 7, orders=mine) == (5, mine, 7)


def test_too_many_positional_arguments(shop: Shop) -> None:
    """A resource given by position is an error that says it goes by keyword."""

    @inject
    def read(a: int, orders: Orders) -> None: ...

    with shop.run(), pytest.raises(TypeError) as caught:
        read(1, Orders(database=Database()))
    assert str(caught.value) == (
        f"{read.__qualname__}(): too many positional arguments; injected, and given by keyword only: orders"
    )


KINDS = ["positional_only", "positional", "keyword_only"]


@st.composite
def functions(draw: st.DrawFn) -> tuple[Callable[..., Any], list[str]]:
    """A function of any signature that gives its arguments by name, and which of its parameters are injected."""
    kinds = sorted(draw(st.lists(st.sampled_from(KINDS), max_size=6)), key=KINDS.index)
    has_rest, has_more = draw(st.booleans()), draw(st.booleans())
    parts, injected_names, has_default = [], [], False
    for number, kind in enumerate(kinds):
        name = f"p{number}"
        if kind == "keyword_only" and "*" not in "".join(parts):
            parts.append("*rest" if has_rest else "*")
        is_injected = draw(st.booleans())
        has_default = draw(st.booleans()) or (has_default and kind != "keyword_only" and not is_injected)
        if is_injected:
            injected_names.append(name)
        default = "=injected()" if is_injected else f"={number}" if has_default else ""
        has_default = has_default or (is_injected and kind != "keyword_only")
        parts.append(name + default)
        if kind == "positional_only" and kinds[number + 1 : number + 2] != [kind]:
            parts.append("/")
    if has_rest and "keyword_only" not in kinds:
        parts.append("*rest")
    if has_more:
        parts.append("**more")
    names: dict[str, Any] = {"injected": injected}
    exec(f"def function({', '.join(parts)}): return dict(locals())", names)
    return names["function"], injected_names


@given(functions(), st.integers(0, 5), st.sets(st.sampled_from(["p0", "p1", "p2", "p3", "p4", "p5", "other"])))
def test_arguments_go_where_the_public_signature_says(
    drawn: tuple[Callable[..., Any], list[str]], count: int, given_by_name: set[str]
) -> None:
    """For every signature and call: the caller's arguments as without the injected parameters, and those filled."""
    function, names = drawn
    app = ResourceContainer.of({name: f"injected {name}" for name in names})
    args = tuple(f"given {number}" for number in range(count))
    wrapper = inject(function)
    public = inspect.signature(wrapper)
    # Python's own `bind` errs on `f(p0=1)` for `def f(p0=0, /, **more)`.
    only = {name for name, each in public.parameters.items() if each.kind is each.POSITIONAL_ONLY}
    kwargs = {name: f"named {name}" for name in sorted(given_by_name - only)}
    assert set(public.parameters).isdisjoint(names)
    try:
        bound = public.bind(*args, **{name: value for name, value in kwargs.items() if name not in names})
    except TypeError:
        with app.run(), pytest.raises(TypeError):
            wrapper(*args, **kwargs)
        return
    bound.apply_defaults()
    expected = {**bound.arguments, **{name: kwargs.get(name, f"injected {name}") for name in names}}
    with app.run():
        assert wrapper(*args, **kwargs) == expected
    assert app.call(function, *args, **kwargs) == expected


# --- what can be decorated ---


def test_methods(shop: Shop) -> None:
    """Methods, class methods and static methods are decorated, with inject above or below."""

    class Report:
        @inject
        def plain(self, day: str, orders: Orders) -> object:
            return type(self), day, type(orders)

        @classmethod
        @inject
        def below(cls, day: str, orders: Orders) -> object:
            return cls, day, type(orders)

        @inject
        @classmethod
        def above(cls, day: str, orders: Orders) -> object:
            return cls, day, type(orders)

        @inject
        @staticmethod
        def static(day: str, orders: Orders) -> object:
            return Report, day, type(orders)

    with shop.run():
        for method in (Report().plain, Report.below, Report.above, Report().above, Report.static):
            assert method("monday") == (Report, "monday", Orders)
            assert list(inspect.signature(method).parameters) == ["day"]


def test_callable_instances(shop: Shop) -> None:
    """An object with a `__call__` that asks is decorated like a function."""

    class Report:
        def __call__(self, day: str, orders: "Orders") -> object:
            return day, type(orders)

    with shop.run():
        assert inject(Report())("monday") == ("monday", Orders)
    with pytest.raises(NoActiveRunError, match=r"Report\(orders\)"):
        inject(Report())("monday")


def test_partial_functions(shop: Shop) -> None:
    """What a partial has filled stays as it is, by name too; the rest is injected."""

    def read(a: int, orders: Orders, client: Client, b: int = 2) -> tuple[Any, ...]:
        return a, type(orders), client, b

    mine = Client("mine")
    with shop.run():
        assert inject(functools.partial(read, 1, client=mine))(b=3) == (1, Orders, mine, 3)
    with pytest.raises(NoActiveRunError, match=r"read\(orders\)"):
        inject(functools.partial(functools.partial(read, 1), client=mine))()


def test_an_error_shows_no_argument_of_a_partial() -> None:
    """The name in an error is the function's: the arguments of a partial may be secret."""

    def read(password: str, orders: Orders) -> None: ...

    class Empty(ResourceContainer): ...

    with pytest.raises(InjectionError) as caught:
        Empty().call(functools.partial(read, "hunter2"))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_lambdas(shop: Shop) -> None:
    """A lambda says what it asks for with injected()."""
    with shop.run():
        assert inject(lambda day, orders=injected(): (day, orders.page_size))("monday") == ("monday", 100)


def test_functions_of_c_ask_for_nothing(shop: Shop) -> None:
    """A function that does not tell its parameters is called as it is."""
    assert inject(max)(1, 2) == 2
    assert shop.call({"a": 1}.get, "a") == 1


def test_another_decorator_inside_or_outside(shop: Shop) -> None:
    """inject goes with decorators that use functools.wraps, in either order."""

    def twice(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return [function(*args, **kwargs), function(*args, **kwargs)]

        return wrapper

    def read(day: str, orders: Orders) -> object:
        return day, type(orders)

    with shop.run():
        assert inject(twice(read))("monday") == [("monday", Orders)] * 2
        assert twice(inject(read))("monday") == [("monday", Orders)] * 2
        assert inject(inject(read))("monday") == ("monday", Orders)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [(Orders, "the class Orders"), (5, "an int"), (None, "a NoneType"), (property(lambda self: 1), "a property")],
)
def test_what_is_no_function_is_refused(wrong: Any, named: str, shop: Shop) -> None:
    """A class or another object is refused where it is decorated or called, with its kind."""
    for decorate in (inject, shop.inject, shop.call):
        with pytest.raises(TypeError, match=f"wants a function, not {named}"):
            decorate(wrong)


def test_a_protocol_parameter_is_asked_for_with_resource_param(shop: Shop) -> None:
    """A Protocol that a resource fulfils is asked for by ResourceParam, since any object may fulfil one."""

    class HasHost(Protocol):
        host: str

    @inject
    def read(database: ResourceParam[HasHost]) -> str:
        return database.host

    with shop.run():
        assert read() == "localhost"


def test_resource_param_called_is_a_reference() -> None:
    """`ResourceParam("database")` names a key in a field, as the guide writes it."""

    class App(ResourceContainer):
        orders = Orders(database=ResourceParam("database"))  # type: ignore[operator]
        database = Database()

    with App().run() as resources:
        assert resources.orders.database is resources.database


def test_a_secret_resource_shows_nothing_in_errors() -> None:
    """An error about a resource of the wrong type names its class, not its fields."""

    class Vault(ConfigurableResource):
        token: str = secret(default="hunter2")

    class App(ResourceContainer):
        orders = Vault()

    def read(orders: Orders) -> None: ...

    with pytest.raises(InjectionError, match="holds Vault") as caught:
        App().call(read)
    assert "hunter2" not in str(caught.value)


def test_a_decorated_function_keeps_nothing_alive(shop: Shop) -> None:
    """Calling local functions again and again leaves none of them, nor their local names, behind."""
    import gc
    import weakref

    class Witness: ...

    def work() -> "weakref.ref[Witness]":
        witness = Witness()

        def read(database: "Database") -> object:
            return witness

        def unresolved(database: "Database", other: "Nowhere" = None) -> object:  # type: ignore  # noqa
            return witness

        shop.call(read)
        shop.call(unresolved)
        return weakref.ref(witness)

    left = work()
    gc.collect()
    assert left() is None


def test_a_container_is_not_kept_alive_by_the_functions_it_filled() -> None:
    """What a function knows of a container goes when the container goes."""
    import gc
    import weakref

    @inject
    def read(database: Database) -> Database:
        return database

    def work() -> "weakref.ref[Shop]":
        app = Shop()
        with app.run():
            read()
        return weakref.ref(app)

    left = work()
    gc.collect()
    assert left() is None
