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
from resourcekit.config.resolution import resolve
from resourcekit.context import RunContext
from resourcekit.errors import Location, RunStateError, kind_in_words, preflight_error
from resourcekit.frames import caller_location
from resourcekit.graph import Held
from resourcekit.lifecycle.compiled import Compiled, Failure
from resourcekit.lifecycle.drivers import Observer, drive, drive_async
from resourcekit.lifecycle.machine import LiveResource, Scope, set_up, tear_down
from resourcekit.lifecycle.outcome import surfacing
from resourcekit.lifecycle.report import Observation, Outcome, RunEvent, RunReport, tell
from resourcekit.plan import Step
from resourcekit.run.blueprint import Blueprint, RunCode, preflight

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

    _is_compiled = True

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
        self._run_id = run_id
        self._report: RunReport | None = None
        self._outcome: Outcome = "not opened"
        self.previous: Session | None = None
        self._innermost: Session | None = None
        self._is_timed = is_timed
        self._state = "new"
        self._scope: Scope | None = None
        self._code: RunCode | None = None  # Where generated code sets up.
        self._exposed: list[Any] = []
        self._order: Sequence[str] = ()
        self._values: Any = None
        self._opened_at = 0.0
        self._opened_by: Location | None = None

    @property
    def is_open(self) -> bool:
        """Whether its resources are, or are being, set up."""
        return self._state == "open"

    @property
    def run_id(self) -> str:
        """The run's identifier, made up when it is first asked for and was not given."""
        if self._run_id is None:
            self._run_id = uuid4().hex[:12]
        return self._run_id

    @property
    def report(self) -> RunReport:
        """What the run did; made when it is first asked for."""
        if self._report is None:
            self._report = RunReport(self.run_id, self.blueprint.name, list(self._order), self._outcome)
        return self._report

    @property
    def source(self) -> str | None:
        """The generated code of the run, once it is opened; None where its steps go through the machine."""
        return None if self._code is None else self._code.compiled.source

    @property
    def up(self) -> Mapping[int, LiveResource]:
        """What is up here, by identity of the declaration."""
        if self._scope is not None:
            return self._scope.live
        if self._code is None or not self.is_open:
            return {}
        return {id(step.node.held.identity): LiveResource(step, exposed)
                for step, exposed in zip(self._code.compiled.steps, self._exposed, strict=False)}  # fmt: skip

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

    def shows(self, view: dict[str, Any]) -> bool:
        """Put every key's object in the namespace of a view; False where that is not known beforehand."""
        if self._code is None or self._code.moving is None:
            return False
        view.update(self._code.fixed)
        exposed = self._exposed
        for name, place in self._code.moving:
            view[name] = exposed[place]
        return True

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
        self._scope = self._new_scope(is_async, checked.drafts)
        self._begin()
        interrupt = self._tell("opened")
        if interrupt is not None:
            self._closed(interrupt, (), is_up=False)
        return self._scope, checked.steps

    def _new_scope(self, is_async: bool, drafts: Mapping[int, Any]) -> Scope:
        return Scope(is_async, drafts, self._find, self._context)

    def _begin(self) -> None:
        self._state = "open"
        self._opened_at = perf_counter()
        self._record_outcome("open")
        if _is_debugging():
            self._opened_by = caller_location()
        self.enter_context()

    def _record_outcome(self, outcome: Outcome) -> None:
        self._outcome = outcome
        if self._report is not None:
            self._report.outcome = outcome

    def _drafts(self, is_async: bool) -> dict[int, Any] | None:
        """Go the fast way: the resources whose config was read for this run; None where the machine is needed.

        It is when somebody listens, when the run has an overlay, and when anything is wrong: it tells what.
        """
        is_fast = self._is_compiled and self._state == "new" and not self._is_timed
        if not is_fast or self.overlays or self.blueprint.listeners:
            return None
        code = self.blueprint.code(self._asked, is_async=is_async)
        if code is None:
            return None
        drafts = {}
        for place, step, fields in code.compiled.drafted:
            drafts[place], problems = resolve(step.resource, step.name, fields, os.environ, step.path)
            if problems:
                return None
        self._code = code
        self._begin()
        return drafts

    def _entered(self, given: Any, is_async: bool) -> BaseException | None:
        """Keep what generated code has set up; where it failed, go on with the machine."""
        assert self._code is not None
        if not isinstance(given, Failure):
            self._values = given
            self._record_order(self._code.order)
            return None
        scope = self._new_scope(is_async, {})
        error = self._code.compiled.failed_up(given, scope)
        self._scope = scope
        self._set_up(scope)
        return error

    def _record_order(self, names: Sequence[str]) -> None:
        self._order = names
        if self._report is not None:
            self._report.order = list(names)

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
        if _CURRENT.get() is None:
            _make_current(self)
            return
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
        self._scope = self._values = None
        self._state = "closed"
        self._exposed.clear()
        self.leave_context()
        if error is not None:
            self._record_outcome("failed" if is_up else "setup failed")
        else:
            self._record_outcome("teardown failed" if errors else "success")
        if error is not None or errors:
            self.report.error = error
            self.report.teardown_errors = tuple(errors)
        interrupt = self._tell(self._outcome)
        final = surfacing(error, errors if interrupt is None else (*errors, interrupt))
        if final is not None and (final is not error or not is_up):
            raise final

    def _open(self) -> None:
        drafts = self._drafts(is_async=False)
        if drafts is None:
            scope, steps = self._prepare(is_async=False)
            error = drive(set_up(scope, steps), self._observe)
            self._set_up(scope)
        else:
            error = self._entered(self._generated.entering(self._exposed.append, drafts, self._context), False)
        if error is not None:
            self._closed(error, drive(tear_down(self._leaving(), error), self._observe), is_up=False)

    async def _aopen(self) -> None:
        drafts = self._drafts(is_async=True)
        if drafts is None:
            scope, steps = self._prepare(is_async=True)
            error = await drive_async(set_up(scope, steps), self._observe)
            self._set_up(scope)
        else:
            error = self._entered(await self._generated.entering(self._exposed.append, drafts, self._context), True)
        if error is not None:
            errors = await drive_async(tear_down(self._leaving(), error), self._observe, has_failed=True)
            self._closed(error, errors, is_up=False)

    @property
    def _generated(self) -> Compiled:
        assert self._code is not None
        return self._code.compiled

    def _set_up(self, scope: Scope) -> None:
        self._record_order([found.step.name for found in scope.live.values()])

    def _close(self, error: BaseException | None) -> None:
        failed = self._generated.leaving(self._values) if self._goes_fast(error) else None
        errors = self._left(failed, error, is_async=False)
        if self._scope is not None:
            errors += drive(tear_down(self._scope, error), self._observe)
        self._closed(error, errors)

    async def _aclose(self, error: BaseException | None) -> None:
        failed = await self._generated.leaving(self._values) if self._goes_fast(error) else None
        errors = self._left(failed, error, is_async=True)
        if self._scope is not None:
            has_failed = error is not None or bool(errors)
            errors += await drive_async(tear_down(self._scope, error), self._observe, has_failed=has_failed)
        self._closed(error, errors)

    def _goes_fast(self, error: BaseException | None) -> bool:
        """Whether generated code tears down: it set everything up, and the body has succeeded."""
        return error is None and self._values is not None and not self.blueprint.listeners

    def _left(self, failed: Failure | None, error: BaseException | None, is_async: bool) -> list[BaseException]:
        """What generated code failed with; the machine's scope, where anything is left to be undone by it."""
        if self._values is None:
            self._leaving()
            return []
        if failed is None and self._goes_fast(error):
            return []
        scope = self._new_scope(is_async, {})
        errors = [] if failed is None else [self._generated.failed_down(failed, scope)]
        if failed is None:
            self._generated.tell(scope, self._values)
        scope.live.update(self.up)
        self._scope = scope
        return errors

    def _leaving(self) -> Scope:
        if self._scope is None:
            raise RunStateError("this run is not open: it was never opened, or has ended")
        return self._scope

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        if getattr(self, "_state", None) == "open":
            where = f", opened at {self._opened_by}" if self._opened_by else "; RESOURCEKIT_DEBUG=1 shows where"
            warn(f"{self} was left open{where}: use `with`, or call close()", ResourceWarning, source=self)


def _words(tags: object) -> dict[str, str]:
    if tags is not None and not isinstance(tags, Mapping):
        raise TypeError(f"run(tags=...) wants a mapping of words, not {kind_in_words(tags)}")
    return dict(tags or {})


def _is_debugging() -> bool:
    return sys.flags.dev_mode or os.environ.get("RESOURCEKIT_DEBUG") == "1"
