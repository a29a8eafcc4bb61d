"""What runs and started apps share: prepare, open, close."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

from resourcekit.config.overlay import Overlay
from resourcekit.context import RunContext
from resourcekit.errors import Location, RunStateError, kind_in_words, preflight_error
from resourcekit.frames import caller_location
from resourcekit.lifecycle.compiled import Failure
from resourcekit.lifecycle.drivers import Observer, drive, drive_async
from resourcekit.lifecycle.machine import Scope, set_up, tear_down
from resourcekit.lifecycle.outcome import surfacing
from resourcekit.lifecycle.report import Observation, Outcome, RunEvent, RunReport, tell
from resourcekit.plan import Step
from resourcekit.run.blueprint import Blueprint, Preflight, RunCode, preflight
from resourcekit.run.frame import is_debugging
from resourcekit.run.showing import Showing
from resourcekit.run.view import end

__all__ = ("Session",)

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class Session(Showing):
    """What runs and started apps share: prepare, open, close."""

    # What a run seldom sets is of the class: making one costs little.
    _is_compiled = True
    _is_timed = False
    _is_concurrent = False
    _overlays: tuple[Overlay, ...] = ()
    _run_id: str | None = None
    _report: RunReport | None = None
    _order: Sequence[str] = ()
    _drafts: Mapping[int, Any] = _NOTHING
    _opened_at = 0.0
    _opened_by: Location | None = None

    tags: Mapping[str, str] = _NOTHING
    """What the caller gave the run."""

    def _configure(
        self,
        overlays: tuple[Overlay, ...],
        tags: Mapping[str, str] | None,
        run_id: str | None,
        *,
        is_timed: bool,
        is_concurrent: bool,
    ) -> None:
        """What only some runs have."""
        self._overlays = overlays
        self._run_id = run_id
        self._is_timed = is_timed
        self._is_concurrent = is_concurrent
        self._is_compiled = not (overlays or is_timed or is_concurrent)
        if tags is not None:
            self.tags = _words(tags)

    @property
    def run_id(self) -> str:
        """The run's identifier, made up when it is first asked for and was not given."""
        if self._run_id is None:
            self._run_id = os.urandom(6).hex()
        return self._run_id

    @property
    def report(self) -> RunReport:
        """What the run did; made when it is first asked for."""
        if self._report is None:
            needs = partial(_needs, self._blueprint, self._asked)
            self._report = RunReport(self.run_id, self._title, list(self._order), needs=needs)
        self._report.outcome = self._outcome
        return self._report

    @property
    def source(self) -> str | None:
        """The generated code of the run, once it is opened; None where its steps go through the machine."""
        return None if self._code is None else self._code.compiled.source

    @property
    def _awaits(self) -> bool:
        """Whether it was opened as an async one."""
        if self._scope is not None:
            return self._scope.is_async
        return self._code is not None and inspect.iscoroutinefunction(self._code.compiled.leaving)

    def _chosen(self, step: Step) -> bool:
        return True

    def _prepare(self, is_async: bool) -> tuple[Scope, Preflight]:
        """Everything that may be wrong before the first hook is.

        Raises:
            PlanError | ConfigError | PreflightError: It is.
        """
        if self._outcome != "not opened":
            raise RunStateError("this run was opened before, and a run is opened once: call run() for another")
        checked = preflight(
            self._blueprint,
            self._asked,
            overlays=self._overlays,
            environ=os.environ,
            is_async=is_async,
            chosen=self._chosen,
        )
        if checked.problems:
            raise preflight_error(checked.problems)
        self._scope = self._new_scope(is_async, checked.drafts)
        self._begin()
        interrupt = self._tell("opened")
        if interrupt is not None:
            self._closed(interrupt, (), is_up=False)
        return self._scope, checked

    def _new_scope(self, is_async: bool, drafts: Mapping[int, Any]) -> Scope:
        return Scope(is_async, drafts, self._find, self._context, self._blueprint.settings)

    def _begin(self) -> None:
        self._outcome = "open"
        self._opened_at = perf_counter()
        if is_debugging():
            self._opened_by = caller_location()
        self._enter_context()

    def _ready(self, is_async: bool) -> RunCode | None:
        """The generated code, where this run can go that fast way; None for the machine.

        That is needed when somebody listens, when the run has an overlay, and when anything is wrong: it tells what.
        """
        blueprint = self._blueprint
        if self._outcome != "not opened" or not self._is_compiled or blueprint.listeners:
            return None
        code = blueprint.code(self._asked, is_async)
        if code is None or (code.compiled.drafted and not self._drafted(code)):
            return None
        self._code = code
        return code

    def _drafted(self, code: RunCode) -> bool:
        """Make the resources whose config is read for each run; False when anything is wrong with it."""
        drafts: dict[int, Any] = {}
        self._drafts = drafts
        for place, reader in code.compiled.drafted:
            drafts[place], problems = reader.read(os.environ)
            if problems:
                return False
        return True

    def _opened(self, code: RunCode) -> Any:
        """All is up, and generated code shows it; but for what it does not know of."""
        self._order = code.order
        if self._report is not None:
            self._report.order = list(code.order)
        return self._show() if code.nested else self._view

    def _failed_up(self, code: RunCode, failure: Failure, is_async: bool) -> BaseException:
        """Go on with the machine, where generated code has failed to set up; gives the error."""
        self._scope = scope = self._new_scope(is_async, {})
        error = code.compiled.failed_up(failure, scope)
        self._write_order(scope)
        return error

    def _find(self, leaf: object) -> tuple[bool, Any]:
        held = self._blueprint.held(leaf)
        if held.kind == "provider":
            return True, held.content
        if held.kind == "value":
            return False, held.content
        found = self._live(held)
        assert found is not None, "the plan sets up what is needed first"
        return False, found.exposed

    def _context(self, step: Step) -> RunContext:
        return RunContext(step.name, step.path, self.run_id, self.tags, step.scope)

    @property
    def _observe(self) -> Observer | None:
        listeners = self._blueprint.listeners
        if not self._is_timed and not listeners:
            return None
        if not self._opened_at:  # Generated code has opened it: nobody had asked for times.
            self._opened_at = perf_counter()
        return partial(Observation, report=self.report, listeners=listeners, opened=self._opened_at)

    def _tell(self, status: str) -> BaseException | None:
        listeners = self._blueprint.listeners
        return tell(listeners, RunEvent(self.run_id, self._blueprint.name, status)) if listeners else None

    def _closed(self, error: BaseException | None, errors: Sequence[BaseException], is_up: bool = True) -> None:
        """End the session, and raise what surfaces unless it is *error* on its way already."""
        if self._view is not None:
            end(self._view)
        if error is not None:
            self._end("failed" if is_up else "setup failed")
        else:
            self._end("teardown failed" if errors else "success")
        if error is not None or errors:
            self.report.error = error
            self.report.teardown_errors = tuple(errors)
        interrupt = self._tell(self._outcome)
        final = surfacing(error, errors if interrupt is None else (*errors, interrupt))
        if final is not None and (final is not error or not is_up):
            raise final

    def _end(self, outcome: Outcome) -> None:
        self._outcome = outcome
        if self._report is not None:
            self._report.outcome = outcome
        self._scope = self._view = None  # A view has its run; now nothing is left for the collector of cycles.
        self._leave_context()

    def _inherit(self) -> None:
        """In a fork: it is the parent's, which goes on with it; nothing of it is used or torn down here."""
        view, self._view, self._scope, self._code = self._view, None, None, None
        self._end("inherited")
        if view is not None:
            end(view)

    def _over(self) -> str | None:
        """Why it cannot be used, where that is not that it has ended."""
        if self._outcome != "inherited":
            return None
        return f"{self._title} was opened in the process that this one was forked from: open it anew here"

    def _open(self) -> Any:
        """Set everything up; gives the view."""
        code = self._ready(is_async=False)
        if code is None:
            error = self._set_up(*self._prepare(is_async=False))
        else:
            failure = code.compiled.entering(self, self._drafts)
            if failure is None:
                return self._opened(code)
            error = self._failed_up(code, failure, is_async=False)
        if error is not None:
            self._closed(error, drive(tear_down(self._leaving(), error), self._observe), is_up=False)
        return self._show()

    async def _aopen(self) -> Any:
        code = self._ready(is_async=True)
        if code is None:
            error = await self._aset_up(*self._prepare(is_async=True))
        else:
            failure = await code.compiled.entering(self, self._drafts)
            if failure is None:
                return self._opened(code)
            error = self._failed_up(code, failure, is_async=True)
        if error is not None:
            errors = await drive_async(tear_down(self._leaving(), error), self._observe, has_failed=True)
            self._closed(error, errors, is_up=False)
        return self._show()

    def _set_up(self, scope: Scope, checked: Preflight) -> BaseException | None:
        """Bring the steps up by the machine; gives the error."""
        steps = checked.steps
        with self._setting_up(scope, checked) as observe:
            if self._is_concurrent:
                from resourcekit.lifecycle.concurrent import set_up_concurrently  # Few runs need its threads.

                error = set_up_concurrently(scope, steps, checked.plan.waits(steps), observe)
            else:
                error = drive(set_up(scope, steps), observe)
        self._write_order(scope)
        return error

    async def _aset_up(self, scope: Scope, checked: Preflight) -> BaseException | None:
        steps = checked.steps
        with self._setting_up(scope, checked) as observe:
            if self._is_concurrent:
                from resourcekit.lifecycle.concurrent import set_up_concurrently_async

                error = await set_up_concurrently_async(scope, steps, checked.plan.waits(steps), observe)
            else:
                error = await drive_async(set_up(scope, steps), observe)
        self._write_order(scope)
        return error

    def _setting_up(self, _scope: Scope, _checked: Preflight) -> AbstractContextManager[Observer | None]:
        """What stands around the machine while it sets up; gives what sees its calls."""
        return nullcontext(self._observe)

    def _write_order(self, scope: Scope) -> None:
        """Write down what the machine has set up."""
        self._order = [found.step.name for found in scope.live.values()]
        if self._report is not None:
            self._report.order = list(self._order)

    def _close(self, error: BaseException | None) -> None:
        code = self._code
        errors = []
        if code is not None and error is None and self._goes_fast():
            failure = code.compiled.leaving(self)
            if failure is None:
                self._left(code)
                return
            errors = self._failed_down(code, failure, is_async=False)
        if error is not None and self._outcome == "inherited":
            return  # The child goes on with its own error, sys.exit() for one.
        errors += drive(tear_down(self._leaving(), error), self._observe)
        self._closed(error, errors)

    async def _aclose(self, error: BaseException | None) -> None:
        code = self._code
        errors = []
        if code is not None and error is None and self._goes_fast():
            failure = await code.compiled.leaving(self)
            if failure is None:
                self._left(code)
                return
            errors = self._failed_down(code, failure, is_async=True)
        if error is not None and self._outcome == "inherited":
            return
        has_failed = error is not None or bool(errors)
        scope = self._leaving(is_async=True)
        errors += await drive_async(tear_down(scope, error), self._observe, has_failed=has_failed)
        self._closed(error, errors)

    def _goes_fast(self) -> bool:
        """Whether generated code, which set everything up, tears it down as well."""
        return self._scope is None and self._view is not None and not self._blueprint.listeners

    def _left(self, code: RunCode) -> None:
        """All is torn down, and generated code has written that down; but for what it does not know of."""
        if code.nested:
            end(self._view)
            self._end("success")
        if self._report is not None:
            self._report.outcome = "success"

    def _failed_down(self, code: RunCode, failure: Failure, is_async: bool) -> list[BaseException]:
        """Leave what is still to be undone to the machine; gives the error."""
        self._scope = scope = self._new_scope(is_async, {})
        return [code.compiled.failed_down(failure, scope)]

    def _leaving(self, is_async: bool = False) -> Scope:
        """The machine's scope; made of what generated code has set up, where that does not go on itself."""
        if self._scope is None:
            if self._code is None or self._view is None:
                raise RunStateError(self._over() or "this run is not open: it was never opened, or has ended")
            self._scope = self._new_scope(is_async, {})
            self._code.compiled.tell(self._scope, self._view)
        return self._scope

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        if self._outcome == "open":
            where = f", opened at {self._opened_by}" if self._opened_by else "; RESOURCEKIT_DEBUG=1 shows where"
            warn(f"{self} was left open{where}: use `with`, or call close()", ResourceWarning, source=self)


def _words(tags: object) -> dict[str, str]:
    if not isinstance(tags, Mapping):
        raise TypeError(f"run(tags=...) wants a mapping of words, not {kind_in_words(tags)}")
    return dict(tags)


def _needs(blueprint: Blueprint, asked: tuple[str, ...] | None) -> Mapping[str, Sequence[str]]:
    """What each resource of a run waits for: it holds the blueprint, since the report outlives the run."""
    return blueprint.plan(asked).needs
