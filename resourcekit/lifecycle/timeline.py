"""When each phase of a run began and ended, and which chain of resources the start had to wait for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from resourcekit.base.masking import printable
from resourcekit.base.tables import html_document, markup

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ("Span", "Timeline", "make_timeline")

_BAR: Final = 30  # Letters: the waterfall is then readable in a terminal of 80 columns.
_LONGEST: Final = 17


class Phase(Protocol):
    """One phase that has ended: what the report of a run has."""

    @property
    def name(self) -> str:
        """The resource's key or path."""
        ...

    @property
    def owner(self) -> str:
        """Its class."""
        ...

    @property
    def phase(self) -> str:
        """The hook's name."""
        ...

    @property
    def status(self) -> str:
        """How it ended."""
        ...

    @property
    def start(self) -> float:
        """In seconds since the run was opened."""
        ...

    @property
    def duration(self) -> float | None:
        """In seconds; None when it has only started."""
        ...


@attrs.frozen
class Span:
    """One phase of one resource.

    Args:
        name: The resource's key or path.
        owner: Its class.
        phase: The hook's name; ``"construct"`` for the making of the object.
        start: When it began, in seconds since the run was opened.
        duration: How long it took, in seconds.
        failed: Whether it raised.
        is_teardown: Whether it is a part of the teardown.
        is_critical: Whether it is on the critical path of the set-up.
    """

    name: str
    owner: str
    phase: str
    start: float
    duration: float
    failed: bool
    is_teardown: bool
    is_critical: bool

    @property
    def end(self) -> float:
        """When it ended, in seconds since the run was opened."""
        return self.start + self.duration


@attrs.frozen(eq=False)
class Timeline:
    """The phases of a run in time: what `run.report.timeline` is.

    Printing it shows a waterfall; the phases on the critical path have a star.

    Args:
        title: The run, its container and its outcome.
        spans: The phases, in the order in which they began.
        critical_path: The chain of resources, each needing the one before, whose set-up takes longest: no start is
            faster, however much of it is concurrent.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Database(ConfigurableResource):
    ...     def setup_for_execution(self): ...
    >>> class Orders(ConfigurableResource):
    ...     database: Database
    >>> class App(ResourceContainer):
    ...     database = Database()
    ...     orders = Orders(database=database)
    >>> run = App().run(report=True)
    >>> with run:
    ...     pass
    >>> run.report.timeline.critical_path
    ('database', 'orders')
    """

    title: str
    spans: tuple[Span, ...]
    critical_path: tuple[str, ...]

    @property
    def setup(self) -> float:
        """How long the set-up took, in seconds."""
        return max((span.end for span in self.spans if not span.is_teardown), default=0.0)

    @property
    def body(self) -> float:
        """How long the body of the run took, in seconds, as far as a teardown tells its end."""
        return max(0.0, min((span.start for span in self.spans if span.is_teardown), default=0.0) - self.setup)

    @property
    def critical(self) -> float:
        """How long the set-up of the critical path took, in seconds."""
        return sum(span.duration for span in self.spans if span.is_critical)

    @property
    def total(self) -> float:
        """When the last phase ended, in seconds."""
        return max((span.end for span in self.spans), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """The timeline as plain data, for JSON; times in seconds."""
        return {
            "title": self.title,
            "setup": self.setup,
            "body": self.body,
            "total": self.total,
            "critical_path": list(self.critical_path),
            "critical": self.critical,
            "spans": [attrs.asdict(span) for span in self.spans],
        }

    def trace_events(self) -> dict[str, Any]:
        """The timeline in Chrome's trace format: ``chrome://tracing`` and Perfetto show it; times in microseconds."""
        lanes = _lanes(self.spans)
        head = {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": self.title}}
        return {
            "displayTimeUnit": "ms",
            "traceEvents": [
                head,
                *(
                    {
                        "name": f"{span.name} {span.phase}",
                        "cat": "teardown" if span.is_teardown else "setup",
                        "ph": "X",
                        "pid": 1,
                        "tid": lane,
                        "ts": round(span.start * 1e6, 1),
                        "dur": round(span.duration * 1e6, 1),
                        "args": {"class": span.owner, "failed": span.failed, "critical": span.is_critical},
                    }
                    for span, lane in zip(self.spans, lanes, strict=True)
                ),
            ],
        }

    def html(self) -> str:
        """The waterfall as a page that stands alone."""
        return html_document(self.title, f"<main>{self._repr_html_()}</main>", _PAGE)

    def __str__(self) -> str:
        head = [printable(self.title), *(f"  {line}" for line in self._summary())]
        names = _width(_clipped(span.name) for span in self.spans)
        phases = _width(_clipped(span.phase) for span in self.spans)
        return "\n".join([*head, *(f"  {self._row(span, names, phases)}".rstrip() for span in self.spans)])

    def _row(self, span: Span, names: int, phases: int) -> str:
        mark = "!" if span.failed else "*" if span.is_critical else " "
        start, end = (round(_BAR * self._place(moment)) for moment in (span.start, span.end))
        start = min(start, _BAR - 1)
        bar = f"{' ' * start}{'█' * max(1, end - start)}".ljust(_BAR)
        name, phase = _clipped(span.name).ljust(names), _clipped(span.phase).ljust(phases)
        return f"{mark} {name} {phase} {bar} {_ms(span.duration):>9}"

    def __rich__(self) -> RenderableType:
        """What rich prints."""
        from rich.text import Text

        head, *lines = str(self).splitlines()
        text = Text.assemble((head, "bold"))
        for line in lines:
            marks = {"  ! ": "red", "  * ": "magenta"}
            text.append(f"\n{line}", style=marks.get(line[:4], ""))
        return text

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        rows = "".join(map(self._html_row, self.spans))
        summary = "".join(f"<p>{markup(line)}</p>" for line in self._summary())
        return f"<style>{_STYLE}</style><div class='rk-timeline'><h1>{markup(self.title)}</h1>{summary}{rows}</div>"

    def _place(self, moment: float) -> float:
        """Where a moment stands, from 0 to 1: a long body is shortened, since the bars are about what is around it."""
        around = self.total - self.body
        shown = min(self.body, around / 4)
        late = max(0.0, moment - self.setup)
        place = min(moment, self.setup) + min(late, self.body) * (shown / self.body if self.body else 1.0)
        return (place + max(0.0, late - self.body)) / (around + shown or 1.0)

    def _html_row(self, span: Span) -> str:
        left, right = (100 * self._place(moment) for moment in (span.start, span.end))
        kind = "failed" if span.failed else "teardown" if span.is_teardown else "critical" if span.is_critical else ""
        hint = markup(f"{span.name}: {span.owner}.{span.phase}, from {_ms(span.start)} to {_ms(span.end)}")
        return (
            f"<div class='row {kind}' title='{hint}'><b>{markup(span.name)}</b><span>{markup(span.phase)}</span>"
            f"<i><u style='left:{left:.3f}%;width:{right - left:.3f}%'></u></i><em>{_ms(span.duration)}</em></div>"
        )

    def _summary(self) -> Iterator[str]:
        if not self.spans:
            yield "no times: open the run with report=True, or listen to its container"
            return
        rest = self.total - self.setup - self.body
        parts = [f"set-up {_ms(self.setup)}", f"body {_ms(self.body)}" if self.body else "", f"teardown {_ms(rest)}"]
        yield ", ".join(filter(None, parts if rest else parts[:2]))
        if len(self.critical_path) > 1:
            yield f"critical path {_ms(self.critical)}: {printable(' -> '.join(self.critical_path))}"


def make_timeline(title: str, phases: Iterable[Phase], needs: Mapping[str, Sequence[str]]) -> Timeline:
    """The timeline of a run.

    Args:
        title: What to call it.
        phases: What has ended, in any order.
        needs: What each resource waits for, by name.
    """
    ended = sorted((each for each in phases if each.duration is not None), key=lambda each: each.start)
    spent: dict[str, float] = {}
    for each in ended:
        if not _is_teardown(each.phase):
            spent[each.name] = spent.get(each.name, 0.0) + (each.duration or 0.0)
    path = _longest(spent, needs)
    spans = tuple(
        Span(
            each.name,
            each.owner,
            each.phase,
            each.start,
            each.duration or 0.0,
            each.status == "failed",
            _is_teardown(each.phase),
            each.name in path and not _is_teardown(each.phase),
        )
        for each in ended
    )
    return Timeline(title, spans, path)


def _is_teardown(phase: str) -> bool:
    return phase.endswith("(exit)") or phase in ("teardown_after_execution", "reset")


def _longest(spent: Mapping[str, float], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The chain of needs that takes longest; *spent* is in an order in which needs come first."""
    until: dict[str, tuple[float, str | None]] = {}
    for name, duration in spent.items():
        before = max(
            (need for need in needs.get(name, ()) if need in until), key=lambda need: until[need][0], default=None
        )
        until[name] = (duration + (until[before][0] if before is not None else 0.0), before)
    last: str | None = max(until, key=lambda name: until[name][0], default=None)
    path = []
    while last is not None:
        path.append(last)
        last = until[last][1]
    return tuple(reversed(path))


def _lanes(spans: Sequence[Span]) -> list[int]:
    """A lane for each span, so that those of one lane do not overlap."""
    free: list[float] = []
    lanes = []
    for span in spans:
        lane = next((lane for lane, until in enumerate(free) if until <= span.start), len(free))
        free[lane : lane + 1] = [span.end]
        lanes.append(lane + 1)
    return lanes


def _clipped(text: str) -> str:
    """A name that leaves room for the bar: hooks without the words that all of them have."""
    short = printable(text).replace("_for_execution", "").replace("_after_execution", "")
    short = short.replace("create_resource", "create")
    return short if len(short) <= _LONGEST else f"{short[: _LONGEST - 1]}…"


def _width(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)


def _ms(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 10 else f"{1000 * seconds:.1f} ms"


_STYLE: Final = """
.rk-timeline { font: 13px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; color: inherit; }
.rk-timeline h1 { font-size: 15px; margin: 0 0 2px; } .rk-timeline p { margin: 0 0 2px; opacity: .7; }
.rk-timeline p + p { color: #7c3aed; opacity: 1; }
.rk-timeline .row { display: grid; grid-template-columns: minmax(80px, 18%) minmax(90px, 20%) 1fr 76px; gap: 12px;
  align-items: center; padding: 3px 0; border-top: 1px solid #8883; }
.rk-timeline p + .row { margin-top: 10px; }
.rk-timeline b { font-weight: 600; overflow-wrap: anywhere; }
.rk-timeline span { opacity: .7; overflow-wrap: anywhere; }
.rk-timeline i { position: relative; height: 14px; background: #8881; border-radius: 3px; }
.rk-timeline u { position: absolute; top: 0; bottom: 0; min-width: 3px; background: #64748b; border-radius: 3px; }
.rk-timeline em { font-style: normal; text-align: right; font-variant-numeric: tabular-nums; }
.rk-timeline .critical u { background: #7c3aed; } .rk-timeline .teardown u { background: #94a3b8; opacity: .6; }
.rk-timeline .failed u { background: #dc2626; } .rk-timeline .failed b { color: #dc2626; }
"""
_PAGE: Final = """
body { margin: 0; background: #f8fafc; color: #0f172a; }
main { max-width: 1100px; margin: 28px max(20px, calc(50vw - 550px)); padding: 22px 26px; background: #fff;
  border: 1px solid #e2e8f0; border-radius: 12px; }
@media (prefers-color-scheme: dark) {
  body { background: #0b1220; color: #e8eef7; } main { background: #111a2c; border-color: #24324a; }
}
"""
