"""Where one value comes from, what won and what lost: what `container.explain("database.port")` gives."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from resourcekit.base.errors import Location, did_you_mean, shortened
from resourcekit.base.masking import printable
from resourcekit.base.tables import Table, Tabular
from resourcekit.declarations.record import spec_of
from resourcekit.inspection.origins import Read, location_text
from resourcekit.inspection.records import FieldEntry, GraphData, GraphEntry, UnknownFieldError
from resourcekit.inspection.subfields import part_of
from resourcekit.planning.nodes import Graph, Node

__all__ = ("Explanation", "UnknownFieldError", "explain")


@attrs.frozen(eq=False)
class Explanation(Tabular):
    """Where the value of a field comes from, or of each field of a resource.

    Args:
        container: The container's name.
        where: What was asked for.
        entry: The resource.
        fields: The fields, one or all.
        given: The variables that are set and the files that are there, by their words.

    >>> from resourcekit import ConfigurableResource, EnvVar, ResourceContainer
    >>> class Database(ConfigurableResource):
    ...     port: int = 5432
    >>> class App(ResourceContainer):
    ...     database = Database(port=EnvVar("SURELY_NOT_SET", default=5433))
    >>> explanation = App().with_config({"database": {"port": 6000}}).explain("database.port")
    >>> [(origin.outcome, origin.source) for origin in explanation.fields[0].origins]
    [('won', 'with_config(...)'), ('lost', 'declaration'), ('lost', 'default of Database')]
    """

    container: str
    where: str
    entry: GraphEntry
    fields: tuple[FieldEntry, ...]
    given: Mapping[str, bool] = attrs.field(factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data, for JSON."""
        return {
            "container": self.container,
            "where": self.where,
            "resource": self.entry.name,
            "class": self.entry.owner,
            "declared": location_text(self.entry.declared),
            "fields": [field.to_dict() for field in self.fields],
            "given": dict(self.given),
        }

    def tables(self) -> tuple[Table, ...]:
        """A table for each field."""
        if not self.fields:
            return (Table(f"{self.entry.name}: {_article(self.entry)} has no fields", (), ()),)
        return tuple(self._table(field) for field in self.fields)

    def _table(self, field: FieldEntry) -> Table:
        facts = [field.type, "secret" if field.secret else "", "required" if field.required else ""]
        title = f"{self.entry.name}.{field.name}: {', '.join(filter(None, facts))}"
        rows = tuple((origin.outcome, origin.source, origin.shown, _place(origin.declared)) for origin in field.origins)
        notes = [printable(field.description)] if field.description else []
        notes += [printable(self._reading(read)) for read in field.reads]
        if not rows:
            notes.append("missing: nothing gives it a value")
        return Table(title, ("outcome", "source", "value", "declared"), rows, tuple(dict.fromkeys(notes)))

    def _reading(self, read: Read) -> str:
        is_given = self.given.get(read.words)
        if is_given is None:
            return f"reads {read.words}"
        if is_given:
            return f"reads {read.words}, which is set" if read.kind == "variable" else f"reads {read.words}"
        if read.required:
            return f"missing: {read.words} {'is not set' if read.kind == 'variable' else 'is not there'}"
        return f"{read.words} is not set: its default {read.shown_default} is used"


def _place(location: Location | None) -> str:
    return "" if location is None else str(location)


def _article(entry: GraphEntry) -> str:
    return f"the {entry.kind} {entry.owner}"


def explain(graph: Graph, described: GraphData, where: str, environ: Mapping[str, str]) -> Explanation:
    """Where the value at *where* comes from.

    Args:
        graph: The container's graph, which knows every key a resource has.
        described: The same as data.
        where: A resource, ``database``, one of its fields, ``database.port``, or a part of one, ``database.pool.size``.
        environ: The variables that are set: only their names are looked at.

    Raises:
        UnknownFieldError: There is no such resource, or no such field.
    """
    node, path = _find(graph, described, where)
    entry = described.by_name[node.name]
    chosen = (_field(node, entry, path, where),) if path else entry.fields
    given = {read.words: there for field in chosen for read in field.reads for there in _given(read, environ)}
    return Explanation(described.container, where, entry, chosen, given)


def _field(node: Node, entry: GraphEntry, path: Sequence[str], where: str) -> FieldEntry:
    """The field at the beginning of a path, or the part of it that the rest names."""
    fields = {field.name: field for field in entry.fields}
    name, *inner = path
    if name not in fields:
        raise UnknownFieldError(where, f"{entry.owner} has no field {shortened(name)!r}; {did_you_mean(name, fields)}")
    if not inner:
        return fields[name]
    return part_of(node.name, spec_of(node.held.content).by_alias[name], fields[name], inner, where)


def _find(graph: Graph, described: GraphData, where: str) -> tuple[Node, Sequence[str]]:
    """The resource, and what follows its name."""
    names = {node.name: node for node in graph.nodes} | {key: graph.nodes[index] for key, index in graph.keys.items()}
    parts = where.split(".")
    for length in range(len(parts), 0, -1):
        node = names.get(".".join(parts[:length]))
        if node is not None:
            return _followed(graph, node, parts[length:])
    message = f"{described.container} has no {shortened(where)!r}; {did_you_mean(parts[0], names)}"
    raise UnknownFieldError(where, message)


def _followed(graph: Graph, node: Node, path: Sequence[str]) -> tuple[Node, Sequence[str]]:
    """Where a path leads through fields that hold resources: one of which a part is asked for, not the field."""
    nested = {edge.field: edge.target for edge in node.edges if edge.field is not None}
    for length in range(len(path) - 1, 0, -1):
        target = nested.get(".".join(path[:length]))
        if target is not None:
            return _followed(graph, graph.nodes[target], path[length:])
    return node, path


def _given(read: Read, environ: Mapping[str, str]) -> Iterator[bool]:
    if read.kind == "variable":
        yield read.name in environ
    elif read.kind == "file":
        yield os.path.isfile(read.name)
