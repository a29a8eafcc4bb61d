"""OpenTelemetry spans for runs and their phases: ``pip install 'resourcekit[opentelemetry]'``."""

from __future__ import annotations

from time import time_ns
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from resourcekit.lifecycle.report import Event, PhaseEvent, RunEvent

__all__ = ("SpanListener",)

_GOOD: Final = "success"


class SpanListener:
    """A listener that makes a span of each run, with a child for each phase: ``container.listen(SpanListener())``.

    The spans carry names, classes, scopes of time and outcomes; no configuration value, and of an error its type only.
    A run's span begins under the span that is current where the run is opened.

    Args:
        tracer: Makes the spans; the global one of ``resourcekit`` by default.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Clock(ConfigurableResource): ...
    >>> class App(ResourceContainer):
    ...     clock = Clock()
    >>> app = App()
    >>> stop = app.listen(SpanListener())
    >>> with app.run():
    ...     pass
    >>> stop()
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer if tracer is not None else trace.get_tracer("resourcekit")
        self._runs: dict[str, tuple[Span, int]] = {}

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if isinstance(event, RunEvent):
            self._run(event)
        elif event.status != "started":
            self._phase(event)

    def _run(self, event: RunEvent) -> None:
        if event.status == "opened":
            attributes = {"resourcekit.container.declarative": event.container, "resourcekit.run_id": event.run_id}
            now = time_ns()
            span = self._tracer.start_span(f"run {event.container}", attributes=attributes, start_time=now)
            self._runs[event.run_id] = (span, now)
            return
        span, _ = self._runs.pop(event.run_id, (trace.INVALID_SPAN, 0))
        span.set_attribute("resourcekit.outcome", event.status)
        if event.status != _GOOD:
            span.set_status(Status(StatusCode.ERROR, event.status))
        span.end()

    def _phase(self, event: PhaseEvent) -> None:
        """One that has ended, made whole: its times are in the event."""
        found = self._runs.get(event.run_id)
        if found is None:  # It was opened before anybody listened.
            return
        parent, opened = found
        start = opened + round(event.start * 1e9)
        span = self._tracer.start_span(
            f"{event.name} {event.phase}",
            context=trace.set_span_in_context(parent),
            kind=SpanKind.INTERNAL,
            attributes={"resourcekit.resource": event.name, "resourcekit.class": event.owner},
            start_time=start,
        )
        if event.error is not None:
            span.set_attribute("error.type", type(event.error).__name__)
            span.set_status(Status(StatusCode.ERROR, type(event.error).__name__))
        span.end(end_time=start + round((event.duration or 0.0) * 1e9))
