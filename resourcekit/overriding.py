"""Overrides: which container stands for another in this context."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, TypeVar

from resourcekit.changes import override_begins
from resourcekit.substitutes import Substitute, substitutes

__all__ = ("Override", "effective")

C = TypeVar("C")


def effective(container: Any) -> Any:
    """The container that stands for *container* in this context: an override's, or itself."""
    entries = substitutes.get()
    if entries:
        for entry in reversed(entries):
            if entry.original is container:
                return effective(entry.derived)
    return container


class Override(Generic[C]):
    """An override of a container, for ``with`` and ``async with``: gives the derived container.

    Code that holds the original sees the derived one in this context only; other threads and tasks do not.
    """

    def __init__(self, original: C, derived: C) -> None:
        self._original = original
        self._derived = derived
        self._entries: list[Substitute] = []

    def __enter__(self) -> C:
        derived: Any = self._derived
        entry = Substitute(self._original, derived, derived._assembly.origin, derived._assembly.blueprint)
        self._entries.append(entry)
        override_begins(entry)
        substitutes.set((*substitutes.get(), entry))
        return self._derived

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leaving = self._entries.pop()
        # By identity, not by token: overlapping overrides may end in any order, and in another context.
        substitutes.set(tuple(entry for entry in substitutes.get() if entry is not leaving))

    async def __aenter__(self) -> C:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
