"""Writes the generated code of a run: one line for each hook, resource and value, between the run's own lines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any
from weakref import ref

import attrs

from resourcekit.base.generated import execute
from resourcekit.config.overlay import Overlaid
from resourcekit.config.rereading import ConfigReader
from resourcekit.declarations.construction import complete
from resourcekit.declarations.context import RunContext
from resourcekit.declarations.hooks import Hook
from resourcekit.declarations.values import copied
from resourcekit.lifecycle.drivers import drive, drive_async, refuse_awaitable
from resourcekit.lifecycle.fast.compiled import Compiled, Drafted, Failure, Frame, Line
from resourcekit.lifecycle.fast.templates import Template, Unsupported, link_expressions, template_of
from resourcekit.lifecycle.machine import LiveResource, Scope, Undo, enter, reset, teardown_by_hook
from resourcekit.lifecycle.outcome import traceback_of
from resourcekit.planning.plan import Step

__all__ = ("compile_steps",)


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
            "lost": _lost,
            "made": _made_async if is_async else _made,
            "managed": _managed_async if is_async else _managed,
            "new": object.__new__,
            "refuse": _refuse,
            "reset": reset,
            "traceback_of": traceback_of,
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
        template = template_of(step, links, fields)
        if template is None or template.is_read:
            reader = ConfigReader(step.resource, step.name, fields, step.path, is_completed=template is None)
            self._drafted.append((place, reader))
        if template is None:
            self._write_draft(place, step, links.expressions)
        else:
            self._write_template(place, step, template, links.expressions)
        exposed = f"e{place}" if step.hooks.vends else f"r{place}"
        slot = keys[0] if keys else f"__{exposed}__"  # No key is called like that.
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

    def _write_draft(self, place: int, step: Step, links: Mapping[str, str]) -> None:
        """A resource whose config is read anew for each run, and whose links are checked in it."""
        given = ", ".join(f"{name!r}: {expression}" for name, expression in links.items())
        parts = (f"r{place} = new(C{place})", f"r{place}.__dict__.update(drafts[{place}])")
        self._up.append(Line("; ".join((*parts, f"complete(r{place}, {{{given}}})")), step, "construct"))

    def _write_template(self, place: int, step: Step, template: Template, links: Mapping[str, str]) -> None:
        """A new object with its values."""
        parts = [f"r{place} = new(C{place})", f"d = r{place}.__dict__"]
        items: dict[str, str] = {}
        if template.is_read:
            parts.append(f"d.update(drafts[{place}])")
        else:
            items |= {name: self._constant(place, value) for name, value in template.namespace.items()}
            items |= {name: f"copied({self._constant(place, value)})" for name, value in template.mutable.items()}
        items |= links
        items |= {name: f"{self._constant(place, make)}()" for name, make in template.factories.items()}
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
            self._down.append(self._down_line(self._call_line(place, step, hooks.teardown)))
            self._kept[f"r{place}"] = None
            if hooks.teardown.takes_context:
                self._kept[f"c{place}"] = None
        if hooks.create is not None:
            self._write_manager(place, step, hooks.create)

    def _call_line(self, place: int, step: Step, hook: Hook) -> Line:
        call = f"r{place}.{hook.name}({f'c{place}' if hook.takes_context else ''})"
        return Line(self._checked(call, place, hook.name), step, hook.name)

    def _down_line(self, line: Line) -> Line:
        """A line that goes no further in the child of a hook that has forked."""
        return attrs.evolve(line, text=f"{line.text}; run._process != PROCESS.number and lost(run)")

    def _write_manager(self, place: int, step: Step, hook: Hook) -> None:
        """A hook that may give a context manager: the machine enters it."""
        self._constants[f"H{place}"] = hook
        wait = "await " if self._is_async else ""
        text = f"e{place}, u{place} = {wait}managed(S{place}, H{place}, r{place}, c{place})"
        # The machine tells which of its calls failed; anything else is as in the machine.
        self._up.append(Line(text, step, "set-up", partial(_has_entered, f"u{place}")))
        self._kept[f"u{place}"] = None
        phase = f"{hook.name} (exit)"
        call = self._checked(f"u{place} and u{place}.function(None)()", place, phase)
        self._down.append(self._down_line(Line(call, step, phase)))

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
        "        drafts = d = None",  # A traceback may show the locals, and these hold config as it is.
        "        failure = Failure(caught, traceback_of(caught).tb_lineno, locals())",
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
    scope.undo.append(Undo(step, "reset", scope.context(step), partial(partial, reset, provider)))


def _has_entered(undo: str, scope: Scope, values: Mapping[str, Any]) -> None:
    if values[undo] is not None:
        scope.undo.append(values[undo])


def _refuse(given: Any, step: Step, phase: str) -> None:
    """A hook of a sync run gave something: fine, unless it wants to be awaited."""
    if inspect.isawaitable(given):
        refuse_awaitable(step, phase, given)


def _lost(run: Any) -> None:
    raise run._over()


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
