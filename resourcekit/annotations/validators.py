"""Validators that say what is wrong, made from annotations.

The text is made late, by a walk over the annotation and the value once that is known to be wrong. It names types and
positions; it never shows a value, nor a key that is not declared in the annotation itself.
"""

from __future__ import annotations

import functools
import operator
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import element_annotation
from resourcekit.annotations.annotation_structure import form_of, union_members
from resourcekit.annotations.checks import Check, describes_instance, has_elements
from resourcekit.annotations.class_fields import field_annotations, required_keys
from resourcekit.annotations.class_kinds import has_fields, is_structured, is_typed_dict

__all__ = ("TypeValidator", "build_validator")


def build_validator(annotation: Any) -> TypeValidator:
    """Make an attrs validator that checks a constructor's value against an annotation, without any coercion.

    Values that are not there yet pass, at any depth; where a resource is wanted, so does whatever may stand in for one,
    and a mock passes for all but builtin types. No iterator is consumed.

    Args:
        annotation: A resolved annotation. One that is not understood, as a string, accepts everything.

    Returns:
        A validator, the same one for the same annotation. It raises `TypeError` for a value of the wrong type, and
        `ValueError` for one of the right type with the wrong content: another literal, a tuple's length, missing keys.

    Example:
        >>> build_validator(list[int])(None, None, [1, 2, "3"])
        Traceback (most recent call last):
        TypeError: expected list[int], got list with str at [2]
    """
    try:
        # the name too, for `int | str` equals `str | int`, but is called differently
        return _build_cached(annotation, type_name(annotation))
    except TypeError:  # not hashable, as Annotated[int, []]
        return TypeValidator(annotation)


@functools.lru_cache(maxsize=1024)
def _build_cached(annotation: Any, name: str) -> TypeValidator:
    """The validator of a hashable annotation."""
    return TypeValidator(annotation)


class TypeValidator:
    """A `Check` that says what is wrong."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation
        self._check = Check(annotation)

    def __call__(self, instance: object, attribute: Any, value: object) -> None:
        mismatch = self._mismatch(instance, attribute, value)
        if mismatch is not None:  # raised outside every `except` block, since the context of an error shows values
            raise mismatch.error(self._annotation, value)

    def matches(self, instance: object, attribute: Any, value: object) -> bool:
        """Whether a value is right, where nobody asks what is wrong with it."""
        try:
            return self._check.matches(instance, attribute, value)
        except RecursionError:  # the value holds itself
            return False

    def _mismatch(self, instance: object, attribute: attrs.Attribute[Any], value: object) -> _Mismatch | None:
        """What is wrong with a value, if anything is."""
        try:
            if self._check.matches(instance, attribute, value):
                return None
            return _find_mismatch(self._annotation, instance, attribute, value)
        except Exception:  # the value's own code may raise anything, and a value may hold itself
            return _Mismatch(TypeError, f"{type(value).__name__} that cannot be gone through")

    def __repr__(self) -> str:
        return f"<validator for {type_name(self._annotation)}>"


@attrs.frozen(eq=False, repr=False)
class _Mismatch:
    """What was found in place of what was expected, and the way to it."""

    kind: type[TypeError] | type[ValueError]
    found: str
    path: str = ""

    def error(self, annotation: Any, value: object) -> Exception:
        """The error to raise for the whole value."""
        is_choice = self.kind is ValueError and isinstance(form_of(annotation), forms.Choice)
        one_of = "one of " if is_choice else ""
        found = f"{type(value).__name__} with {self.found} at {self.path}" if self.path else self.found
        return self.kind(f"expected {one_of}{type_name(annotation)}, got {found}")


def _find_mismatch(annotation: Any, instance: object, attribute: attrs.Attribute[Any], value: object) -> _Mismatch:
    """The innermost thing wrong with a value that is wrong."""
    members = [form_of(member) for member in union_members(annotation)]
    members = [form for form in members if _says_what_is_inside(form, value)]
    wrong: list[tuple[int, str, Any, Any]] = []
    for form in members:
        for place, (step, expected, element) in enumerate(_elements(form, value)):
            if not Check(expected).matches(instance, attribute, element):
                wrong.append((place, step, expected, element))
                break
    if wrong:  # The member was meant that goes the furthest.
        _, step, expected, element = max(wrong, key=operator.itemgetter(0))
        inner = _find_mismatch(expected, instance, attribute, element)
        return attrs.evolve(inner, path=step + inner.path)
    for form in members:
        content = _wrong_content(form, value)
        if content is not None:
            return _Mismatch(ValueError, content)
        for expected, key in _keys(form, value):
            if not Check(expected).matches(instance, attribute, key):
                return _Mismatch(TypeError, f"{type(value).__name__} with {_type_found(expected, key)} as key")
    return _Mismatch(TypeError, _type_found(annotation, value))


def _says_what_is_inside(form: forms.Form, value: object) -> bool:
    """Whether the content counts; not where a class is wanted, and a mapping given that can be made into one now."""
    is_described = isinstance(value, Mapping) and isinstance(form, forms.Record) and is_structured(form.cls)
    return describes_instance(value) if is_described else True


def _elements(form: forms.Form, value: object) -> Iterator[tuple[str, Any, object]]:
    """Each element of a container: how its place is written, its annotation, and itself."""
    if isinstance(value, Mapping):
        declared = _declared(form) or {}
        for key, element in value.items():
            step = f"[{key!r}]" if key in declared else "[*]"  # any other key is the user's data
            yield step, element_annotation(form.annotation, value, key), element
    elif has_elements(value) and not isinstance(value, (str, bytes)):
        is_ordered = isinstance(value, Sequence)
        for index, element in enumerate(typing.cast("Sequence[object]", value)):
            yield f"[{index if is_ordered else '*'}]", element_annotation(form.annotation, value, index), element


def _keys(form: forms.Form, value: object) -> Iterator[tuple[Any, object]]:
    """Each key of a mapping, with its annotation."""
    if isinstance(form, forms.Mapping | forms.Sequence) and isinstance(value, Mapping) and isinstance(value, form.cls):
        expected = form.key if isinstance(form, forms.Mapping) else form.item
        yield from ((expected, key) for key in value)


def _declared(form: forms.Form) -> Mapping[Any, Any] | None:
    """The fields that a mapping may have; None where it has no fields but elements."""
    return field_annotations(form.annotation) if isinstance(form, forms.Record) and has_fields(form.cls) else None


def _wrong_content(form: forms.Form, value: object) -> str | None:
    """What is wrong with a value of the right type whose elements are right."""
    kind = type(value).__name__
    if isinstance(form, forms.Choice):
        return f"another {kind}" if type(value) in map(type, form.arguments) else None
    if isinstance(value, tuple) and isinstance(form, forms.FixedTuple):
        return f"{kind} of length {len(value)}"
    declared = _declared(form)
    if not isinstance(value, Mapping) or declared is None:
        return None
    missing = sorted(required_keys(form.cls) - value.keys()) if is_typed_dict(form.cls) else []
    if missing:
        return f"{kind} without the key {missing[0]!r}"
    return f"{kind} with an unknown key" if value.keys() - declared.keys() else None


def _type_found(annotation: Any, value: object) -> str:
    """The type of a value; in full, where its short name is what was expected."""
    if value is None:
        return "None"
    kind = type(value)
    if issubclass(kind, type):
        return "another class" if form_of(annotation).cls is type else "a class"
    is_same = kind.__name__ == type_name(annotation)
    return f"{kind.__module__}.{kind.__qualname__}" if is_same else kind.__name__
