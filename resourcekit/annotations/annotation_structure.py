"""Type annotations, read: the only module that asks `typing` how an annotation is built.

`form_of` gives the form of a type, which everyone else walks. Names in strings are looked up here too.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final

from resourcekit.annotations import forms
from resourcekit.annotations.class_kinds import (
    accepts_anything,
    has_fields,
    is_container,
    is_named_tuple,
    is_resource_class,
    own_annotations,
)

__all__ = (
    "QUALIFIERS",
    "UNIONS",
    "arguments_of",
    "class_annotations",
    "evaluated",
    "form_of",
    "function_annotations",
    "metadata_of",
    "resolve_names",
    "split",
    "substituted",
    "type_arguments",
    "union_members",
    "unwrap",
)

UNIONS: Final = (typing.Union, types.UnionType)
QUALIFIERS: Final = (
    typing.ClassVar,
    typing.Final,
    typing.Required,
    typing.NotRequired,
    getattr(typing, "ReadOnly", typing.Final),  # since Python 3.13
)

_WITHOUT_PARTS: Final[tuple[Any, ...]] = (Callable,)  # what is in its brackets is in none of its values


# --- what stands around a type ---


def unwrap(annotation: Any) -> Any:
    """Strip what says nothing about the value: Annotated, NewType, Final, Required, `type X = ...`, a TypeVar's name.

    A TypeVar gives its bound, or the union of its constraints; one with neither stays as it is. `None` gives its class.

    Example:
        >>> unwrap(typing.Annotated[int, "bytes"])
        <class 'int'>
    """
    if isinstance(annotation, type):  # Most are, and start-up reads each many times.
        return annotation
    for _ in range(100):  # `type X = X` has no end
        inner = _inner(annotation)
        if inner is annotation:
            return annotation
        annotation = inner
    return Any


def _inner(annotation: Any) -> Any:
    """*annotation* without its outermost wrapping, or itself."""
    if annotation is None:
        return types.NoneType
    if annotation is typing.LiteralString:
        return str
    if isinstance(annotation, typing.NewType):
        return annotation.__supertype__
    if isinstance(annotation, typing.TypeVar):
        return _bound(annotation)
    origin, arguments = split(annotation)
    if arguments and (origin is typing.Annotated or origin in QUALIFIERS):
        return arguments[0]
    return _aliased(annotation, origin)


def _bound(variable: typing.TypeVar) -> Any:
    """What a TypeVar stands for at its widest, or the variable itself."""
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007 - any number of them
    return variable if variable.__bound__ is None else variable.__bound__


def _aliased(annotation: Any, alias: Any) -> Any:
    """What `type X = ...` stands for, with the arguments of an `X[int]` in place; anything else as it is."""
    if isinstance(alias, type):
        return annotation
    try:
        value = alias.__value__
    except AttributeError:
        return annotation
    except Exception:  # it is evaluated only here, so it may raise anything
        return Any
    arguments = typing.get_args(annotation)
    if alias.__type_params__ == getattr(value, "__parameters__", ()) and arguments:
        return value[arguments]
    given = dict(zip(alias.__type_params__, arguments, strict=False))
    if isinstance(value, typing.TypeVar):
        return given.get(value, Any)
    parameters = getattr(value, "__parameters__", ())
    return value[tuple(given.get(parameter, Any) for parameter in parameters)] if parameters else value


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split an annotation into its class, or what else stands before the brackets, and what is in them.

    Example:
        >>> split(dict[str, int]), split(int)
        ((<class 'dict'>, (<class 'str'>, <class 'int'>)), (<class 'int'>, ()))
    """
    if isinstance(annotation, type):
        return annotation, ()
    return typing.get_origin(annotation) or annotation, typing.get_args(annotation)


def metadata_of(annotation: Any) -> tuple[Any, ...]:
    """Give what `Annotated` says of a type, or of a member of a union.

    Example:
        >>> metadata_of(typing.Annotated[int, "bytes"] | None)
        ('bytes',)
    """
    origin, arguments = split(annotation)
    if origin in UNIONS:
        return tuple(each for member in arguments for each in metadata_of(member))
    return getattr(annotation, "__metadata__", ())


# --- forms ---


def form_of(annotation: Any) -> forms.Form:
    """Give the form of a type; the same object for the same annotation.

    An annotation that is not understood, as a string, allows anything.

    Example:
        >>> form_of(typing.Annotated[list[int] | None, "ports"]).arguments
        (list[int], <class 'NoneType'>)
    """
    if isinstance(annotation, type):
        return _form_of_class(annotation)
    try:
        return _known_form(_written(annotation))
    except TypeError:
        pass
    return _form_without_hash(annotation)


def _written(annotation: Any) -> tuple[Any, ...]:
    """An annotation as a key: `int | str` equals `str | int`, which is another type."""
    return annotation, *map(_written, getattr(annotation, "__args__", ()))


def _form_without_hash(annotation: Any) -> forms.Form:
    """The form of an annotation like ``list[Annotated[int, {"unit": "s"}]]``: that of the type without its metadata."""
    inner = unwrap(annotation)
    if inner is not annotation:
        return form_of(inner)
    try:
        return _known_form(_written(evaluated(annotation, {}, {}, keeps_metadata=False)))
    except Exception:  # it may be anything
        return _read_form(annotation)


@functools.lru_cache(maxsize=1024)
def _form_of_class(cls: type) -> forms.Form:
    """The form of a class without arguments."""
    return _read_form(cls)


@functools.lru_cache(maxsize=1024)
def _known_form(written: tuple[Any, ...]) -> forms.Form:
    """The form of an annotation that is hashable, as `_written` has it."""
    inner = unwrap(written[0])
    return _read_form(inner) if inner is written[0] else form_of(inner)


def _read_form(annotation: Any) -> forms.Form:
    """The form of an annotation that is not known yet."""
    annotation = unwrap(annotation)
    cls, arguments = split(annotation)
    if cls in UNIONS:
        return _form_of_union(annotation)
    if cls is typing.Literal:
        return forms.Choice(annotation, cls, arguments)
    if cls is typing.Self:
        return forms.Own(annotation, cls, arguments)
    if not isinstance(cls, type) or accepts_anything(cls):
        return forms.Anything(annotation, cls, arguments)
    if cls is type and arguments:
        return forms.ClassOf(annotation, cls, arguments)
    if cls in _WITHOUT_PARTS:
        return forms.Scalar(annotation, cls, ())
    return _fixed_tuple(annotation) or _form_class(cls)(annotation, cls, arguments)


def _form_class(cls: type) -> type[forms.Form]:
    """The form of the instances of a class, whatever its arguments are."""
    if is_container(cls):
        return forms.Mapping if issubclass(cls, Mapping) else forms.Sequence
    if is_resource_class(cls):
        return forms.Resource
    return forms.Record if has_fields(cls) or is_named_tuple(cls) else forms.Scalar


def _form_of_union(annotation: Any) -> forms.Form:
    """The form of a union, or of its only member."""
    members: list[Any] = []
    unions: list[Any] = []
    pending = [annotation]
    while pending:
        member = unwrap(pending.pop(0))
        origin, arguments = split(member)
        if origin not in UNIONS:
            members += [] if member in members else [member]
        elif member not in unions:  # an alias may hold itself
            unions.append(member)
            pending[:0] = arguments
    if len(members) == 1:  # the same type twice, each time under another name
        return form_of(members[0])
    return forms.OneOf(annotation, split(annotation)[0], tuple(members))


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union, flattened and each unwrapped; of any other annotation, itself as the only one.

    Example:
        >>> union_members(int | None)
        (<class 'int'>, <class 'NoneType'>)
    """
    if isinstance(annotation, type):
        return (annotation,)
    form = form_of(annotation)
    return form.arguments if isinstance(form, forms.OneOf) else (form.annotation,)


# --- tuples of fixed length ---


def _fixed_tuple(annotation: Any) -> forms.FixedTuple | None:
    """The form of a tuple with a type for each place; None for any other annotation."""
    cls, arguments = split(annotation)
    if cls is not tuple or not hasattr(annotation, "__args__") or arguments[1:] == (...,):
        return None
    items = [each for item in arguments for each in _spliced(item)]
    places = [place for place, item in enumerate(items) if _is_unpacked(item)]
    if not places:
        return forms.FixedTuple(annotation, cls, arguments, tuple(items))
    if len(places) > 1:
        return None
    before, after = items[: places[0]], items[places[0] + 1 :]
    repeated = typing.get_args(_packed(items[places[0]]))[:1] or (Any,)  # of *Ts nothing is known
    return forms.FixedTuple(annotation, cls, arguments, tuple(before), repeated[0], tuple(after))


def _spliced(item: Any) -> list[Any]:
    """An item of a tuple's annotation, or those that ``*tuple[int, str]`` stands for."""
    packed = _packed(item) if _is_unpacked(item) else None
    arguments = typing.get_args(packed)
    if typing.get_origin(packed) is not tuple or arguments[1:] == (...,):
        return [item]
    return [each for inner in arguments for each in _spliced(inner)]


def _packed(item: Any) -> Any:
    """``tuple[int, ...]`` of ``*tuple[int, ...]`` and of ``Unpack[tuple[int, ...]]``."""
    return item if typing.get_origin(item) is tuple else typing.get_args(item)[0]


def _is_unpacked(item: Any) -> bool:
    """Whether an item of a tuple's annotation stands for any number of items, as `*tuple[int, ...]` does."""
    return getattr(item, "__unpacked__", False) is True or typing.get_origin(item) is typing.Unpack


# --- annotations of classes ---


def class_annotations(cls: type) -> tuple[dict[str, Any], bool]:
    """Give the resolved annotations of a class, and whether all are; if not, those that need no resolving."""
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
        return {name: _inherited(cls, name, hint) for name, hint in hints.items()}, True
    except Exception:  # evaluating an annotation may raise anything
        written = {name: hint for base in reversed(cls.__mro__) for name, hint in own_annotations(base).items()}
        return {name: Any if isinstance(hint, str) else hint for name, hint in written.items()}, False


def _inherited(cls: type, name: str, hint: Any) -> Any:
    """What a field of a generic base is in a class that derives from it, as ``Box[int]``."""
    if not getattr(hint, "__parameters__", ()) and not isinstance(hint, typing.TypeVar):
        return hint
    owner = next((base for base in cls.__mro__ if name in own_annotations(base)), cls)
    return substituted(hint, type_arguments(cls, owner))


def resolve_names(cls: type) -> None:
    """Look up every name in the annotations of a class.

    Raises:
        NameError: One is not to be found.
    """
    typing.get_type_hints(cls)


# --- type parameters of generic classes ---


def arguments_of(annotation: Any) -> dict[Any, object]:
    """Give what the type parameters of a generic class stand for in ``Box[int]``; of a bare class, nothing.

    Example:
        >>> arguments_of(list[int])
        {}
    """
    origin, arguments = split(annotation)
    return dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))


def type_arguments(cls: type, owner: type) -> dict[Any, object]:
    """Give what the type parameters of *owner*, a generic base of *cls*, stand for in *cls*."""
    known: dict[Any, dict[Any, object]] = {}
    for base in cls.__mro__:
        for alias in base.__dict__.get("__orig_bases__", ()):
            origin, written = split(alias)
            arguments = [substituted(argument, known.get(base, {})) for argument in written]
            known.setdefault(origin, dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False)))
    return known.get(owner, {})


def substituted(annotation: Any, arguments: Mapping[Any, object]) -> object:
    """Give *annotation* with the type parameters in it replaced by what they stand for.

    Example:
        >>> T = typing.TypeVar("T")
        >>> substituted(list[T], {T: int})
        list[int]
    """
    if isinstance(annotation, typing.TypeVar):
        return arguments.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or not arguments or typing.get_origin(annotation) is None:  # A bare generic class has them too.
        return annotation
    return annotation[tuple(arguments.get(parameter, parameter) for parameter in parameters)]


# --- names in strings ---


def evaluated(written: Any, module: dict[str, Any], local: Mapping[str, Any], *, keeps_metadata: bool = True) -> Any:
    """Give an annotation with the names in its strings looked up.

    Args:
        written: The annotation.
        module: The names of its module.
        local: The names that go before them.
        keeps_metadata: Leave what `Annotated` says, at any depth.

    Raises:
        Exception: Any, a NameError or AttributeError above all: a name is not found, or the string is no annotation.
    """
    holder = types.SimpleNamespace(__annotations__={"it": written})
    return typing.get_type_hints(holder, module, dict(local), include_extras=keeps_metadata)["it"]


def function_annotations(function: Any) -> dict[str, Any]:
    """Give the resolved annotations of a function, or none where one of them cannot be resolved."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}
