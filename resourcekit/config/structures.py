"""Values with parts: lists, tuples, sets, mappings, and classes with fields. cattrs does the parts."""

from __future__ import annotations

import collections
import collections.abc
from collections.abc import Callable, Collection, Mapping
from types import GenericAlias, NoneType
from typing import Any, Final, TypeVar

import attrs
import cattrs
from cattrs.cols import list_structure_factory, mapping_structure_factory
from cattrs.gen import make_dict_structure_fn, override

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import resolve_names, union_members, unwrap
from resourcekit.annotations.class_fields import field_annotations, required_keys
from resourcekit.annotations.class_kinds import is_named_tuple, is_typed_dict
from resourcekit.config.choices import Hook, fits, given
from resourcekit.config.overlay_files import SyntaxProblem, parse_json
from resourcekit.config.problems import ConversionProblem, RefusedError, refuse, within
from resourcekit.config.refusals import aliases, missing, structure, unknown_keys

__all__ = ("NoForm", "fixed_tuple", "has_form", "mapping", "record", "sequence")


class NoForm:
    """The hook of a type that nothing from outside becomes: a value that is one already is taken."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def __call__(self, raw: object, _: Any = None) -> object:
        if not fits(raw, self.annotation):
            what = "no text becomes one" if isinstance(raw, str) else given(raw)
            refuse(type_name(self.annotation), f"{what}; give the field a converter, or the value in code")
        return raw


def has_form(annotation: Any, converter: cattrs.Converter) -> bool:
    """Whether something from outside becomes a value of the type, or of a member of the union."""
    members = [member for member in union_members(annotation) if member is not NoneType]
    return not members or any(not isinstance(converter.get_structure_hook(member), NoForm) for member in members)


# Lists, tuples, sets

_LISTS: Final = (list, tuple, collections.deque)
_SETS: Final = (set, frozenset)


def _like(raw: object) -> Callable[[list[Any]], object]:
    """What is made where any list or collection is right: the kind that was given."""
    return next((kind for kind in (tuple, set, frozenset) if isinstance(raw, kind)), list)


SEQUENCES: Final[dict[Any, Callable[[list[Any]], object] | None]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    collections.abc.MutableSequence: list,
    collections.abc.MutableSet: set,
    collections.abc.Set: frozenset,
    collections.abc.Sequence: None,
    collections.abc.Collection: None,
    collections.abc.Iterable: None,
}
"""What is made for each class with elements; None: see `_like`."""


def sequence(form: forms.Sequence, converter: cattrs.Converter) -> Hook:
    """A hook factory: ``a,b,c``, a JSON array, or a list."""
    annotation = form.annotation
    if form.cls not in SEQUENCES:
        return NoForm(annotation)
    build = SEQUENCES[form.cls]
    elements: Any = GenericAlias(list, (form.item,))
    inner: Hook = list_structure_factory(elements, converter)
    accepted = _LISTS if issubclass(form.cls, collections.abc.Sequence) else _LISTS + _SETS

    def quick(raw: object, _: Any = None) -> object:
        items = raw if type(raw) is list else _items(raw, annotation, accepted)
        made = inner(items, elements)
        return made if build is list else (build or _like(raw))(made)

    def hook(raw: object, _: Any = None) -> object:
        items = _items(raw, annotation, accepted)
        return structure(lambda data, cls: (build or _like(raw))(inner(data, cls)), items, annotation, raw)

    return quick if is_quick(converter) else hook


def fixed_tuple(form: forms.FixedTuple, converter: cattrs.Converter) -> Hook:
    """A hook factory: as a list, each item of its own type."""
    annotation = form.annotation

    def inner(items: list[Any], _: Any) -> tuple[Any, ...]:
        wanted = dict(enumerate(form.items(len(items))))
        if len(items) != len(wanted):
            refuse(type_name(annotation), f"{len(items)} items instead of {len(wanted)}")
        return tuple(_parts(dict(enumerate(items)), wanted, converter).values())

    def hook(raw: object, _: Any = None) -> object:
        return structure(inner, _items(raw, annotation, _LISTS), annotation, raw)

    return hook


def _items(raw: object, annotation: Any, accepted: tuple[type[collections.abc.Collection[Any]], ...]) -> list[Any]:
    """The items of a list from outside, not yet of their types."""
    if isinstance(raw, accepted):
        return list(raw)
    if not isinstance(raw, str):
        refuse(type_name(annotation), f"{given(raw)}, not a list")
    text = raw.strip()
    if not text.startswith("["):
        return [item.strip() for item in text.split(",")] if text else []
    items = parse_json(text)
    if isinstance(items, SyntaxProblem):
        refuse(type_name(annotation), f"it begins as a JSON array: {items}")
    assert isinstance(items, list)  # JSON that begins with [
    return items


# Mappings

MAPPINGS: Final[dict[Any, type]] = {
    dict: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
    collections.defaultdict: collections.defaultdict,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}
"""What is made for each class of mappings."""


def mapping(form: forms.Mapping, converter: cattrs.Converter) -> Hook:
    """A hook factory: a JSON object, or a mapping. An empty text is an empty mapping."""
    annotation, arguments = form.annotation, form.arguments
    if form.cls not in MAPPINGS:
        return NoForm(annotation)
    build = MAPPINGS[form.cls]
    if build is collections.Counter:
        arguments = (*(arguments or (Any,)), int)
    entries: Any = GenericAlias(dict, arguments or (Any, Any))
    inner: Hook = mapping_structure_factory(entries, converter)

    def make(table: dict[Any, Any], cls: Any) -> object:
        made = inner(table, cls)
        if len(made) != len(table):
            refuse(type_name(annotation), "two of its keys are the same key")
        if build is collections.defaultdict:
            return collections.defaultdict(arguments[1] if arguments and callable(arguments[1]) else None, made)
        return made if build is dict else build(made)

    def hook(raw: object, _: Any = None) -> object:
        table = {} if isinstance(raw, str) and not raw.strip() else _table(raw, annotation)
        return structure(make, table, annotation, raw)

    return hook


def _table(raw: object, annotation: Any) -> dict[Any, Any]:
    """The entries of a mapping from outside, not yet of their types."""
    if type(raw) is dict:
        return raw
    if isinstance(raw, Mapping):
        return dict(raw)
    if not isinstance(raw, str):
        refuse(type_name(annotation), f"{given(raw)}, not a table")
    table = parse_json(raw)
    if isinstance(table, SyntaxProblem):
        refuse(type_name(annotation), f"it must be a JSON object: {table}")
    if not isinstance(table, dict):
        refuse(type_name(annotation), "it must be a JSON object, it is other JSON")
    return table


# Classes with fields


def record(form: forms.Record, converter: cattrs.Converter) -> Hook:
    """A hook factory for classes with fields."""
    if is_typed_dict(form.cls):
        return _typed_dict(form, converter)
    return _named_tuple(form, converter) if is_named_tuple(form.cls) else _structured(form, converter)


def _structured(form: forms.Record, converter: cattrs.Converter) -> Hook:
    """A hook factory for attrs classes and dataclasses: an instance, a mapping by alias, a JSON object."""
    annotation, origin = form.annotation, form.cls
    overrides: dict[str, Any] = {}
    if attrs.has(origin):
        attrs.resolve_types(origin)
        with_converter = override(struct_hook=_before_converter(converter))
        overrides = {field.name: with_converter for field in attrs.fields(origin) if field.converter is not None}
    known = frozenset(aliases(annotation).values())
    inner = make_dict_structure_fn(
        _with_arguments(annotation),
        converter,
        _cattrs_forbid_extra_keys=not is_quick(converter),
        _cattrs_use_linecache=False,
        _cattrs_use_alias=True,
        **overrides,
    )

    def quick(raw: object, _: Any = None) -> object:
        if isinstance(raw, origin):
            return raw
        table = _table(raw, annotation)
        if table.keys() <= known:
            return inner(table, annotation)
        raise LookupError

    def hook(raw: object, _: Any = None) -> object:
        return raw if isinstance(raw, origin) else structure(inner, _table(raw, annotation), annotation, raw)

    return quick if is_quick(converter) else hook


def _with_arguments(annotation: Any) -> Any:
    """A generic class without its arguments with the widest ones, which cattrs must be told."""
    widest = [unwrap(parameter) for parameter in getattr(annotation, "__parameters__", ())]
    return annotation[tuple(Any if isinstance(each, TypeVar) else each for each in widest)] if widest else annotation


def _before_converter(converter: cattrs.Converter) -> Hook:
    """The hook of a field with an attrs converter: it gets what the type makes of the value, if the type has a form."""

    def hook(raw: object, annotation: Any) -> object:
        return converter.structure(raw, annotation) if has_form(annotation, converter) else raw

    return hook


def _typed_dict(form: forms.Record, converter: cattrs.Converter) -> Hook:
    """A hook factory for TypedDicts: a mapping, or a JSON object."""
    annotation, wanted, required = form.annotation, _fields(form), required_keys(form.cls)

    def inner(table: dict[Any, Any], _: Any) -> dict[Any, Any]:
        return {**table, **_parts(table, wanted, converter, annotation, required)}

    def hook(raw: object, _: Any = None) -> object:
        return structure(inner, _table(raw, annotation), annotation, raw)

    return hook


def _named_tuple(form: forms.Record, converter: cattrs.Converter) -> Hook:
    """A hook factory for NamedTuples: an instance, a mapping or JSON object by name, a list or array by position."""
    annotation, cls, wanted = form.annotation, form.cls, _fields(form)
    required = wanted.keys() - cls._field_defaults

    def inner(table: Mapping[Any, Any], _: Any) -> object:
        return cls(**_parts(table, wanted, converter, annotation, required))

    def hook(raw: object, _: Any = None) -> object:
        if isinstance(raw, cls):
            return raw
        if not isinstance(raw, _LISTS) and not (isinstance(raw, str) and raw.lstrip().startswith("[")):
            return structure(inner, _table(raw, annotation), annotation, raw)
        items = _items(raw, annotation, _LISTS)
        if len(items) > len(wanted):
            refuse(type_name(annotation), f"{len(items)} items instead of at most {len(wanted)}")
        return structure(inner, dict(zip(wanted, items, strict=False)), annotation, raw)

    return hook


def _fields(form: forms.Record) -> Mapping[Any, Any]:
    """The annotation of each field of a TypedDict or a NamedTuple."""
    resolve_names(form.cls)  # A name that is not to be found is an error here.
    return field_annotations(form.annotation)


def _parts(
    data: Mapping[Any, Any],
    wanted: Mapping[Any, Any],
    converter: cattrs.Converter,
    annotation: Any = None,
    required: Collection[Any] = (),
) -> dict[Any, Any]:
    """Each part of *data* as one of its type; problems are told together, with what is missing and what is unknown."""
    made: dict[Any, Any] = {}
    problems: list[ConversionProblem] = []
    for key, part in wanted.items():
        if key in data:
            try:
                made[key] = converter.structure(data[key], part)
            except RefusedError as refused:
                problems += within(key, refused.problems)
        elif key in required:
            problems.append(missing(key, part))
    problems += unknown_keys(data.keys() - wanted.keys(), data, wanted, annotation)
    if problems:
        raise RefusedError(problems)
    return made


def is_quick(converter: cattrs.Converter) -> bool:
    """Whether a converter only says that something is wrong: what is, another one will find."""
    return not converter.detailed_validation
