"""One run: the context manager that `container.run()` gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Generic, TypeVar

from resourcekit.base.masking import printable
from resourcekit.lifecycle.loops import owning_loop
from resourcekit.planning.plan import Step
from resourcekit.run.ending import end_all_async, end_all_sync, end_async, end_sync
from resourcekit.run.override_scope import OverrideScope
from resourcekit.run.session import Session
from resourcekit.run.view import end

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
        steps = self._lasting_steps()
        view: C_co = self._open_holding(steps) if steps else self._open()
        return view

    def close(self) -> None:
        """End a run that `start` opened.

        Raises:
            TeardownError: Teardown hooks failed; every one has run.
            RunStateError: The run is not open.
        """
        with self._releasing(None):
            end_sync(self, None)

    async def astart(self) -> C_co:
        """`start` for async resources. They belong to the event loop it is called in."""
        self._owner = owning_loop()
        steps = self._lasting_steps()
        view: C_co = await (self._aopen_holding(steps) if steps else self._aopen())
        return view

    async def aclose(self) -> None:
        """`close` for async resources: in any event loop, as long as the one of `astart` runs, which does the work.

        Raises:
            TeardownError: As for `close`; also for async hooks of resources whose event loop has ended.
            RunStateError: The run is not open.
        """
        async with self._areleasing(None):
            await end_async(self, None)

    def __enter__(self) -> C_co:
        steps = self._lasting_steps()
        view: C_co = self._open_holding(steps) if steps else self._open()
        return view

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._held:
            self._close(error)
            return
        with self._releasing(error):
            self._close(error)

    async def __aenter__(self) -> C_co:
        steps = self._lasting_steps()
        view: C_co = await (self._aopen_holding(steps) if steps else self._aopen())
        return view

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._held:
            await self._aclose(error)
            return
        async with self._areleasing(error):
            await self._aclose(error)

    def _open_holding(self, steps: tuple[Step, ...]) -> Any:
        """Open it, and before it those of *steps* that are not up."""
        try:
            self._lasting.open(self, steps)
            return self._open()
        except BaseException as error:
            end_all_sync(self._lasting.release(self), None, error)
            raise

    async def _aopen_holding(self, steps: tuple[Step, ...]) -> Any:
        try:
            await self._lasting.aopen(self, steps)
            return await self._aopen()
        except BaseException as error:
            await end_all_async(self._lasting.release(self), None, error)
            raise

    @property
    def _lasting(self) -> OverrideScope:
        scope = self._blueprint.app.lasting
        assert isinstance(scope, OverrideScope), "it is a container's"
        return scope

    def _lasting_steps(self) -> tuple[Step, ...]:
        """The steps that live as long as overrides everywhere: this only holds them."""
        return () if self._blueprint.app.lasting is None else self._lasting.steps_for(self)

    @contextmanager
    def _releasing(self, error: BaseException | None) -> Iterator[None]:
        """Around its end: what overrides everywhere have opened for it may be closed when it is over."""
        try:
            yield
        except BaseException as raised:
            self._release(raised)
            raise
        self._release(error)

    def _release(self, error: BaseException | None) -> None:
        if self._held:
            end_all_sync(self._lasting.release(self), None, error)

    @asynccontextmanager
    async def _areleasing(self, error: BaseException | None) -> AsyncIterator[None]:
        try:
            yield
        except BaseException as raised:
            await self._arelease(raised)
            raise
        await self._arelease(error)

    async def _arelease(self, error: BaseException | None) -> None:
        if self._held:
            await end_all_async(self._lasting.release(self), None, error)

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
                with self._releasing(None):
                    self._close(None)

    def __repr__(self) -> str:
        return printable(f"<run {self.run_id} of {self._title}: {self._outcome}>")
