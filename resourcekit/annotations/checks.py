"""The translator from an annotation to a validator that decides; what it says is made in `validators`.

attrs' own validators do the composing: `optional`, `and_`, `deep_iterable`, `deep_mapping`. `instance_of`, `or_`, `in_`
and `is_callable` are not used: on a no, each builds a text with the value's repr, which runs the user's code and copies
what may be secret. They know no mock either, and to them True is an int and the literal 1.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
from attrs.validators import and_, deep_iterable, deep_mapping, optional

from resourcekit.annotations.annotation_structure import (
    QUALIFIERS,
    accepts,
    exact_type,
    field_annotations,
    fixed_items,
    split,
    union_members,
)
from resourcekit.annotations.class_kinds import (
    accepts_anything,
    is_annotated,
    is_container,
    is_deferred,
    is_mock,
    is_protocol,
    is_resource_class,
    is_structured,
    is_typed_dict,
    promoted_types,
    protocol_members,
    refused_types,
)

__all__ = ("Check", "Validator", "describes_instance", "has_elements", "required_keys")

Validator: TypeAlias = Callable[[Any, Any, Any], Any]
"""What attrs calls with the instance, the attribute and the value; ours look at the value only."""

Question: TypeAlias = Callable[[Any], bool]
"""What is asked of a value."""


class Check:
    """A validator of one annotation that raises without a text.

    It is translated when the first value needs it, so that a `type` alias may hold itself.
    """

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation
        self._exact = exact_type(annotation)
        self._validator: Validator | None = None

    def __call__(self, instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if type(value) is self._exact or is_deferred(value):
            return
        if self._validator is None:
            self._validator = _translate(self._annotation)
        self._validator(instance, attribute, value)

    def matches(self, instance: object, attribute: attrs.Attribute[Any], value: object) -> bool:
        """Tell whether *value* is right."""
        try:
            self(instance, attribute, value)
        except RecursionError:  # a value that holds itself: no other member of a union need try it
            raise
        except Exception:  # the value's own code may raise anything, as when it is iterated over
            return False
        return True


def _translate(annotation: Any) -> Validator:
    """The validator for an annotation."""
    member, *others = union_members(annotation)
    if others:
        return _translate_union([member, *others])
    cls, arguments = split(member)
    if cls is typing.Literal:
        return _require(lambda value: any(type(value) is type(option) and value == option for option in arguments))
    if cls is typing.Self:
        return _require_self
    if not isinstance(cls, type) or accepts_anything(cls):
        return _require(lambda value: True)
    if cls is type and arguments:
        return _require(lambda value: is_mock(value) or _is_class_for(arguments[0], value))
    if is_container(cls) and hasattr(member, "__args__"):
        return and_(_require(_instance_question(cls)), _translate_elements(member))
    return _translate_class(cls, member)


def _translate_union(members: list[Any]) -> Validator:
    """One of several, or None."""
    checks = [Check(member) for member in members if member is not types.NoneType]
    one_of_them = checks[0] if len(checks) == 1 else _require_any(checks)
    return one_of_them if len(checks) == len(members) else optional(one_of_them)


def _translate_elements(annotation: Any) -> Validator:
    """What is in a container, as far as its annotation says it."""
    cls, arguments = split(annotation)
    if fixed_items(annotation, 0) is not None:
        return _require_items(annotation)
    if issubclass(cls, Mapping) and len(arguments) == 2:
        return _when(has_elements, deep_mapping(Check(arguments[0]), Check(arguments[1]), None))
    if not issubclass(cls, Mapping) and (len(arguments) == 1 or arguments[1:] == (...,)):
        return _when(has_elements, deep_iterable(Check(arguments[0])))
    return _require(lambda value: True)


def _translate_class(cls: type, member: Any) -> Validator:
    """A class, whatever is in its instances; *member* is the class with its arguments."""
    if is_resource_class(cls):
        return _require(lambda value: _is_resource_for(cls, value))
    if is_protocol(cls):
        names = frozenset.union(*protocol_members(cls))
        return _require(lambda value: is_mock(value) or all(_has_member(value, name) for name in names))
    if is_typed_dict(cls):
        has_keys = _require(lambda value: isinstance(value, dict) and required_keys(cls) <= value.keys())
        return and_(has_keys, _require_fields(member))
    is_instance = _instance_question(cls)
    if is_structured(cls):
        described = and_(_require(describes_instance), _require_fields(member))
        return _when(lambda value: not is_instance(value), described)
    return _require(is_instance)


# --- validators ---


def _require(is_right: Question) -> Validator:
    """A validator that asks one question."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not is_right(value):
            raise TypeError

    return validate


def _require_any(checks: list[Check]) -> Validator:
    """A validator that asks several others until one says yes."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not any(check.matches(instance, attribute, value) for check in checks):
            raise TypeError

    return validate


def _when(applies: Question, validator: Validator) -> Validator:
    """A validator for some values only."""

    def validate(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if applies(value):
            validator(instance, attribute, value)

    return validate


def _require_self(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """`Self`: what the instance is, as far as one is known."""
    if instance is not None:
        Check(type(instance))(instance, attribute, value)


def _require_items(annotation: Any) -> Validator:
    """A tuple of a fixed length, or with items of a fixed type before or after others."""
    known = functools.cache(lambda length: [Check(item) for item in fixed_items(annotation, length) or ()])

    def validate(instance: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
        for check, item in zip(known(len(value)), value, strict=True):
            check(instance, attribute, item)

    return validate


def _require_fields(member: Any) -> Validator:
    """A mapping that has fields of a class only, each right."""
    checks = {name: Check(annotation) for name, annotation in field_annotations(member).items()}

    def validate(instance: object, attribute: attrs.Attribute[Any], value: Mapping[object, object]) -> None:
        for name, item in value.items():
            checks[name](instance, attribute, item)

    return validate


# --- questions ---


def _instance_question(cls: type) -> Question:
    """Whether a value is an instance as type checkers see it, or a mock of what is no builtin."""
    try:
        isinstance(None, cls)
    except TypeError:  # the class refuses the question
        return lambda value: True
    allowed = (cls, *promoted_types(cls))
    refused = refused_types(cls)
    if cls.__module__ == "builtins":
        return lambda value: isinstance(value, allowed) and not isinstance(value, refused)
    return lambda value: is_mock(value) or (isinstance(value, allowed) and not isinstance(value, refused))


def _is_resource_for(cls: type, value: object) -> bool:
    """Whether a value is a resource of *cls*, or an object that may stand in for one: no builtin data, no class."""
    kind = type(value)
    if is_resource_class(kind):
        return issubclass(kind, cls)
    return kind.__module__ != "builtins" and not issubclass(kind, type)


def _is_class_for(annotation: Any, value: object) -> bool:
    """Whether a value is a class whose instances are right."""
    return isinstance(value, type) and accepts(annotation, value)


def _has_member(value: object, name: str) -> bool:
    """Whether a value has an attribute, without running a property or reading what is not there yet."""
    missing = object()
    if inspect.getattr_static(value, name, missing) is not missing:
        return not isinstance(value, type) or hasattr(value, name)  # A resource class has a field's name, no value.
    kind = type(value)
    if is_resource_class(kind):
        return is_annotated(kind, name)
    return hasattr(kind, "__getattr__") and hasattr(value, name)


def has_elements(value: object) -> bool:
    """Tell whether *value* is a container that can be gone through twice: no iterator, no mock."""
    return isinstance(value, collections.abc.Collection) and not is_mock(value)


def describes_instance(value: object) -> bool:
    """Tell whether *value* is a mapping for an instance that cannot be made yet: something in it is not there yet."""
    return isinstance(value, Mapping) and _holds_deferred(value)


def _holds_deferred(value: object) -> bool:
    """Whether a value is not there yet, or one in it, at any depth."""
    if isinstance(value, Mapping):
        return any(map(_holds_deferred, value.values()))
    return any(map(_holds_deferred, value)) if isinstance(value, (list, tuple, set, frozenset)) else is_deferred(value)


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
    while (origin := typing.get_origin(annotation)) in (*QUALIFIERS, typing.Annotated):
        found.append(origin)
        annotation = typing.get_args(annotation)[0]
    return found
