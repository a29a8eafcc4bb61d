"""Rows 98-107: what creates something else, and what is no resource."""

import contextlib
from unittest.mock import MagicMock

from tests.dagster_rows.expected import better, same


@same(["setup", "create", "body got made", "teardown"])
def test_row_098_create_resource(dg):
    """A resource that overrides create_resource gives its users the object; its hooks run on itself."""
    log = []

    class Creating(dg.ConfigurableResource):
        size: int = 1

        def setup_for_execution(self, context):
            self._made = "made"
            log.append("setup")

        def create_resource(self, context):
            log.append("create")
            return self._made

        def teardown_after_execution(self, context):
            assert self._made == "made"
            log.append("teardown")

    dg.live(Creating(), lambda made: log.append(f"body got {made}"))
    return log


@better(
    ours={"yields": ("made", ["cleanup"]), "with teardown": ("made", ["cleanup", "teardown"])},
    dagster={"yields": ("made", ["cleanup"]), "with teardown": ("generator", ["teardown"])},
)
def test_row_099_factory_that_yields(dg):
    """A factory may yield once and then clean up, and have a teardown besides."""
    log = []

    class Yielding(dg.ConfigurableResourceFactory[str]):
        def create_resource(self, context):
            yield "made"
            log.append("cleanup")

    class Closing(Yielding):
        def teardown_after_execution(self, context):
            log.append("teardown")

    def found(factory):
        log.clear()
        given = dg.live(factory)
        return (given if isinstance(given, str) else type(given).__name__), list(log)

    return {"yields": found(Yielding()), "with teardown": found(Closing())}


@same(("error: definition", True))
def test_row_100_parameter_of_a_factory_class(dg):
    """A parameter that is annotated with a factory class is an error, which says what to write."""

    class Vendor(dg.ConfigurableResourceFactory[int]):
        def create_resource(self, context):
            return 1

    def ask(number: Vendor):
        return number

    message = dg.message(lambda: dg.in_op(ask, {"number": Vendor()}))
    return dg.attempt(dg.in_op, ask, {"number": Vendor()}), "ResourceParam[" in message


class Entered:
    """Notes whether it is entered."""

    entered = 0

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.entered -= 100


@same(([True] * 6, 0))
def test_row_103_bare_values(dg):
    """Values of any kind have keys, and are passed through as they are; a context manager is not entered."""
    entered = Entered()
    values = ["text", 5, None, len, dict, entered]

    def same_as(value):
        with dg.run({"r": value}) as resources:
            return resources.r is value

    return [same_as(value) for value in values], entered.entered


@better(ours={"generator": True, "manager": True}, dagster={"generator": "first", "manager": "entered"})
def test_row_104_bare_generators(dg):
    """A bare generator or context manager is passed through too."""

    def generate():
        yield "first"

    @contextlib.contextmanager
    def manage():
        yield "entered"

    def found(value):
        with dg.run({"r": value}) as resources:
            return resources.r is value or resources.r

    return {"generator": found(generate()), "manager": found(manage())}


@better(ours=("error: definition", True), dagster=("the class", None))
def test_row_105_class_for_an_instance(dg):
    """A resource class in the place of an instance is refused, with the spelling that was meant."""

    class Api(dg.ConfigurableResource):
        size: int = 1

    def run():
        with dg.run({"api": Api}) as resources:
            return "the class" if resources.api is Api else resources.api

    found = dg.attempt(run)
    return found, "Api(" in dg.message(run) if found.startswith("error") else None


@better(
    ours={"returns": 1, "yields": (2, "cleaned up"), "without context": 3, "needs another": 5, "configured": 6,
          "by hand": 7, "yields nothing": "error", "yields twice": "error"},
    dagster={"returns": 1, "yields": (2, "cleaned up"), "without context": 3, "needs another": 5, "configured": 6,
             "by hand": 7, "yields nothing": "error", "yields twice": 8},
)  # fmt: skip
def test_row_106_functions_that_make_resources(dg):
    """What makes an object may return it, or yield it once; not yielding, or yielding twice, is an error."""
    log = []

    def yields(context):
        yield 2
        log.append("cleaned up")

    def nothing(context):
        return
        yield

    def twice(context):
        yield 8
        yield 9

    def live(maker, **resources):
        with dg.run({"r": maker, **resources}) as found:
            return found.r

    def guarded(maker):
        found = dg.attempt(live, maker)
        return "error" if str(found).startswith("error") else found

    return {
        "returns": live(dg.maker(lambda context: 1)),
        "yields": (live(dg.maker(yields)), *log),
        "without context": live(dg.maker(lambda: 3)),
        "needs another": live(dg.maker_that_needs("other", lambda other: other + 1), other=dg.maker(lambda: 4)),
        "configured": live(dg.configured_maker(6)),
        "by hand": dg.make_by_hand(lambda context: 7),
        "yields nothing": guarded(dg.maker(nothing)),
        "yields twice": guarded(dg.maker(twice)),
    }


@same({"none": None, "hardcoded": 5, "text": "text", "mock": True, "values": {"a": 1}})
def test_row_107_ready_made(dg):
    """None, a fixed value, a text, a mock and a table of values are had without a class."""

    def live(made):
        with dg.run({"r": made}) as resources:
            return resources.r

    made = dg.ready_made()
    found = {name: live(each) for name, each in made.items()}
    return {**found, "mock": isinstance(found["mock"], MagicMock)}
