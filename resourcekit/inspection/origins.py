"""Where the value of each field comes from: every place that has one, what wins, and what would be read for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import element_annotation, resource_classes
from resourcekit.annotations.annotation_structure import split, union_members
from resourcekit.annotations.class_kinds import is_deferred, is_structured
from resourcekit.base.errors import DefinitionError, Location
from resourcekit.base.masking import MASK, printable, show
from resourcekit.config.overlay import Overlaid, Overlay, stand_ins
from resourcekit.declarations.deferred import (
    Computed,
    Deferred,
    EnvTemplate,
    EnvVar,
    FileVar,
    Reference,
    described,
    is_source,
)
from resourcekit.declarations.fields import is_factory
from resourcekit.declarations.record import raw_values, record_of, spec_of
from resourcekit.declarations.spec import FieldSpec, has_secret, has_secrets
from resourcekit.declarations.values import holds, is_resource, leaves, rebuild
from resourcekit.planning.nodes import Graph, Node
from resourcekit.planning.overlay_targets import Placed, place

__all__ = ("Former", "Named", "Origin", "Origins", "Read", "is_hidden", "shown_value", "with_outcomes")

Former = Mapping[str, Sequence[Any]]
"""By key, its declarations before the one it has: a class of the MRO redefined it, or an override took its place."""

Kind = Literal["overlay", "declaration", "earlier declaration", "default"]
Outcome = Literal["won", "lost", "in part"]
Source = Literal["variable", "file", "source"]


@attrs.frozen(eq=False)
class Read:
    """One thing outside that a value is read from.

    Args:
        kind: A variable, a file, or any other source.
        name: The variable's name, the file's path, or the source in words.
        where: What the value is for: ``database.password``, ``pool.sizes.0``.
        type: The type that is wanted there, in words.
        annotation: The same as Python has it.
        secret: Whether the value must not be shown.
        default: What stands in for a variable that is not set; NOTHING where nothing does.
        description: What the field is, in the class's words.
    """

    kind: Source
    name: str
    where: str
    type: str
    annotation: object = attrs.field(repr=False)
    secret: bool
    default: object = attrs.field(repr=False)
    description: str | None = None

    @property
    def words(self) -> str:
        """``variable DB_HOST``, ``file /run/secrets/key``, or a source's own words."""
        return self.name if self.kind == "source" else f"{self.kind} {self.name}"

    @property
    def source(self) -> tuple[Source, str]:
        """What is the same for all that is read from the same."""
        return self.kind, os.path.abspath(self.name) if self.kind == "file" else self.name

    @property
    def required(self) -> bool:
        """Whether a run fails where it is missing."""
        return self.default is attrs.NOTHING

    @property
    def shown_default(self) -> str | None:
        """The default as it may be shown."""
        return None if self.required else show(self.default, secret=self.secret)


@attrs.frozen
class Origin:
    """One place that has a value for a field.

    Args:
        kind: An overlay, the declaration, one that a later took the place of, or the class's default.
        source: The same in words.
        shown: The value as it may be shown: secrets masked, what is from outside by its source.
        outcome: Whether it won, lost, or gives only what the ones above leave out.
        declared: The file and line.
        reads: What would be read for it.
        value: What is compared with another container's: never shown.
    """

    kind: Kind
    source: str
    shown: str
    outcome: Outcome
    declared: Location | None = None
    reads: tuple[Read, ...] = ()
    value: object = attrs.field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The origin as plain data, for JSON."""
        return {
            "kind": self.kind,
            "source": self.source,
            "shown": self.shown,
            "outcome": self.outcome,
            "declared": location_text(self.declared),
            "reads": [each.words for each in self.reads],
        }


def location_text(location: Location | None) -> str | None:
    """``file:line`` with the whole path, for data."""
    return None if location is None else f"{location.file}:{location.line}"


@attrs.frozen
class Named:
    """What stands in a field value for a resource or provider, or for what a factory makes.

    Args:
        name: Its name in the container, or what makes it.
        factory: What makes it, if it is made.
    """

    name: str
    factory: object = None

    def __repr__(self) -> str:
        return self.name


class Origins:
    """Tells the origins of every field of a container's resources.

    Args:
        graph: The container's graph.
        overlays: Its overlays, the strongest last.
        former: The earlier declarations.
    """

    def __init__(self, graph: Graph, overlays: Sequence[Overlay] = (), former: Former | None = None) -> None:
        self.graph = graph
        self._former = former or {}
        # One by one, so that each value knows its own overlay.
        self._layers: list[Placed] = [place(graph, [overlay])[0] for overlay in reversed(overlays)]

    def of(self, node: Node, field: FieldSpec) -> tuple[Origin, ...]:
        """The origins of one field, the winner first."""
        return tuple(map(self._widened, self._found(node, field)))

    def _found(self, node: Node, field: FieldSpec) -> tuple[Origin, ...]:
        found = [
            self._overlaid(node, field, layer[node.index][field.name])
            for layer in self._layers
            if field.name in layer.get(node.index, ())
        ]
        found += self._declared(node, field)
        found += _default(node, field)
        return tuple(with_outcomes(found))

    @cached_property
    def secret_leaves(self) -> tuple[Deferred, ...]:
        """What the secret fields are read from: what else is read from it is secret as well."""
        return tuple(
            leaf
            for node in self.graph.nodes
            if node.is_resource
            for field in spec_of(node.held.content).fields
            for origin in self._found(node, field)
            if origin.outcome != "lost"
            for leaf in _secret_leaves(origin.value, field)
        )

    @cached_property
    def _secret_sources(self) -> frozenset[tuple[Source, str]]:
        return frozenset(source for leaf in self.secret_leaves for source in _sources_of(leaf))

    def _widened(self, origin: Origin) -> Origin:
        """An origin whose reads are secret also where another field's secret is read from the same."""
        if all(read.secret or read.source not in self._secret_sources for read in origin.reads):
            return origin
        reads = (attrs.evolve(each, secret=each.secret or each.source in self._secret_sources) for each in origin.reads)
        return attrs.evolve(origin, reads=tuple(reads))

    def sources(self, node: Node) -> tuple[str, ...]:
        """What a run would take a resource's config from, in words: variables, files, overlays."""
        found: dict[str, None] = {}
        for field in spec_of(node.held.content).fields:
            for origin in self.of(node, field):
                if origin.outcome != "lost":
                    found |= {} if origin.kind != "overlay" else {origin.source: None}
                    found |= {read.words: None for read in origin.reads}
        return tuple(found)

    def reads(self, node: Node) -> Iterator[Read]:
        """What a run would read for a resource: of the winners only, and of what they leave a part to."""
        for field in spec_of(node.held.content).fields:
            for origin in self.of(node, field):
                if origin.outcome != "lost":
                    yield from origin.reads

    def _overlaid(self, node: Node, field: FieldSpec, overlaid: Overlaid) -> Origin:
        try:
            value = stand_ins(overlaid.value)
        except DefinitionError:  # A stand-in that is none: `check` tells.
            value = overlaid.value
        shown = shown_value(field, value) if isinstance(value, Deferred) else f"<{overlaid.source}>"
        reads = tuple(_reads(value, field, f"{node.name}.{field.alias}"))
        return Origin("overlay", overlaid.source, shown, "won", reads=reads, value=value)

    def _declared(self, node: Node, field: FieldSpec) -> Iterator[Origin]:
        declared = node.held.content
        source = "override" if node.held.is_replacement else "declaration"
        yield from self._of_declaration(node, declared, field, "declaration", source)
        for key in node.keys:
            for earlier in self._former.get(key, ()):
                its_field = spec_of(earlier).by_name.get(field.name)
                if earlier is not declared and its_field is not None:
                    yield from self._of_declaration(
                        node, earlier, its_field, "earlier declaration", "earlier declaration"
                    )

    def _of_declaration(self, node: Node, resource: Any, field: FieldSpec, kind: Kind, source: str) -> Iterator[Origin]:
        record = record_of(resource)
        if field.name in record.given:
            value = raw_values(resource)[field.name]
            named = self._named(node if resource is node.held.content else None, field, value)
            reads = tuple(_reads(value, field, f"{node.name}.{field.alias}"))
            yield Origin(kind, source, shown_value(field, value, named), "won", record.location, reads, named)

    def _named(self, node: Node | None, field: FieldSpec, value: object) -> object:
        """*value* with the name of each resource and provider in its place."""
        if not holds(value):
            return value
        targets = {edge.field: self.graph.nodes[edge.target].name for edge in node.edges} if node is not None else {}

        def name(leaf: object, _wanted: object, position: Sequence[str | int]) -> object:
            if isinstance(leaf, Deferred) and not isinstance(leaf, Reference):
                return leaf
            label = ".".join(map(str, (field.alias, *position)))
            kind = leaf.key if isinstance(leaf, Reference) else type(leaf).__name__
            return Named(targets.get(label, kind)) if is_resource(leaf) or is_deferred(leaf) else leaf

        return rebuild(value, field.annotation, name)


def _default(node: Node, field: FieldSpec) -> Iterator[Origin]:
    default: Any = field.attribute.default
    owner = spec_of(node.held.content)
    if default is attrs.NOTHING and (field.required or not field.attribute.init):
        return
    value: Any = None if default is attrs.NOTHING else default
    if is_factory(value):
        plain = value.factory in (list, dict, set, tuple, frozenset)
        words = f"made by {getattr(value.factory, '__name__', 'a factory')}"
        value = value.factory() if plain else Named(words, value.factory)
    reads = tuple(_reads(value, field, f"{node.name}.{field.alias}"))
    yield Origin(
        "default", f"default of {owner.cls.__name__}", shown_value(field, value), "won", owner.location, reads, value
    )


def shown_value(field: FieldSpec, value: object, named: object = None) -> str:
    """A value as it may be shown, as its field's own repr would: what is read is told by its source, no secret."""
    if isinstance(value, Deferred) or value is None:
        return show(value)
    own = field.attribute.repr
    if own is False:
        return "..."
    text = show(value if named is None else named, secret=field.hides(value))
    if not callable(own) or text == MASK or holds(value):
        return text
    try:
        return printable(str(own(value)))
    except Exception:  # A user's repr must not hide what we have to say.
        return f"<{type(value).__name__}>"


def is_hidden(field: FieldSpec) -> bool:
    """Whether no value of a field is to be shown: it is secret, holds what is, or is left out of reprs."""
    if field.secret or field.attribute.repr is False:
        return True
    return field.has_secret_parts and not any(resource_classes(field.annotation))  # A resource looks after its own.


def with_outcomes(origins: Sequence[Origin]) -> Iterator[Origin]:
    """Origins with what became of each: the first wins; below a table, the next one gives what the table leaves out."""
    open_below = True
    for position, origin in enumerate(origins):
        outcome: Outcome = "won" if position == 0 else "in part" if open_below else "lost"
        yield attrs.evolve(origin, outcome=outcome)
        is_table = origin.kind == "overlay" and isinstance(origin.value, Mapping)
        below = origins[position + 1] if position + 1 < len(origins) else None
        open_below = open_below and is_table and below is not None and _has_parts(below.value)


def _has_parts(value: object) -> bool:
    return isinstance(value, Mapping) or is_structured(type(value))


def _reads(value: object, field: FieldSpec, where: str) -> Iterator[Read]:
    """What is read for a field value."""
    if not holds(value):
        return
    for position, leaf, wanted in leaves(value, field.annotation):
        if isinstance(leaf, Deferred) and not isinstance(leaf, Reference | Computed):
            place_of_it = ".".join(map(str, (where, *position)))
            is_secret = field.attribute.repr is False or _is_secret_at(field, value, position)
            yield from _read(leaf, wanted, field, place_of_it, is_secret=is_secret)


def _secret_leaves(value: object, field: FieldSpec) -> Iterator[Deferred]:
    """The sources in a field value that are read for what is secret."""
    if holds(value):
        for position, leaf, _ in leaves(value, field.annotation):
            if isinstance(leaf, Deferred) and is_source(leaf) and _is_secret_at(field, value, position):
                yield leaf


def _is_secret_at(field: FieldSpec, value: Any, position: Sequence[str | int]) -> bool:
    """Whether what stands at a position in a field value is secret, or has parts that are."""
    annotation: Any = field.annotation
    if field.secret:
        return True
    for part in position:
        for cls in (split(member)[0] for member in union_members(annotation)):
            fields = attrs.fields(cls) if attrs.has(cls) else ()
            if any(has_secret(each) for each in fields if part in (each.name, each.alias)):
                return True
        annotation = element_annotation(annotation, value, part)
        value = value[part] if isinstance(value, Mapping) else list(value)[int(part)]
    return has_secrets(annotation)


def _sources_of(leaf: Deferred) -> Iterator[tuple[Source, str]]:
    return (read.source for read in _read(leaf, Any, None, "", is_secret=True))


def _read(leaf: Deferred, wanted: object, field: FieldSpec | None, where: str, *, is_secret: bool) -> Iterator[Read]:
    description = None if field is None else field.description

    def read(kind: Source, name: str, annotation: object, default: object = attrs.NOTHING) -> Read:
        return Read(kind, name, where, type_name(annotation), annotation, is_secret, default, description)

    annotation = getattr(leaf, "target", None) or wanted
    if isinstance(leaf, EnvVar):
        yield read("variable", leaf.name, annotation, leaf.default)
    elif isinstance(leaf, EnvTemplate):
        yield from (read("variable", name, str) for name in leaf.names)
    elif isinstance(leaf, FileVar):
        yield read("file", leaf.path, annotation)
    else:
        yield read("source", described(leaf), annotation)
