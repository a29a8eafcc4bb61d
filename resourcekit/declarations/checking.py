"""What is wrong with a field's value: its type, then what the user's code says of it, in words that may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts
from resourcekit.base.errors import Problem, UnresolvedError, kind_in_words
from resourcekit.base.masking import show
from resourcekit.declarations.deferred import EnvVar, Reference
from resourcekit.declarations.record import Record, spec_of
from resourcekit.declarations.spec import FieldSpec
from resourcekit.declarations.values import RESOURCE, hides_deferred, holds, is_resource, leaves, rebuild

__all__ = ("field_problem", "outcry", "type_problem", "unread_problems", "validator_problem")

_PLACEHOLDER: Final = Reference("what a factory vends")


def type_problem(resource: object, field: FieldSpec, value: object, record: Record) -> Problem | None:
    """What is wrong with the type of *value*, which may hold resources and values that are not there yet."""
    mismatch = field.mismatch(resource, value)
    if mismatch is not None and holds(value) & RESOURCE:
        mismatch = field.mismatch(resource, _vended(value, field))
    if mismatch is not None:
        is_shown = not field.hides(value) and field.name not in record.sources and not holds(value) & RESOURCE
        shown = f": {show(value)}" if is_shown else ""
        return field_problem(resource, field, record, f"{mismatch}{shown}", code="wrong-type")
    if not record.live and hides_deferred(value):
        message = f"{kind_in_words(value)} holds what is not there yet, where no run looks for it"
        hint = "put it into a list, tuple, set or the values of a dict; for a class, give a dict of its fields"
        return field_problem(resource, field, record, message, code="wrong-type", hint=hint)
    return None


def _vended(value: object, field: FieldSpec) -> object:
    """*value* with each resource that gives its users what is wanted there put out of the check's way."""

    def stand_in(leaf: object, wanted: object, _position: object) -> object:
        return _PLACEHOLDER if is_resource(leaf) and accepts(wanted, spec_of(leaf).vended) else leaf

    return rebuild(value, field.annotation, stand_in)


def unread_problems(resource: object, field: FieldSpec, value: object, record: Record) -> Iterator[Problem]:
    """What is known to be wrong with a value before it is read: its concrete parts, the defaults of variables."""
    problem = type_problem(resource, field, value, record)
    if problem is not None:
        yield problem
    for _, leaf, wanted in leaves(value, field.annotation):
        if isinstance(leaf, EnvVar) and leaf.default is not attrs.NOTHING:
            from resourcekit.annotations.validators import build_validator

            try:
                build_validator(wanted)(resource, field.attribute, leaf.default)
            except (TypeError, ValueError) as error:
                reason = str(error)
            else:
                continue
            message = f"the default of {leaf.describe()} does not fit: {reason}"
            hint = "a default is not converted: give a value of the field's type"
            yield field_problem(
                resource, field, record, message, code="wrong-type", expected=type_name(wanted), hint=hint
            )


def validator_problem(resource: object, field: FieldSpec, value: object, record: Record) -> Problem | None:
    """What the user's validators of a field say of *value*; one that reads a field without a value is asked later."""
    validator = field.attribute.validator
    if validator is None or attrs.validators.get_disabled():
        return None
    try:
        validator(resource, field.attribute, value)
    except UnresolvedError:
        record.unchecked += (field.name,)
        return None
    except Exception as error:
        reason = outcry("its validator refused the value", error, resource, field, record)
    else:
        return None
    return field_problem(resource, field, record, reason)


def outcry(what: str, error: Exception, resource: object, field: FieldSpec, record: Record) -> str:
    """*what* happened and what the user's code said of it; not where its words may hold a secret or outside value."""
    words = str(error.args[0]) if error.args else ""
    hidden = spec_of(resource).hidden(resource)
    value = resource.__dict__.get(field.name, ...)  # It is not there yet while it is converted.
    is_hidden = field.hides(value) or field.name in record.sources
    if is_hidden or any(text in words for text in hidden):
        return f"{what} ({type(error).__name__}); its words are not shown, they may hold the value"
    return f"{what}: {type(error).__name__}: {words}"


def field_problem(
    resource: object, field: FieldSpec, record: Record, message: str, *, code: str = "invalid-value", **details: Any
) -> Problem:
    """A problem of one field."""
    return Problem(
        code=code,
        where=f"{record.name or type(resource).__name__}.{field.alias}",
        message=message,
        owner=type(resource).__name__ if record.live else None,
        declared=record.location,
        source=record.sources.get(field.name),
        **{"expected": field.type_name, "hint": field.description, **details},
    )
