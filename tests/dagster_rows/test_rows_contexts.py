"""Rows 126-133: what hooks are told, and resources by themselves."""

import sys

from tests.dagster_rows.expected import better, same


def calls_of(program):
    """How many functions *program* calls: work, without a clock."""
    calls = []

    def count(_frame, event, _argument):
        if event == "call":
            calls.append(event)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        program()
    finally:
        sys.setprofile(before)
    return len(calls)


def make_inner(dg):
    """A class to be nested."""

    class Inner(dg.ConfigurableResource):
        x: int = 1

    return Inner


@better(
    ours={"config": {"url": "v", "retries": 3}, "resources": 4, "run": True, "log": True, "key": "outer",
          "path": ("outer",)},
    dagster={"config": {"url": "v", "retries": 3}, "resources": 4, "run": True, "log": True, "key": None, "path": None},
)  # fmt: skip
def test_row_126_what_a_context_has(dg, monkeypatch):
    """A hook's context has the config as it was read, what the resource needs, the run, a log, and its own key."""
    monkeypatch.setenv("ROW_V", "v")
    inner_class = make_inner(dg)
    seen = {}

    class Outer(dg.ConfigurableResource):
        inner: inner_class
        url: str
        retries: int = 3

        def setup_for_execution(self, context):
            seen.update(
                config=dict(context.resource_config),
                resources=context.resources.inner.x,
                run=bool(context.run_id),
                log=callable(context.log.info),
                key=getattr(context, "key", None),
                path=getattr(context, "path", None),
            )

    inner = inner_class.configure_at_launch()
    outer = Outer(inner=inner, url=dg.EnvVar("ROW_V"))
    dg.in_job(lambda live: None, {"outer": outer, "inner": inner}, "outer", config={"inner": {"x": 4}})
    return seen


@same({"before": True, "run ids": (1, 2), "the same in the teardown": [True, True]})
def test_row_127_the_context_later(dg):
    """A resource's context is to be had from it while it is up, the same until its teardown; not before."""
    ids, is_same = [], []

    class Api(dg.class_that_keeps_its_context()):
        def teardown_after_execution(self, context):
            is_same.append(context is dg.context_of(self))

    def body(live):
        ids.append({dg.context_of(live.a).run_id, dg.context_of(live.b).run_id})

    resources = {"a": Api(), "b": Api()}
    before = str(dg.attempt(dg.context_of, Api())).startswith("error")
    dg.in_job(body, resources)
    dg.in_job(body, resources)
    return {
        "before": before,
        "run ids": (len(ids[0]), len(ids[0] | ids[1])),
        "the same in the teardown": is_same[:2],
    }


@same((True, 7, []))
def test_row_128_a_context_of_ones_own(dg):
    """A copy of a resource is given a context by hand; no hook runs."""
    log = []

    class Api(dg.class_that_keeps_its_context()):
        x: int

        def teardown_after_execution(self, context):
            log.append("-")

    api = Api(x=7)
    context = dg.made_context({"x": 7}, {})
    bound = dg.bound(api, context)
    return bound is not api and dg.context_of(bound) is context, bound.x, log


@better(
    ours={"built": ("v", 1), "unknown entry": "error: config", "variable": "v", "resources": 1},
    dagster={"built": ("v", 1), "unknown entry": "built", "variable": "error: invalid field",
             "resources": "error: invalid field"},
)  # fmt: skip
def test_row_129_made_of_config_and_resources(dg, monkeypatch):
    """A resource is made of config and of resources: variables are read, unknown entries refused, needs wired."""
    monkeypatch.setenv("ROW_V", "v")
    inner_class = make_inner(dg)

    class Api(dg.ConfigurableResource):
        url: str

        def setup_for_execution(self, context):
            self._set_up = 1

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    def api(**config):
        return dg.made_of(Api, config, {}, lambda live: (live.url, live._set_up))

    return {
        "built": api(url="v"),
        "unknown entry": dg.attempt(lambda: api(url="v", ulr="x") and "built"),
        "variable": dg.attempt(lambda: api(url={"env": "ROW_V"})[0]),
        "resources": dg.attempt(dg.made_of, Outer, {}, {"inner": inner_class()}, lambda live: live.inner.x),
    }


@same({"plain": ("v", 1), "vended": "made of v", "nested, torn down": (1, ["-"])})
def test_row_130_by_itself(dg, monkeypatch):
    """A resource is opened by itself: variables are read, hooks run, nested ones too, and users get what it vends."""
    monkeypatch.setenv("ROW_V", "v")
    inner_class = make_inner(dg)
    log = []

    class Api(dg.ConfigurableResource):
        url: str

        def setup_for_execution(self, context):
            self._set_up = 1

    class Vending(dg.ConfigurableResource):
        url: str

        def create_resource(self, context):
            return f"made of {self.url}"

    class Outer(dg.ConfigurableResource):
        inner: inner_class

        def teardown_after_execution(self, context):
            log.append("-")

    variable = dg.EnvVar("ROW_V")
    with dg.opened(Api(url=variable)) as api, dg.opened(Vending(url=variable)) as vended:
        plain = api.url, api._set_up
    with dg.opened(Outer(inner=inner_class())) as outer:
        nested = outer.inner.x
    return {"plain": plain, "vended": vended, "nested, torn down": (nested, log)}


@same(({"x": 5}, "needed", True))
def test_row_131_a_context_for_a_test(dg):
    """A test makes a context with config and resources of its own; it is of no run."""
    context = dg.made_context({"x": 5}, {"needed": "needed"})
    return dict(context.resource_config), context.resources.needed, not context.run_id


@better(ours=(["+", "-"], True), dagster=(["+", "-"], False))
def test_row_132_a_scope_by_itself(dg):
    """A scope gives the resources and tears them down at its end, with next to no work in between."""
    log = []

    class Api(dg.ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("+")

        def teardown_after_execution(self, context):
            log.append("-")

    scope = dg.run_by_itself({"api": Api()})

    def use():
        with scope:
            pass

    return log, calls_of(use) < 1000


@same("v of h")
def test_row_133_plain_object(dg):
    """Without a framework a resource is an object with fields and methods."""

    class Api(dg.ConfigurableResource):
        host: str

        def fetch(self, path):
            return f"{path} of {self.host}"

    return Api(host="h").fetch("v")
