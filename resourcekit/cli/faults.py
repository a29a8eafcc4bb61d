"""What is wrong with a command, and errors of the user's code as its own tracebacks."""

from __future__ import annotations

import os
import sys
import traceback
from types import FrameType, TracebackType
from typing import Final

import resourcekit

__all__ = ("CommandError", "UserCodeError", "print_traceback")


class CommandError(Exception):
    """A command cannot be done as it is written: one message, exit code 2."""


class UserCodeError(Exception):
    """The user's code raised while it was loaded or called: its own traceback is shown.

    Args:
        error: What it raised.
        doing: What was being done.
        code: The exit code.
    """

    def __init__(self, error: BaseException, doing: str, code: int) -> None:
        super().__init__(error, doing, code)
        self.error = error
        self.doing = doing
        self.code = code


_LOADERS: Final = ("importlib", "<frozen importlib", "runpy.py", "cyclopts", "asyncio")
_OURS: Final = (os.path.dirname(os.path.abspath(resourcekit.__file__)) + os.sep,)


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error in the user's code, from its first frame on."""
    error.with_traceback(_from_user_frame(error.__traceback__))
    traceback.print_exception(error, file=sys.stderr)


def _from_user_frame(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames that lead to the user's code: all of it where there are no others."""
    step = trace
    while step is not None and _is_on_the_way(step.tb_frame):
        step = step.tb_next
    return step if step is not None else trace


def _is_on_the_way(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith((*_OURS, "<frozen importlib")) or any(f"{os.sep}{name}" in file for name in _LOADERS)
