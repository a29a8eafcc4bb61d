"""Rows 29-37: what is frozen, and what private state there is."""

from tests.dagster_rows.expected import better, same


@same(("error: frozen", "error: frozen"))
def test_row_029_assigning_a_field(dg):
    """A field cannot be assigned, neither of a declaration nor in a run."""

    class Api(dg.ConfigurableResource):
        size: int

    def assign(api):
        api.size = 2

    return dg.attempt(lambda: assign(Api(size=1))), dg.live(Api(size=1), lambda api: dg.attempt(lambda: assign(api)))


@same(True)
def test_row_029_advice(dg):
    """The error of an assignment says what to do in its place."""

    class Api(dg.ConfigurableResource):
        size: int

    def assign():
        Api(size=1).size = 2

    return any(word in dg.message(assign) for word in ("replace(", "separate"))


@same("error: frozen")
def test_row_030_assigning_an_unknown_name(dg):
    """A public name that is no field cannot be assigned either."""

    class Api(dg.ConfigurableResource):
        size: int

    def assign():
        Api(size=1).colour = "red"

    return dg.attempt(assign)


@same((1, 2, 3))
def test_row_031_private_names(dg):
    """A name that begins with an underscore may be set at any time, declared or not."""

    class Api(dg.ConfigurableResource):
        size: int

        def setup_for_execution(self, context):
            self._client = 2

        def use(self):
            self._calls = 3
            return self._calls

    api = Api(size=1)
    api._early = 1
    return api._early, *dg.live(api, lambda live: (live._client, live.use()))


@same(("error: frozen", [1, 2], [1]))
def test_row_032_deleting_and_mutating(dg):
    """A field cannot be deleted; what is done to a list in place never reaches a run."""

    class Api(dg.ConfigurableResource):
        sizes: list[int]

    def delete():
        del api.sizes

    api = Api(sizes=[1])
    found = dg.attempt(delete)
    api.sizes.append(2)
    return found, api.sizes, dg.live(api, lambda live: live.sizes)


@same((True, False, True))
def test_row_034_copies(dg):
    """A run works on a copy: the declaration is never set up."""

    class Api(dg.ConfigurableResource):
        size: int

        def setup_for_execution(self, context):
            self._client = object()

    api = Api(size=1)
    with dg.run({"api": api}) as first, dg.run({"api": api}) as second:
        return first.api is not api, hasattr(api, "_client"), first.api._client is not second.api._client


@same(0)
def test_row_035_private_state_is_not_carried(dg):
    """Private state that is set on a declaration is not in the run's copy, which has the default."""
    cls = dg.class_with_state(lambda: 0)
    api = cls()
    api._calls = 5
    return dg.live(api, lambda live: live._calls)


@better(ours=(True, "error: invalid field"), dagster=(True, "ignored"))
def test_row_036_private_defaults(dg):
    """Each resource has a private object of its own; a private name in the constructor is an error."""
    cls = dg.class_with_state(list)
    first, second = cls(), cls()

    def construct():
        return "ignored" if cls(_calls=[1])._calls == [] else "taken"

    return first._calls is not second._calls, dg.attempt(construct)


@better(ours=(1, 2), dagster=(1, 4))
def test_row_037_constructed_once(dg):
    """What runs after construction runs once for the declaration and once for each run's copy."""
    calls = []
    api = dg.finished_class(lambda: calls.append(1))(x=1)
    declared = len(calls)
    dg.live(api)
    return declared, len(calls)
