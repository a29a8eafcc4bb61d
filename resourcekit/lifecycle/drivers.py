"""The two drivers of a machine: one calls, the other calls and awaits."""

from __future__ import annotations

import inspect
import math
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from functools import partial
from time import perf_counter
from typing import Any, Final, NoReturn

from resourcekit.base.errors import RunStateError
from resourcekit.lifecycle.machine import Call, CallFailed, Machine, Scope, tear_down
from resourcekit.lifecycle.scopes import innermost_cancel_scope
from resourcekit.planning.plan import Step

__all__ = (
    "Observer",
    "aperform",
    "close_awaitable",
    "drive",
    "drive_async",
    "end_child",
    "in_thread",
    "perform",
    "refuse_awaitable",
    "torn_down",
    "torn_down_async",
)

Observer = Callable[[Call], AbstractContextManager[object]]
"""Gives what is entered around each call: it sees when the call starts, ends and fails."""

Refuse = Callable[[Step, str, Any], None]
"""Raises the error for what a phase of a step gave that nobody can await."""

_UNSEEN: Final = nullcontext()

_PATIENCE: Final = 10
"""How often more than there are hooks a teardown goes on that was interrupted between two of them."""


def refuse_awaitable(step: Step, phase: str, given: Any) -> None:
    """Refuse what a sync run cannot await.

    Raises:
        RunStateError: Always.
    """
    close_awaitable(given)
    raise RunStateError(f"{phase} of {step.name!r} gave an awaitable, and the run is sync; open it with `async with`")


def close_awaitable(given: Any) -> None:
    """Let go of what is not to be awaited after all."""
    if inspect.iscoroutine(given):
        given.close()


def drive(machine: Machine, observe: Observer | None = None, refuse: Refuse = refuse_awaitable) -> Any:
    """Run *machine* to its end in a sync run, and give what it returns."""
    resume = partial(machine.send, None)
    while True:
        try:
            call = resume()
        except StopIteration as stop:
            return stop.value
        try:
            with observe(call) if observe is not None and call.is_observed else _UNSEEN:
                given = perform(call, refuse)
        except BaseException as error:
            resume = partial(machine.throw, CallFailed(call, error))
        else:
            resume = partial(machine.send, given)


def torn_down(
    scope: Scope, outcome: BaseException | None, observe: Observer | None, refuse: Refuse = refuse_awaitable
) -> list[BaseException]:
    """Undo everything in *scope* in a sync run; gives what went wrong, Ctrl-C between two hooks as well.

    Args:
        scope: The scope.
        outcome: As for `tear_down`.
        observe: Sees each call.
        refuse: Refuses what is to be awaited.
    """
    errors: list[BaseException] = []
    for _ in range(len(scope.undo) + _PATIENCE):
        try:
            drive(tear_down(scope, outcome, errors), observe, refuse)
            break
        except BaseException as interrupt:
            errors.append(interrupt)
    return errors


async def torn_down_async(
    scope: Scope, outcome: BaseException | None, observe: Observer | None, *, has_failed: bool = True
) -> list[BaseException]:
    """`torn_down` in an async run.

    Args:
        scope: The scope.
        outcome: As for `tear_down`.
        observe: Sees each call.
        has_failed: Something has failed before.
    """
    errors: list[BaseException] = []
    for _ in range(len(scope.undo) + _PATIENCE):
        try:
            await drive_async(tear_down(scope, outcome, errors), observe, has_failed=has_failed or bool(errors))
            break
        except BaseException as interrupt:
            errors.append(interrupt)
    return errors


def perform(call: Call, refuse: Refuse = refuse_awaitable) -> Any:
    """Make one call of a sync run, and give what it gives.

    Raises:
        RunStateError: It gave something to be awaited.
    """
    started = perf_counter()
    given = call.make()
    call.took = perf_counter() - started
    if call.is_awaited(given):
        refuse(call.step, call.phase, given)
    return given


async def drive_async(machine: Machine, observe: Observer | None = None, *, has_failed: bool = False) -> Any:
    """Run *machine* to its end in an async run.

    Cancellation may interrupt the call that is awaiting. Once anything has failed, the remaining calls are
    shielded, in this same task; but for those that close a cancel scope of their own, inside which no other
    may be open.

    Args:
        machine: The machine.
        observe: Sees each call.
        has_failed: Something has failed before.
    """
    resume = partial(machine.send, None)
    with _Shield() as shield:
        while True:
            try:
                call = resume()
            except StopIteration as stop:
                return stop.value
            try:
                with observe(call) if observe is not None and call.is_observed else _UNSEEN:
                    if call.closes_scope:
                        shield.close()
                    started = perf_counter()
                    given = call.make()
                    if call.is_awaited(given):
                        # As late as this: a coroutine that is closed without its loop can still call sync hooks.
                        if has_failed and not call.closes_scope:
                            shield.open(given)
                        call.made["awaited"] = given = await _in_time(call, given)
                    call.took = perf_counter() - started
            except BaseException as error:
                has_failed = True
                resume = partial(machine.throw, CallFailed(call, error))
            else:
                resume = partial(machine.send, given)


class _Shield(ExitStack):
    """A cancel scope that keeps cancellation out, opened when there is need."""

    is_open = False

    def open(self, given: Any) -> None:
        """Open it, if it is not; *given* is what is to be awaited inside."""
        if self.is_open:
            return
        from anyio import CancelScope  # Only when something has failed: importing it costs a start.

        try:
            self.enter_context(CancelScope(shield=True))
        except BaseException:  # There is no loop any more.
            close_awaitable(given)
            raise
        self.is_open = True

    def close(self) -> None:
        """Close it; it may be opened again."""
        self.is_open = False
        super().close()


async def aperform(call: Call, threads: Any = None) -> tuple[Any, BaseException | None]:
    """Make one call of a concurrent async run; gives what it gives, and what it raises, which a coroutine may change.

    Args:
        call: The call.
        threads: The limiter of the threads for blocking hooks; None makes the call in this one.
    """
    started = perf_counter()
    error = None
    try:
        if threads is None or call.is_async:
            given = call.make()
        else:
            from anyio.to_thread import run_sync

            given, error = await run_sync(in_thread, call, call.make, limiter=threads)
        if error is None and call.is_awaited(given):
            call.made["awaited"] = given = await _in_time(call, given)
    except BaseException as raised:
        return None, raised
    call.took = perf_counter() - started
    return given, error


def in_thread(call: Call, function: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What *function*, called in a thread, gives, and what it raises: nothing may leave the thread.

    A GeneratorExit would close who waits for it; and in the child of a fork there is nobody who does.
    """
    process = os.getpid()
    given, error = None, None
    try:
        given = function()
    except BaseException as raised:
        error = raised
    _end_in_child(process, call, error)
    return given, error


def _end_in_child(process: int, call: Call, error: BaseException | None) -> None:
    """End the child of a fork in a thread: the run's own thread is not there, so a hook has nowhere to return to."""
    if os.getpid() != process:
        way_out = "say threads=False in the class statement, so that the hook is called in the run's own thread"
        end_child(call, f"was called in a thread and has forked; {{}}, or {way_out}", error)


def end_child(call: Call, what: str, error: BaseException | None) -> NoReturn:
    """End the child of a fork, in which there is nowhere to go on.

    Args:
        call: The hook that has forked.
        what: What has happened, with braces in the place of what to do.
        error: What it raised: SystemExit is heeded.
    """
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    else:
        owner = type(call.step.resource).__name__
        told = what.format("the run goes on in the parent process, this one ends: end it with sys.exit() or os._exit()")
        lost = RunStateError(f"{call.phase} of {call.step.name!r} ({owner}) {told}")
        lost.__cause__, code = error, 1
        sys.excepthook(RunStateError, lost, None)
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


async def _in_time(call: Call, given: Any) -> Any:
    """Await *given*, and cancel it where it takes longer than it may.

    Raises:
        HookTimeoutError: It does.
    """
    limit = call.limit
    if limit is None or call.closes_scope:  # Inside a scope that is to be closed none may be opened.
        return await given
    from anyio import CancelScope, current_time

    scope = CancelScope(deadline=current_time() + limit.seconds)
    with ExitStack() as stack:
        stack.enter_context(scope)
        inside = innermost_cancel_scope()
        result = await given
        if innermost_cancel_scope() is not inside:  # It has opened one that stays open.
            scope.deadline = math.inf
            call.kept = stack.pop_all()
        return result
    raise limit.error(call.step, call.phase)
