"""Values with parts: lists, tuples, sets, mappings, and classes with fields. cattrs does the parts."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
from collections.abc import Callable, Mapping
from types import GenericAlias, NoneType
from typing import Any, Final, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import list_structure_factory, mapping_structure_factory, namedtuple_dict_structure_factory
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override
from cattrs.gen.typeddicts import make_dict_structure_fn as make_typed_dict_structure_fn

from resourcekit.annotations import type_name, union_members
from resourcekit.config.choices import Hook, fits, given
from resourcekit.config.files import SyntaxProblem, parse_json
from resourcekit.config.problems import ConversionProblem, RefusedError, UnknownKey, refuse, within, without_keys
from resourcekit.errors import did_you_mean

__all__ = (
    "MAPPINGS",
    "SEQUENCES",
    "NoForm",
    "fixed_tuple",
    "foreign",
    "has_form",
    "mapping",
    "named_tuple",
    "origin_of",
    "sequence",
    "structured",
    "typed_dict",
)


def origin_of(annotation: Any) -> Any:
    """The class of a generic alias; anything else itself."""
    return get_origin(annotation) or annotation


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


def sequence(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory: ``a,b,c``, a JSON array, or a list."""
    origin, arguments = origin_of(annotation), get_args(annotation)
    build = SEQUENCES[origin]
    elements: Any = GenericAlias(list, arguments[:1] or (Any,))
    inner = list_structure_factory(elements, converter)
    accepted = _LISTS if issubclass(origin, collections.abc.Sequence) else _LISTS + _SETS

    def quick(raw: object, _: Any = None) -> object:
        items = raw if type(raw) is list else _items(raw, annotation, accepted)
        made = inner(items, elements)
        return made if build is list else (build or _like(raw))(made)

    def hook(raw: object, _: Any = None) -> object:
        items = _items(raw, annotation, accepted)
        return _structure(lambda data, cls: (build or _like(raw))(inner(data, cls)), items, annotation, raw)

    return quick if is_quick(converter) else hook


def fixed_tuple(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory: as a list, each item of its own type."""
    members = get_args(annotation)

    def inner(items: list[Any], _: Any) -> tuple[Any, ...]:
        values, problems = [], []
        for index, (item, member) in enumerate(zip(items, members, strict=True)):
            try:
                values.append(converter.structure(item, member))
            except RefusedError as refused:
                problems += within(index, refused.problems)
        if problems:
            raise RefusedError(problems)
        return tuple(values)

    def hook(raw: object, _: Any = None) -> object:
        items = _items(raw, annotation, _LISTS)
        if len(items) != len(members):
            refuse(type_name(annotation), f"{len(items)} items instead of {len(members)}")
        return _structure(inner, items, annotation, raw)

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


def mapping(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory: a JSON object, or a mapping. An empty text is an empty mapping."""
    build, arguments = MAPPINGS[origin_of(annotation)], get_args(annotation)
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
        return _structure(make, table, annotation, raw)

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


def structured(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory for attrs classes and dataclasses: an instance, a mapping by alias, a JSON object."""
    origin = origin_of(annotation)
    overrides: dict[str, Any] = {}
    if attrs.has(origin):
        attrs.resolve_types(origin)
        with_converter = override(struct_hook=_before_converter(converter))
        overrides = {field.name: with_converter for field in attrs.fields(origin) if field.converter is not None}
    known = frozenset(_aliases(origin).values())
    inner = make_dict_structure_fn(
        annotation,
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
        return raw if isinstance(raw, origin) else _structure(inner, _table(raw, annotation), annotation, raw)

    return quick if is_quick(converter) else hook


def _before_converter(converter: cattrs.Converter) -> Hook:
    """The hook of a field with an attrs converter: it gets what the type makes of the value, if the type has a form."""

    def hook(raw: object, annotation: Any) -> object:
        return converter.structure(raw, annotation) if has_form(annotation, converter) else raw

    return hook


def typed_dict(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory for TypedDicts: a mapping, or a JSON object."""
    inner = make_typed_dict_structure_fn(
        annotation, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_linecache=False
    )

    def hook(raw: object, _: Any = None) -> object:
        return _structure(inner, _table(raw, annotation), annotation, raw)

    return hook


def named_tuple(annotation: Any, converter: cattrs.Converter) -> Hook:
    """A hook factory for NamedTuples: an instance, a mapping or JSON object by name, a list or array by position."""
    names = annotation._fields
    inner = namedtuple_dict_structure_factory(annotation, converter, True, True, False)

    def hook(raw: object, _: Any = None) -> object:
        if isinstance(raw, annotation):
            return raw
        if not isinstance(raw, _LISTS) and not (isinstance(raw, str) and raw.lstrip().startswith("[")):
            return _structure(inner, _table(raw, annotation), annotation, raw)
        items = _items(raw, annotation, _LISTS)
        if len(items) > len(names):
            refuse(type_name(annotation), f"{len(items)} items instead of at most {len(names)}")
        return _structure(inner, dict(zip(names, items, strict=False)), annotation, raw)

    return hook


# From the errors of cattrs to problems


def is_quick(converter: cattrs.Converter) -> bool:
    """Whether a converter only says that something is wrong: what is, another one will find."""
    return not converter.detailed_validation


def _structure(inner: Hook, data: Any, annotation: Any, raw: object) -> object:
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
        return _unknown(error, data, annotation)
    if isinstance(error, BaseValidationError):
        return [problem for part in error.exceptions for problem in _part_problems(part, data, annotation)]
    return [foreign(error, annotation)]


def _part_problems(error: Exception, data: Any, annotation: Any) -> list[ConversionProblem]:
    """The problems of one element or field; cattrs says in a note which one it is."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, IterableValidationNote):
            return within(_position(note.index, data), _problems(error, data, note.type))
        if isinstance(note, AttributeValidationNote):
            key = _aliases(origin_of(annotation))[note.name]
            if isinstance(error, KeyError) and key not in data:
                return [ConversionProblem(type_name(note.type), "it is required, and missing", (key,))]
            return within(key, _problems(error, data, note.type))
    return _problems(error, data, annotation)


def _position(index: int | str, data: Any) -> int | str:
    """Where an element stands: its index; for one of a mapping not its key, which is data too."""
    return f"key {list(data).index(index) + 1}" if isinstance(data, Mapping) else index


def _unknown(error: ForbiddenExtraKeysError, data: Mapping[Any, Any], annotation: Any) -> list[ConversionProblem]:
    """The keys that are no field, in their order."""
    known = list(_aliases(origin_of(annotation)).values())
    return [
        ConversionProblem(
            f"a field of {type_name(annotation)}",
            f"there is no such field; {did_you_mean(str(key), known)}",
            (UnknownKey(key, position),),
        )
        for position, key in enumerate(data, 1)
        if key in error.extra_fields
    ]


def _aliases(cls: Any) -> dict[str, str]:
    """The key of each field that a mapping may set, by the field's name."""
    if attrs.has(cls):
        return {field.name: _alias(field) for field in attrs.fields(cls) if field.init}
    if dataclasses.is_dataclass(cls):
        return {field.name: field.name for field in dataclasses.fields(cls) if field.init}
    names = cls._fields if hasattr(cls, "_fields") else sorted(cls.__required_keys__ | cls.__optional_keys__)
    return {name: name for name in names}


def _alias(field: attrs.Attribute[Any]) -> str:
    return field.alias or field.name


def foreign(error: Exception, annotation: Any) -> ConversionProblem:
    """The problem for an error that is not ours: only its type is told, for its text may hold the value."""
    if isinstance(error, RecursionError):
        return ConversionProblem(type_name(annotation), "nested too deeply, or it holds itself")
    if isinstance(error, NameError) and error.name:
        reason = f"an annotation names {error.name}, which is not to be found where the class is defined"
        return ConversionProblem(type_name(annotation), reason)
    field = _blamed_field(error, origin_of(annotation))
    if field is not None:
        reason = f"its validator refuses it with {type(error).__name__}"
        return ConversionProblem(type_name(field.type), reason, (_alias(field),))
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
