"""A start that takes long says so: one log line with what is still starting, for how long, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import Timer
from time import perf_counter
from typing import Self

from resourcekit.context import LOGGER
from resourcekit.errors import listed
from resourcekit.lifecycle.drivers import Observer
from resourcekit.lifecycle.machine import Call
from resourcekit.plan import Step

__all__ = ("StartWatch",)


class StartWatch:
    """Watches a start, in a thread of its own: the others may be blocked.

    Args:
        container: The container's name.
        seconds: When to say so.
        steps: The steps.
        waits: For each step, the places of those it needs.
        inner: Another observer, who sees each call as well.
    """

    def __init__(
        self,
        container: str,
        seconds: float,
        steps: Sequence[Step],
        waits: Sequence[set[int]],
        inner: Observer | None,
    ) -> None:
        self._container = container
        self._seconds = seconds
        self._steps = steps
        self._waits = waits
        self._inner = inner
        self._running: dict[Call, float] = {}
        self._wait()

    def _wait(self) -> None:
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

    @contextmanager
    def observe(self, call: Call) -> Iterator[None]:
        """Stands around each call."""
        self._running[call] = perf_counter()
        try:
            with nullcontext() if self._inner is None else self._inner(call):
                yield
        finally:
            del self._running[call]

    def _tell(self) -> None:
        now = perf_counter()
        if not self._running:  # It is between two hooks.
            self._wait()
            self._timer.start()
            return
        told = [
            f"{call.step.name} ({type(call.step.resource).__name__}) in {call.phase} for {now - since:.1f} s"
            + self._who(call)
            for call, since in list(self._running.items())
        ]
        LOGGER.warning("%s is still starting after %g s: %s", self._container, self._seconds, "; ".join(told))

    def _who(self, call: Call) -> str:
        place = next(place for place, step in enumerate(self._steps) if step is call.step)
        waiting = [step.name for step, needs in zip(self._steps, self._waits, strict=True) if place in needs]
        verb = "waits" if len(waiting) == 1 else "wait"
        return f", {listed(waiting)} {verb} for it" if waiting else ""
