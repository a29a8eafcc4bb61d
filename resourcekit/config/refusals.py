"""From the errors of cattrs, and of the user's classes, to problems that hold no value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.class_kinds import field_names
from resourcekit.base.errors import did_you_mean
from resourcekit.config.choices import Hook
from resourcekit.config.problems import ConversionProblem, RefusedError, UnknownKey, within, without_keys

__all__ = ("aliases", "foreign", "missing", "structure", "unknown_keys")


def structure(inner: Hook, data: Any, annotation: Any, raw: object) -> object:
    """What cattrs makes of *data*, which was read from *raw*; what it refuses, as problems with paths."""
    try:
        return inner(data, annotation)
    except Exception as error:
        problems = _problems(error, data, annotation)
    raise RefusedError(without_keys(problems) if isinstance(raw, str) else problems)


def _problems(error: Exception, data: Any, annotation: Any) -> list[ConversionProblem]:
    """One level of the tree: the levels below are problems already, since each has its own hook."""
    if isinstance(error, RefusedError):
        return list(error.problems)
    if isinstance(error, ForbiddenExtraKeysError):
        return unknown_keys(error.extra_fields, data, aliases(annotation).values(), annotation)
    if isinstance(error, BaseValidationError):
        return [problem for part in error.exceptions for problem in _part_problems(part, data, annotation)]
    return [foreign(error, annotation)]


def _part_problems(error: Exception, data: Any, annotation: Any) -> list[ConversionProblem]:
    """The problems of one element or field; cattrs says in a note which one it is."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, IterableValidationNote):
            return within(_position(note.index, data), _problems(error, data, note.type))
        if isinstance(note, AttributeValidationNote):
            key = aliases(annotation)[note.name]
            if isinstance(error, KeyError) and key not in data:
                return [missing(key, note.type)]
            return within(key, _problems(error, data, note.type))
    return _problems(error, data, annotation)


def _position(index: int | str, data: Any) -> int | str:
    """Where an element stands: its index; for one of a mapping not its key, which is data too."""
    return f"key {list(data).index(index) + 1}" if isinstance(data, Mapping) else index


def missing(key: str, annotation: Any) -> ConversionProblem:
    """A key that must be there and is not."""
    return ConversionProblem(type_name(annotation), "it is required, and missing", (key,))


def unknown_keys(
    unknown: Collection[Any], data: Mapping[Any, Any], known: Iterable[str], annotation: Any
) -> list[ConversionProblem]:
    """The keys that are no field, in their order."""
    return [
        ConversionProblem(
            f"a field of {type_name(annotation)}",
            f"there is no such field; {did_you_mean(str(key), list(known))}",
            (UnknownKey(key, position),),
        )
        for position, key in enumerate(data, 1)
        if key in unknown
    ]


def aliases(annotation: Any) -> dict[str, str]:
    """The key of each field of an attrs class or dataclass that a mapping may set, by the field's name."""
    return field_names(form_of(annotation).cls, init=True)


def foreign(error: Exception, annotation: Any) -> ConversionProblem:
    """The problem for an error that is not ours: only its type is told, for its text may hold the value."""
    if isinstance(error, RecursionError):
        return ConversionProblem(type_name(annotation), "nested too deeply, or it holds itself")
    if isinstance(error, NameError) and error.name:
        reason = f"an annotation names {error.name}, which is not to be found where the class is defined"
        return ConversionProblem(type_name(annotation), reason)
    field = _blamed_field(error, form_of(annotation).cls)
    if field is not None:
        reason = f"its validator refuses it with {type(error).__name__}"
        return ConversionProblem(type_name(field.type), reason, (field.alias or field.name,))
    return ConversionProblem(type_name(annotation), f"it is refused with {type(error).__name__}")


def _blamed_field(error: Exception, cls: Any) -> attrs.Attribute[Any] | None:
    """The field whose validator raised: attrs hands each its Attribute, which is then in the traceback's frames."""
    fields = {id(field): field for field in attrs.fields(cls)} if attrs.has(cls) else {}
    blamed = None
    step = error.__traceback__
    while step is not None:
        found = [fields[id(value)] for value in step.tb_frame.f_locals.values() if id(value) in fields]
        blamed = found[0] if found else blamed
        step = step.tb_next
    return blamed
