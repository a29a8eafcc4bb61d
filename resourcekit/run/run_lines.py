"""What a run does beside its hooks, as lines of its generated code: calls would cost more than a small run's hooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from weakref import ref

from resourcekit.base.caller import caller_location
from resourcekit.lifecycle.fast.compiled import Frame
from resourcekit.lifecycle.forks import PROCESS
from resourcekit.lifecycle.report import Listener
from resourcekit.run.current import CURRENT
from resourcekit.run.view import set_class, view_classes

__all__ = ("frame", "is_debugging")


def is_debugging() -> bool:
    """Whether Python's development mode or ours is on: then what is left open tells where it was opened."""
    return bool(sys.flags.dev_mode) or os.environ.get("RESOURCEKIT_DEBUG") == "1"


def frame(
    slots: Sequence[str], is_drafted: bool, nested: Sequence[str], listeners: Sequence[Listener], *, is_async: bool
) -> Frame:
    """What stands around the steps: as `Session` does it for a run that goes through the machine.

    Args:
        slots: The slots that the steps need.
        is_drafted: Whether config is read for each run.
        nested: The keys of nested containers.
        listeners: Who hears of events: with any, the machine is needed.
        is_async: For which kind of run.
    """
    classes = view_classes((*slots, *dict.fromkeys(key.partition(".")[0] for key in nested)))
    a, wait = ("_a", "await ") if is_async else ("_", "")
    check = [f"if run._outcome != 'not opened' or LISTENERS: return {wait}run.{a}open_by_machine()"]
    if is_drafted:
        check.append(f"if (drafts := run._drafted(CODE)) is None: return {wait}run.{a}open_by_machine()")
    opening = [
        "view = run._view = Opening()",
        "run._code = CODE",
        "run._process = PROCESS.number",
        "run._outcome = 'open'",
        "CURRENT.set(ref(run)) if CURRENT.get() is None else run._enter_context()",
    ]
    locating = ["run._opened_by = caller_location()"] if is_debugging() else []
    opened = ["if run._report is not None: run._report.order = CODE.order"]
    showing = ["view._run = run", "view.__class__ = Shown"]
    closing = [
        "kept = run._kept",
        "if error is not None or kept is None or run._code is not CODE or LISTENERS "
        f"or run._process != PROCESS.number: return {wait}run.{a}close_by_machine(error)",
        "run._kept = None",  # A hook that closes it finds it closed.
    ]
    closed = [
        "set_class(run._view, Ended)",
        "run._view = None",
        "run._outcome = 'success'",
        "x = CURRENT.get()",
        "if x is not None and x() is run: CURRENT.set(None) if run._previous is None else run._leave_context()",
        "if run._report is not None: run._report.outcome = 'success'",
    ]
    return Frame(
        check_up=tuple(check),
        before_up=(*opening, *locating),
        after_up=tuple(opened if nested else [*opened, *showing]),
        up="return run._show()" if nested else "return view",
        failed_up=f"return {wait}run.{a}not_opened(run._told_up(CODE, failure))",
        check_down=tuple(closing),
        after_down=("run._left()",) if nested else tuple(closed),
        failed_down=f"{wait}run.{a}not_closed(run._told_down(failure))",
        constants={
            "CURRENT": CURRENT,
            "Ended": classes.ended,
            "LISTENERS": listeners,
            "Opening": classes.opening,
            "PROCESS": PROCESS,
            "Shown": classes.shown,
            "caller_location": caller_location,
            "ref": ref,
            "set_class": set_class,
        },
    )
