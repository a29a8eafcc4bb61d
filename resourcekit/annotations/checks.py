"""The translator from an annotation to a validator that decides; what it says is made in `validators`.

attrs' own validators do the composing: `optional`, `and_`, `deep_iterable`, `deep_mapping`. `instance_of`, `or_`, `in_`
and `is_callable` are not used: on a no, each builds a text with the value's repr, which runs the user's code and copies
what may be secret. They know no mock either, and to them True is an int and the literal 1.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
from attrs.validators import and_, deep_iterable, deep_mapping, optional

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_queries import accepts, exact_type
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.class_fields import field_annotations, required_keys
from resourcekit.annotations.class_kinds import (
    is_annotated,
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

__all__ = ("Check", "Validator", "describes_instance", "has_elements")

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
    form = form_of(annotation)
    is_instance = _require(_instance_question(form.cls))
    match form:
        case forms.Anything():
            return _require(lambda value: True)
        case forms.Own():
            return _require_own
        case forms.OneOf():
            return _translate_union(form)
        case forms.Choice():
            options = form.arguments
            return _require(lambda value: any(type(value) is type(option) and value == option for option in options))
        case forms.ClassOf():
            wanted = form.arguments[0]
            return _require(lambda value: is_mock(value) or _is_class_for(wanted, value))
        case forms.Resource():
            return _require(lambda value: _is_resource_for(form.cls, value))
        case forms.Record():
            return _translate_record(form)
        case forms.Scalar() if is_protocol(form.cls):
            names = frozenset.union(*protocol_members(form.cls))
            return _require(lambda value: is_mock(value) or all(_has_member(value, name) for name in names))
        case forms.FixedTuple():
            return and_(is_instance, _require_items(form))
        case forms.Mapping() if form.arguments:
            entries = deep_mapping(Check(form.key), Check(form.value), None)
            return and_(is_instance, _when(has_elements, entries))
        case forms.Sequence() if form.arguments:
            return and_(is_instance, _when(has_elements, deep_iterable(Check(form.item))))
    return is_instance


def _translate_union(form: forms.Form) -> Validator:
    """One of several, or None."""
    checks = [Check(member) for member in form.arguments if member is not types.NoneType]
    one_of_them = checks[0] if len(checks) == 1 else _require_any(checks)
    return one_of_them if len(checks) == len(form.arguments) else optional(one_of_them)


def _translate_record(form: forms.Form) -> Validator:
    """An instance, or a mapping for one that cannot be made yet; of a TypedDict, a dict."""
    is_instance = _instance_question(form.cls)
    if is_typed_dict(form.cls):
        has_keys = _require(lambda value: isinstance(value, dict) and required_keys(form.cls) <= value.keys())
        return and_(has_keys, _require_fields(form))
    if is_structured(form.cls):
        described = and_(_require(describes_instance), _require_fields(form))
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


def _require_own(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """`Self`: what the instance is, as far as one is known."""
    if instance is not None:
        Check(type(instance))(instance, attribute, value)


def _require_items(form: forms.FixedTuple) -> Validator:
    """A tuple of a fixed length, or with items of a fixed type before or after others."""
    known = functools.cache(lambda length: [Check(item) for item in form.items(length)])

    def validate(instance: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
        for check, item in zip(known(len(value)), value, strict=True):
            check(instance, attribute, item)

    return validate


def _require_fields(form: forms.Form) -> Validator:
    """A mapping that has fields of a class only, each right."""
    checks = {name: Check(annotation) for name, annotation in field_annotations(form.annotation).items()}

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
    if hasattr(cls, "__get_pydantic_core_schema__"):
        return lambda value: is_mock(value) or isinstance(value, cls) or _is_pydantic_value(cls, value)
    return lambda value: is_mock(value) or (isinstance(value, allowed) and not isinstance(value, refused))


def _is_pydantic_value(cls: type, value: object) -> bool:
    """Whether pydantic takes a value for a class as it is: an AwareDatetime has no instances, its values are datetimes.

    Whatever pydantic raises says no.
    """
    adapter = sys.modules["pydantic"].TypeAdapter(cls)  # loaded by whoever wrote the annotation
    return type(adapter.validate_python(value, strict=True)) is type(value)


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
