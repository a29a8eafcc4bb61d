"""What runs and started apps share: prepare, open, look up, close; and which run is the current one."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import Any, Final
from uuid import uuid4
from weakref import ReferenceType, ref

from resourcekit.config.overlay import Overlay
from resourcekit.context import RunContext
from resourcekit.errors import Location, RunStateError, preflight_error
from resourcekit.frames import caller_location
from resourcekit.graph import Held
from resourcekit.lifecycle.drivers import Observer, drive, drive_async
from resourcekit.lifecycle.machine import LiveResource, Scope, set_up, tear_down
from resourcekit.lifecycle.outcome import surfacing
from resourcekit.lifecycle.report import Observation, RunEvent, RunReport, tell
from resourcekit.plan import Step
from resourcekit.run.blueprint import Blueprint, preflight

__all__ = ("Session", "runs_here")

# Weak: a run that is left open and forgotten is collected, and warns.
_CURRENT: Final[ContextVar[ReferenceType[Session] | None]] = ContextVar("resourcekit_run", default=None)


def _current() -> Session | None:
    reference = _CURRENT.get()
    return None if reference is None else reference()


def _make_current(run: Session | None) -> None:
    _CURRENT.set(None if run is None else ref(run))


def runs_here() -> Iterator[Session]:
    """The runs that are open in this context, the innermost first."""
    run = _current()
    while run is not None:
        if run.is_open:
            yield run
        run = run.previous


class Session:
    """What runs and started apps share: prepare, open, look up, close."""

    def __init__(
        self,
        blueprint: Blueprint,
        keys: tuple[str, ...] | None,
        *,
        overlays: tuple[Overlay, ...] = (),
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        is_timed: bool = False,
    ) -> None:
        self.blueprint = blueprint
        self.keys = tuple(blueprint.graph.keys) if keys is None else keys
        self._asked = keys
        self.overlays = overlays
        self.tags = _words(tags)
        self.run_id = run_id or uuid4().hex[:12]
        self.report = RunReport(self.run_id, blueprint.name)
        self.previous: Session | None = None
        self._innermost: Session | None = None
        self._is_timed = is_timed
        self._state = "new"
        self._scope: Scope | None = None
        self._opened_at = 0.0
        self._opened_by: Location | None = None

    @property
    def is_open(self) -> bool:
        """Whether its resources are, or are being, set up."""
        return self._scope is not None

    @property
    def up(self) -> Mapping[int, LiveResource]:
        """What is up here, by identity of the declaration."""
        return {} if self._scope is None else self._scope.live

    def live(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, here or in the app scope; None when it is not up."""
        return self.up.get(id(held.identity)) or self.blueprint.app.find(held)

    def exposed(self, key: str) -> tuple[bool, Any]:
        """Whether *key* is to be had here, and what its users receive."""
        index = self.blueprint.graph.keys.get(key)
        if index is None:
            return False, None
        held = self.blueprint.graph.nodes[index].held
        if held.kind != "resource":
            return True, held.content
        found = self.live(held)
        return found is not None, None if found is None else found.exposed

    def _chosen(self, step: Step) -> bool:
        return True

    def _prepare(self, is_async: bool) -> tuple[Scope, tuple[Step, ...]]:
        """Everything that may be wrong before the first hook is.

        Raises:
            PlanError | ConfigError | PreflightError: It is.
        """
        if self._state != "new":
            raise RunStateError("this run was opened before, and a run is opened once: call run() for another")
        checked = preflight(self.blueprint, self._asked, overlays=self.overlays, environ=os.environ, is_async=is_async,
                            chosen=self._chosen)  # fmt: skip
        if checked.problems:
            raise preflight_error(checked.problems)
        self._scope = Scope(is_async, checked.drafts, self._find, self._context)
        self._state = self.report.outcome = "open"
        self._opened_at = perf_counter()
        self._opened_by = caller_location() if _is_debugging() else None
        self.enter_context()
        interrupt = self._tell("opened")
        if interrupt is not None:
            self._closed(interrupt, (), is_up=False)
        return self._scope, checked.steps

    def _find(self, leaf: object) -> tuple[bool, Any]:
        held = self.blueprint.held(leaf)
        if held.kind == "provider":
            return True, held.content
        if held.kind == "value":
            return False, held.content
        found = self.live(held)
        assert found is not None, "the plan sets up what is needed first"
        return False, found.exposed

    def _context(self, step: Step) -> RunContext:
        return RunContext(step.name, step.path, self.run_id, self.tags, step.scope)

    @property
    def _observe(self) -> Observer | None:
        listeners = self.blueprint.listeners
        if not self._is_timed and not listeners:
            return None
        return partial(Observation, report=self.report, listeners=listeners, opened=self._opened_at)

    def enter_context(self) -> None:
        """Make this the current run of the context."""
        outer = list(runs_here())
        for run, before in zip([self, *outer], [*outer, None], strict=True):
            run.previous = before  # Ended runs are left out: a chain of them would grow for ever.
        _make_current(self)

    def leave_context(self) -> None:
        """Give the context back the run it had before, unless another has come after: that one stays.

        A run that ends in another context than it began in, a fixture or a notebook cell, stays in the one it
        began in; look-ups pass it over.
        """
        if _current() is self:
            _make_current(self.previous)

    def suspend(self) -> None:
        """Leave the context, with the runs opened inside this one, while the generator that opened it rests."""
        self._innermost = _current()
        _make_current(self.previous)

    def resume(self) -> None:
        """Enter the context, which may be another, as `suspend` left it."""
        self.previous = _current()
        _make_current(self._innermost)
        self._innermost = None

    def _tell(self, status: str) -> BaseException | None:
        listeners = self.blueprint.listeners
        return tell(listeners, RunEvent(self.run_id, self.blueprint.name, status)) if listeners else None

    def _closed(self, error: BaseException | None, errors: Sequence[BaseException], is_up: bool = True) -> None:
        """End the session, and raise what surfaces unless it is *error* on its way already."""
        self._scope = None
        self._state = "closed"
        self.leave_context()
        report = self.report
        report.error = error
        report.teardown_errors = tuple(errors)
        if error is not None:
            report.outcome = "failed" if is_up else "setup failed"
        else:
            report.outcome = "teardown failed" if errors else "success"
        interrupt = self._tell(report.outcome)
        final = surfacing(error, errors if interrupt is None else (*errors, interrupt))
        if final is not None and (final is not error or not is_up):
            raise final

    def _open(self) -> None:
        scope, steps = self._prepare(is_async=False)
        error = drive(set_up(scope, steps), self._observe)
        self._set_up(scope)
        if error is not None:
            self._closed(error, drive(tear_down(scope, error), self._observe), is_up=False)

    async def _aopen(self) -> None:
        scope, steps = self._prepare(is_async=True)
        error = await drive_async(set_up(scope, steps), self._observe)
        self._set_up(scope)
        if error is not None:
            errors = await drive_async(tear_down(scope, error), self._observe, has_failed=True)
            self._closed(error, errors, is_up=False)

    def _set_up(self, scope: Scope) -> None:
        self.report.order = [found.step.name for found in scope.live.values()]

    def _close(self, error: BaseException | None) -> None:
        scope = self._leaving()
        self._closed(error, drive(tear_down(scope, error), self._observe))

    async def _aclose(self, error: BaseException | None) -> None:
        scope = self._leaving()
        self._closed(error, await drive_async(tear_down(scope, error), self._observe, has_failed=error is not None))

    def _leaving(self) -> Scope:
        if self._scope is None:
            raise RunStateError("this run is not open: it was never opened, or has ended")
        return self._scope

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        if getattr(self, "_scope", None) is not None:
            where = f", opened at {self._opened_by}" if self._opened_by else "; RESOURCEKIT_DEBUG=1 shows where"
            warn(f"{self} was left open{where}: use `with`, or call close()", ResourceWarning, source=self)


def _words(tags: object) -> dict[str, str]:
    if tags is not None and not isinstance(tags, Mapping):
        raise TypeError(f"run(tags=...) wants a mapping of words, not a {type(tags).__name__}")
    return dict(tags or {})


def _is_debugging() -> bool:
    return sys.flags.dev_mode or os.environ.get("RESOURCEKIT_DEBUG") == "1"
