"""Whatever a forked child does with what its parent has open, and however it ends: nothing of that ends there."""

import os
import textwrap

import pytest

from tests.forked import forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

BEGINNING = """
import asyncio, atexit, contextlib, contextvars, gc, multiprocessing, os, subprocess, sys, threading, warnings
from resourcekit import ConfigurableResource, ConfigurableResourceFactory, ResourceContainer, RunStateError

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
PARENT = os.getpid()


def ended(what):
    os.write(1, f"{what} ended in {'parent' if os.getpid() == PARENT else 'child'}\\n".encode())


class Yielding(ConfigurableResource):
    def yield_for_execution(self):
        try:
            yield
        finally:
            ended("yielding")


class Managed:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        ended("managed")


class Managing(ConfigurableResource):
    def yield_for_execution(self):
        return Managed()


class Vending(ConfigurableResourceFactory[str]):
    def create_resource(self):
        try:
            yield "vended"
        finally:
            ended("vending")


class Hooked(ConfigurableResource):
    def setup_for_execution(self):
        self._open = Open()

    def teardown_after_execution(self):
        ended("hooked")


class Open:
    def __del__(self):
        ended("open")


def in_scope(scope):
    kinds = (Yielding, Managing, Vending, Hooked)
    made = {each.__name__.lower(): type(each.__name__, (each,), {}, scope=scope)() for each in kinds}
    return ResourceContainer.of(made)


APPS = {"run": in_scope("run"), "app": in_scope("app")}


class AsyncYielding(ConfigurableResource):
    async def yield_for_execution(self):
        try:
            yield
        finally:
            await asyncio.sleep(0)
            ended("async")


class AsyncHooked(ConfigurableResource):
    async def teardown_after_execution(self):
        ended("async hooked")


ASYNC = ResourceContainer.of({"one": AsyncYielding(), "two": AsyncHooked(), "three": Yielding()})


def opened(scope):
    return APPS["app"] if scope == "app" else APPS["run"].run(report=scope == "machine")


def wait(pid):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, status
    print("child is gone", flush=True)
"""
ENDS = ["open", "hooked", "vending", "managed", "yielding"]
SYNC = ["child is gone", *(f"{each} ended in parent" for each in ("hooked", *ENDS[2:], "open"))]


def run(program, **words):
    """Run a program that forks; gives the lines that it printed."""
    source = BEGINNING + textwrap.dedent(program)
    for word, text in words.items():
        source = source.replace(word, text)
    done = forked(source=source, environ=os.environ)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def check(lines, expected=SYNC):
    """Everything has ended once, in the parent, after the child was gone."""
    assert sorted(lines) == sorted(expected)
    assert lines[0] == expected[0]


SCOPES = pytest.mark.parametrize("scope", ["generated", "machine", "app"])
# How a child ends: as a program may, in the middle of the parent's block.
LEAVING = {
    "exits": "sys.exit()",
    "exits at once": "os._exit(0)",
    "exits after collecting": "del entered, block; gc.collect(); sys.exit()",
    "raises": "raise Leaving",
    "lets go": "block = entered = None; gc.collect(); raise Leaving",
}


@SCOPES
@pytest.mark.parametrize("leaving", LEAVING)
def test_a_child_that_leaves_the_parents_block(scope, leaving):
    """A child of os.fork ends in any way inside the parent's `with`: what is open there is the parent's to end."""
    check(
        run(
            """
            class Leaving(Exception): ...

            def main():
                block = opened("SCOPE")
                with block as entered:
                    if not os.fork():
                        WAY
                    os.wait()
                    print("child is gone", flush=True)

            with contextlib.suppress(Leaving):
                main()
            gc.collect()
            """,
            SCOPE=scope,
            WAY=LEAVING[leaving],
        )
    )


@SCOPES
def test_what_a_child_holds_to_its_very_end(scope):
    """What variables of the program hold is let go of when the child's interpreter ends, and ends nothing either."""
    check(
        run(
            """
            block = opened("SCOPE")
            entered = block.__enter__()
            kept = [entered, block]
            if not os.fork():
                sys.exit()
            os.wait()
            print("child is gone", flush=True)
            block.__exit__(None, None, None)
            del block, entered, kept
            gc.collect()
            """,
            SCOPE=scope,
        )
    )


@SCOPES
@pytest.mark.parametrize("how", ["Process", "Pool", "preexec"])
def test_processes_that_python_forks(scope, how):
    """Workers of multiprocessing, and what subprocess calls before it executes a program, end nothing."""
    check(
        run(
            """
            def work(number=0):
                gc.collect()
                with APPS["run"].run("hooked"):
                    pass  # one of its own
                return number

            def with_process():
                process = multiprocessing.get_context("fork").Process(target=work)
                process.start()
                process.join()
                assert process.exitcode == 0

            def with_pool():
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    assert pool.map(work, range(8)) == list(range(8))
                    pool.close()
                    pool.join()

            def with_preexec():
                subprocess.run([sys.executable, "-c", ""], preexec_fn=work, check=True)

            ended_before = ended

            def ended(what):
                if os.getpid() == PARENT or what not in ("hooked", "open"):
                    ended_before(what)

            with opened("SCOPE"):
                HOW()
                print("child is gone", flush=True)
            gc.collect()
            """,
            SCOPE=scope,
            HOW=f"with_{how.lower()}",
        )
    )


@SCOPES
def test_runs_of_other_threads_and_contexts(scope):
    """What another thread, or another context, has open is the parent's as well: a child may let go of it, and gets
    the error where it would end it."""
    lines = run(
        """
        def refused(function, *arguments):
            try:
                function(*arguments)
            except RunStateError as error:
                assert "the process that this one was forked from" in str(error), error
            else:
                raise AssertionError("not refused")

        local, is_open, go_on, kept = threading.local(), threading.Event(), threading.Event(), {}

        def work():
            block = opened("SCOPE")
            local.kept = block.__enter__()
            if "SCOPE" != "app":
                local.block = block
            is_open.set()
            go_on.wait()
            block.__exit__(None, None, None)
            del local.kept
            vars(local).clear()

        def elsewhere():
            kept["block"] = block = APPS["run"].run(report="SCOPE" == "machine")
            kept["view"] = block.__enter__()

        thread = threading.Thread(target=work)
        thread.start()
        is_open.wait()
        context = contextvars.copy_context()
        context.run(elsewhere)
        if not os.fork():
            refused(kept["block"].__exit__, None, None, None)
            refused(kept["block"].close)
            kept["block"].__exit__(ValueError, ValueError(), None)  # the child's own error goes on
            refused(getattr, kept["view"], "hooked")
            assert kept["block"].report.outcome == "inherited"
            kept.clear()
            gc.collect()
            sys.exit()
        os.wait()
        print("child is gone", flush=True)
        go_on.set()
        thread.join()
        kept["block"].__exit__(None, None, None)
        kept.clear()
        gc.collect()
        """,
        SCOPE=scope,
    )
    check(lines, [SYNC[0], *SYNC[1:], *SYNC[1:]])


@pytest.mark.parametrize("way", ["kept['view'] = None", "del kept['view'], kept['block']"])
def test_a_run_of_another_context_that_is_forgotten_in_a_child(way):
    """A child that collects a run of the parent's does not warn, and does not close it."""
    check(
        run(
            """
            kept = {}

            def elsewhere():
                kept["block"] = APPS["run"].run()
                kept["view"] = kept["block"].__enter__()

            contextvars.copy_context().run(elsewhere)
            if not os.fork():
                del Open.__del__  # What no hook ends may be collected.
                WAY
                gc.collect()
                sys.exit()
            os.wait()
            print("child is gone", flush=True)
            kept["block"].__exit__(None, None, None)
            kept.clear()
            gc.collect()
            """,
            WAY=way,
        )
    )


@pytest.mark.parametrize("end", ["list(generator)", "generator.close()", "del generator; gc.collect()", "sys.exit()"])
def test_a_run_in_a_suspended_generator(end):
    """The run of an injected generator that the parent has suspended ends in the parent alone, whatever a child does
    with the generator."""
    check(
        run(
            """
            from resourcekit import injected
            shop = APPS["run"]

            @shop.inject
            def numbers(yielding: Yielding, managing: Managing, hooked: Hooked, vending: str = injected()):
                yield 1
                yield 2

            generator = numbers()
            assert next(generator) == 1
            if not os.fork():
                with contextlib.suppress(RunStateError):
                    END
                sys.exit()
            os.wait()
            print("child is gone", flush=True)
            assert list(generator) == [2]
            del generator
            gc.collect()
            """,
            END=end,
        )
    )


ASYNC_ENDS = ["child is gone", "yielding ended in parent", "async hooked ended in parent", "async ended in parent"]


@pytest.mark.parametrize("mode", ["", "report=True"], ids=["generated", "machine"])
@pytest.mark.parametrize("way", ["sys.exit()", "raise Leaving", "os._exit(0)"])
def test_async_generators(mode, way):
    """The same for async hooks, also of a run that another task has open, which the child's loop cancels."""
    lines = run(
        """
        class Leaving(Exception): ...

        async def beside(is_open, go_on):
            async with ASYNC.run(MODE):
                is_open.set()
                await go_on.wait()

        async def main():
            is_open, go_on = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(beside(is_open, go_on))
            await is_open.wait()
            async with ASYNC.run(MODE):
                if not os.fork():
                    WAY
                os.wait()
                print("child is gone", flush=True)
            go_on.set()
            await task

        with contextlib.suppress(Leaving):
            asyncio.run(main())
        """,
        MODE=mode,
        WAY=way,
    )
    check(lines, [*ASYNC_ENDS, *ASYNC_ENDS[1:]])


@pytest.mark.parametrize("where", ["opening", "closing"])
def test_another_task_that_is_between_two_hooks(where):
    """A task of the parent's that waits in a hook goes no further in a child, whose loop cancels it there."""
    lines = run(
        """
        class Waiting(ConfigurableResource):
            async def setup_for_execution(self):
                await self._wait("opening")

            async def teardown_after_execution(self):
                await self._wait("closing")

            async def _wait(self, where):
                if where == "WHERE":
                    is_here.set()
                    await go_on.wait()

        shop = ResourceContainer.of({"one": AsyncHooked(), "two": Yielding(), "waiting": Waiting()})

        async def beside():
            async with shop.run():
                pass

        async def main():
            global is_here, go_on
            is_here, go_on = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(beside())
            await is_here.wait()
            if not os.fork():
                sys.exit()
            os.wait()
            print("child is gone", flush=True)
            go_on.set()
            await task

        asyncio.run(main())
        """,
        WHERE=where,
    )
    check(lines, ["child is gone", "yielding ended in parent", "async hooked ended in parent"])


CONCURRENT = """
    forks, is_under_way, go_on = [], threading.Event(), threading.Event()

    class Blocking(Hooked):
        def setup_for_execution(self):
            super().setup_for_execution()
            is_under_way.set()
            if os.getpid() == PARENT:
                go_on.wait()

    class Forking(ConfigurableResource, threads=False):
        def setup_for_execution(self):
            is_under_way.wait()
            forks.append(os.fork())
            if forks[0]:
                wait(forks[0])
                go_on.set()

        def teardown_after_execution(self):
            ended("forking")

    shop = ResourceContainer.of({"yielding": Yielding(), "blocking": Blocking(), "forking": Forking()})

    def main():
        with shop.run(concurrent=True):
            pass

    async def amain():
        async with shop.run(concurrent=True):
            pass

    try:
        WAY
    except RunStateError as error:
        assert os.getpid() != PARENT and "forked from" in str(error), error
        with APPS["run"].run("vending"):
            pass  # one of its own
        os._exit(0)
    gc.collect()
"""


PARENTS = [f"{each} ended in parent" for each in ("hooked", "yielding", "open", "forking")]


def test_a_fork_amid_a_concurrent_start():
    """A hook that forks while others are under way in threads: the child, where those threads are not, gets the error
    and does not wait for them."""
    check(run(CONCURRENT, WAY="main()"), ["vending ended in child", "child is gone", *PARENTS])


@pytest.mark.parametrize(("exits", "code"), [("pass", 1), ("sys.exit(3)", 3)])
def test_a_fork_amid_a_concurrent_start_of_a_loop(exits, code):
    """In an event loop the child has nowhere to go on, since the loop waits for those threads: it says so and ends, or
    exits as it wants."""
    program = CONCURRENT.replace("go_on.set()\n", f"go_on.set()\n            else:\n                {exits}\n", 1)
    program = program.replace(
        "setup_for_execution(self):\n            is_under_way.wait()",
        "setup_for_execution(self):\n            while not is_under_way.is_set(): await asyncio.sleep(0)",
    ).replace("threads=False):\n        def", "threads=False):\n        async def")
    source = BEGINNING.replace("assert status == 0, status", f"assert status == {code}, status")
    source += textwrap.dedent(program).replace("WAY", "asyncio.run(amain())")
    done = forked(source=source, environ=os.environ)
    assert done.returncode == 0
    check(done.stdout.splitlines(), ["child is gone", *PARENTS])
    said = "setup_for_execution of 'forking' (Forking) has forked while others were called in threads; the run goes on"
    assert (said in done.stderr) is (code == 1)


def test_a_fork_while_another_thread_starts_concurrently():
    """A start in another thread goes on in the parent only; the child can start the same container."""
    lines = run(
        """
        is_under_way, go_on = threading.Event(), threading.Event()

        class Blocking(Hooked, scope="app"):
            def setup_for_execution(self):
                super().setup_for_execution()
                if os.getpid() == PARENT:
                    is_under_way.set()
                    go_on.wait()

        class Shared(Yielding, scope="app"): ...

        shop = ResourceContainer.of({"shared": Shared(), "blocking": Blocking()})
        thread = threading.Thread(target=shop.start, kwargs={"concurrent": True})
        thread.start()
        is_under_way.wait()
        if not os.fork():
            with shop:
                pass
            sys.exit()
        os.wait()
        print("child is gone", flush=True)
        go_on.set()
        thread.join()
        shop.close()
        gc.collect()
        """
    )
    own = [f"{each} ended in child" for each in ("hooked", "yielding", "open")]
    parents = [f"{each} ended in parent" for each in ("hooked", "yielding", "open")]
    assert sorted(lines) == sorted([*own, "child is gone", *parents])
    assert lines.index("child is gone") == 3


def test_a_temporary_directory_and_an_app_at_exit():
    """The directory that a generator made outlives a child which ends as a program does; a function that closes the app
    at exit gets the error there, and the parent's closes it."""
    lines = run(
        """
        import shutil, tempfile

        class Folder(ConfigurableResourceFactory[str], scope="app"):
            def create_resource(self):
                folder = tempfile.mkdtemp()
                try:
                    yield folder
                finally:
                    shutil.rmtree(folder)

        shop = ResourceContainer.of({"folder": Folder()})
        shop.start()
        folder = shop.get("folder")

        @atexit.register
        def close():
            try:
                shop.close()
                print(os.path.exists(folder))
            except RunStateError:
                print("refused")

        if not os.fork():
            sys.exit()
        os.wait()
        assert os.path.isdir(folder)
        """
    )
    assert lines == ["refused", "False"]


def test_a_grandchild():
    """What a child has opened is its own, and no grandchild's; what the parent has is neither's."""
    lines = run(
        """
        with APPS["run"].run("yielding"):
            if not os.fork():
                with APPS["run"].run("vending"):
                    if not os.fork():
                        gc.collect()
                        sys.exit()
                    os.wait()
                    print("grandchild is gone", flush=True)
                sys.exit()
            os.wait()
        """
    )
    assert lines == ["grandchild is gone", "vending ended in child", "yielding ended in parent"]


def test_without_ctypes():
    """Python may be built without ctypes: then what the parent has open is kept until the child's interpreter ends."""
    lines = run(
        """
        sys.modules["ctypes"] = None
        with APPS["run"].run("yielding"):
            if not os.fork():
                gc.collect()
                os._exit(0)
            os.wait()
            print("child is gone", flush=True)
        """
    )
    assert lines == ["child is gone", "yielding ended in parent"]
