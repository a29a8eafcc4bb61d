"""The event loop in which async resources were set up: it tears them down as well, whoever is the last to leave."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock, get_ident
from time import monotonic, sleep
from typing import Any, Final, Literal

__all__ = ("HandedOver", "OwningLoop", "owning_loop")

_PATIENCE: Final = 10.0  # seconds a loop may take to begin what it is given; then it counts as one that never will
_PAUSE: Final = 0.01  # seconds between two looks at how far it is


class OwningLoop(ABC):
    """An event loop, as other threads and loops see it. Made in the loop, by `owning_loop`."""

    cancelled: type[BaseException]
    """What a cancellation is there."""

    def __init__(self) -> None:
        self.thread = get_ident()
        self._context = copy_context()

    @property
    @abstractmethod
    def is_here(self) -> bool:
        """Whether it is the one that runs the caller."""

    @property
    @abstractmethod
    def is_running(self) -> bool:
        """Whether it goes on with its tasks."""

    @abstractmethod
    def soon(self, function: Callable[[], object]) -> None:
        """Have it call *function*.

        Raises:
            RuntimeError: It has ended.
        """

    @abstractmethod
    def begin(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin a task in it, in the context in which this was made.

        Raises:
            RuntimeError: It has ended, or is about to.
        """


class _AsyncioLoop(OwningLoop):
    def __init__(self) -> None:
        import asyncio

        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._running = asyncio._get_running_loop
        self._tasks: list[object] = []  # The loop itself keeps none.
        self.cancelled = asyncio.CancelledError

    @property
    def is_here(self) -> bool:
        return self._running() is self._loop

    @property
    def is_running(self) -> bool:
        return self._loop.is_running()

    def soon(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    def begin(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.append(self._loop.create_task(main(), context=self._context))


class _TrioLoop(OwningLoop):
    def __init__(self) -> None:
        import trio

        super().__init__()
        self._trio = trio.lowlevel
        self._token = trio.lowlevel.current_trio_token()
        self.cancelled = trio.Cancelled

    @property
    def is_here(self) -> bool:
        return self._trio.in_trio_run() and self._trio.current_trio_token() is self._token

    @property
    def is_running(self) -> bool:
        try:
            self._token.run_sync_soon(int, idempotent=True)
        except RuntimeError:
            return False
        return True

    def soon(self, function: Callable[[], object]) -> None:
        self._token.run_sync_soon(function)

    def begin(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._trio.spawn_system_task(main, context=self._context)


def owning_loop() -> OwningLoop | None:
    """The event loop that runs the caller; None where something else drives it."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _TrioLoop()
    try:
        return _AsyncioLoop()
    except RuntimeError:
        return None


class HandedOver:
    """Something to be awaited in another event loop, as who waits for it here sees it.

    It never waits for good: what the loop does not begin in time is withdrawn.

    Args:
        loop: The loop.
        function: Gives what is to be awaited there; it raises nothing.
    """

    def __init__(self, loop: OwningLoop, function: Callable[[], Awaitable[Any]]) -> None:
        self._loop = loop
        self._function = function
        self._lock = Lock()
        self._scope: Any = None
        self._patience = _PATIENCE if loop.thread != get_ident() else 0.0  # It cannot go on while this thread waits.
        self._seen = monotonic()
        self.state: Literal["offered", "begun", "done", "withdrawn"] = "offered"
        self.given: Any = None
        try:
            loop.soon(self._begin)
        except RuntimeError:
            self.state = "withdrawn"

    def _begin(self) -> None:
        with suppress(RuntimeError):  # Where it is about to end, nothing is begun: who waits finds out.
            self._loop.begin(self._main)

    async def _main(self) -> None:
        from anyio import CancelScope

        if not self._goes("offered", "begun"):
            return
        with CancelScope() as self._scope:
            self.given = await self._function()
        self.state = "done"

    def _goes(self, before: str, after: Literal["begun", "withdrawn"]) -> bool:
        with self._lock:
            if self.state != before:
                return False
            self.state = after
            return True

    def wait(self) -> BaseException | None:
        """Wait for it; gives what has interrupted this, Ctrl-C for one: it is passed on to what is awaited there."""
        interrupt = None
        while True:
            try:
                while not self._is_over():
                    sleep(_PAUSE)
                return interrupt
            except BaseException as raised:
                interrupt = raised if interrupt is None else interrupt
                self._interrupt()

    async def wait_async(self, *, is_shielded: bool) -> BaseException | None:
        """`wait` in a task, where a cancellation may interrupt as well.

        Args:
            is_shielded: Not even the first cancellation may.
        """
        import anyio

        interrupt = None
        while True:
            try:
                with anyio.CancelScope(shield=is_shielded or interrupt is not None):
                    while not self._is_over():
                        await anyio.sleep(_PAUSE)
                return interrupt
            except BaseException as raised:
                interrupt = raised if interrupt is None else interrupt
                self._interrupt()

    def _is_over(self) -> bool:
        if self.state in ("done", "withdrawn"):
            return True
        if self.state == "begun" and self._loop.is_running:
            self._seen = monotonic()
            return False
        if monotonic() - self._seen < self._patience:
            return False
        return self._goes("offered", "withdrawn") or self.state == "begun"

    def _interrupt(self) -> None:
        self._patience = 0.0
        if self._scope is not None:
            with suppress(RuntimeError):
                self._loop.soon(partial(self._scope.cancel))
