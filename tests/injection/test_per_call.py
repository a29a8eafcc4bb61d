"""`container.call`, `acall` and `container.inject`: a run of its own for one call, with exactly what it asks for."""

import functools
import gc
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any
from unittest.mock import Mock

import anyio
import pytest

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    EnvVar,
    InjectionError,
    PlanError,
    ResourceContainer,
    ResourceParam,
    RunStateError,
    TeardownError,
    inject,
    value,
)

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


class Database(ConfigurableResource, scope="app"):
    host: str = "localhost"

    def setup_for_execution(self) -> None:
        LOG.append("+database")

    def teardown_after_execution(self) -> None:
        LOG.append("-database")


class Transaction(ConfigurableResource):
    """Commits when the body ends well, rolls back when it fails."""

    database: Database

    def yield_for_execution(self) -> Iterator["Transaction"]:
        LOG.append("begin")
        try:
            yield self
        except BaseException as error:
            LOG.append(f"rollback {type(error).__name__}")
            raise
        LOG.append("commit")


class Mailer(ConfigurableResource):
    def setup_for_execution(self) -> None:
        LOG.append("+mailer")

    def teardown_after_execution(self, context: Any) -> None:
        LOG.append(f"-mailer {context.exception!r}")


class Shop(ResourceContainer):
    database = Database()
    transaction = Transaction(database=database)
    mailer = Mailer()


class Queue(ConfigurableResource):
    """Has async hooks."""

    async def setup_for_execution(self) -> None:
        await anyio.sleep(0)
        LOG.append("+queue")

    async def teardown_after_execution(self) -> None:
        await anyio.sleep(0)
        LOG.append("-queue")


class Async(ResourceContainer):
    queue = Queue()
    mailer = Mailer()


@pytest.fixture
def shop() -> Shop:
    return Shop()


def save(name: str, transaction: Transaction) -> str:
    LOG.append(f"save {name}")
    return f"{name} at {transaction.database.host}"


# --- what is opened ---


def test_a_call_opens_exactly_what_it_asks_for(shop: Shop) -> None:
    """The resources that the function asks for are set up, with what they need, and torn down; no others."""
    assert shop.call(save, "ada") == "ada at localhost"
    assert LOG == ["+database", "begin", "save ada", "commit", "-database"]


def test_a_decorated_function_opens_a_run_per_call(shop: Shop) -> None:
    """Every call has its own run; app-scoped resources are the started app's."""
    seen = []

    @shop.inject
    def work(transaction: Transaction) -> None:
        seen.append(transaction)

    with shop:
        work()
        work()
    assert LOG == ["+database", "begin", "commit", "begin", "commit", "-database"]
    assert seen[0] is not seen[1]
    assert seen[0].database is seen[1].database


def test_a_function_that_asks_for_nothing_opens_nothing(shop: Shop) -> None:
    """No resource is set up for a function without resource parameters, and broken ones do not matter."""

    class Broken(Shop):
        mailer = Database(host=EnvVar("NOT_SET_ANYWHERE"))

    @shop.inject
    def work(a: int, *, b: int = 2) -> int:
        return a + b

    assert work(1) == 3
    assert shop.call(lambda: 5) == 5
    assert Broken().call(lambda: 6) == 6
    assert LOG == []


def test_what_the_caller_gives_is_not_opened(shop: Shop) -> None:
    """A resource given by keyword wins, and none is set up in its place."""
    fake = Mock()
    fake.database.host = "fake"
    assert shop.call(save, "ada", transaction=fake) == "ada at fake"
    assert shop.inject(save)(name="ada", transaction=fake) == "ada at fake"
    assert LOG == ["save ada", "save ada"]


def test_one_key_under_two_names_is_opened_once(shop: Shop) -> None:
    """A function may get one resource twice: by name and by type."""

    @shop.inject
    def work(transaction: Transaction, again: Transaction) -> bool:
        return transaction is again

    assert work() is True
    assert LOG.count("begin") == 1


def test_an_optional_parameter_that_the_container_lacks(shop: Shop) -> None:
    """`T | None` and defaults stand where the container has none; a required one is an error before any setup."""

    class Missing(ConfigurableResource): ...

    def optional(mailer: Mailer, missing: Missing | None, other: Missing | int = 7) -> object:
        return missing, other

    def required(mailer: Mailer, missing: Missing) -> None: ...

    assert shop.call(optional) == (None, 7)
    LOG.clear()
    for run in (shop.call, lambda function: shop.inject(function)()):
        with pytest.raises(InjectionError, match="Shop has no key 'missing' and none of type Missing"):
            run(required)
    assert LOG == []


def test_a_wrong_type_is_an_error_before_any_setup(shop: Shop) -> None:
    """Whether resource or plain value: what is known beforehand to be wrong opens nothing."""

    class App(Shop):
        limit = value("five")

    def wrong_value(mailer: Mailer, limit: ResourceParam[int]) -> None: ...

    def wrong_resource(mailer: Mailer, database: Transaction) -> None: ...

    for wrong in (wrong_value, wrong_resource):
        with pytest.raises(InjectionError, match="the key of that name holds"):
            App().call(wrong)
    assert LOG == []


def test_config_is_checked_before_the_body_runs() -> None:
    """A missing variable is a ConfigError of the call, and the function does not run."""

    class App(ResourceContainer):
        database = Database(host=EnvVar("NOT_SET_ANYWHERE"))

    @App().inject
    def work(database: Database) -> None:
        LOG.append("body")

    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        work()
    assert LOG == []


# --- outcome ---


def test_the_bodys_exception_reaches_the_resources(shop: Shop) -> None:
    """A failing function rolls back, its own exception surfaces, and teardown hooks see it."""
    boom = ValueError("boom")

    @shop.inject
    def work(transaction: Transaction, mailer: Mailer) -> None:
        raise boom

    for run in (work, lambda: shop.call(inspect.unwrap(work))):
        LOG.clear()
        with pytest.raises(ValueError, match="boom") as caught:
            run()
        assert caught.value is boom
        assert LOG == [
            "+database", "begin", "+mailer", "-mailer ValueError('boom')", "rollback ValueError", "-database",
        ]  # fmt: skip


def test_a_failing_teardown_fails_the_call() -> None:
    """A function that ended well, and whose resource could not be closed, raises TeardownError."""

    class Stuck(ConfigurableResource):
        def teardown_after_execution(self) -> None:
            raise OSError("disk full")

    class App(ResourceContainer):
        stuck = Stuck()

    with pytest.raises(TeardownError) as caught:
        App().call(lambda_asking(Stuck))
    assert [str(error) for error in caught.value.exceptions] == ["disk full"]


def lambda_asking(cls: type) -> Callable[..., None]:
    def work(stuck: object) -> None: ...

    work.__annotations__["stuck"] = cls
    return work


def test_wrong_arguments_are_a_type_error(shop: Shop) -> None:
    """A missing or unknown argument of the caller is the TypeError that any call would raise."""
    with pytest.raises(TypeError, match="name"):
        shop.call(save)
    with pytest.raises(TypeError, match="unknown"):
        shop.call(save, "ada", unknown=1)
    with pytest.raises(TypeError, match="too many positional arguments"):
        shop.call(save, "ada", Mock())


# --- the current run ---


def test_the_run_is_the_current_one_of_the_body(shop: Shop) -> None:
    """Inside, `get` and functions of the bare inject take from the run of the call; after it, from the one around."""

    @inject
    def inner(transaction: Transaction) -> Transaction:
        return transaction

    @shop.inject
    def outer(transaction: Transaction) -> bool:
        return inner() is transaction is shop.get("transaction")

    with shop.run() as resources:
        assert outer() is True
        assert inner() is resources.transaction


def test_a_function_of_the_bare_inject_gets_a_run_around_it(shop: Shop) -> None:
    """`call` and `container.inject` open what a function under the bare inject asks for, other decorators or not."""

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            LOG.append("logged")
            return function(*args, **kwargs)

        return wrapper

    bare = inject(save)
    assert shop.call(bare, "ada") == "ada at localhost"
    assert LOG == ["+database", "begin", "save ada", "commit", "-database"]
    LOG.clear()
    for function in (logged(bare), inject(logged(bare)), functools.partial(logged(bare))):
        assert shop.inject(function)("ada") == "ada at localhost"
        assert LOG == ["+database", "begin", "logged", "save ada", "commit", "-database"]
        LOG.clear()
    assert shop.call(bare, "ada", transaction=Mock()).startswith("ada at")
    assert LOG == ["save ada"]
    with pytest.raises(InjectionError, match="Async has no key 'transaction'"):
        Async().call(bare, "ada")


def test_a_function_of_two_containers(shop: Shop) -> None:
    """Each container fills what the other has left, in a run of its own."""

    class Other(ResourceContainer):
        limit = value(7)

    @Other().inject
    @shop.inject
    def work(mailer: Mailer, limit: ResourceParam[int] | None = None) -> object:
        return type(mailer), limit

    assert work() == (Mailer, None)  # The inner container was asked for both, and lacks the limit.


def test_an_override_is_seen_by_decorated_functions(shop: Shop) -> None:
    """A function decorated long before uses the fake inside the `with`; another thread does not."""
    work = shop.inject(save)
    fake = Database(host="fake")
    others: list[str] = []
    with shop.override(database=fake):
        assert work("ada") == "ada at fake"
        thread = threading.Thread(target=lambda: others.append(work("bob")))
        thread.start()
        thread.join()
    assert others == ["bob at localhost"]
    assert work("ada") == "ada at localhost"


def test_every_thread_has_its_own_run(shop: Shop) -> None:
    """A decorated function may be called from many threads at once."""
    barrier = threading.Barrier(4)
    seen: list[Transaction] = []

    @shop.inject
    def work(transaction: Transaction) -> None:
        barrier.wait(60)
        seen.append(transaction)
        barrier.wait(60)

    with shop:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({id(each) for each in seen}) == 4
    assert LOG.count("commit") == 4


# --- async ---


@pytest.mark.anyio
async def test_acall_runs_async_functions() -> None:
    """`acall` opens an async run, awaits the function, and closes."""

    async def work(day: str, queue: Queue, mailer: Mailer) -> str:
        await anyio.sleep(0)
        LOG.append("body")
        return day

    app = Async()
    assert await app.acall(work, "monday") == "monday"
    assert await app.inject(work)("monday") == "monday"
    assert LOG == ["+queue", "+mailer", "body", "-mailer None", "-queue"] * 2


@pytest.mark.anyio
async def test_acall_runs_sync_functions_with_async_resources() -> None:
    """A sync function may have async resources through `acall`."""

    def work(day: str, queue: Queue) -> str:
        LOG.append("body")
        return day

    assert await Async().acall(work, "monday") == "monday"
    assert LOG == ["+queue", "body", "-queue"]


@pytest.mark.anyio
async def test_acall_opens_what_the_bare_inject_asks_for() -> None:
    """An async function of the bare inject gets an async run around it."""

    @inject
    async def work(queue: Queue) -> None:
        LOG.append("body")

    await Async().acall(work)
    assert LOG == ["+queue", "body", "-queue"]


@pytest.mark.anyio
async def test_an_async_body_that_fails_rolls_back() -> None:
    """The exception of an async function reaches the resources of its run, and surfaces as it is."""

    @Shop().inject
    async def work(transaction: Transaction) -> None:
        await anyio.sleep(0)
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await work()
    assert LOG == ["+database", "begin", "rollback ValueError", "-database"]


@pytest.mark.anyio
async def test_a_cancelled_body_rolls_back() -> None:
    """A function that is cancelled while it awaits has its async resources torn down."""

    @Async().inject
    async def work(scope: anyio.CancelScope, queue: Queue) -> None:
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await work(scope)
    assert scope.cancelled_caught
    assert LOG == ["+queue", "-queue"]


@pytest.mark.anyio
async def test_every_task_has_its_own_run() -> None:
    """Concurrent calls do not see each other's runs."""
    app = Async()
    seen = []

    @app.inject
    async def work(mailer: Mailer) -> None:
        await anyio.sleep(0)
        assert app.get("mailer") is mailer
        seen.append(mailer)

    async with app, anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(work)
    assert len({id(each) for each in seen}) == 5


@pytest.mark.anyio
async def test_a_sync_function_in_an_async_app() -> None:
    """A decorated sync function runs in an async-started app when its own resources are sync."""
    app = Async()

    @app.inject
    def work(mailer: Mailer) -> type:
        return type(mailer)

    async with app:
        assert work() is Mailer


def test_an_async_function_through_call_is_an_error(shop: Shop) -> None:
    """`call` names `acall` for an async function, a callable object or a partial of one included."""

    async def work(mailer: Mailer) -> None: ...

    class Work:
        async def __call__(self, mailer: Mailer) -> None: ...

    for function in (work, Work(), functools.partial(work), functools.partial(Work())):
        with pytest.raises(RunStateError, match=r"async: use `await container\.acall\(\.\.\.\)`"):
            shop.call(function)
    assert LOG == []


def test_async_resources_in_a_sync_call_are_an_error() -> None:
    """`call` of a function whose resources have async hooks is refused before any of them runs."""

    def work(mailer: Mailer, queue: Queue) -> None: ...

    with pytest.raises(PlanError, match="queue"):
        Async().call(work)
    assert LOG == []


def test_a_coroutine_may_not_leave_its_run(shop: Shop) -> None:
    """A sync function that returns a coroutine is an error: it would be awaited when the resources are gone."""

    async def later(mailer: Mailer) -> None: ...

    def work(mailer: Mailer) -> Any:
        return later(mailer)

    for run in (shop.inject(work), lambda: shop.call(work)):
        with pytest.raises(RunStateError, match="gave a coroutine"):
            run()


@pytest.mark.anyio
async def test_a_coroutine_of_a_sync_function_is_awaited_by_acall(shop: Shop) -> None:
    """Through `acall` such a function is fine; so it is under the bare inject, whose run goes on."""

    async def later(mailer: Mailer) -> type:
        return type(mailer)

    def work(mailer: Mailer) -> Any:
        return later(mailer)

    assert await shop.acall(work) is Mailer
    with shop.run():
        assert await inject(work)() is Mailer


@pytest.mark.anyio
async def test_generators_are_decorated_not_called(shop: Shop) -> None:
    """`call` and `acall` refuse generator functions, whose run would end before the first item."""

    def numbers(mailer: Mailer) -> Iterator[int]:
        yield 1

    async def anumbers(mailer: Mailer) -> AsyncIterator[int]:
        yield 1

    for function, kind in ((numbers, "a generator"), (anumbers, "an async generator")):
        with pytest.raises(RunStateError, match=f"is {kind} function: decorate it with `container.inject`"):
            shop.call(function)
        with pytest.raises(RunStateError, match=f"is {kind} function: decorate it with `container.inject`"):
            await shop.acall(function)
    with pytest.raises(TypeError, match="acall wants a function, not the class Mailer"):
        await shop.acall(Mailer)


def test_methods_are_decorated(shop: Shop) -> None:
    """A container decorates methods, class methods and static methods, and calls bound ones."""

    class Service:
        @shop.inject
        def plain(self, day: str, mailer: Mailer) -> object:
            return type(self), day, type(mailer)

        @shop.inject
        @classmethod
        def of_class(cls, day: str, mailer: Mailer) -> object:
            return cls, day, type(mailer)

        @shop.inject
        @staticmethod
        def static(day: str, mailer: Mailer) -> object:
            return Service, day, type(mailer)

        def bound(self, mailer: Mailer, day: str) -> object:
            return type(self), day, type(mailer)

        @inject
        def bare(self, mailer: Mailer, day: str) -> object:
            return type(self), day, type(mailer)

    service = Service()
    expected = (Service, "monday", Mailer)
    assert [service.plain("monday"), Service.of_class("monday"), service.static("monday")] == [expected] * 3
    assert [shop.call(service.bound, "monday"), shop.call(service.bare, "monday")] == [expected] * 2
    assert list(inspect.signature(service.plain).parameters) == ["day"]


PYTEST_APP = Shop()


@pytest.fixture
@PYTEST_APP.inject
def unit_of_work(shop: Shop, transaction: Transaction) -> Iterator[Transaction]:
    assert isinstance(shop, Shop)  # pytest's own fixture
    yield transaction
    LOG.append("after the test")


def test_a_pytest_fixture(unit_of_work: Transaction) -> None:
    """A fixture may ask for resources beside other fixtures: its run is open during the test."""
    assert isinstance(unit_of_work, Transaction)
    assert LOG == ["+database", "begin"]


@PYTEST_APP.inject
def test_a_test_function_that_asks(shop: Shop, transaction: Transaction) -> None:
    """A test may ask for resources itself."""
    assert isinstance(shop, Shop)
    assert transaction.database.host == "localhost"


def test_the_tour_of_the_design() -> None:
    """A function of the bare inject works in a run, and in a run around one call, with the app's own database."""

    class Orders(ConfigurableResource):
        database: Database

        def open_orders(self) -> list[str]:
            return [self.database.host]

    class Prod(ResourceContainer):
        database = Database(host="db-1")
        orders = Orders(database=database)

    @inject
    def nightly_report(day: date, orders: Orders) -> str:
        return f"{day}: {orders.open_orders()}"

    app = Prod()
    with app:
        with app.run("orders"):
            assert nightly_report(date(2026, 11, 24)) == "2026-11-24: ['db-1']"
        assert app.call(nightly_report, date(2026, 11, 24)) == "2026-11-24: ['db-1']"
        with app.override(database=Database(host="fake")):
            assert app.call(nightly_report, date(2026, 11, 24)) == "2026-11-24: ['fake']"
    assert LOG == ["+database", "+database", "-database", "-database"]


def test_calls_again_and_again(shop: Shop) -> None:
    """Every call has a run of its own, the last as the first; given arguments, overrides and a start are seen."""

    @inject
    def inner(transaction: Transaction) -> Transaction:
        return transaction

    @shop.inject
    def outer(number: int, database: Database, transaction: Transaction) -> tuple[int, str, bool, bool]:
        own = inner()
        return number, database.host, own is transaction, transaction.database is database

    for number in range(4):
        assert outer(number) == (number, "localhost", True, True)
    given = Database(host="given")
    for _ in range(2):
        assert outer(1, database=given)[1:] == ("given", True, False)
    with shop.override(database=Database(host="mock")):
        for _ in range(3):
            assert outer(1) == (1, "mock", True, True)
    with shop:
        LOG.clear()
        for _ in range(3):
            assert outer(2) == (2, "localhost", True, True)
        assert LOG == ["begin", "commit"] * 3
    LOG.clear()
    assert outer(3) == (3, "localhost", True, True)
    assert LOG == ["+database", "begin", "commit", "-database"]


@pytest.mark.anyio
async def test_async_calls_again_and_again(shop: Shop) -> None:
    """The same for async functions, async generators and `acall`."""

    @shop.inject
    async def fetch(transaction: Transaction) -> str:
        return transaction.database.host

    @shop.inject
    async def stream(transaction: Transaction) -> AsyncIterator[str]:
        yield transaction.database.host

    for _ in range(3):
        assert await fetch() == "localhost"
        assert [each async for each in stream()] == ["localhost"]
        assert await shop.acall(fetch.__wrapped__) == "localhost"  # type: ignore[attr-defined]
    assert LOG == ["+database", "begin", "commit", "-database"] * 9


def host_of(database: Database) -> str:
    return database.host


def test_a_function_that_is_called_in_several_containers() -> None:
    """Each call is in the container it is asked of, with what stands there at the time, whatever was called before."""
    first, second = Shop(), Shop(database=Database(host="second"))
    for _ in range(3):
        assert (first.call(host_of), second.call(host_of)) == ("localhost", "second")
        assert first.call(host_of, database=Database(host="given")) == "given"
        with first.override(database=Database(host="mock")):
            assert [first.call(host_of), first.call(host_of)] == ["mock", "mock"]
    first.database.override(Database(host="in place"))
    assert [first.call(host_of), first.call(host_of)] == ["in place", "in place"]
    with second:
        LOG.clear()
        assert [second.call(host_of), second.call(host_of)] == ["second", "second"]
        assert LOG == []


def test_a_function_holds_no_container() -> None:
    """What is kept of a call does not keep the container alive: a function may be called in one after the other."""
    shop = Shop()
    for _ in range(3):
        assert shop.call(host_of) == "localhost"
    kept = weakref.ref(shop._blueprint())
    del shop
    gc.collect()
    assert kept() is None
