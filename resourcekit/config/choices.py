"""Values that are one of several: enums, literals, None and unions."""

from __future__ import annotations

import collections.abc
import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, Flag
from typing import Any, Final, TypeAlias

import cattrs
from cattrs.disambiguators import create_default_dis_func

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.class_kinds import is_structured
from resourcekit.annotations.validators import build_validator
from resourcekit.base.errors import listed
from resourcekit.config.overlay_files import parse_json
from resourcekit.config.problems import ConversionProblem, RefusedError, refuse
from resourcekit.config.scalars import FORMS, NONE_WORDS, gives_back, read_scalar

__all__ = ("Hook", "fits", "given", "literal", "none", "read_enum", "union")

_TAKE_TEXT: Final = (str, object, Any)
_ANY_TEXT: Final = (*_TAKE_TEXT, bytes)
"""What takes every text."""

Hook: TypeAlias = Callable[[Any, Any], Any]


def fits(raw: object, annotation: Any) -> bool:
    """Whether a value is right as it is."""
    validate: Callable[[Any, Any, Any], Any] = build_validator(annotation)
    try:
        validate(None, None, raw)
    except (TypeError, ValueError):
        return False
    return True


def given(raw: object) -> str:
    """What came instead, by its type."""
    return "it is null" if raw is None else f"it is of type {type(raw).__name__}"


def is_none_word(raw: object) -> bool:
    """Whether a text stands for None, where None is allowed and str is not."""
    return isinstance(raw, str) and raw.strip().lower() in NONE_WORDS


def none(raw: object, _: Any = None) -> None:
    """The hook for None."""
    if raw is not None and not is_none_word(raw):
        refuse("None", "neither empty nor one of none, null" if isinstance(raw, str) else given(raw))


# Enums


def read_enum(raw: object, cls: type[Enum]) -> Enum:
    """A member by its value or, when no member has it, by its name; of flags also several names, as ``READ|WRITE``.

    A text is read as each type that the members' values have, as a str first. A value that is no text must be of the
    very type: 1.0 and True are not the value 1.
    """
    if isinstance(raw, cls):
        return raw
    member = _by_value(raw, cls)
    if member is None and isinstance(raw, str):
        member = _by_name(raw, cls)
    if member is None:
        names = listed(list(cls.__members__))
        refuse(type_name(cls), f"neither the value nor the name of a member; the names are {names}")
    return member


def _by_value(raw: object, cls: type[Enum]) -> Enum | None:
    kinds = {type(member.value): None for member in cls.__members__.values()}
    for kind in sorted(kinds, key=lambda kind: kind is not str):
        try:
            value = raw if type(raw) is kind else _read(raw, kind)
            return cls(value)
        except Exception:  # Not a value of this type, or no member has it; `_missing_` may raise anything.
            continue
    return None


def _read(raw: object, kind: type) -> object:
    if not isinstance(raw, str) or kind not in FORMS:
        raise ValueError
    return read_scalar(raw, kind, type_name(kind))


def _by_name(text: str, cls: type[Enum]) -> Enum | None:
    names = text.split("|") if issubclass(cls, Flag) else [text]
    members = [cls.__members__.get(name.strip()) for name in names]
    return None if None in members else functools.reduce(operator.or_, members)


# Literals


def literal(form: forms.Choice, converter: cattrs.Converter) -> Hook:
    """A hook factory: one of the options, the str ones by their text, the others by the text of their type."""
    annotation, options = form.annotation, form.arguments

    def hook(raw: object, _: Any = None) -> object:
        for option in options:
            if type(option) is type(raw) and option == raw:
                return option
        if isinstance(raw, str):
            for option in options:
                if _spells(raw, option, converter):
                    return option
        return refuse(type_name(annotation), "none of these" if isinstance(raw, str) else given(raw))

    return hook


def _spells(text: str, option: object, converter: cattrs.Converter) -> bool:
    if isinstance(option, str) and not isinstance(option, Enum):
        return text.strip() == option
    try:
        return bool(converter.structure(text, type(option)) == option)
    except RefusedError:
        return False


# Unions


def union(form: forms.OneOf, converter: cattrs.Converter) -> Hook:
    """A hook factory: the first member that takes the value.

    Beside a str another member takes a text only if it gives it back unchanged: "01" is no 1, "yes" no True.
    """
    annotation, members = form.annotation, form.arguments
    has_text = any(member in _ANY_TEXT for member in members)

    def hook(raw: object, _: Any = None) -> object:
        ordered = _for_text(raw, members) if isinstance(raw, str) else _for_value(raw, members)
        refusals = []
        for member in ordered:
            try:
                value = converter.structure(raw, member)
            except RefusedError as refused:
                refusals.append((member, refused.problems))
                continue
            if not (has_text and isinstance(raw, str)) or gives_back(value, raw):
                return value
        raise RefusedError(_nearest_refusal(annotation, raw, refusals, converter))

    return hook


def _for_text(text: str, members: Iterable[Any]) -> list[Any]:
    """The members to try for a text: in order, those that take any text last.

    Without a str among them, the words for None mean None, save where a literal or an enum has that very word.
    """
    members = list(members)
    if type(None) in members and is_none_word(text) and not any(member in _TAKE_TEXT for member in members):
        return [*filter(_is_choice, members), type(None)]
    return sorted((member for member in members if member is not type(None)), key=lambda member: _greed(text, member))


def _is_choice(member: Any) -> bool:
    form = form_of(member)
    return isinstance(form, forms.Choice) or (isinstance(form, forms.Scalar) and issubclass(form.cls, Enum))


def _greed(text: str, member: Any) -> int:
    """How late a member comes: str and bytes take every text, the comma form of a list takes a JSON object apart."""
    if member in _ANY_TEXT:
        return 2
    cls = form_of(member).cls
    is_mapping = isinstance(cls, type) and issubclass(cls, collections.abc.Mapping)
    is_list = isinstance(cls, type) and issubclass(cls, collections.abc.Collection) and not is_mapping
    return 1 if is_list and text.lstrip().startswith("{") else 0


def _for_value(raw: object, members: Iterable[Any]) -> list[Any]:
    """The members to try for a value with a type: that very type, then those it is right for, then the rest."""
    return sorted(members, key=lambda member: 0 if member is type(raw) else 1 if fits(raw, member) else 2)


_Refusals: TypeAlias = list[tuple[Any, tuple[ConversionProblem, ...]]]


def _nearest_refusal(
    annotation: Any, raw: object, refusals: _Refusals, converter: cattrs.Converter
) -> Iterable[ConversionProblem]:
    """What to say when no member takes the value: of the member that was meant, if that can be told."""
    refusals = [(member, problems) for member, problems in refusals if member is not type(None)]
    inside = [(member, problems) for member, problems in refusals if any(problem.path for problem in problems)]
    meant = inside or refusals
    if len(meant) > 1:
        chosen = _tagged(raw, [member for member, _ in inside], converter)
        meant = [(member, problems) for member, problems in inside if member is chosen]
    if len(meant) == 1:
        return meant[0][1]
    return [ConversionProblem(type_name(annotation), "none of these types takes it")]


def _tagged(raw: object, members: list[Any], converter: cattrs.Converter) -> Any:
    """The class a table is meant for, by a field that only it has or by the value of a literal field."""
    table = parse_json(raw) if isinstance(raw, str) else raw
    classes = [member for member in members if is_structured(form_of(member).cls)]
    if not isinstance(table, Mapping) or len(classes) < 2:
        return None
    try:
        return create_default_dis_func(converter, *classes)(table)
    except Exception:  # The classes cannot be told apart, or the table has no known tag.
        return None
