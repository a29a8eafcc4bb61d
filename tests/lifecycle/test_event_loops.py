"""Several event loops on one container: one instance, which belongs to the loop that started it, and never a hang."""

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
import sniffio
import trio

from resourcekit import ConfigurableResource, ResourceContainer, RunStateError, TeardownError
from resourcekit.lifecycle import loops

TRACE: list[str] = []
PLACES: dict[str, tuple[int, str]] = {}
HOOK: dict[str, object] = {}
BACKENDS = ["asyncio", "trio"]
OTHERS = ["asyncio", "trio", "thread"]
word = contextvars.ContextVar("word", default="")


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done."""
    TRACE.clear()
    PLACES.clear()
    HOOK.clear()


class Connection(ConfigurableResource, scope="app"):
    """Belongs to the event loop that it was opened in."""

    async def setup_for_execution(self, context):
        self._place = PLACES[f"+{context.key}"] = threading.get_ident(), sniffio.current_async_library()
        TRACE.append(f"+{context.key}")

    async def teardown_after_execution(self, context):
        PLACES[f"-{context.key}"] = threading.get_ident(), sniffio.current_async_library()
        if context.key in HOOK:
            await HOOK[context.key](context)
        await anyio.sleep(0.001)
        TRACE.append(f"-{context.key}")


class Plain(ConfigurableResource, scope="app"):
    """Belongs to no loop."""

    below: object = None

    def setup_for_execution(self, context):
        TRACE.append(f"+{context.key}")

    def teardown_after_execution(self, context):
        TRACE.append(f"-{context.key}")


class Streamed(ConfigurableResource, scope="app"):
    """An async generator."""

    async def yield_for_execution(self, context):
        TRACE.append(f"+{context.key}")
        yield self
        PLACES[f"-{context.key}"] = threading.get_ident(), sniffio.current_async_library()
        TRACE.append(f"-{context.key}")


class App(ResourceContainer):
    """Of both kinds."""

    connection = Connection()
    plain = Plain(below=connection)
    streamed = Streamed()


ALL = ["+connection", "+plain", "+streamed", "-streamed", "-plain", "-connection"]


class Last:
    """Opens an app in an event loop, and leaves it last elsewhere: in another loop, or in no loop.

    Args:
        app: The app.
        backend: The loop that starts it.
        other: Where it is left last.
        stays: Whether the first loop goes on until then; else it has ended.
    """

    def __init__(self, app, backend, other, *, stays=True):
        self.app, self.backend, self.other, self.stays = app, backend, other, stays
        self.is_started, self.is_joined, self.may_end = threading.Event(), threading.Event(), threading.Event()
        self.has_left = threading.Event()
        self.body_error = None
        self.scope = None

    async def _first(self):
        async with self.app:
            self.is_started.set()
            while not self.is_joined.is_set():
                await anyio.sleep(0.001)
        self.has_left.set()
        while self.stays and not self.may_end.is_set():
            await anyio.sleep(0.001)

    def _body(self):
        self.is_joined.set()
        assert self.has_left.wait(60)
        if self.body_error is not None:
            raise self.body_error

    async def _last(self):
        with anyio.CancelScope() as self.scope:
            async with self.app:
                self._body()

    def _open_last(self):
        with self.app:
            self._body()

    def play(self):
        """Do it; gives what came out."""
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(anyio.run, self._first, backend=self.backend)
            assert self.is_started.wait(60)
            if not self.stays:
                body = self._body

                def until_the_end():
                    body()
                    first.result(60)

                self._body = until_the_end
            last = pool.submit(*([self._open_last] if self.other == "thread" else [anyio.run, self._last]),
                               **({} if self.other == "thread" else {"backend": self.other}))  # fmt: skip
            try:
                return last.exception(60)
            finally:
                self.may_end.set()
                first.result(60)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loop_that_started_an_app_tears_it_down(backend, other):
    """Whoever leaves last, in another loop or in a plain thread, has the loop that opened the resources close them."""
    app = App()
    assert Last(app, backend, other).play() is None
    assert TRACE == ALL
    assert PLACES["-connection"] == PLACES["-streamed"] == PLACES["+connection"]
    assert PLACES["-connection"][1] == backend
    with ThreadPoolExecutor(1) as pool:  # It can be started again, by another loop.
        pool.submit(asyncio.run, started_and_closed(app)).result()
    assert TRACE == ALL + ALL


async def started_and_closed(app):
    """Start an app and close it."""
    async with app:
        pass


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loop_that_started_an_app_has_ended(backend, other):
    """Where that loop has ended, what is not async is torn down all the same, and an error names each that is."""
    error = Last(App(), backend, other, stays=False).play()
    assert isinstance(error, TeardownError)
    assert [str(each).partition(" of ")[2][:12] for each in error.exceptions] == ["'streamed' i", "'connection'"]
    assert all("the event loop that opened App has ended" in str(each) for each in error.exceptions)
    assert "'connection' (Connection)" in error.exceptions[1].__notes__[0]
    assert [entry for entry in TRACE if entry in ("-plain", "-connection")] == ["-plain"]


def test_what_needs_no_loop_is_torn_down_without_it():
    """An app without async resources that was started in a loop which has ended is left without an error."""
    app = ResourceContainer.of({"plain": Plain()})
    assert Last(app, "asyncio", "thread", stays=False).play() is None
    assert TRACE == ["+plain", "-plain"]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_body_of_the_last_to_leave_fails(backend, other):
    """Its error surfaces, and the hooks in the other loop hear of it."""
    heard = []

    async def hear(context):
        heard.append(context.exception)

    HOOK["connection"] = hear
    last = Last(App(), backend, other)
    last.body_error = ZeroDivisionError("body")
    assert last.play() is last.body_error
    assert heard == [last.body_error]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_teardown_that_fails_in_the_loop_of_the_app(backend):
    """What hooks raise there surfaces where the last one leaves; every other hook runs."""

    async def fail(context):
        raise LookupError(context.key)

    HOOK["connection"] = fail
    error = Last(App(), backend, "thread").play()
    assert isinstance(error, TeardownError)
    assert [type(each) for each in error.exceptions] == [LookupError]
    assert ALL[:-1] == TRACE


@pytest.mark.parametrize("other", BACKENDS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_last_to_leave_is_cancelled_meanwhile(backend, other):
    """A cancellation of who waits interrupts the hook that is awaiting in the other loop, and no hook but that."""

    async def long(context):
        last.soon(last.scope.cancel)
        await anyio.sleep(20)

    class Interrupted(Last):
        async def _last(self):
            if other == "asyncio":
                self.soon = asyncio.get_running_loop().call_soon_threadsafe
            else:
                self.soon = trio.lowlevel.current_trio_token().run_sync_soon
            await super()._last()
            assert self.scope.cancelled_caught
            TRACE.append("cancelled")

    class Two(ResourceContainer):
        connection = Connection()
        other = Connection()

    HOOK["other"] = long
    last = Interrupted(Two(), backend, other)
    assert last.play() is None
    assert TRACE == ["+connection", "+other", "-connection", "cancelled"]


def test_a_loop_that_is_blocked_is_not_waited_for_for_ever(monkeypatch):
    """A loop that does not go on, since its thread waits for the last one to leave, is an error after a while."""
    monkeypatch.setattr(loops, "_PATIENCE", 0.05)
    app = App()
    errors = []

    def last():
        try:
            with app:
                joined.set()
                left.wait()
        except TeardownError as error:
            errors.append(error)

    joined, left = threading.Event(), threading.Event()

    async def main():
        async with app:
            thread = threading.Thread(target=last)
            thread.start()
            joined.wait()
        left.set()
        thread.join()

    asyncio.run(main())
    assert "has ended, or does not go on" in str(errors[0].exceptions[0])
    assert [*ALL[:3], "-plain"] == TRACE


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_that_ends_in_the_midst_of_it(backend):
    """When the loop ends while it tears down, its hooks are cancelled, and who waits is told."""
    app = App()
    begun = threading.Event()

    async def long(context):
        begun.set()
        await anyio.sleep(20)

    class Ending(Last):
        def _body(self):
            super()._body()
            threading.Thread(target=lambda: (begun.wait(), self.may_end.set())).start()

    HOOK["connection"] = long
    error = Ending(app, backend, "thread").play()
    assert isinstance(error, TeardownError)
    assert str(error.exceptions[0]) == "the event loop that opened App has ended meanwhile"
    assert "'connection' (Connection)" in error.exceptions[0].__notes__[0]


def test_a_loop_that_stops_in_the_midst_of_it(monkeypatch):
    """When the loop is left standing while it tears down, that is an error, and the rest is torn down without it."""
    monkeypatch.setattr(loops, "_PATIENCE", 1.0)  # It must begin in that time.
    app = App()

    async def stop(context):
        asyncio.get_running_loop().stop()
        await asyncio.sleep(20)

    HOOK["connection"] = stop
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(app.astart())
        app.start()
        loop.run_until_complete(app.aclose())
        with ThreadPoolExecutor(1) as pool:
            closing = pool.submit(app.close)
            loop.run_forever()
            with pytest.raises(TeardownError) as caught:
                closing.result(60)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
    finally:
        loop.close()
    assert [str(each) for each in caught.value.exceptions] == [
        "the event loop that opened App has ended while it tore it down"
    ]


def test_ctrl_c_while_another_loop_tears_down(monkeypatch):
    """Ctrl-C for who waits interrupts the hook that is awaiting there, and surfaces; the other hooks run."""
    monkeypatch.setattr(loops, "sleep", lambda seconds: interrupts.pop()() if interrupts else time.sleep(seconds))

    def interrupt():
        assert begun.wait(60)
        raise KeyboardInterrupt

    async def long(context):
        begun.set()
        await anyio.sleep(20)

    class Two(ResourceContainer):
        connection = Connection()
        other = Connection()

    begun, interrupts = threading.Event(), [interrupt]
    HOOK["other"] = long
    assert isinstance(Last(Two(), "asyncio", "thread").play(), KeyboardInterrupt)
    assert TRACE == ["+connection", "+other", "-connection"]


def test_ctrl_c_before_another_loop_begins(monkeypatch):
    """Ctrl-C for who waits for a loop that does not go on ends the waiting."""

    def interrupt(_seconds):
        raise KeyboardInterrupt

    app = App()

    async def main():
        await app.astart()
        monkeypatch.setattr(loops, "sleep", interrupt)
        with ThreadPoolExecutor(1) as pool:
            errors.append(pool.submit(app.close).exception(60))

    errors = []
    asyncio.run(main())
    assert isinstance(errors[0], KeyboardInterrupt)
    assert [type(each) for each in errors[0].teardown_errors.exceptions] == [RunStateError] * 2
    assert TRACE[3:] == ["-plain"]


def test_a_trio_loop_is_known_to_have_ended():
    """Whether a loop goes on can be asked from anywhere, at any time."""
    owners = []

    async def main():
        owners.append(loops.owning_loop())
        assert owners[0].is_running

    trio.run(main)
    assert not owners[0].is_running


def test_an_app_is_closed_by_hand_after_its_loop(monkeypatch):
    """In the same thread, after the loop has ended or while it stands still, nothing is waited for."""
    app = App()
    asyncio.run(app.astart())
    with pytest.raises(TeardownError, match="2 teardown hooks failed"):
        app.close()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(app.astart())
    monkeypatch.setattr(loops, "sleep", lambda seconds: pytest.fail("it waited"))
    with pytest.raises(TeardownError, match="2 teardown hooks failed"):
        app.close()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_hooks_see_the_context_and_the_app_they_were_started_in():
    """A hook in the loop of the app sees that loop's context variables, and finds the app's other resources."""
    app = App()
    found = []

    async def look(context):
        found.extend((word.get(), app.get("connection")._place))

    class Worded(Last):
        async def _first(self):
            word.set("first")
            await super()._first()

    HOOK["connection"] = look
    assert Worded(app, "asyncio", "trio").play() is None
    assert found == ["first", PLACES["+connection"]]


def test_a_plain_with_in_a_loop_that_tears_down_for_another(monkeypatch):
    """In the thread of that loop a plain `with` could only hang: it is an error."""
    app = App()
    errors = []

    async def enter(context):
        def plainly():
            try:
                app.start()
            except RunStateError as error:
                errors.append(error)

        contextvars.Context().run(plainly)

    HOOK["connection"] = enter
    assert Last(app, "asyncio", "thread").play() is None
    assert "another task of this thread" in str(errors[0])


class Session(ConfigurableResource):
    """Of a run, in its loop."""

    async def setup_for_execution(self):
        self._place = threading.get_ident()
        TRACE.append("+session")

    async def teardown_after_execution(self):
        TRACE.append(f"-session {threading.get_ident() == self._place}")


@pytest.mark.parametrize("report", [False, True], ids=["generated", "machine"])
def test_a_run_that_was_opened_by_hand_in_another_loop(report):
    """The same holds for a run of `astart` that another loop or a plain thread closes."""
    app = ResourceContainer.of({"session": Session()})

    async def main():
        for end in (lambda run: asyncio.run(run.aclose()), lambda run: trio.run(run.aclose), lambda run: run.close()):
            run = app.run(report=report)
            await run.astart()
            await anyio.to_thread.run_sync(end, run)
            assert run.report.outcome == "success"
            with pytest.raises(RunStateError, match="has ended"):
                run.close()

    asyncio.run(main())
    assert TRACE == ["+session", "-session True"] * 3


@pytest.mark.parametrize("report", [False, True], ids=["generated", "machine"])
def test_a_run_is_ended_as_it_was_begun(report):
    """A run opened by `astart` is refused by `close` in its own loop: each async hook is an error, the others run.
    One opened by `start` can be closed by `aclose`."""
    app = ResourceContainer.of({"plain": Plain(), "session": Session()})

    async def main():
        run = app.run(report=report)
        await run.astart()
        with pytest.raises(TeardownError) as caught:
            run.close()
        assert "teardown_after_execution of 'session' gave an awaitable" in str(caught.value.exceptions[0])
        assert TRACE == ["+plain", "+session", "-plain"]
        run = app.run("plain", report=report)
        run.start()
        await run.aclose()
        assert TRACE[3:] == ["+plain", "-plain"]

    asyncio.run(main())


def test_no_event_loop_at_all():
    """A coroutine that is driven by hand works as long as its hooks need no loop."""
    app = ResourceContainer.of({"plain": Plain()})
    for coroutine in (app.astart(), app.aclose()):
        with pytest.raises(StopIteration):
            coroutine.send(None)
    assert TRACE == ["+plain", "-plain"]
