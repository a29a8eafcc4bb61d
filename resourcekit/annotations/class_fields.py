"""The fields of attrs classes, dataclasses, NamedTuples and TypedDicts: their annotations, and which must be there."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from resourcekit.annotations.annotation_structure import QUALIFIERS, class_annotations, split, substituted
from resourcekit.annotations.class_kinds import field_names, is_structured

__all__ = ("field_annotations", "required_keys")


def field_annotations(annotation: Any) -> Mapping[Any, Any]:
    """Give the resolved annotation of every field of an attrs class, a dataclass, a NamedTuple or a TypedDict.

    A field of an attrs class is found under its name and its alias. What cannot be resolved is `Any`. Of a generic
    class with its arguments, ``Box[int]``, they stand where its type parameters did.

    Example:
        >>> @attrs.define
        ... class Pool:
        ...     size: int
        >>> field_annotations(Pool)
        {'size': <class 'int'>}
    """
    cls, arguments = split(annotation)
    known = _FIELDS.get(cls)
    if known is None:
        hints, are_resolved = class_annotations(cls)
        known = _annotations_of(cls, hints)
        if are_resolved:
            _FIELDS[cls] = known
    given = dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
    return {name: substituted(hint, given) for name, hint in known.items()} if given else known


_FIELDS: Final[WeakKeyDictionary[type, Mapping[Any, Any]]] = WeakKeyDictionary()
"""What `field_annotations` has found, but where a name may yet come to exist."""


def _annotations_of(cls: type, hints: dict[str, Any]) -> Mapping[Any, Any]:
    """The annotation of every field, by what a mapping may call it."""
    if attrs.has(cls):
        fields = [(field, hints.get(field.name, field.type)) for field in attrs.fields(cls)]
        named = {name: hint for field, hint in fields for name in (field.name, field.alias)}
        return {name: Any if hint is None or isinstance(hint, str) else hint for name, hint in named.items()}
    if is_structured(cls):
        return {name: hints.get(name, Any) for name in field_names(cls)}
    return hints or dict.fromkeys(getattr(cls, "_fields", ()), Any)  # as namedtuple("Point", "x y") makes it


def required_keys(cls: Any) -> frozenset[Any]:
    """Give the keys that a TypedDict must have.

    The class itself does not know them where its annotations were strings when it was made.
    """
    said = {name: _qualifiers(annotation) for name, annotation in field_annotations(cls).items()}
    required = {name for name, qualifiers in said.items() if typing.Required in qualifiers}
    return frozenset(required | {name for name in cls.__required_keys__ if typing.NotRequired not in said[name]})


def _qualifiers(annotation: Any) -> list[Any]:
    """Required, NotRequired and ReadOnly, as far as they stand around an annotation."""
    found = []
    origin, arguments = split(annotation)
    while arguments and (origin is typing.Annotated or origin in QUALIFIERS):
        found.append(origin)
        origin, arguments = split(arguments[0])
    return found
