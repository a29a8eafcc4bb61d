"""A fork inherits what its parent has open: it gets a clear error for that, and can start its own."""

import os
import textwrap

import pytest

from tests.forked import forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

BEGINNING = """
import os, sys, threading
from resourcekit import ConfigurableResource, NoActiveRunError, ResourceContainer, RunStateError, inject

HOOKS = []


class Database(ConfigurableResource, scope="app"):
    def setup_for_execution(self):
        HOOKS.append(f"+{os.getpid() == PARENT}")

    def teardown_after_execution(self):
        HOOKS.append(f"-{os.getpid() == PARENT}")


class Orders(ConfigurableResource):
    database: Database

    def teardown_after_execution(self):
        HOOKS.append(f"-orders {os.getpid() == PARENT}")


class Clock(ConfigurableResource):
    zone: str = "UTC"


class App(ResourceContainer):
    database = Database()
    orders = Orders(database=database)
    clock = Clock()


PARENT = os.getpid()
app = App()


@inject
def ask(database: Database):
    return database


def refused(function, *arguments):
    try:
        function(*arguments)
    except RunStateError as error:
        assert "App was opened in the process that this one was forked from: open it anew here" in str(error), error
        return
    raise AssertionError("not refused")


def wait(pid):
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
"""


def run(program):
    """Run a program that forks; gives what it printed."""
    source = BEGINNING + textwrap.dedent(program)
    done = forked(source=source, environ=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_run_that_a_fork_inherits():
    """In the child the parent's run gives nothing and tears nothing down; a run of its own works."""
    assert run(
        """
        run = app.run()
        with run as resources:
            pid = os.fork()
            if pid == 0:
                refused(getattr, resources, "orders")
                refused(run.close)
                assert run.report.outcome == "inherited"
                try:
                    app.get("orders")
                except NoActiveRunError:
                    pass
                with app.run() as mine:
                    assert mine.orders.database is mine.database
                assert HOOKS == ["+True", "+False", "-orders False", "-False"]
                print("child")
                sys.exit(0)  # through the `with`, which lets it pass
            wait(pid)
            assert resources.orders.database is resources.database
        assert HOOKS == ["+True", "-orders True", "-True"]
        """
    ) == ["child"]


def test_leaving_an_inherited_run():
    """A child that comes to the end of the parent's `with` gets the error there."""
    assert run(
        """
        children = []
        def body():
            with app.run():
                children.append(os.fork())
        try:
            body()
        except RunStateError as error:
            assert children == [0] and "forked" in str(error)
            print("child")
            sys.exit(0)
        wait(children[0])
        """
    ) == ["child"]


def test_a_started_app_that_a_fork_inherits():
    """In the child a started app is an error where it is used, not where it is not; the child starts its own."""
    assert run(
        """
        with app:
            with app.run("orders"):  # generated, with the app's objects in it
                pass
            pid = os.fork()
            if pid == 0:
                refused(app.get, "database")
                refused(app.run("orders").start)
                refused(ask)
                with app.run("clock") as resources:
                    assert resources.clock.zone == "UTC"
                with app:
                    with app.run("orders") as resources:
                        assert resources.orders.database is app.get("database")
                assert HOOKS == ["+True", "-orders True", "+False", "-orders False", "-False"]
                print("child")
                sys.exit(0)
            wait(pid)
            assert app.get("database") is not None
        assert HOOKS == ["+True", "-orders True", "-True"]
        """
    ) == ["child"]


def test_leaving_an_inherited_app():
    """`close` of what the parent has started is an error, in sync and in async code; an app that nobody started is not
    concerned."""
    assert run(
        """
        import asyncio

        app.start()
        app.start()
        pid = os.fork()
        if pid == 0:
            App().start().close()
            refused(app.close)
            refused(asyncio.run, app.aclose())
            print("child")
            sys.exit(0)
        wait(pid)
        app.close()
        app.close()

        async def leave():
            async with app:
                if os.fork() == 0:
                    raise LookupError
                os.wait()

        try:
            asyncio.run(leave())
        except LookupError:  # the child's own error goes on
            assert os.getpid() != PARENT
            print("child")
        """
    ) == ["child", "child"]


def test_async_runs_let_the_childs_error_pass():
    """An error of the child's own goes on through an async run of the parent's."""
    assert run(
        """
        import asyncio

        async def leave():
            async with app.run():
                if os.fork() == 0:
                    raise LookupError
                os.wait()

        try:
            asyncio.run(leave())
        except LookupError:
            assert os.getpid() != PARENT
            assert len(HOOKS) == 1
            print("child")
        """
    ) == ["child"]


def test_a_fork_while_another_thread_starts_the_app():
    """A lock that a thread of the parent's held is no lock in the child: it starts the app, and does not hang."""
    assert run(
        """
        starting, go_on = threading.Event(), threading.Event()

        def slowly(self):
            if os.getpid() == PARENT:
                starting.set()
                go_on.wait()

        Database.setup_for_execution = slowly
        thread = threading.Thread(target=app.start)
        thread.start()
        starting.wait()
        pid = os.fork()
        if pid == 0:
            with app:
                assert app.get("database") is not None
            print("child")
            sys.stdout.flush()
            os._exit(0)
        go_on.set()
        thread.join()
        wait(pid)
        app.close()
        """
    ) == ["child"]


def test_async_runs_and_apps_that_a_fork_inherits():
    """The same for `async with`: what the parent has open is an error in the child, whose own works."""
    assert run(
        """
        import asyncio

        async def main():
            async with app:
                async with app.run("orders") as resources:
                    pid = os.fork()
                    if pid == 0:
                        os._exit(child())
                    wait(pid)
                    assert resources.orders is not None

        def child():
            async def mine():
                async with app, app.run() as resources:
                    return resources.orders.database is app.get("database")

            try:
                refused(app.close)
                asyncio.events._set_running_loop(None)  # the parent's
                assert asyncio.run(mine())
            except BaseException as error:
                print(error)
                return 1
            print("child")
            sys.stdout.flush()
            return 0

        asyncio.run(main())
        """
    ) == ["child"]


FORKING = """
class Forking(ConfigurableResource):
    database: Database | None
    where: str = "set-up"

    def setup_for_execution(self):
        HOOKS.append("+forking")
        self._fork("set-up")

    def teardown_after_execution(self):
        HOOKS.append("-forking")
        self._fork("teardown")

    def _fork(self, where):
        if where == self.where and CHILD == []:
            CHILD.append(os.fork())
            if CHILD[0]:
                wait(CHILD[0])
            elif EXIT:
                sys.exit(0)


class Later(ConfigurableResource):
    forking: Forking

    def setup_for_execution(self):
        HOOKS.append("+later")


class AppForking(Forking, scope="app"): ...


CHILD, EXIT = [], []


def container(kind, where="set-up"):
    forking = kind(database=Database(), where=where)
    return ResourceContainer.of({"forking": forking, "later": Later(forking=forking)})


def body(enter, *, is_async=False):
    async def amain():
        async with enter():
            HOOKS.append("body")

    try:
        if is_async:
            import asyncio
            asyncio.run(amain())
        else:
            with enter():
                HOOKS.append("body")
    except RunStateError as error:
        assert os.getpid() != PARENT
        assert "was opened in the process that this one was forked from" in str(error), error
    except SystemExit:
        assert EXIT and os.getpid() != PARENT
    else:
        assert os.getpid() == PARENT
"""


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    "enter",
    [
        "container(Forking).run",
        "lambda app=container(Forking): app.run(report=True)",
        "lambda app=container(AppForking): app",
    ],
    ids=["generated", "machine", "app"],
)
@pytest.mark.parametrize("ends", [[], [True]], ids=["goes-on", "exits"])
def test_a_set_up_hook_that_forks(enter, is_async, ends):
    """A child that comes out of a set-up hook gets the error there: in it nothing more is set up or torn down; it
    can open its own. The parent goes on."""
    run(
        FORKING
        + f"""
EXIT += {ends}
body({enter}, is_async={is_async})
if os.getpid() == PARENT:
    assert HOOKS[1] == "+forking" and "body" in HOOKS and HOOKS[-2:] == ["-forking", "-True"], HOOKS
else:
    assert HOOKS == ["+True", "+forking"], HOOKS
    with container(Forking).run():
        pass
    assert HOOKS[2:] == ["+False", "+forking", "+later", "-forking", "-False"], HOOKS
    os._exit(0)
"""
    )


ENTERED = pytest.mark.parametrize(
    "enter",
    [
        "container(Forking, 'teardown').run",
        "lambda app=container(Forking, 'teardown'): app.run(report=True)",
        "lambda app=container(AppForking, 'teardown'): app",
    ],
    ids=["generated", "machine", "app"],
)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@ENTERED
@pytest.mark.parametrize("ends", [[], [True]], ids=["goes-on", "exits"])
def test_a_teardown_hook_that_forks(enter, is_async, ends):
    """A child that comes out of a teardown hook gets the error too, and tears no more down; it can open its own."""
    run(
        FORKING
        + f"""
EXIT += {ends}
body({enter}, is_async={is_async})
if os.getpid() == PARENT:
    assert HOOKS[-2:] == ["-forking", "-True"], HOOKS
else:
    assert HOOKS[-2:] == ["body", "-forking"], HOOKS
    del HOOKS[:]
    with container(Forking).run():
        pass
    assert HOOKS == ["+False", "+forking", "+later", "-forking", "-False"], HOOKS
    os._exit(0)
"""
    )


@pytest.mark.parametrize("mode", ["", "report=True"], ids=["generated", "machine"])
def test_the_last_teardown_hook_forks(mode):
    """It is the same where there is nothing more to tear down, and where the run is one inside another's hook."""
    run(
        FORKING
        + f"""
class Around(ConfigurableResource):
    def teardown_after_execution(self):
        HOOKS.append("-around")
        with inner.run({mode}):
            pass
        HOOKS.append("around goes on")


alone = type("Alone", (Forking,), {{}})
inner = ResourceContainer.of({{"forking": alone(database=None, where="teardown")}})
outer = ResourceContainer.of({{"database": Database(), "around": Around()}})
body(lambda: outer.run({mode}))
if os.getpid() == PARENT:
    assert HOOKS == ["+True", "body", "-around", "+forking", "-forking", "around goes on", "-True"], HOOKS
else:
    assert HOOKS == ["+True", "body", "-around", "+forking", "-forking"], HOOKS
    os._exit(0)
"""
    )


def test_a_body_that_failed_and_a_teardown_hook_that_forks():
    """An error of the body's goes on in both."""
    run(
        FORKING
        + """
app = container(Forking, "teardown")
try:
    with app.run():
        HOOKS.append("body")
        raise LookupError
except LookupError:
    pass
if os.getpid() == PARENT:
    assert HOOKS[-2:] == ["-forking", "-True"], HOOKS
else:
    assert HOOKS[-2:] == ["body", "-forking"], HOOKS
    os._exit(0)
"""
    )


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("ends", "code"), [("pass", 1), ("raise LookupError('mine')", 1), ("sys.exit(3)", 3), ("sys.exit()", 0)]
)
def test_a_hook_in_a_thread_that_forks(is_async, ends, code):
    """A child that comes out of a hook that a concurrent start made in a thread has nowhere to go on: it says so, and
    ends, or exits as it wants; the parent goes on."""
    forking = FORKING.replace("wait(CHILD[0])", "STATUS.append(os.waitpid(CHILD[0], 0)[1])")
    source = (
        BEGINNING
        + forking.replace("elif EXIT:\n                sys.exit(0)", f"else:\n                {ends}")
        + f"""
STATUS = []
body(lambda app=container(Forking): app.run(concurrent=True), is_async={is_async})
assert HOOKS[-2:] == ["-forking", "-True"], HOOKS
print(os.waitstatus_to_exitcode(STATUS[0]))
"""
    )
    done = forked(source=source, environ=os.environ)
    assert (done.returncode, done.stdout) == (0, f"{code}\n")
    said = "setup_for_execution of 'forking' (Forking) was called in a thread and has forked"
    assert (said in done.stderr) is ("exit" not in ends)
    assert ("LookupError: mine" in done.stderr) is ("mine" in ends)


def test_a_run_of_another_context_whose_teardown_hook_forks():
    """A run may be closed in another context than it was opened in: the child gets the error there as well."""
    run(
        FORKING
        + """
import contextvars

opened = container(Forking, "teardown").run()
contextvars.copy_context().run(opened.start)
try:
    opened.close()
except RunStateError as error:
    assert "was opened in the process that this one was forked from" in str(error)
    assert HOOKS[-1] == "-forking"
    os._exit(0)
assert os.getpid() == PARENT
"""
    )
