"""Kinds of classes, and which classes fit a class where that is more than `issubclass`."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Collection, Container, Iterable, Reversible, Sequence
from typing import Any

import attrs

__all__ = (
    "accepts_anything",
    "field_names",
    "has_fields",
    "is_annotated",
    "is_container",
    "is_deferred",
    "is_mock",
    "is_named_tuple",
    "is_protocol",
    "is_resource_class",
    "is_structured",
    "is_typed_dict",
    "own_annotations",
    "promoted_types",
    "protocol_members",
    "refused_types",
)


def is_deferred(value: object) -> bool:
    """Tell whether *value* stands for one that is not there yet: an `EnvVar`, a `ref`, a dependency-injector provider.

    Example:
        >>> is_deferred(5432)
        False
    """
    kind = type(value)
    return getattr(kind, "__deferred__", False) is True or getattr(kind, "__IS_PROVIDER__", False) is True


def is_mock(value: object) -> bool:
    """Tell whether *value* comes from `unittest.mock`, which makes a class of its own for every mock."""
    return type(value).__module__ == "unittest.mock"


def is_resource_class(cls: object) -> bool:
    """Tell whether *cls* is a class of resources.

    Example:
        >>> is_resource_class(int)
        False
    """
    return isinstance(cls, type) and hasattr(cls, "__resourcekit__")


def is_container(cls: type) -> bool:
    """Tell whether *cls* is a list, a dict, a Sequence or another class of the standard library that has elements.

    Example:
        >>> is_container(list), is_container(str)
        (True, False)
    """
    if cls.__module__ not in ("builtins", "collections", "collections.abc"):
        return False
    return issubclass(cls, Iterable) and not issubclass(cls, (str, bytes, bytearray, memoryview, range))


def is_typed_dict(cls: type) -> bool:
    """Tell whether *cls* is a TypedDict."""
    return dict in cls.__mro__ and hasattr(cls, "__required_keys__")


def is_structured(cls: type) -> bool:
    """Tell whether *cls* is an attrs class or a dataclass."""
    return attrs.has(cls) or hasattr(cls, "__dataclass_fields__")


def is_named_tuple(cls: type) -> bool:
    """Tell whether *cls* is a NamedTuple, or what ``namedtuple("Point", "x y")`` made."""
    return issubclass(cls, tuple) and hasattr(cls, "_field_defaults")


def field_names(cls: Any, *, init: bool = False) -> dict[str, str]:
    """Give the constructor's keyword for each field of an attrs class or a dataclass, by the field's name.

    Args:
        cls: The class; of any other class, there are none.
        init: Leave out the fields that the constructor does not take.

    Example:
        >>> field_names(attrs.make_class("Pool", ["size", "_token"]))
        {'size': 'size', '_token': 'token'}
    """
    if attrs.has(cls):
        return {each.name: each.alias or each.name for each in attrs.fields(cls) if each.init or not init}
    if not hasattr(cls, "__dataclass_fields__"):
        return {}
    import dataclasses  # loaded already by whoever made the class

    return {each.name: each.name for each in dataclasses.fields(cls) if each.init or not init}


def has_fields(cls: type) -> bool:
    """Tell whether a mapping can say, field by field, what an instance of *cls* holds."""
    return is_typed_dict(cls) or is_structured(cls)


def is_protocol(cls: type) -> bool:
    """Tell whether *cls* is itself a Protocol, not a class that implements one.

    Example:
        >>> is_protocol(typing.SupportsInt), is_protocol(int)
        (True, False)
    """
    return any(base.__name__ == "Protocol" and _is_typing(base) for base in cls.__bases__)


def accepts_anything(cls: type) -> bool:
    """Tell whether every value is right for *cls*: `object`, `Any`, and classes without instances, as `typing.IO`.

    Example:
        >>> accepts_anything(object), accepts_anything(int)
        (True, False)
    """
    return cls is object or (_is_typing(cls) and not is_protocol(cls))


def _is_typing(cls: type) -> bool:
    """Whether a class is one of the typing modules' own."""
    return cls.__module__ in ("typing", "typing_extensions")


def refused_types(cls: type) -> tuple[type, ...]:
    """Give the subclasses of *cls* whose instances are wrong for it all the same: a bool is no int, a str no Sequence.

    Example:
        >>> refused_types(int)
        (<class 'bool'>,)
    """
    if cls in (int, float, complex):
        return (bool,)
    if cls in (Collection, Container, Iterable, Reversible, Sequence):
        return (str,)
    if cls.__module__ == "datetime":
        import datetime  # loaded already by whoever wrote the annotation

        return (datetime.datetime,) if cls is datetime.date else ()
    return ()


def promoted_types(cls: type) -> tuple[type, ...]:
    """Give the classes whose instances are right for *cls* though they are no subclasses, as type checkers have it.

    Example:
        >>> promoted_types(float)
        (<class 'int'>,)
    """
    if cls is float:
        return (int,)
    return (float, int) if cls is complex else ()


# --- protocols ---


@typing.runtime_checkable
class _EmptyProtocol(typing.Protocol):
    """Has nothing but what Python itself puts into a protocol class."""

    nothing: None


_PLUMBING = frozenset(vars(_EmptyProtocol)).union(
    ("__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__"),
    ("__class_getitem__", "__final__", "__match_args__", "__new__", "__orig_bases__", "__slots__", "__type_params__"),
)


def protocol_members(protocol: type) -> tuple[frozenset[str], frozenset[str]]:
    """Give the names a Protocol asks for: its methods, and its data members (annotations, properties, constants).

    Example:
        >>> protocol_members(typing.SupportsInt)
        (frozenset({'__int__'}), frozenset())
    """
    methods: set[str] = set()
    data: set[str] = set()
    for base in protocol.__mro__:
        if base is object or (_is_typing(base) and base.__name__ in ("Generic", "Protocol")):
            continue
        data.update(own_annotations(base))
        for name, member in vars(base).items():
            is_method = callable(member) or isinstance(member, (classmethod, staticmethod))
            (methods if is_method else data).add(name)
    return frozenset(methods - _PLUMBING), frozenset(data - methods - _PLUMBING)


def own_annotations(cls: type) -> dict[str, Any]:
    """Give the annotations written in the body of *cls* itself."""
    try:
        return inspect.get_annotations(cls)
    except Exception:  # since Python 3.14 they are evaluated here; before it, a class may hold anything under the name
        return {}


def is_annotated(cls: type, name: str) -> bool:
    """Tell whether *cls* or one of its bases declares *name*, with a value or without."""
    return any(name in own_annotations(base) for base in cls.__mro__)
