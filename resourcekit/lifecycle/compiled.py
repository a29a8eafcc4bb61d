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
from types import CoroutineType, FunctionType
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
from resourcekit.lifecycle.outcome import annotate
from resourcekit.lifecycle.templates import Template, Unsupported, link_expressions, template_of
from resourcekit.plan import Step
from resourcekit.values import copied

__all__ = ("Compiled", "Failure", "Frame", "compile_steps")

Drafted = tuple[int, ConfigReader]

Effect = Callable[[Scope, Mapping[str, Any]], None]
"""What a line has brought about, told to a scope of the machine."""


@attrs.frozen(eq=False)
class Failure:
    """What a generated function returns when a line of it has failed."""

    error: BaseException
    line: int
    values: Mapping[str, Any]


@attrs.frozen(eq=False)
class Frame:
    """What stands around the steps in the generated code: lines of the run's own, that cannot fail.

    Args:
        before_up: Before the first step; they make ``view``, an object with the slots.
        after_up: When all is up.
        before_down: Before the first is torn down; they have ``view`` and ``run``.
        after_down: When all is torn down.
        constants: The names they use.
    """

    before_up: tuple[str, ...]
    after_up: tuple[str, ...]
    before_down: tuple[str, ...]
    after_down: tuple[str, ...]
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
        drafted: What reads the config of steps for each run, with their places.
        entering: ``entering(run, drafts)`` brings everything up and puts it in the slots of a view; gives None, or a
            `Failure`.
        leaving: ``leaving(run)`` tears everything down after a body that succeeded; gives None, or a `Failure`.
        up_lines: The lines of `entering`.
        down_lines: The lines of `leaving`.
        exposed: The slot of what users receive of each step.
        places: The place of each step, by identity of the declaration.
        kept: The names that the code has for what is in the slots.
        source: The code.
        first_up: The first of `up_lines` in the source.
        first_down: The first of `down_lines` in it.
    """

    steps: tuple[Step, ...]
    drafted: tuple[Drafted, ...]
    entering: Callable[..., Any]
    leaving: Callable[..., Any]
    up_lines: tuple[Line, ...]
    down_lines: tuple[Line, ...]
    exposed: tuple[str, ...]
    places: Mapping[int, int]
    kept: Mapping[str, str]
    source: str
    first_up: int
    first_down: int

    def live(self, view: Any, identity: int) -> LiveResource | None:
        """What is up by now of one declaration."""
        place = self.places.get(identity)
        if place is None or not hasattr(view, self.exposed[place]):
            return None
        return LiveResource(self.steps[place], getattr(view, self.exposed[place]))

    def tell(self, scope: Scope, view: Any) -> None:
        """Tell *scope* that everything is up."""
        self._tell(scope, {name: getattr(view, slot) for name, slot in self.kept.items()}, len(self.up_lines))

    def _tell(self, scope: Scope, values: Mapping[str, Any], lines: int) -> None:
        for line in self.up_lines[:lines]:
            if line.effect is not None:
                line.effect(scope, values)

    def failed_up(self, failure: Failure, scope: Scope) -> BaseException:
        """Tell *scope* what is up where setting up has failed; gives the error, which says whose it is."""
        number = failure.line - self.first_up
        self._tell(scope, failure.values, number)
        return _annotated(failure.error, self.up_lines[number])

    def failed_down(self, failure: Failure, scope: Scope) -> BaseException:
        """Leave in *scope* what is still to be undone where tearing down has failed; gives the error."""
        number = failure.line - self.first_down
        self.tell(scope, failure.values["view"])
        done = {(line.step, line.phase) for line in self.down_lines[: number + 1]}
        scope.undo[:] = [undo for undo in scope.undo if (undo.step, undo.phase) not in done]
        return _annotated(failure.error, self.down_lines[number])


def _annotated(error: BaseException, line: Line) -> BaseException:
    step, phase = line.step, line.phase
    if isinstance(error, CallFailed):  # It went through the machine, which knows the call.
        step, phase, error = error.call.step, error.call.phase, error.error
    annotate(error, step, phase)
    return error


def compile_steps(
    steps: Sequence[Step],
    find: Callable[[object], Any],
    overlaid: Callable[[Step], Mapping[str, Overlaid]],
    keys: Callable[[Step], Sequence[str]],
    fixed: Mapping[str, object],
    *,
    is_async: bool,
    frame: Callable[[tuple[str, ...]], Frame],
) -> Compiled | None:
    """The steps of a run as generated code, None where they need the machine.

    Args:
        steps: The steps, in order.
        find: Gives what a leaf is, and its live object where that is up for longer than the run.
        overlaid: What overlays have for a step.
        keys: The keys under which a view shows a step.
        fixed: What a view shows that is the same in every run.
        is_async: For which kind of run.
        frame: Gives what stands around the steps, for the slots that a view needs.
    """
    writer = _Writer(is_async)
    try:
        for place, step in enumerate(steps):
            writer.write(place, step, find, overlaid(step), keys(step))
    except Unsupported:
        return None
    return writer.finish(tuple(steps), fixed, frame)


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
        self._kept: dict[str, str] = {}
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
        self._write_hooks(place, step, slot)
        self._exposed.append(slot)
        self._others.update(dict.fromkeys(keys[1:], slot))
        self._up.append(Line(self._keep(exposed, slot), step, "construct", partial(_is_up, step, exposed)))
        self._write_resets(place, step)
        self._written[id(step.node.held.identity)] = place, step

    def _constant(self, place: int, value: object) -> str:
        name = f"K{place}_{len(self._constants)}"
        self._constants[name] = value
        return name

    def _keep(self, name: str, slot: str) -> str:
        """The code that keeps a value of `entering` for `leaving` and for who looks."""
        if name in self._kept:
            return "pass"
        self._kept[name] = slot
        return f"view.{slot} = {name}"

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

    def _write_hooks(self, place: int, step: Step, slot: str) -> None:
        """The lines that call hooks."""
        hooks = step.hooks
        if any(hook.takes_context or hook in (hooks.whole, hooks.create) for hook in hooks.called):
            path = self._constant(place, step.path)
            told = f"{step.name!r}, {path}, run.run_id, run.tags, {step.scope!r}, None, weak(r{place})"
            self._up.append(Line(f"c{place} = Context({told})", step, "construct"))
        if hooks.whole is not None:
            self._write_manager(place, step, hooks.whole)
            return
        teardown = None if hooks.teardown is None else partial(_has_teardown, step, hooks.teardown, place)
        if hooks.setup is not None:
            call = self._setup_call(place, step, hooks.setup)
            # It is to be undone as soon as it is done: Ctrl-C may come before the next line.
            self._up.append(Line(self._checked(call, place, hooks.setup.name), step, hooks.setup.name, teardown))
            teardown = None
        if hooks.teardown is not None:
            self._write_teardown(place, step, hooks.teardown, f"_r{place}" if hooks.vends else slot, teardown)
        if hooks.create is not None:
            self._write_manager(place, step, hooks.create)

    def _setup_call(self, place: int, step: Step, hook: Hook) -> str:
        """The call of a set-up hook: as the plain function it is, which is faster, unless it was patched since."""
        context = f"c{place}" if hook.takes_context else ""
        call = f"r{place}.{hook.name}({context})"
        cls = type(step.resource)
        function = inspect.getattr_static(cls, hook.name)
        if not isinstance(function, FunctionType) or hasattr(cls, "__attrs_post_init__"):
            return call
        self._constants[f"F{place}"] = function
        return f"F{place}(r{place}{context and ', '}{context}) if C{place}.{hook.name} is F{place} else {call}"

    def _write_teardown(self, place: int, step: Step, hook: Hook, slot: str, effect: Effect | None) -> None:
        keep = self._keep(f"r{place}", slot)
        if hook.takes_context:
            keep += "; " + self._keep(f"c{place}", f"_c{place}")
        self._up.append(Line(keep, step, "construct", effect))
        call = f"view.{slot}.{hook.name}({f'view._c{place}' if hook.takes_context else ''})"
        self._down.append(Line(self._checked(call, place, hook.name), step, hook.name))

    def _write_manager(self, place: int, step: Step, hook: Hook) -> None:
        """A hook that may give a context manager: the machine enters it."""
        self._constants[f"H{place}"] = hook
        wait = "await " if self._is_async else ""
        keep = self._keep(f"u{place}", f"_u{place}")
        text = f"e{place}, u{place} = {wait}managed(S{place}, H{place}, r{place}, c{place})"
        # The machine tells which of its calls failed; anything else is as in the machine.
        self._up.append(Line(text, step, "set-up", partial(_has_entered, f"u{place}")))
        self._up.append(Line(keep, step, "set-up"))
        leaving = self._checked(f"view._u{place} and view._u{place}.function(None)", place, f"{hook.name} (exit)")
        self._down.append(Line(leaving, step, f"{hook.name} (exit)"))

    def _checked(self, call: str, place: int, phase: str) -> str:
        """A call, whose result is awaited in an async run and must not want it in a sync one."""
        if self._is_async:
            return f"(x := {call}) is None or (await x if type(x) is coroutine or isawaitable(x) else None)"
        return f"(x := {call}) is None or refuse(x, S{place}, {phase!r})"

    def finish(
        self, steps: tuple[Step, ...], fixed: Mapping[str, object], frame_for: Callable[[tuple[str, ...]], Frame]
    ) -> Compiled:
        """Both functions, compiled."""
        shown = [f"view.{other} = view.{slot}" for other, slot in self._others.items()]
        shown += [f"view.{key} = {self._constant(len(steps), content)}" for key, content in fixed.items()]
        frame = frame_for(tuple(dict.fromkeys([*self._kept.values(), *self._others, *fixed])))
        down = tuple(reversed(self._down))
        word = "async def" if self._is_async else "def"
        source = [f"{word} entering(run, drafts):"]
        first_up = _write_body(source, frame.before_up, self._up, (*shown, *frame.after_up))
        source += ["", f"{word} leaving(run):"]
        first_down = _write_body(source, frame.before_down, down, frame.after_down)
        text = "\n".join([*source, ""])
        namespace = execute("run", text, {**self._constants, **frame.constants})
        return Compiled(
            steps=steps,
            drafted=tuple(self._drafted),
            entering=namespace["entering"],
            leaving=namespace["leaving"],
            up_lines=tuple(self._up),
            down_lines=down,
            exposed=tuple(self._exposed),
            places={id(step.node.held.identity): place for place, step in enumerate(steps)},
            kept=self._kept,
            source=text,
            first_up=first_up,
            first_down=first_down,
        )


def _write_body(source: list[str], before: Sequence[str], lines: Sequence[Line], after: Sequence[str]) -> int:
    """Write the body of a function that tells the line that failed; gives the number of its first line."""
    source += [*(f"    {line}" for line in before), "    try:"]
    first = len(source) + 1
    source += [
        *(f"        {line.text}" for line in lines),
        "        pass",
        "    except BaseException as error:",
        "        return Failure(error, error.__traceback__.tb_lineno, locals())",
        *(f"    {line}" for line in after),
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
