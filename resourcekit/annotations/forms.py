"""The forms a type can have: all that a check, a conversion, a text, a schema or a path into a value has to know.

The set is closed, and whoever walks a type says what it does for each form. Parts are annotations, not forms: a type
may hold itself, so a walk asks `form_of` for a part when it gets there.
"""

from __future__ import annotations

from typing import Any

import attrs

__all__ = (
    "Anything",
    "Choice",
    "ClassOf",
    "FixedTuple",
    "Form",
    "Mapping",
    "OneOf",
    "Own",
    "Record",
    "Resource",
    "Scalar",
    "Sequence",
)


@attrs.frozen(eq=False)
class Form:
    """A type, read.

    Args:
        annotation: The annotation, without what says nothing about the value.
        cls: The class of the values, or what else stands before the brackets.
        arguments: What is in the brackets.
    """

    annotation: Any
    cls: Any
    arguments: tuple[Any, ...]


class Anything(Form):
    """`Any`, `object`, and every annotation that is not understood."""

    __slots__ = ()


class Own(Form):
    """`Self`: the class of the object that has the field."""

    __slots__ = ()


class OneOf(Form):
    """A union of several types; its arguments are the members, flattened and unwrapped."""

    __slots__ = ()


class Choice(Form):
    """A `Literal`; its arguments are the options."""

    __slots__ = ()


class ClassOf(Form):
    """``type[X]``: a class whose instances are right for X."""

    __slots__ = ()


class Scalar(Form):
    """A class of which only the class counts, not what is in its instances: an int, a Path, an Enum, a Protocol."""

    __slots__ = ()


class Resource(Form):
    """A class of resources."""

    __slots__ = ()


class Record(Form):
    """A class with fields: an attrs class, a dataclass, a TypedDict, a NamedTuple."""

    __slots__ = ()


class Sequence(Form):
    """A class of the standard library with elements of one type: a list, a set, an Iterable."""

    __slots__ = ()

    @property
    def item(self) -> Any:
        """The annotation of each element; `Any` where it does not say."""
        return self.arguments[0] if len(self.arguments) == 1 or self.arguments[1:] == (...,) else Any


class Mapping(Form):
    """A class of the standard library with keys and values."""

    __slots__ = ()

    @property
    def key(self) -> Any:
        """The annotation of each key; `Any` where it does not say."""
        return self.arguments[0] if len(self.arguments) == 2 else Any

    @property
    def value(self) -> Any:
        """The annotation of each value; `Any` where it does not say."""
        return self.arguments[1] if len(self.arguments) == 2 else Any


@attrs.frozen(eq=False)
class FixedTuple(Form):
    """A tuple with a type for each place, as ``tuple[int, str]`` or ``tuple[int, *tuple[str, ...]]``.

    Args:
        before: The annotations of the first items.
        repeated: The annotation of any number of items after them; None where there are no more.
        after: The annotations of the last items.
    """

    before: tuple[Any, ...]
    repeated: Any = None
    after: tuple[Any, ...] = ()

    def items(self, length: int) -> tuple[Any, ...]:
        """Give the annotation of each item of a tuple of some length, as far as it may have so many."""
        missing = length - len(self.before) - len(self.after)
        return (*self.before, *(() if self.repeated is None else (self.repeated,) * missing), *self.after)
