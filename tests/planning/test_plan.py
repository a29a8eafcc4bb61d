"""What is checked before anything opens: cycles, references, scopes, types, sync and async; and the plan as data."""

import json
from typing import Protocol

import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    PlanError,
    PreflightError,
    ResourceContainer,
    UnknownKeyError,
    open_resource,
    ref,
    secret,
    value,
)

OPENED: list[str] = []


class Part(ConfigurableResource):
    """Needs anything; counts that it was opened."""

    needs: list[object] = []  # noqa: RUF012
    label: str = ""

    def setup_for_execution(self, context):
        OPENED.append(context.key)


class Long(Part, scope="app"):
    """The same, for as long as the app."""


@pytest.fixture(autouse=True)
def nothing_is_opened():
    """No check opens anything."""
    OPENED.clear()
    yield
    assert OPENED == []


def problems_of(container, *keys, sync=False):
    """What check() finds; a run of the same keys must refuse with the same."""
    found = container.check(*keys, sync=sync)
    with pytest.raises((PlanError, ConfigError, PreflightError)) as caught, container.run(*keys):
        raise AssertionError("it was opened")
    assert set(found) <= set(caught.value.problems)
    return found


def test_a_cycle_is_drawn():
    """A cycle is one problem, with its path from the first declared back to it."""
    app = ResourceContainer.of(
        {"a": Part(needs=[ref("b")]), "b": Part(needs=[ref("c")]), "c": Part(needs=[ref("a")]), "d": Part()}
    )
    (problem,) = problems_of(app)
    assert (problem.code, problem.where, problem.path) == ("cycle", "a", ("a", "b", "c", "a"))
    assert problem.message == "needs itself: a -> b -> c -> a"
    assert problem.hint
    assert app.check("d") == ()


def test_a_key_that_wraps_what_it_replaces():
    """A key that uses the base's of the same name needs itself: the error says why, and both ways out work."""

    class Base(ResourceContainer):
        part = Part()

    class Wrapped(Base):
        part = Part(needs=[Base.part])

    (problem,) = problems_of(Wrapped())
    assert (problem.code, problem.path) == ("cycle", ("part", "part"))
    assert "what a base class has under 'part' stands for this container's own 'part'" in problem.hint

    class Inline(Base):
        part = Part(needs=[Part()])

    class Keyed(Base):
        former = Part()
        part = Part(needs=[former])

    assert Inline().check() == Keyed().check() == ()


def test_a_resource_that_needs_itself():
    """The shortest cycle is drawn as well."""
    (problem,) = problems_of(ResourceContainer.of({"a": Part(needs=[ref("a")])}))
    assert problem.path == ("a", "a")


def test_every_knot_is_told_once():
    """Several cycles are several problems; what only leads to one is not told of."""
    app = ResourceContainer.of(
        {
            "leads": Part(needs=[ref("a")]),
            "a": Part(needs=[ref("b")]),
            "b": Part(needs=[ref("a"), ref("leads")]),
            "x": Part(needs=[ref("y")]),
            "y": Part(needs=[ref("x")]),
            "after": Part(needs=[ref("y"), ref("b")]),
        }
    )
    assert [problem.path for problem in problems_of(app)] == [("a", "b", "a"), ("x", "y", "x")]


def test_what_only_leads_to_a_cycle():
    """Resources before and behind a cycle have no problem of their own."""
    app = ResourceContainer.of(
        {
            "first": Part(needs=[ref("second")]),
            "second": Part(needs=[ref("knot")]),
            "knot": Part(needs=[ref("fine"), ref("knot")]),
            "fine": Part(needs=[Part()]),
        }
    )
    assert [problem.path for problem in problems_of(app, "first")] == [("knot", "knot")]


def test_a_cycle_through_plain_providers():
    """A provider of dependency-injector's may be part of a cycle."""

    class Base(ResourceContainer):
        end = Part()
        client = providers.Factory(dict, end=end)

    class App(Base):
        end = Part(needs=[Base.client])

    (problem,) = problems_of(App())
    assert problem.path == ("end", "client", "end")


def test_config_in_a_cycle_is_checked_too(monkeypatch):
    """A missing variable is told in the same report as the cycle its resource stands in."""
    monkeypatch.delenv("SURELY_NOT_SET", raising=False)
    app = ResourceContainer.of({"a": Part(needs=[ref("a")], label=EnvVar("SURELY_NOT_SET"))})
    with pytest.raises(PreflightError) as caught, app.run():
        pass
    assert {problem.code for problem in caught.value.problems} == {"cycle", "missing-variable"}
    assert [type(part) for part in caught.value.exceptions] == [PlanError, ConfigError]
    assert caught.value.__context__ is caught.value.__cause__ is None


def test_a_dangling_reference():
    """A reference to a key that is not there names the field and the nearest key."""
    app = ResourceContainer.of({"database": Part(), "user": Part(needs=[ref("databse")])})
    (problem,) = problems_of(app)
    assert (problem.code, problem.where, problem.hint) == ("dangling-ref", "user", "did you mean database?")
    assert "needs.0" in problem.message


def test_a_reference_without_a_container():
    """A resource that is opened by itself cannot refer to keys."""
    with pytest.raises(PlanError) as caught, open_resource(Part(needs=[ref("database")])):
        pass
    assert [problem.code for problem in caught.value.problems] == ["dangling-ref"]


def test_an_app_scoped_resource_needs_a_run_scoped_one():
    """What lives for the app cannot need what lives for one run: the path is named, and the way out."""
    app = ResourceContainer.of({"short": Part(), "long": Long(needs=[ref("short")])})
    (problem,) = problems_of(app)
    assert (problem.code, problem.path) == ("captive-scope", ("long", "short"))
    assert problem.hint == "class Part(..., scope='app')"


def test_captive_through_plain_providers_and_inline():
    """Neither a Factory in between nor nesting inline hides it."""

    class App(ResourceContainer):
        short = Part()
        client = providers.Factory(dict, inner=providers.List(short))
        long = Long(needs=[client, client])
        inline = Long(needs=[Part()])

    assert [(problem.where, problem.path) for problem in problems_of(App())] == [
        ("long", ("long", "client", "client.<List>", "short")),
        ("inline", ("inline", "inline.needs.0")),
    ]


@pytest.mark.parametrize(
    "caching",
    [
        lambda part: providers.Singleton(dict, part=part),
        lambda part: providers.ThreadSafeSingleton(dict, part=part),
        lambda part: providers.ThreadLocalSingleton(dict, part=part),
        lambda part: providers.ContextLocalSingleton(dict, part=part),
        lambda part: providers.Resource(dict, part=part),
    ],
    ids=["Singleton", "ThreadSafeSingleton", "ThreadLocalSingleton", "ContextLocalSingleton", "Resource"],
)
def test_a_caching_provider_keeps_what_it_made(caching):
    """A Singleton or DI Resource over a run-scoped resource is refused, and told to be a Factory, or the other app."""

    class App(ResourceContainer):
        short = Part()
        client = caching(short)

    (problem,) = problems_of(App())
    assert (problem.code, problem.path) == ("captive-scope", ("client", "short"))
    assert "providers.Factory in place of" in problem.hint
    assert "scope='app'" in problem.hint


def test_caching_over_app_scoped_is_fine():
    """A Singleton over an app-scoped resource is no problem."""

    class App(ResourceContainer):
        long = Long()
        client = providers.Singleton(dict, part=long)

    assert App().check() == ()


class Api(Protocol):
    """What a client can do."""

    def fetch(self) -> str: ...


class Client(ConfigurableResource):
    """Has what the protocol wants."""

    def fetch(self) -> str:
        return "it"


class Made(ConfigurableResourceFactory[int]):
    """Vends a number."""

    def create_resource(self) -> int:
        return 1


class Typed(ConfigurableResource):
    """Fields of several types."""

    client: Client | None = None
    api: Api | None = None
    clients: list[Client] = []  # noqa: RUF012


def test_a_nested_field_of_another_type():
    """A key of the wrong class is told with the field, what it wants and what it is given."""

    class App(ResourceContainer):
        part = Part()
        number = Made()
        typed = Typed(client=part)
        listed = Typed(clients=[ref("number")])
        fine = Typed(client=ref("right"), api=ref("right"), clients=[ref("right")])
        right = Client()

    found = problems_of(App())
    assert [(problem.code, problem.where) for problem in found] == [
        ("type-mismatch", "typed"),
        ("type-mismatch", "listed"),
    ]
    assert found[0].message == "field 'client' wants Client | None, 'part' gives Part"
    assert found[1].message == "field 'clients.0' wants Client, 'number' gives int"
    assert found[0].declared.file == __file__


def test_what_a_factory_provider_makes_has_a_type_too():
    """A Factory of another class in a resource's place is found before anything is made."""

    class App(ResourceContainer):
        typed = Typed(client=providers.Factory(Part))

    assert [problem.code for problem in problems_of(App())] == ["type-mismatch"]


def test_a_resource_in_a_plain_provider_without_a_key():
    """A resource that no run would set up is refused, with the way to write it."""

    class App(ResourceContainer):
        client = providers.Factory(dict, part=Part())

    (problem,) = problems_of(App())
    assert (problem.code, problem.where) == ("raw-resource", "client")
    assert "give the Part a key" in problem.hint


class Slow(ConfigurableResource):
    """Its set-up is async."""

    async def setup_for_execution(self): ...


class Closing(ConfigurableResource):
    """Its teardown is async."""

    async def teardown_after_execution(self): ...


class Whole(ConfigurableResource):
    """Its generator is async."""

    async def yield_for_execution(self, context):
        yield self


def test_async_hooks_in_a_sync_run():
    """A sync run with async hooks is refused before anything opens, naming each resource and hook."""
    app = ResourceContainer.of({"part": Part(), "slow": Slow(), "closing": Closing(), "whole": Whole()})
    found = problems_of(app, sync=True)
    assert [(problem.code, problem.where) for problem in found] == [
        ("async-in-sync", "slow"),
        ("async-in-sync", "closing"),
        ("async-in-sync", "whole"),
    ]
    assert "Slow.setup_for_execution is async" in found[0].message
    assert "async with" in found[0].hint
    assert app.check() == ()


@pytest.mark.parametrize("resource", [Slow(), Closing(), Whole()], ids=lambda resource: type(resource).__name__)
def test_async_hooks_by_itself(resource):
    """Opened by itself with a plain `with`, an async resource is refused as well."""
    with pytest.raises(PlanError) as caught, open_resource(resource):
        pass
    assert [problem.code for problem in caught.value.problems] == ["async-in-sync"]


class ByVariable(ConfigurableResource):
    """Reads the environment."""

    host: str
    password: str = secret(default="hunter2")
    part: Part | None = None

    def setup_for_execution(self): ...


@pytest.fixture
def described(monkeypatch):
    """A container whose variables are not set."""
    monkeypatch.delenv("SURELY_NOT_SET", raising=False)

    class App(ResourceContainer):
        url = value("https://api.example.com")
        part = Long()
        client = providers.Factory(dict, part=part)
        user = ByVariable(host=EnvVar("SURELY_NOT_SET"), part=Part(needs=[client, url]))
        slow = Slow()

    return App()


def test_the_plan_reads_no_environment(described):
    """A plan is made, and check(environment=False) passes, where variables are missing."""
    assert described.plan().problems == ()
    assert described.check(environment=False) == ()
    assert [problem.code for problem in described.check()] == ["missing-variable"]


def test_the_plan_printed(described):
    """Printed, a plan shows the order, the classes, the scopes, the hooks and what each comes after; no secret."""
    assert str(described.plan()) == (
        "plan of App: 4 resources\n"
        "  1  part       Long        app  setup_for_execution\n"
        "  2  user.part  Part        run  setup_for_execution        after url, client\n"
        "  3  user       ByVariable  run  setup_for_execution        after user.part    reads SURELY_NOT_SET\n"
        "  4  slow       Slow        run  async setup_for_execution\n"
        "  can start together: part, slow"
    )


def test_the_plan_with_what_is_wrong():
    """Printed, a plan that cannot be run says why; an empty one is a plan."""
    text = str(ResourceContainer.of({"a": Part(needs=[ref("a")])}).plan())
    assert text.startswith("plan of ResourceContainer: 0 resources\n  problem: a: needs itself: a -> a [cycle]")


def test_needs_without_a_name_are_looked_through():
    """Between two resources, a provider without a key is not named: what stands behind it is."""

    class App(ResourceContainer):
        part = Part()
        shared = providers.Factory(dict, part=part)
        user = Part(needs=[providers.List(providers.List(part), providers.Dict(a=shared, b=part))])

    class Unnamed(ResourceContainer):
        part = Part()
        user = Part(needs=[providers.List(factory := providers.Factory(dict, part=part), factory)])
        del factory

    assert str(Unnamed().plan()).splitlines()[-1].endswith("after part")
    assert str(App().plan()).splitlines()[-1].endswith("after part, shared")


def test_the_plan_as_data(described):
    """As data, a plan can be written as JSON."""
    data = json.loads(json.dumps(described.plan("user").to_dict()))
    assert data["container"] == "App"
    assert data["keys"] == ["user"]
    assert data["problems"] == []
    assert data["steps"][1] == {
        "name": "user.part",
        "class": "Part",
        "scope": "run",
        "async": False,
        "moves": True,
        "hooks": ["setup_for_execution"],
        "path": ["user", "user.part"],
        "level": 2,
        "needs": ["part"],
        "sources": [],
    }
    assert described.plan("slow").is_async
    assert not described.plan("user").is_async


@pytest.mark.parametrize("ask", ["plan", "check", "run"])
def test_a_key_that_is_not_there(described, ask):
    """An unknown key is an error with the nearest name, whatever it is asked for."""
    with pytest.raises(UnknownKeyError, match="did you mean slow"):
        if ask == "run":
            described.run("slwo").start()
        getattr(described, ask)("slwo")


@pytest.mark.parametrize("key", [["slow"], None, Slow, 3, b"slow"])
def test_a_key_that_is_no_text(described, key):
    """A key that is no text is a TypeError that shows how to write it."""
    with pytest.raises(TypeError, match="keys are text"):
        described.plan(key)
    with pytest.raises(TypeError, match="keys are text"):
        described.run(key).start()


def test_an_empty_container():
    """A container without keys has a plan, no problems, and runs."""
    app = ResourceContainer.of({})
    assert str(app.plan()) == "plan of ResourceContainer: 0 resources"
    assert app.check() == ()
    with app.run() as resources:
        assert dir(resources) == []
