"""Rows 77-85: when hooks run, in which order, and what a failing setup leaves."""

import threading

from tests.dagster_rows.expected import better, same


def logged(dg, log, fails=()):
    """A class whose hooks write its name to a log; those in *fails* raise in their setup."""

    class Logged(dg.ConfigurableResource):
        name: str

        def setup_for_execution(self, context):
            log.append(f"+{self.name}")
            if self.name in fails:
                raise LookupError(f"no {self.name}")

        def teardown_after_execution(self, context):
            log.append(f"-{self.name}")

    return Logged


@same(["+a", "body", "body", "-a"])
def test_row_077_once_per_run(dg):
    """Setup runs before the body, teardown after it, once for a run however often the resource is used."""
    log = []
    cls = logged(dg, log)

    def body(live):
        for resource in (live.a, live.a):
            assert resource.name == "a"
            log.append("body")

    dg.in_job(body, {"a": cls(name="a")})
    return log


@same(["+inner", "+needed", "-needed", "-inner"])
def test_row_079_only_what_is_needed(dg):
    """Only what the body asks for is set up, and what that needs."""
    log = []
    cls = logged(dg, log)

    class Outer(cls):
        inner: cls

    inner = cls(name="inner")
    dg.in_job(lambda live: None, {"unused": cls(name="unused"), "needed": Outer(name="needed", inner=inner)}, "needed")
    return log


@better(ours=["+z", "+a", "+m", "+outer"], dagster=["+a", "+m", "+z", "+outer"])
def test_row_080_order(dg):
    """What others need comes first; else the order is that of declaration."""
    log = []
    cls = logged(dg, log)

    class Outer(cls):
        inner: cls

    inner = cls.configure_at_launch(name="m")
    resources = {"z": cls(name="z"), "a": cls(name="a"), "outer": Outer(name="outer", inner=inner), "m": inner}
    with dg.run(resources):
        return list(log)


@better(ours=["met", "met"], dagster=["alone", "met"])
def test_row_080_concurrent_start(dg):
    """Resources that do not need one another are set up at the same time, if that is asked for."""
    patience = 30 if dg.name == "resourcekit" else 0.2
    here = {"a": threading.Event(), "b": threading.Event()}
    log = []

    class Waiting(dg.ConfigurableResource):
        name: str
        other: str

        def setup_for_execution(self, context):
            here[self.name].set()
            log.append("met" if here[self.other].wait(patience) else "alone")

    dg.run_at_once({"a": Waiting(name="a", other="b"), "b": Waiting(name="b", other="a")})
    return log


@same(["+inner", "+outer", "-outer uses inner", "-inner"])
def test_row_081_teardown_order(dg):
    """Teardown is the exact reverse: what a resource needs can still be used in its teardown."""
    log = []
    cls = logged(dg, log)

    class Outer(dg.ConfigurableResource):
        inner: cls

        def setup_for_execution(self, context):
            log.append("+outer")

        def teardown_after_execution(self, context):
            log.append(f"-outer uses {self.inner.name}")

    dg.live(Outer(inner=cls(name="inner")))
    return log


@better(
    ours=("error: LookupError", ["+a", "+b", "+c", "-b", "-a"], True),
    dagster=("error: LookupError", ["+a", "+b", "+c", "-b", "-a"], False),
)
def test_row_082_failing_setup(dg):
    """Where the third setup fails the first two are torn down in reverse; the error says how it came to be needed."""
    log = []
    cls = logged(dg, log, fails={"c"})

    class Outer(dg.ConfigurableResource):
        third: cls

    def run():
        resources = {"a": cls(name="a"), "b": cls(name="b"), "c": Outer(third=cls(name="c")), "d": cls(name="d")}
        with dg.run(resources):
            pass

    found = dg.attempt(run)
    return found, list(log), "c -> c.third" in dg.message(run)


@same(("error: RuntimeError", ["+inner", "-inner"]))
def test_row_083_outer_setup_fails(dg):
    """Where a resource's setup fails, what it needs is torn down."""
    log = []
    cls = logged(dg, log)

    class Outer(dg.ConfigurableResource):
        inner: cls

        def setup_for_execution(self, context):
            raise RuntimeError

    return dg.attempt(dg.live, Outer(inner=cls(name="inner"))), log


@better(ours=("error: LookupError", True), dagster=("error: LookupError", False))
def test_row_084_inner_setup_fails(dg):
    """Where a nested resource's setup fails, the error names it, by its whole path."""
    cls = logged(dg, [], fails={"inner"})

    class Outer(dg.ConfigurableResource):
        inner: cls

    outer = Outer(inner=cls(name="inner"))
    return dg.attempt(dg.live, outer), "r.inner" in dg.message(lambda: dg.live(outer))


@same(("error: RuntimeError", ["+a", "-a"]))
def test_row_085_failing_create(dg):
    """Where create_resource fails, the resource was set up already and is torn down."""
    log = []

    class Creating(logged(dg, log)):
        def create_resource(self, context):
            raise RuntimeError

    return dg.attempt(dg.live, Creating(name="a")), log
