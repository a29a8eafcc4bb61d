"""An override as a decorator, and one that several threads, tasks and calls are in at once."""

import asyncio
import inspect
import threading

import pytest

from resourcekit import ConfigurableResource, ResourceContainer, inject


class Database(ConfigurableResource):
    host: str = "real"


class App(ResourceContainer):
    database = Database()


app = App()
override = app.override(database=Database(host="fake"))


@inject
def host(database: Database) -> str:
    return database.host


def test_one_override_in_two_threads():
    """Threads may be in the same override: each leaves its own, whichever began or ends first."""
    seen: dict[str, str] = {}
    both_are_in, first_is_out = threading.Barrier(2), threading.Event()

    def use(name: str, is_first: bool) -> None:
        with override:
            both_are_in.wait()
            if not is_first:
                first_is_out.wait()
            seen[f"{name}, inside"] = app.call(host)
        seen[name] = app.call(host)
        first_is_out.set()

    threads = [threading.Thread(target=use, args=case) for case in (("first", True), ("second", False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"first, inside": "fake", "first": "real", "second, inside": "fake", "second": "real"}


def test_one_override_in_two_tasks():
    """So may tasks."""

    async def use(mine: asyncio.Event, other: asyncio.Event) -> tuple[str, str]:
        async with override:
            mine.set()
            await other.wait()
            inside = app.call(host)
        return inside, app.call(host)

    async def main() -> list[tuple[str, str]]:
        first, second = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(use(first, second), use(second, first))

    assert asyncio.run(main()) == [("fake", "real"), ("fake", "real")]


def test_a_decorator():
    """`@app.override(...)` is around each call of a function, as `mock.patch` is; it stays what it was."""

    @override
    def twice(times: int) -> list[str]:
        """Say it."""
        return [app.call(host)] * times if times < 3 else twice(times - 1)

    assert twice(3) == ["fake", "fake"]
    assert app.call(host) == "real"
    assert (twice.__name__, twice.__doc__, list(inspect.signature(twice).parameters)) == ("twice", "Say it.", ["times"])


def test_a_decorator_of_other_functions():
    """A coroutine function is overridden while it awaits, a generator function until it ends, a method like any."""

    @override
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return app.call(host)

    @override
    def generator():
        yield app.call(host)
        return app.call(host)

    class Tests:
        @override
        def method(self) -> str:
            return app.call(host)

    async def several() -> list[str]:
        return await asyncio.gather(coroutine(), coroutine())

    assert asyncio.run(several()) == ["fake", "fake"]
    assert list(generator()) == ["fake"]
    assert Tests().method() == "fake"
    assert app.call(host) == "real"


@pytest.fixture
@override
def fixture():
    yield app.call(host)
    assert app.call(host) == "fake"


def test_a_decorated_fixture(fixture):
    """A fixture that is decorated overrides for the test that uses it."""
    assert (fixture, app.call(host)) == ("fake", "fake")


def test_what_cannot_be_decorated():
    """A class and an async generator function are refused, with what to write instead."""

    async def items():
        yield 1

    with pytest.raises(TypeError, match="a function, not an async generator function: write `with"):
        override(items)
    with pytest.raises(TypeError, match="a function, not a type"):
        override(int)
