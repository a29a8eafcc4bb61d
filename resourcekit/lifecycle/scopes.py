"""Which cancel scope a task is in: scopes close in the reverse order they opened, a shield of ours too."""

from __future__ import annotations

import sys

__all__ = ("innermost_cancel_scope",)


def innermost_cancel_scope() -> object:
    """The innermost cancel scope of the running task, to be compared with another time's; None where there is none.

    Neither trio nor anyio has a public way to ask. Where theirs has changed, nothing is seen, and a context
    manager that holds a task group over its yield is torn down as any other.
    """
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return getattr(trio.lowlevel.current_task(), "_cancel_status", None)
    states = getattr(sys.modules.get("anyio._backends._asyncio"), "_task_states", {})
    try:
        task = sys.modules["asyncio"].current_task()
    except (KeyError, RuntimeError):  # No loop is running here.
        return None
    return getattr(states.get(task), "cancel_scope", None)
