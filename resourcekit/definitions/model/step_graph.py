"""Steps and what they need of one another: pure data. No resources, no environment."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

import attrs

from resourcekit.base.errors import Problem
from resourcekit.definitions.model.steps import Step

__all__ = ("Constant", "FanIn", "Node", "Schedule", "Source", "StepGraph", "Upstream")


@attrs.frozen
class Upstream:
    """An input that is another step's value."""

    step: str


@attrs.frozen(eq=False)
class Constant:
    """An input that was given where the job was composed."""

    value: Any


@attrs.frozen(eq=False)
class FanIn:
    """An input that is a list of others."""

    parts: tuple[Source, ...]


Source = Upstream | Constant | FanIn


def upstream_of(source: Source) -> Iterator[str]:
    """The steps whose values an input needs."""
    if isinstance(source, Upstream):
        yield source.step
    elif isinstance(source, FanIn):
        for part in source.parts:
            yield from upstream_of(part)


@attrs.frozen(eq=False)
class Node:
    """One step of a graph.

    Args:
        name: What it is called there.
        step: The definition.
        inputs: Where the values of its parameters come from.
        after: The steps that it only waits for.
    """

    name: str
    step: Step[..., Any]
    inputs: Mapping[str, Source] = attrs.field(factory=dict)
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps that come before it."""
        found = [name for source in self.inputs.values() for name in upstream_of(source)]
        return tuple(dict.fromkeys([*found, *self.after]))

    def problem(self, code: str, message: str, parameter: str | None = None, hint: str | None = None) -> Problem:
        """A problem of this step, or of one of its parameters."""
        where = self.name if parameter is None else f"{self.name}({parameter})"
        return Problem(
            code=code, where=where, message=message, owner=str(self.step), declared=self.step.location, hint=hint
        )


@attrs.frozen(eq=False, slots=False)
class StepGraph:
    """Steps in the order they were declared, and what is wrong with their edges.

    Args:
        nodes: By name.
        problems: What is wrong, with the name of the step it stands at.
    """

    nodes: Mapping[str, Node]
    problems: tuple[tuple[str, Problem], ...] = ()

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each step among the declared."""
        return {name: place for place, name in enumerate(self.nodes)}

    def cycle(self) -> Problem | None:
        """The problem of steps that need one another."""
        try:
            TopologicalSorter({name: node.needs for name, node in self.nodes.items()}).prepare()
        except CycleError as error:
            path = list(reversed(error.args[1]))
            start = min(range(len(path) - 1), key=lambda place: self.places[path[place]])
            names = [*path[start:-1], *path[: start + 1]]
            if len(names) == 2:
                return self.nodes[names[0]].problem("step-cycle", "needs itself",
                                                    hint="take it out of its own deps and ins")  # fmt: skip
            return self.nodes[names[0]].problem("step-cycle", f"needs itself: {' -> '.join(names)}",
                                                hint="split one of them in two")  # fmt: skip
        return None

    def upstream(self, names: Iterable[str], levels: int | None = None) -> set[str]:
        """The steps that *names* need, at most so many *levels* up, themselves among them."""
        return _reach(names, {name: node.needs for name, node in self.nodes.items()}, levels)

    def downstream(self, names: Iterable[str], levels: int | None = None) -> set[str]:
        """The steps that need *names*, at most so many *levels* down, themselves among them."""
        users: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, node in self.nodes.items():
            for need in node.needs:
                users[need].append(name)
        return _reach(names, users, levels)


def _reach(names: Iterable[str], edges: Mapping[str, Sequence[str]], levels: int | None) -> set[str]:
    found: set[str] = set()
    border = set(names)
    while border:
        found |= border
        if levels is not None:
            levels -= 1
            if levels < 0:
                break
        border = {target for name in border for target in edges[name]} - found
    return found


class Schedule:
    """Which of the chosen steps is next: data and waiting first, ties in declaration order.

    Args:
        graph: The graph, without a cycle.
        chosen: The steps to do.
    """

    def __init__(self, graph: StepGraph, chosen: Iterable[str]) -> None:
        self._graph = graph
        self._chosen = set(chosen)
        self._sorter = TopologicalSorter({name: self._needs(name) for name in self._chosen})
        self._sorter.prepare()
        self._ready: list[tuple[int, str]] = []
        self._lost: dict[str, str] = {}
        self._stopped_by: str | None = None
        self.skipped: dict[str, str] = {}

    def _needs(self, name: str) -> list[str]:
        return [need for need in self._graph.nodes[name].needs if need in self._chosen]

    def next(self) -> str | None:
        """A step that can be done now; None where there is none, until another is finished."""
        self._collect()
        while self._ready:
            _, name = heapq.heappop(self._ready)
            reason = self._reason(name)
            if reason is None:
                return name
            self.skipped[name] = reason
            self._finish(name)
        return None

    def _collect(self) -> None:
        for name in self._sorter.get_ready() if self._sorter.is_active() else ():
            heapq.heappush(self._ready, (self._graph.places[name], name))

    def _reason(self, name: str) -> str | None:
        """Why a step is not done: what it needs has failed, or all has been stopped."""
        lost = next((self._lost[need] for need in self._needs(name) if need in self._lost), None)
        if lost is not None:
            self._lost[name] = lost
            return f"it needs {lost}, which failed"
        return None if self._stopped_by is None else f"it was not started when {self._stopped_by} had failed"

    def finish(self, name: str, *, failed: bool = False, stop: bool = False) -> None:
        """A step is done.

        Args:
            name: The step.
            failed: What needs it is skipped.
            stop: All that has not begun is.
        """
        if failed:
            self._lost[name] = name
        if stop and self._stopped_by is None:
            self._stopped_by = name
        self._finish(name)

    def _finish(self, name: str) -> None:
        self._sorter.done(name)
        self._collect()
