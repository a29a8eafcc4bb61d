"""Rows 86-97: failing teardowns, failing bodies, context managers, async hooks, threads."""

import contextlib
import gc
import threading
import warnings

from tests.dagster_rows.expected import better, same


def failing(dg, log):
    """A class whose teardown raises."""

    class Failing(dg.ConfigurableResource):
        name: str

        def teardown_after_execution(self, context):
            log.append(f"-{self.name}")
            raise LookupError(f"cannot close {self.name}")

    return Failing


@better(
    ours=("error: teardown", ["-b", "-a"], ["cannot close b", "cannot close a"]),
    dagster=("success", ["-b", "-a"], []),
)
def test_row_086_failing_teardown(dg):
    """Every teardown runs; their errors are raised together, and none is swallowed."""
    log, told = [], []
    cls = failing(dg, log)

    def run():
        with dg.run({"a": cls(name="a"), "b": cls(name="b")}):
            pass
        return "success"

    try:
        run()
    except Exception as error:
        told = [str(each) for each in error.exceptions]
    del log[:]
    return dg.attempt(run), log, told


@better(ours=("error: RuntimeError", ["cannot close a"]), dagster=("error: RuntimeError", []))
def test_row_087_failing_body_and_teardown(dg):
    """The body's error is the one that is raised; the teardown's is attached to it."""
    cls = failing(dg, [])

    def run():
        with dg.run({"a": cls(name="a")}):
            raise RuntimeError

    try:
        run()
    except Exception as error:
        attached = [str(each) for each in getattr(getattr(error, "teardown_errors", None), "exceptions", ())]
    return dg.attempt(run), attached


@better(
    ours={"hooks": ["-a"], "manager in a scope": ["RuntimeError"], "manager in a job": ["RuntimeError"]},
    dagster={"hooks": ["-a"], "manager in a scope": ["went well"], "manager in a job": ["went well"]},
)
def test_row_088_failing_body(dg):
    """Where the body fails, teardown runs, and a context manager sees the body's error at its yield."""
    log = []

    class Plain(dg.ConfigurableResource):
        def teardown_after_execution(self, context):
            log.append("-a")

    class Manager(dg.ConfigurableResource):
        @contextlib.contextmanager
        def yield_for_execution(self, context):
            try:
                yield self
            except Exception as error:
                log.append(type(error).__name__)
                raise
            log.append("went well")

    def fail(live):
        raise RuntimeError

    def scope(resource):
        with dg.run({"r": resource}):
            raise RuntimeError

    def logged(program, *arguments):
        log.clear()
        assert dg.attempt(program, *arguments) == "error: RuntimeError"
        return list(log)

    return {
        "hooks": logged(scope, Plain()),
        "manager in a scope": logged(scope, Manager()),
        "manager in a job": logged(dg.in_job, fail, {"r": Manager()}),
    }


@same({"exit in the body": ("error: SystemExit", ["-a"]), "interrupt in the body": ("error: KeyboardInterrupt", ["-a"]),
       "exit in a setup": ("error: SystemExit", ["-a"])})  # fmt: skip
def test_row_089_exits(dg):
    """SystemExit and KeyboardInterrupt, in the body or in a later setup, leave no resource open."""
    log = []

    class Closing(dg.ConfigurableResource):
        def teardown_after_execution(self, context):
            log.append("-a")

    class Exiting(dg.ConfigurableResource):
        def setup_for_execution(self, context):
            raise SystemExit

    def run(error, **more):
        with dg.run({"a": Closing(), **more}):
            raise error

    def found(*arguments, **more):
        log.clear()
        return dg.attempt(lambda: run(*arguments, **more)), list(log)

    return {
        "exit in the body": found(SystemExit),
        "interrupt in the body": found(KeyboardInterrupt),
        "exit in a setup": found(None, b=Exiting()),
    }


@same(["-a"])
def test_row_090_abandoned(dg):
    """A scope that is left open and forgotten is torn down when it is collected."""
    log = []

    class Closing(dg.ConfigurableResource):
        def teardown_after_execution(self, context):
            log.append("-a")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        scope = dg.run({"a": Closing()})
        scope.__enter__()
        del scope
        gc.collect()
    return log


@same({"not called": ("vended", []), "called": ("vended", ["+", "-"])})
def test_row_091_whole_context_manager(dg):
    """yield_for_execution stands in the place of the two hooks, which it may call; users get what it yields."""
    log = []

    class Whole(dg.ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("+")

        def teardown_after_execution(self, context):
            log.append("-")

        @contextlib.contextmanager
        def yield_for_execution(self, context):
            yield "vended"

    class Calling(Whole):
        @contextlib.contextmanager
        def yield_for_execution(self, context):
            self.setup_for_execution(context)
            yield "vended"
            self.teardown_after_execution(context)

    found = dg.live(Whole()), list(log)
    return {"not called": found, "called": (dg.live(Calling()), log)}


def async_class(dg, log):
    """A class with an async context manager."""

    class Async(dg.ConfigurableResource):
        @contextlib.asynccontextmanager
        async def yield_for_execution(self, context):
            log.append("+")
            yield self
            log.append("-")

    return Async


@better(
    ours={"by itself": ["+", "body", "-"], "in a running loop": ["+", "body", "-"]},
    dagster={"by itself": ["+", "body", "-"], "in a running loop": "error: RuntimeError"},
)
def test_row_092_async_context_manager(dg):
    """An async context manager works by itself, and inside a running loop."""
    log = []
    resources = {"r": async_class(dg, log)()}

    def run(is_running):
        log.clear()
        dg.run_async(resources, lambda live: log.append("body"), is_running=is_running)
        return list(log)

    return {"by itself": dg.attempt(run, False), "in a running loop": dg.attempt(run, True)}


@better(ours=["+", "body", "-"], dagster="error: DagsterError")
def test_row_093_nested_async_context_manager(dg):
    """A nested resource's async context manager works like any other."""
    log = []
    inner_class = async_class(dg, log)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    def run():
        dg.run_async({"r": Outer(inner=inner_class())}, lambda live: log.append("body"))
        return log

    return dg.attempt(run)


@better(ours=("error: plan", ["+", "body", "-"]), dagster=("body", ["body"]))
def test_row_094_async_hooks(dg):
    """Async hooks are awaited; a sync scope is refused before anything is set up."""
    log = []

    class Async(dg.ConfigurableResource):
        async def setup_for_execution(self, context):
            log.append("+")

        async def teardown_after_execution(self, context):
            log.append("-")

    def sync():
        with dg.run({"r": Async()}):
            return "body"

    found = dg.attempt(sync)
    assert log == []
    dg.run_async({"r": Async()}, lambda live: log.append("body"))
    return found, log


@better(ours=["+", "-"], dagster="error: TypeError")
def test_row_095_hooks_without_context(dg):
    """A hook may leave the context out."""
    log = []

    class Short(dg.ConfigurableResource):
        def setup_for_execution(self):
            log.append("+")

        def teardown_after_execution(self):
            log.append("-")

    return dg.attempt(lambda: dg.live(Short(), lambda live: log) and log)


@same(True)
def test_row_097_parallel_runs(dg):
    """Runs of one resource in parallel threads have a copy each."""
    both_open = threading.Barrier(2)
    seen = []

    class Api(dg.ConfigurableResource):
        size: int = 1

        def setup_for_execution(self, context):
            self._client = object()

    api = Api()

    def work():
        with dg.run({"api": api}) as resources:
            both_open.wait(timeout=30)
            seen.append((resources.api, resources.api._client))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first, one), (second, two) = seen
    return first is not second and one is not two
