"""What an annotation is made of: its members, elements, fields, resources, and the classes that fit it."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs

from resourcekit.annotations.class_kinds import (
    accepts_anything,
    has_fields,
    is_annotated,
    is_container,
    is_protocol,
    is_resource_class,
    is_structured,
    is_typed_dict,
    own_annotations,
    promoted_types,
    protocol_members,
    refused_types,
)
from resourcekit.annotations.generics import arguments_of, substituted, type_arguments

__all__ = (
    "QUALIFIERS",
    "UNIONS",
    "accepts",
    "element_annotation",
    "exact_type",
    "field_annotations",
    "fixed_items",
    "resource_classes",
    "split",
    "union_members",
    "unwrap",
)

UNIONS = (typing.Union, types.UnionType)
QUALIFIERS = (
    typing.ClassVar,
    typing.Final,
    typing.Required,
    typing.NotRequired,
    getattr(typing, "ReadOnly", typing.Final),  # since Python 3.13
)


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
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated or origin in QUALIFIERS:
        return typing.get_args(annotation)[0]
    return _aliased(annotation, annotation if origin is None else origin)


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


def split(member: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split a member of a union into its class, or what else stands before the brackets, and what is in them.

    Example:
        >>> split(dict[str, int]), split(int)
        ((<class 'dict'>, (<class 'str'>, <class 'int'>)), (<class 'int'>, ()))
    """
    if isinstance(member, type):
        return member, ()
    return typing.get_origin(member) or member, typing.get_args(member)


def union_members(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union, flattened and each unwrapped; of any other annotation, itself as the only one.

    Example:
        >>> union_members(int | None)
        (<class 'int'>, <class 'NoneType'>)
    """
    if isinstance(annotation, type):
        return (annotation,)
    members: list[Any] = []
    unions: list[Any] = []
    pending = [annotation]
    while pending:
        member = unwrap(pending.pop(0))
        if typing.get_origin(member) not in UNIONS:
            members += [] if member in members else [member]
        elif member not in unions:  # an alias may hold itself
            unions.append(member)
            pending[:0] = typing.get_args(member)
    return tuple(members)


def resource_classes(annotation: Any) -> tuple[type, ...]:
    """Give every class of resources that a value of this annotation may hold, in the order written, each once.

    Looks into unions, containers and the arguments of generic classes; not into `type[R]` and `Callable`, whose values
    hold no resource, nor into the arguments of a resource class.

    Example:
        >>> resource_classes(dict[str, int])
        ()
    """
    if isinstance(annotation, type):
        return (annotation,) if is_resource_class(annotation) else ()
    found: dict[type, None] = {}
    visited: list[Any] = []
    pending = [annotation]
    while pending:
        member = unwrap(pending.pop(0))
        origin, arguments = split(member)
        if is_resource_class(origin):
            found[origin] = None
        elif origin not in (type, Callable, typing.Literal) and member not in visited:
            visited.append(member)
            pending[:0] = arguments
    return tuple(found)


def exact_type(annotation: Any) -> type | None:
    """Give the class C for which `type(value) is C` alone proves a value right, or None where there is none.

    None for unions, literals, protocols, abstract and path classes (whose instances are always of a subclass), and for
    every container, bare or not: what is in it may not be there yet.

    Example:
        >>> exact_type(int), exact_type(list[int])
        (<class 'int'>, None)
    """
    cls, _ = split(unwrap(annotation))
    if is_resource_class(cls):
        return None if inspect.isabstract(cls) else cls
    if not isinstance(cls, type) or cls in (*UNIONS, type) or accepts_anything(cls):
        return None
    if is_container(cls) or is_protocol(cls) or is_typed_dict(cls) or hasattr(cls, "__fspath__"):
        return None
    return None if inspect.isabstract(cls) else cls


# --- what fits ---


def accepts(annotation: Any, offered: Any) -> bool:
    """Tell whether an instance of the class *offered* could be right for a field of this annotation.

    Classes alone decide: what is in a container or a literal is not looked at, and of a Protocol only the methods
    count. *offered* may be a generic alias, `Box[int]`, or a union, of which one member is enough. What is not
    understood is right.

    Example:
        >>> accepts(float, int), accepts(int, bool), accepts(int | None, str)
        (True, False, False)
    """
    offers = [split(offer)[0] for offer in union_members(offered)]
    return any(_accepts_class(member, offer) for member in union_members(annotation) for offer in offers)


def _accepts_class(member: Any, offered: Any) -> bool:
    """`accepts` for one member of a union and one class."""
    cls, arguments = split(member)
    if not isinstance(offered, type) or offered is Any:
        return True
    if cls is typing.Literal:
        return any(type(option) is offered for option in arguments)
    if not isinstance(cls, type) or accepts_anything(cls):
        return True
    if offered.__module__ == "unittest.mock" and cls.__module__ != "builtins":
        return True
    if is_protocol(cls):
        return all(_has_method(offered, name) for name in protocol_members(cls)[0])
    return _is_subclass(offered, dict if is_typed_dict(cls) else cls)


def _has_method(cls: type, name: str) -> bool:
    """Whether instances have the attribute: defined (None takes a definition back), or at least declared."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name] is not None
    return is_annotated(cls, name)


def _is_subclass(offered: type, cls: type) -> bool:
    """`issubclass`, with the rules for bool, datetime, str and int."""
    if issubclass(offered, refused_types(cls)):
        return False
    try:
        return issubclass(offered, (cls, *promoted_types(cls)))
    except TypeError:  # the class refuses the question
        return True


# --- what is inside ---


def element_annotation(annotation: Any, value: object, position: object) -> Any:
    """Give the annotation of one element of a container.

    Args:
        annotation: The annotation of the container. Of a union, the first member that takes this kind of value counts.
        value: The container.
        position: The key in a mapping, else the index; in a set, any.

    Returns:
        In a mapping, the annotation of its values, or of the field of that name where the annotation is an attrs
        class, a dataclass or a TypedDict. `Any` where nothing is known.

    Example:
        >>> element_annotation(dict[str, int] | tuple[str, bool], ("a", True), 1)
        <class 'bool'>
    """
    for member in union_members(annotation):
        cls = split(member)[0]
        if isinstance(cls, type) and _takes_kind(cls, value):
            return _element(member, value, position)
    return Any


def _takes_kind(cls: type, value: object) -> bool:
    """Whether a field of this class takes such a container, whatever is in it."""
    if has_fields(cls):
        return isinstance(value, Mapping)
    return is_container(cls) and isinstance(value, cls) and not isinstance(value, refused_types(cls))


def _element(member: Any, value: object, position: object) -> Any:
    """The annotation of the element at *position* of a container that *member* takes."""
    cls, arguments = split(member)
    if has_fields(cls):
        return field_annotations(member).get(position, Any)
    items = fixed_items(member, len(value)) if isinstance(value, tuple) else None
    if items is not None:
        return items[position] if isinstance(position, int) and -len(items) <= position < len(items) else Any
    if issubclass(cls, Mapping):
        return arguments[1] if len(arguments) == 2 else Any
    if isinstance(value, Mapping):  # what an Iterable[str] says of a mapping, it says of the keys
        return Any
    return arguments[0] if len(arguments) == 1 or arguments[1:] == (...,) else Any


def fixed_items(annotation: Any, length: int | None = None) -> tuple[Any, ...] | None:
    """Give the annotations of the items of a tuple of fixed length; None for any other annotation.

    Args:
        annotation: The annotation.
        length: How many items a tuple has. With it, ``tuple[int, *tuple[str, ...]]`` is one of fixed length too.

    Example:
        >>> fixed_items(tuple[int, str]), fixed_items(tuple[int, ...])
        ((<class 'int'>, <class 'str'>), None)
        >>> fixed_items(tuple[int, *tuple[str, ...]], 3)
        (<class 'int'>, <class 'str'>, <class 'str'>)
    """
    cls, arguments = split(annotation)
    if cls is not tuple or not hasattr(annotation, "__args__") or arguments[1:] == (...,):
        return None
    items = [each for item in arguments for each in _spliced(item)]
    places = [place for place, item in enumerate(items) if _is_unpacked(item)]
    if not places:
        return tuple(items)
    if length is None or len(places) > 1:
        return None
    before, after = items[: places[0]], items[places[0] + 1 :]
    repeated = typing.get_args(_packed(items[places[0]]))[:1] or (Any,)  # of *Ts nothing is known
    return (*before, *repeated * (length - len(before) - len(after)), *after)


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
    cls, _ = split(annotation)
    known = _FIELDS.get(cls)
    if known is None:
        hints, are_resolved = _hints(cls)
        known = _annotations_of(cls, hints)
        if are_resolved:
            _FIELDS[cls] = known
    arguments = arguments_of(annotation)
    return {name: substituted(hint, arguments) for name, hint in known.items()} if arguments else known


_FIELDS: Final[WeakKeyDictionary[type, Mapping[Any, Any]]] = WeakKeyDictionary()
"""What `field_annotations` has found, but where a name may yet come to exist."""


def _annotations_of(cls: type, hints: dict[str, Any]) -> Mapping[Any, Any]:
    """The annotation of every field, by what a mapping may call it."""
    if attrs.has(cls):
        fields = [(field, hints.get(field.name, field.type)) for field in attrs.fields(cls)]
        named = {name: hint for field, hint in fields for name in (field.name, field.alias)}
        return {name: Any if hint is None or isinstance(hint, str) else hint for name, hint in named.items()}
    if is_structured(cls):
        import dataclasses  # loaded already by whoever made the class

        return {field.name: hints.get(field.name, Any) for field in dataclasses.fields(cls)}
    return hints or dict.fromkeys(getattr(cls, "_fields", ()), Any)  # as namedtuple("Point", "x y") makes it


def _hints(cls: type) -> tuple[dict[str, Any], bool]:
    """The resolved annotations of a class, and whether all are; if not, those that need no resolving."""
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
