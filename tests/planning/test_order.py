"""The order of set-up and teardown: dependencies first, ties as declared, the same in every process."""

import os
import subprocess
import sys

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from resourcekit import ConfigurableResource, ResourceContainer, open_resource, ref

LONG = 2_000


class Part(ConfigurableResource):
    """One node of a graph; it needs any number of others."""

    needs: list[object] = []  # noqa: RUF012  # a field's default, copied for each resource

    def setup_for_execution(self, context):
        self._key = context.key
        TRACE.append(f"+{context.key}")

    def teardown_after_execution(self, context):
        TRACE.append(f"-{context.key}")


TRACE: list[str] = []


def traced(container, *keys):
    """Run a container and give what its hooks did."""
    TRACE.clear()
    with container.run(*keys):
        TRACE.append("body")
    return list(TRACE)


@st.composite
def graphs(draw):
    """Keys in the order they are declared, and what each needs."""
    count = draw(st.integers(1, 8))
    order = draw(st.permutations(range(count)))
    needs = {node: draw(st.sets(st.integers(0, node - 1))) if node else set() for node in range(count)}
    return {f"k{node}": [f"k{need}" for need in sorted(needs[node])] for node in order}


def by_hand(needs):
    """The order that is promised: of the resources whose needs are up, the one declared first comes next."""
    order: list[str] = []
    while len(order) < len(needs):
        order.append(next(key for key in needs if key not in order and set(needs[key]) <= set(order)))
    return order


def container_of(needs, reference):
    """A container of parts, each of which holds references to what it needs."""
    return ResourceContainer.of({key: Part(needs=[reference(need) for need in needs[key]]) for key in needs})


@given(graphs())
def test_dependencies_first_and_ties_as_declared(needs):
    """Whatever the graph, a resource comes after what it needs, and of two that could come next the first declared."""
    container = container_of(needs, ref)
    order = by_hand(needs)
    assert [step.name for step in container.plan().steps] == order
    assert traced(container) == [
        *(f"+{key}" for key in order),
        "body",
        *(f"-{key}" for key in reversed(order)),
    ]


@given(graphs(), st.data())
def test_only_what_is_asked_for_in_the_same_order(needs, data):
    """A run of some keys sets up these and what they need, in the order of the whole."""
    chosen = data.draw(st.lists(st.sampled_from(list(needs)), min_size=1, unique=True))
    wanted = set(chosen)
    while more := {need for key in wanted for need in needs[key]} - wanted:
        wanted |= more
    order = by_hand({key: needs[key] for key in needs if key in wanted})
    assert [entry for entry in traced(container_of(needs, ref), *chosen) if entry[0] == "+"] == [
        f"+{key}" for key in order
    ]


PROVIDERS = {
    "Factory": lambda need: providers.Factory(dict, part=need),
    "Callable": lambda need: providers.Callable(lambda part: part, need),
    "Singleton": lambda need: providers.Singleton(dict, part=need),
    "List": lambda need: providers.List(need),
    "Dict": lambda need: providers.Dict(part=need),
    "Selector": lambda need: providers.Selector(lambda: "it", it=need),
    "nested": lambda need: providers.Factory(dict, inner=providers.List(providers.Callable(lambda part: part, need))),
}


class Long(Part, scope="app"):
    """A part that caching providers may keep."""


@pytest.mark.parametrize("kind", PROVIDERS)
def test_edges_through_plain_providers(kind):
    """What a resource needs through providers of dependency-injector is up before it and goes after it."""

    class App(ResourceContainer):
        late = Part()
        first = Long()
        user = Part(needs=[PROVIDERS[kind](first)])
        other = Part()

    class Turned(App):
        user = Part(needs=[PROVIDERS[kind](App.other)])
        other = Long()

    assert traced(App()) == [
        "+late", "+first", "+user", "+other", "body", "-other", "-user", "-first", "-late",
    ]  # fmt: skip
    assert [step.name for step in Turned().plan().steps] == ["late", "first", "other", "user"]


def test_edges_through_a_provider_with_a_key():
    """A provider that is a key of its own carries the order just the same."""

    class App(ResourceContainer):
        url = Part()
        client = providers.Factory(dict, url=url)
        user = Part(needs=[client])

    assert traced(App(), "user") == ["+url", "+user", "body", "-user", "-url"]


def test_inline_resources_are_named_by_their_path_and_come_just_before_their_owner():
    """A resource written inside another has a path for a name, and comes where its owner was declared."""

    class App(ResourceContainer):
        first = Part()
        user = Part(needs=[Part(), Part(needs=[Part()])])
        last = Part()

    assert [step.name for step in App().plan().steps] == [
        "first", "user.needs.0", "user.needs.1.needs.0", "user.needs.1", "user", "last",
    ]  # fmt: skip


def test_one_resource_under_two_keys_is_set_up_once():
    """Two keys for the same declaration are one live object, one set-up, one teardown."""

    class App(ResourceContainer):
        first = Part()
        same = first
        user = Part(needs=[same, first])

    assert traced(App()) == ["+first", "+user", "body", "-user", "-first"]
    with App().run() as resources:
        assert resources.first is resources.same is resources.user.needs[0] is resources.user.needs[1]


def test_a_diamond_shares_its_foot():
    """What several resources need is one object, set up once however deep it is shared."""
    foot = below = Part()
    for _ in range(12):
        below = Part(needs=[below, below])
    TRACE.clear()
    with open_resource(below) as top:
        first, second = top.needs
        assert first is second
    assert len(TRACE) == 2 * 13
    assert foot.needs == []


SCRIPT = """
from resourcekit import ConfigurableResource, ResourceContainer, ref
class Part(ConfigurableResource):
    needs: set[object] = set()
    label: str = ""
keys = [f"k{number}" for number in range(12)]
app = ResourceContainer.of({
    key: Part(label=key, needs={ref(keys[other]) for other in (number * 5 % 12, number * 7 % 12) if other < number})
    for number, key in reversed(list(enumerate(keys)))
})
print([step.name for step in app.plan().steps], app.plan().steps[-1].path)
"""


def test_the_same_in_every_process():
    """The order does not hang on the seed of Python's hashes, even where a field holds a set."""
    seen = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "42")
    }
    assert len(seen) == 1


def test_a_chain_of_thousands_of_keys():
    """A chain of 2,000 resources, declared from its end, is planned, checked and run without a recursion error."""
    needs = {f"k{number}": [f"k{number - 1}"] if number else [] for number in reversed(range(LONG))}
    container = container_of(needs, ref)
    assert container.check() == ()
    trace = traced(container, f"k{LONG - 1}")
    assert trace[:2] == ["+k0", "+k1"]
    assert len(trace) == 2 * LONG + 1
    assert container.plan(f"k{LONG - 1}").steps[0].path[0] == "..."


@settings(max_examples=5)
@given(st.booleans())
def test_a_chain_of_thousands_written_inline(in_container):
    """A resource that nests 2,000 others inline runs, in a container or by itself."""
    top = Part()
    for _ in range(LONG - 1):
        top = Part(needs=[top])
    TRACE.clear()
    if in_container:
        traced(ResourceContainer.of({"top": top}))
    else:
        with open_resource(top):
            pass
    assert len([entry for entry in TRACE if entry != "body"]) == 2 * LONG
