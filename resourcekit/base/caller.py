"""Who called: the first frame outside resourcekit."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Final

from resourcekit.base.errors import Location
from resourcekit.base.generated import GENERATED

__all__ = ("Place", "caller_frame", "caller_location", "caller_place")

Place = tuple[str, int]
"""The file and line of a `Location`: of these alone the collector of cycles keeps nothing in mind."""

_HERE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep
_GO_BETWEENS: Final = {"abc", "contextlib", "copy", "functools", "typing", "dependency_injector"}
"""Packages that only pass a call on to us."""


def caller_frame() -> FrameType | None:
    """The frame that called into resourcekit, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _passes_on(frame):
        frame = frame.f_back
    return frame


def _passes_on(frame: FrameType) -> bool:
    """Whether a frame is ours or a go-between's; by file, since a doctest runs under the name of its module."""
    if frame.f_code.co_filename.startswith((_HERE, GENERATED)):
        return True
    package: str = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in _GO_BETWEENS


def caller_place() -> Place | None:
    """The file and line that called into resourcekit, or None."""
    frame = caller_frame()
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def caller_location() -> Location | None:
    """The same for messages."""
    place = caller_place()
    return None if place is None else Location(*place)
