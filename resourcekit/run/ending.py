"""Ending a session that was opened by hand, or an app: in the event loop that has opened it, wherever one is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from resourcekit.base.errors import RunStateError, TeardownError
from resourcekit.lifecycle.drivers import close_awaitable, torn_down, torn_down_async
from resourcekit.lifecycle.loops import HandedOver, OwningLoop
from resourcekit.lifecycle.machine import Scope
from resourcekit.lifecycle.outcome import is_a, surfacing
from resourcekit.planning.plan import Step
from resourcekit.run.session import Session

__all__ = ("end_all_async", "end_all_sync", "end_async", "end_sync")


def end_sync(session: Session, error: BaseException | None) -> None:
    """Tear down what *session* has up, and end it; called outside any loop, or inside the one that opened it."""
    try:
        _end_sync(session, error)
    except BaseException as interrupt:
        if not _begins_again(session, interrupt):
            raise
        _end_sync(session, interrupt)
        raise


async def end_async(session: Session, error: BaseException | None) -> None:
    """`end_sync` in a task of any loop."""
    try:
        await _end_async(session, error)
    except BaseException as interrupt:
        if not _begins_again(session, interrupt):
            raise
        await _end_async(session, interrupt)
        raise


def end_all_sync(
    sessions: Sequence[Session], error: BaseException | None, primary: BaseException | None = None
) -> None:
    """End several sessions, one after the other, whatever fails; raises what surfaces, but for *primary*.

    Args:
        sessions: The sessions.
        error: What their hooks hear of.
        primary: What is raised already; *error*, where there is one.
    """
    if len(sessions) == 1 and primary is None:
        end_sync(sessions[0], error)  # What it raises is what surfaces.
        return
    errors: list[BaseException] = []
    for session in sessions:
        with _collecting(errors):
            end_sync(session, error)
    _surface(error if primary is None else primary, errors)


async def end_all_async(
    sessions: Sequence[Session], error: BaseException | None, primary: BaseException | None = None
) -> None:
    """`end_all_sync` in a task of any loop."""
    if len(sessions) == 1 and primary is None:
        await end_async(sessions[0], error)
        return
    errors: list[BaseException] = []
    for session in sessions:
        with _collecting(errors):
            await end_async(session, error)
    _surface(error if primary is None else primary, errors)


@contextmanager
def _collecting(errors: list[BaseException]) -> Iterator[None]:
    try:
        yield
    except TeardownError as group:
        errors += group.exceptions
    except BaseException as error:
        errors.append(error)


def _surface(primary: BaseException | None, errors: Sequence[BaseException]) -> None:
    final = surfacing(primary, errors)
    if final is not None and final is not primary:
        raise final


def _begins_again(session: Session, interrupt: BaseException) -> bool:
    """Whether *interrupt* is a Ctrl-C that came before the session was ended."""
    if is_a(interrupt, Exception) or not session.is_open:
        return False
    session._is_ending = False
    return True


def _end_sync(session: Session, error: BaseException | None) -> None:
    owner = session._owner
    if owner is None or owner.is_here:
        session._close(error)
        return
    scope = session._leaving(is_async=True)
    handed = _hand_over(session, owner, scope, error)
    interrupt = handed.wait()
    session._closed(error, _errors(session, scope, error, handed, interrupt))


async def _end_async(session: Session, error: BaseException | None) -> None:
    owner = session._owner
    if owner is None or owner.is_here:
        await session._aclose(error)
        return
    scope = session._leaving(is_async=True)
    handed = _hand_over(session, owner, scope, error)
    interrupt = await handed.wait_async(is_shielded=error is not None)
    session._closed(error, _errors(session, scope, error, handed, interrupt))


def _hand_over(session: Session, owner: OwningLoop, scope: Scope, error: BaseException | None) -> HandedOver:
    observe, before = session._observe, session._previous

    async def ended() -> list[BaseException]:
        session._previous = None
        session._enter_context()  # Its hooks find what is still up.
        try:
            return await torn_down_async(scope, error, observe, has_failed=error is not None)
        finally:
            session._previous = before

    return HandedOver(owner, ended)


def _errors(
    session: Session, scope: Scope, error: BaseException | None, handed: HandedOver, interrupt: BaseException | None
) -> list[BaseException]:
    """What has failed, where the owner has done it; else what does not need it is done here, the rest is an error."""
    owner = session._owner
    assert owner is not None, "it was handed over"
    errors: list[BaseException] = []
    if handed.state == "done":
        for each in handed.given:
            if not is_a(each, owner.cancelled):
                errors.append(each)
            elif interrupt is None:  # The loop is ending, which is no cancellation here.
                errors.append(_told_again(each, f"the event loop that opened {session._title} has ended meanwhile"))
    else:
        if handed.state == "begun":
            errors.append(RunStateError(f"the event loop that opened {session._title} has ended while it tore it down"))
        errors += torn_down(scope, error, session._observe, partial(_refuse, session._title))
    return errors if interrupt is None else [*errors, interrupt]


def _told_again(error: BaseException, message: str) -> RunStateError:
    """An error of ours with the notes of another, which name the resource."""
    told = RunStateError(message)
    with suppress(Exception):  # It has none, or refuses.
        told.__notes__ = error.__notes__
    return told


def _refuse(title: str, step: Step, phase: str, given: Any) -> None:
    """Refuse what only a loop could await that is not there any more.

    Raises:
        RunStateError: Always.
    """
    close_awaitable(given)
    raise RunStateError(
        f"{phase} of {step.name!r} is async, and the event loop that opened {title} has ended, or does not go on: "
        "it was not awaited; let that loop run until the last one has left"
    )
