"""`inject`: what a function was given once is given again without looking, until it may be another."""

import asyncio
import contextvars
import functools
import gc
import inspect
import linecache
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    NoActiveRunError,
    ResourceContainer,
    ResourceParam,
    inject,
    injected,
)


class Database(ConfigurableResource, scope="app"):
    host: str = "localhost"


class Orders(ConfigurableResource):
    database: Database


class App(ResourceContainer):
    database = Database()
    orders = Orders(database=database)


class Other(ResourceContainer):
    database = Database(host="other")
    orders = Orders(database=database)


@inject
def host(database: Database) -> str:
    return database.host


@inject
def current(database: Database) -> Database:
    return database


def elsewhere(function: Callable[[], Any]) -> Any:
    """What a function gives in another thread, or the type of its error."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(function())
        except Exception as error:
            found.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def test_another_start_gives_another_object() -> None:
    """A function called before and after a restart gets the object of each start, and nothing in between."""
    app, found = App(), []
    for _ in range(2):
        with app:
            found += [current(), current()]
            assert current() is app.get(Database)
        with pytest.raises(NoActiveRunError):
            current()
    assert found[0] is found[1] is not found[2] is found[3]


def test_the_latest_app_gives_as_long_as_it_is_started() -> None:
    """An app that is started later comes first, also for a function that has been called before."""
    with App():
        assert [host(), host()] == ["localhost", "localhost"]
        with Other():
            assert [host(), host()] == ["other", "other"]
        assert [host(), host()] == ["localhost", "localhost"]


def test_a_run_comes_before_the_app() -> None:
    """Inside a run a function gets what the run has, outside it what the app has, however often it was called."""
    other = Other()
    with App():
        for _ in range(2):
            assert [host(), host()] == ["localhost", "localhost"]
            with other.run():
                assert [host(), host()] == ["other", "other"]
                assert elsewhere(host) == "localhost"
        assert host() == "localhost"


def test_runs_of_one_plan_give_their_own() -> None:
    """A function that was called in one run gets the next run's own object in the next, nested ones included."""
    app = App()

    @inject
    def orders(orders: Orders) -> Orders:
        return orders

    with app:
        for _ in range(3):
            with app.run() as outer:
                assert orders() is outer.orders
                with app.run() as inner:
                    assert orders() is inner.orders is not outer.orders
                assert orders() is outer.orders
            with pytest.raises(Exception, match="not live"):
                orders()


def test_a_run_that_outlives_its_app_no_longer_gives_what_the_app_had() -> None:
    """What an app had up is not given when it is stopped, not even inside a run that was opened before."""
    app = App()
    app.start()
    with app.run():
        assert [host(), host()] == ["localhost", "localhost"]
        app.close()
        with pytest.raises(Exception, match="'database' is not live"):
            host()


def test_a_key_that_is_up_but_not_shown_is_given() -> None:
    """What a run has set up for another resource is given as well, call after call."""
    with App().run("orders") as resources:
        assert [current(), current()] == [resources.orders.database] * 2


def test_while_a_run_is_set_up_its_hooks_get_what_is_up() -> None:
    """A hook that calls an injected function gets what is up by then, in the first run and in later ones."""

    class Late(ConfigurableResource):
        database: Database

        def setup_for_execution(self) -> None:
            self._seen = current()

    class Two(ResourceContainer):
        database = Database()
        late = Late(database=database)

    app = Two()
    for _ in range(3):
        with app.run() as resources:
            assert resources.late._seen is resources.database
            assert current() is resources.database


def test_what_is_not_up_yet_is_missing_in_every_run() -> None:
    """A hook does not get what comes after it, though the same function got it in the run before."""

    class Early(ConfigurableResource):
        def setup_for_execution(self) -> None:
            self._seen = perhaps()

    class Late(ConfigurableResource):
        early: Early

    class Two(ResourceContainer):
        early = Early()
        late = Late(early=early)

    @inject
    def perhaps(late: Late | None) -> Late | None:
        return late

    app = Two()
    for _ in range(3):
        with app.run() as resources:
            assert resources.early._seen is None
            assert [perhaps(), perhaps()] == [resources.late, resources.late]


def test_an_override_is_seen_here_and_nowhere_else() -> None:
    """Inside an override a function gets the fake, in other threads the original, and so it does afterwards."""
    with App() as app:
        assert [host(), host()] == ["localhost", "localhost"]
        with app.override(database=Database(host="fake")) as fake:
            with fake.run():
                assert [host(), host()] == ["fake", "fake"]
            assert elsewhere(host) == "localhost"
        assert [host(), host()] == ["localhost", "localhost"]


def test_a_context_that_keeps_an_override_keeps_seeing_it() -> None:
    """Code that goes on in a copied context sees the override there after the block has ended; others do not."""
    with App() as app:
        with app.override(database=Database(host="fake")):
            kept = contextvars.copy_context()
        assert [host(), host()] == ["localhost", "localhost"]
        with pytest.raises(Exception, match="not live"):
            kept.run(host)
        assert host() == "localhost"
        del kept
        assert [host(), host()] == ["localhost", "localhost"]


def test_nothing_is_held_when_the_app_is_stopped() -> None:
    """A function does not keep an object alive that it was given by an app that has stopped."""
    with App() as app:
        assert [host(), host()] == ["localhost", "localhost"]
        gone = weakref.ref(app.get(Database))
    gc.collect()
    assert gone() is None


def test_an_app_that_is_forgotten_gives_nothing() -> None:
    """An app that was left open and forgotten warns, and its objects are not given any more."""
    apps = [App().start()]
    assert [host(), host()] == ["localhost", "localhost"]

    def forget() -> None:
        apps.clear()
        gc.collect()

    with pytest.warns(ResourceWarning, match="left open"):
        forget()
    with pytest.raises(NoActiveRunError):
        host()


def test_every_kind_of_function() -> None:
    """Coroutine functions, generators and async generators stay what they are, and get the same objects again."""

    @inject
    async def awaited(number: int, database: Database) -> tuple[int, str]:
        await asyncio.sleep(0)
        return number, database.host

    @inject
    def generated(number: int, database: Database) -> Iterator[Any]:
        got = yield database.host
        yield got
        return number

    @inject
    async def stream(number: int, database: Database) -> Any:
        yield number, database.host

    async def collect() -> list[Any]:
        return [await awaited(1), [item async for item in stream(2)]]

    with App() as app:
        for _ in range(3):
            assert asyncio.run(collect()) == [(1, "localhost"), [(2, "localhost")]]
            generator = generated(3)
            assert [next(generator), generator.send("sent")] == ["localhost", "sent"]
            with pytest.raises(StopIteration) as stopped:
                next(generator)
            assert stopped.value.value == 3
            with app.run():
                assert list(generated(3)) == ["localhost", None]
                assert asyncio.run(collect())[0] == (1, "localhost")
    kinds = (
        inspect.iscoroutinefunction(awaited),
        inspect.isgeneratorfunction(generated),
        inspect.isasyncgenfunction(stream),
    )
    assert kinds == (True, True, True)


DEFAULT = object()


def mixed(first: int, /, database: Database, second: Any = DEFAULT, *, key: Any = None, **rest: Any) -> list[Any]:
    return [first, database.host, second, key, rest]


def in_front(database: Database, first: int, second: int = 2) -> list[Any]:
    return [database.host, first, second]


def only(database: Database, /, first: int, *, second: int) -> list[Any]:
    return [database.host, first, second]


def many(first: int, *others: int, database: Database) -> list[Any]:
    return [first, others, database.host]


def plain(_given: int, function: int, current: int = 3, *, general: int = 4, database: Database) -> list[Any]:
    return [_given, function, current, general, database.host]


def passing(*given: Any, **named: Any) -> Any:
    return functools.wraps(in_front)(lambda *args, **kwargs: in_front(*args, **kwargs))(*given, **named)


class Callee:
    def __call__(self, first: int, database: Database) -> list[Any]:
        return [first, database.host]


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return outer


CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (mixed, (1,), {}),
    (mixed, (1,), {"second": 2, "key": 3}),
    (mixed, (1,), {"unknown": 5}),
    (mixed, (1,), {"database": Database(host="given")}),
    (mixed, (), {"first": 1}),
    (mixed, (), {}),
    (mixed, (1, 2), {}),
    (mixed, (1, 2, 3), {}),
    (in_front, (1,), {}),
    (in_front, (1, 5), {}),
    (in_front, (), {"first": 1}),
    (in_front, (), {"second": 1}),
    (in_front, (1, 2, 3), {}),
    (only, (1,), {"second": 2}),
    (only, (), {"first": 1, "second": 2}),
    (only, (1,), {}),
    (many, (1,), {}),
    (many, (1, 2, 3), {}),
    (many, (), {"first": 1}),
    (plain, (1, 2), {}),
    (plain, (1,), {"function": 2, "general": 5}),
    (functools.partial(in_front, second=7), (1,), {}),
    (functools.partial(mixed, 1), (), {"key": 2}),
    (decorated(in_front), (1,), {}),
    (decorated(mixed), (1,), {"second": 2}),
    (Callee(), (1,), {}),
    (Callee(), (), {"first": 1}),
]


def outcome(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a call gives, or the type of its error."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize(("function", "args", "kwargs"), CALLS)
def test_however_it_is_called(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Whatever the signature and the call, a later call gives what the first one gave, inside and outside a run."""
    with App() as app:
        expected = outcome(inject(function), args, kwargs)
        injected_function = inject(function)
        assert [outcome(injected_function, args, kwargs) for _ in range(3)] == [expected] * 3
        outcome(injected_function, (1,), {"second": 2})
        assert outcome(injected_function, args, kwargs) == expected
        with app.run():
            assert [outcome(injected_function, args, kwargs) for _ in range(3)] == [expected] * 3


class Request:
    """What a web framework would give."""


def test_a_parameter_that_nobody_fills_yet_may_be_filled_later() -> None:
    """A required parameter of a class that a factory comes to vend is injected from then on."""

    class Later: ...

    @inject
    def read(request: Request, later: Later, database: Database) -> list[Any]:
        return [request, later, database.host]

    request, later = Request(), Later()
    with App():
        for _ in range(3):
            assert read(request, later) == read(request=request, later=later) == [request, later, "localhost"]
            assert read(later=later, request=request) == [request, later, "localhost"]
            with pytest.raises(TypeError, match="later"):
                read(request)
            with pytest.raises(TypeError, match="request"):
                read(later=later)

    class Making(ConfigurableResourceFactory[Later]):
        def create_resource(self) -> Later:
            return later

    class More(App):
        later = Making()

    with More().run():
        assert [read(request), read(request)] == [[request, later, "localhost"]] * 2


def test_values_providers_and_what_may_be_missing() -> None:
    """A plain value is given again; an optional parameter gets its default until an app has something for it."""

    class Cache(ConfigurableResource, scope="app"):
        size: int = 1

    class Cached(ResourceContainer):
        cache = Cache()

    @inject
    def read(url: ResourceParam[str], cache: Cache | None = None, database: Database = injected()) -> list[Any]:
        return [url, cache, database.host]

    with ResourceContainer.of({"url": "https://shop", "database": Database()}):
        assert [read(), read()] == [["https://shop", None, "localhost"]] * 2
        with Cached() as cached:
            assert [read(), read()] == [["https://shop", cached.get("cache"), "localhost"]] * 2
        assert read()[1] is None


def test_an_object_that_cannot_be_hashed_is_given_each_time() -> None:
    """A factory may vend a list: it is injected like anything else, and debuggers can still hash the code."""

    class Numbers(ConfigurableResourceFactory[list[int]], scope="app"):
        def create_resource(self) -> list[int]:
            return [1, 2]

    @inject
    def read(numbers: ResourceParam[list[int]]) -> list[int]:
        return numbers

    with ResourceContainer.of({"numbers": Numbers()}) as app:
        assert read() is read() is app.get("numbers")
        assert isinstance(hash(read.__code__), int)


def test_the_code_that_calls_can_be_read() -> None:
    """A traceback through an injected function shows the line that calls it."""

    @inject
    def fail(database: Database) -> None:
        raise LookupError(database.host)

    with App():
        for _ in range(2):
            with pytest.raises(LookupError) as caught:
                fail()
            trace = caught.tb.tb_next
            assert trace is not None
            code = trace.tb_frame.f_code
            assert code.co_filename.startswith("resourcekit inject ")
            line = linecache.getline(code.co_filename, trace.tb_lineno, trace.tb_frame.f_globals)
            assert line.strip().startswith("return ")


STEPS = st.lists(
    st.sampled_from(["app", "other", "override", "run", "other run", "close", "call", "call elsewhere"]), max_size=30
)


@given(STEPS)
def test_it_never_differs_from_a_first_call(steps: list[str]) -> None:
    """Whatever is started, overridden, opened and closed in whatever order, a call gives what a new function gets."""
    app, other = App(), Other()

    @inject
    def known(database: Database) -> Database:
        return database

    def compare() -> None:
        @inject
        def new(database: Database) -> Database:
            return database

        assert outcome(known, (), {}) is outcome(new, (), {})

    opening: dict[str, Callable[[], Any]] = {
        "app": lambda: app,
        "other": lambda: other,
        "override": lambda: app.override(database=Database(host="fake")),
        "run": app.run,
        "other run": other.run,
    }
    with ExitStack() as everything:
        stacks: list[ExitStack] = []
        for step in steps:
            if step in opening:
                stacks.append(everything.enter_context(ExitStack()))
                stacks[-1].enter_context(opening[step]())
            elif step == "close" and stacks:
                stacks.pop().close()
            elif step == "call elsewhere":
                assert elsewhere(compare) is None
            compare()
