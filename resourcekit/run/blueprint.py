"""What a run is opened from, and everything that is checked before its first hook."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

import attrs

from resourcekit.base.errors import Problem, UnknownKeyError, kind_in_words
from resourcekit.base.settings import ContainerSettings
from resourcekit.config.overlay import Overlay
from resourcekit.config.resolution import declared_problems, is_settled, resolve
from resourcekit.declarations.deferred import Reference
from resourcekit.lifecycle.drivers import close_awaitable
from resourcekit.lifecycle.fast.compiled import Compiled
from resourcekit.lifecycle.fast.generation import compile_steps
from resourcekit.lifecycle.machine import LiveResource
from resourcekit.lifecycle.report import Listener
from resourcekit.lifecycle.timing import TIMEOUTS, limit_of
from resourcekit.planning.nodes import EVERY_BRANCH, Graph, Held, LeftOut
from resourcekit.planning.overlay_targets import Placed, place
from resourcekit.planning.plan import Plan, Step, make_plan
from resourcekit.run.cache_epoch import changed
from resourcekit.run.run_lines import frame

__all__ = ("AppScope", "Blueprint", "LastingScope", "Preflight", "preflight")


class LastingScope(Protocol):
    """What overrides everywhere have opened, as an app sees it; `OverrideScope` is the one there is."""

    @property
    def state(self) -> tuple[object, ...]:
        """As for `AppScope`."""
        ...

    def find(self, held: Held) -> LiveResource | None:
        """As for `AppScope`."""
        ...

    def hold_for(self, run: Any) -> None:
        """Have *run*, an app that has started, hold what is open of its steps."""
        ...

    def release(self, run: Any) -> Sequence[Any]:
        """Have *run*, which ends, hold nothing any more, and return the sessions that its caller is to end."""
        ...

    def retire(self, *, everything: bool = False) -> Sequence[Any]:
        """Give up what no override has replaced any more, or *everything*, and return the sessions to end."""
        ...


class AppScope:
    """What is up for as long as the app; nothing, where there is no app to start.

    Args:
        parent: The app scope of the container this one was derived from by an override; what is up there and
            was not replaced is up here.
    """

    latest_change: ClassVar[object] = object()
    """Another object whenever any app scope has changed: who saw the same need not look closer."""

    def __init__(self, parent: AppScope | None = None) -> None:
        self.live: Mapping[int, LiveResource] = {}
        self.used: Sequence[object] = ()
        self.lasting: LastingScope | None = None if parent is None else parent.lasting
        """What overrides everywhere have opened of the container, and of all that are derived from it."""
        self._parent = parent
        self._epoch = object()

    def become(self, live: Mapping[int, LiveResource], used: Sequence[object] = ()) -> None:
        """From now on *live* is up, and these providers of dependency-injector's are *used*."""
        self.live, self.used = live, used
        self._epoch = AppScope.latest_change = object()
        changed()

    def find(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, None when it is not up."""
        found = self.live.get(id(held.identity))
        below = self.lasting if self._parent is None else self._parent
        return below.find(held) if found is None and below is not None else found

    def uses(self, provider: object) -> bool:
        """Whether it uses a provider of dependency-injector's, so that a run need not."""
        return any(each is provider for each in self.used) or (self._parent is not None and self._parent.uses(provider))

    @property
    def state(self) -> tuple[object, ...]:
        """Something that is equal only as long as nothing here is started or stopped."""
        below = self.lasting if self._parent is None else self._parent
        return (self._epoch, *(() if below is None else below.state))


_LONG: Final = 100
"""How many resources make a plan a long one."""

Codes = dict[tuple[tuple[str, ...] | None, LeftOut], tuple[object, Compiled | None, tuple[object, ...]]]
"""By the keys asked for and the branches not chosen: the latest change of any app scope, the code, this one's state."""


@attrs.define(eq=False)
class Blueprint:
    """What a run is opened from: the graph of a container, its overlays, its app scope.

    Args:
        name: The container's name, for messages.
        graph: Its graph.
        hold: Says what a resource or provider is in this container.
        owns: Whether a provider is one of its keys'.
        origin: The container it was made for, whatever was overridden since.
        overlays: Its own overlays, the strongest last.
        listeners: Who hears of events.
        app: Its app scope.
        settings: The keywords of its class.
    """

    name: str
    graph: Graph
    hold: Callable[[object], Held]
    owns: Callable[[object], bool] = lambda provider: False
    origin: object = None
    overlays: tuple[Overlay, ...] = ()
    listeners: list[Listener] = attrs.field(factory=list)
    app: AppScope = attrs.field(factory=AppScope)
    settings: ContainerSettings = ContainerSettings()
    _plans: dict[tuple[tuple[str, ...] | None, LeftOut], Plan] = attrs.field(factory=dict, init=False)
    _codes: tuple[Codes, Codes] = attrs.field(factory=lambda: ({}, {}), init=False)

    def left_out(self, keys: tuple[str, ...] | None) -> LeftOut:
        """The branches that are not chosen now, of what chooses among them: to be asked for once in each run.

        Nothing is left out where a choice cannot be told before the run: it needs a live resource, fails, or is to be
        awaited. Where there is no branch of the name, every branch is: nobody can get at one.

        Args:
            keys: Only the choices that matter to these are made; None means all.
        """
        graph = self.graph
        if not graph.branches:
            return EVERY_BRANCH
        roots = graph.keys.values() if keys is None else [graph.keys[key] for key in keys if key in graph.keys]
        reached = graph.reach(roots)
        left = ((index, branch) for index in graph.branches if index in reached for branch in self._not_chosen(index))
        return frozenset(left)

    def _not_chosen(self, index: int) -> set[int]:
        choice, branches = self.graph.nodes[index].held.choice, self.graph.branches[index]
        assert choice is not None, "it has branches"
        try:
            name = choice.select()
            if not inspect.isawaitable(name):
                return {*branches.values()} - {branches.get(name)}
            close_awaitable(name)
        except Exception:  # Whoever uses it is told.
            pass
        return set()

    def plan(self, keys: tuple[str, ...] | None, left_out: LeftOut = EVERY_BRANCH) -> Plan:
        """The plan for *keys*, None for all of them; made once.

        Args:
            keys: The keys; with None, those that only a branch needs which is left out are left out as well.
            left_out: The branches that are not chosen.

        Raises:
            TypeError: A key is no text.
            UnknownKeyError: A key is not in the container.
        """
        for key in keys or ():
            if _text(key) not in self.graph.keys:
                raise UnknownKeyError(key, self.name, self.graph.keys)
        found = self._plans.get((keys, left_out))
        if found is None:
            graph, chosen = self.graph, keys
            if left_out:
                graph = graph.without(left_out)
                chosen = graph.keys_without(left_out) if keys is None else keys
            found = self._plans[keys, left_out] = make_plan(graph, self.name, chosen)
        return found

    def code(self, keys: tuple[str, ...] | None, is_async: bool, left_out: LeftOut = EVERY_BRANCH) -> Compiled | None:
        """The generated code of a run of *keys*; None where it needs the machine, or must not start at all.

        It is made once for each state of the app scope, whose resources it knows; for a long plan at its second run,
        since making it costs more than one run by the machine.
        """
        codes, asked = self._codes[is_async], (keys, left_out)
        try:
            known = codes.get(asked)
        except TypeError:
            return None  # A key is no text: `plan` tells.
        change = AppScope.latest_change
        if known is None and len(self.plan(keys, left_out).steps) > _LONG:
            codes[asked] = (None, None, ())
            return None
        if known is None or known[0] is not change:
            state = self.app.state
            is_same = known is not None and known[2] == state
            code = known[1] if known is not None and is_same else self._compile(self.plan(keys, left_out), is_async)
            known = codes[asked] = (change, code, state)
        return known[1]

    def _compile(self, plan: Plan, is_async: bool) -> Compiled | None:
        steps = _missing(self, plan)
        placed, problems = place(self.graph, self.overlays)
        if problems or plan.problems or plan.stuck or (not is_async and any(plan.sync_problems(steps))):
            return None
        if any(not self.app.uses(step.resource) for step in plan.closing):
            return None
        if any(limit_of(step, self.settings, setting) for step in steps for setting in TIMEOUTS):
            return None
        places = {step.node.index for step in steps}
        nested = tuple(key for key in plan.keys if "." in key)
        shown: dict[int, list[str]] = defaultdict(list)
        for key in plan.keys:
            shown[self.graph.keys[key]].append(key)
        return compile_steps(
            steps,
            self._known,
            lambda step: placed.get(step.node.index, {}),
            lambda step: [key for key in shown[step.node.index] if "." not in key],
            {key: self._fixed(index) for index, keys in shown.items() if index not in places
             for key in keys if "." not in key},
            nested,
            is_async=is_async,
            frame=lambda slots, is_drafted: frame(slots, is_drafted, nested, self.listeners, is_async=is_async),
        )  # fmt: skip

    def _known(self, leaf: object) -> tuple[Held, Any]:
        """What a leaf is, and its live object where that is up in the app scope."""
        held = self.held(leaf)
        found = self.app.find(held)
        return held, None if found is None else found.exposed

    def _fixed(self, index: int) -> object:
        """What a key gives that is no step of the run."""
        held = self.graph.nodes[index].held
        found = self.app.find(held)
        return held.content if found is None else found.exposed

    def held(self, leaf: object) -> Held:
        """What a leaf of a field value is: a resource, a provider, a reference to a key."""
        if isinstance(leaf, Reference):
            return self.graph.nodes[self.graph.keys[leaf.key]].held
        return self.hold(leaf)


def _text(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys are text, such as 'orders', not {kind_in_words(key)}: write run('orders', 'users')")
    return key


@attrs.frozen(eq=False)
class Preflight:
    """What is known before the first hook: the plan, the steps to do, their live resources, every problem.

    `closing` are the providers of dependency-injector's that it uses, and nothing that lasts longer does.
    """

    plan: Plan
    steps: tuple[Step, ...]
    drafts: Mapping[int, Any]
    problems: tuple[Problem, ...]
    closing: tuple[Step, ...]


def preflight(
    blueprint: Blueprint,
    keys: tuple[str, ...] | None,
    *,
    overlays: Sequence[Overlay] = (),
    environ: Mapping[str, str] | None,
    is_async: bool,
    chosen: Callable[[Step], bool] = lambda step: True,
    is_run: bool = True,
    left_out: LeftOut = EVERY_BRANCH,
) -> Preflight:
    """Check plan and config of a run, and make its resources; no hook is called.

    Args:
        blueprint: The container's.
        keys: What is asked for; None means all.
        overlays: The run's own.
        environ: The environment; None leaves config unread.
        is_async: Whether async hooks are fine.
        chosen: Which steps are to be done, of those that are not up in the app scope.
        is_run: Whether a run follows; if none does, resources without any config to be read are not made.
        left_out: The branches that are not chosen.
    """
    plan = blueprint.plan(keys, left_out)
    steps = _missing(blueprint, plan)
    done = tuple(step for step in steps if chosen(step))
    problems = list(plan.problems)
    if not is_async:
        problems += plan.sync_problems(done)
    placed, found = _placed(blueprint, overlays)
    problems += found
    drafts = {}
    for step in (*steps, *plan.stuck):
        fields = placed.get(step.node.index, {})
        if environ is None:
            problems += declared_problems(step.resource, step.name, fields, step.path)
        elif is_run or not is_settled(step.resource, fields):
            resource, found = resolve(step.resource, step.name, fields, environ, step.path)
            drafts[id(step.node.held.identity)] = resource
            problems += found
    closing = tuple(step for step in plan.closing if not blueprint.app.uses(step.resource))
    return Preflight(plan, done, drafts, tuple(problems), closing)


def _missing(blueprint: Blueprint, plan: Plan) -> list[Step]:
    """The steps that are not up in the app scope, or stand on an app-scoped key that was overridden since."""
    missing = [step for step in plan.steps if blueprint.app.find(step.node.held) is None]
    if len(missing) == len(plan.steps) or all(step.scope == "run" for step in missing):
        return missing
    stale = plan.graph.above(step.node.index for step in missing)
    return [step for step in plan.steps if step.node.index in stale]


def _placed(blueprint: Blueprint, overlays: Sequence[Overlay]) -> tuple[Placed, list[Problem]]:
    """What the container's overlays and those of a run have for each resource, and what is wrong with that.

    A run cannot configure what the app has started, nor what overrides a key.
    """
    graph = blueprint.graph
    if not overlays:
        return place(graph, blueprint.overlays)
    own, problems = place(graph, overlays)
    placed = own
    if blueprint.overlays:
        placed, problems = place(graph, (*blueprint.overlays, *overlays))
    problems += (
        graph.nodes[index].problem(
            "app-overlay",
            f"it is app-scoped and started, its {', '.join(fields)} cannot be set for one run",
            hint="lay it over the container, container.with_config(...), and start that",
        )
        for index, fields in own.items()
        if blueprint.app.find(graph.nodes[index].held) is not None
    )
    return placed, problems
