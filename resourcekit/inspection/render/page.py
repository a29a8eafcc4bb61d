"""The graph of one or more environments as one page that needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from resourcekit.base.masking import printable
from resourcekit.base.tables import html_document, markup
from resourcekit.inspection.difference import compare
from resourcekit.inspection.records import FieldEntry, GraphData, GraphEntry
from resourcekit.inspection.render.layout import arrange
from resourcekit.inspection.render.picture import box_size, curve, owner_line, shortened_label

__all__ = ("graph_page",)


def graph_page(graphs: Mapping[str, GraphData], current: str | None = None) -> str:
    """A page with the graphs of *graphs*: to look around in, search, click, and switch between.

    Args:
        graphs: By environment; a resource stands at the same place in all of them.
        current: The one shown first; the first by default.
    """
    names = list(graphs)
    data = {
        "environments": names,
        "current": current or names[0],
        "graphs": {name: _graph(graph) for name, graph in graphs.items()},
        "differences": {one: {other: _differences(graphs, one, other) for other in names} for one in names},
        **_layout(graphs),
    }
    title = ", ".join(dict.fromkeys(graph.container for graph in graphs.values()))
    text = json.dumps(_printable(data), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    body = _asset("graph.html").replace("{title}", markup(title))
    body += f'<script type="application/json" id="data">{text}</script>\n'
    return html_document(f"{title}: resources", body, _asset("graph.css"), _asset("graph.js"))


def _printable(data: Any) -> Any:
    """The data with every text in it as the page may show it."""
    if isinstance(data, str):
        return printable(data, keep="\n")
    if isinstance(data, dict):
        return {printable(key): _printable(value) for key, value in data.items()}
    return [_printable(each) for each in data] if isinstance(data, list) else data


def _asset(name: str) -> str:
    return files("resourcekit.inspection.render").joinpath(name).read_text(encoding="utf-8")


def _layout(graphs: Mapping[str, GraphData]) -> dict[str, Any]:
    """One layout for all: each box is as wide as its widest text in any environment."""
    sizes: dict[str, tuple[float, float]] = {}
    edges: dict[tuple[str, str], None] = {}
    for graph in graphs.values():
        for entry in graph.entries:
            width, height = box_size(entry)
            sizes[entry.name] = (max(width, sizes.get(entry.name, (0.0, 0.0))[0]), height)
            edges |= {(need.name, entry.name): None for need in entry.needs}
    layout = arrange(sizes, edges)
    boxes = {name: _rounded(box.x, box.y, box.width, box.height) for name, box in layout.boxes.items()}
    lines = [[source, target, curve(points)] for (source, target), points in layout.lines.items()]
    return {"boxes": boxes, "lines": lines, "size": _rounded(layout.width, layout.height)}


def _rounded(*numbers: float) -> list[float]:
    return [round(number, 1) for number in numbers]


def _graph(graph: GraphData) -> dict[str, Any]:
    return {
        "container": graph.container,
        "entries": {entry.name: _entry(entry) for entry in graph.entries},
        "problems": [str(problem) for problem in graph.problems],
    }


def _entry(entry: GraphEntry) -> dict[str, Any]:
    return {
        "label": shortened_label(entry.name),
        "line": shortened_label(owner_line(entry)),
        "kind": entry.kind,
        "owner": entry.owner,
        "module": entry.module,
        "doc": entry.doc,
        "scope": entry.scope,
        "async": entry.is_async,
        "hooks": list(entry.hooks),
        "vends": entry.vends,
        "declared": None if entry.declared is None else str(entry.declared),
        "needs": list(dict.fromkeys(need.name for need in entry.needs)),
        "users": list(entry.used_by),
        "keys": list(entry.keys),
        "fields": [_field(field) for field in entry.fields],
    }


def _field(field: FieldEntry) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "secret": field.secret,
        "description": field.description,
        "shown": field.shown,
        "source": field.origins[0].source if field.origins else "missing",
        "declared": str(field.origins[0].declared or "") if field.origins else "",
        "reads": list(dict.fromkeys(read.words for read in field.reads)),
    }


def _differences(graphs: Mapping[str, GraphData], one: str, other: str) -> dict[str, Any]:
    if one == other:
        return {}
    return dict(_changes(graphs, one, other))


def _changes(graphs: Mapping[str, GraphData], one: str, other: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What differs in *one* from *other*: by resource, how; and by field, what the other has."""
    for change in compare(other, graphs[other], one, graphs[one]).changes:
        fields = {field.name: field.left for field in change.fields if field.is_field}
        facts = {field.name: field.left for field in change.fields if not field.is_field}
        yield change.name, {"change": change.change, "fields": fields, "facts": facts}
