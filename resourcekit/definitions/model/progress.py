"""Showing how an execution goes on: log lines, or a live display where rich is installed and a terminal is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Literal

import attrs

from resourcekit.base.masking import printable
from resourcekit.declarations.context import LOGGER

__all__ = ("Progress", "StepEvent", "log_steps", "shown")


@attrs.frozen(kw_only=True)
class StepEvent:
    """A step has started, is tried again, has ended, or is skipped.

    Args:
        run_id: The execution.
        step: The step.
        status: What happened.
        number: How many of the steps have ended, this one among them.
        total: How many there are.
        duration: How long it took, in seconds, when it has ended.
        error: What it raised.
        reason: Why it is skipped, or when it is tried again.

    >>> print(StepEvent(run_id="r1", step="orders", status="finished", number=1, total=3, duration=0.25))
    orders finished in 0.25 s (1 of 3)
    """

    run_id: str
    step: str
    status: Literal["started", "retrying", "finished", "failed", "skipped"]
    number: int
    total: int
    duration: float | None = None
    error: BaseException | None = attrs.field(default=None, eq=False, repr=False)
    reason: str | None = None

    def __str__(self) -> str:
        took = "" if self.duration is None else f" in {self.duration:.2f} s"
        error = "" if self.error is None else f": {type(self.error).__name__}"
        reason = "" if self.reason is None else f": {self.reason}"
        return printable(f"{self.step} {self.status}{took} ({self.number} of {self.total}){error}{reason}")


StepListener = Callable[[StepEvent], object]
Progress = bool | StepListener | None


def log_steps(event: StepEvent) -> None:
    """Write one event to the ``resourcekit`` logger: failures at level WARNING, all else at INFO.

    Args:
        event: The event.

    >>> log_steps(StepEvent(run_id="r1", step="orders", status="started", number=0, total=3))
    """
    level = "warning" if event.status in ("failed", "retrying", "skipped") else "info"
    getattr(LOGGER, level)("run %s: %s", printable(event.run_id), event)


@contextmanager
def shown(progress: Progress, title: str, total: int) -> Iterator[StepListener]:
    """Show an execution while the block runs.

    Args:
        progress: A function that takes each event; False for nothing; True or None for what suits the place: a live
            display on a terminal, else log lines.
        title: What is executed.
        total: How many steps it has.
    """
    if progress is False:
        yield lambda event: None
    elif callable(progress):
        yield _guarded(progress)
    elif sys.stderr is not None and sys.stderr.isatty() and find_spec("rich") is not None:
        with _live(title, total) as show:
            yield show
    else:
        yield log_steps


def _guarded(listener: StepListener) -> StepListener:
    """A listener that cannot end the execution by failing."""

    def tell(event: StepEvent) -> None:
        try:
            listener(event)
        except Exception:
            LOGGER.exception("a progress function failed")

    return tell


@contextmanager
def _live(title: str, total: int) -> Iterator[StepListener]:
    """rich's display: one line for each step that has ended, and below them what is running and how many are left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Display(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task(printable(title), total=total)
        running: dict[str, None] = {}

        def show(event: StepEvent) -> None:
            if event.status == "started":
                running[event.step] = None
            else:
                display.console.print(_line(event))
            if event.status in ("finished", "failed"):
                del running[event.step]
            display.update(task, completed=event.number, description=printable(", ".join(running) or title))

        yield show


_MARKS = {"finished": ("+", "green"), "failed": ("x", "red"), "skipped": ("-", "yellow"), "retrying": ("~", "yellow")}


def _line(event: StepEvent) -> Any:
    """The line that stays of a step."""
    from rich.text import Text

    mark, colour = _MARKS[event.status]
    return Text.assemble((f"{mark} ", colour), str(event))
