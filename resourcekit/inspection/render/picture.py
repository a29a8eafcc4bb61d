"""The graph as an SVG picture that stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from resourcekit.base.masking import printable
from resourcekit.base.tables import markup
from resourcekit.inspection.records import GraphData, GraphEntry
from resourcekit.inspection.render.layout import Box, arrange, dip

__all__ = ("box_size", "curve", "svg")

_MARGIN: Final = 24.0
_MOST_LETTERS: Final = 34

STYLE: Final = """\
.rk { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; }
.rk rect { fill: #ffffff; stroke: #94a3b8; stroke-width: 1.2; }
.rk .app rect { fill: #eff6ff; stroke: #2563eb; }
.rk .provider rect, .rk .value rect { stroke-dasharray: 4 3; }
.rk .name { font-size: 13px; font-weight: 600; fill: #0f172a; }
.rk .owner { font-size: 11px; fill: #64748b; }
.rk path { fill: none; stroke: #94a3b8; stroke-width: 1.3; }
@media (prefers-color-scheme: dark) {
  .rk rect { fill: #1e293b; stroke: #64748b; } .rk .app rect { fill: #172554; stroke: #60a5fa; }
  .rk .name { fill: #f1f5f9; } .rk .owner { fill: #94a3b8; } .rk path { stroke: #64748b; }
}"""


def shortened_label(text: str) -> str:
    """A label that a box has room for; the middle goes first, since the end tells one from another."""
    text = printable(text)
    if len(text) <= _MOST_LETTERS:
        return text
    half = _MOST_LETTERS // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def box_size(entry: GraphEntry) -> tuple[float, float]:
    """The size of an entry's box, from the number of letters in it."""
    name, owner = shortened_label(entry.name), shortened_label(owner_line(entry))
    return max(96.0, 7.6 * len(name) + 26, 6.3 * len(owner) + 26), 46.0


def owner_line(entry: GraphEntry) -> str:
    """The second line of a box: the class, and what is unusual of it."""
    marks = [entry.owner, "app" if entry.scope == "app" else "", "async" if entry.is_async else ""]
    return " · ".join(filter(None, marks))


def curve(points: Sequence[tuple[float, float]]) -> str:
    """The path of a line through *points*, level in each of them; one that goes back, in a circle, goes below."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for place, ((x, y), (next_x, next_y)) in enumerate(pairwise(points)):
        if next_x < x:
            low = max(y, next_y) + dip(x, next_x)
            parts.append(f"C{x + 70:.1f} {low:.1f} {next_x - 70:.1f} {low:.1f} {next_x:.1f} {next_y:.1f}")
        elif place % 2:  # Between a bend's two points it runs level.
            parts.append(f"L{next_x:.1f} {next_y:.1f}")
        else:
            reach = max(24.0, abs(next_x - x) / 2)
            parts.append(f"C{x + reach:.1f} {y:.1f} {next_x - reach:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
    return "".join(parts)


def svg(graph: GraphData) -> str:
    """The graph as SVG: what is set up first stands on the left, app-scoped resources are blue."""
    edges = [(need.name, entry.name) for entry in graph.entries for need in entry.needs]
    layout = arrange({entry.name: box_size(entry) for entry in graph.entries}, edges)
    width, height = max(layout.width, 160.0) + 2 * _MARGIN, layout.height + 2 * _MARGIN
    lines = "".join(f'<path d="{curve(points)}"/>' for points in layout.lines.values())
    boxes = "".join(part for entry in graph.entries for part in _box(entry, layout.boxes[entry.name]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rk" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="img">'
        f"<title>graph of {markup(graph.container)}</title><style>{STYLE}</style>{lines}{boxes}</svg>"
    )


def _box(entry: GraphEntry, box: Box) -> Iterator[str]:
    kind = f"{entry.kind} {entry.scope}" if entry.scope else entry.kind
    hint = markup(entry.doc or entry.kind)
    yield f'<g class="{kind}" transform="translate({box.x:.1f} {box.y:.1f})"><title>{hint}</title>'
    yield f'<rect width="{box.width:.1f}" height="{box.height:.1f}" rx="8"/>'
    yield f'<text class="name" x="13" y="20">{markup(shortened_label(entry.name))}</text>'
    yield f'<text class="owner" x="13" y="36">{markup(shortened_label(owner_line(entry)))}</text></g>'
