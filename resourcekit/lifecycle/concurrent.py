"""Concurrent set-up: a step starts as soon as all that it needs is up.

The machine of each step goes on in the run's own thread and task; of its calls, those that move are made in threads
and child tasks. So two threads never touch the same thing here, and what a step does, and how that is undone, is
decided where it always is.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any, Final

import attrs

from resourcekit.lifecycle.drivers import Observer, aperform, end_child, in_thread, perform
from resourcekit.lifecycle.machine import Call, CallFailed, Machine, Scope, set_up_one
from resourcekit.lifecycle.outcome import together
from resourcekit.lifecycle.scopes import innermost_cancel_scope
from resourcekit.planning.plan import Step

__all__ = ("set_up_concurrently", "set_up_concurrently_async")

_MOST_THREADS: Final = 32


@attrs.define(eq=False)
class Pending:
    """A call of a step that waits for its turn, or is being made.

    Args:
        place: The step's.
        call: The call.
        observed: What is entered around it.
        given: What it gave.
        error: What it raised.
        stop: Interrupts it, where it is made in a child task.
        turn: Whoever takes this out, makes it or has it never made.
    """

    place: int
    call: Call
    observed: AbstractContextManager[object] = nullcontext()
    given: Any = None
    error: BaseException | None = None
    stop: Callable[[], object] | None = None
    turn: list[None] = attrs.field(factory=lambda: [None])

    def takes_turn(self) -> bool:
        """Whether it is the caller's to make, or to be given up: never both, in whatever threads."""
        try:
            self.turn.pop()
        except IndexError:
            return False
        return True


class Schedule:
    """What can start, what is under way and what has failed. It makes no call itself.

    Args:
        scope: The run's.
        steps: The steps, in order.
        waits: For each step, the places of those it needs.
        observe: Sees each call.
        cancelled: What a call raises that was interrupted.
    """

    def __init__(
        self,
        scope: Scope,
        steps: Sequence[Step],
        waits: Sequence[set[int]],
        observe: Observer | None,
        cancelled: type[BaseException] | tuple[()] = (),
    ) -> None:
        self._scope = scope
        self._steps = steps
        self._observe = observe
        self._cancelled = cancelled
        self._missing = [len(needs) for needs in waits]
        self._dependants: list[list[int]] = [[] for _ in steps]
        for place, needs in enumerate(waits):
            for need in needs:
                self._dependants[need].append(place)
        self._ready = [place for place, needs in enumerate(waits) if not needs]  # in order: a heap
        self._machines: dict[int, Machine] = {}
        self._moving: deque[Pending] = deque()
        self._staying: deque[Pending] = deque()
        self.under_way: set[Pending] = set()
        self.finished: deque[Pending] = deque()
        self.errors: list[BaseException] = []

    def moving(self) -> Iterator[Pending]:
        """The calls to be made elsewhere, of every step that can start by now."""
        while self._moving or (self._ready and not self.errors):
            if self._moving:
                pending = self._moving.popleft()
                self._observed(pending)
                self.under_way.add(pending)
                yield pending
            else:
                place = heappop(self._ready)
                self._machines[place] = machine = set_up_one(self._scope, self._steps[place])
                self._advance(place, partial(machine.send, None))

    def staying(self) -> Pending | None:
        """The next call to be made here, if there is one."""
        if not self._staying:
            return None
        pending = self._staying.popleft()
        self._observed(pending)
        return pending

    def _observed(self, pending: Pending) -> None:
        if self._observe is not None and pending.call.is_observed:
            pending.observed = self._observe(pending.call)
        pending.observed.__enter__()

    def next_finished(self) -> bool:
        """Take the step of a call that was made elsewhere on; False when there is none."""
        if not self.finished:
            return False
        pending = self.finished[0]
        if pending in self.under_way:  # Ctrl-C may have come before it was taken off.
            self.under_way.remove(pending)
            self.ended(pending)
        self.finished.popleft()
        return True

    def ended(self, pending: Pending) -> None:
        """Take a step on whose call has been made."""
        error = pending.error
        try:
            pending.observed.__exit__(None if error is None else type(error), error, None)
        except BaseException as raised:  # Ctrl-C in a listener.
            error = raised if error is None else error
        machine = self._machines[pending.place]
        resume = partial(machine.send, pending.given)
        self._advance(
            pending.place, resume if error is None else partial(machine.throw, CallFailed(pending.call, error))
        )

    def _advance(self, place: int, resume: Callable[[], Call]) -> None:
        """Take a step to its next call, or to its end."""
        try:
            call = resume()
        except StopIteration as stop:
            self._end(place, stop.value)
            return
        if self.errors:
            self._machines.pop(place).close()  # What it has done stands in the scope; it goes no further.
        elif call.moves:
            self._moving.append(Pending(place, call))
        elif call.phase == "construct":
            self._staying.appendleft(Pending(place, call))  # The making of an object does not wait behind hooks.
        else:
            self._staying.append(Pending(place, call))

    def _end(self, place: int, error: BaseException | None) -> None:
        del self._machines[place]
        if error is not None:
            self.failed(error)
            return
        for dependant in self._dependants[place]:
            self._missing[dependant] -= 1
            if self._missing[dependant] == 0:
                heappush(self._ready, dependant)

    def failed(self, error: BaseException) -> None:
        """Nothing more is begun; what is under way is interrupted, if it can be, and waited for."""
        if not (self.errors and issubclass(type(error), self._cancelled)):  # An interrupted sibling has not failed.
            self.errors.append(error)
        given_up = [pending for pending in self.under_way if pending.takes_turn()]
        self.under_way.difference_update(given_up)
        for pending in given_up:
            with suppress(BaseException):
                pending.observed.__exit__(type(error), error, None)
        for pending in (*self._staying, *self._moving, *given_up):
            self._machines.pop(pending.place).close()
        self._staying.clear()
        self._moving.clear()
        for pending in self.under_way:
            if pending.stop is not None:
                pending.stop()

    def settle(self) -> BaseException | None:
        """Bring what is up into the order of the plan; gives what surfaces."""
        places = {id(step): place for place, step in enumerate(self._steps)}
        live = sorted(self._scope.live.items(), key=lambda item: places[id(item[1].step)])
        self._scope.live = dict(live)
        if not any(undo.closes_scope for undo in self._scope.undo):  # Cancel scopes close as they were opened.
            self._scope.undo.sort(key=lambda undo: places.get(id(undo.step), -1))  # What it uses goes after every step.
        return together(self.errors)


def set_up_concurrently(
    scope: Scope, steps: Sequence[Step], waits: Sequence[set[int]], observe: Observer | None = None
) -> BaseException | None:
    """Bring *steps* up in a sync run, blocking hooks in threads; gives what surfaces, or None.

    Args:
        scope: The run's: what is up stands in it afterwards.
        steps: The steps, in order.
        waits: For each step, the places of those it needs.
        observe: Sees each call.
    """
    schedule = Schedule(scope, steps, waits, observe)
    wake: SimpleQueue[None] = SimpleQueue()

    def work(pending: Pending) -> None:
        if not pending.takes_turn():
            return
        pending.given, pending.error = in_thread(pending.call, partial(perform, pending.call))
        schedule.finished.append(pending)
        wake.put(None)

    with ThreadPoolExecutor(min(len(steps), _MOST_THREADS) or 1, "resourcekit") as pool:
        while True:
            try:
                for pending in schedule.moving():
                    pool.submit(contextvars.copy_context().run, work, pending)
                if schedule.next_finished():
                    continue
                here = schedule.staying()
                if here is not None:
                    _make(here)
                    schedule.ended(here)
                elif schedule.under_way and not scope.is_lost:  # No thread of the parent's is in a child.
                    wake.get()
                else:
                    break
            except BaseException as interrupt:  # Ctrl-C between two hooks.
                schedule.failed(interrupt)
    return schedule.settle()


def _make(pending: Pending) -> None:
    try:
        pending.given = perform(pending.call)
    except BaseException as error:
        pending.error = error


def _end_if_lost(scope: Scope, schedule: Schedule, pending: Pending) -> None:
    """End the child that a hook has forked while others were called in threads.

    Its loop would wait for ever for the threads of the parent's, which are not in this child.
    """
    if scope.is_lost and schedule.under_way:
        end_child(pending.call, "has forked while others were called in threads; {}", pending.error)


async def set_up_concurrently_async(
    scope: Scope, steps: Sequence[Step], waits: Sequence[set[int]], observe: Observer | None = None
) -> BaseException | None:
    """`set_up_concurrently` in an async run: async hooks in child tasks, blocking ones in threads."""
    from anyio import CancelScope, CapacityLimiter, Event, create_task_group, get_cancelled_exc_class

    schedule = Schedule(scope, steps, waits, observe, get_cancelled_exc_class())
    threads = CapacityLimiter(min(len(steps), _MOST_THREADS) or 1)
    wake = Event()

    async def work(pending: Pending) -> None:
        if not pending.takes_turn():
            return
        with CancelScope() as stopping:
            pending.stop = stopping.cancel
            pending.given, pending.error = await aperform(pending.call, threads)
        schedule.finished.append(pending)
        wake.set()

    group = create_task_group()
    await group.__aenter__()
    before = innermost_cancel_scope()
    while True:
        try:
            for pending in schedule.moving():
                group.start_soon(work, pending)
            if schedule.next_finished():
                continue
            here = schedule.staying()
            if here is not None:
                here.given, here.error = await aperform(here.call)
                _end_if_lost(scope, schedule, here)
                schedule.ended(here)
            elif schedule.under_way:
                with CancelScope(shield=bool(schedule.errors)):
                    await wake.wait()
                wake = Event()
            else:
                break
        except BaseException as interrupt:
            schedule.failed(interrupt)
    leave = partial(group.__aexit__, None, None, None)
    if innermost_cancel_scope() is before:
        try:
            await leave()
        except BaseException as interrupt:
            schedule.failed(interrupt)
    else:  # A hook has opened a scope that stays open: this one has to stay around it.
        holder = next(undo for undo in scope.undo if undo.closes_scope)
        scope.undo.insert(0, attrs.evolve(holder, function=lambda _outcome: leave))
    return schedule.settle()
