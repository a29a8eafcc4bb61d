"""What the type parameters of generic classes stand for."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

__all__ = ("arguments_of", "substituted", "type_arguments")


def arguments_of(annotation: Any) -> dict[Any, object]:
    """Give what the type parameters of a generic class stand for in ``Box[int]``; of a bare class, nothing.

    Example:
        >>> arguments_of(list[int])
        {}
    """
    origin = typing.get_origin(annotation)
    return dict(zip(getattr(origin, "__parameters__", ()), typing.get_args(annotation), strict=False))


def type_arguments(cls: type, owner: type) -> dict[Any, object]:
    """Give what the type parameters of *owner*, a generic base of *cls*, stand for in *cls*."""
    known: dict[Any, dict[Any, object]] = {}
    for base in cls.__mro__:
        for alias in base.__dict__.get("__orig_bases__", ()):
            origin = typing.get_origin(alias)
            arguments = [substituted(argument, known.get(base, {})) for argument in typing.get_args(alias)]
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
