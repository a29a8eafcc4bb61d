"""Rows 65-69: resources that several others share."""

from tests.dagster_rows.expected import better, same


class Log:
    """What hooks did, and how many objects did it."""

    def __init__(self):
        self.events = []

    def inner_class(self, dg):
        """A class whose hooks are counted."""
        log = self

        class Inner(dg.ConfigurableResource):
            x: int = 1

            def setup_for_execution(self, context):
                log.events.append("setup")

            def teardown_after_execution(self, context):
                log.events.append("teardown")

        return Inner

    def counts(self):
        """How often each hook was called."""
        return self.events.count("setup"), self.events.count("teardown")


def two_parents(dg, log):
    """Two resources that hold an inner one, and one that holds both."""
    inner_class = log.inner_class(dg)

    class Left(dg.ConfigurableResource):
        inner: inner_class

    class Right(dg.ConfigurableResource):
        inner: inner_class

    class Root(dg.ConfigurableResource):
        left: Left
        right: Right

    return inner_class, Left, Right, Root


@better(ours=(True, (1, 1)), dagster=(False, (2, 2)))
def test_row_065_diamond(dg):
    """A resource that two others share inside a third is set up once: one object for both."""
    log = Log()
    inner_class, left, right, root = two_parents(dg, log)
    inner = inner_class()
    shared = dg.live(root(left=left(inner=inner), right=right(inner=inner)), lambda r: r.left.inner is r.right.inner)
    return shared, log.counts()


@better(ours=(1, (1, 1)), dagster=(3, (3, 3)))
def test_row_066_shared_with_a_key(dg):
    """A resource that two others share, and that has a key too, is one object everywhere."""
    log = Log()
    inner_class, left, right, _ = two_parents(dg, log)
    inner = inner_class()
    with dg.run({"left": left(inner=inner), "right": right(inner=inner), "inner": inner}) as resources:
        objects = len({id(resources.left.inner), id(resources.right.inner), id(resources.inner)})
    return objects, log.counts()


@better(ours=1, dagster=64)
def test_row_067_deep_sharing(dg):
    """A resource that is shared two by two through six levels is set up once."""
    log = Log()
    outer = log.inner_class(dg)()
    for _ in range(6):
        cls = dg.class_with(left=type(outer), right=type(outer))
        outer = cls(left=outer, right=outer)
    dg.live(outer)
    return log.counts()[0]


@same((1, (1, 1), 4))
def test_row_068_shared_partial(dg):
    """A launch-configured resource that two others share under a key of its own is one object."""
    log = Log()
    inner_class, left, right, _ = two_parents(dg, log)
    inner = inner_class.configure_at_launch()
    resources = {"left": left(inner=inner), "right": right(inner=inner), "inner": inner}
    with dg.run(resources, config={"inner": {"x": 4}}) as live:
        objects = len({id(live.left.inner), id(live.right.inner), id(live.inner)})
        x = live.left.inner.x
    return objects, log.counts(), x


@better(ours=(True, (1, 1)), dagster=(False, (2, 2)))
def test_row_069_two_keys(dg):
    """One resource under two keys is one object."""
    log = Log()
    inner = log.inner_class(dg)()
    with dg.run({"a": inner, "b": inner}) as resources:
        is_one = resources.a is resources.b
    return is_one, log.counts()
