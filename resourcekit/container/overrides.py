"""What `override` gives: a context manager and decorator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from resourcekit.base.errors import kind_in_words
from resourcekit.run.active_overrides import Changes, begin, effective, end

__all__ = ("Override",)

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])


class Override(Generic[C]):
    """An override of a container, for ``with`` and ``async with``: gives the container with what is overridden by then.

    It keeps nothing of who is in it: threads and tasks may enter the same one, each for itself, and one may enter it
    again. What stands for the container is composed anew whenever an override is entered or left. Also a decorator.
    """

    def __init__(self, container: C, changes: Changes) -> None:
        self._container = container
        self._changes = changes

    def __call__(self, function: F, /) -> F:
        """Return *function*, any but an async generator function, with the override around each call.

        Raises:
            TypeError: It is no function, or is an async generator function.
        """
        decorated: Any = wraps(function)(_overridden(function, self))
        return cast("F", decorated)

    def __enter__(self) -> C:
        return self._enter(is_async=False)

    def _enter(self, *, is_async: bool) -> C:
        container: Any = self._container
        begin(self, container._assembly.laid_with(container, self._changes), is_async=is_async)
        try:
            standing: C = effective(self._container)
        except BaseException:
            end(self)
            raise
        return standing

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sessions = self._leave()
        if sessions:
            from resourcekit.run.ending import end_all_sync  # It is loaded: something was opened.

            end_all_sync(sessions, error)

    def _leave(self) -> Sequence[Any]:
        """Leave it; gives the sessions that end with it."""
        ended = [entry for entry in end(self) if entry.changes.is_everywhere]
        return [session for entry in ended for session in entry.container._assembly.retire()]

    async def __aenter__(self) -> C:
        return self._enter(is_async=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sessions = self._leave()
        if sessions:
            from resourcekit.run.ending import end_all_async

            await end_all_async(sessions, error)


def _overridden(function: Callable[..., Any], override: Override[Any]) -> Callable[..., Any]:
    """A function of the same kind, which the override is around."""
    if not inspect.isroutine(function) or inspect.isasyncgenfunction(function):
        kind = "an async generator function" if inspect.isroutine(function) else kind_in_words(function)
        raise TypeError(f"override(...) decorates a function, not {kind}: write `with container.override(...):` in it")

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        async with override:
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
