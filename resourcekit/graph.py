"""Nodes and edges: what a container holds and what each thing in it needs. Pure data, no environment."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal

import attrs

from resourcekit.annotations import accepts, is_deferred, type_name
from resourcekit.annotations.validators import build_validator
from resourcekit.deferred import Deferred, Reference
from resourcekit.errors import Location, Problem, did_you_mean, with_article
from resourcekit.record import linked_values, record_of, spec_of
from resourcekit.values import is_resource, leaves

__all__ = ("Edge", "Graph", "Held", "Node", "build_graph", "held_resource")

Kind = Literal["resource", "provider", "value"]


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
        offers: The type it gives its users, Any when it is not known.
        is_replacement: It took a key's place by an override: overlays do not apply to it.
        location: Where it is declared.
    """

    identity: object = attrs.field(repr=False)
    kind: Kind
    content: Any = attrs.field(repr=False)  # A plain value may be a secret.
    scope: str | None = None
    needs: tuple[object, ...] = ()
    raw: tuple[object, ...] = ()
    offers: object = Any
    is_replacement: bool = False
    location: Location | None = None


def held_resource(resource: object, *, scope: str | None = None, is_replacement: bool = False) -> Held:
    """What a resource is to the graph.

    Args:
        resource: The declaration.
        scope: How long it lives, where that is not its class's to say: it replaces another.
        is_replacement: Whether it does.
    """
    spec = spec_of(resource)
    location = record_of(resource).location
    return Held(resource, "resource", resource, scope or spec.scope, offers=spec.vended, is_replacement=is_replacement,
                location=location)  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class Edge:
    """One need: the target's place among the nodes, the field it comes from, and the type wanted there."""

    target: int
    field: str | None
    wanted: object = Any


@attrs.frozen(eq=False, repr=False)
class Node:
    """One thing in the graph.

    Args:
        index: Its place in declaration order.
        name: Its first key, or its path where it has none: ``orders.database``.
        keys: Every key it has.
        held: What it is.
        edges: What it needs.
    """

    index: int
    name: str
    keys: tuple[str, ...]
    held: Held
    edges: tuple[Edge, ...] = ()

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
        return Problem(
            code=code, where=self.name, message=message, owner=self.owner, declared=self.held.location, **details
        )


@attrs.frozen(eq=False, repr=False, slots=False)
class Graph:
    """Every node of a container, in declaration order, and what is wrong with their edges.

    Args:
        nodes: By index.
        keys: The node of each key.
        problems: Dangling references, wrong types, raw resources; by the index of the node they stand at.
        by_identity: The index of each held object's identity.
    """

    nodes: tuple[Node, ...]
    keys: Mapping[str, int]
    problems: tuple[tuple[int, Problem], ...]
    by_identity: Mapping[int, int]

    def reach(self, roots: Iterable[int]) -> set[int]:
        """The indexes that *roots* need, themselves among them."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting.extend(edge.target for edge in self.nodes[index].edges)
        return found

    def order(self, chosen: set[int]) -> tuple[list[int], set[int]]:
        """The *chosen*, and so all they need, in topological order, ties in declaration order.

        Returns:
            The order; and those that have no place in it, in or behind a cycle.
        """
        needs = {index: set(self._targets(index)) for index in chosen}
        waits = {index: len(targets) for index, targets in needs.items()}
        users: dict[int, list[int]] = {index: [] for index in chosen}
        for index, targets in needs.items():
            for target in targets:
                users[target].append(index)
        ready = [index for index, count in waits.items() if count == 0]
        heapq.heapify(ready)
        order = []
        while ready:
            index = heapq.heappop(ready)
            order.append(index)
            for user in users[index]:
                waits[user] -= 1
                if waits[user] == 0:
                    heapq.heappush(ready, user)
        return order, chosen.difference(order)

    @cached_property
    def resets(self) -> dict[int, tuple[object, ...]]:
        """The caching providers that reach app-scoped resources, by the last of those to be set up."""
        order, _ = self.order(set(range(len(self.nodes))))
        place = {index: number for number, index in enumerate(order)}
        latest: dict[int, int] = {}
        found: dict[int, tuple[object, ...]] = {}
        for index in order:
            node = self.nodes[index]
            reached = [latest[target] for target in self._targets(index) if target in latest]
            if node.is_resource and node.scope == "app":
                reached.append(place[index])
            if reached:
                latest[index] = max(reached)
                if node.held.kind == "provider" and node.scope == "app":
                    last = order[latest[index]]
                    found[last] = (*found.get(last, ()), node.held.content)
        return found

    def cycles(self, stuck: set[int]) -> Iterator[list[int]]:
        """One cycle for each knot among the *stuck*, as indexes from its first declared member back to itself."""
        left = set(stuck)
        path: list[int] = []
        while left:
            if not path:
                path.append(min(left))
            target = next((target for target in self._targets(path[-1]) if target in left), None)
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
        found: dict[int, int | None] = dict.fromkeys(roots)
        for index in reversed(list(order)):
            if index in found:
                for edge in self.nodes[index].edges:
                    found.setdefault(edge.target, index)
        return {index: self._path(index, found) for index in found}

    def _path(self, index: int, parents: Mapping[int, int | None]) -> tuple[str, ...]:
        names = [self.nodes[index].name]
        while (parent := parents[index]) is not None:
            if len(names) == _LONGEST_PATH:
                names.append("...")
                break
            names.append(self.nodes[parent].name)
            index = parent
        return tuple(reversed(names))

    def _targets(self, index: int) -> Iterator[int]:
        return (edge.target for edge in self.nodes[index].edges)


_LONGEST_PATH: Final = 40  # A message needs no more; a chain of thousands would cost its square.

Place = tuple[int, float]


@attrs.define(eq=False, repr=False)
class _Draft:
    """A node while the graph is being built."""

    held: Held
    name: str
    place: Place
    keys: list[str] = attrs.field(factory=list)
    needs: list[tuple[Held, str | None, object]] = attrs.field(factory=list)


class _Builder:
    """Walks what a container holds, depth first and without recursion: a chain may be thousands long."""

    def __init__(self, keys: Mapping[str, object], hold: Callable[[object], Held]) -> None:
        self.hold = hold
        self.keys = {key: hold(content) for key, content in keys.items()}
        self.drafts: dict[int, _Draft] = {}
        self.problems: list[tuple[int, Problem]] = []
        self._inline = 0

    def build(self) -> Graph:
        for position, (key, held) in enumerate(self.keys.items()):
            draft = self.drafts.get(id(held.identity))
            if draft is None:
                draft = self.drafts[id(held.identity)] = _Draft(held, key, (position, float("inf")))
            draft.keys.append(key)
        for draft in list(self.drafts.values()):
            self._walk(draft, draft.place[0])
        return self._finish()

    def _walk(self, root: _Draft, position: int) -> None:
        waiting: list[tuple[_Draft, bool]] = [(root, False)]
        while waiting:
            draft, is_done = waiting.pop()
            if is_done:
                if not draft.keys:  # Nested inline: declared just before what it is nested in.
                    self._inline += 1
                    draft.place = (position, self._inline)
                continue
            waiting.append((draft, True))
            draft.needs = list(self._needs(draft))
            found = []
            for held, field, _ in draft.needs:  # What stands in two fields has its name from the first.
                if id(held.identity) not in self.drafts:
                    name = f"{draft.name}.{field}" if field else f"{draft.name}.<{type(held.content).__name__}>"
                    new = self.drafts[id(held.identity)] = _Draft(held, name, (position, 0))
                    found.append((new, False))
            waiting.extend(reversed(found))

    def _needs(self, draft: _Draft) -> Iterator[tuple[Held, str | None, object]]:
        if draft.held.kind == "provider":
            for need in draft.held.needs:
                yield self.hold(need), None, Any
            for resource in draft.held.raw:
                self._raw(draft, resource)
        elif draft.held.kind == "resource":
            resource = draft.held.content
            for field_name, value in linked_values(resource):
                field = spec_of(resource).by_name[field_name]
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
                self._report(draft, "dangling-ref", f"{leaf!r} in field {field!r} names no key of this container",
                             hint=did_you_mean(leaf.key, self.keys))  # fmt: skip
            return self.keys.get(leaf.key)
        if isinstance(leaf, Deferred):
            return None  # A config source, read by the config layer.
        return self.hold(leaf)

    def _raw(self, draft: _Draft, resource: object) -> None:
        name = type(resource).__name__
        self._report(draft, "raw-resource", f"its provider was given a {name} that no run sets up",
                     hint=f"give the {name} a key in the container and pass that name to the provider")  # fmt: skip

    def _report(self, draft: _Draft, code: str, message: str, hint: str) -> None:
        problem = Problem(code=code, where=draft.name, message=message, owner=type(draft.held.content).__name__,
                          declared=draft.held.location, hint=hint)  # fmt: skip
        self.problems.append((id(draft.held.identity), problem))

    def _finish(self) -> Graph:
        drafts = sorted(self.drafts.values(), key=lambda draft: draft.place)
        index = {id(draft.held.identity): number for number, draft in enumerate(drafts)}
        nodes = []
        for draft in drafts:
            edges = tuple(Edge(index[id(held.identity)], field, wanted) for held, field, wanted in draft.needs)
            nodes.append(Node(index[id(draft.held.identity)], draft.name, tuple(draft.keys), draft.held, edges))
        problems = [(index[identity], problem) for identity, problem in self.problems]
        problems += [(node.index, problem) for node in nodes for problem in _type_problems(node, nodes)]
        keys = {key: index[id(held.identity)] for key, held in self.keys.items()}
        return Graph(tuple(nodes), keys, tuple(problems), index)


def _type_problems(node: Node, nodes: list[Node]) -> Iterator[Problem]:
    """Fields that are given something of another type."""
    for edge in node.edges:
        target = nodes[edge.target]
        mismatch = None if edge.field is None else _mismatch(edge.wanted, target)
        if mismatch is not None:
            wanted = type_name(edge.wanted)
            hint = f"give it {with_article(wanted)}, or change the annotation"
            yield node.problem("type-mismatch", f"field {edge.field!r} {mismatch}", expected=wanted, hint=hint)


def _mismatch(wanted: object, target: Node) -> str | None:
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
