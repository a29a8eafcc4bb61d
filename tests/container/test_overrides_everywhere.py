"""`override(..., everywhere=True)`: seen in every thread, and app-scoped fakes live as long as it."""

import asyncio
import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from unittest import mock

import pytest

from resourcekit import (
    ConfigurableResource,
    NoActiveRunError,
    PlanError,
    ResourceContainer,
    RunStateError,
    TeardownError,
    inject,
)
from resourcekit.run.override_scope import OverrideScope
from tests.forked import forked, in_child

LOG: list[str] = []


@pytest.fixture(autouse=True)
def log():
    """What hooks were called, in order."""
    LOG.clear()
    return LOG


class Database(ConfigurableResource, scope="app"):
    """Keeps rows in memory."""

    host: str = "real"

    def setup_for_execution(self):
        LOG.append(f"+{self.host}")
        self._rows: list[str] = []

    def teardown_after_execution(self, context):
        LOG.append(f"-{self.host}" + (f" {type(context.exception).__name__}" if context.exception else ""))


class AsyncDatabase(Database):
    async def setup_for_execution(self):
        await asyncio.sleep(0)
        super().setup_for_execution()

    async def teardown_after_execution(self, context):
        await asyncio.sleep(0)
        super().teardown_after_execution(context)


class Failing(Database):
    def teardown_after_execution(self, context):
        super().teardown_after_execution(context)
        raise ValueError(f"{self.host} fails")


class Users(ConfigurableResource, scope="app"):
    database: Database
    name: str = "users"

    def setup_for_execution(self):
        LOG.append(f"+{self.name}")

    def teardown_after_execution(self):
        LOG.append(f"-{self.name}")


class Cache(ConfigurableResource, scope="app"):
    host: str = "real"


class Orders(ConfigurableResource):
    users: Users
    cache: Cache


class App(ResourceContainer):
    database = Database()
    cache = Cache()
    users = Users(database=database)
    orders = Orders(users=users, cache=cache)


def post(app, row):
    """What a handler does that writes."""
    with app.run("orders") as resources:
        resources.orders.users.database._rows.append(row)


def get(app):
    """What another one does that reads."""
    with app.run("database") as resources:
        return list(resources.database._rows)


def in_thread(function, *args):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


def test_an_app_that_starts_on_what_runs_have_opened(log):
    """It holds that: what it stands on is closed after it, though the override has ended."""
    app = App()
    with app.override(users=Users(database=App.database, name="fake"), everywhere=True):
        with app.run("users"):
            pass
        app.start()
        assert log == ["+real", "+fake"]
    assert log == ["+real", "+fake"]
    app.close()
    assert log == ["+real", "+fake", "-fake", "-real"]


@pytest.mark.parametrize("started", ["not", "before", "inside"])
def test_what_is_posted_is_there_for_the_next_get(started, log):
    """One app-scoped fake for all runs, in whatever thread; it ends with the override, or the app started in it."""
    app = App()
    with ExitStack() as outer, ExitStack() as inner:
        if started == "before":
            outer.enter_context(app)
            log.clear()
        inner.enter_context(app.override(database=Database(host="fake"), everywhere=True))
        if started == "inside":
            inner.enter_context(app)
        post(app, "tea")
        in_thread(post, app, "coffee")
        assert in_thread(get, app) == get(app) == ["tea", "coffee"]
        assert log == ["+fake", "+users"]
        inner.close()
        assert log == ["+fake", "+users", "-users", "-fake"]
    with app, app.run("database") as resources:
        assert (resources.database.host, resources.database._rows) == ("real", [])


def test_each_override_has_its_own(log):
    """The next test begins with an empty fake, also with the same override."""
    app = App()
    fake = Database(host="fake")
    override = app.override(database=fake, everywhere=True)
    for entered in (override, override, app.override(database=fake, everywhere=True)):
        with entered:
            assert get(app) == []
            post(app, "tea")
            assert get(app) == ["tea"]
    assert log == ["+fake", "+users", "-users", "-fake"] * 3


def test_a_contexts_own_override_still_lives_for_the_run(log):
    """Without `everywhere`, an app-scoped fake is each run's own."""
    app = App()
    with app.override(database=Database(host="fake")):
        post(app, "tea")
        assert get(app) == []
    assert log == ["+fake", "+users", "-users", "-fake", "+fake", "-fake"]


def test_threads_that_were_there_before_see_it():
    """A pool's threads, a server's and `run_in_executor`'s see it, though they began before it was entered."""
    app = App()

    @inject
    def bare(database: Database):
        return database.host

    @app.inject
    def injected(database: Database):
        with app.run("database"):
            return database.host, bare(), app.get("database").host, app.get(Database).host

    async def main(pool):
        loop = asyncio.get_running_loop()
        with app.override(database=Database(host="fake"), everywhere=True):
            return await loop.run_in_executor(pool, injected), await loop.run_in_executor(None, injected)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(injected).result() == ("real",) * 4
        with app.override(database=Database(host="fake"), everywhere=True):
            assert pool.submit(injected).result() == ("fake",) * 4
        assert pool.submit(injected).result() == ("real",) * 4
        assert asyncio.run(main(pool)) == (("fake",) * 4, ("fake",) * 4)
        with app.override(database=Database(host="own")):
            assert pool.submit(injected).result() == ("real",) * 4


def test_it_is_laid_on_in_the_order_of_entering(log):
    """A context's own override wins where it was entered later, and is as good as gone where it was entered before."""
    app = App()
    with app.override(database=Database(host="own")):
        with app.override(database=Database(host="everywhere"), everywhere=True):
            post(app, "tea")
            assert (get(app), in_thread(get, app)) == (["tea"], ["tea"])
            with app.override(database=Database(host="inner")):
                assert (get(app), in_thread(get, app)) == ([], ["tea"])
    assert log.count("+everywhere") == log.count("-everywhere") == 1


def test_a_context_that_overrides_something_else_shares_what_it_has_opened(log):
    """Overrides of other keys, before or after, in any thread: there is one fake."""
    app = App()

    def other():
        with app.override(cache=Cache(host="thread's")):
            post(app, "coffee")
            with app.run("orders") as resources:
                return resources.orders.cache.host

    with app.override(cache=Cache(host="mine")), app.override(database=Database(host="fake"), everywhere=True):
        post(app, "tea")
        with app.override(cache=Cache(host="inner")):
            assert get(app) == ["tea"]
        assert in_thread(other) == "thread's"
        assert get(app) == ["tea", "coffee"]
    assert log == ["+fake", "+users", "-users", "-fake"]


def test_overlapping_ones_end_in_any_order(log):
    """What one has opened is closed when that one ends; what stands on it goes with it, and the other's stays."""

    class Two(App):
        audit = Database(host="audit")

    app = Two()
    first = app.override(database=Database(host="first"), everywhere=True)
    second = app.override(audit=Database(host="second"), everywhere=True)
    first.__enter__()
    second.__enter__()
    post(app, "tea")
    with app.run("audit") as resources:
        resources.audit._rows.append("seen")
    log.clear()
    first.__exit__(None, None, None)
    assert log == ["-users", "-first"]
    with app.run("audit") as resources:
        assert resources.audit._rows == ["seen"]
    second.__exit__(None, None, None)
    assert log == ["-users", "-first", "-second"]


def test_runs_that_are_open_when_it_ends_go_on(log):
    """The fake is closed when the last run that uses it has ended, in whatever thread."""
    app = App()
    opened, ended = threading.Event(), threading.Event()

    def slow():
        with app.run("database") as resources:
            opened.set()
            assert ended.wait(60)
            LOG.append("still used")
            return resources.database.host

    with ThreadPoolExecutor(1) as pool:
        with app.override(database=Database(host="fake"), everywhere=True):
            one = app.run("users")
            one.start()
            theirs = pool.submit(slow)
            assert opened.wait(60)
        assert log == ["+fake", "+users"]
        with app.run("database") as resources:
            assert resources.database.host == "real"
        one.close()
        ended.set()
        assert theirs.result() == "fake"
    assert log == ["+fake", "+users", "+real", "-real", "-users", "still used", "-fake"]


def test_the_app_closes_before_the_override_ends(log):
    """What was opened on top of the app is closed first; a run after that opens it anew."""
    app = App()
    with app.override(users=Users(database=App.database, name="fake"), everywhere=True):
        with app:
            log.clear()
        assert log == ["-fake", "-real"]
    log.clear()
    app.start()
    with app.override(users=Users(database=App.database, name="fake"), everywhere=True):
        with app.run("orders"):
            pass
        app.close()
        assert log == ["+real", "+users", "+fake", "-fake", "-users", "-real"]
        log.clear()
        with app.run("orders"), app.run("users"):
            assert log == ["+real", "+fake"]
        assert log == ["+real", "+fake"]
    assert log == ["+real", "+fake", "-fake", "-real"]


def test_what_was_started_is_what_is_closed(log):
    """An app that was started in an override, and outlives it, is closed as it was started."""
    app = App()
    with app.override(database=Database(host="fake"), everywhere=True):
        app.start()
    assert log == ["+fake", "+users"]
    app.close()
    assert log == ["+fake", "+users", "-users", "-fake"]
    with pytest.raises(RunStateError, match="not started"):
        app.close()


def test_it_ends_in_another_thread_than_it_began_in(log):
    """A fixture may leave it elsewhere: it ends for everybody."""
    app = App()
    override = app.override(database=Database(host="fake"), everywhere=True)
    override.__enter__()
    post(app, "tea")
    in_thread(override.__exit__, None, None, None)
    with app.run("database") as resources:
        assert resources.database.host == "real"
    assert log == ["+fake", "+users", "-users", "-fake", "+real", "-real"]
    override.__exit__(None, None, None)


def test_failing_teardowns(log):
    """Every teardown runs; they surface where the override ends, or with the error that ends it."""
    app = App()
    with pytest.raises(TeardownError) as caught, app.override(database=Failing(host="f"), everywhere=True):
        post(app, "tea")
    assert [str(error) for error in caught.value.exceptions] == ["f fails"]
    with pytest.raises(KeyError) as primary, app.override(database=Failing(host="f"), everywhere=True):
        post(app, "tea")
        raise KeyError("body")
    assert [str(error) for error in primary.value.teardown_errors.exceptions] == ["f fails"]
    assert log == ["+f", "+users", "-users", "-f", "+f", "+users", "-users", "-f KeyError"]


class Interrupted(Database):
    def teardown_after_execution(self, context):
        super().teardown_after_execution(context)
        raise KeyboardInterrupt


def test_a_ctrl_c_in_a_teardown(log):
    """It surfaces where the override ends, when everything is torn down."""
    app = App()
    with pytest.raises(KeyboardInterrupt), app.override(database=Interrupted(host="i"), everywhere=True):
        post(app, "tea")
    assert log == ["+i", "+users", "-users", "-i"]


def test_failing_teardowns_at_the_end_of_a_run_or_an_app(log):
    """The last run that uses it gets its error, and its body's own stays first; so does an app that closes."""
    app = App()
    override = app.override(database=Failing(host="f"), everywhere=True)
    with pytest.raises(TeardownError), app.run("cache"):
        override.__enter__()
        with app.run("database"):
            override.__exit__(None, None, None)
    override.__enter__()
    with pytest.raises(KeyError) as primary, app.run("database"):
        override.__exit__(None, None, None)
        raise KeyError("body")
    assert [str(error) for error in primary.value.teardown_errors.exceptions] == ["f fails"]
    app.start()
    with override:
        post(app, "tea")
        with pytest.raises(TeardownError, match="1 teardown"):
            app.close()
    assert log[-4:] == ["-users", "-f", "-users", "-real"]


def test_runs_that_fail_at_their_end(log):
    """What overrides everywhere have opened for a run is closed too, and the run's own error stays first."""

    class Ending(ConfigurableResource):
        database: Database

        def teardown_after_execution(self):
            raise ConnectionError("the run's")

    class More(App):
        ending = Ending(database=App.database)

    app = More()

    async def main():
        override = app.override(database=Failing(host="f"), everywhere=True)
        await override.__aenter__()
        async with app.run("ending"):
            await override.__aexit__(None, None, None)

    async def well():
        override = app.override(database=Failing(host="f"), everywhere=True)
        await override.__aenter__()
        run = app.run("database")
        await run.astart()
        await override.__aexit__(None, None, None)
        await run.aclose()

    override = app.override(database=Failing(host="f"), everywhere=True)
    override.__enter__()
    with pytest.raises(TeardownError) as caught, app.run("ending"):
        override.__exit__(None, None, None)
    assert "the run's" in str(caught.value.exceptions)
    with pytest.raises(TeardownError) as caught:
        asyncio.run(main())
    assert "the run's" in str(caught.value.exceptions)
    with pytest.raises(TeardownError) as caught:
        asyncio.run(well())
    assert "f fails" in str(caught.value.exceptions)
    assert log == ["+f", "-f"] * 3


@pytest.mark.parametrize("is_async", [False, True])
def test_ctrl_c_when_it_is_up(log, monkeypatch, is_async):
    """Ctrl-C that comes when the fake is up, and nobody knows of it yet: it is closed."""
    app = App()

    async def main():
        async with app.override(database=AsyncDatabase(host="fake"), everywhere=True), app.run("database"):
            pass

    with monkeypatch.context() as patch:
        patch.setattr(OverrideScope, "_left", mock.Mock(side_effect=[KeyboardInterrupt, frozenset()]))
        with pytest.raises(KeyboardInterrupt):
            if is_async:
                asyncio.run(main())
            else:
                with app.override(database=Database(host="fake"), everywhere=True), app.run("database"):
                    pass
    assert log == ["+fake", "-fake KeyboardInterrupt"]


def test_an_override_inside_a_hook_of_a_start(log):
    """An app that is starting is open for its hooks only: they may override, and open runs."""

    class Curious(Database):
        def setup_for_execution(self):
            with app.override(cache=Cache(host="c")), app.run("cache") as resources:
                self._rows = [resources.cache.host]

    class More(App):
        database = Curious()

    app = More()
    with app, app.run("database") as resources:
        assert resources.database._rows == ["c"]


def test_a_started_app_of_what_an_override_gave():
    """The bare `inject` sees what is overridden on it, and on no other app."""
    app, other = App(), App(database=Database(host="other"))

    @inject
    def host(database: Database):
        return database.host

    with app.override(database=Database(host="fake")) as fake:
        pass
    with fake:
        with fake.override(cache=Cache(host="c")):
            assert host() == "fake"
        with other.override(cache=Cache(host="c")):
            assert host() == "fake"
        with fake.override(users=Users(database=Database(), name="u")), fake.run("users"):
            assert host() == "fake"
    with app:
        assert host() == "real"
        with app.override(cache=Cache(host="c")):
            assert host() == "real"


def test_a_setup_that_fails_is_tried_again_by_the_next_run():
    """The run that needed it fails with the hook's own error; nothing stays behind."""
    tries = iter([True, False])

    class Flaky(Database):
        def setup_for_execution(self):
            super().setup_for_execution()
            if next(tries):
                raise ConnectionError("down")

    app = App()
    with app.override(database=Flaky(host="flaky"), everywhere=True):
        with pytest.raises(ConnectionError, match="down"), app.run("users"):
            pass
        assert get(app) == []
    assert LOG == ["+flaky", "+flaky", "-flaky"]


def test_nothing_opens_until_everything_checks(log):
    """A run with any mistake opens no fake either."""
    from resourcekit import EnvVar, PreflightError

    class More(App):
        more = Cache(host=EnvVar("NOT_THERE"))

    app = More()
    with app.override(database=Database(host="fake"), everywhere=True):
        with pytest.raises(Exception, match="NOT_THERE") as caught, app.run():
            pass
        assert isinstance(caught.value, PreflightError) or "NOT_THERE" in str(caught.value)
        with pytest.raises(Exception, match="no key"), app.run("nothing"):
            pass
    assert log == []


def test_many_threads_that_need_it_at_once(log):
    """It is opened once."""
    app = App()
    barrier = threading.Barrier(4)

    def work():
        barrier.wait(60)
        for _ in range(5):
            post(app, "row")

    with app.override(database=Database(host="fake"), everywhere=True):
        with ThreadPoolExecutor(4) as pool:
            for each in [pool.submit(work) for _ in range(4)]:
                each.result()
        assert len(get(app)) == 20
    assert log == ["+fake", "+users", "-users", "-fake"]


def test_threads_that_run_while_it_comes_and_goes():
    """Every run is whole: it has one fake, which is open as long as the run is."""
    app = App()
    done = threading.Event()

    class Checked(Database):
        def setup_for_execution(self):
            self._open = [True]

        def teardown_after_execution(self):
            self._open.clear()

    class Base(App):
        database = Checked()

    app = Base()

    def work():
        seen = set()
        while not done.is_set():
            with app.run("orders") as resources:
                database = resources.orders.users.database
                assert database._open
                seen.add(database.host)
                assert database._open
        return seen

    with ThreadPoolExecutor(3) as pool:
        theirs = [pool.submit(work) for _ in range(3)]
        for number in range(60):
            with app.override(database=Checked(host=str(number)), everywhere=True), app.run("orders") as resources:
                assert resources.orders.users.database.host == str(number)
        done.set()
        for each in theirs:
            assert each.result() <= {"real", *map(str, range(60))}


def test_async_fakes_by_async_with(log):
    """Entered by `async with`, its async hooks are awaited: by the first run, and at its end."""
    app = App()

    async def main():
        async with app.override(database=AsyncDatabase(host="fake"), everywhere=True):
            async with app.run("orders") as resources:
                resources.orders.users.database._rows.append("tea")
            async with app.run("database") as resources:
                assert resources.database._rows == ["tea"]
            with app.run("database") as resources:  # By now a sync one will do.
                assert resources.database._rows == ["tea"]
            assert log == ["+fake", "+users"]
        assert log == ["+fake", "+users", "-users", "-fake"]
        async with app.override(database=AsyncDatabase(host="fake"), everywhere=True):
            run = app.run("database")
            await run.astart()
        assert log[4:] == ["+fake"]
        await run.aclose()
        assert log[4:] == ["+fake", "-fake"]

    asyncio.run(main())


def test_async_fakes_that_the_app_starts(log):
    """Entered by `with` before the app starts, they are the app's; entered by `with` after that, an error says so."""
    app = App()

    async def before():
        with app.override(database=AsyncDatabase(host="fake"), everywhere=True):
            async with app, app.run("database") as resources:
                assert resources.database.host == "fake"

    async def after():
        async with app:
            with app.override(database=AsyncDatabase(host="fake"), everywhere=True):
                async with app.run("cache"):
                    pass
                with pytest.raises(RunStateError, match="enter the override by `async with`, or before the app"):
                    async with app.run("users"):
                        pass

    asyncio.run(before())
    assert log == ["+fake", "+users", "-users", "-fake"]
    asyncio.run(after())
    with app.override(database=AsyncDatabase(host="fake"), everywhere=True), pytest.raises(PlanError), app.run():
        pass


def test_async_fakes_in_the_loop_of_another_thread(log):
    """A server's loop opens it; where the override ends, in another loop, that loop closes it."""
    app = App()
    ready, done = threading.Event(), threading.Event()

    async def serve():
        await asyncio.to_thread(ready.wait, 60)
        for row in ("tea", "coffee"):
            async with app.run("database") as resources:
                resources.database._rows.append(row)
        rows = list(resources_rows(app))
        done.set()
        while "-fake" not in log:
            await asyncio.sleep(0.001)
        return rows

    def resources_rows(app):
        with app.run("database") as resources:
            return list(resources.database._rows)

    async def test(theirs):
        async with app.override(database=AsyncDatabase(host="fake"), everywhere=True):
            ready.set()
            await asyncio.to_thread(done.wait, 60)
        assert log == ["+fake", "-fake"]

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(asyncio.run, serve())
        asyncio.run(test(theirs))
        assert theirs.result() == ["tea", "coffee"]


def test_a_hook_that_needs_its_own_app():
    """A fake's hook that opens a run which needs the fake is an error, no hang."""

    class Curious(Database):
        def setup_for_execution(self):
            with app.run("users"):
                pass

    class AsyncCurious(Database):
        async def setup_for_execution(self):
            async with app.run("users"):
                pass

    app = App()

    async def main():
        async with app.override(database=AsyncCurious(), everywhere=True), app.run("users"):
            pass

    with app.override(database=Curious(), everywhere=True):
        with pytest.raises(RunStateError, match="itself while it starts"), app.run("users"):
            pass
    with pytest.raises(RunStateError, match="itself while it starts"):
        asyncio.run(main())


def test_a_run_made_inside_and_opened_when_it_has_ended(log):
    """It has the fake for itself: nobody else would close it."""
    app = App()
    with app.override(database=Database(host="fake"), everywhere=True) as fake:
        late = app.run("database")
    with late as resources:
        assert resources.database.host == "fake"
    with fake.run("database") as resources:
        assert resources.database.host == "fake"
    assert log == ["+fake", "-fake"] * 2


FORKING = """
import os, sys
from tests.container.test_overrides_everywhere import App, Database, LOG, get, post

app = App()
with app.override(database=Database(host="fake"), everywhere=True):
    post(app, "tea")
    pid = os.fork()
    if not pid:
        LOG.clear()
        assert get(app) == []
        post(app, "coffee")
        assert get(app) == ["coffee"]
        sys.exit(0)  # through the `with`, which closes its own
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert get(app) == ["tea"]
assert LOG == ["+fake", "+users", "-users", "-fake"], LOG
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_of_a_process_that_has_it():
    """What the parent has opened stays the parent's; the child sees the override, and opens its own fake."""
    done = forked(source=FORKING, environ=os.environ)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_opens_its_own_fake(log):
    """The same in this process: the child's runs share nothing with the parent's."""
    app = App()
    with app.override(database=Database(host="fake"), everywhere=True):
        post(app, "tea")
        assert in_child(lambda: get(app)) == []
        assert get(app) == ["tea"]


def test_a_get_outside_of_runs_opens_nothing():
    """`app.get` gives the fake once a run has opened it; before, it says that nothing is live."""
    app = App()
    with app, app.override(database=Database(host="fake"), everywhere=True):
        with pytest.raises(NoActiveRunError):
            app.get("database")
        post(app, "tea")
        assert app.get("database").host == "fake"
        assert in_thread(app.get, "database").host == "fake"


def test_what_a_run_inside_another_asks_for():
    """An override everywhere that is entered inside an open run: it is asked in vain here, and goes on elsewhere."""
    app = App()
    asked, entered = threading.Event(), threading.Event()

    @inject
    def host(database: Database):
        return database.host

    def other():
        with app.run("database"):
            entered.set()
            assert asked.wait(60)
            return host()

    with ThreadPoolExecutor(1) as pool, app.run("database"):
        theirs = pool.submit(other)
        assert entered.wait(60)
        override = app.override(database=Database(host="fake"), everywhere=True)
        with override:
            with pytest.raises(RunStateError, match="enter the override before the run"):
                host()
            asked.set()
            assert theirs.result() == "real"
        assert host() == "real"
        override.__enter__()
        in_thread(override.__exit__, None, None, None)
        assert host() == "real"


def test_an_override_of_what_an_override_gave(log):
    """`x.override(..., everywhere=True)` is seen wherever x is used."""
    app = App()
    with app.override(cache=Cache(host="c")) as fake, fake.override(database=Database(host="d"), everywhere=True):
        post(fake, "tea")
        assert (in_thread(get, fake), get(app)) == (["tea"], ["tea"])
        with app.run("orders") as resources:
            assert resources.orders.cache.host == "c"
            assert in_thread(get, app) == []
    assert log.count("+d") == log.count("-d") == 1


def test_nothing_of_it_is_kept():
    """When all is over, fake and container can go."""
    app = App()
    with app.override(database=Database(host="fake"), everywhere=True):
        with app.run("database") as resources:
            gone = [weakref.ref(resources.database), weakref.ref(app)]
        del resources
    del app
    gc.collect()
    assert [each() for each in gone] == [None, None]
