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
from itertools import count
from typing import Any, Final

import attrs

from resourcekit.config.overlay import Overlaid
from resourcekit.construction import complete
from resourcekit.context import RunContext
from resourcekit.hooks import Hook
from resourcekit.lifecycle.drivers import drive, drive_async, refuse_awaitable
from resourcekit.lifecycle.machine import CallFailed, LiveResource, Scope, Undo, enter, teardown_by_hook
from resourcekit.lifecycle.outcome import annotate
from resourcekit.lifecycle.templates import Template, Unsupported, link_expressions, template_of
from resourcekit.plan import Step
from resourcekit.values import copied

__all__ = ("Compiled", "Failure", "compile_steps")

_NUMBERS: Final = count(1)
_FIRST_LINE: Final = 3  # Of the hooks: after `def` and `try`.

Drafted = tuple[int, Step, Mapping[str, Overlaid]]

Effect = Callable[[Scope, Mapping[str, Any]], None]
"""What a line has brought about, told to a scope of the machine."""


@attrs.frozen(eq=False)
class Failure:
    """What a generated function returns when a line of it has failed."""

    error: BaseException
    line: int
    values: Mapping[str, Any]


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
        drafted: The steps whose config is read anew for each run, with their places and overlay values.
        entering: ``entering(up, drafts, context)`` brings everything up; gives what `leaving` takes, or a `Failure`.
        leaving: Tears everything down after a body that succeeded; gives None, or a `Failure`.
        up_lines: The lines of `entering`.
        down_lines: The lines of `leaving`.
        names: The names of the values that `entering` gives.
        source: The code.
    """

    steps: tuple[Step, ...]
    drafted: tuple[Drafted, ...]
    entering: Callable[..., Any]
    leaving: Callable[..., Any]
    up_lines: tuple[Line, ...]
    down_lines: tuple[Line, ...]
    names: tuple[str, ...]
    source: str

    def tell(self, scope: Scope, values: Any, lines: int | None = None) -> None:
        """Tell *scope* what is up when so many lines of `entering` have succeeded, all by default."""
        known = values if isinstance(values, Mapping) else dict(zip(self.names, values, strict=True))
        for line in self.up_lines[:lines]:
            if line.effect is not None:
                line.effect(scope, known)

    def failed_up(self, failure: Failure, scope: Scope) -> BaseException:
        """Tell *scope* what is up where setting up has failed; gives the error, which says whose it is."""
        number = failure.line - _FIRST_LINE
        self.tell(scope, failure.values, number)
        return _annotated(failure.error, self.up_lines[number])

    def failed_down(self, failure: Failure, scope: Scope) -> BaseException:
        """Leave in *scope* what is still to be undone where tearing down has failed; gives the error."""
        number = failure.line - _FIRST_LINE - 1  # after the line that unpacks the values
        self.tell(scope, failure.values["values"])
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
    *,
    is_async: bool,
) -> Compiled | None:
    """The steps of a run as generated code, None where they need the machine: a plain provider has to be called.

    Args:
        steps: The steps, in order.
        find: Gives what a leaf is, and its live object where that is up for longer than the run.
        overlaid: What overlays have for a step.
        is_async: For which kind of run.
    """
    writer = _Writer(is_async)
    try:
        for place, step in enumerate(steps):
            writer.write(place, step, steps, find, overlaid(step))
    except Unsupported:
        return None
    return writer.finish(tuple(steps))


class _Loader:
    """Gives the source to whoever asks by the namespace: debuggers and tracebacks, through `linecache`."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, _name: str) -> str:
        """The source."""
        return self._source


class _Writer:
    """Writes the two functions, line by line."""

    def __init__(self, is_async: bool) -> None:
        self._is_async = is_async
        self._constants: dict[str, Any] = {
            "Failure": Failure,
            "complete": complete,
            "copied": copied,
            "isawaitable": inspect.isawaitable,
            "managed": _managed_async if is_async else _managed,
            "new": object.__new__,
            "refuse": _refuse,
        }
        self._up: list[Line] = []
        self._down: list[Line] = []
        self._names: list[str] = []
        self._drafted: list[Drafted] = []

    def write(
        self,
        place: int,
        step: Step,
        steps: Sequence[Step],
        find: Callable[[object], Any],
        fields: Mapping[str, Overlaid],
    ) -> None:
        """Write the lines of one step."""
        if step.resets:
            raise Unsupported
        self._constants[f"S{place}"] = step
        links = link_expressions(step, steps[:place], find, partial(self._constant, place))
        template = None if fields else template_of(step, links)
        if template is None:
            self._write_draft(place, step, fields, links.expressions)
        else:
            self._write_template(place, step, template, links.expressions)
        exposed = self._write_hooks(place, step) if step.hooks.called else f"r{place}"
        self._up.append(Line(f"up({exposed})", step, "construct", partial(_is_up, step, exposed)))

    def _constant(self, place: int, value: object) -> str:
        name = f"K{place}_{len(self._constants)}"
        self._constants[name] = value
        return name

    def _write_draft(self, place: int, step: Step, fields: Mapping[str, Overlaid], links: Mapping[str, str]) -> None:
        """A resource whose config is read anew for each run."""
        self._drafted.append((place, step, fields))
        given = ", ".join(f"{name!r}: {expression}" for name, expression in links.items())
        text = f"r{place} = drafts[{place}]; complete(r{place}, {{{given}}})"
        self._up.append(Line(text, step, "construct"))

    def _write_template(self, place: int, step: Step, template: Template, links: Mapping[str, str]) -> None:
        """A resource whose config is the same in every run: a new object with a copy of its namespace."""
        self._constants[f"C{place}"] = type(step.resource)
        self._constants[f"T{place}"] = template.namespace
        parts = [f"r{place} = new(C{place})", f"d = r{place}.__dict__", f"d.update(T{place})"]
        parts += [f"d[{name!r}] = copied({self._constant(place, value)})" for name, value in template.mutable.items()]
        parts += [f"d[{name!r}] = {expression}" for name, expression in links.items()]
        parts += [f"d[{name!r}] = {self._constant(place, make)}()" for name, make in template.factories.items()]
        if template.has_post_init:
            parts.append(f"C{place}.__attrs_post_init__(r{place})")
        self._up.append(Line("; ".join(parts), step, "construct"))

    def _write_hooks(self, place: int, step: Step) -> str:
        """The lines that call hooks; gives the name of what users receive."""
        hooks = step.hooks
        if any(hook.takes_context or hook in (hooks.whole, hooks.create) for hook in hooks.called):
            self._up.append(Line(f"c{place} = context(S{place})", step, "construct"))
        if hooks.whole is not None:
            return self._write_manager(place, step, hooks.whole)
        entered = None
        if hooks.setup is not None:
            self._up.append(Line(self._call(place, hooks.setup), step, hooks.setup.name))
        if hooks.teardown is not None:
            text = self._call(place, hooks.teardown)
            effect = partial(_has_teardown, step, hooks.teardown, place)
            self._up.append(Line("pass", step, "construct", effect))
            self._down.append(Line(text, step, hooks.teardown.name))
            self._names += [f"r{place}", *([f"c{place}"] if hooks.teardown.takes_context else [])]
        if hooks.create is not None:
            entered = self._write_manager(place, step, hooks.create)
        return entered or f"r{place}"

    def _write_manager(self, place: int, step: Step, hook: Hook) -> str:
        """A hook that may give a context manager: the machine enters it."""
        self._constants[f"H{place}"] = hook
        wait = "await " if self._is_async else ""
        text = f"e{place}, u{place} = {wait}managed(S{place}, H{place}, r{place}, c{place})"
        # The machine tells which of its calls failed; anything else is as in the machine.
        self._up.append(Line(text, step, "set-up", partial(_has_entered, f"u{place}")))
        leaving = self._checked(f"u{place} and u{place}.function(None)", place, f"{hook.name} (exit)")
        self._down.append(Line(leaving, step, f"{hook.name} (exit)"))
        self._names.append(f"u{place}")
        return f"e{place}"

    def _call(self, place: int, hook: Hook) -> str:
        return self._checked(f"r{place}.{hook.name}({f'c{place}' if hook.takes_context else ''})", place, hook.name)

    def _checked(self, call: str, place: int, phase: str) -> str:
        """A call, whose result is awaited in an async run and must not want it in a sync one."""
        if self._is_async:
            return f"(x := {call}) is None or (await x if isawaitable(x) else None)"
        return f"(x := {call}) is None or refuse(x, S{place}, {phase!r})"

    def finish(self, steps: tuple[Step, ...]) -> Compiled:
        down = tuple(reversed(self._down))
        names = tuple(dict.fromkeys(self._names))
        word = "async def" if self._is_async else "def"
        values = "".join(f"{name}, " for name in names)
        handler = ["    except BaseException as error:",
                   "        return Failure(error, error.__traceback__.tb_lineno{shift}, locals())"]  # fmt: skip
        up = [f"{word} entering(up, drafts, context):", "    try:", *(f"        {line.text}" for line in self._up),
              "        pass", *handler, f"    return ({values})", ""]  # fmt: skip
        first = len(up) + 1
        leaving = [f"{word} leaving(values):", "    try:", f"        ({values}) = values" if names else "        pass",
                   *(f"        {line.text}" for line in down), *handler, ""]  # fmt: skip
        source = "\n".join(up).replace("{shift}", "") + "\n" + "\n".join(leaving).replace("{shift}", f" - {first - 1}")
        filename = f"resourcekit run {next(_NUMBERS)}"
        namespace = {**self._constants, "__name__": filename, "__loader__": _Loader(source)}
        exec(compile(source, filename, "exec"), namespace)
        return Compiled(steps, tuple(self._drafted), namespace["entering"], namespace["leaving"], tuple(self._up), down,
                        names, source)  # fmt: skip


def _is_up(step: Step, exposed: str, scope: Scope, values: Mapping[str, Any]) -> None:
    scope.live[id(step.node.held.identity)] = LiveResource(step, values.get(exposed))


def _has_teardown(step: Step, hook: Hook, place: int, scope: Scope, values: Mapping[str, Any]) -> None:
    context: RunContext = values.get(f"c{place}") or scope.context(step)
    function = partial(teardown_by_hook, hook, values[f"r{place}"], context)
    scope.undo.append(Undo(step, hook.name, context, function))


def _has_entered(undo: str, scope: Scope, values: Mapping[str, Any]) -> None:
    if values[undo] is not None:
        scope.undo.append(values[undo])


def _refuse(given: Any, step: Step, phase: str) -> None:
    """A hook of a sync run gave something: fine, unless it wants to be awaited."""
    if inspect.isawaitable(given):
        refuse_awaitable(step, phase, given)


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
