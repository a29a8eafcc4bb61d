"""Annotations as words, for messages."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any

from resourcekit.annotations.annotation_structure import QUALIFIERS, UNIONS, form_of, split, unwrap
from resourcekit.annotations.forms import FixedTuple

__all__ = ("type_name",)


def type_name(annotation: Any) -> str:
    """Give the short, readable name of an annotation.

    Example:
        >>> type_name(dict[str, int | None])
        'dict[str, int | None]'
    """
    if isinstance(annotation, type):
        return _plain_name(annotation)
    origin, arguments = split(annotation)
    if arguments and (origin is typing.Annotated or origin in QUALIFIERS):
        return type_name(arguments[0])
    if origin in UNIONS:
        return " | ".join(map(type_name, arguments))
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(_option_name, arguments))}]"
    if origin is tuple and not arguments and isinstance(form_of(annotation), FixedTuple):
        return "tuple[()]"
    if arguments and origin is not Callable:
        return f"{type_name(origin)}[{', '.join(map(type_name, arguments))}]"
    return _plain_name(origin)


def _option_name(option: object) -> str:
    """A literal as it is written, an enum's member by its name."""
    name = getattr(option, "name", None)
    return repr(option) if name is None else f"{type(option).__name__}.{name}"


def _plain_name(annotation: Any) -> str:
    """The name of an annotation without arguments."""
    if annotation is None or annotation is types.NoneType:
        return "None"
    if annotation is ...:
        return "..."
    if isinstance(annotation, (str, typing.ForwardRef)):
        return annotation if isinstance(annotation, str) else annotation.__forward_arg__
    if isinstance(annotation, typing.TypeVar):  # only the class of its bound: a bound may speak of its own variable
        bound, _ = split(unwrap(annotation))
        annotation = bound if isinstance(bound, type) and bound not in UNIONS else annotation
    name = getattr(annotation, "__name__", None)
    return name if isinstance(name, str) else repr(annotation).removeprefix("typing.")
