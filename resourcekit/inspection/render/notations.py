"""The graph in the notations of other tools: Mermaid and Graphviz's DOT."""

from __future__ import annotations

from resourcekit.base.masking import printable
from resourcekit.base.tables import markup
from resourcekit.inspection.records import GraphData, GraphEntry

__all__ = ("dot", "mermaid")


def mermaid(graph: GraphData) -> str:
    """The graph as a Mermaid flowchart: arrows go from a resource to what it needs, which stands on its left."""
    ids = {entry.name: f"n{index}" for index, entry in enumerate(graph.entries)}
    lines = ["flowchart RL"]
    for entry in graph.entries:
        start, end = ('["', '"]') if entry.kind == "resource" else ('(["', '"])')
        lines.append(f"  {ids[entry.name]}{start}{_mermaid_text(entry)}{end}")
    for entry in graph.entries:
        needs = dict.fromkeys(need.name for need in entry.needs)
        lines += [f"  {ids[entry.name]} --> {ids[name]}" for name in needs]
    app = [ids[entry.name] for entry in graph.entries if entry.kind == "resource" and entry.scope == "app"]
    if app:
        lines += ["  classDef app stroke-width:3px", f"  class {','.join(app)} app"]
    return "\n".join(lines)


def _mermaid_text(entry: GraphEntry) -> str:
    """A label that holds nothing Mermaid reads as its own: quotes, and letters that Markdown or HTML know."""
    return "<br/>".join(
        "".join(letter if letter.isalnum() or letter in " ._-" else f"#{ord(letter)};" for letter in printable(line))
        for line in (entry.name, entry.owner)
    )


def dot(graph: GraphData) -> str:
    """The graph in DOT, Graphviz's language."""
    ids = {entry.name: f"n{index}" for index, entry in enumerate(graph.entries)}
    lines = [
        f"digraph {_quoted(graph.container)} {{",
        "  rankdir=RL",
        '  node [shape=box, style="rounded", fontname="sans-serif"]',
    ]
    for entry in graph.entries:
        marks = [entry.owner, *(["app"] if entry.scope == "app" else [])]
        label = f"<<b>{markup(entry.name)}</b><br/>{markup(', '.join(marks))}>"
        looks = [f"label={label}", f"tooltip={_quoted(entry.doc or entry.kind)}"]
        looks += [] if entry.kind == "resource" else ["style=dashed"]
        looks += ["penwidth=2"] if entry.scope == "app" else []
        lines.append(f"  {ids[entry.name]} [{', '.join(looks)}]")
    for entry in graph.entries:
        needs = dict.fromkeys(need.name for need in entry.needs)
        lines += [f"  {ids[entry.name]} -> {ids[name]}" for name in needs]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
