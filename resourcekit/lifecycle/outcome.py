"""What surfaces when hooks fail: pure functions over exceptions."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import FunctionType
from typing import Final

import attrs

from resourcekit.context import LOGGER
from resourcekit.errors import SetupError, TeardownError
from resourcekit.plan import Step
from resourcekit.secrets import printable

__all__ = ("TEARDOWN_NOTE", "HookFailure", "annotate", "never_began", "note", "put", "surfacing", "together", "told")

TEARDOWN_NOTE: Final = "resourcekit: teardown failed as well:"
"""How the note begins that tells of teardown errors on another."""


@attrs.frozen(eq=False)
class HookFailure:
    """Whose hook, or other phase, has raised an error."""

    step: Step
    phase: str
    error: BaseException

    def __str__(self) -> str:
        owner = type(self.step.resource).__name__
        return f"{self.phase} of {self.step.name!r} ({owner}) raised {type(self.error).__name__}"


def never_began(error: BaseException, step: Step, phase: str) -> bool:
    """Whether Ctrl-C came between the call of a hook and its first line: it has done nothing then."""
    trace, function = error.__traceback__, getattr(type(step.resource), phase, None)
    if not isinstance(error, KeyboardInterrupt) or not isinstance(function, FunctionType):
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
    if main is not primary and isinstance(main, Exception):
        return TeardownError([error for error in errors if isinstance(error, Exception)])
    assert main is not None
    others = [error for error in errors if error is not main]
    for error in others:
        LOGGER.error("a teardown hook failed, %s surfaces", type(main).__name__, exc_info=error)
    if others:
        _attach(main, others)
    if main is not primary and main.__context__ is None:
        put(main, "__context__", primary)
    return main


def together(errors: Sequence[BaseException]) -> BaseException | None:
    """The exception that surfaces of hooks that failed at the same time: the only one, or a `SetupError` of them.

    What is no error, Ctrl-C or a cancellation, surfaces as itself; the others are logged and become its context.
    """
    if len(errors) < 2:
        return errors[0] if errors else None
    main = max(errors, key=_weight)
    ordinary = [error for error in errors if isinstance(error, Exception)]
    if isinstance(main, Exception):  # What else there may be ends a generator: it is no failure.
        return SetupError(ordinary) if len(ordinary) > 1 else main
    for error in ordinary:
        LOGGER.error("a set-up hook failed, %s surfaces", type(main).__name__, exc_info=error)
    put(main, "__context__", SetupError(ordinary) if ordinary else None)
    return main


def _weight(error: BaseException | None) -> int:
    """How much an exception matters where only one can surface; of equals, the first does."""
    if error is None:
        return -1
    if isinstance(error, GeneratorExit):
        return 0  # Closing a generator swallows it, and with it whatever were attached to it.
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return 3
    return 1 if isinstance(error, Exception) else 2


def _attach(main: BaseException, errors: Sequence[BaseException]) -> None:
    """Put teardown errors on *main*: a group in its ``teardown_errors`` and one note that tells it."""
    former = _read(main, "teardown_errors")
    before = former.exceptions if isinstance(former, TeardownError) else ()
    ordinary = [*before, *(error for error in errors if isinstance(error, Exception))]
    if ordinary:
        put(main, "teardown_errors", TeardownError(ordinary))
    interrupts = [error for error in errors if not isinstance(error, Exception)]
    lines = [f"  {line}" for error in (*ordinary, *interrupts) for line in told(error)]
    notes = _notes(main)
    notes[:] = [text for text in notes if not str(text).startswith(TEARDOWN_NOTE)]
    notes.append("\n".join([TEARDOWN_NOTE, *lines]))


def told(error: BaseException) -> list[str]:
    """The lines that tell of *error*: its type, message and notes."""
    # traceback survives an exception that raises in its __str__.
    text = "".join(traceback.format_exception_only(error)).rstrip()
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
