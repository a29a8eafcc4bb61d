"""`fault_matrix`: every way in which the hooks of a container can fail, and what stays open then."""

import asyncio
import os
import socket
import threading
import warnings

import anyio
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    ResourceContainer,
    TeardownError,
    UnknownKeyError,
    field,
    state,
)
from resourcekit.testing import InjectedError, LeakError, fault_matrix

OPEN: list[str] = []
pytestmark = pytest.mark.usefixtures("frozen_heap")


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing open."""
    OPEN.clear()


class Database(ConfigurableResource, scope="app"):
    """Opens and closes properly."""

    name: str = "database"
    _is_open: bool = False

    def setup_for_execution(self):
        self._is_open = True
        OPEN.append(self.name)

    def teardown_after_execution(self):
        self._is_open = False
        OPEN.remove(self.name)


class Connection(ConfigurableResourceFactory[socket.socket]):
    """Vends a socket."""

    database: Database

    def create_resource(self):
        with socket.socket() as connection:
            yield connection


class Orders(ConfigurableResource):
    """The same with one generator."""

    database: Database
    connection: socket.socket | None = field(default=None)

    def yield_for_execution(self):
        OPEN.append("orders")
        try:
            yield self
        finally:
            OPEN.remove("orders")


class Shop(ResourceContainer):
    database = Database()
    connection = Connection(database=database)
    orders = Orders(database=database, connection=connection)


@pytest.mark.parametrize("fault", fault_matrix(Shop, open_handles=lambda: OPEN), ids=str)
def test_as_a_parametrisation(fault):
    """Each fault is a test case; a container that closes what it opens passes them all."""
    fault.check()
    assert OPEN == []


def test_the_points_of_failure():
    """Every hook and the body, in the order a run reaches them, and one run in which nothing fails."""
    assert list(map(str, fault_matrix(Shop()))) == [
        "nothing fails",
        "database.setup_for_execution",
        "connection.create_resource",
        "orders.yield_for_execution",
        "body",
        "orders.yield_for_execution (exit)",
        "connection.create_resource (exit)",
        "database.teardown_after_execution",
    ]
    assert list(map(str, fault_matrix(Shop(), "database")))[1:3] == ["database.setup_for_execution", "body"]
    assert repr(fault_matrix(Shop)[0]) == "<fault nothing fails>"


def said(container, *keys, **options):
    """What each fault of a container tells, by its name."""
    options.setdefault("grace", 0)
    return {
        str(fault): [str(leak) for leak in fault.run().leaks] for fault in fault_matrix(container, *keys, **options)
    }


class Careless(ConfigurableResource):
    """Opens two things one after the other."""

    database: Database

    def setup_for_execution(self):
        self._file = open(os.devnull)  # noqa: SIM115

    def teardown_after_execution(self):
        if self.database._is_open:
            self._file = None


class Forgetful(ConfigurableResource):
    """Has no teardown."""

    below: ConfigurableResource
    _is_open: bool = False

    def setup_for_execution(self):
        self._is_open = True
        self._socket = socket.socket()


def test_what_stays_open_is_told_with_its_declaration():
    """The error names the resource and its declaration, the descriptor, and what Python warns of."""

    class App(ResourceContainer):
        database = Database()
        careless = Careless(database=database)
        forgetful = Forgetful(below=careless)

    def is_open(resource):
        return getattr(resource, "_is_open", False)

    faults = {str(fault): fault for fault in fault_matrix(App, is_open=is_open)}
    faults["database.setup_for_execution"].check()
    faults["careless.setup_for_execution"].check()
    (warning,) = faults["forgetful.setup_for_execution"].run().leaks
    assert "ResourceWarning: unclosed file" in str(warning)
    with pytest.raises(LeakError) as caught:
        faults["body"].check()
    told = str(caught.value).splitlines()
    assert told[0] == "when the body fails:"
    assert told[1].startswith("  'forgetful' (Forgetful) is still open, declared at ")
    assert "test_fault_matrix.py:" in told[1]
    assert "(socket) is still open, opened by 'forgetful', declared at" in told[2]
    assert len([line for line in told if "ResourceWarning" in line]) == 2
    assert caught.value.leaks[0].key == "forgetful"
    with pytest.raises(LeakError, match="when teardown_after_execution of 'careless' fails"):
        faults["careless.teardown_after_execution"].check()
    with pytest.raises(LeakError, match="when nothing fails"):
        faults["nothing fails"].check()


class Helping(ConfigurableResource):
    """Closes what the run closes."""

    database: Database

    def teardown_after_execution(self):
        self.database.teardown_after_execution()


def test_hooks_that_are_called_by_hand():
    """A resource that another one tears down by hand is torn down twice, which fails: both are told."""
    found = said(ResourceContainer.of({"database": Database(name="one"), "helping": Helping(database=Database())}))
    (twice, failed) = found["body"]
    assert "'helping.database' (Database) had teardown_after_execution called 2 times" in twice
    assert failed.startswith(
        "a teardown hook raised ValueError by itself: teardown_after_execution of 'helping.database'"
    )
    assert (
        found["one.setup_for_execution" if "one.setup_for_execution" in found else "database.setup_for_execution"] == []
    )


class Quiet(ConfigurableResource):
    """Can be torn down by anyone, any number of times."""

    below: object = None

    def teardown_after_execution(self):
        self._is_open = False


@pytest.mark.parametrize("concurrent", [False, True])
def test_what_is_torn_down_out_of_order(concurrent):
    """A resource that goes before one which was set up after it is told, with both names; in a concurrent run those
    that do not need each other may go in any order."""
    first, second = Quiet(), Quiet()
    app = ResourceContainer.of({"first": first, "second": second, "user": Quiet(below=first)})

    def close(key):
        return lambda resources: getattr(resources, key).teardown_after_execution()

    def told(key):
        faults = fault_matrix(app, concurrent=concurrent, body=close(key))
        return [leak.what for leak in faults[0].run().leaks if "torn down before" in leak.what]

    assert told("first") == ["'first' (Quiet) was torn down before 'user', which was set up after it"]
    assert told("second") == (
        [] if concurrent else ["'second' (Quiet) was torn down before 'user', which was set up after it"]
    )
    assert told("user") == []


class Vended:
    """What a factory vends; it must be closed."""

    closed = False


class Vendor(ConfigurableResourceFactory[Vended]):
    """Forgets to close it."""

    def create_resource(self):
        self._vended = Vended()
        return self._vended


def test_what_a_factory_vends():
    """`is_open` is asked of vended objects too."""
    found = said(ResourceContainer.of({"vendor": Vendor()}), is_open=lambda each: isinstance(each, Vended))
    assert found["vendor.create_resource"] == []
    assert (
        found["body"][0].startswith("'vendor' (Vendor) vended Vended that is still open")
        or "vended" in found["body"][0]
    )


def test_threads_that_still_run():
    """A thread that outlives the run is told, with who started it; one that ends soon is waited for."""
    stop = threading.Event()

    class Poller(ConfigurableResource):
        seconds: float

        def setup_for_execution(self):
            threading.Thread(target=stop.wait, args=(self.seconds,), name="poller", daemon=True).start()

    found = said(ResourceContainer.of({"poller": Poller(seconds=30.0)}))
    assert found["poller.setup_for_execution"] == []
    assert "thread 'poller' still runs, opened by 'poller'" in found["body"][0]
    stop.set()
    assert said(ResourceContainer.of({"poller": Poller(seconds=0.01)}), grace=20)["body"] == []


class AsyncDatabase(ConfigurableResource):
    """Its hooks wait."""

    async def setup_for_execution(self):
        await anyio.sleep(0)
        OPEN.append("async")

    async def teardown_after_execution(self):
        await anyio.sleep(0)
        OPEN.remove("async")


@pytest.mark.parametrize("backend", [None, "asyncio", "trio"])
@pytest.mark.parametrize("concurrent", [False, True])
def test_async_and_concurrent(backend, concurrent):
    """A container with async hooks is run on an event loop, on asyncio unless it is told otherwise."""
    used = []

    async def body(resources):
        await anyio.sleep(0)
        used.append(resources.orders)

    app = ResourceContainer.of(
        {"first": AsyncDatabase(), "database": Database(), "orders": Orders(database=Database())}
    )
    faults = fault_matrix(app, backend=backend, concurrent=concurrent, open_handles=[lambda: OPEN], body=body)
    assert len(faults) == 10
    for fault in faults:
        fault.check()
    assert len(used) == 6
    assert OPEN == []


def test_tasks_that_still_run():
    """A task that outlives the run is told."""

    class Poller(ConfigurableResource):
        async def setup_for_execution(self):
            self._task = asyncio.create_task(asyncio.sleep(30), name="poller")

    found = said(ResourceContainer.of({"poller": Poller()}))
    assert found["body"] == ["task 'poller' still runs"]
    assert found["poller.setup_for_execution"] == []
    assert said(ResourceContainer.of({"poller": Poller()}), grace=0.02)["body"] == found["body"]


def test_the_exception_can_be_chosen():
    """Any exception can be injected; the report has what surfaced."""
    reports = {str(fault): fault.run() for fault in fault_matrix(Shop, error=KeyboardInterrupt)}
    assert reports["nothing fails"].error is None
    assert {type(report.error) for name, report in reports.items() if name != "nothing fails"} == {KeyboardInterrupt}
    reports = {str(fault): fault.run() for fault in fault_matrix(Shop)}
    assert type(reports["body"].error) is InjectedError
    assert type(reports["database.teardown_after_execution"].error) is TeardownError
    assert not any(report.leaks for report in reports.values())
    assert reports["body"].fault.hook == "body"


def test_a_container_that_is_wrong(monkeypatch):
    """What keeps a run from starting, and what a hook raises by itself before, surface as they are."""
    monkeypatch.delenv("SURELY_NOT_SET", raising=False)
    faults = fault_matrix(ResourceContainer.of({"database": Database(name=EnvVar("SURELY_NOT_SET"))}))
    with pytest.raises(ConfigError):
        faults[0].check()

    class Broken(ConfigurableResource):
        def setup_for_execution(self):
            raise LookupError("mine")

    for fault in fault_matrix(ResourceContainer.of({"broken": Broken()})):
        if fault.key:
            fault.check()
        else:
            with pytest.raises(LookupError, match="mine"):
                fault.check()
    with pytest.raises(UnknownKeyError, match="databas"):
        fault_matrix(Shop, "databas")
    with pytest.raises(TypeError, match="wants a container"):
        fault_matrix(3)  # type: ignore[arg-type]


def test_a_real_ctrl_c_gets_through():
    """Ctrl-C that comes by itself ends the trial."""

    class Interrupted(Database):
        def teardown_after_execution(self):
            super().teardown_after_execution()
            raise KeyboardInterrupt

    faults = {str(fault): fault for fault in fault_matrix(ResourceContainer.of({"it": Interrupted()}))}
    with pytest.raises(KeyboardInterrupt):
        faults["body"].check()


def test_overrides_and_started_apps():
    """The matrix of an overridden container has the mocks' hooks; a started app is left alone."""
    app = Shop().start()
    started = app.get("database")
    with app.override(connection=None, database=Database(name="fake")) as fake:
        faults = fault_matrix(fake, is_open=lambda each: getattr(each, "_is_open", False))
    assert "connection.create_resource" not in map(str, faults)
    for fault in faults:
        fault.check()
    for fault in fault_matrix(app):
        fault.check()
    assert app.get("database") is started
    assert started._is_open
    app.close()


def test_other_warnings_go_on():
    """Warnings that are no ResourceWarnings are not swallowed."""

    class Deprecated(ConfigurableResource):
        def setup_for_execution(self):
            warnings.warn("old", DeprecationWarning, stacklevel=1)

    fault = fault_matrix(ResourceContainer.of({"deprecated": Deprecated()}))[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fault.check()
    assert [str(each.message) for each in caught] == ["old"]


class Noted(ConfigurableResource):
    """Everything a resource may have besides."""

    made: list[int]
    _log: list[str] = state(factory=list)


def test_handles_that_cannot_be_hashed_and_providers():
    """Any object can be a handle, and plain providers in the plan do not matter."""

    class App(ResourceContainer):
        noted = Noted(made=providers.Callable(list, [1]))

    handles = []
    assert said(App, open_handles=lambda: [[], *handles], body=lambda resources: handles.append({}))["body"] != []
