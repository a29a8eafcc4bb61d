"""The one place that decides what may be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from unicodedata import category

__all__ = ("MASK", "Shown", "printable", "show")

MASK: Final = "'***'"
_LIMIT: Final = 200
_DEPTH: Final = 4


_CONTROLS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control and format characters, of halves of surrogate pairs, of line separators."""

_JOINERS: Final = "\u200c\u200d"
"""Invisible, and no more than spelling: Persian words and many emoji are written with them."""


def printable(text: str, keep: str = "", escape: Callable[[str], str] = lambda letter: repr(letter)[1:-1]) -> str:
    r"""Escape the control characters of *text*, so that it may be shown in a terminal, a page or a file.

    Control characters here are all that change how the rest is shown: line breaks, terminal sequences, marks that turn
    the direction of writing. What is escaped already stays as it is: it does no harm to do it twice.

    Args:
        text: Text that may have come from outside.
        keep: Control characters to leave: newlines and tabs where the text is our own, in lines.
        escape: What to write for one; as Python writes it in a repr.

    >>> print(printable("red\x1b[31m\r\n"))
    red\x1b[31m\r\n
    """
    if text.isprintable():
        return text
    return "".join(each if each in keep or _is_shown(each) else escape(each) for each in text)


def _is_shown(letter: str) -> bool:
    return category(letter) not in _CONTROLS or letter in _JOINERS


class Shown:
    """Stands for a value in what a debugger or rich shows: its repr is a text that may be shown.

    Args:
        text: The text.

    >>> Shown("'***'")
    '***'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def mask(_value: object) -> str:
    """The repr of any secret: for attrs' ``field(repr=...)``."""
    return MASK


def show(value: object, *, secret: bool = False, source: str | None = None, depth: int = 0) -> str:
    """How a field value may be shown in a repr, a note, a log record or a report.

    Goes through containers and resources, and never through a provider, whose repr shows what it holds.

    Args:
        value: The value; it is looked at only when it is neither secret nor from outside.
        secret: The field is marked secret: the mask is shown, whatever the value.
        source: Where a value from outside came from; it is shown in the value's place.
        depth: How many values it stands in: the deepest are left out.

    Returns:
        Text that holds no secret and no value that came from outside.

    >>> show("hunter2", secret=True), show("db-1", source="variable DB_HOST"), show(5432)
    ("'***'", '<variable DB_HOST>', '5432')
    """
    if secret:
        return MASK
    if source is not None:
        return printable(f"<{source}>")
    kind = type(value)
    if getattr(kind, "__IS_PROVIDER__", False) is True:
        return f"<provider {kind.__name__}>"
    if kind in (list, tuple, set, frozenset, dict) and depth < _DEPTH:
        return _container(value, depth)
    nested = getattr(kind, "__resourcekit__", None)
    if nested is not None:
        return nested.represent(value, depth) if depth < _DEPTH else f"{kind.__name__}(...)"
    return _repr(value)


def _repr(value: Any) -> str:
    """The value's own repr, shortened; but a source of the user's may show in its own what it logs in with."""
    kind = type(value)
    is_source = getattr(kind, "__deferred__", False) is True
    try:
        is_trusted = not is_source or kind.__repr__.__module__.startswith("resourcekit.")
        text = printable(repr(value) if is_trusted else f"<{value.describe()}>")
    except Exception:  # A user's repr must not hide what we have to say.
        return f"<{kind.__name__}>"
    return text if len(text) <= _LIMIT else text[:_LIMIT] + "..."


def _container(value: object, depth: int) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}: {show(item, depth=depth + 1)}" for key, item in value.items()) + "}"
    assert isinstance(value, list | tuple | set | frozenset)
    items = ", ".join(show(item, depth=depth + 1) for item in value)
    if isinstance(value, list):
        return f"[{items}]"
    if isinstance(value, tuple):
        return f"({items},)" if len(value) == 1 else f"({items})"
    if not value:
        return f"{type(value).__name__}()"
    return "{" + items + "}" if isinstance(value, set) else "frozenset({" + items + "})"
