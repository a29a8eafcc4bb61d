"""Nodes and edges: what a container holds and what each thing in it needs. Pure data, no environment."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts
from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.annotations.validators import build_validator
from resourcekit.base.errors import Location, Problem, did_you_mean, with_article
from resourcekit.declarations.deferred import Deferred, Reference
from resourcekit.declarations.record import linked_values, record_of, spec_of
from resourcekit.declarations.values import is_resource, leaves

__all__ = ("EVERY_BRANCH", "Choice", "Edge", "Graph", "Held", "LeftOut", "Node", "build_graph", "held_resource")

Kind = Literal["resource", "provider", "value"]


@attrs.frozen(eq=False, repr=False)
class Choice:
    """How a provider chooses one of its branches.

    Args:
        select: Gives the name of the branch.
        branches: What it chooses from, by name.
    """

    select: Callable[[], object] = attrs.field(repr=False)
    branches: Mapping[Any, object] = attrs.field(repr=False)


LeftOut = frozenset[tuple[int, int]]
"""The branches that are not chosen: each with what chooses, both by index, that first."""

EVERY_BRANCH: Final[LeftOut] = frozenset()


@attrs.frozen(eq=False, repr=False)
class Held:
    """What one thing in a container is, in the graph's own terms: the container tells.

    Args:
        identity: The object whose identity decides what is the same thing.
        kind: A resource, a provider of dependency-injector's, or a plain value.
        content: The resource, provider or value.
        scope: ``"run"`` or ``"app"``; None for what has no life of its own.
        needs: The resources and providers that a plain provider reaches directly.
        raw: Resources that a plain provider was given directly, where a key was meant.
        wraps: The one that a ``providers.Object`` holds, where the resource itself was meant.
        offers: The type it gives its users, Any when it is not known.
        is_replacement: It took a key's place by an override: overlays do not apply to it.
        is_missing: It stands for what is to be given to the container, and was not.
        closes: Whether it is to be shut down when the last who uses it has ended.
        choice: How one of its needs is chosen for each run, where it has only one of them at a time.
    """

    identity: object = attrs.field(repr=False)
    kind: Kind
    content: Any = attrs.field(repr=False)  # A plain value may be a secret.
    scope: str | None = None
    needs: tuple[object, ...] = ()
    raw: tuple[object, ...] = ()
    wraps: object = None
    offers: object = Any
    is_replacement: bool = False
    is_missing: bool = False
    closes: bool = False
    choice: Choice | None = None

    @property
    def location(self) -> Location | None:
        """Where it is declared, if it is a resource."""
        return record_of(self.content).location if self.kind == "resource" else None


def held_resource(resource: object, *, scope: str | None = None, is_replacement: bool = False) -> Held:
    """What a resource is to the graph.

    Args:
        resource: The declaration.
        scope: How long it lives, where that is not its class's to say: it replaces another.
        is_replacement: Whether it does.
    """
    spec = spec_of(resource)
    scope = scope or spec.scope
    return Held(resource, "resource", resource, scope, offers=spec.vended, is_replacement=is_replacement)


class Edge(NamedTuple):
    """One need: the target's place among the nodes, and the field it comes from."""

    target: int
    field: str | None


@attrs.frozen(eq=False, repr=False)
class Node:
    """One thing in the graph.

    Args:
        index: Its place in declaration order.
        name: Its first key, or its path where it has none: ``orders.database``.
        keys: Every key it has.
        held: What it is.
        targets: The places of what it needs.
        fields: The field that each of them is for; None for what a plain provider needs.
    """

    index: int
    name: str
    keys: tuple[str, ...]
    held: Held
    # Of numbers and text alone: one tuple of edges would have the collector of cycles look at every edge there is.
    targets: tuple[int, ...] = ()
    fields: tuple[str | None, ...] = ()

    @property
    def edges(self) -> Iterator[Edge]:
        """What it needs, and for which field."""
        return map(Edge, self.targets, self.fields)

    @property
    def scope(self) -> str | None:
        """``"run"``, ``"app"``, or None for what has no life of its own."""
        return self.held.scope

    @property
    def is_resource(self) -> bool:
        """Whether a run sets it up."""
        return self.held.kind == "resource"

    @property
    def owner(self) -> str:
        """The class, in words."""
        return type(self.held.content).__name__

    def problem(self, code: str, message: str, **details: Any) -> Problem:
        """A problem of this node."""
        return _problem(self.name, self.held, code, message, **details)


def _problem(name: str, held: Held, code: str, message: str, **details: Any) -> Problem:
    """A problem of what is called *name* in the graph."""
    owner = type(held.content).__name__
    return Problem(code=code, where=name, message=message, owner=owner, declared=held.location, **details)


@attrs.frozen(eq=False, repr=False, slots=False)
class Graph:
    """Every node of a container, in declaration order, and what is wrong with their edges.

    Args:
        nodes: By index.
        keys: The node of each key.
        problems: Dangling references, wrong types, raw resources; by the index of the node they stand at.
        by_identity: The index of each held object's identity.
        branches: What each node that chooses chooses from: the index of each branch, by name.
    """

    nodes: tuple[Node, ...]
    keys: Mapping[str, int]
    problems: tuple[tuple[int, Problem], ...]
    by_identity: Mapping[int, int]
    branches: Mapping[int, Mapping[Any, int]] = attrs.field(factory=dict)

    def without(self, left_out: LeftOut) -> Graph:
        """The graph as it is where these branches are not chosen: their nodes are there, nothing leads to them."""
        nodes = list(self.nodes)
        for index, branch in left_out:
            node = nodes[index]
            edges = [edge for edge in node.edges if edge.target != branch]
            targets, fields = (edge.target for edge in edges), (edge.field for edge in edges)
            nodes[index] = attrs.evolve(node, targets=tuple(targets), fields=tuple(fields))
        return attrs.evolve(self, nodes=tuple(nodes))

    def keys_without(self, left_out: LeftOut) -> tuple[str, ...]:
        """The keys of `without`, but for those that only a branch which is not chosen needs."""
        behind = self.reach(branch for _, branch in left_out)
        needed = self.reach(index for index in self.keys.values() if index not in behind)
        return tuple(key for key, index in self.keys.items() if index in needed)

    def reach(self, roots: Iterable[int]) -> set[int]:
        """The indexes that *roots* need, themselves among them."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting += self.nodes[index].targets
        return found

    def order(self, chosen: set[int]) -> tuple[list[int], set[int]]:
        """The *chosen*, and so all they need, in topological order, ties in declaration order.

        Returns:
            The order; and those that have no place in it, in or behind a cycle.
        """
        places = self._places
        stuck = {index for index in chosen if index not in places}
        return sorted(chosen - stuck, key=places.__getitem__), stuck

    @cached_property
    def _places(self) -> dict[int, int]:
        """The place of each node in the order of all of them, which is that of any who bring what they need along."""
        waits = [len(node.targets) for node in self.nodes]
        users: dict[int, list[int]] = {}
        for node in self.nodes:
            for target in node.targets:
                users.setdefault(target, []).append(node.index)
        ready = [index for index, count in enumerate(waits) if count == 0]
        places: dict[int, int] = {}
        while ready:  # A list in order is a heap.
            index = heapq.heappop(ready)
            places[index] = len(places)
            for user in users.get(index, ()):
                waits[user] -= 1
                if waits[user] == 0:
                    heapq.heappush(ready, user)
        return places

    @cached_property
    def resets(self) -> dict[int, tuple[object, ...]]:
        """The caching providers that reach app-scoped resources, by the last of those to be set up."""
        place = self._places
        order = list(place)
        latest: dict[int, int] = {}
        found: dict[int, tuple[object, ...]] = {}
        for index in order:
            node = self.nodes[index]
            reached = [latest[target] for target in node.targets if target in latest]
            if node.is_resource and node.scope == "app":
                reached.append(place[index])
            if reached:
                latest[index] = max(reached)
                if node.held.kind == "provider" and node.scope == "app":
                    last = order[latest[index]]
                    found[last] = (*found.get(last, ()), node.held.content)
        return found

    @cached_property
    def closing(self) -> frozenset[int]:
        """What is shut down when the last who uses it has ended: not what is reset with an app-scoped resource."""
        reset = {id(provider) for found in self.resets.values() for provider in found}
        nodes = (node for node in self.nodes if node.held.closes)
        return frozenset(node.index for node in nodes if id(node.held.content) not in reset)

    def above(self, indices: Iterable[int]) -> set[int]:
        """*indices*, and all that need one of them."""
        found = set(indices)
        for index in self.order(set(range(len(self.nodes))))[0]:
            if not found.isdisjoint(self.nodes[index].targets):
                found.add(index)
        return found

    def cycles(self, stuck: set[int]) -> Iterator[list[int]]:
        """One cycle for each knot among the *stuck*, as indexes from its first declared member back to itself."""
        left = set(stuck)
        path: list[int] = []
        while left:
            if not path:
                path.append(min(left))
            target = next((target for target in self.nodes[path[-1]].targets if target in left), None)
            if target is None:  # Its way out is gone: it only led to a cycle told before.
                left.discard(path.pop())
            elif target in path:
                cycle = path[path.index(target) :]
                start = cycle.index(min(cycle))
                yield [*cycle[start:], *cycle[: start + 1]]
                left.difference_update(cycle)
                path.clear()
            else:
                path.append(target)

    def paths(self, roots: Iterable[int], order: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """A path of names from one of *roots* to each node in *order* (dependencies first), for messages."""
        found: dict[int, tuple[str, ...]] = {index: (self.nodes[index].name,) for index in roots}
        for index in reversed(list(order)):
            if index in found:
                for target in self.nodes[index].targets:
                    if target not in found:
                        found[target] = _longer(found[index], self.nodes[target].name)
        return found


_LONGEST_PATH: Final = 40  # A message needs no more; a chain of thousands would cost its square.


def _longer(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    return (*path, name) if len(path) < _LONGEST_PATH else ("...", *path[1 - _LONGEST_PATH :], name)


Place = tuple[int, float]


@attrs.define(eq=False, repr=False)
class _Draft:
    """A node while the graph is being built; what it needs by the identity of each."""

    held: Held
    name: str
    place: Place
    keys: tuple[str, ...] = ()
    targets: tuple[int, ...] = ()
    fields: tuple[str | None, ...] = ()

    def problem(self, code: str, message: str, **details: Any) -> tuple[int, Problem]:
        """A problem of the node."""
        return id(self.held.identity), _problem(self.name, self.held, code, message, **details)


class _Builder:
    """Walks what a container holds, depth first and without recursion: a chain may be thousands long."""

    def __init__(self, keys: Mapping[str, object], hold: Callable[[object], Held]) -> None:
        self.hold = hold
        self.keys = {key: hold(content) for key, content in keys.items()}
        self.drafts: dict[int, _Draft] = {}
        self.problems: list[tuple[int, Problem]] = []
        self.mismatches: list[tuple[int, Problem]] = []
        self._inline = 0

    def build(self) -> Graph:
        for position, (key, held) in enumerate(self.keys.items()):
            draft = self.drafts.get(id(held.identity))
            if draft is None:
                draft = self.drafts[id(held.identity)] = _Draft(held, key, (position, float("inf")))
            draft.keys += (key,)
        for draft in list(self.drafts.values()):
            self._walk(draft, draft.place[0])
        return self._finish()

    def _walk(self, root: _Draft, position: int) -> None:
        waiting: list[tuple[_Draft, bool]] = [(root, False)]
        while waiting:
            draft, is_done = waiting.pop()
            if is_done:
                self._inline += 1  # Nested inline: declared just before what it is nested in.
                draft.place = (position, self._inline)
                continue
            if not draft.keys:
                waiting.append((draft, True))
            targets, fields, found = [], [], []
            for held, field, wanted in self._needs(draft):
                target = self.drafts.get(id(held.identity))
                if target is None:  # What stands in two fields has its name from the first.
                    name = f"{draft.name}.{field}" if field else f"{draft.name}.<{type(held.content).__name__}>"
                    target = self.drafts[id(held.identity)] = _Draft(held, name, (position, 0))
                    found.append((target, False))
                targets.append(id(held.identity))
                fields.append(field)
                if field is not None:
                    self._check(draft, field, wanted, target)
            draft.targets, draft.fields = tuple(targets), tuple(fields)
            waiting.extend(reversed(found))

    def _needs(self, draft: _Draft) -> Iterator[tuple[Held, str | None, object]]:
        if draft.held.kind == "provider":
            for need in draft.held.needs:
                yield self.hold(need), None, Any
            for resource in draft.held.raw:
                name = type(resource).__name__
                self._raw(draft, name, f"give the {name} a key in the container and pass that name to the provider")
            if draft.held.wraps is not None:
                name = type(draft.held.wraps).__name__
                way = f"give the {name} itself, {name}(...) in place of providers.Object({name}(...))"
                self._raw(draft, name, way)
            if draft.held.is_missing:
                self._missing(draft)
        elif draft.held.kind == "resource":
            resource = draft.held.content
            by_name = spec_of(resource).by_name
            for field_name, value in linked_values(resource):
                field = by_name[field_name]
                for position, leaf, wanted in leaves(value, field.annotation):
                    name = ".".join(map(str, (field.alias, *position))) if position else field.alias
                    held = self._leaf(draft, leaf, name)
                    # A converter takes what a provider gives, whatever it is.
                    is_converted = field.attribute.converter is not None and is_deferred(leaf)
                    if held is not None:
                        yield held, name, Any if is_converted else wanted

    def _leaf(self, draft: _Draft, leaf: object, field: str) -> Held | None:
        if isinstance(leaf, Reference):
            if leaf.key not in self.keys:
                message = f"{leaf!r} in field {field!r} names no key of this container"
                hint = did_you_mean(leaf.key, self.keys)
                self.problems.append(draft.problem("dangling-ref", message, hint=hint))
            return self.keys.get(leaf.key)
        if isinstance(leaf, Deferred):
            return None  # A config source, read by the config layer.
        return self.hold(leaf)

    def _raw(self, draft: _Draft, name: str, hint: str) -> None:
        message = f"its provider was given {with_article(name)} that no run sets up"
        self.problems.append(draft.problem("raw-resource", message, hint=hint))

    def _missing(self, draft: _Draft) -> None:
        message = "it is a Dependency, for which the container was given nothing"
        hint = "give it when the container is made, App(key=...), or nested, providers.Container(App, key=...)"
        self.problems.append(draft.problem("missing-dependency", message, hint=hint))

    def _check(self, draft: _Draft, field: str, wanted: object, target: _Draft) -> None:
        """Refuse what is given to a field of another type."""
        mismatch = _mismatch(wanted, target)
        if mismatch is not None:
            expected = type_name(wanted)
            hint = f"give it {with_article(expected)}, or change the annotation"
            message = f"field {field!r} {mismatch}"
            self.mismatches.append(draft.problem("type-mismatch", message, expected=expected, hint=hint))

    def _finish(self) -> Graph:
        drafts = sorted(self.drafts.values(), key=lambda draft: draft.place)
        index = {id(draft.held.identity): number for number, draft in enumerate(drafts)}
        nodes = tuple(
            Node(number, draft.name, draft.keys, draft.held, tuple(index[each] for each in draft.targets), draft.fields)
            for number, draft in enumerate(drafts)
        )
        mismatches = sorted(self.mismatches, key=lambda found: index[found[0]])
        problems = tuple((index[identity], problem) for identity, problem in (*self.problems, *mismatches))
        keys = {key: index[id(held.identity)] for key, held in self.keys.items()}
        branches = {
            node.index: {name: index[id(self.hold(each).identity)] for name, each in node.held.choice.branches.items()}
            for node in nodes
            if node.held.choice is not None
        }
        return Graph(nodes, keys, problems, index, branches)


def _mismatch(wanted: object, target: _Draft) -> str | None:
    """Why what *target* gives does not fit, or None; a plain value is there already, it need not wait for a run."""
    held = target.held
    if held.kind == "value":
        try:
            build_validator(wanted)(None, None, held.content)
        except (TypeError, ValueError) as error:
            return f"is given what {target.name!r} holds: {error}"
        return None
    if held.offers is Any or held.offers is wanted or accepts(wanted, held.offers):
        return None
    if is_resource(held.content) and accepts(wanted, type(held.content)):
        return None
    return f"wants {type_name(wanted)}, {target.name!r} gives {type_name(held.offers)}"


def build_graph(keys: Mapping[str, object], hold: Callable[[object], Held]) -> Graph:
    """The graph of what *keys* hold.

    Args:
        keys: Each key's content, in declaration order.
        hold: Says what a resource or provider is; the container's part of the work.

    Returns:
        The graph; a key that is given twice the same object has one node.
    """
    return _Builder(keys, hold).build()
