"""What is wrong with a command, and errors of the user's code as its own tracebacks."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Collection, Sequence
from types import FrameType, TracebackType
from typing import Final

from resourcekit.base.errors import ResourceKitError
from resourcekit.base.generated import GENERATED
from resourcekit.base.masking import printable
from resourcekit.cli.output_masking import masked

__all__ = ("CommandError", "UserCodeError", "is_from_user_code", "print_traceback", "says_all")


class CommandError(Exception):
    """A command cannot be done as it is written: one message, exit code 2."""


class UserCodeError(Exception):
    """The user's code raised while it was loaded or called: its own traceback is shown.

    Args:
        error: What it raised.
        doing: What was being done.
        code: The exit code.
        secrets: What its words must not show.
    """

    def __init__(self, error: BaseException, doing: str, code: int, secrets: Sequence[str] = ()) -> None:
        super().__init__(error, doing, code)
        self.error = error
        self.doing = doing
        self.code = code
        self.secrets = secrets


_OURS: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD: Final = os.path.dirname(os.__file__) + os.sep
_GO_BETWEENS: Final = tuple(f"{os.sep}site-packages{os.sep}{name}{os.sep}" for name in ("anyio", "cyclopts"))


def print_traceback(error: BaseException, secrets: Sequence[str] = (), told: Collection[BaseException] = ()) -> None:
    """Print the traceback of an error in the user's code, from its first frame on, secrets masked.

    Args:
        error: The error; so are those behind it, and in it, printed.
        secrets: What must not be shown.
        told: Errors that are printed by themselves: they are not told again as what was being handled.
    """
    for each in _with_those_behind(error):
        start = _first_user_frame(each)
        is_group = isinstance(each, BaseExceptionGroup)
        if start is not None or is_group or isinstance(each, SyntaxError):  # What has no syntax has no frame.
            each.with_traceback(start)
        each.__suppress_context__ |= each.__context__ in told
    text = masked("".join(traceback.format_exception(error)), secrets)
    sys.stderr.write(printable(text, keep="\n\t"))


def _with_those_behind(error: BaseException) -> list[BaseException]:
    """An error, its causes, what was being handled, and what is in a group: each once."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and not any(each is other for other in found):
            found.append(each)
            waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
    return found


def says_all(error: BaseException) -> bool:
    """Whether the words of an error say all: it is one of ours, and no code of the user's is behind it."""
    if isinstance(error, BaseExceptionGroup) or not isinstance(error, ResourceKitError):
        return False
    return not any(is_from_user_code(each) for each in (error, error.__cause__) if each is not None)


def is_from_user_code(error: BaseException) -> bool:
    """Whether the user's code was running when it was raised."""
    return _first_user_frame(error) is not None


def _first_user_frame(error: BaseException) -> TracebackType | None:
    step = error.__traceback__
    while step is not None and _is_on_the_way(step.tb_frame):
        step = step.tb_next
    return step


def _is_on_the_way(frame: FrameType) -> bool:
    """Whether a frame only leads to the user's code: ours, the standard library's, the command line's."""
    file = frame.f_code.co_filename
    is_standard = file.startswith((_STANDARD, "<frozen ")) and "site-packages" not in file
    return is_standard or file.startswith((_OURS, GENERATED)) or any(name in file for name in _GO_BETWEENS)
