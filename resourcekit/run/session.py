"""What runs and started apps share: prepare, open, close."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NoReturn

from resourcekit.base.caller import caller_location
from resourcekit.base.errors import Location, RunStateError, kind_in_words, preflight_error
from resourcekit.config.overlay import Overlay
from resourcekit.declarations.context import RunContext
from resourcekit.lifecycle.drivers import Observer, drive, drive_async, torn_down, torn_down_async
from resourcekit.lifecycle.fast.compiled import Compiled, Failure
from resourcekit.lifecycle.forks import PROCESS, inherited_error, is_theirs, keep_for_good
from resourcekit.lifecycle.loops import OwningLoop
from resourcekit.lifecycle.machine import Scope, set_up
from resourcekit.lifecycle.outcome import is_a, surfacing
from resourcekit.lifecycle.report import Observation, Outcome, RunEvent, RunReport, tell
from resourcekit.planning.nodes import LeftOut
from resourcekit.planning.plan import Step
from resourcekit.run.blueprint import Blueprint, Preflight, preflight
from resourcekit.run.live import Showing
from resourcekit.run.run_lines import is_debugging
from resourcekit.run.view import end, let_go

__all__ = ("Session", "check_flag")

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
    _order: Sequence[str] | None = None  # Where the machine has set up.
    _opened_at = 0.0
    _process = 0  # The number of the one that has opened it.
    _is_ending = False
    _opened_by: Location | None = None
    _held: tuple[Any, ...] = ()  # The sessions that overrides everywhere have opened, and this uses.
    _owner: OwningLoop | None = None  # Where it was opened by hand, or is an app: the loop it belongs to.

    tags: Mapping[str, str] = _NOTHING
    """What the caller gave the run."""

    def __reduce_ex__(self, _protocol: object, /) -> NoReturn:
        raise RunStateError("a run cannot be pickled or copied; send the container, and open a run where it arrives")

    def _configure(
        self,
        overlays: tuple[Overlay, ...],
        tags: Mapping[str, str] | None,
        run_id: str | None,
        *,
        is_timed: bool,
        is_concurrent: bool,
    ) -> None:
        """What only some runs have.

        Raises:
            TypeError: Anything is of the wrong type.
        """
        check_flag("run(concurrent=...)", is_concurrent)
        check_flag("run(report=...)", is_timed)
        if run_id is not None and not isinstance(run_id, str):
            raise TypeError(f"run(run_id=...) wants text, not {kind_in_words(run_id)}")
        self._overlays = overlays
        self._run_id = run_id
        self._is_timed = is_timed
        self._is_concurrent = is_concurrent
        self._is_compiled = not (overlays or is_timed or is_concurrent)
        if tags is not None:
            self.tags = _words(tags)

    @property
    def is_open(self) -> bool:
        """Whether its resources are, or are being, set up, in this process."""
        return self._outcome == "open" and self._process == PROCESS.number

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
            needs = partial(_needs, self._blueprint, self._asked, self._left_out)
            order = self._order if self._code is None or self._order is not None else self._code.order
            self._report = RunReport(self.run_id, self._title, list(order or ()), needs=needs)
        self._report.outcome = self._outcome
        return self._report

    @property
    def source(self) -> str | None:
        """The generated code of the run, once it is opened; None where its steps go through the machine."""
        return None if self._code is None else self._code.source

    @property
    def _awaits(self) -> bool:
        """Whether it was opened as an async one."""
        if self._scope is not None:
            return self._scope.is_async
        return self._code is not None and self._code.is_async

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
            left_out=self._left_out,
        )
        if checked.problems:
            raise preflight_error(checked.problems)
        self._scope = self._new_scope(is_async, checked.drafts)
        self._begin()
        for step in checked.closing:
            self._scope.use(step)
        interrupt = self._tell("opened")
        if interrupt is not None:
            self._closed(interrupt, (), is_up=False)
        return self._scope, checked

    def _new_scope(self, is_async: bool, drafts: Mapping[int, Any]) -> Scope:
        return Scope(is_async, drafts, self._find, self._context, self._blueprint.settings, title=self._title)

    def _begin(self) -> None:
        self._view = self._opening_view()
        self._process = PROCESS.number
        self._outcome = "open"
        self._opened_at = perf_counter()
        if is_debugging():
            self._opened_by = caller_location()
        self._enter_context()

    def _ready(self, is_async: bool) -> Compiled | None:
        """The generated code, where this run can go that fast way; None for the machine.

        That is needed when somebody listens, when the run has an overlay, and when anything is wrong: it tells what.
        """
        if self._blueprint.graph.branches:
            self._left_out = self._blueprint.left_out(self._asked)
        return self._blueprint.code(self._asked, is_async, self._left_out) if self._is_compiled else None

    def _drafted(self, code: Compiled) -> Mapping[int, dict[str, object]] | None:
        """What is in the resources whose config is read for each run, by place; None when anything is wrong with it."""
        drafts: dict[int, dict[str, object]] = {}
        for place, reader in code.drafted:
            read = reader.read(os.environ)
            if read is None:
                return None
            drafts[place] = read
        return drafts

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
        if self._is_inherited:  # A teardown hook has forked.
            if error is None:
                raise next((each for each in errors if not is_a(each, Exception)), errors[-1])
            return
        if self._view is not None:
            end(self._view)
            if error is not None and hasattr(self._view, "_run"):
                let_go(self._view)
        failures = () if self._scope is None else tuple(self._scope.failures)
        if error is not None:
            self._end("failed" if is_up else "setup failed")
        else:
            self._end("teardown failed" if errors else "success")
        if error is not None or errors:
            self.report.error = error
            self.report.teardown_errors = tuple(errors)
            self.report._failures = failures
        interrupt = self._tell(self._outcome)
        final = surfacing(error, errors if interrupt is None else (*errors, interrupt))
        if final is not None and (final is not error or not is_up):
            raise final

    def _end(self, outcome: Outcome) -> None:
        self._outcome = outcome
        if self._report is not None:
            self._report.outcome = outcome
        self._scope = self._view = self._kept = None  # Nothing is left for the collector of cycles.
        self._leave_context()

    def _inherit(self) -> None:
        """In a fork: it is the parent's, which goes on with it; nothing of it is used, torn down or collected here."""
        if self._outcome != "open":
            return
        view, scope, self._code = self._view, self._scope, None
        keep_for_good(view, scope, self._kept)
        self._end("inherited")
        if scope is not None:  # A hook may have forked: the machine goes on in the child.
            scope.lose(self._over())
        if view is not None:
            end(view)

    @property
    def _is_inherited(self) -> bool:
        """Whether the parent of this process has opened it; from now on it counts as inherited then."""
        if is_theirs(self._process):
            self._inherit()
        return self._outcome == "inherited"

    def _over(self) -> RunStateError | None:
        """The error for who uses it, where that is not that it has ended."""
        return inherited_error(self._title) if self._is_inherited else None

    def _open(self) -> Any:
        """Set everything up; gives the view."""
        code = self._ready(is_async=False)
        return self._open_by_machine() if code is None else code.entering(self)

    async def _aopen(self) -> Any:
        code = self._ready(is_async=True)
        return await (self._aopen_by_machine() if code is None else code.entering(self))

    def _open_by_machine(self) -> Any:
        before = self._scope
        try:
            error = self._set_up(*self._prepare(is_async=False))
            if error is None:
                return self._show()
        except BaseException as interrupt:  # Ctrl-C where no hook is; or all that is wrong before there is anything up.
            if self._scope is before:
                raise
            error = interrupt
        return self._not_opened(error)

    async def _aopen_by_machine(self) -> Any:
        before = self._scope
        try:
            error = await self._aset_up(*self._prepare(is_async=True))
            if error is None:
                return self._show()
        except BaseException as interrupt:
            if self._scope is before:
                raise
            error = interrupt
        return await self._anot_opened(error)

    def _told_up(self, code: Compiled, failure: Failure) -> BaseException:
        """Where generated code has failed to set up, the machine goes on: it is told what is up; gives the error."""
        over = self._over()
        if over is not None:  # A hook has forked, and its view took no more here.
            return over if is_a(failure.error, RunStateError) else failure.error
        self._code = code
        self._scope = scope = self._new_scope(code.is_async, {})
        error = code.failed_up(failure, scope)
        self._write_order(scope)
        return error

    def _not_opened(self, error: BaseException) -> None:
        """Tear down what is up, and raise."""
        if self._is_inherited:
            raise error
        self._closed(error, torn_down(self._leaving(is_open=False), error, self._observe), is_up=False)

    async def _anot_opened(self, error: BaseException) -> None:
        if self._is_inherited:
            raise error
        errors = await torn_down_async(self._leaving(is_open=False), error, self._observe)
        self._closed(error, errors, is_up=False)

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
        """Tear everything down, and raise what surfaces, but for *error*."""
        if self._code is None or self._awaits:
            self._close_by_machine(error)
        else:
            self._code.leaving(self, None, error, None)

    async def _aclose(self, error: BaseException | None) -> None:
        if self._code is None or not self._awaits:
            await self._aclose_by_machine(error)
        else:
            await self._code.leaving(self, None, error, None)

    def _lets_pass(self, error: BaseException | None) -> bool:
        """Whether there is nothing to end here, and *error* is on its way, which an error of ours would hide.

        In the child of a fork it is the child's own, sys.exit() for one.
        """
        return error is not None and (self._is_inherited or self._outcome != "open")

    def _close_by_machine(self, error: BaseException | None) -> None:
        if self._lets_pass(error):
            return
        observe = self._observe  # Before it counts as ending: Ctrl-C may come.
        self._closed(error, torn_down(self._leaving(), error, observe))

    async def _aclose_by_machine(self, error: BaseException | None) -> None:
        if self._lets_pass(error):
            return
        observe = self._observe
        scope = self._leaving(is_async=True)
        self._closed(error, await torn_down_async(scope, error, observe, has_failed=error is not None))

    def _told_down(self, failure: Failure) -> BaseException:
        """Where generated code has failed to tear down, the machine goes on with what is left; gives the error."""
        code, kept = self._code, failure.values.get("kept")
        self._scope = scope = self._new_scope(self._awaits, {})
        return failure.error if code is None or kept is None else code.failed_down(failure, scope, kept)

    def _not_closed(self, failed: BaseException) -> None:
        """Tear down what is left, and raise."""
        if self._is_inherited:
            raise failed
        self._closed(None, [failed, *torn_down(self._leaving(), None, self._observe)])

    async def _anot_closed(self, failed: BaseException) -> None:
        if self._is_inherited:
            raise failed
        self._closed(None, [failed, *await torn_down_async(self._leaving(), None, self._observe)])

    def _left(self) -> None:
        """All is torn down, and the run had views in its view."""
        end(self._view)
        self._end("success")

    def _leaving(self, is_async: bool = False, *, is_open: bool = True) -> Scope:
        """The machine's scope; made of what generated code has set up, where that does not go on itself.

        Args:
            is_async: Whether async hooks are fine.
            is_open: Whether it was opened; it was not where setting it up has failed.
        """
        over = self._over()
        is_opening = is_open and self._scope is not None and self._code is None and self._order is None
        if self.is_open and (self._is_ending or is_opening):
            raise RunStateError("this run is being opened or closed: a hook of it cannot close it")
        scope = self._scope
        if scope is None:
            if self._code is None or self._kept is None:
                raise over or RunStateError(f"this run is not open: {self._why_not_open()}")
            scope = self._new_scope(is_async, {})
            self._code.tell(scope, self._kept)
            self._scope = scope  # Only now: Ctrl-C may have come before all is told.
        self._is_ending = True
        return scope

    def _why_not_open(self) -> str:
        if self._outcome == "not opened":
            return "it was never opened, enter it with `with`, or call start()"
        return f"it has ended already ({self._outcome}), and a run is opened once: call run() for another"

    def _warn_left_open(self, warn: Callable[..., None]) -> None:
        where = f", opened at {self._opened_by}" if self._opened_by else "; RESOURCEKIT_DEBUG=1 shows where"
        warn(f"{self} was left open{where}: use `with`, or call close()", ResourceWarning, source=self)


def check_flag(what: str, given: object) -> None:
    """Refuse what is neither True nor False: ``"no"`` is true.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(given, bool):
        raise TypeError(f"{what} is True or False, not {kind_in_words(given)}")


def _words(tags: object) -> dict[str, str]:
    if not isinstance(tags, Mapping):
        raise TypeError(f"run(tags=...) wants a mapping of words, not {kind_in_words(tags)}")
    for word in (*tags, *tags.values()):
        if not isinstance(word, str):
            raise TypeError(f"run(tags=...) wants a mapping of words, there is {kind_in_words(word)} in it")
    return dict(tags)


def _needs(blueprint: Blueprint, asked: tuple[str, ...] | None, left_out: LeftOut) -> Mapping[str, Sequence[str]]:
    """What each resource of a run waits for: it holds the blueprint, since the report outlives the run."""
    return blueprint.plan(asked, left_out).needs
