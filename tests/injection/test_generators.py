"""Generators under `inject`: their kind, their protocol, and whose run is the current one while they rest."""

import contextlib
import contextvars
import functools
import gc
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import ConfigurableResource, NoActiveRunError, ResourceContainer, RunStateError, inject

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


class Session(ConfigurableResource):
    def yield_for_execution(self) -> Iterator["Session"]:
        LOG.append("begin")
        try:
            yield self
        except BaseException as error:
            LOG.append(f"rollback {type(error).__name__}")
            raise
        LOG.append("commit")


class App(ResourceContainer):
    session = Session()


class Slow(ConfigurableResource):
    """Has async hooks."""

    async def setup_for_execution(self) -> None:
        await anyio.sleep(0)
        LOG.append("+slow")

    async def teardown_after_execution(self, context: Any) -> None:
        await anyio.sleep(0)
        LOG.append(f"-slow {type(context.exception).__name__}")


class Async(ResourceContainer):
    slow = Slow()


@pytest.fixture
def app() -> App:
    return App()


def current(app: Any, key: str = "session") -> object:
    """What is live in the current run, or None."""
    try:
        return app.get(key)
    except NoActiveRunError:
        return None


@pytest.mark.parametrize("decorate", [inject, App().inject])
def test_the_wrapper_is_of_the_functions_kind(decorate: Callable[[Any], Any]) -> None:
    """Frameworks that ask what kind of function it is get the right answer."""

    def plain(session: Session) -> None: ...

    async def coroutine(session: Session) -> None: ...

    def generator(session: Session) -> Iterator[int]:
        yield 1

    async def async_generator(session: Session) -> AsyncIterator[int]:
        yield 1

    class Callables:
        def __call__(self, session: Session) -> Iterator[int]:
            yield 1

    tests = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    kinds = [
        [is_kind(decorate(function)) for is_kind in tests]
        for function in (plain, coroutine, generator, async_generator, Callables())
    ]
    assert kinds == [
        [False, False, False],
        [True, False, False],
        [False, True, False],
        [False, False, True],
        [False, True, False],
    ]


def test_a_generators_run_lasts_until_it_ends(app: App) -> None:
    """The run opens with the first item and closes after the last; a generator never begun opens nothing."""

    @app.inject
    def numbers(count: int, session: Session) -> Iterator[int]:
        for number in range(count):
            LOG.append(f"item {number}")
            yield number

    numbers(3)
    assert LOG == []
    for _ in numbers(2):
        LOG.append("consumed")
    assert LOG == ["begin", "item 0", "consumed", "item 1", "consumed", "commit"]


def test_send_throw_and_the_return_value(app: App) -> None:
    """What is sent and thrown arrives in the body, and what it returns comes out of `yield from`."""

    @app.inject
    def echo(session: Session) -> Generator[str, str, str]:
        heard = yield "ready"
        try:
            heard = yield f"heard {heard}"
        except KeyError as error:
            heard = yield f"caught {error.args[0]}"
        return f"last {heard}"

    generator = echo()
    assert next(generator) == "ready"
    assert generator.send("one") == "heard one"
    assert generator.throw(KeyError("two")) == "caught two"
    with pytest.raises(StopIteration) as stop:
        generator.send("three")
    assert stop.value.value == "last three"
    assert LOG == ["begin", "commit"]


def test_closing_a_generator_rolls_back(app: App) -> None:
    """A generator that is closed early runs its `finally` in its run, and the run ends as failed."""

    @app.inject
    def numbers(session: Session) -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            LOG.append(f"finally {current(app) is session}")

    generator = numbers()
    next(generator)
    generator.close()
    assert LOG == ["begin", "finally True", "rollback GeneratorExit"]
    with pytest.raises(StopIteration):
        next(generator)


def test_an_abandoned_generator_is_closed_when_it_is_collected(app: App) -> None:
    """A generator that nobody goes on with gives its resources back."""

    @app.inject
    def numbers(session: Session) -> Iterator[int]:
        yield 1
        yield 2

    for _ in numbers():
        break
    gc.collect()
    assert LOG == ["begin", "rollback GeneratorExit"]


def test_an_error_in_a_generator_rolls_back(app: App) -> None:
    """The body's own exception, and one thrown in and not caught, reach the resources and the caller."""
    boom = ValueError("boom")

    @app.inject
    def numbers(session: Session) -> Iterator[int]:
        yield 1
        raise boom

    with pytest.raises(ValueError, match="boom") as caught:
        list(numbers())
    assert caught.value is boom
    generator = numbers()
    next(generator)
    thrown = KeyError("thrown")
    with pytest.raises(KeyError) as again:
        generator.throw(thrown)
    assert again.value is thrown
    assert LOG == ["begin", "rollback ValueError", "begin", "rollback KeyError"]


def test_a_suspended_generators_run_is_not_its_callers(app: App) -> None:
    """Between two items, the caller has the run it had before, and the body has its own again after."""
    seen: list[object] = []

    @app.inject
    def numbers(session: Session) -> Iterator[int]:
        for number in range(3):
            seen.append(current(app) is session)
            yield number
        seen.append(current(app) is session)

    for _ in numbers():
        assert current(app) is None
    with app.run() as resources:
        for _ in numbers():
            assert current(app) is resources.session
        assert current(app) is resources.session
    assert current(app) is None
    assert seen == [True] * 8


def test_runs_around_the_items_and_inside_the_body(app: App) -> None:
    """A run that the caller opens between items, and one that the body holds open over them, stay each with its own."""
    other = App()

    @app.inject
    def numbers(session: Session) -> Iterator[object]:
        with other.run() as inner:
            yield 1
            assert current(other) is inner.session
            assert current(app) is session
            yield 2
            assert current(other) is inner.session
        assert current(other) is None
        yield 3
        assert current(app) is session

    for _ in numbers():
        assert current(other) is None
        with other.run() as mine:
            assert current(other) is mine.session
        assert current(app) is None
    generator = numbers()
    next(generator)
    with other.run() as mine, app.run() as outer:
        next(generator)
        assert (current(other), current(app)) == (mine.session, outer.session)
    assert list(generator) == [3]
    assert current(app) is None is current(other)


def test_two_generators_in_turn(app: App) -> None:
    """Generators that are advanced in turn keep their runs apart."""

    @app.inject
    def numbers(session: Session) -> Iterator[object]:
        for _ in range(3):
            assert current(app) is session
            yield session
        assert current(app) is session

    pairs = list(zip(numbers(), numbers(), strict=True))
    assert len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs}) == 1
    assert pairs[0][0] is not pairs[0][1]


def test_a_generator_may_go_on_in_another_thread_and_context(app: App) -> None:
    """As web servers do it: each item in another thread, with a context of its own."""

    @app.inject
    def numbers(session: Session) -> Iterator[bool]:
        for _ in range(3):
            yield current(app) is session

    found: list[object] = []
    generator = numbers()

    def step() -> None:
        found.append(next(generator, "end"))
        found.append(current(app))

    for _ in range(4):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(step,))
        thread.start()
        thread.join()
    assert found == [True, None, True, None, True, None, "end", None]
    assert current(app) is None
    assert LOG == ["begin", "commit"]


def test_the_bare_inject_fills_a_generator_when_it_begins(app: App) -> None:
    """A generator of the bare inject takes its resources with the first item, from the run that is current then."""

    @inject
    def numbers(session: Session) -> Generator[object, object, str]:
        heard = yield session
        yield heard
        return "done"

    generator = numbers()
    with app.run() as resources:
        assert next(generator) is resources.session
        assert current(app) is resources.session
        assert generator.send("hello") == "hello"
        with pytest.raises(StopIteration, match="done"):
            next(generator)
    with pytest.raises(NoActiveRunError):
        next(numbers())


def test_a_context_manager_made_of_a_generator(app: App) -> None:
    """`@contextmanager` above `@app.inject` holds the run open over the body, and its errors roll back."""

    @contextlib.contextmanager
    @app.inject
    def unit(name: str, session: Session) -> Iterator[tuple[str, Session]]:
        yield name, session

    with unit("first") as (name, session):
        assert (name, type(session)) == ("first", Session)
        assert LOG == ["begin"]
    with pytest.raises(ValueError, match="boom"), unit("second"):
        raise ValueError("boom")
    assert LOG == ["begin", "commit", "begin", "rollback ValueError"]


# --- the same as without inject, whatever is done with it ---

Action = tuple[str, int]
ACTIONS = st.lists(st.tuples(st.sampled_from(["next", "send", "throw", "close"]), st.integers(0, 3)), max_size=8)


class Thrown(Exception):
    """What the tests throw in."""


def body(limit: int) -> Generator[object, object, object]:
    """Yields what it hears; catches all but every third thing thrown; ends at once when it is closed at 2."""
    heard: object = None
    for number in range(limit):
        try:
            heard = yield number, heard
        except Thrown as error:
            if error.args[0] == 3:
                raise
            heard = error.args
        except GeneratorExit:
            if number == 2:
                return "closed"
            raise
    return heard


async def abody(limit: int, session: Session | None = None) -> AsyncGenerator[object, object]:
    """`body`, async; it has no return value, and may be injected."""
    heard: object = None
    for number in range(limit):
        await anyio.sleep(0)
        try:
            heard = yield number, heard
        except Thrown as error:
            if error.args[0] == 3:
                raise
            heard = error.args
        except GeneratorExit:
            if number == 2:
                return
            raise


def outcome(call: Callable[[], object]) -> object:
    """What a step gives or raises, comparable."""
    try:
        return call()
    except StopIteration as stop:
        return "stop", stop.value
    except (Thrown, RuntimeError) as error:
        return type(error), str(error)


def behaviour(generator: Any, actions: list[Action]) -> list[object]:
    """What each action gives."""
    steps = {
        "next": lambda _: next(generator),
        "send": lambda number: generator.send(number),
        "throw": lambda number: generator.throw(Thrown(number)),
        "close": lambda _: generator.close(),
    }
    return [outcome(lambda step=steps[name], number=number: step(number)) for name, number in actions]


async def abehaviour(generator: Any, actions: list[Action]) -> list[object]:
    """What each action gives, async."""
    found: list[object] = []
    for name, number in actions:
        try:
            if name == "next":
                found.append(await anext(generator))
            elif name == "send":
                found.append(await generator.asend(number))
            elif name == "throw":
                found.append(await generator.athrow(Thrown(number)))
            else:
                found.append(await generator.aclose())
        except StopAsyncIteration:
            found.append("stop")
        except (Thrown, RuntimeError) as error:
            found.append((type(error), str(error)))
    await generator.aclose()
    return found


@given(st.integers(0, 4), ACTIONS)
def test_a_generator_behaves_as_without_inject(limit: int, actions: list[Action]) -> None:
    """Whatever the caller does, results, return values and exceptions are those of the bare function."""
    actions = [("next", 0), *actions]  # A generator that has not begun takes no value.

    def asking(limit: int, session: Session) -> Any:
        return (yield from body(limit))

    app = App()
    expected = behaviour(asking(limit, Session()), actions)
    assert behaviour(app.inject(asking)(limit), actions) == expected
    with app.run():
        assert behaviour(inject(asking)(limit), actions) == expected


@given(limit=st.integers(0, 4), actions=ACTIONS, backend=st.sampled_from(["asyncio", "trio"]))
def test_an_async_generator_behaves_as_without_inject(limit: int, actions: list[Action], backend: str) -> None:
    """The same for async generators: anext, asend, athrow and aclose."""
    actions = [("next", 0), *actions]

    async def main() -> None:
        app = App()
        expected = await abehaviour(abody(limit), actions)
        assert await abehaviour(app.inject(abody)(limit), actions) == expected
        with app.run():
            assert await abehaviour(inject(abody)(limit), actions) == expected

    anyio.run(main, backend=backend)


# --- async ---


@pytest.mark.anyio
async def test_an_async_generators_run_lasts_until_it_ends() -> None:
    """Async resources are set up with the first item and torn down after the last."""

    @Async().inject
    async def numbers(count: int, slow: Slow) -> AsyncIterator[int]:
        for number in range(count):
            await anyio.sleep(0)
            yield number

    assert [number async for number in numbers(3)] == [0, 1, 2]
    assert LOG == ["+slow", "-slow NoneType"]


@pytest.mark.anyio
async def test_a_suspended_async_generators_run_is_not_its_callers() -> None:
    """Between two items the caller has its own run, or none; the body has its own again after."""
    app = Async()

    @app.inject
    async def numbers(slow: Slow) -> AsyncIterator[int]:
        for number in range(3):
            assert current(app, "slow") is slow
            yield number
            await anyio.sleep(0)
        assert current(app, "slow") is slow

    async for _ in numbers():
        assert current(app, "slow") is None
    async with app.run() as resources:
        async for _ in numbers():
            assert current(app, "slow") is resources.slow


@pytest.mark.anyio
async def test_closing_an_async_generator_tears_down() -> None:
    """`aclose` runs the body's `finally` in its run, then the async teardowns."""
    app = Async()

    @app.inject
    async def numbers(slow: Slow) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await anyio.sleep(0)
            LOG.append(f"finally {current(app, 'slow') is slow}")

    async with contextlib.aclosing(numbers()) as items:  # type: ignore[type-var]
        async for _ in items:
            break
    assert LOG == ["+slow", "finally True", "-slow GeneratorExit"]


@pytest.mark.anyio
async def test_a_cancelled_async_generator_tears_down() -> None:
    """Cancellation while the body awaits reaches it, and the async teardowns run."""

    @Async().inject
    async def numbers(slow: Slow) -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        async for _ in numbers():
            scope.cancel()
    assert scope.cancelled_caught
    assert LOG[0] == "+slow"
    assert LOG[1].startswith("-slow Cancelled")


@pytest.mark.anyio
async def test_an_async_context_manager_made_of_a_generator() -> None:
    """`@asynccontextmanager` above `@app.inject` holds the run open over the body, and its errors arrive."""

    @contextlib.asynccontextmanager
    @Async().inject
    async def unit(name: str, slow: Slow) -> AsyncIterator[str]:
        yield name

    with pytest.raises(ValueError, match="boom"):
        async with unit("first") as name:
            assert (name, LOG) == ("first", ["+slow"])
            raise ValueError("boom")
    assert LOG == ["+slow", "-slow ValueError"]


# --- above contextlib's decorators ---


@contextlib.contextmanager
def managed(limit: int, session: Session) -> Iterator[tuple[int, Session]]:
    """A context manager for tests."""
    LOG.append("enter")
    try:
        yield limit, session
    finally:
        LOG.append("exit")


class Holder:
    """Has context managers for methods."""

    @contextlib.contextmanager
    def method(self, limit: int, session: Session) -> Iterator[tuple[int, Session]]:
        yield limit, session

    @classmethod
    @contextlib.contextmanager
    def of_class(cls, limit: int, session: Session) -> Iterator[tuple[int, Session]]:
        yield limit, session

    @staticmethod
    @contextlib.contextmanager
    def static(limit: int, session: Session) -> Iterator[tuple[int, Session]]:
        yield limit, session


def test_the_run_of_a_context_manager_spans_the_with_block(app: App) -> None:
    """`@app.inject` above `@contextmanager` opens the run on entering, and closes it on leaving."""
    decorated = app.inject(managed)
    entering = decorated(5)
    assert LOG == []
    with entering as (limit, session):
        assert isinstance(session, Session)
        assert limit == 5
        assert LOG == ["begin", "enter"]
        with pytest.raises(NoActiveRunError):
            app.get("session")
    assert LOG == ["begin", "enter", "exit", "commit"]
    assert list(inspect.signature(decorated).parameters) == ["limit"]
    assert (decorated.__name__, decorated.__doc__) == ("managed", "A context manager for tests.")


def test_an_error_in_the_block_of_a_context_manager_rolls_back(app: App) -> None:
    """The run of a context manager hears of the error in the block, and it surfaces."""
    with pytest.raises(ZeroDivisionError), app.inject(managed)(limit=5):
        1 / 0  # noqa: B018
    assert LOG == ["begin", "enter", "exit", "rollback ZeroDivisionError"]


def test_a_context_manager_may_decorate(app: App) -> None:
    """What `@contextmanager` makes is a decorator too: each call has its run."""

    @app.inject(managed)(5)
    def body() -> list[str]:
        return [*LOG]

    assert body() == ["begin", "enter"]
    LOG.clear()
    assert body() == ["begin", "enter"]


def test_methods_that_are_context_managers(app: App) -> None:
    """It is the same for methods, class and static methods, decorated in the class or bound."""

    class Decorated:
        method = app.inject(vars(Holder)["method"])
        of_class = app.inject(vars(Holder)["of_class"])
        static = app.inject(vars(Holder)["static"])

    bound = (app.inject(Holder().method), app.inject(Holder.of_class), app.inject(Holder.static))
    for make in (Decorated().method, Decorated.of_class, Decorated.static, *bound):
        LOG.clear()
        with make(5) as (limit, session):
            assert (limit, type(session), LOG) == (5, Session, ["begin"])
        assert LOG == ["begin", "commit"]


@pytest.mark.anyio
async def test_the_run_of_an_async_context_manager_spans_the_block() -> None:
    """`@app.inject` above `@asynccontextmanager` is the same, with async resources."""
    app = Async()

    @app.inject
    @contextlib.asynccontextmanager
    async def serving(slow: Slow) -> AsyncIterator[Slow]:
        LOG.append("enter")
        yield slow
        LOG.append("exit")

    async with serving() as slow:
        assert isinstance(slow, Slow)
        assert LOG == ["+slow", "enter"]
    assert LOG == ["+slow", "enter", "exit", "-slow NoneType"]


def test_the_bare_inject_above_a_context_manager_takes_from_the_open_run(app: App) -> None:
    """The bare `@inject` has no run of its own: it takes what is there where the function is called."""
    with app.run() as resources:
        with inject(managed)(5) as (_, session):
            assert session is resources.session
    assert LOG == ["begin", "enter", "exit", "commit"]


@pytest.mark.anyio
async def test_a_context_manager_is_not_called_in_a_run(app: App) -> None:
    """`call` and `acall` end the run before the block: they refuse a context manager before anything opens."""
    with pytest.raises(RunStateError, match=r"managed gives a context manager: decorate it with `container.inject`"):
        app.call(managed, 5)
    with pytest.raises(RunStateError, match="managed gives a context manager"):
        await app.acall(managed, 5)
    assert LOG == []


def test_a_decorator_between_hides_the_context_manager(app: App) -> None:
    """Where another decorator is between, the context manager that comes out is refused, and the run ends."""

    def traced(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return inner

    with pytest.raises(RunStateError, match="put the container's inject directly above @contextmanager"):
        app.inject(traced(managed))(5)
    assert LOG == ["begin", "rollback RunStateError"]

    def listed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return [*function(*args, **kwargs)]

        return inner

    @app.inject
    @listed
    def numbers(session: Session) -> Iterator[int]:
        yield 1

    assert numbers() == [1]
