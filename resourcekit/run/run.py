"""One run: the context manager that `container.run()` gives."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from resourcekit.lifecycle.loops import owning_loop
from resourcekit.run.ending import end_async, end_sync
from resourcekit.run.session import Session
from resourcekit.run.view import end
from resourcekit.secrets import printable

__all__ = ("Run",)

C_co = TypeVar("C_co", covariant=True)


class Run(Session, Generic[C_co]):
    """The scope manager of one run: a context manager, sync and async, that gives the live resources.

    What it gives has one attribute per key; a type checker sees the container's own type. A run is opened once.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Greeter(ConfigurableResource):
    ...     greeting: str = "hello"
    >>> class App(ResourceContainer):
    ...     greeter = Greeter()
    >>> with App().run() as resources:
    ...     resources.greeter.greeting
    'hello'
    """

    def start(self) -> C_co:
        """Open the run without ``with``: for notebooks. Call `close` afterwards.

        Returns:
            What ``with`` gives: the live resources.

        Raises:
            PlanError | ConfigError | PreflightError: Something is wrong; nothing was opened.
        """
        view: C_co = self._open()
        return view

    def close(self) -> None:
        """End a run that `start` opened.

        Raises:
            TeardownError: Teardown hooks failed; every one has run.
            RunStateError: The run is not open.
        """
        end_sync(self, None)

    async def astart(self) -> C_co:
        """`start` for async resources. They belong to the event loop it is called in."""
        self._owner = owning_loop()
        view: C_co = await self._aopen()
        return view

    async def aclose(self) -> None:
        """`close` for async resources: in any event loop, as long as the one of `astart` runs, which does the work.

        Raises:
            TeardownError: As for `close`; also for async hooks of resources whose event loop has ended.
            RunStateError: The run is not open.
        """
        await end_async(self, None)

    def __enter__(self) -> C_co:
        view: C_co = self._open()
        return view

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    async def __aenter__(self) -> C_co:
        view: C_co = await self._aopen()
        return view

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._aclose(error)

    def _forgotten(self, warn: Callable[..., None]) -> None:
        """A run that is left open and forgotten warns, as a file does, and is closed, unless its hooks need a loop.

        Its view calls this: a run that has ended has none to do so, and pays nothing for it.
        """
        if self._is_inherited:
            return
        try:
            self._warn_left_open(warn)
        finally:
            if self._awaits:
                end(self._view)  # Another view in it would warn again.
            else:
                self._is_ending = False  # Ctrl-C may have come between this and the first hook.
                self._close(None)

    def __repr__(self) -> str:
        return printable(f"<run {self.run_id} of {self._title}: {self._outcome}>")
