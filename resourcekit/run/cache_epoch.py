"""When an app starts or stops, or an override begins: who keeps what it was given by an app is told to forget it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any, Final, Protocol
from weakref import WeakSet

__all__ = ("Keeper", "Kept", "changed", "forked", "keep", "latest", "override_begins")


class Keeper(Protocol):
    """Who keeps objects of started apps, so as not to look them up for each call."""

    def take(self, objects: Sequence[Any], /) -> None:
        """Keep *objects*."""

    def forget(self) -> None:
        """Keep them no longer: they may be other ones from now on."""


class Kept:
    """Objects that are kept, by what they are asked for."""

    __slots__ = ("__weakref__", "objects")

    def __init__(self) -> None:
        self.objects: dict[object, Any] = {}

    def take(self, objects: Sequence[Any], /) -> None:
        """Keep pairs of what is asked for and the object."""
        self.objects.update(objects)

    def forget(self) -> None:
        """Keep nothing."""
        self.objects.clear()


class _Changes:
    """The latest change, who is to hear of the next, and the overrides: while there are any, little is kept.

    What a context is given by a container depends on the overrides it sees: it is kept only while there are none.
    """

    def __init__(self) -> None:
        self.latest = object()
        self.keepers: WeakSet[Keeper] = WeakSet()
        self.dependent: WeakSet[Keeper] = WeakSet()  # They hear of overrides too.
        self.overrides: WeakSet[object] = WeakSet()  # A task may go on in an override that has ended elsewhere.
        self.lock = RLock()  # A collection of garbage may come while it is held, and end an app that was left open.


_CHANGES: Final = _Changes()


def latest() -> object:
    """The latest change; to be asked for before what is to be kept is looked up."""
    return _CHANGES.latest


def keep(keeper: Keeper, objects: Sequence[Any], seen: object, *, in_overrides: bool = False) -> None:
    """Have *keeper* take *objects*, unless anything has changed since.

    Args:
        keeper: Who keeps them.
        objects: What it is to keep.
        seen: The latest change when they were looked up.
        in_overrides: Whether they are the same whatever is overridden; else nothing is kept while anything is.
    """
    with _CHANGES.lock:
        if _CHANGES.latest is seen and (in_overrides or not _CHANGES.overrides):
            keeper.take(objects)
            (_CHANGES.keepers if in_overrides else _CHANGES.dependent).add(keeper)


def changed() -> None:
    """Have everybody forget; to be called when the change can be seen."""
    with _CHANGES.lock:
        _CHANGES.latest = object()
        _forget(_CHANGES.keepers)
        _forget(_CHANGES.dependent)


def _forget(keepers: WeakSet[Keeper]) -> None:
    if keepers:
        those = list(keepers)
        keepers.clear()
        for keeper in those:
            keeper.forget()


def forked() -> None:
    """In the child of a fork: a thread of the parent's may have held the lock, and is not here to release it."""
    _CHANGES.lock = RLock()


def override_begins(entry: object) -> None:
    """As long as *entry* lives some context sees an override by it; to be called before any does."""
    with _CHANGES.lock:
        _CHANGES.overrides.add(entry)
        _forget(_CHANGES.dependent)
