"""The logic of a scope: which hook comes next, what is up, what is undone. It calls nothing itself.

Each function is a generator of `Call`s. A driver makes each call, awaiting what is to be awaited, and sends
back what it gave or throws what it raised; so sync and async runs share every decision.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

import attrs

from resourcekit.construction import complete, record_of, spec_of
from resourcekit.context import RunContext
from resourcekit.deferred import Computed
from resourcekit.errors import DefinitionError
from resourcekit.hooks import Hook, is_manager
from resourcekit.lifecycle.outcome import annotate
from resourcekit.plan import Step
from resourcekit.values import leaves, rebuild

__all__ = ("Call", "LiveResource", "Machine", "Scope", "set_up", "tear_down")


@attrs.frozen(eq=False)
class Call:
    """One thing to call, and for whom.

    Args:
        function: Takes no arguments.
        step: Whose it is.
        phase: The hook's name, or ``"construct"``.
        awaits_any: Whether anything awaitable is awaited, not coroutines alone: a vended object may be awaitable.
    """

    function: Callable[[], Any]
    step: Step
    phase: str
    awaits_any: bool = True


Machine = Generator[Call, Any, Any]


@attrs.frozen(eq=False)
class LiveResource:
    """A resource that is up: itself, and what its users receive."""

    step: Step
    resource: Any
    exposed: Any


@attrs.frozen(eq=False)
class Undo:
    """One thing to undo: called with what the body raised, or None."""

    step: Step
    phase: str
    context: RunContext
    function: Callable[[BaseException | None], Any]


@attrs.define(eq=False)
class Scope:
    """What one run, or one started app, has up.

    Args:
        is_async: Whether async context managers may be entered.
        drafts: The live resources with their config, before they are up; by identity of the declaration.
        find: Gives the live object for a resource or key that is up already, or a call for a plain provider.
        context: Makes the context of a step.
        live: What is up, by identity of the declaration.
        undo: What is to be undone, in the order it was done.
    """

    is_async: bool
    drafts: Mapping[int, Any]
    find: Callable[[object], tuple[bool, Any]]
    context: Callable[[Step], RunContext]
    live: dict[int, LiveResource] = attrs.field(factory=dict)
    undo: list[Undo] = attrs.field(factory=list)


def set_up(scope: Scope, steps: tuple[Step, ...]) -> Machine:
    """Bring *steps* up, in order; gives the first error, or None. What is up by then stands in *scope*."""
    for step in steps:
        error = yield from _bring_up(scope, step)
        if error is not None:
            return error
    return None


def tear_down(scope: Scope, outcome: BaseException | None) -> Machine:
    """Undo everything in *scope*, in reverse, whatever fails on the way; gives the list of errors.

    Args:
        scope: The scope.
        outcome: What the body, or a failing setup, raised: the hooks hear of it.
    """
    errors = []
    while scope.undo:
        undo = scope.undo.pop()
        undo.context.exception = outcome
        try:
            yield Call(partial(undo.function, outcome), undo.step, undo.phase)
        except BaseException as error:
            if not _is_same(error, outcome):
                annotate(error, undo.step, undo.phase)
                errors.append(error)
    scope.live.clear()
    return errors


def _is_same(error: BaseException, outcome: BaseException | None) -> bool:
    """Whether a context manager only let the body's exception through."""
    if error is outcome:
        return True
    # Python wraps these two on their way out of a generator.
    return isinstance(outcome, StopIteration | StopAsyncIteration) and error.__cause__ is outcome


def _bring_up(scope: Scope, step: Step) -> Machine:
    phase = "construct"
    hooks = step.hooks
    identity = id(step.node.held.identity)
    resource = scope.drafts[identity]
    try:
        if record_of(resource).deferred:
            complete(resource, (yield from _links(scope, step, resource)))
        else:
            complete(resource, {})
        exposed = resource
        if hooks.called:
            context = scope.context(step)
            if hooks.whole is not None:
                phase = hooks.whole.name
                exposed = yield from _enter(scope, step, hooks.whole, resource, context)
                exposed = resource if exposed is None else exposed  # a bare `yield`
            else:
                if hooks.setup is not None:
                    phase = hooks.setup.name
                    yield Call(partial(hooks.setup.call, resource, context), step, phase)
                if hooks.teardown is not None:
                    scope.undo.append(
                        Undo(step, hooks.teardown.name, context, _teardown(hooks.teardown, resource, context))
                    )
                if hooks.create is not None:
                    phase = hooks.create.name
                    exposed = yield from _enter(scope, step, hooks.create, resource, context)
    except BaseException as error:
        annotate(error, step, phase)
        return error
    scope.live[identity] = LiveResource(step, resource, exposed)
    for provider in step.resets:
        scope.undo.append(Undo(step, "reset", scope.context(step), _reset(provider)))
    return None


def _reset(provider: Any) -> Callable[[BaseException | None], Any]:
    """What makes a caching provider forget its object, which used a resource that is going away."""
    if hasattr(provider, "shutdown"):
        return lambda _outcome: provider.shutdown()

    def reset(_outcome: BaseException | None) -> None:
        provider.reset()  # It gives a context manager, which nobody is to enter.

    return reset


def _teardown(hook: Hook, resource: Any, context: RunContext) -> Callable[[BaseException | None], Any]:
    return lambda _outcome: hook.call(resource, context)


def _enter(scope: Scope, step: Step, hook: Hook, resource: Any, context: RunContext) -> Machine:
    """Call a hook that may give a context manager; gives what users receive."""
    given = yield Call(partial(hook.call, resource, context), step, hook.name, awaits_any=hook.is_async)
    if not is_manager(hook, given):
        if hook.name == "yield_for_execution":
            raise DefinitionError(
                f"{type(resource).__name__}.yield_for_execution gave a {type(given).__name__}; "
                "make it a generator that yields once, or return a context manager"
            )
        return given
    enters_async = hasattr(type(given), "__aenter__") and (scope.is_async or not hasattr(type(given), "__enter__"))
    enter, leave = ("__aenter__", "__aexit__") if enters_async else ("__enter__", "__exit__")
    exposed = yield Call(getattr(given, enter), step, hook.name)

    def undo(outcome: BaseException | None) -> Any:
        kind = None if outcome is None else type(outcome)
        return getattr(given, leave)(kind, outcome, None if outcome is None else outcome.__traceback__)

    scope.undo.append(Undo(step, hook.name, context, undo))
    return exposed


def _links(scope: Scope, step: Step, resource: Any) -> Machine:
    """The values of the linked fields: each resource live, each provider called."""
    found = {}
    fields = spec_of(resource).by_name
    for name, value in record_of(resource).deferred.items():
        if isinstance(value, Computed):
            continue
        annotation = fields[name].annotation
        values = []
        for _, leaf, _ in leaves(value, annotation):
            is_call, target = scope.find(leaf)
            values.append((yield Call(target, step, "construct")) if is_call else target)
        found[name] = _linked(value, annotation, values)
    return found


def _linked(value: object, annotation: object, values: list[Any]) -> object:
    """*value* with its deferred leaves and resources replaced, in the order `leaves` found them."""
    waiting = iter(values)
    positions = {position for position, _, _ in leaves(value, annotation)}
    return rebuild(
        value, annotation, lambda leaf, _annotation, position: next(waiting) if position in positions else leaf
    )
