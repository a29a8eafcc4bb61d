"""Which resource and field each overlay value is for: overlays meet the graph."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from types import NoneType
from typing import Final, TypeGuard

from resourcekit.annotations.annotation_structure import split, union_members
from resourcekit.annotations.class_kinds import is_resource_class
from resourcekit.base.errors import (
    DefinitionError,
    Problem,
    did_you_mean,
    kind_in_words,
    listed,
    nearest,
    with_article,
)
from resourcekit.config.overlay import Overlaid, Overlay, stand_ins
from resourcekit.declarations.deferred import is_source
from resourcekit.declarations.record import raw_values, record_of, spec_of
from resourcekit.declarations.spec import FieldSpec
from resourcekit.declarations.values import holds, is_resource, leaves
from resourcekit.planning.nodes import Graph, Node

__all__ = ("Placed", "place")

Placed = dict[int, dict[str, Overlaid]]


def place(graph: Graph, overlays: Sequence[Overlay]) -> tuple[Placed, list[Problem]]:
    """Lay *overlays* over the resources of *graph*, later ones over earlier ones, field by field.

    They are for declarations. What has replaced one since an overlay was laid keeps its own values; an overlay laid
    over what was replaced already is a problem.

    Args:
        graph: The container's graph.
        overlays: In order of precedence, the strongest last.

    Returns:
        The values by node index and field name, and a problem for each unknown key and field.
    """
    placing = _Placing(graph)
    for overlay in overlays:
        placing.source, placing.replaced = overlay.source, overlay.replaced
        for key, content in overlay.tree.items():
            placing.put_key(key, content)
    return placing.placed, placing.problems


class _Placing:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.placed: Placed = {}
        self.problems: list[Problem] = []
        self.source = ""
        self.replaced: Container[str] | None = ()

    def put_key(self, key: str, content: object) -> None:
        """Place what an overlay has under a key: a resource's, followed by field names where it is dotted."""
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            index = self.graph.keys.get(".".join(parts[:length]))
            if index is not None:
                self._put(self.graph.nodes[index], parts[length:], content)
                return
        if isinstance(content, Mapping) and any(known.startswith(f"{key}.") for known in self.graph.keys):
            for inner, value in content.items():  # a table for a nested container
                self.put_key(f"{key}.{inner}", value)
            return
        self._report("unknown-key", key, f"no key {key!r} in this container", self._nearest_key(parts))

    def _nearest_key(self, parts: Sequence[str]) -> str:
        """Advice for a path whose key is not there: what follows the key is kept."""
        for length in range(len(parts), 0, -1):
            alike = (known for known in self.graph.keys if known.count(".") == length - 1)
            near = nearest(".".join(parts[:length]), alike)
            if near is not None:
                return f"did you mean {'.'.join((near, *parts[length:]))}?"
        return did_you_mean(parts[0], self.graph.keys)

    def _put(self, node: Node, parts: Sequence[str], content: object) -> None:
        if node.held.is_replacement:  # An overlay is for the declaration, not for what replaces it.
            self._put_replaced(node)
            return
        if not node.is_resource:
            what = f"the provider {node.owner}" if node.held.kind == "provider" else f"a plain value, {node.owner}"
            self._report("unknown-field", node.name, f"{node.name!r} is {what}: config is for the fields of resources",
                         _way_around(node))  # fmt: skip
            return
        if is_resource(content):
            content = self._fields_of(node, content)
        if parts:
            self._put_field(node, parts[0], parts[1:], content)
        elif isinstance(content, Mapping):
            for name, value in content.items():
                first, *rest = str(name).split(".")
                self._put_field(node, first, rest, value)
        else:
            known = listed(list(spec_of(node.held.content).by_alias)) or "none"
            self._report("invalid-value", node.name, f"a table of fields is wanted, not {kind_in_words(content)}",
                         f"write {{{node.name} = {{field = value}}}}; its fields: {known}")  # fmt: skip

    def _put_replaced(self, node: Node) -> None:
        if self.replaced is None:
            hint = "give what overrides it these values: container.override(...)"
        elif any(key in self.replaced for key in node.keys):
            hint = "give what overrides it these values, or override what with_config(...) gives, not before"
        else:
            return
        self._report("replaced-overlay", node.name, "it is overridden, and config is for what was declared", hint, node)

    def _fields_of(self, node: Node, given: object) -> object:
        """The fields that a resource gives in the place of a table: those that its constructor was given."""
        if not isinstance(given, type(node.held.content)):
            return given
        values, names = raw_values(given), record_of(given).given
        return {field.alias: values[field.name] for field in spec_of(given).fields if field.name in names}

    def _put_field(self, node: Node, name: str, rest: Sequence[str], content: object) -> None:
        if node.targets and self._put_nested(node, name, rest, content):
            return
        field = spec_of(node.held.content).by_alias.get(name)
        if field is None:
            hint = did_you_mean(name, spec_of(node.held.content).by_alias)
            self._report("unknown-field", f"{node.name}.{name}", f"{node.owner} has no field {name!r}", hint, node)
            return
        if holds(content) and not all(is_source(leaf) for _, leaf, _ in leaves(content, field.annotation)):
            self._report("invalid-value", f"{node.name}.{name}", "config puts no resource or provider in a field",
                         "override the key itself: with container.override(...)", node)  # fmt: skip
            return
        for part in reversed(rest):
            content = {part: content}
        refusal = _refusal(node, field, content)
        if refusal is not None:
            self._report("invalid-value", ".".join((node.name, name, *rest)), *refusal, node)
            return
        fields = self.placed.setdefault(node.index, {})
        before = fields.get(field.name)
        if before is not None:
            content = _merged(before.value, content)
        fields[field.name] = Overlaid(content, self.source)

    def _put_nested(self, node: Node, name: str, rest: Sequence[str], content: object) -> bool:
        """Place what is for a resource in a field, or in a list or dict there; False where it is not for one."""
        nested = {edge.field: edge.target for edge in node.edges if edge.field is not None}
        for length in range(len(rest), -1, -1):
            label = ".".join((name, *rest[:length]))
            if label in nested:
                self._put(self.graph.nodes[nested[label]], rest[length:], content)
                return True
        if not isinstance(content, Mapping) or not any(label.startswith(f"{name}.") for label in nested):
            return False
        for part, value in content.items():
            self._put_field(node, name, [*rest, str(part)], value)
        return True

    def _report(self, code: str, where: str, message: str, hint: str, node: Node | None = None) -> None:
        declared = None if node is None else node.held.location
        owner = None if node is None else node.owner
        self.problems.append(
            Problem(
                code=code, where=where, message=message, source=self.source, hint=hint, declared=declared, owner=owner
            )
        )


def _way_around(node: Node) -> str:
    """How to change what config is not for."""
    if not node.keys:
        return "change the declaration that holds it"
    key = node.keys[0]
    if node.owner == "Configuration":
        return f"give it its own config, as in container.{key}.from_dict({{...}})"
    call = f"{key}=..." if key.isidentifier() else f"**{{{key!r}: ...}}"
    return f"override the key: container.override({call})"


def _refusal(node: Node, field: FieldSpec, content: object) -> tuple[str, str] | None:
    """Why config has no place in a field, whatever is in it, and the way out; None where it may have one."""
    where = f"{node.name}.{field.alias}"
    members = [split(member)[0] for member in union_members(field.annotation) if member is not NoneType]
    if field.attribute.converter is not None or (content is None and field.optional):
        return None
    if members and all(map(is_resource_class, members)):
        there = raw_values(node.held.content).get(field.name)
        what = "None" if there is None else kind_in_words(there)
        given = f"{node.owner}({field.alias}={members[0].__name__}(...))"
        return f"{where} is {what}, no resource with fields", f"declare one, {given}, and config reaches its fields"
    if _is_table(content) and all(member in _WHOLE for member in members):
        return f"{where} is {with_article(field.type_name)}, it has no fields", f"write all of it: {{{where} = value}}"
    return None


_WHOLE: Final = frozenset({str, int, float, bool, bytes, list, tuple, set, frozenset})
"""What no table can be laid over."""


def _merged(below: object, above: object) -> object:
    """Two overlays' values for one field: tables are merged, anything else is replaced."""
    if not _is_table(below) or not _is_table(above):
        return above
    return {**below, **{name: _merged(below.get(name), value) for name, value in above.items()}}


def _is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether *value* has values by name: ``{env = "X"}`` stands for one value, also if X is no name of a variable."""
    try:
        return isinstance(stand_ins(value), dict)
    except DefinitionError:
        return False
