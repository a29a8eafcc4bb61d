"""What surfaces when hooks fail: pure functions over exceptions."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import FunctionType, TracebackType
from typing import Final, TypeGuard, TypeVar

import attrs

from resourcekit.base.errors import SetupError, TeardownError
from resourcekit.base.masking import printable
from resourcekit.declarations.context import LOGGER
from resourcekit.planning.plan import Step

__all__ = (
    "TEARDOWN_NOTE",
    "HookFailure",
    "annotate",
    "is_a",
    "never_began",
    "note",
    "put",
    "surfacing",
    "together",
    "told",
    "traceback_of",
)

E = TypeVar("E", bound=BaseException)

TEARDOWN_NOTE: Final = "resourcekit: teardown failed as well:"
"""How the note begins that tells of teardown errors on another."""

_ORDINARY: Final = 1
"""The weight of an error, which may stand in a group of others."""


@attrs.frozen(eq=False)
class HookFailure:
    """Whose hook, or other phase, has raised an error."""

    step: Step
    phase: str
    error: BaseException

    def __str__(self) -> str:
        owner = type(self.step.resource).__name__
        return f"{self.phase} of {self.step.name!r} ({owner}) raised {type(self.error).__name__}"


def is_a(error: BaseException | None, kind: type[E]) -> TypeGuard[E]:
    """Whether *error* is of a kind, by its type alone: `isinstance` asks the object too, which may raise."""
    return issubclass(type(error), kind)


def traceback_of(error: BaseException) -> TracebackType | None:
    """The traceback of *error*, past what its class may make of reading it."""
    trace: TracebackType | None = BaseException.__getattribute__(error, "__traceback__")
    return trace


def never_began(error: BaseException, step: Step, phase: str) -> bool:
    """Whether Ctrl-C came between the call of a hook and its first line: it has done nothing then."""
    trace, function = traceback_of(error), getattr(type(step.resource), phase, None)
    if not is_a(error, KeyboardInterrupt) or not isinstance(function, FunctionType):
        return False
    code = function.__code__
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    import dis  # only when Ctrl-C has come to a hook

    start = next(each.offset for each in dis.get_instructions(code) if each.opname == "RESUME")
    return trace is not None and trace.tb_lasti <= start


def annotate(error: BaseException, step: Step, phase: str) -> None:
    """Note on *error* which resource and phase it comes from, once."""
    path = " -> ".join(step.path)
    declared = f", declared at {step.node.held.location}" if step.node.held.location else ""
    owner = type(step.resource).__name__
    note(error, printable(f"resourcekit: {phase} of {step.name!r} ({owner}), needed as {path}{declared}"))


def note(error: BaseException, text: str) -> None:
    """Put a note on *error*, once, unless it refuses notes."""
    notes = _notes(error)
    if text not in notes:
        notes.append(text)


def surfacing(primary: BaseException | None, errors: Sequence[BaseException]) -> BaseException | None:
    """The exception that leaves a run.

    Args:
        primary: What the body, or a failing setup, raised.
        errors: What teardown hooks raised, in the order they ran.

    Returns:
        *primary* where there is one, with the others attached to it; what came from a teardown goes before it
        only if it weighs more: Ctrl-C and exit more than cancellation, cancellation more than an ordinary
        error. Without either, one `TeardownError`. None when nothing went wrong.
    """
    if not errors:
        return primary
    main = max((primary, *errors), key=_weight)
    if main is not primary and _weight(main) == _ORDINARY:
        return TeardownError([error for error in errors if is_a(error, Exception)])
    assert main is not None
    others = [error for error in errors if error is not main]
    for error in others:
        _log("a teardown hook failed, %s surfaces", main, error)
    if others:
        _attach(main, others)
    if main is not primary and _read(main, "__context__") is None:
        put(main, "__context__", primary)
    return main


def together(errors: Sequence[BaseException]) -> BaseException | None:
    """The exception that surfaces of hooks that failed at the same time: the only one, or a `SetupError` of them.

    What is no error, Ctrl-C or a cancellation, surfaces as itself; the others are logged and become its context.
    """
    if len(errors) < 2:
        return errors[0] if errors else None
    main: BaseException = max(errors, key=_weight)
    ordinary = [error for error in errors if is_a(error, Exception)]
    if _weight(main) == _ORDINARY and len(ordinary) > 1:
        main, others = SetupError(ordinary), [error for error in errors if not is_a(error, Exception)]
    else:
        others = [error for error in errors if error is not main]
    for error in others:
        _log("a set-up hook failed, %s surfaces", main, error)
    if others:
        known = [error for error in others if is_a(error, Exception)]
        is_all = len(known) == len(others)
        put(main, "__context__", SetupError(known) if is_all else BaseExceptionGroup("set-up hooks failed", others))
    return main


def _log(message: str, main: BaseException, error: BaseException) -> None:
    with suppress(Exception):  # A handler that cannot show it, and raises, is not to take its place.
        LOGGER.error(message, type(main).__name__, exc_info=(type(error), error, traceback_of(error)))


def _weight(error: BaseException | None) -> int:
    """How much an exception matters where only one can surface; of equals, the first does."""
    if error is None:
        return -1
    if is_a(error, GeneratorExit):
        return 0  # Closing a generator swallows it, and with it whatever were attached to it.
    if is_a(error, KeyboardInterrupt) or is_a(error, SystemExit):
        return 3
    return _ORDINARY if is_a(error, Exception) else 2


def _attach(main: BaseException, errors: Sequence[BaseException]) -> None:
    """Put teardown errors on *main*: a group in its ``teardown_errors`` and one note that tells it."""
    former = _read(main, "teardown_errors")
    before = former.exceptions if isinstance(former, TeardownError) else ()
    ordinary = [*before, *(error for error in errors if is_a(error, Exception))]
    if ordinary:
        put(main, "teardown_errors", TeardownError(ordinary))
    interrupts = [error for error in errors if not is_a(error, Exception)]
    lines = [f"  {line}" for error in (*ordinary, *interrupts) for line in told(error)]
    notes = _notes(main)
    notes[:] = [text for text in notes if not str(text).startswith(TEARDOWN_NOTE)]
    notes.append("\n".join([TEARDOWN_NOTE, *lines]))


def told(error: BaseException) -> list[str]:
    """The lines that tell of *error*: its type, message and notes."""
    # traceback survives an exception that raises in its __str__, not one that raises when it is read.
    try:
        text = "".join(traceback.format_exception_only(error)).rstrip()
    except Exception:
        return [type(error).__name__]
    return text.splitlines()


def _notes(error: BaseException) -> list[str]:
    """The notes of *error*, to be changed in place; of one that refuses notes, a list that nobody sees."""
    notes = _read(error, "__notes__")
    if not isinstance(notes, list):
        notes = []
        put(error, "__notes__", notes)
    return notes


def _read(error: BaseException, name: str) -> object:
    try:
        found: object = BaseException.__getattribute__(error, name)
    except Exception:  # It is not there, or a property of the user's raises.
        return None
    return found


def put(error: BaseException, name: str, value: object) -> None:
    """Set an attribute of *error*, unless it refuses."""
    with suppress(Exception):  # Where it refuses, the log and run.report tell.
        BaseException.__setattr__(error, name, value)  # Past a frozen class's own.
