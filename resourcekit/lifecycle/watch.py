"""A start that takes long says so: one log line with what is still starting, for how long, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Timer
from time import perf_counter
from typing import Self

import attrs

from resourcekit.base.errors import listed
from resourcekit.base.masking import printable
from resourcekit.declarations.context import LOGGER
from resourcekit.lifecycle.drivers import Observer
from resourcekit.lifecycle.machine import Call
from resourcekit.planning.plan import Plan, Step

__all__ = ("StartWatch",)


@attrs.frozen(eq=False)
class _Watched:
    """Stands around one call: a generator would cost as much as a small start does for each resource."""

    call: Call
    running: dict[Call, float]

    def __enter__(self) -> None:
        self.running[self.call] = perf_counter()

    def __exit__(self, *_: object) -> None:
        del self.running[self.call]


@contextmanager
def _both(outer: AbstractContextManager[object], inner: AbstractContextManager[object]) -> Iterator[None]:
    with outer, inner:
        yield


class StartWatch:
    """Watches a start, in a thread of its own: the others may be blocked.

    Args:
        container: The container's name.
        seconds: When to say so.
        plan: The plan.
        steps: Those of its steps that are to be done.
        inner: Another observer, who sees each call as well.
    """

    def __init__(
        self,
        container: str,
        seconds: float,
        plan: Plan,
        steps: Sequence[Step],
        inner: Observer | None,
    ) -> None:
        self._container = container
        self._seconds = seconds
        self._plan = plan
        self._steps = steps
        self._inner = inner
        self._running: dict[Call, float] = {}
        self._timer = Timer(self._seconds, self._tell)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        try:
            self._timer.start()
        except BaseException:  # Ctrl-C, with the thread under way.
            self._timer.cancel()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def observe(self, call: Call) -> AbstractContextManager[object]:
        """Stands around each call."""
        watched = _Watched(call, self._running)
        return watched if self._inner is None else _both(watched, self._inner(call))

    def _tell(self) -> None:
        while not self._running:  # It is between two hooks, or it has ended just now.
            if self._timer.finished.wait(self._seconds):
                return
        now = perf_counter()
        told = [
            f"{call.step.name} ({type(call.step.resource).__name__}) in {call.phase} for {now - since:.1f} s"
            + self._who(call)
            for call, since in list(self._running.items())
        ]
        LOGGER.warning(
            "%s is still starting after %g s: %s", self._container, self._seconds, printable("; ".join(told))
        )

    def _who(self, call: Call) -> str:
        place = next(place for place, step in enumerate(self._steps) if step is call.step)
        waits = self._plan.waits(self._steps)
        waiting = [step.name for step, needs in zip(self._steps, waits, strict=True) if place in needs]
        verb = "waits" if len(waiting) == 1 else "wait"
        return f", {listed(waiting)} {verb} for it" if waiting else ""
