"""The fast path of a run: its steps as one straight-line function up and one down, made once by `generation`.

A line of the source calls one hook, so the line where an exception came out tells whose it was, at no cost to
a run that succeeds. Whatever fails is handed to the machine, which decides everything else: the fast path only
tells it what is up by then.

The idea, and the line-number trick, are those of the prototypes that the project's measurements began with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from resourcekit.config.rereading import ConfigReader
from resourcekit.lifecycle.machine import CallFailed, LiveResource, Scope
from resourcekit.lifecycle.outcome import never_began
from resourcekit.planning.plan import Step

__all__ = ("Compiled", "Drafted", "Effect", "Failure", "Frame", "Line")

Drafted = tuple[int, ConfigReader]

Effect = Callable[[Scope, Mapping[str, Any]], None]
"""What a line has brought about, told to a scope of the machine."""


@attrs.frozen(eq=False)
class Failure:
    """What a generated function hands over when a line of it has failed."""

    error: BaseException
    line: int
    values: Mapping[str, Any] = attrs.field(repr=False)


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
    if type(error) is CallFailed:  # It went through the machine, which knows the call.
        step, phase, error = error.call.step, error.call.phase, error.error
    return scope.failed(error, step, phase)
