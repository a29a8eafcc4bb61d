"""What surfaces when hooks fail: pure functions over exceptions."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Final

from resourcekit.context import LOGGER
from resourcekit.errors import TeardownError
from resourcekit.plan import Step

__all__ = ("annotate", "surfacing")

_HEAD: Final = "resourcekit: teardown failed as well:"


def annotate(error: BaseException, step: Step, phase: str) -> None:
    """Note on *error* which resource and phase it comes from, once."""
    path = " -> ".join(step.path)
    declared = f", declared at {step.node.held.location}" if step.node.held.location else ""
    note = f"resourcekit: {phase} of {step.name!r} ({type(step.resource).__name__}), needed as {path}{declared}"
    if note not in getattr(error, "__notes__", ()):
        _add_note(error, note)


def surfacing(primary: BaseException | None, errors: Sequence[BaseException]) -> BaseException | None:
    """The exception that leaves a run.

    Args:
        primary: What the body, or a failing setup, raised.
        errors: What teardown hooks raised, in the order they ran.

    Returns:
        *primary* where there is one, with the others attached to it; an interrupt from a teardown (Ctrl-C,
        exit, cancellation) comes before an ordinary error. Without either, one `TeardownError`. None when
        nothing went wrong.
    """
    if not errors:
        return primary
    interrupt = next((error for error in errors if not isinstance(error, Exception)), None)
    main = primary
    if interrupt is not None and (primary is None or isinstance(primary, Exception)):
        main = interrupt
    if main is None:
        return TeardownError([error for error in errors if isinstance(error, Exception)])
    for error in errors:
        if error is not main:
            LOGGER.error("a teardown hook failed after %s", type(main).__name__, exc_info=error)
    attach(main, [error for error in errors if error is not main])
    if main is interrupt and primary is not None and main.__context__ is None:
        main.__context__ = primary
    return main


def attach(main: BaseException, errors: Sequence[BaseException]) -> None:
    """Put teardown errors on *main*: a group in its ``teardown_errors`` and one note that tells it."""
    former: TeardownError | None = getattr(main, "teardown_errors", None)
    before = former.exceptions if isinstance(former, TeardownError) else ()
    ordinary = [*before, *(error for error in errors if isinstance(error, Exception))]
    if ordinary:
        try:
            BaseException.__setattr__(main, "teardown_errors", TeardownError(ordinary))
        except (AttributeError, TypeError):
            pass  # It refuses attributes: the log and run.report tell.
    interrupts = [error for error in errors if not isinstance(error, Exception)]
    notes = getattr(main, "__notes__", None)
    if isinstance(notes, list):
        notes[:] = [note for note in notes if not str(note).startswith(_HEAD)]
    lines = [f"  {line}" for error in (*ordinary, *interrupts) for line in _told(error)]
    if lines:
        _add_note(main, "\n".join([_HEAD, *lines]))


def _told(error: BaseException) -> list[str]:
    # traceback survives an exception that raises in its __str__.
    text = "".join(traceback.format_exception_only(error)).rstrip()
    return text.splitlines()


def _add_note(error: BaseException, note: str) -> None:
    try:
        BaseException.add_note(error, note)
    except (AttributeError, TypeError):
        pass  # It refuses notes: the log and run.report tell.
