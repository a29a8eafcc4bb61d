"""Rows 55-64, 70-76: resources inside resources."""

from typing import Optional, Protocol, Union

from tests.dagster_rows.expected import better, same


def make_inner(dg, log=None):
    """A class whose hooks write to a log."""

    class Inner(dg.ConfigurableResource):
        x: int = 1

        def setup_for_execution(self, context):
            if log is not None:
                log.append(f"+{self.x}")

        def teardown_after_execution(self, context):
            if log is not None:
                log.append(f"-{self.x}")

    return Inner


@same((True, 1, True, False))
def test_row_055_instance(dg):
    """A nested resource is the very object that was given; in the run it is a copy."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    inner = inner_class()
    outer = Outer(inner=inner)
    live = dg.live(outer, lambda live: live.inner)
    return outer.inner is inner, outer.inner.x, live.x == 1, live is inner


@same((3, 4))
def test_row_056_dict_and_partial(dg):
    """A nested resource is also made of a dict of its fields, or configured at launch under a key of its own."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    partial = inner_class.configure_at_launch()
    with dg.run({"inner": partial, "outer": Outer(inner=partial)}, config={"inner": {"x": 4}}) as resources:
        configured = resources.outer.inner.x
    return dg.live(Outer(inner={"x": 3}), lambda live: live.inner.x), configured


@better(
    ours={"missing": "error: invalid field", "text": "error: invalid field", "by key": 2, "wrong class": True},
    dagster={"missing": "error: invalid field", "text": "error: invalid field", "by key": "error: TypeError",
             "wrong class": True},
)  # fmt: skip
def test_row_057_what_a_nested_field_refuses(dg):
    """A missing or mistyped nested resource is an error; ResourceParam("key") links by key."""
    inner_class = make_inner(dg)

    class Other(dg.ConfigurableResource):
        y: int = 1

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    def by_key():
        with dg.run({"inner": inner_class(x=2), "outer": Outer(inner=dg.ResourceParam("inner"))}) as resources:
            return resources.outer.inner.x

    message = dg.message(lambda: Outer(inner=Other()))
    return {
        "missing": dg.attempt(Outer),
        "text": dg.attempt(lambda: Outer(inner="inner")),
        "by key": dg.attempt(by_key),
        "wrong class": "Outer" in message and "inner" in message,
    }


@better(ours=True, dagster="error: invalid field")
def test_row_058_by_key(dg):
    """A nested field names another key of the same container, whatever object is under it."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    def program():
        with dg.run({"outer": Outer(inner=dg.ref("inner")), "inner": inner_class()}) as resources:
            return resources.outer.inner is resources.inner

    return dg.attempt(program)


@better(ours=(5, "what it reads"), dagster=("error: invalid field", None))
def test_row_059_default(dg):
    """A nested field's default and description are kept."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class = dg.Field(default=inner_class(x=5), description="what it reads")

    return dg.attempt(lambda: dg.live(Outer(), lambda live: live.inner.x)), dg.describe(Outer)[1].get("inner")


@better(
    ours={"none": None, "default": None, "hooks": ["+1", "-1"], "partial": 4},
    dagster={"none": None, "default": None, "hooks": ["+1", "-1"], "partial": "error: invalid field"},
)
def test_row_060_optional(dg):
    """A nested field that may be None: None, nothing, a resource, or one that is configured at launch."""
    log = []
    inner_class = make_inner(dg, log)

    class Outer(dg.ConfigurableResource):
        inner: Optional[inner_class] = None  # noqa: UP045

    def partial():
        inner = inner_class.configure_at_launch()
        with dg.run({"inner": inner, "outer": Outer(inner=inner)}, config={"inner": {"x": 4}}) as resources:
            return resources.outer.inner.x

    none = dg.live(Outer(inner=None), lambda live: live.inner)
    default = dg.live(Outer(), lambda live: live.inner)
    dg.live(Outer(inner=inner_class()))
    hooks = list(log)
    return {"none": none, "default": default, "hooks": hooks, "partial": dg.attempt(partial)}


@better(
    ours={"list": ["+1", "+2", "-2", "-1"], "dict": ["+3", "-3"], "with nested": 7},
    dagster={"list": [], "dict": [], "with nested": "error: config"},
)
def test_row_061_lists_and_dicts(dg):
    """The resources in a list or a dict have their hooks run, and may hold others."""
    log = []
    inner_class = make_inner(dg, log)

    class Middle(dg.ConfigurableResource):
        inner: inner_class

    class Outer(dg.ConfigurableResource):
        many: list[inner_class] = []  # noqa: RUF012
        named: dict[str, inner_class] = {}  # noqa: RUF012

    class Deep(dg.ConfigurableResource):
        many: list[Middle]

    dg.live(Outer(many=[inner_class(x=1), inner_class(x=2)]))
    in_list = list(log)
    log.clear()
    dg.live(Outer(named={"a": inner_class(x=3)}))
    deep = dg.attempt(lambda: dg.live(Deep(many=[Middle(inner=inner_class(x=7))]), lambda live: live.many[0].inner.x))
    return {"list": in_list, "dict": log[:2], "with nested": deep}


@better(ours=(["+1", "-1"], ["+1", "-1"]), dagster=("error: definition", "error: definition"))
def test_row_062_unions_and_protocols(dg):
    """A nested field may be one of several classes, or anything that fits a Protocol; hooks run."""
    log = []
    inner_class = make_inner(dg, log)

    class Other(dg.ConfigurableResource):
        y: int = 1

    class HasX(Protocol):
        x: int

    def hooks(annotation):
        log.clear()
        dg.live(dg.class_with(inner=annotation)(inner=inner_class()))
        return list(log)

    return dg.attempt(hooks, Union[inner_class, Other]), dg.attempt(hooks, HasX)  # noqa: UP007


@better(
    ours={"bare": 5, "factory": 1, "omitted": "error: invalid field", "wrong type": "error: invalid field"},
    dagster={"bare": 5, "factory": 1, "omitted": None, "wrong type": "text"},
)
def test_row_063_dependency(dg):
    """`ResourceDependency[T]` takes a T or what vends one; nothing, or another type, is an error."""

    class Vendor(dg.ConfigurableResourceFactory[int]):
        def create_resource(self, context):
            return 1

    class Outer(dg.ConfigurableResource):
        number: dg.ResourceDependency[int]

    def read(**fields):
        return dg.attempt(lambda: dg.live(Outer(**fields), lambda live: live.number))

    return {
        "bare": read(number=5),
        "factory": read(number=Vendor()),
        "omitted": read(),
        "wrong type": read(number="text"),
    }


@better(ours=("made", "made"), dagster=("made", "error: invalid field"))
def test_row_064_created_object(dg):
    """A resource that creates another object gives it to its users, however their field is annotated."""

    class Inner(dg.ConfigurableResource):
        def create_resource(self, context):
            return "made"

    class Dependent(dg.ConfigurableResource):
        inner: dg.ResourceDependency[str]

    class Annotated(dg.ConfigurableResource):
        inner: Inner

    return (
        dg.live(Dependent(inner=Inner()), lambda live: live.inner),
        dg.attempt(lambda: dg.live(Annotated(inner=Inner()), lambda live: live.inner)),
    )


@better(ours={"error: config"}, dagster={"error: definition", "error: check"})
def test_row_070_partial_without_a_key(dg):
    """A nested resource whose config is missing is the same error in every entry point, which names the field."""

    class Inner(dg.ConfigurableResource):
        x: int

    class Outer(dg.ConfigurableResource):
        inner: Inner

    def resources():
        return {"outer": Outer(inner=Inner.configure_at_launch())}

    def run():
        with dg.run(resources()):
            pass

    def ask(outer: Outer):
        return outer

    return {dg.attempt(run), dg.attempt(dg.in_asset, ask, resources())}


@better(ours="error: invalid field", dagster=True)
def test_row_071_partial_of_the_wrong_class(dg):
    """A launch-configured resource of another class is refused at construction."""
    inner_class = make_inner(dg)

    class Other(dg.ConfigurableResource):
        y: int = 1

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    return dg.attempt(lambda: isinstance(Outer(inner=Other.configure_at_launch()), Outer))


@better(ours=(4, 4), dagster=(4, 1))
def test_row_072_config_reaches_every_user(dg):
    """Config for a key reaches the resource wherever it is used."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    inner = inner_class()
    with dg.run({"inner": inner, "outer": Outer(inner=inner)}, config={"inner": {"x": 4}}) as resources:
        return resources.inner.x, resources.outer.inner.x


@better(ours=4, dagster="error: config")
def test_row_073_config_through_the_parent(dg):
    """Config reaches a nested resource through the one that holds it."""
    inner_class = make_inner(dg)

    class Outer(dg.ConfigurableResource):
        inner: inner_class

    outer = Outer(inner=inner_class())
    return dg.attempt(lambda: dg.live(outer, lambda live: live.inner.x, config={"inner": {"x": 4}}))


@better(ours=({"x": 1}, "Inner", "Outer.inner"), dagster=({"x": 1}, "Outer", None))
def test_row_074_inner_context(dg):
    """What a nested resource's hook is told is about the nested one throughout."""
    seen = []

    class Inner(dg.ConfigurableResource):
        x: int = 1

        def setup_for_execution(self, context):
            seen.append((dict(context.resource_config), dg.described_class(context), getattr(context, "key", None)))

    class Outer(dg.ConfigurableResource):
        inner: Inner

    with dg.run({"Outer": Outer(inner=Inner())}):
        return seen[0]


@same(2)
def test_row_075_self_reference(dg):
    """A class may hold another of itself."""

    class Link(dg.ConfigurableResource):
        x: int
        next: Optional["Link"] = None

    return dg.live(Link(x=1, next=Link(x=2)), lambda live: live.next.x)


@same(60)
def test_row_076_deep_chains(dg):
    """Sixty resources one inside the other work."""

    class Bottom(dg.ConfigurableResource):
        depth: int = 0

    outer = Bottom()
    for depth in range(1, 61):
        cls = dg.class_with(inner=type(outer), depth=int)
        outer = cls(inner=outer, depth=depth)

    def depth(live):
        return 0 if live.depth == 0 else 1 + depth(live.inner)

    return dg.live(outer, depth)
