"""Parts of field values: where ``database.pool.size`` comes from, of a class, table or list in a field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import element_annotation
from resourcekit.annotations.annotation_structure import form_of, union_members
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import field_names, has_fields, is_structured
from resourcekit.base.errors import did_you_mean, shortened
from resourcekit.declarations.deferred import Deferred
from resourcekit.declarations.fields import METADATA, is_factory
from resourcekit.declarations.spec import FieldSpec
from resourcekit.inspection.origins import Named, Origin, Read, is_hidden, shown_value, with_outcomes
from resourcekit.inspection.records import FieldEntry, UnknownFieldError

__all__ = ("part_of",)

_ABSENT: Final[Any] = object()
_WHOLE: Final[Any] = object()
_PLAIN: Final = attrs.fields(attrs.make_class("Part", {"part": attrs.field(default=None)})).part
"""How a part is shown whose class says nothing of it."""


def part_of(resource: str, field: FieldSpec, entry: FieldEntry, path: Sequence[str], where: str) -> FieldEntry:
    """The part of a field at a path.

    Args:
        resource: The resource's name.
        field: The field.
        entry: The field as data.
        path: Names of fields, keys of tables, positions in lists, from the outside in.
        where: What the user wrote.

    Raises:
        UnknownFieldError: There is no such part.
    """
    part, origins = field, entry.origins
    for name in path:
        part, origins = _step(part, origins, name, where)
    target, is_secret = f"{resource}.{part.alias}", is_hidden(part)
    reads = [tuple(_reads(each, target, is_secret=is_secret)) for each in origins]
    return FieldEntry(
        name=part.alias,
        type=type_name(part.annotation),
        secret=is_secret,
        required=False,
        description=part.description,
        origins=tuple(attrs.evolve(each, reads=some) for each, some in zip(origins, reads, strict=True)),
    )


def _reads(origin: Origin, target: str, *, is_secret: bool) -> Iterator[Read]:
    """What is read for a part, or for all that it is in."""
    for read in origin.reads:
        if f"{read.where}.".startswith(f"{target}."):
            yield attrs.evolve(read, secret=is_secret or read.secret)
        elif target.startswith(f"{read.where}."):
            yield read


def _step(field: FieldSpec, origins: Sequence[Origin], name: str, where: str) -> tuple[FieldSpec, tuple[Origin, ...]]:
    """One step inwards."""
    owner = _owner(field.annotation)
    inner = [(origin, _inside(origin.value, name)) for origin in origins]
    if owner is not None:
        known = field_annotations(owner.annotation)
        if name not in known:
            has_none = f"{owner.cls.__name__} has no field {shortened(name)!r}"
            raise UnknownFieldError(where, f"{has_none}; {_near(name, known)}")
        part = _field_of(field, owner.cls, name, known[name])
    else:
        part = _element(field, [origin.value for origin in origins], name, where)
    found = [_origin(origin, part, value) for origin, value in inner if value is not _ABSENT]
    live = [origin for origin in found if origin.outcome != "lost"]
    live += _default(owner.cls, part, name) if owner is not None else ()
    return part, (*with_outcomes(live), *(origin for origin in found if origin.outcome == "lost"))


def _near(name: str, known: Iterable[Any]) -> str:
    return did_you_mean(shortened(name), map(str, known))


def _owner(annotation: Any) -> forms.Form | None:
    """The class in an annotation whose fields are the parts; None where there is none."""
    members = map(form_of, union_members(annotation))
    return next((form for form in members if isinstance(form, forms.Record) and has_fields(form.cls)), None)


def _field_of(field: FieldSpec, owner: Any, name: str, annotation: Any) -> FieldSpec:
    """A field of a class in a field."""
    fields = attrs.fields(owner) if attrs.has(owner) else ()
    attribute = next((each for each in fields if name in (each.alias, each.name)), _PLAIN)
    options = attribute.metadata.get(METADATA)
    return attrs.evolve(
        field,
        alias=f"{field.alias}.{name}",
        attribute=attribute,
        annotation=annotation,
        secret=_is_closed(field) or getattr(options, "secret", False),
        description=getattr(options, "description", None),
    )


def _element(field: FieldSpec, values: Sequence[object], name: str, where: str) -> FieldSpec:
    """An item of a table or list in a field."""
    holder = next((value for value in values if _inside(value, name) not in (_ABSENT, _WHOLE)), None)
    tables = [value for value in values if isinstance(value, Mapping | list | tuple)]
    if holder is None and tables:
        known = [str(key) for table in tables for key in (table if isinstance(table, Mapping) else range(len(table)))]
        raise UnknownFieldError(where, f"{field.alias} has no {shortened(name)!r}; {_near(name, known)}")
    if holder is None and not any(isinstance(value, Deferred) for value in values):
        raise UnknownFieldError(where, f"{field.alias} is {type_name(field.annotation)}: it has no {shortened(name)!r}")
    annotation = Any if holder is None else element_annotation(field.annotation, holder, _position(holder, name))
    alias = f"{field.alias}.{name}"
    return attrs.evolve(
        field, alias=alias, attribute=_PLAIN, annotation=annotation, secret=_is_closed(field), description=None
    )


def _is_closed(field: FieldSpec) -> bool:
    """Whether no part of a field is shown either."""
    return field.secret or field.attribute.repr is False or callable(field.attribute.repr)


def _position(holder: object, name: str) -> object:
    if isinstance(holder, Mapping):
        return next(key for key in holder if str(key) == name)
    return int(name)


def _inside(value: object, name: str) -> object:
    """What a value has under a name; all of it where nobody knows yet what is in it."""
    if isinstance(value, Mapping):
        return next((item for key, item in value.items() if str(key) == name), _ABSENT)
    if isinstance(value, list | tuple):
        return value[int(name)] if name.isdecimal() and int(name) < len(value) else _ABSENT
    if isinstance(value, Named) and isinstance(value.factory, type) and is_structured(value.factory):
        return _ABSENT  # The class's own defaults tell.
    cls: Any = type(value)
    names = field_names(cls) if cls is not Named else {}
    known = {key: own for own, alias in names.items() for key in (own, alias)}
    return getattr(value, known[name], _ABSENT) if name in known else _WHOLE


def _origin(origin: Origin, part: FieldSpec, value: object) -> Origin:
    if value is _WHOLE:
        return origin
    shown = origin.shown if origin.kind == "overlay" and not isinstance(value, Deferred) else shown_value(part, value)
    return attrs.evolve(origin, shown=shown, value=value)


def _default(owner: Any, part: FieldSpec, name: str) -> Iterator[Origin]:
    """What the class of a part has for it where nothing else does."""
    default: Any = part.attribute.default if part.attribute is not _PLAIN else attrs.NOTHING
    fields = getattr(owner, "__dataclass_fields__", {})
    if name in fields:
        import dataclasses

        given, factory = fields[name].default, fields[name].default_factory
        missing = dataclasses.MISSING
        default = given if given is not missing else attrs.NOTHING if factory is missing else attrs.Factory(factory)
    if default is attrs.NOTHING:
        return
    value = (
        Named(f"made by {getattr(default.factory, '__name__', 'a factory')}", default.factory)
        if is_factory(default)
        else default
    )
    yield Origin("default", f"default of {owner.__name__}", shown_value(part, value), "won", value=value)
