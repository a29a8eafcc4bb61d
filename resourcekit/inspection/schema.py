"""A JSON Schema for overlay files, from the annotations of a container's fields."""

from __future__ import annotations

import collections.abc
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import has_fields
from resourcekit.config.library_types import library_type
from resourcekit.declarations.record import spec_of
from resourcekit.declarations.spec import FieldSpec
from resourcekit.inspection.origins import Origins, is_hidden
from resourcekit.planning.nodes import Graph, Node

__all__ = ("overlay_schema",)

Schema = dict[str, Any]

_NUMBER: Final = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_INTEGER: Final = r"[+-]?[0-9]+"
_WORD: Final = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|1|0"
_ANY: Final[Schema] = {}
_NEVER: Final[Schema] = {"not": {}}

_SOURCES: Final[Schema] = {
    "env": {
        "type": "object",
        "description": "Read from an environment variable.",
        "properties": {"env": {"type": "string"}, "default": {}},
        "required": ["env"],
        "additionalProperties": False,
    },
    "file": {
        "type": "object",
        "description": "Read from a file.",
        "properties": {"file": {"type": "string"}},
        "required": ["file"],
        "additionalProperties": False,
    },
}
_SOURCE_REFS: Final = [{"$ref": "#/$defs/from.env"}, {"$ref": "#/$defs/from.file"}]


def _text(pattern: str) -> Schema:
    return {"type": "string", "pattern": rf"^\s*({pattern})\s*$"}


def _either(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


# The first that fits is taken: bool is an int, datetime is a date.
_SCALARS: Final[tuple[tuple[type, Schema], ...]] = (
    (bool, _either({"type": "boolean"}, _text(_WORD))),
    (int, _either({"type": "integer"}, _text(_INTEGER))),
    (float, _either({"type": "number"}, _text(_NUMBER + "|[+-]?[Ii][Nn][Ff]|[Nn][Aa][Nn]"))),
    (Decimal, _either({"type": "number"}, {"type": "string"})),
    (timedelta, _either({"type": "number"}, _text(rf"{_NUMBER}|[+-]?[Pp].+"))),
    (datetime, {"type": "string"}),
    (date, {"type": "string", "format": "date"}),
    (time, {"type": "string"}),
    (UUID, {"type": "string", "format": "uuid"}),
    (str, {"type": "string"}),
    (bytes, {"type": "string"}),
    (PurePath, {"type": "string"}),
)


def overlay_schema(container: str, graph: Graph, origins: Origins) -> Schema:
    """The schema that overlays of a container satisfy: tables by key and field, ``{env = "X"}`` and ``{file = "..."}``.

    A value may be of the field's type, or text that is converted to it. Dotted keys are known for a key and its field
    (``database.port``); deeper ones are let pass.

    Args:
        container: The container's name, for the title.
        graph: Its graph.
        origins: Tells the values that fields have, for the defaults.
    """
    resources = [node for node in graph.nodes if node.is_resource]
    definitions = {f"from.{name}": source for name, source in _SOURCES.items()}
    definitions |= {f"resource.{node.name}": _resource(graph, node, origins) for node in resources}
    properties: Schema = {}
    for key, index in graph.keys.items():
        node = graph.nodes[index]
        if node.is_resource:
            _put(properties, key.split("."), _reference(node))
            for name in definitions[f"resource.{node.name}"].get("properties", ()):
                properties[f"{key}.{name}"] = _reference(node, name)
    names = "|".join(re.escape(key) for key in graph.keys)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"overlay of {container}",
        "type": "object",
        "properties": properties,
        **({"patternProperties": {rf"^({names})\.[^.]+\..+$": {}}} if names else {}),
        "additionalProperties": False,
        "$defs": definitions,
    }


def _put(properties: Schema, parts: list[str], schema: Schema) -> None:
    """Place a key's schema, in tables where it is dotted, and under its dotted name."""
    properties[".".join(parts)] = schema
    first, *rest = parts
    if rest:
        table = properties.setdefault(first, {"type": "object", "properties": {}, "additionalProperties": False})
        _put(table["properties"], rest, schema)


def _resource(graph: Graph, node: Node, origins: Origins) -> Schema:
    if node.held.is_replacement:
        return {"type": "object", "description": "Overridden: what is here has no effect."}
    nested = {edge.field: graph.nodes[edge.target] for edge in node.edges if edge.field is not None}
    properties: Schema = {}
    for field in spec_of(node.held.content).by_alias.values():
        parts = {label: target for label, target in nested.items() if label.partition(".")[0] == field.alias}
        properties[field.alias] = _nested(field.alias, parts) if parts else _field(node, field, origins)
        for label, target in parts.items():
            properties[label] = _reference(target)
            properties |= {f"{label}.{name}": _reference(target, name) for name in _names(target)}
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    doc = type(node.held.content).__dict__.get("__doc__")
    return {**({"description": doc.strip().partition("\n")[0]} if doc else {}), **schema}


def _names(target: Node) -> Iterable[str]:
    """The fields that an overlay may set."""
    return spec_of(target.held.content).by_alias if target.is_resource and not target.held.is_replacement else ()


def _nested(name: str, parts: Mapping[str, Node]) -> Schema:
    """A field that holds resources: a table of their fields, or of tables by position."""
    if name in parts:
        return _reference(parts[name])
    properties: Schema = {}
    for label, target in parts.items():
        _put(properties, label.removeprefix(f"{name}.").split("."), _reference(target))
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _reference(target: Node, field: str | None = None) -> Schema:
    """A reference to a resource's schema, or to that of one of its fields."""
    if not target.is_resource:
        return _NEVER
    parts = ["$defs", f"resource.{target.name}", *([] if field is None else ["properties", field])]
    return {"$ref": "#/" + "/".join(quote(part.replace("~", "~0").replace("/", "~1"), safe="$~") for part in parts)}


def _field(node: Node, field: FieldSpec, origins: Origins) -> Schema:
    annotation: object = Any if field.attribute.converter is not None else field.annotation
    schema = {"anyOf": [*_alternatives(_of(annotation, ())), *_SOURCE_REFS]} if annotation is not Any else {}
    facts = [type_name(field.annotation)]
    shown = [origin.shown for origin in origins.of(node, field)[:1]]
    if shown and not is_hidden(field):
        facts.append(f"now {shown[0]}")
    words = ", ".join(facts)
    return {"description": f"{field.description} ({words})" if field.description else words, **schema}


def _alternatives(schema: Schema) -> list[Schema]:
    alternatives: list[Schema] | None = schema.get("anyOf")
    return [schema] if alternatives is None or len(schema) > 1 else alternatives


def _of(annotation: Any, above: tuple[forms.Form, ...]) -> Schema:
    """The schema of a value of *annotation*, also of the text that is converted to it."""
    form = form_of(annotation)
    # A type may hold itself.
    return _ANY if form in above else _schema(form, (*above, form))


def _schema(form: forms.Form, above: tuple[forms.Form, ...]) -> Schema:
    known = library_type(form)
    if known is not None:
        return _ANY if known.takes_tables else {"type": "string"}
    match form:
        case forms.Anything() | forms.Own():
            return _ANY
        case forms.OneOf():
            members = [each for member in form.arguments for each in _alternatives(_schema(form_of(member), above))]
            return _either(*members, *_none(form.arguments))
        case forms.Choice():
            return _choice(form.arguments)
        case forms.Record():
            return _object(form, above) if has_fields(form.cls) else _ANY
        case forms.Mapping():
            values = _with_sources(_of(form.value, above))
            return _either({"type": "object", "additionalProperties": values}, _text(r"\{[\s\S]*"))
        case forms.FixedTuple() | forms.Sequence() if issubclass(form.cls, collections.abc.Collection):
            return _either(_array(form, above), {"type": "string"})
        case forms.Scalar():
            return _scalar(form.cls)
        case _:
            return _NEVER


def _none(members: Iterable[Any]) -> list[Schema]:
    """The words for None, where None is allowed."""
    return [_text("[Nn][Oo][Nn][Ee]|[Nn][Uu][Ll][Ll]|")] if type(None) in members else []


def _scalar(cls: Any) -> Schema:
    if cls is type(None):
        return {"type": "null"}
    if issubclass(cls, Enum):
        return _enum(cls)
    return next((schema for known, schema in _SCALARS if issubclass(cls, known)), _NEVER)


def _choice(options: Iterable[object]) -> Schema:
    plain = [option for option in options if isinstance(option, str | int | bool) and not isinstance(option, Enum)]
    texts = [str(option).lower() if isinstance(option, bool) else str(option) for option in plain]
    return {"enum": list(dict.fromkeys([*plain, *texts]))} if len(plain) == len(list(options)) else _ANY


def _enum(cls: type[Enum]) -> Schema:
    values = [member.value for member in cls if isinstance(member.value, str | int | float)]
    names = list(cls.__members__)
    return _either(
        {"enum": list(dict.fromkeys([*values, *map(str, values), *names]))}, {"type": "string", "pattern": r"\|"}
    )


def _object(form: forms.Form, above: tuple[forms.Form, ...]) -> Schema:
    properties = {str(name): _of(hint, above) for name, hint in field_annotations(form.annotation).items()}
    properties = {name: _either(*_alternatives(schema), *_SOURCE_REFS) for name, schema in properties.items()}
    return _either({"type": "object", "properties": properties, "additionalProperties": False}, _text(r"\{[\s\S]*"))


def _with_sources(schema: Schema) -> Schema:
    return _either(*_alternatives(schema), *_SOURCE_REFS) if schema else _ANY


def _array(form: forms.Form, above: tuple[forms.Form, ...]) -> Schema:
    if isinstance(form, forms.Sequence):
        return {"type": "array", "items": _with_sources(_of(form.item, above))}
    assert isinstance(form, forms.FixedTuple)
    first = [_with_sources(_of(item, above)) for item in form.before]
    known = len(form.before) + len(form.after)
    if form.repeated is not None:
        return {"type": "array", "prefixItems": first, "minItems": known}
    return {"type": "array", "prefixItems": first, "minItems": known, "maxItems": known}
