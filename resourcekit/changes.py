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
    """The latest change, who is to hear of the next, and the overrides: while there are any, nothing is kept."""

    def __init__(self) -> None:
        self.latest = object()
        self.keepers: WeakSet[Keeper] = WeakSet()
        self.overrides: WeakSet[object] = WeakSet()  # A task may go on in an override that has ended elsewhere.
        self.lock = RLock()  # A collection of garbage may come while it is held, and end an app that was left open.


_CHANGES: Final = _Changes()


def latest() -> object:
    """The latest change; to be asked for before what is to be kept is looked up."""
    return _CHANGES.latest


def keep(keeper: Keeper, objects: Sequence[Any], seen: object) -> None:
    """Have *keeper* take *objects*, unless anything has changed since the change *seen*, or is overridden."""
    with _CHANGES.lock:
        if _CHANGES.latest is seen and not _CHANGES.overrides:
            keeper.take(objects)
            _CHANGES.keepers.add(keeper)


def changed() -> None:
    """Have everybody forget; to be called when the change can be seen."""
    with _CHANGES.lock:
        _CHANGES.latest = object()
        keepers = list(_CHANGES.keepers)
        _CHANGES.keepers.clear()
        for keeper in keepers:
            keeper.forget()


def forked() -> None:
    """In the child of a fork: a thread of the parent's may have held the lock, and is not here to release it."""
    _CHANGES.lock = RLock()


def override_begins(entry: object) -> None:
    """From now on nothing is kept, as long as *entry* lives: some context sees an override by it."""
    _CHANGES.overrides.add(entry)
    changed()
