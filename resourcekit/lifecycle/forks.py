"""Forks: what is open belongs to the process that has opened it, and nothing of it ends in a child.

A generator that is collected runs its ``finally``, and at the end of the interpreter so does every one that is left.
So before a fork everything that is entered is held, and in the child it is kept for good: what the child's threads,
variables and its own end let go of goes nowhere. An event loop closes the asynchronous ones when it ends: in the child
it forgets ours. What the parent has opened is told from what the child opens by the process that is noted on it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Any, Final, Protocol
from weakref import ReferenceType, ref

from resourcekit.base.errors import RunStateError

__all__ = ("PROCESS", "in_child", "inherited_error", "is_theirs", "keep_for_good", "note_entered")


class Process:
    """This process, by its number: an attribute is read faster than the system is asked."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = os.getpid()


PROCESS: Final = Process()

_ENTERED: Final[set[ReferenceType[Holder]]] = set()  # The set is changed by calls of C code alone, in any thread.
_HELD: Final[dict[int, list[Holder]]] = {}  # By the thread that forks, while it does.
_KEPT: Final[list[object]] = []
_IN_CHILD: Final[list[Callable[[], object]]] = []


class Holder(Protocol):
    """What holds a context manager from before it is entered until it is left."""

    manager: Any


def note_entered(holder: Holder) -> None:
    """Note that a context manager is about to be entered."""
    _ENTERED.add(ref(holder, _ENTERED.discard))


def is_theirs(number: int) -> bool:
    """Whether what the process of this number has opened is another's than this one's."""
    return number != os.getpid()  # Something may be collected in a child before PROCESS is right.


def inherited_error(title: str) -> RunStateError:
    """The error for who uses in a child what its parent has opened.

    Args:
        title: The container's name.
    """
    return RunStateError(f"{title} was opened in the process that this one was forked from: open it anew here")


def in_child(function: Callable[[], object]) -> None:
    """Have *function* called in each child, in the order of these calls."""
    _IN_CHILD.append(function)


def keep_for_good(*kept: object) -> None:
    """Keep objects until the process is gone: the end of the interpreter does not collect them either."""
    if not _KEPT:
        with suppress(ImportError, AttributeError):  # Without ctypes they are kept until the interpreter ends.
            import ctypes

            # A variable is cleared at the end, and what it held is collected: one reference has to be nobody's.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(_KEPT))
    _KEPT.append(kept)


def _before_fork() -> None:
    """Hold what is entered: in the child, what other threads had is let go of before `_after_in_child`."""
    _HELD[get_ident()] = [holder for each in list(_ENTERED) if (holder := each()) is not None]


def _after_in_parent() -> None:
    _HELD.pop(get_ident(), None)


def _after_in_child() -> None:
    PROCESS.number = os.getpid()
    held = [holder for each in _HELD.values() for holder in each]
    _HELD.clear()
    if held:
        keep_for_good(*held)
        _tracked_generators().difference_update([getattr(each.manager, "gen", None) for each in held])
    for function in _IN_CHILD:
        function()


def _tracked_generators() -> set[Any]:
    """The asynchronous generators that the event loop of this thread closes when it ends.

    Neither loop has a public way to ask. Where theirs has changed, a child that goes on with the loop closes them.
    """
    first = sys.get_asyncgen_hooks().firstiter
    loop = getattr(first, "__self__", None)
    if loop is None and "trio" in sys.modules:
        runner = getattr(sys.modules["trio"]._core._run.GLOBAL_RUN_CONTEXT, "runner", None)
        loop = getattr(runner, "asyncgens", None)
    found: set[Any] = getattr(loop, "_asyncgens", getattr(loop, "alive", set()))
    return found


_HOOKS: Final[dict[str, Any]] = {
    "before": _before_fork,
    "after_in_parent": _after_in_parent,
    "after_in_child": _after_in_child,
}
with suppress(AttributeError):  # Where there is no fork.
    os.register_at_fork(**_HOOKS)
