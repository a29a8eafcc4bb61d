"""From a value outside to the value of a field: text of variables and files, and what TOML, JSON and YAML hold.

Loads cattrs, so its callers import it when they have something to convert.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final

import cattrs

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.config import structures
from resourcekit.config.choices import Hook, fits, given, literal, none, read_enum, union
from resourcekit.config.library_types import LibraryType, library_type
from resourcekit.config.problems import ConversionError, ConversionProblem, RefusedError, refuse
from resourcekit.config.refusals import foreign
from resourcekit.config.scalars import FORMS, TRUTH, read_scalar, seconds

__all__ = ("ConversionError", "ConversionProblem", "conversion", "convert", "has_form")


def convert(raw: object, annotation: Any) -> Any:
    """Turn a value from outside into a value of a type.

    Args:
        raw: Text of a variable or a file; or what TOML, JSON, YAML or a caller's mapping gives: numbers, booleans,
            dates, lists, tables. It is never changed.
        annotation: The type wanted: any annotation of a field.

    Returns:
        The value. Lists, sets and dicts are new; instances of classes are passed on.

    Raises:
        ConversionError: With every problem that was found. It holds no piece of *raw*, and neither does its context.

    Text (also the texts inside a list or a table) is read by the type:

    - str: as it is. bytes: its UTF-8. `Any` and `object`: the text.
    - bool: true, false, t, f, 1, 0, yes, no, on, off, in any case. Numbers: as Python writes them, without underscores.
    - date, datetime, time: ISO 8601. timedelta: a number of seconds, or an ISO 8601 duration such as ``PT1H30M``.
    - Enum: a member's value, else its name; flags also as ``READ|WRITE``. Literal: one of the options.
    - list, set, tuple, Sequence: ``a,b,c``, or a JSON array when the text begins with ``[``; an empty text is empty.
    - dict, attrs class, dataclass, TypedDict, NamedTuple: a JSON object.
    - IP addresses and networks, `ZoneInfo`, `Pattern`, `Fraction`, URLs of httpx, yarl and SQLAlchemy; pydantic's types
      and models, msgspec's structs (JSON objects, or tables): as their library reads them.
    - A union: its members in order, str and bytes last. Beside one of these another member takes a text only if it
      gives it back unchanged: of ``int | str``, "01" and " 1" stay text, of ``bool | str`` all but "true" and "false",
      which may be in any case. With None and without str, an empty text, "none" and "null" are None.

    Other values must be right already, with these exceptions: an int may stand for a float, an int or a float for a
    Decimal or a timedelta (in seconds), a list for a tuple or a set, a table for a class with fields.

    >>> convert("8080", int), convert("yes", bool), convert("a, b", list[str])
    (8080, True, ['a', 'b'])
    >>> convert('{"size": "ten"}', dict[str, int])
    Traceback (most recent call last):
    ...
    resourcekit.config.problems.ConversionError: [key 1]: expected int: not a whole number
    """
    return conversion(annotation)(raw)


def conversion(annotation: Any) -> Callable[[object], Any]:
    """`convert` to one type, for who has many values for it.

    Args:
        annotation: The type wanted.

    >>> ports = conversion(list[int])
    >>> ports("80, 443"), ports("")
    ([80, 443], [])
    """
    wanted = NoneType if annotation is None else annotation
    try:
        quick = _converter(is_quick=True).get_structure_hook(wanted)
    except Exception:  # The other converter finds it, too.
        return lambda raw: _told(raw, wanted)

    def converted(raw: object) -> Any:
        try:
            return quick(raw, wanted)
        except Exception:  # Whatever it is, the other converter finds it, and says what and where.
            pass
        return _told(raw, wanted)

    return converted


def _told(raw: object, annotation: Any) -> Any:
    try:
        return _converter().structure(raw, annotation)
    except RefusedError as refused:
        problems = refused.problems
    except Exception as error:
        problems = (foreign(error, annotation),)
    raise ConversionError(problems)  # Here, where no exception is being handled that could become its context.


def has_form(annotation: Any) -> bool:
    """Whether values from outside can become values of a type: not so for a class that resourcekit knows nothing of.

    Args:
        annotation: The type.

    Returns:
        False where `convert` can only pass on a value that is right already. An attrs converter of the field should
        then get the raw value.

    >>> has_form(int), has_form(dict[str, int]), has_form(memoryview)
    (True, True, False)
    """
    return structures.has_form(annotation, _converter())


# For the quick converter the commonest texts need no more than this; anything else goes to `_scalar`.


def _str(raw: Any, cls: type) -> object:
    return raw if type(raw) is str and cls is str else _scalar(raw, cls)


def _bool(raw: Any, cls: type) -> object:
    return TRUTH[raw] if type(raw) is str and raw in TRUTH else _scalar(raw, cls)


def _int(raw: Any, cls: type) -> object:
    is_plain = type(raw) is str and cls is int and raw.isdecimal() and raw.isascii()
    return int(raw) if is_plain else _scalar(raw, cls)


def _scalar(raw: Any, cls: type) -> object:
    """The hook of all FORMS and of Enum: cattrs goes by the MRO, where an IntEnum is an int before it is an Enum."""
    if issubclass(cls, Enum):
        return read_enum(raw, cls)
    if isinstance(raw, str):
        return raw if cls is str else read_scalar(raw, cls, type_name(cls))
    value = _from_number(raw, cls) if type(raw) in (int, float) else raw
    if not fits(value, cls):
        hint = "; put it in quotes" if issubclass(cls, str) and isinstance(raw, int | float) else ""
        refuse(type_name(cls), given(raw) + hint)
    return value


def _from_number(raw: float, cls: type) -> object:
    """A number as the type that may stand for it; else as it is."""
    if cls is timedelta:
        return seconds(raw, "timedelta")
    if cls is Decimal:
        return Decimal(str(raw))  # The digits that were written, not those of the binary fraction.
    try:
        return float(raw) if cls is float else raw
    except OverflowError:
        pass
    return refuse("float", "a whole number too large for a float")


def _resource(form: forms.Resource, _: cattrs.Converter) -> Hook:
    """A hook factory for resource classes: only a resource, or an object in its place, is taken."""

    def hook(raw: object, _: Any = None) -> object:
        if isinstance(raw, str | Mapping) or not fits(raw, form.annotation):
            refuse(
                type_name(form.annotation),
                "a nested resource cannot come from text or a table; declare it under a key of its own",
            )
        return raw

    return hook


def _as_is(raw: object, _: Any = None) -> object:
    return raw


def _no_form(form: forms.Form, _: cattrs.Converter) -> Hook:
    """A hook factory for what has no text: the classes of FORMS and Enum have hooks of their own."""
    return none if form.cls is NoneType else structures.NoForm(form.annotation)


_FACTORIES: Final[Mapping[type[forms.Form], Callable[[Any, cattrs.Converter], Hook]]] = {
    forms.Anything: lambda form, converter: _as_is,
    forms.Own: _no_form,
    forms.OneOf: union,
    forms.Choice: literal,
    forms.ClassOf: _no_form,
    forms.Scalar: _no_form,
    forms.Resource: _resource,
    forms.Record: structures.record,
    forms.Sequence: structures.sequence,
    forms.FixedTuple: structures.fixed_tuple,
    forms.Mapping: structures.mapping,
}


def _hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    """The hook factory of all forms."""
    form: Any = form_of(annotation)
    known = library_type(form)
    return _FACTORIES[type(form)](form, converter) if known is None else _library_hook(known, form)


def _library_hook(known: LibraryType, form: forms.Form) -> Hook:
    """The hook of a class that its own library reads."""

    def hook(raw: object, _: Any = None) -> object:
        return known.value(raw, form)

    return hook


_QUICK: Final[Mapping[type, Hook]] = {str: _str, bool: _bool, int: _int}


class _FormConverter(cattrs.Converter):
    """A converter that knows a type by its form: ``int | bool`` and ``bool | int`` are equal, and not the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._by_form: dict[forms.Form, Hook] = {}

    def structure(self, obj: Any, cl: Any) -> Any:
        """Give *obj* as a *cl*."""
        return self.get_structure_hook(cl)(obj, cl)

    def get_structure_hook(self, type: Any, cache_result: bool = True) -> Hook:
        """Give what makes a *type*."""
        if _is_class(type):  # Most are, and each is asked for each value.
            return super().get_structure_hook(type, cache_result)
        if type is None:  # attrs has it for a field without an annotation.
            return _as_is
        form = form_of(type)
        if form not in self._by_form:
            hook = super().get_structure_hook(form.annotation, cache_result=False)
            self._by_form[form] = _for_class(form.annotation, hook) if _is_class(form.annotation) else hook
        return self._by_form[form]


def _is_class(annotation: object) -> bool:
    return isinstance(annotation, type)


def _for_class(cls: type, inner: Hook) -> Hook:
    """A class's hook, for Annotated, a NewType or an alias that stands for the class."""

    def hook(raw: object, _: Any = None) -> object:
        return inner(raw, cls)

    return hook


@functools.cache
def _converter(*, is_quick: bool = False) -> cattrs.Converter:
    """The converter, made at first use: the hooks are ours, cattrs generates the code for containers and classes.

    Args:
        is_quick: It does not tell what is wrong with a value, only that something is.
    """
    converter = _FormConverter(detailed_validation=not is_quick, forbid_extra_keys=True)
    for cls in (*FORMS, Enum):
        converter.register_structure_hook(cls, _QUICK.get(cls, _scalar) if is_quick else _scalar)
    converter.register_structure_hook_factory(lambda annotation: True, _hook)
    return converter
