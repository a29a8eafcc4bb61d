"""Whether what was read back is what was written: type by type, value by value."""

from __future__ import annotations

from typing import Any

from resourcekit.annotations.class_kinds import field_names, is_structured
from resourcekit.base.errors import kind_in_words, shortened

__all__ = ("first_change",)


def first_change(value: Any, found: Any, where: str = "") -> str | None:
    """The first difference between a value and what was read back, in words; None where there is none.

    Args:
        value: What was written.
        found: What was read. A float in the place of an int that is equal is as good, as for type checkers.
        where: The place of both in what they are part of, for the words.

    >>> first_change({"a": (1, 2)}, {"a": [1, 2]})
    "a list in the place of a tuple, at ['a']"
    """
    if type(value) is not type(found) and not (type(value) is int and type(found) is float and value == found):
        return f"{kind_in_words(found)} in the place of {kind_in_words(value)}{_at(where)}"
    ours, theirs = _parts(value), _parts(found)
    if ours is None or theirs is None:
        return None if _is_same(value, found) else f"another {type(value).__name__}{_at(where)}"
    if len(ours) != len(theirs):
        return f"{_length(found)} in the place of {_length(value)}{_at(where)}"
    pairs = zip(ours, theirs, strict=True)
    changes = (first_change(part, other, where + name) for (name, part), (_, other) in pairs)
    return next((change for change in changes if change is not None), None)


def _is_same(value: Any, found: Any) -> bool:
    if isinstance(value, set | frozenset):
        return {(type(each), each) for each in value} == {(type(each), each) for each in found}
    return bool(value == found)


def _length(value: Any) -> str:
    return f"{kind_in_words(value)} of {len(value)}"


def _at(where: str) -> str:
    return f", at {where}" if where else ""


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a value is made of, each with its place; None for what is compared as a whole."""
    if isinstance(value, dict):
        keys = [(f"[key {place}]", key) for place, key in enumerate(value)]
        return keys + [(_item(key, place), item) for place, (key, item) in enumerate(value.items())]
    if isinstance(value, list | tuple):
        return [(f"[{place}]", item) for place, item in enumerate(value)]
    if is_structured(type(value)):
        return [(f".{name}", getattr(value, name)) for name in field_names(type(value))]
    return None


def _item(key: object, place: int) -> str:
    """The place of an item in a dict: by its key where that is a name, which is no secret."""
    return f"[{shortened(key)!r}]" if isinstance(key, str) and key.isidentifier() else f"[value {place}]"
