"""Runs with nothing of their own are generated code from their first line on; whatever changes is seen all the same."""

import gc

import anyio
import pytest
from dependency_injector import providers

from resourcekit import ConfigurableResource, EnvVar, ResourceContainer, ResourceDependency, RunStateError, state


class Pool(ConfigurableResource, scope="app"):
    name: str = "pool"


class Session(ConfigurableResource):
    pool: Pool
    _hooks: list[str] = state(factory=list)

    def setup_for_execution(self):
        self._hooks.append("up")

    def teardown_after_execution(self):
        self._hooks.append("down")


class Shop(ResourceContainer):
    pool = Pool()
    session = Session(pool=pool)


@pytest.fixture
def app():
    """A container whose runs have been opened before."""
    app = Shop()
    for _ in range(3):
        with app.run():
            pass
    return app


def test_a_run_that_waits_for_its_with_sees_what_was_started_since(app):
    """A run that was made before the app was started, or stopped, is opened for what is there when it is entered."""
    early = app.run()
    with app:
        late = app.run()
        with early as resources, app.run() as others:
            assert resources.pool is others.pool is app.get("pool")
        last = app.run()
    for run in (late, last):
        with run as resources:
            assert resources.session.pool is resources.pool


def test_a_run_that_waits_for_its_with_is_heard_of(app):
    """Who begins to listen before a run is entered, or while it is open, hears of it."""
    heard = []
    run = app.run()
    app.listen(lambda event: heard.append(event.status))
    with run:
        pass
    assert heard[0] == "opened"
    heard.clear()
    other = Shop()
    for _ in range(2):
        with other.run():
            pass
    with other.run():
        other.listen(lambda event: heard.append(event.status))
    assert heard[-1] == "success"


def test_overrides_are_seen(app):
    """What is overridden, in a context or in place, and what a key is set to, is in the next run, and leaves it."""
    with app.override(pool=Pool(name="mock")), app.run() as resources:
        assert resources.session.pool.name == "mock"
    with app.run() as resources:
        assert resources.session.pool.name == "pool"
    app.pool.override(Pool(name="in place"))
    with app.run() as resources:
        assert resources.session.pool.name == "in place"
    app.pool.reset_override()
    with app.run() as resources:
        assert resources.session.pool.name == "pool"
    app.pool = Pool(name="set")
    with app.run() as resources:
        assert resources.session.pool.name == "set"


def test_overrides_of_plain_providers_are_seen():
    """dependency-injector's own providers tell nobody of their overrides, and are asked each time."""

    class Holder(ConfigurableResource):
        number: ResourceDependency[int]

    class Numbers(ResourceContainer):
        number = providers.Factory(int, 1)
        holder = Holder(number=number)

    app, seen = Numbers(), []
    for step in (None, app.number.override, None, app.number.reset_override):
        if step is not None:
            step(*([providers.Factory(int, 2)] if step == app.number.override else []))
        for _ in range(2):
            with app.run() as resources:
                seen.append(resources.holder.number)
    assert seen == [1, 1, 2, 2, 2, 2, 1, 1]


def test_keys(app):
    """Runs of different keys are different runs; keys of the wrong kind are told of when the run is entered."""
    for _ in range(3):
        with app.run("session") as some, app.run() as every:
            assert (dir(some), dir(every)) == (["session"], ["pool", "session"])
        for wrong in (["pool"], 5):
            with pytest.raises(TypeError, match="keys are text"):
                app.run(wrong).start()


def test_a_run_is_opened_once(app):
    """Entering a second time, while it is open or afterwards, and leaving twice are clear errors."""
    run = app.run()
    with run as resources:
        with pytest.raises(RunStateError, match="opened before"):
            run.__enter__()
        session = resources.session
    with pytest.raises(RunStateError, match="opened before"), run:
        pass
    with pytest.raises(RunStateError, match="not open"):
        run.close()
    assert session._hooks == ["up", "down"]


def test_reports_from_before_during_and_after(app):
    """A report says what the run has done, whenever it was first asked for."""
    early, during, late = (app.run() for _ in range(3))
    reports = [early.report]
    with early:
        pass
    with during:
        reports.append(during.report)
        assert during.report.outcome == "open"
    with late:
        pass
    reports.append(late.report)
    assert [(each.outcome, each.order) for each in reports] == [("success", ["pool", "session"])] * 3


def test_sync_and_async_runs_of_one_container(app):
    """Sync and async runs of the same container stand side by side; each is closed as it was opened."""

    async def main():
        for _ in range(3):
            async with app.run() as resources:
                with app.run() as inner:
                    assert inner.session is not resources.session
                    assert inner.session._hooks == ["up"]
                assert (inner_hooks := resources.session._hooks) == ["up"]
            assert inner_hooks == ["up", "down"]
        run = app.run()
        opened = await run.astart()
        hooks = opened.session._hooks
        run.close()  # Its hooks are all sync.
        return hooks

    assert anyio.run(main) == ["up", "down"]


def test_config_that_is_wrong_for_one_run(monkeypatch):
    """A variable that is missing is told of, and the next run, with the variable, is as ever."""

    class Database(ConfigurableResource):
        host: str

    monkeypatch.setenv("HOST", "a")
    app = ResourceContainer.of({"database": Database(host=EnvVar("HOST"))})
    for value in ("a", None, "b"):
        if value is None:
            monkeypatch.delenv("HOST")
            with pytest.raises(Exception, match="HOST"):
                app.run().start()
        else:
            monkeypatch.setenv("HOST", value)
            with app.run() as resources:
                assert resources.database.host == value


def test_a_run_that_is_forgotten_warns(app):
    """A run that is left open is closed and warns; one that was never opened, or has ended, says nothing."""
    run = app.run()
    hooks = run.start().session._hooks
    app.run()
    with pytest.warns(ResourceWarning, match="of Shop: open> was left open"):  # noqa: PT031
        del run
        gc.collect()
    assert hooks == ["up", "down"]
