"""The logic of a scope: which hook comes next, what is up, what is undone. It calls nothing itself.

Each function is a generator of `Call`s. A driver makes each call, awaiting what is to be awaited, and sends
back what it gave or throws `CallFailed` with what it raised; so sync and async runs share every decision.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from functools import partial
from time import perf_counter
from typing import Any
from weakref import ref

import attrs

from resourcekit.base.errors import DefinitionError, kind_in_words
from resourcekit.base.settings import ContainerSettings
from resourcekit.declarations.construction import complete
from resourcekit.declarations.context import RunContext
from resourcekit.declarations.deferred import Computed
from resourcekit.declarations.hooks import Hook, is_manager
from resourcekit.declarations.record import record_of, spec_of
from resourcekit.declarations.values import has_parts, leaves, rebuild
from resourcekit.lifecycle.foreign_resources import begin_use, end_use
from resourcekit.lifecycle.forks import PROCESS, inherited_error, note_entered
from resourcekit.lifecycle.outcome import HookFailure, annotate, is_a, never_began, traceback_of
from resourcekit.lifecycle.scopes import innermost_cancel_scope
from resourcekit.lifecycle.timing import Limit, limit_of
from resourcekit.planning.plan import Step

__all__ = (
    "Call",
    "CallFailed",
    "LiveResource",
    "Machine",
    "Scope",
    "Undo",
    "enter",
    "reset",
    "set_up",
    "set_up_one",
    "tear_down",
    "teardown_by_hook",
)


@attrs.define(eq=False)
class Call:
    """One thing to call, and for whom.

    Args:
        function: Takes no arguments.
        step: Whose it is.
        phase: The hook's name, ``"construct"`` or ``"reset"``.
        is_late: Whether *function* gives what is to be called: a hook is looked up as late as that.
        awaits_any: Whether anything awaitable is awaited, not coroutines alone: a vended object may be awaitable.
        closes_scope: Whether it closes a cancel scope that was opened before, so that none may be open inside.
        is_observed: Whether it is a phase of its own, that listeners hear of.
        moves: Whether a concurrent start makes it in a thread, or where it is async in a task, of its own.
        is_async: Whether it is known to give something to be awaited.
        limit: How long it may take.
        has_begun: Whether it was called.
        made: What it has ``"given"``, and what that gave when it was ``"awaited"``.
        took: How long it took, in seconds.
        kept: Closes a cancel scope of the driver's, once what the hook has opened inside it is closed.
    """

    function: Callable[[], Any]
    step: Step
    phase: str
    is_late: bool = False
    awaits_any: bool = True
    closes_scope: bool = False
    is_observed: bool = True
    moves: bool = False
    is_async: bool = False
    limit: Limit | None = None
    has_begun: bool = False
    made: defaultdict[str, Any] = attrs.field(factory=defaultdict)
    took: float = 0.0
    kept: Any = None

    def make(self) -> Any:
        """Call it, and give what it gives, which may have to be awaited.

        Ctrl-C may come before and after: what it gave is kept by code of Python's own, in between which nothing can
        come. An iterator would do so too, and take a StopIteration for its end.
        """
        function = self.function() if self.is_late else self.function
        self.made.default_factory = function
        self.has_begun = True
        return self.made["given"]

    def is_awaited(self, given: Any) -> bool:
        """Whether what it gave is to be awaited."""
        return inspect.isawaitable(given) if self.awaits_any else inspect.iscoroutine(given)

    @property
    def is_done(self) -> bool:
        """Whether it has done its work."""
        made = self.made
        return "awaited" in made or ("given" in made and not self.is_awaited(made["given"]))


Machine = Generator[Call, Any, Any]


class CallFailed(Exception):
    """What a driver throws into a machine: any exception at all, a StopIteration as well, arrives as it is."""

    def __init__(self, call: Call, error: BaseException) -> None:
        super().__init__(call, error)
        self.call = call
        self.error = error


@attrs.frozen(eq=False)
class LiveResource:
    """A resource that is up, by what its users receive."""

    step: Step
    exposed: Any


@attrs.define(eq=False)
class Undo:
    """One thing to undo. It is noted before what it undoes is done: Ctrl-C may come right after that.

    Args:
        step: Whose it is.
        phase: As in `Call`.
        context: What a hook is given.
        function: Given what the body raised, or None, it gives what is to be called.
        after: What it undoes; None: that is done.
        manager: The context manager that it leaves.
        closes_scope: As in `Call`.
        call: Its own call, once that is about to be made.
    """

    step: Step
    phase: str
    context: RunContext
    function: Callable[[BaseException | None], Callable[[], Any]]
    after: Call | None = None
    manager: Any = None
    closes_scope: bool = False
    call: Call | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is still to be called."""
        return (self.after is None or self.after.is_done) and (self.call is None or not self.call.has_begun)

    def was_interrupted_early(self, error: BaseException) -> bool:
        """Whether *error* is a Ctrl-C that came before it did anything."""
        if not is_a(error, KeyboardInterrupt):
            return False
        is_waiting = getattr(getattr(self.manager, "gen", None), "gi_suspended", False)  # a generator, at its `yield`
        return is_waiting or not self._has_begun or never_began(error, self.step, self.phase)

    @property
    def _has_begun(self) -> bool:
        return self.call is not None and self.call.has_begun


@attrs.define(eq=False)
class Scope:
    """What one run, or one started app, has up.

    Args:
        is_async: Whether async context managers may be entered.
        drafts: The live resources with their config, before they are up; by identity of the declaration.
        find: Gives the live object for a resource or key that is up already, or a call for a plain provider.
        context: Makes the context of a step.
        settings: How long things may take.
        deadline: When all must be up, by `perf_counter`; None: at any time.
        live: What is up, by identity of the declaration.
        undo: What is to be undone, in the order it was done.
        late: The errors of hooks that did their work, but took too long, or were interrupted right after it.
        failures: Everything that has failed, in order.
        used: The providers of dependency-injector's that it uses until it ends.
        lost: In the child of a fork: the error of whatever would go on with it there.
        title: The container's name.
        process: The number of the process that it belongs to.
    """

    is_async: bool
    drafts: Mapping[int, Any]
    find: Callable[[object], tuple[bool, Any]]
    context: Callable[[Step], RunContext]
    settings: ContainerSettings = ContainerSettings()
    deadline: float | None = None
    live: dict[int, LiveResource] = attrs.field(factory=dict)
    undo: list[Undo] = attrs.field(factory=list)
    late: list[BaseException] = attrs.field(factory=list)
    failures: list[HookFailure] = attrs.field(factory=list)
    used: tuple[Any, ...] = ()
    lost: BaseException | None = None
    title: str = ""
    process: int = attrs.field(factory=lambda: PROCESS.number)

    def failed(self, error: BaseException, step: Step, phase: str) -> BaseException:
        """Note on *error*, and here, whose it is; gives the error."""
        annotate(error, step, phase)
        self.failures.append(HookFailure(step, phase, error))
        return error

    def use(self, step: Step) -> None:
        """Use a provider of dependency-injector's from now on, until everything that comes after it is torn down."""
        provider = step.resource
        self.used += (provider,)
        self.undo.append(Undo(step, "reset", self.context(step), partial(partial, end_use, provider, self)))
        begin_use(provider, self)

    def lose(self, error: BaseException | None) -> None:
        """From now on nothing is set up or torn down here."""
        self.lost = error
        self.undo.clear()

    @property
    def is_lost(self) -> bool:
        """Whether this is the child of a fork, which goes no further with it."""
        if self.lost is None and self.process != PROCESS.number:
            self.lose(inherited_error(self.title))
        return self.lost is not None

    def limit(self, step: Step) -> Limit | None:
        """How long a set-up hook may take: its own limit, or what is left of the whole start's."""
        own = limit_of(step, self.settings, "setup_timeout")
        if self.deadline is None:
            return own
        left = max(self.deadline - perf_counter(), 0.0)
        if own is not None and own.seconds <= left:
            return own
        assert self.settings.start_timeout is not None
        return Limit(left, "start_timeout", self.settings.start_timeout)


def set_up(scope: Scope, steps: tuple[Step, ...]) -> Machine:
    """Bring *steps* up, in order; gives the first error, or None. What is up by then stands in *scope*."""
    for step in steps:
        error = yield from set_up_one(scope, step)
        if error is not None:
            return error
    return None


def set_up_one(scope: Scope, step: Step) -> Machine:
    """Bring one step up; gives its error, or None."""
    try:
        yield from _bring_up(scope, step)
    except CallFailed as failed:
        return scope.failed(failed.error, failed.call.step, failed.call.phase)
    except GeneratorExit:  # A concurrent start has failed elsewhere: this step goes no further.
        raise
    except BaseException as error:  # Ctrl-C between two hooks; a user's object that fails when it is looked at.
        return scope.failed(error, step, "set-up")
    return scope.late.pop() if not scope.is_lost and scope.late else scope.lost


def _limited(scope: Scope, call: Call) -> Machine:
    """Make a call that has a limit, and note an error where it did its work, but took too long or was interrupted."""
    try:
        given = yield call
    except CallFailed as failed:
        if not call.is_done:
            raise
        scope.late.append(scope.failed(failed.error, call.step, call.phase))
        return call.made["awaited" if "awaited" in call.made else "given"]
    if call.limit is not None and call.took > call.limit.seconds:
        error = call.limit.error(call.step, call.phase)
        scope.late.append(scope.failed(error, call.step, call.phase))
    return given


def tear_down(scope: Scope, outcome: BaseException | None, errors: list[BaseException]) -> Machine:
    """Undo everything in *scope*, in reverse, whatever fails on the way. Another may go on where one was interrupted.

    Args:
        scope: The scope.
        outcome: What the body, or a failing setup, raised: the hooks hear of it.
        errors: Takes what goes wrong.
    """
    while not scope.is_lost and scope.undo:
        undo = scope.undo[-1]
        if undo.is_due:
            undo.context.exception = outcome
            undo.call = Call(
                partial(undo.function, outcome),
                undo.step,
                undo.phase,
                is_late=True,
                closes_scope=undo.closes_scope,
                limit=limit_of(undo.step, scope.settings, "teardown_timeout"),
            )
            try:
                yield from _limited(scope, undo.call)
            except CallFailed as failed:
                if not _is_passed_on(failed.error, outcome, undo.closes_scope):
                    errors.append(scope.failed(failed.error, undo.step, undo.phase))
                if undo.was_interrupted_early(failed.error):
                    undo.call = None  # It is called again.
                    continue
            errors += scope.late
            scope.late.clear()
            undo.context.exception = None  # A hook may have kept the context: it would keep the body's frames.
        del scope.undo[-1:]  # In the child of a fork there is none any more.
    scope.live.clear()
    if scope.lost is not None:
        errors.append(scope.lost)


def _is_passed_on(error: BaseException, outcome: BaseException | None, is_scope: bool) -> bool:
    """Whether a context manager only lets the body's exception through.

    A task group puts it in a group of its own, and raises a cancellation anew.
    """
    if error is outcome:
        return True
    if is_a(error, BaseExceptionGroup):
        return all(_is_passed_on(each, outcome, is_scope) for each in error.exceptions)
    return is_scope and type(error) is type(outcome) and not is_a(error, Exception)


def _bring_up(scope: Scope, step: Step) -> Machine:
    identity = id(step.node.held.identity)
    resource = scope.drafts[identity]
    links = (yield from _links(scope, step, resource)) if record_of(resource).deferred else {}
    yield Call(partial(complete, resource, links), step, "construct")
    exposed = (yield from _call_hooks(scope, step, resource)) if step.hooks.called else resource
    scope.live[identity] = LiveResource(step, exposed)
    for provider in step.resets:
        scope.undo.append(Undo(step, "reset", scope.context(step), partial(partial, reset, provider)))


def _call_hooks(scope: Scope, step: Step, resource: Any) -> Machine:
    """Set one resource up; gives what its users receive. What is to be undone is noted as soon as it is done."""
    hooks = step.hooks
    context = scope.context(step)
    context._resource = ref(resource)
    if hooks.whole is not None:
        exposed = yield from enter(scope, step, hooks.whole, resource, context)
        return resource if exposed is None else exposed  # a bare `yield`
    setting_up = None
    if hooks.setup is not None:
        setting_up = Call(
            partial(hooks.setup.bound, resource, context),
            step,
            hooks.setup.name,
            is_late=True,
            moves=step.moves,
            is_async=hooks.setup.is_async,
            limit=scope.limit(step),
        )
    if hooks.teardown is not None:
        function = partial(teardown_by_hook, hooks.teardown, resource, context)
        scope.undo.append(Undo(step, hooks.teardown.name, context, function, setting_up))
    if setting_up is not None:
        yield from _limited(scope, setting_up)
    if hooks.create is not None:
        return (yield from enter(scope, step, hooks.create, resource, context))
    return resource


def reset(provider: Any, _outcome: BaseException | None) -> Any:
    """Make a caching provider forget its object, which used a resource that is going away."""
    if hasattr(provider, "shutdown"):
        return provider.shutdown() if provider.initialized else None
    provider.reset()  # It gives a context manager, which nobody is to enter.
    return None


def teardown_by_hook(
    hook: Hook, resource: Any, context: RunContext, _outcome: BaseException | None
) -> Callable[[], Any]:
    """A teardown hook, to be called; it reads the outcome from its context."""
    return hook.bound(resource, context)


def _leaving(leave: Callable[..., Any], entered: Call, outcome: BaseException | None) -> Callable[[], Any]:
    """What leaves a context manager."""
    kind = None if outcome is None else type(outcome)
    left = partial(leave, kind, outcome, None if outcome is None else traceback_of(outcome))
    return left if entered.kept is None else partial(_closing, entered.kept, left)


async def _closing(around: Any, leave: Callable[[], Any]) -> Any:
    """Leave what stood inside a cancel scope; then close that."""
    try:
        return await leave()
    finally:
        around.close()


def enter(scope: Scope, step: Step, hook: Hook, resource: Any, context: RunContext) -> Machine:
    """Call a hook that may give a context manager; gives what users receive."""
    # Making a context manager of a generator is no phase of its own: it does nothing yet.
    call = Call(
        partial(hook.bound, resource, context),
        step,
        hook.name,
        is_late=True,
        awaits_any=hook.is_async,
        is_observed=hook.wrap is None,
        moves=step.moves and hook.is_plain,
        is_async=hook.is_async,
        limit=scope.limit(step),
    )
    given = yield from _limited(scope, call)
    if not is_manager(hook, given):
        if hook.name == "yield_for_execution":
            raise CallFailed(call, _no_manager(resource, given))
        return given
    enters_async = hasattr(type(given), "__aenter__") and (scope.is_async or not hasattr(type(given), "__enter__"))
    enter, leave = ("__aenter__", "__aexit__") if enters_async else ("__enter__", "__exit__")
    entering = Call(getattr(given, enter), step, hook.name, limit=scope.limit(step))
    undo = Undo(
        step, f"{hook.name} (exit)", context, partial(_leaving, getattr(given, leave), entering), entering, given
    )
    before = innermost_cancel_scope()
    scope.undo.append(undo)
    note_entered(undo)
    exposed = yield from _limited(scope, entering)
    undo.closes_scope = innermost_cancel_scope() is not before  # A task group that stays open, for one.
    return exposed


def _no_manager(resource: Any, given: Any) -> DefinitionError:
    return DefinitionError(
        f"{type(resource).__name__}.yield_for_execution gave {kind_in_words(given)}; "
        "make it a generator that yields once, or return a context manager"
    )


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
    if not has_parts(value):
        return values[0]
    waiting = iter(values)
    positions = {position for position, _, _ in leaves(value, annotation)}
    return rebuild(
        value, annotation, lambda leaf, _annotation, position: next(waiting) if position in positions else leaf
    )
