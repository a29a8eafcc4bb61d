"""What happened in a run: typed events for listeners, and the report that stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Literal

import attrs

from resourcekit.context import LOGGER
from resourcekit.errors import TeardownError
from resourcekit.lifecycle.machine import Call

__all__ = ("Event", "Listener", "PhaseEvent", "RunEvent", "RunReport", "log_events", "observer")

Outcome = Literal["open", "success", "failed", "setup failed", "teardown failed"]


@attrs.frozen
class RunEvent:
    """A run, or an app, was opened or has ended.

    Args:
        run_id: Which.
        container: The container's name.
        status: ``"opened"``, or how it ended.
    """

    run_id: str
    container: str
    status: str


@attrs.frozen
class PhaseEvent:
    """One hook of one resource has started, finished or failed.

    Args:
        run_id: The run.
        name: The resource's key or path.
        owner: Its class.
        phase: The hook's name, ``"construct"`` for the making of the object.
        status: ``"started"``, ``"finished"`` or ``"failed"``.
        start: When it started, in seconds since the run was opened.
        duration: How long it took, in seconds; None when it has only started.
        error: What it raised.
    """

    run_id: str
    name: str
    owner: str
    phase: str
    status: Literal["started", "finished", "failed"]
    start: float
    duration: float | None = None
    error: BaseException | None = attrs.field(default=None, eq=False, repr=False)


Event = RunEvent | PhaseEvent
Listener = Callable[[Event], object]


@attrs.define(eq=False)
class RunReport:
    """What a run did: always its order and outcome; its times when a listener hears or ``report=True`` asked for them.

    Args:
        run_id: The run's identifier.
        container: The container's name.
        order: The resources in the order they were set up.
        outcome: ``"open"``, ``"success"``, ``"failed"`` (the body), ``"setup failed"`` or ``"teardown failed"``.
        error: What the body, or a failing setup, raised.
        teardown_errors: What teardown hooks raised.
        phases: A `PhaseEvent` for each hook that has ended, in order.

    >>> report = RunReport("r1", "App", ["database"], "success")
    >>> print(report)
    run r1 of App: success
      1  database
    """

    run_id: str
    container: str
    order: list[str] = attrs.field(factory=list)
    outcome: Outcome = "open"
    error: BaseException | None = attrs.field(default=None, repr=False)
    teardown_errors: TeardownError | None = attrs.field(default=None, repr=False)
    phases: list[PhaseEvent] = attrs.field(factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON; errors by their type."""
        return {
            "run_id": self.run_id,
            "container": self.container,
            "order": list(self.order),
            "outcome": self.outcome,
            "error": None if self.error is None else type(self.error).__name__,
            "teardown_errors": [type(error).__name__ for error in _errors(self.teardown_errors)],
            "phases": [
                {
                    "name": each.name,
                    "phase": each.phase,
                    "status": each.status,
                    "start": each.start,
                    "duration": each.duration,
                }  # fmt: skip
                for each in self.phases
            ],
        }

    def __str__(self) -> str:
        lines = [f"run {self.run_id} of {self.container}: {self.outcome}"]
        width = max(map(len, self.order), default=0)
        for number, name in enumerate(self.order, 1):
            spent = [
                f"{each.phase} {1000 * (each.duration or 0):.2f} ms" + (" failed" if each.status == "failed" else "")
                for each in self.phases
                if each.name == name
            ]
            lines.append(f"  {number}  {name.ljust(width)}  {', '.join(spent)}".rstrip())
        lines += [f"  teardown error: {type(error).__name__}" for error in _errors(self.teardown_errors)]
        return "\n".join(lines)


def _errors(group: TeardownError | None) -> Sequence[BaseException]:
    return () if group is None else group.exceptions


def tell(listeners: Sequence[Listener], event: Event) -> None:
    """Give *event* to every listener; one that fails is logged, a run does not end for it."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            LOGGER.exception("a listener failed")


def observer(report: RunReport, listeners: Sequence[Listener]) -> Callable[[Call], Any]:
    """What a driver enters around each call to time it, tell listeners, and write the report."""
    opened = perf_counter()

    @contextmanager
    def observe(call: Call) -> Iterator[None]:
        owner = type(call.step.resource).__name__
        start = perf_counter() - opened
        event = PhaseEvent(report.run_id, call.step.name, owner, call.phase, "started", start)
        tell(listeners, event)
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            ended = attrs.evolve(event, status="finished" if error is None else "failed", error=error,
                                 duration=perf_counter() - opened - start)  # fmt: skip
            report.phases.append(ended)
            tell(listeners, ended)

    return observe


def log_events(event: Event) -> None:
    """A listener that writes each event to the ``resourcekit`` logger: ``container.listen(log_events)``.

    Failures are written at level WARNING, all else at DEBUG; the fields of the event are in the record's
    ``resourcekit`` attribute. No configuration value is ever written.

    Args:
        event: The event.

    >>> log_events(RunEvent("r1", "App", "opened"))
    """
    if isinstance(event, RunEvent):
        level = logging.DEBUG if event.status in ("opened", "success") else logging.WARNING
        LOGGER.log(level, "run %s of %s: %s", event.run_id, event.container, event.status, extra=_extra(event))
        return
    level = logging.WARNING if event.status == "failed" else logging.DEBUG
    took = "" if event.duration is None else f" in {1000 * event.duration:.2f} ms"
    LOGGER.log(level, "%s of %s %s%s", event.phase, event.name, event.status, took, extra=_extra(event))


def _extra(event: Event) -> dict[str, Any]:
    return {"resourcekit": attrs.asdict(event, filter=lambda attribute, _: attribute.name != "error")}
