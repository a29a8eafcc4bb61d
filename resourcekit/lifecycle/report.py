"""What happened in a run: typed events for listeners, and the report that stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Literal

import attrs

from resourcekit.base.masking import printable
from resourcekit.declarations.context import LOGGER
from resourcekit.lifecycle.machine import Call
from resourcekit.lifecycle.outcome import HookFailure
from resourcekit.lifecycle.timeline import Timeline, make_timeline

__all__ = ("Event", "Listener", "Observation", "Outcome", "PhaseEvent", "RunEvent", "RunReport", "log_events", "tell")

Outcome = Literal["not opened", "open", "success", "failed", "setup failed", "teardown failed", "inherited"]


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
        start: When it started, in seconds since the run was opened, or, where nobody had asked for times by then,
            since the first time that was taken.
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
        outcome: ``"not opened"``, ``"open"``, ``"success"``, ``"failed"`` (the body), ``"setup failed"``,
            ``"teardown failed"`` or ``"inherited"``: in a fork, where the run is the parent process's.
        error: What the body, or a failing setup, raised.
        teardown_errors: What teardown hooks raised, in the order they ran.
        phases: A `PhaseEvent` for each hook that has ended, in order.
        needs: Gives what each resource waits for, by name.

    >>> report = RunReport("r1", "App", ["database"], "success")
    >>> print(report)
    run r1 of App: success
      1  database
    """

    run_id: str
    container: str
    order: list[str] = attrs.field(factory=list)
    outcome: Outcome = "not opened"
    error: BaseException | None = attrs.field(default=None, repr=False)
    teardown_errors: tuple[BaseException, ...] = attrs.field(default=(), repr=False)
    phases: list[PhaseEvent] = attrs.field(factory=list)
    _failures: tuple[HookFailure, ...] = attrs.field(default=(), repr=False, init=False)
    _needs: Callable[[], Mapping[str, Sequence[str]]] = attrs.field(default=dict, repr=False, alias="needs")

    @property
    def timeline(self) -> Timeline:
        """When each phase began and ended, and the critical path: print it, or take `html()` or `trace_events()`."""
        title = f"run {self.run_id} of {self.container}: {self.outcome}"
        return make_timeline(title, self.phases, self._needs())

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON; errors by their type."""
        return {
            "run_id": self.run_id,
            "container": self.container,
            "order": list(self.order),
            "outcome": self.outcome,
            "error": None if self.error is None else type(self.error).__name__,
            "teardown_errors": [type(error).__name__ for error in self.teardown_errors],
            "failures": [
                {"name": each.step.name, "phase": each.phase, "error": type(each.error).__name__}
                for each in self._failures
            ],
            "phases": [
                {
                    "name": each.name,
                    "phase": each.phase,
                    "status": each.status,
                    "start": each.start,
                    "duration": each.duration,
                }
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
        lines += [f"  {failure}" for failure in self._failures]
        told = {id(failure.error) for failure in self._failures}
        lines += [
            f"  teardown error: {type(error).__name__}" for error in self.teardown_errors if id(error) not in told
        ]
        return "\n".join(map(printable, lines))


def tell(listeners: Sequence[Listener], event: Event) -> BaseException | None:
    """Give *event* to every listener; one that fails is logged, a run does not end for it.

    Returns:
        A Ctrl-C, or another exception that is no error, which came while a listener ran.
    """
    interrupt = None
    for listener in tuple(listeners):
        try:
            listener(event)
        except Exception:
            LOGGER.exception("a listener failed")
        except BaseException as raised:
            interrupt = raised
    return interrupt


class Observation:
    """What a driver enters around one call: it times it, tells listeners, and writes the report.

    Args:
        call: The call.
        report: The run's report.
        listeners: Who hears of it.
        opened: When the run was opened, by `perf_counter`.
    """

    def __init__(self, call: Call, report: RunReport, listeners: Sequence[Listener], opened: float) -> None:
        self._report = report
        self._listeners = listeners
        self._opened = opened
        name, owner = call.step.name, type(call.step.resource).__name__
        self._event = PhaseEvent(report.run_id, name, owner, call.phase, "started", perf_counter() - opened)

    def __enter__(self) -> None:
        # A teardown hook runs, whatever comes in between.
        self._interrupt = tell(self._listeners, self._event)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        ended = attrs.evolve(
            self._event,
            status="finished" if error is None else "failed",
            error=error,
            duration=perf_counter() - self._opened - self._event.start,
        )
        self._report.phases.append(ended)
        interrupt = tell(self._listeners, ended)
        interrupt = self._interrupt if interrupt is None else interrupt
        if interrupt is not None:
            raise interrupt


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
        opened = printable(f"run {event.run_id} of {event.container}: {event.status}")
        LOGGER.log(level, "%s", opened, extra=_extra(event))
        return
    level = logging.WARNING if event.status == "failed" else logging.DEBUG
    took = "" if event.duration is None else f" in {1000 * event.duration:.2f} ms"
    LOGGER.log(level, "%s of %s %s%s", event.phase, printable(event.name), event.status, took, extra=_extra(event))


def _extra(event: Event) -> dict[str, Any]:
    return {"resourcekit": attrs.asdict(event, filter=lambda attribute, _: attribute.name != "error")}
