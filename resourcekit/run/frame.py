"""What a run does beside its hooks, as lines of its generated code: calls would cost more than a small run's hooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from weakref import ref

from resourcekit.current import CURRENT
from resourcekit.frames import caller_location
from resourcekit.lifecycle.compiled import Frame
from resourcekit.run.view import set_class, view_classes

__all__ = ("frame", "is_debugging")


def is_debugging() -> bool:
    """Whether Python's development mode or ours is on: then what is left open tells where it was opened."""
    return bool(sys.flags.dev_mode) or os.environ.get("RESOURCEKIT_DEBUG") == "1"


def frame(slots: Sequence[str], nested: Sequence[str]) -> Frame:
    """What stands around the steps: as `Session` does it for a run that goes through the machine.

    Args:
        slots: The slots that the steps need.
        nested: The keys of nested containers.
    """
    classes = view_classes((*slots, *dict.fromkeys(key.partition(".")[0] for key in nested)))
    opening = [
        "view = run._view = Opening()",
        "run._outcome = 'open'",
        "CURRENT.set(ref(run)) if CURRENT.get() is None else run._enter_context()",
    ]
    locating = ["run._opened_by = caller_location()"] if is_debugging() else []
    shown = ["view._run = run; view._prefix = ''; view._nested = ()", "view.__class__ = Shown"]
    ended = [
        "set_class(view, Ended)",
        "run._view = None; run._outcome = 'success'",
        "x = CURRENT.get()",
        "if x is not None and x() is run: CURRENT.set(None) if run._previous is None else run._leave_context()",
    ]
    return Frame(
        before_up=(*opening, *locating),
        after_up=() if nested else tuple(shown),
        before_down=("view = run._view",),
        after_down=() if nested else tuple(ended),
        constants={
            "CURRENT": CURRENT,
            "Ended": classes.ended,
            "Opening": classes.opening,
            "Shown": classes.shown,
            "caller_location": caller_location,
            "ref": ref,
            "set_class": set_class,
        },
    )
