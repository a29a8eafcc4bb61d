"""The fast path of a run: its steps as one straight-line function up and one down, generated once.

A line of the source calls one hook, so the line where an exception came out tells whose it was, at no cost to
a run that succeeds. Whatever fails is handed to the machine, which decides everything else: the fast path only
tells it what is up by then.

The idea, and the line-number trick, are those of the prototypes that the project's measurements began with.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any
from weakref import ref

import attrs

from resourcekit.config.overlay import Overlaid
from resourcekit.config.rereading import ConfigReader
from resourcekit.construction import complete
from resourcekit.context import RunContext
from resourcekit.generated import execute
from resourcekit.hooks import Hook
from resourcekit.lifecycle.drivers import drive, drive_async, refuse_awaitable
from resourcekit.lifecycle.machine import CallFailed, LiveResource, Scope, Undo, enter, reset, teardown_by_hook
from resourcekit.lifecycle.outcome import never_began
from resourcekit.lifecycle.templates import Template, Unsupported, link_expressions, template_of
from resourcekit.plan import Step
from resourcekit.values import copied

__all__ = ("Compiled", "Failure", "Frame", "compile_steps")

Drafted = tuple[int, ConfigReader]

Effect = Callable[[Scope, Mapping[str, Any]], None]
"""What a line has brought about, told to a scope of the machine."""


@attrs.frozen(eq=False)
class Failure:
    """What a generated function hands over when a line of it has failed."""

    error: BaseException
    line: int
    values: Mapping[str, Any]


@attrs.frozen(eq=False)
class Frame:
    """What stands around the steps in the generated code: lines of the run's own.

    Args:
        check_up: Before anything else; they may return, and make ``drafts`` where config is read for each run.
        before_up: Before the first step; they make ``view``, an object with the slots.
        after_up: When all is up, and kept as ``run._kept``.
        up: Gives the view.
        failed_up: When setting up has failed; it has ``failure``.
        check_down: Before anything else; they have the arguments of ``__exit__``, may return, and give ``kept``.
        after_down: When all is torn down.
        failed_down: When tearing down has failed.
        constants: The names they use.
    """

    check_up: tuple[str, ...]
    before_up: tuple[str, ...]
    after_up: tuple[str, ...]
    up: str
    failed_up: str
    check_down: tuple[str, ...]
    after_down: tuple[str, ...]
    failed_down: str
    constants: Mapping[str, object]


@attrs.frozen(eq=False)
class Line:
    """One line of a generated function: whose it is, and what is up when it has succeeded."""

    text: str
    step: Step
    phase: str
    effect: Effect | None = None


@attrs.frozen(eq=False)
class Compiled:
    """A run of some steps as generated code.

    Args:
        steps: The steps, in order.
        is_async: For which kind of run.
        drafted: What reads the config of steps for each run, with their places.
        nested: The keys of nested containers: a view of their own shows them.
        entering: A run's ``__enter__`` or ``__aenter__``: brings everything up and puts it in the slots of a view.
        leaving: Its ``__exit__`` or ``__aexit__``: tears everything down after a body that succeeded.
        up_lines: The lines of `entering`.
        down_lines: The lines of `leaving`.
        exposed: The slot of what users receive of each step.
        places: The place of each step, by identity of the declaration.
        kept: The names that `leaving` has for what `entering` keeps for it.
        source: The code.
        first_up: The first of `up_lines` in the source.
        first_down: The first of `down_lines` in it.
    """

    steps: tuple[Step, ...]
    is_async: bool
    drafted: tuple[Drafted, ...]
    nested: tuple[str, ...]
    entering: Callable[..., Any]
    leaving: Callable[..., Any]
    up_lines: tuple[Line, ...]
    down_lines: tuple[Line, ...]
    exposed: tuple[str, ...]
    places: Mapping[int, int]
    kept: tuple[str, ...]
    source: str
    first_up: int
    first_down: int

    @property
    def order(self) -> list[str]:
        """The resources in the order they are set up."""
        return [step.name for step in self.steps]

    def live(self, view: Any, identity: int) -> LiveResource | None:
        """What is up by now of one declaration."""
        place = self.places.get(identity)
        if place is None or not hasattr(view, self.exposed[place]):
            return None
        return LiveResource(self.steps[place], getattr(view, self.exposed[place]))

    def tell(self, scope: Scope, kept: Sequence[Any]) -> None:
        """Tell *scope* that everything is up."""
        self._tell(scope, dict(zip(self.kept, kept, strict=True)), len(self.up_lines))

    def _tell(self, scope: Scope, values: Mapping[str, Any], lines: int) -> None:
        for line in self.up_lines[:lines]:
            if line.effect is not None:
                line.effect(scope, values)

    def failed_up(self, failure: Failure, scope: Scope) -> BaseException:
        """Tell *scope* what is up where setting up has failed; gives the error, which says whose it is."""
        number = failure.line - self.first_up
        self._tell(scope, failure.values, max(number, 0))
        return _failed(scope, failure.error, self.up_lines, number)

    def failed_down(self, failure: Failure, scope: Scope, kept: Sequence[Any]) -> BaseException:
        """Leave in *scope* what is still to be undone where tearing down has failed; gives the error."""
        number = failure.line - self.first_down
        self.tell(scope, kept)
        done = {
            (line.step, line.phase)
            for place, line in enumerate(self.down_lines[: max(number + 1, 0)])
            if place < number or not never_began(failure.error, line.step, line.phase)
        }
        scope.undo[:] = [undo for undo in scope.undo if (undo.step, undo.phase) not in done]
        return _failed(scope, failure.error, self.down_lines, number)


def _failed(scope: Scope, error: BaseException, lines: Sequence[Line], number: int) -> BaseException:
    """The error, which says whose it is if it came out of one of *lines*, and not of the run's own."""
    if not 0 <= number < len(lines):
        return error
    step, phase = lines[number].step, lines[number].phase
    if isinstance(error, CallFailed):  # It went through the machine, which knows the call.
        step, phase, error = error.call.step, error.call.phase, error.error
    return scope.failed(error, step, phase)


def compile_steps(
    steps: Sequence[Step],
    find: Callable[[object], Any],
    overlaid: Callable[[Step], Mapping[str, Overlaid]],
    keys: Callable[[Step], Sequence[str]],
    fixed: Mapping[str, object],
    nested: tuple[str, ...],
    *,
    is_async: bool,
    frame: Callable[[tuple[str, ...], bool], Frame],
) -> Compiled | None:
    """The steps of a run as generated code, None where they need the machine.

    Args:
        steps: The steps, in order.
        find: Gives what a leaf is, and its live object where that is up for longer than the run.
        overlaid: What overlays have for a step.
        keys: The keys under which a view shows a step.
        fixed: What a view shows that is the same in every run.
        nested: The keys of nested containers.
        is_async: For which kind of run.
        frame: Gives what stands around the steps, for the slots that a view needs, and whether config is read for each
            run. It may use ``CODE``: what this gives.
    """
    writer = _Writer(is_async)
    try:
        for place, step in enumerate(steps):
            writer.write(place, step, find, overlaid(step), keys(step))
    except Unsupported:
        return None
    return writer.finish(tuple(steps), fixed, nested, frame)


class _Writer:
    """Writes the two functions, line by line."""

    def __init__(self, is_async: bool) -> None:
        self._is_async = is_async
        self._constants: dict[str, Any] = {
            "Context": RunContext,
            "Failure": Failure,
            "complete": complete,
            "copied": copied,
            "coroutine": CoroutineType,
            "isawaitable": inspect.isawaitable,
            "made": _made_async if is_async else _made,
            "managed": _managed_async if is_async else _managed,
            "new": object.__new__,
            "refuse": _refuse,
            "reset": reset,
            "weak": ref,
        }
        self._up: list[Line] = []
        self._down: list[Line] = []
        self._exposed: list[str] = []
        self._kept: dict[str, None] = {}  # The names, in order.
        self._others: dict[str, str] = {}  # Further keys of what has one.
        self._drafted: list[Drafted] = []
        self._written: dict[int, tuple[int, Step]] = {}  # by identity of the declaration

    def write(
        self,
        place: int,
        step: Step,
        find: Callable[[object], Any],
        fields: Mapping[str, Overlaid],
        keys: Sequence[str],
    ) -> None:
        """Write the lines of one step."""
        self._constants |= {f"S{place}": step, f"C{place}": type(step.resource)}
        make = f"{'await ' if self._is_async else ''}made({{}}, S{place})"
        links = link_expressions(step, self._written, find, partial(self._constant, place), make)
        template = None if fields else template_of(step, links)
        if template is None:
            self._write_draft(place, step, fields, links.expressions)
        else:
            self._write_template(place, step, template, links.expressions)
        exposed = f"e{place}" if step.hooks.vends else f"r{place}"
        slot = keys[0] if keys else f"_{exposed}"
        self._write_hooks(place, step)
        self._exposed.append(slot)
        self._others.update(dict.fromkeys(keys[1:], slot))
        self._kept[exposed] = None
        self._up.append(Line(f"view.{slot} = {exposed}", step, "construct", partial(_is_up, step, exposed)))
        self._write_resets(place, step)
        self._written[id(step.node.held.identity)] = place, step

    def _constant(self, place: int, value: object) -> str:
        name = f"K{place}_{len(self._constants)}"
        self._constants[name] = value
        return name

    def _write_resets(self, place: int, step: Step) -> None:
        """Caching providers forget what they made of this resource before it goes."""
        for provider in step.resets:
            effect = partial(_has_resets, step, provider)
            self._up.append(Line("pass", step, "construct", effect))
            call = f"reset({self._constant(place, provider)}, None)"
            self._down.append(Line(self._checked(call, place, "reset"), step, "reset"))

    def _write_draft(self, place: int, step: Step, fields: Mapping[str, Overlaid], links: Mapping[str, str]) -> None:
        """A resource whose config is read anew for each run."""
        self._drafted.append((place, ConfigReader(step.resource, step.name, fields, step.path)))
        given = ", ".join(f"{name!r}: {expression}" for name, expression in links.items())
        text = f"r{place} = drafts[{place}]; complete(r{place}, {{{given}}})"
        self._up.append(Line(text, step, "construct"))

    def _write_template(self, place: int, step: Step, template: Template, links: Mapping[str, str]) -> None:
        """A resource whose config is the same in every run: a new object with its values."""
        items = {name: self._constant(place, value) for name, value in template.namespace.items()}
        items |= {name: f"copied({self._constant(place, value)})" for name, value in template.mutable.items()}
        items |= links
        items |= {name: f"{self._constant(place, make)}()" for name, make in template.factories.items()}
        parts = [f"r{place} = new(C{place})", f"d = r{place}.__dict__"]
        parts += [f"d[{name!r}] = {value}" for name, value in items.items()]
        if template.has_post_init:
            parts.append(f"C{place}.__attrs_post_init__(r{place})")
        self._up.append(Line("; ".join(parts), step, "construct"))

    def _write_hooks(self, place: int, step: Step) -> None:
        """The lines that call hooks."""
        hooks = step.hooks
        if any(hook.takes_context or hook in (hooks.whole, hooks.create) for hook in hooks.called):
            path = self._constant(place, step.path)
            told = f"{step.name!r}, {path}, run.run_id, run.tags, {step.scope!r}, None, weak(r{place})"
            self._up.append(Line(f"c{place} = Context({told})", step, "construct"))
        if hooks.whole is not None:
            self._write_manager(place, step, hooks.whole)
            return
        if hooks.setup is not None:
            self._up.append(self._call_line(place, step, hooks.setup))
        if hooks.teardown is not None:
            # It is to be undone as soon as it is done: Ctrl-C may come before the next line.
            effect = partial(_has_teardown, step, hooks.teardown, place)
            setup = Line("pass", step, "construct") if hooks.setup is None else self._up.pop()
            self._up.append(attrs.evolve(setup, effect=effect))
            self._down.append(self._call_line(place, step, hooks.teardown))
            self._kept[f"r{place}"] = None
            if hooks.teardown.takes_context:
                self._kept[f"c{place}"] = None
        if hooks.create is not None:
            self._write_manager(place, step, hooks.create)

    def _call_line(self, place: int, step: Step, hook: Hook) -> Line:
        call = f"r{place}.{hook.name}({f'c{place}' if hook.takes_context else ''})"
        return Line(self._checked(call, place, hook.name), step, hook.name)

    def _write_manager(self, place: int, step: Step, hook: Hook) -> None:
        """A hook that may give a context manager: the machine enters it."""
        self._constants[f"H{place}"] = hook
        wait = "await " if self._is_async else ""
        text = f"e{place}, u{place} = {wait}managed(S{place}, H{place}, r{place}, c{place})"
        # The machine tells which of its calls failed; anything else is as in the machine.
        self._up.append(Line(text, step, "set-up", partial(_has_entered, f"u{place}")))
        self._kept[f"u{place}"] = None
        phase = f"{hook.name} (exit)"
        self._down.append(Line(self._checked(f"u{place} and u{place}.function(None)", place, phase), step, phase))

    def _checked(self, call: str, place: int, phase: str) -> str:
        """A call, whose result is awaited in an async run and must not want it in a sync one."""
        if self._is_async:
            return f"(x := {call}) is None or (await x if type(x) is coroutine or isawaitable(x) else None)"
        return f"(x := {call}) is None or refuse(x, S{place}, {phase!r})"

    def finish(
        self,
        steps: tuple[Step, ...],
        fixed: Mapping[str, object],
        nested: tuple[str, ...],
        frame_for: Callable[[tuple[str, ...], bool], Frame],
    ) -> Compiled:
        """Both functions, compiled."""
        shown = [f"view.{other} = view.{slot}" for other, slot in self._others.items()]
        shown += [f"view.{key} = {self._constant(len(steps), content)}" for key, content in fixed.items()]
        slots = tuple(dict.fromkeys([*self._exposed, *self._others, *fixed]))
        frame = frame_for(slots, bool(self._drafted))
        down = tuple(reversed(self._down))
        kept = f"({''.join(f'{name}, ' for name in self._kept)})"
        word = "async def" if self._is_async else "def"
        source = [f"{word} entering(run):", *(f"    {line}" for line in frame.check_up)]
        after_up = (*shown, f"run._kept = {kept}", *frame.after_up)
        first_up = _write_body(source, frame.before_up, self._up, after_up, frame.failed_up)
        source += [f"    {frame.up}", ""]
        source += [f"{word} leaving(run, kind, error, trace):", *(f"    {line}" for line in frame.check_down)]
        first_down = _write_body(source, (f"{kept} = kept",), down, frame.after_down, frame.failed_down)
        text = "\n".join([*source, ""])
        namespace = execute("run", text, {**self._constants, **frame.constants})
        namespace["CODE"] = compiled = Compiled(
            steps=steps,
            is_async=self._is_async,
            drafted=tuple(self._drafted),
            nested=nested,
            entering=namespace["entering"],
            leaving=namespace["leaving"],
            up_lines=tuple(self._up),
            down_lines=down,
            exposed=tuple(self._exposed),
            places={id(step.node.held.identity): place for place, step in enumerate(steps)},
            kept=tuple(self._kept),
            source=text,
            first_up=first_up,
            first_down=first_down,
        )
        return compiled


def _write_body(
    source: list[str], before: Sequence[str], lines: Sequence[Line], after: Sequence[str], failed: str
) -> int:
    """Write what may fail or be interrupted, and tells the line; gives the number of the first of *lines*."""
    source += ["    failure = None", "    try:"]
    source += [f"        {line}" for line in before]
    first = len(source) + 1
    source += [f"        {line}" for line in (*(line.text for line in lines), *after)]
    source += [
        "    except BaseException as caught:",
        "        failure = Failure(caught, caught.__traceback__.tb_lineno, locals())",
        f"    if failure is not None: {failed}",
    ]
    return first


def _is_up(step: Step, exposed: str, scope: Scope, values: Mapping[str, Any]) -> None:
    scope.live[id(step.node.held.identity)] = LiveResource(step, values.get(exposed))


def _has_teardown(step: Step, hook: Hook, place: int, scope: Scope, values: Mapping[str, Any]) -> None:
    context: RunContext = values.get(f"c{place}") or scope.context(step)
    function = partial(teardown_by_hook, hook, values[f"r{place}"], context)
    scope.undo.append(Undo(step, hook.name, context, function))


def _has_resets(step: Step, provider: Any, scope: Scope, _values: Mapping[str, Any]) -> None:
    scope.undo.append(Undo(step, "reset", scope.context(step), partial(reset, provider)))


def _has_entered(undo: str, scope: Scope, values: Mapping[str, Any]) -> None:
    if values[undo] is not None:
        scope.undo.append(values[undo])


def _refuse(given: Any, step: Step, phase: str) -> None:
    """A hook of a sync run gave something: fine, unless it wants to be awaited."""
    if inspect.isawaitable(given):
        refuse_awaitable(step, phase, given)


def _made(provider: Callable[[], Any], step: Step) -> Any:
    """What a plain provider gives a field."""
    given = provider()
    _refuse(given, step, "construct")
    return given


async def _made_async(provider: Callable[[], Any], _step: Step) -> Any:
    given = provider()
    return await given if inspect.isawaitable(given) else given


def _alone(step: Step, context: RunContext, is_async: bool) -> Scope:
    return Scope(is_async, {}, lambda leaf: (False, leaf), lambda _step: context)


def _managed(step: Step, hook: Hook, resource: Any, context: RunContext) -> tuple[Any, Undo | None]:
    """Enter what a hook gives; what users receive, and what undoes it."""
    scope = _alone(step, context, is_async=False)
    return _received(drive(enter(scope, step, hook, resource, context)), resource, hook, scope)


async def _managed_async(step: Step, hook: Hook, resource: Any, context: RunContext) -> tuple[Any, Undo | None]:
    scope = _alone(step, context, is_async=True)
    return _received(await drive_async(enter(scope, step, hook, resource, context)), resource, hook, scope)


def _received(exposed: Any, resource: Any, hook: Hook, scope: Scope) -> tuple[Any, Undo | None]:
    is_bare = exposed is None and hook.name == "yield_for_execution"  # a bare `yield`
    return (resource if is_bare else exposed), (scope.undo[0] if scope.undo else None)
