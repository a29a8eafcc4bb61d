"""Who called: the first frame outside resourcekit."""

from __future__ import annotations

import sys
from types import FrameType

from resourcekit.errors import Location

__all__ = ("caller_frame", "caller_location")

_OURS = {__name__.partition(".")[0], "abc", "contextlib", "copy", "functools", "dependency_injector"}
"""Packages that only pass a call on to us."""


def caller_frame() -> FrameType | None:
    """The frame that called into resourcekit, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        frame = frame.f_back
    return frame


def caller_location() -> Location | None:
    """The file and line that called into resourcekit, or None."""
    frame = caller_frame()
    return None if frame is None else Location(frame.f_code.co_filename, frame.f_lineno)
