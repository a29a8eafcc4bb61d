"""What can be imported where a pickle arrives, and what must be sent with it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import FrameType
from typing import Any, Final

__all__ = ("imported", "is_pickled_by_value", "pickled_by_value", "unpickled")

_PROGRAMS: Final = (None, "__main__", "__mp_main__")
"""Modules that are another in each process."""


def imported(module: str | None, path: str) -> Any:
    """Return what other processes import as *path* of *module*; None where they cannot.

    Args:
        module: The module's name.
        path: The name in it, dotted for what is in a class.

    >>> imported("collections", "Counter.update").__name__
    'update'
    >>> imported("__main__", "Counter") is None
    True
    """
    found: Any = None if module in _PROGRAMS else sys.modules.get(str(module))
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def is_pickled_by_value() -> bool:
    """Return whether cloudpickle, or what is built on it, is at work: it sends what has no import path.

    No pickler tells whom it asks that it is one; so the callers are looked at.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "cloudpickle":
            return True
        frame = frame.f_back
    return False


def pickled_by_value(thing: Any, owner: str) -> Any:
    """Return what any pickler can send in the place of something without an import path.

    Args:
        thing: A function, a class or what holds some.
        owner: What it belongs to, for the message.

    Raises:
        TypeError: cloudpickle is not installed.
    """
    if is_pickled_by_value():
        return thing
    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:
        message = (
            f"{owner} cannot be pickled by its import path, for it has none: it was made in a script, a notebook or a "
            "function; move it to a module, or install cloudpickle"
        )
        raise TypeError(message) from None
    return _Sent(cloudpickle.dumps(thing))


class _Sent(bytes):
    """A pickle of cloudpickle's inside another."""


def unpickled(sent: Any) -> Any:
    """Return what `pickled_by_value` was given.

    >>> unpickled(pickled_by_value([1], "a list"))
    [1]
    """
    return import_module("cloudpickle").loads(sent) if isinstance(sent, _Sent) else sent
