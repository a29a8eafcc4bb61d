"""The ordered steps for a set of roots, checked: pure data, made without reading the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.base.errors import Problem
from resourcekit.base.tables import Table, Tabular
from resourcekit.declarations.hooks import Hooks
from resourcekit.declarations.record import spec_of
from resourcekit.planning.nodes import Graph, Node

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ("Plan", "Step", "make_plan")

_BRIEF: Final = re.compile("_(for|after)_execution|_resource")
"""What the names of hooks have in common."""


@attrs.frozen(eq=False)
class Step:
    """One resource of a plan, in its place.

    Args:
        node: The graph's node.
        path: The keys that lead here, from the one that was asked for.
        hooks: The hooks that are called.
        resets: Caching providers whose objects are of no use when this resource is gone.
    """

    node: Node
    path: tuple[str, ...]
    hooks: Hooks
    resets: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """The key, or the path of one that is nested inline."""
        return self.node.name

    @property
    def resource(self) -> Any:
        """The declaration."""
        return self.node.held.content

    @property
    def scope(self) -> str:
        """``"run"`` or ``"app"``."""
        return self.node.scope or "run"

    @property
    def is_async(self) -> bool:
        """Whether one of its hooks is async."""
        return self.hooks.first_async is not None

    @property
    def moves(self) -> bool:
        """Whether a concurrent start calls its set-up in a thread or task of its own."""
        hooks = (self.hooks.setup, self.hooks.create) if self.hooks.whole is None else ()
        return spec_of(self.resource).settings.threads and any(hook is not None and hook.is_plain for hook in hooks)

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data, for JSON."""
        return {
            "name": self.name,
            "class": type(self.resource).__name__,
            "scope": self.scope,
            "async": self.is_async,
            "moves": self.moves,
            "hooks": [hook.name for hook in self.hooks.called],
            "path": list(self.path),
        }


@attrs.frozen(eq=False)
class Plan(Tabular):
    """What a run of some keys would do: the steps in order, and what is wrong with them.

    Printing it shows the order, each resource's scope, its hooks and what it reads.

    Args:
        container: The container's name.
        keys: What was asked for.
        steps: The resources in the order they are set up.
        problems: What is wrong whether the run is sync or async.
        graph: The graph the plan was made from.
        needed: The indexes of every node the plan needs, providers and values among them.
        stuck: The resources that have no place in the order: they are in a cycle, or need one that is.
        sources: The config sources that each step reads, by its name: ``variable DB_HOST``, ``overlay prod.toml``.
        closing: The ``providers.Resource`` that it uses, which are shut down when the last run that does so ends.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Database(ConfigurableResource, scope="app"):
    ...     def setup_for_execution(self): ...
    >>> class Orders(ConfigurableResource):
    ...     database: Database
    >>> class App(ResourceContainer):
    ...     database = Database()
    ...     orders = Orders(database=database)
    >>> print(App().plan())
    plan of App: 2 resources
      1  database  Database  app  setup_for_execution
      2  orders    Orders    run  no hooks             after database
    """

    container: str
    keys: tuple[str, ...]
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    graph: Graph = attrs.field(repr=False)
    needed: frozenset[int] = attrs.field(repr=False)
    stuck: tuple[Step, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    closing: tuple[Step, ...] = ()

    @property
    def is_async(self) -> bool:
        """Whether it needs an async run."""
        return any(step.is_async for step in self.steps)

    def sync_problems(self, steps: Sequence[Step] | None = None) -> Iterator[Problem]:
        """What keeps a sync run from doing *steps*, all of them by default."""
        for step in self.steps if steps is None else steps:
            hook = step.hooks.first_async
            if hook is not None:
                opening, hint = _SYNC[step.scope]
                message = f"{type(step.resource).__name__}.{hook.name} is async, the {opening} is not"
                yield step.node.problem("async-in-sync", message, path=step.path, hint=hint)

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The resources that each step waits for, by its name; also those it reaches through plain providers."""
        return {step.name: self._names(self._nearest(step.node, is_key=False)) for step in self.steps}

    @cached_property
    def levels(self) -> tuple[tuple[Step, ...], ...]:
        """The steps that could be set up at the same time: those of a level need only what is in levels before it.

        A concurrent run does not wait for a whole level; each step starts when the last it needs is up.
        """
        places: dict[str, int] = {}
        found: list[list[Step]] = []
        for step in self.steps:
            place = places[step.name] = 1 + max((places[name] for name in self.needs[step.name]), default=-1)
            if place == len(found):
                found.append([])
            found[place].append(step)
        return tuple(map(tuple, found))

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data, for JSON."""
        level = {step.name: place for place, steps in enumerate(self.levels, 1) for step in steps}
        return {
            "container": self.container,
            "keys": list(self.keys),
            "async": self.is_async,
            "steps": [
                {
                    **step.to_dict(),
                    "level": level[step.name],
                    "needs": list(self.needs[step.name]),
                    "sources": list(self.sources.get(step.name, ())),
                }
                for step in self.steps
            ],
            "levels": [[step.name for step in steps] for steps in self.levels],
            "problems": [problem.to_dict() for problem in self.problems],
        }

    def tables(self) -> tuple[Table]:
        """The plan as a table; without headings every cell says what it is."""
        return (self._table(after="after ", reads="reads "),)

    def __rich__(self) -> RenderableType:
        """What rich prints: short words, for a narrow terminal."""
        table = self._table()
        hooks = table.columns.index("hooks")
        rows = [(*row[:hooks], _BRIEF.sub("", row[hooks]), *row[hooks + 1 :]) for row in table.rows]
        return attrs.evolve(table, rows=tuple(rows)).rich()

    def _table(self, after: str = "", reads: str = "") -> Table:
        count = len(self.steps)
        title = f"plan of {self.container}: {count} resource{'' if count == 1 else 's'}"
        rows = tuple(self._row(number, step, after, reads) for number, step in enumerate(self.steps, 1))
        together = [", ".join(step.name for step in steps) for steps in self.levels if len(steps) > 1]
        starting = [step for step in self.steps if step.hooks.setup or step.hooks.create or step.hooks.whole]
        staying = ", ".join(step.name for step in starting if not step.moves)
        notes = [f"can start together: {'; '.join(together)}"] if together else []
        notes += [f"stay in the run's own thread: {staying}"] if together and staying else []
        notes += [f"problem: {problem}" for problem in self.problems]
        columns = ("", "resource", "class", "scope", "hooks", "after", "reads")
        return Table(title, columns, rows, tuple(notes), headed=False)

    def _row(self, number: int, step: Step, after: str, reads: str) -> tuple[str, ...]:
        needs = ", ".join(self._names(self._nearest(step.node, is_key=True)))
        hooks = ", ".join(("async " if hook.is_async else "") + hook.name for hook in step.hooks.called)
        owner = type_name(type(step.resource))
        sources = ", ".join(source.removeprefix("variable ") for source in self.sources.get(step.name, ()))
        return (
            str(number),
            step.name,
            owner,
            step.scope,
            hooks or "no hooks",
            f"{after}{needs}" if needs else "",
            f"{reads}{sources}" if sources else "",
        )

    def waits(self, steps: Sequence[Step]) -> list[set[int]]:
        """For each of *steps*, the places of those that must be up before it."""
        places = {step.node.index: place for place, step in enumerate(steps)}
        needs = (self._nearest(step.node, is_key=False) for step in steps)
        return [{places[index] for index in found if index in places} for found in needs]

    def _names(self, indexes: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.graph.nodes[index].name for index in sorted(indexes))

    def _nearest(self, node: Node, *, is_key: bool) -> set[int]:
        """The resources that a node needs, looking through the providers in between; also keys, where *is_key*."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = list(node.targets)
        while waiting:
            index = waiting.pop()
            target = self.graph.nodes[index]
            if target.is_resource or (is_key and target.keys):
                found.add(index)
            elif index not in seen:
                waiting += target.targets
            seen.add(index)
        return found


_SYNC: Final = {
    "run": ("run", "open it with `async with`, or make the hook sync"),
    "app": (
        "start or run",
        "start the container with `async with`, sync runs may use it then; or make the hook sync. A sync run of keys "
        "that do not need it, run('orders'), works in a container that is not started",
    ),
}
"""By the scope of an async resource: what is sync, and the ways out."""


def make_plan(graph: Graph, container: str, keys: Sequence[str] | None) -> Plan:
    """The plan for *keys*, which the graph has.

    Args:
        graph: The container's graph.
        container: The container's name, for messages.
        keys: What is asked for; None means every key.

    Returns:
        The plan. It is made whatever is wrong; what is wrong stands in its problems.
    """
    keys = tuple(graph.keys) if keys is None else tuple(keys)
    roots = [graph.keys[key] for key in keys]
    needed = graph.reach(roots)
    order, stuck = graph.order(needed)
    paths = graph.paths(roots, order)
    problems = [problem for index, problem in graph.problems if index in needed]
    problems += [_cycle_problem(graph, cycle) for cycle in graph.cycles(stuck)]
    problems += [problem for index in order for problem in _captive_problems(graph, index)]
    steps, lost = _steps(graph, order, paths), _steps(graph, sorted(stuck), paths)
    closing = tuple(Step(graph.nodes[index], paths[index], Hooks()) for index in order if index in graph.closing)
    return Plan(container, keys, steps, tuple(problems), graph, frozenset(needed), lost, closing=closing)


def _steps(graph: Graph, indexes: Iterable[int], paths: Mapping[int, tuple[str, ...]]) -> tuple[Step, ...]:
    """The steps for those of *indexes* that are resources."""
    resets = graph.resets
    nodes = (graph.nodes[index] for index in indexes)
    return tuple(
        Step(node, paths.get(node.index, (node.name,)), spec_of(node.held.content).hooks, resets.get(node.index, ()))
        for node in nodes
        if node.is_resource
    )


def _cycle_problem(graph: Graph, cycle: list[int]) -> Problem:
    names = [graph.nodes[index].name for index in cycle]
    hint = "move what both need into a resource of its own, or pass one of them to a method"
    if len(cycle) == 2:
        hint = (
            f"what a base class has under {names[0]!r} stands for this container's own {names[0]!r}: to use the former "
            "one in it, nest that inline or give it a key of its own"
        )
    message = f"needs itself: {' -> '.join(names)}"
    return graph.nodes[cycle[0]].problem("cycle", message, path=tuple(names), hint=hint)


def _captive_problems(graph: Graph, index: int) -> Iterator[Problem]:
    """App-scoped things that would keep a run's resource when the run is over, also through plain providers."""
    node = graph.nodes[index]
    if node.scope != "app" or all(graph.nodes[target].scope == "app" for target in node.targets):
        return
    waiting: list[tuple[int, tuple[str, ...]]] = [(target, (node.name,)) for target in reversed(node.targets)]
    seen = set()
    while waiting:
        target, path = waiting.pop()
        found = graph.nodes[target]
        if target in seen:
            continue
        seen.add(target)
        here = (*path, found.name)
        if found.scope == "run":
            yield _captive_problem(node, found, here)
        elif found.scope is None:
            waiting.extend((each, here) for each in reversed(found.targets))


def _captive_problem(node: Node, found: Node, path: tuple[str, ...]) -> Problem:
    what = "is app-scoped" if node.is_resource else "keeps what it made for as long as the app lives"
    cure = f"class {found.owner}(..., scope='app')"
    if not node.is_resource:
        cure = f"providers.Factory in place of {node.owner}, or {cure}"
    return node.problem(
        "captive-scope",
        f"{what} but needs {found.name!r}, which lives for one run: {' -> '.join(path)}",
        path=path,
        hint=cure,
    )
