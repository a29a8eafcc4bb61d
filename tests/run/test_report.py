"""What a run tells: its report, its events, its log."""

import gc
import json
import logging

import pytest

from resourcekit import (
    ConfigurableResource,
    EnvVar,
    PhaseEvent,
    ResourceContainer,
    RunEvent,
    RunReport,
    log_events,
    open_resource,
    secret,
)
from tests.worlds import WORLDS, in_world, run_in

SECRET = "hunter2"


class Database(ConfigurableResource):
    """Has a secret, which its hooks use."""

    host: str
    password: str = secret()

    def setup_for_execution(self, context):
        self._connection = (self.host, self.password)

    def teardown_after_execution(self, context):
        if self.host == "broken":
            raise ConnectionError("it was gone")


class Orders(ConfigurableResource):
    """No hooks."""

    database: Database


@pytest.fixture
def app(monkeypatch):
    """Two resources; the host says whether teardown fails."""
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    monkeypatch.setenv("DB_HOST", "fine")

    class App(ResourceContainer):
        database = Database(host=EnvVar("DB_HOST"), password=EnvVar("DB_PASSWORD"))
        orders = Orders(database=database)

    return App()


def shape(events):
    """The events without their times."""
    return [
        event.status if isinstance(event, RunEvent) else (event.name, event.phase, event.status) for event in events
    ]


EXPECTED = [
    "opened",
    ("database", "construct", "started"),
    ("database", "construct", "finished"),
    ("database", "setup_for_execution", "started"),
    ("database", "setup_for_execution", "finished"),
    ("orders", "construct", "started"),
    ("orders", "construct", "finished"),
    ("database", "teardown_after_execution", "started"),
]


def test_a_report_always_has_order_and_outcome(app):
    """Without anyone listening, the report has the order and the outcome, and no times."""
    run = app.run(run_id="r-1")
    assert str(run.report) == "run r-1 of App: not opened"
    with run:
        assert run.report.outcome == "open"
    assert str(run.report) == "run r-1 of App: success\n  1  database\n  2  orders"
    assert run.report.phases == []


@pytest.mark.parametrize("world", WORLDS)
def test_with_report_each_phase_has_a_time(app, world):
    """With report=True the phases are there, in order, with start and duration counted from the opening."""
    run = app.run(report=True)
    run_in(world, run, lambda resources: None)
    phases = run.report.phases
    assert [(each.name, each.phase) for each in phases] == [
        ("database", "construct"),
        ("database", "setup_for_execution"),
        ("orders", "construct"),
        ("database", "teardown_after_execution"),
    ]
    starts = [each.start for each in phases]
    assert starts == sorted(starts)
    assert all(each.duration >= 0 and each.error is None for each in phases)
    assert [each.owner for each in phases] == ["Database", "Database", "Orders", "Database"]
    assert "setup_for_execution" in str(run.report)
    assert " ms" in str(run.report)


def test_listeners_hear_while_it_happens(app):
    """A listener hears of every phase, in order, and the report then has the times as well."""
    events = []
    stop = app.listen(events.append)
    run = app.run()
    with run:
        assert shape(events) == EXPECTED[:-1]
    assert shape(events) == [*EXPECTED, ("database", "teardown_after_execution", "finished"), "success"]
    assert {event.run_id for event in events} == {run.run_id}
    assert len(run.report.phases) == 4
    stop()
    stop()
    with app.run():
        pass
    assert len(events) == 10


def test_the_start_of_an_app_is_told():
    """Entering a container tells of its opening, its app-scoped resources and its end, as a run does."""

    class Long(Database, scope="app"): ...

    class App(ResourceContainer):
        database = Long(host="fine", password=SECRET)
        orders = Orders(database=database)

    events = []
    app = App()
    app.listen(events.append)
    with app:
        assert shape(events) == EXPECTED[:5]
    assert shape(events)[-1] == "success"
    assert {event.run_id for event in events} == {events[0].run_id}


def test_failures_are_told(app, monkeypatch):
    """A hook that fails is told as failed, with its error; the report names it by type."""
    monkeypatch.setenv("DB_HOST", "broken")
    events = []
    app.listen(events.append)
    run = app.run()
    error = run_in("sync", run, lambda resources: None)
    assert shape(events)[-2:] == [("database", "teardown_after_execution", "failed"), "teardown failed"]
    assert events[-2].error is error.exceptions[0] is run.report.teardown_errors[0]
    assert "teardown_after_execution" in str(run.report)
    assert "failed" in str(run.report)
    assert str(run.report).endswith("  teardown_after_execution of 'database' (Database) raised ConnectionError")
    data = json.loads(json.dumps(run.report.to_dict()))
    assert data["teardown_errors"] == ["ConnectionError"]
    assert data["outcome"] == "teardown failed"
    assert data["order"] == ["database", "orders"]
    assert data["phases"][-1]["status"] == "failed"
    assert data["error"] is None


class Silent(Exception):
    """Takes no notes."""

    __notes__ = property(lambda self: None)


class Failing(ConfigurableResource):
    """Cannot be set up."""

    orders: Orders

    def setup_for_execution(self, context):
        raise Silent


@pytest.mark.parametrize("options", [{}, {"report": True}, {"concurrent": True}], ids=str)
@pytest.mark.parametrize("world", WORLDS)
def test_the_report_names_what_failed(world, options, monkeypatch):
    """Printed, a report names each resource that failed, and its hook, whatever the error takes; as data too."""
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    database = in_world(world, Database)(host="broken", password=SECRET)
    app = ResourceContainer.of({"failing": in_world(world, Failing)(orders=Orders(database=database))})
    run = app.run(**options)
    assert isinstance(run_in(world, run, lambda resources: None), Silent)
    assert str(run.report).splitlines()[-2:] == [
        "  setup_for_execution of 'failing' (Failing) raised Silent",
        "  teardown_after_execution of 'failing.orders.database' (Database) raised ConnectionError",
    ]
    assert run.report.to_dict()["failures"] == [
        {"name": "failing", "phase": "setup_for_execution", "error": "Silent"},
        {"name": "failing.orders.database", "phase": "teardown_after_execution", "error": "ConnectionError"},
    ]


def test_the_bodys_error_is_in_the_report(app):
    """The report has what the body raised."""
    run = app.run()

    def fail(_resources):
        raise LookupError

    error = run_in("sync", run, fail)
    assert (run.report.outcome, run.report.error) == ("failed", error)
    assert run.report.to_dict()["error"] == "LookupError"


def test_a_listener_that_raises_is_logged(app, caplog):
    """A listener that fails is logged, and neither the run nor other listeners suffer."""
    events = []

    def broken(event):
        raise ValueError("listener")

    app.listen(broken)
    app.listen(events.append)
    with app.run():
        pass
    assert len(events) == 10
    assert {record.getMessage() for record in caplog.records} == {"a listener failed"}


def test_a_listener_that_leaves_while_it_is_told(app):
    """A listener may end itself while it hears; the next one still hears the same event."""
    events = []
    stops = []

    def once(event):
        stops[0]()

    stops.append(app.listen(once))
    app.listen(events.append)
    with app.run():
        pass
    assert len(events) == 10


@pytest.mark.parametrize("status", ["started", "finished"])
def test_ctrl_c_in_a_listener(status):
    """Ctrl-C while a listener works goes through the run as if it had come in the hook: every teardown runs."""
    done = []

    class Part(ConfigurableResource):
        def teardown_after_execution(self, context):
            done.append(context.key)

    app = ResourceContainer.of({"a": Part(), "b": Part()})

    def interrupted(event):
        if isinstance(event, PhaseEvent) and (event.name, event.phase, event.status) == (
            "b",
            "teardown_after_execution",
            status,
        ):
            raise KeyboardInterrupt

    app.listen(interrupted)
    assert isinstance(run_in("sync", app.run(), lambda resources: None), KeyboardInterrupt)
    assert done == ["b", "a"]


@pytest.mark.parametrize("status", ["opened", "success"])
def test_ctrl_c_while_a_run_opens_or_ends(app, status):
    """Ctrl-C while a listener hears of a run's opening or end is not lost, and the run is over."""
    events = []

    def interrupted(event):
        events.append(event)
        if isinstance(event, RunEvent) and event.status == status:
            raise KeyboardInterrupt

    app.listen(interrupted)
    run = app.run()
    assert isinstance(run_in("sync", run, lambda resources: None), KeyboardInterrupt)
    assert repr(run).endswith(("success>", "setup failed>"))
    assert len(events) == (10 if status == "success" else 2)


def test_a_listener_that_comes_during_a_run(app):
    """Whoever listens from the body on hears of the teardown, with times from the opening."""
    events = []
    with app.run():
        app.listen(events.append)
    assert shape(events) == [
        ("database", "teardown_after_execution", "started"),
        ("database", "teardown_after_execution", "finished"),
        "success",
    ]
    assert 0 < events[0].start < 60


def test_the_log_has_every_event_and_no_secret(app, caplog, monkeypatch):
    """log_events writes each event with its fields, failures as warnings; no configuration value is in it."""
    monkeypatch.setenv("DB_HOST", "broken")
    app.listen(log_events)
    caplog.set_level(logging.DEBUG, logger="resourcekit")
    run_in("sync", app.run(run_id="r-1"), lambda resources: None)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "run r-1 of App: opened"
    assert messages[1] == "construct of database started"
    assert messages[-1] == "run r-1 of App: teardown failed"
    levels = {record.levelno for record in caplog.records[:-2]}
    assert levels == {logging.DEBUG}
    assert [record.levelno for record in caplog.records[-2:]] == [logging.WARNING, logging.WARNING]
    assert caplog.records[1].resourcekit["phase"] == "construct"
    for record in caplog.records:
        text = json.dumps(record.resourcekit) + record.getMessage() + repr(vars(record))
        assert SECRET not in text
        assert "broken" not in text


def test_the_report_of_a_resource_by_itself():
    """A resource opened by itself has a report too."""
    alone = open_resource(Database(host="fine", password=SECRET))
    with alone:
        pass
    assert isinstance(alone.report, RunReport)
    assert alone.report.to_dict()["order"] == ["Database"]
    assert SECRET not in repr(alone.report)


def test_async_hooks_are_timed_to_their_end():
    """The time of an async hook is that of the whole of it."""

    class Slow(ConfigurableResource):
        def setup_for_execution(self, context):
            pass

    run = ResourceContainer.of({"slow": in_world("asyncio", Slow)()}).run(report=True)
    run_in("asyncio", run, lambda resources: None)
    assert [each.phase for each in run.report.phases] == ["construct", "setup_for_execution"]
    assert all(each.duration > 0 for each in run.report.phases)
    gc.collect()
