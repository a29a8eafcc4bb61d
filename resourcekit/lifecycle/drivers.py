"""The two drivers of a machine: one calls, the other calls and awaits."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from typing import Any, Final

from resourcekit.errors import RunStateError
from resourcekit.lifecycle.machine import Call, Machine

__all__ = ("Observer", "drive", "drive_async")

Observer = Callable[[Call], AbstractContextManager[object]]
"""Gives what is entered around each call: it sees when the call starts, ends and fails."""

_UNSEEN: Final = nullcontext()


def _is_awaited(call: Call, given: Any) -> bool:
    return inspect.isawaitable(given) if call.awaits_any else inspect.iscoroutine(given)


def drive(machine: Machine, observe: Observer | None = None) -> Any:
    """Run *machine* to its end in a sync run, and give what it returns."""
    resume = partial(machine.send, None)
    while True:
        try:
            call = resume()
        except StopIteration as stop:
            return stop.value
        try:
            with _UNSEEN if observe is None else observe(call):
                given = call.function()
                if _is_awaited(call, given):
                    _refuse(call, given)
        except BaseException as error:
            resume = partial(machine.throw, error)
        else:
            resume = partial(machine.send, given)


def _refuse(call: Call, given: Any) -> None:
    if inspect.iscoroutine(given):
        given.close()
    raise RunStateError(
        f"{call.phase} of {call.step.name!r} gave an awaitable, and the run is sync; open it with `async with`"
    )


async def drive_async(machine: Machine, observe: Observer | None = None, *, is_shielded: bool = False) -> Any:
    """Run *machine* to its end in an async run.

    Cancellation may interrupt the call that is awaiting. Once anything has failed, the remaining calls are
    shielded, in this same task.

    Args:
        machine: The machine.
        observe: Sees each call.
        is_shielded: Something has failed before: shield from the start.
    """
    resume = partial(machine.send, None)
    with ExitStack() as shield:
        if is_shielded:
            shield.enter_context(_shield())
        while True:
            try:
                call = resume()
            except StopIteration as stop:
                return stop.value
            try:
                with _UNSEEN if observe is None else observe(call):
                    given = call.function()
                    given = await given if _is_awaited(call, given) else given
            except BaseException as error:
                resume = partial(machine.throw, error)
                if not is_shielded:
                    shield.enter_context(_shield())
                    is_shielded = True
            else:
                resume = partial(machine.send, given)


def _shield() -> AbstractContextManager[object]:
    from anyio import CancelScope  # Only when something has failed: importing it costs a start.

    return CancelScope(shield=True)
