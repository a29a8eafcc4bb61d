"""What a run does, seen from outside: progress while something takes long, and the report at the end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Timer
from types import TracebackType
from typing import Any, Final, Self, cast

from rich.console import Console
from rich.status import Status
from rich.text import Text

from resourcekit.base.masking import printable
from resourcekit.cli.output import show, tell, terminal
from resourcekit.lifecycle.report import Event, Outcome, PhaseEvent, RunEvent, RunReport

__all__ = ("Watch",)

_PATIENCE: Final = 0.2  # Seconds before a phase is worth a line: what is faster would only flicker.


class Watch:
    """Listens to a container: tells on a terminal what is starting, and writes the report of its first run.

    Args:
        container: The container.
        is_quiet: Tell nothing.
    """

    def __init__(self, container: Any, *, is_quiet: bool = False) -> None:
        self._container = container
        self._is_quiet = is_quiet
        self._reports: dict[str, RunReport] = {}
        self._stop: Callable[[], None] = lambda: None
        console = None if is_quiet else terminal(to_stderr=True)
        self._progress = None if console is None else _Progress(console)

    def __enter__(self) -> Self:
        self._stop = self._container.listen(self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._progress is not None:
            self._progress.end()

    @property
    def report(self) -> RunReport:
        """The report of the first run that was heard of; an empty one where none was."""
        name = str(self._container.declarative_parent.__name__)
        return next(iter(self._reports.values()), RunReport("", name))

    def tell(self) -> None:
        """Show the report: a waterfall on a terminal; elsewhere one line that is the same every time."""
        if self._is_quiet or not self._reports:
            return
        report = self.report
        if terminal(to_stderr=True) is not None:
            show(report.timeline, to_stderr=True)
        else:
            tell(f"run of {report.container}: {report.outcome} ({', '.join(report.order) or 'no resources'})")

    def _hear(self, event: Event) -> None:
        report = self._reports.get(event.run_id)
        if isinstance(event, RunEvent):
            if report is None:
                plan = self._container.plan()
                report = self._reports[event.run_id] = RunReport(
                    event.run_id, event.container, needs=lambda: dict(plan.needs)
                )
            report.outcome = "open" if event.status == "opened" else cast("Outcome", event.status)
            return
        if self._progress is not None:
            self._progress.hear(event)
        if report is None:
            return
        if event.status == "started":
            if event.name not in report.order:
                report.order.append(event.name)
        else:
            report.phases.append(event)


class _Progress:
    """A line that says what has been running for a while, and disappears when it is done."""

    def __init__(self, console: Console) -> None:
        self._status = Status("", console=console)
        self._running: dict[tuple[str, str], str] = {}
        self._lock = Lock()
        self._timer: Timer | None = None

    def hear(self, event: PhaseEvent) -> None:
        with self._lock:
            if event.status == "started":
                words = "tearing down" if "teardown" in event.phase or "exit" in event.phase else "starting"
                self._running[event.name, event.phase] = f"{words} {event.name} ({event.owner})"
            else:
                self._running.pop((event.name, event.phase), None)
            self._rest()
            if self._running:
                self._timer = Timer(_PATIENCE, self._show)
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> None:
        """Disappear."""
        with self._lock:
            self._running.clear()
            self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._status.stop()

    def _show(self) -> None:
        with self._lock:
            if self._running:
                self._status.update(Text(printable(", ".join(self._running.values()))))
                self._status.start()
