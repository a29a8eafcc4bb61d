"""The child of a fork in a teardown hook: generated code stops there, at no cost to a run that does not fork."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from resourcekit.errors import RunStateError
from resourcekit.lifecycle.compiled import Compiled

__all__ = ("stop_teardown",)


def stop_teardown(frame: FrameType) -> None:
    """Have generated code that has called a hook, out of which *frame* was called, go no further than the hook.

    It is straight-line code, which looks at nothing between two hooks; so it is stopped as a debugger would do it.
    """
    frames = set(_tearing_down(frame))
    if not frames:
        return
    before = sys.gettrace()

    def stop(frame: FrameType, event: str, _argument: Any) -> None:
        frame.f_trace = None
        frames.discard(frame)
        if event == "line":
            raise RunStateError(frame.f_locals["run"]._over())  # With that, Python traces nothing more.
        if not frames:
            sys.settrace(before)

    for each in frames:
        run = each.f_locals["run"]
        if run.is_open:  # It was opened in another context.
            run._inherit()
        each.f_trace = stop
    sys.settrace(lambda frame, event, argument: None)


def _tearing_down(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        code = frame.f_globals.get("CODE")
        if isinstance(code, Compiled) and frame.f_code is code.leaving.__code__:
            yield frame
        frame = frame.f_back
