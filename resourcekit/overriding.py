"""Overrides: which container stands for another in this context."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from resourcekit.changes import override_begins
from resourcekit.errors import kind_in_words
from resourcekit.substitutes import Substitute, substitutes

__all__ = ("Override", "effective")

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])


def effective(container: Any) -> Any:
    """The container that stands for *container* in this context: an override's, or itself."""
    entries = substitutes.get()
    if entries:
        for entry in reversed(entries):
            if entry.original is container:
                return effective(entry.derived)
    return container


class Override(Generic[C]):
    """An override of a container, for ``with`` and ``async with``: gives the derived container. Also a decorator.

    Code that holds the original sees the derived one in this context only; other threads and tasks do not. It keeps
    nothing of who is in it: threads and tasks may enter the same one, each for itself.
    """

    def __init__(self, original: C, derived: C) -> None:
        self._original = original
        self._derived = derived

    def __call__(self, function: F, /) -> F:
        """*function*, any but an async generator function, with the override around each call.

        Raises:
            TypeError: It is no function, or is an async generator function.
        """
        decorated: Any = wraps(function)(_overridden(function, self))
        return cast("F", decorated)

    def __enter__(self) -> C:
        derived: Any = self._derived
        entry = Substitute(self._original, derived, derived._assembly.origin, derived._assembly.blueprint)
        override_begins(entry)
        substitutes.set((*substitutes.get(), entry))
        return self._derived

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # By identity, not by token: overlapping overrides may end in any order, and in another context.
        entries = substitutes.get()
        leaving = next((entry for entry in reversed(entries) if entry.derived is self._derived), None)
        substitutes.set(tuple(entry for entry in entries if entry is not leaving))

    async def __aenter__(self) -> C:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _overridden(function: Callable[..., Any], override: Override[Any]) -> Callable[..., Any]:
    """A function of the same kind, which the override is around."""
    if not inspect.isroutine(function) or inspect.isasyncgenfunction(function):
        kind = "an async generator function" if inspect.isroutine(function) else kind_in_words(function)
        raise TypeError(f"override(...) decorates a function, not {kind}: write `with container.override(...):` in it")

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with override:
            return await function(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Any:
        with override:
            return (yield from function(*args, **kwargs))

    def plain(*args: Any, **kwargs: Any) -> Any:
        with override:
            return function(*args, **kwargs)

    if inspect.iscoroutinefunction(function):
        return coroutine
    return generator if inspect.isgeneratorfunction(function) else plain
