"""Rows 109-114, 120: keys, parameters, and what a run gives."""

from tests.dagster_rows.expected import better, same


@same((1, 2))
def test_row_109_parameters(dg):
    """A parameter's name is the key; its annotation, a resource class or ResourceParam, makes it a resource."""

    class Api(dg.ConfigurableResource):
        size: int = 1

    def ask(api: Api, number: dg.ResourceParam[int]):
        return api.size, number

    return dg.in_op(ask, {"api": Api(), "number": 2})


@same(("error: definition", True, True))
def test_row_110_missing_key(dg):
    """A parameter without a key is an error that names the function and the keys that there are."""

    class Api(dg.ConfigurableResource):
        size: int = 1

    def step(apy: Api):
        return apy

    resources = {"api": Api(), "other": Api()}
    message = dg.message(lambda: dg.in_op(step, resources))
    return dg.attempt(dg.in_op, step, resources), "step" in message and "apy" in message, "api" in message


@better(ours=("error: definition", True), dagster=("error: KeyError", False))
def test_row_111_missing_key_in_a_direct_call(dg):
    """A function that is called directly tells of a missing key in the same way."""

    class Api(dg.ConfigurableResource):
        size: int = 1

    def step(apy: Api):
        return apy

    resources = {"api": Api(), "other": Api()}
    message = dg.message(lambda: dg.call_directly(step, resources))
    return dg.attempt(dg.call_directly, step, resources), "step" in message and "apy" in message


@better(
    ours={"class": "error: definition", "type": "error: definition", "set up": []},
    dagster={"class": "Other", "type": "text", "set up": ["Other"]},
)
def test_row_112_wrong_type_at_a_key(dg):
    """What is of another type than the parameter wants is an error before any setup."""
    log = []

    class Api(dg.ConfigurableResource):
        size: int = 1

    class Other(dg.ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("Other")

    def ask_api(r: Api):
        return type(r).__name__

    def ask_number(r: dg.ResourceParam[int]):
        return r

    return {
        "class": dg.attempt(dg.in_op, ask_api, {"r": Other()}),
        "type": dg.attempt(dg.in_op, ask_number, {"r": "text"}),
        "set up": log,
    }


@better(
    ours=dict.fromkeys(("a-b", "a b", "_a", "5"), "error: definition"),
    dagster={"a-b": "error: ValueError", "a b": "error: ValueError", "_a": "error: ValueError", "5": "error: check"},
)
def test_row_113_odd_keys(dg):
    """A key that is no name is an error of the declaration."""

    def run(key):
        with dg.run({key: 1}):
            return "open"

    return {str(key): dg.attempt(run, key) for key in ("a-b", "a b", "_a", 5)}


@better(
    ours=("error: plan", "error: plan", True),
    dagster=("error: CircularDependencyError", "error: DagsterInvariantViolationError", False),
)
def test_row_114_cycles(dg):
    """Resources that need one another are an error that draws the circle, in every entry point."""
    resources = dg.circle()

    def run():
        with dg.run(resources):
            pass

    return dg.attempt(run), dg.attempt(dg.in_job, lambda live: None, resources, "a"), "a -> b -> a" in dg.message(run)


@same({"attribute": 1, "_asdict": {"a": 1, "b": 2}, "iteration": [1, 2], "by key": "error: TypeError"})
def test_row_120_what_a_run_gives(dg):
    """A run gives attributes; it can be made a dictionary of and iterated, but not asked by key."""
    with dg.run({"a": 1, "b": 2}) as resources:
        return {
            "attribute": resources.a,
            "_asdict": resources._asdict(),
            "iteration": sorted(resources),
            "by key": dg.attempt(lambda: resources["a"]),
        }
