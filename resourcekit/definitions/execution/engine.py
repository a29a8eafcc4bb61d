"""The drivers of an execution: in this thread, or in an event loop with tasks and threads. The steps are the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import TYPE_CHECKING, Any

from resourcekit.definitions.execution.step_calls import Call, Pause, StepMachine, refuse_awaitable
from resourcekit.definitions.execution.step_execution import Execution

if TYPE_CHECKING:
    from anyio import CapacityLimiter

__all__ = ("execute", "execute_async", "load", "load_async")


def execute(execution: Execution) -> None:
    """Run every step in this thread, one after another, inside the run of the resources.

    Raises:
        Exception: What a step, a setup or a teardown raised; several steps as an `ExecutionError`.
    """
    with execution.run as live:
        execution.begin(live)
        while (name := execution.schedule.next()) is not None:
            _drive(execution.step(name))
            execution.tell_skipped()
        execution.end()


def load(execution: Execution, machine: StepMachine) -> Any:
    """What *machine* gives, inside the run of the resources.

    Raises:
        Exception: What an IO manager, a setup or a teardown raised.
    """
    with execution.run as live:
        execution.begin(live)
        return _drive(machine)


async def load_async(execution: Execution, machine: StepMachine) -> Any:
    """`load` in an event loop."""
    async with execution.run as live:
        execution.begin(live)
        return await _drive_async(machine, None)


def _drive(machine: StepMachine) -> Any:
    resume = partial(machine.send, None)
    while True:
        try:
            wanted = resume()
        except StopIteration as stop:
            return stop.value
        try:
            given = _done(wanted)
        except BaseException as error:
            resume = partial(machine.throw, error)
        else:
            resume = partial(machine.send, given)


def _done(wanted: Call | Pause) -> Any:
    if isinstance(wanted, Pause):
        return sleep(wanted.seconds)
    given = wanted.make()
    if inspect.isawaitable(given):
        refuse_awaitable(wanted, given)
    return given


async def execute_async(execution: Execution, limit: int) -> None:
    """Run the steps in an event loop: one after another, or up to *limit* that need nothing of one another at once.

    Args:
        execution: The execution.
        limit: How many run at once; with more than one, sync functions run in threads, but for those that work with
            a resource whose class has ``threads=False``.

    Raises:
        Exception: As `execute`.
    """
    async with execution.run as live:
        execution.begin(live)
        if limit == 1:
            while (name := execution.schedule.next()) is not None:
                await _drive_async(execution.step(name), None)
                execution.tell_skipped()
        else:
            await _Concurrent(execution, limit).run()
        execution.end()


class _Concurrent:
    """Steps at once: each that ends starts those it has freed.

    Args:
        execution: The execution.
        limit: How many run at once.
    """

    def __init__(self, execution: Execution, limit: int) -> None:
        from anyio import CapacityLimiter, create_task_group

        self._execution = execution
        self._free = limit
        self._limiter = CapacityLimiter(limit)
        self._tasks = create_task_group()
        self._interrupt: BaseException | None = None

    async def run(self) -> None:
        """Run all.

        Raises:
            BaseException: A Ctrl-C or exit that a step raised.
        """
        async with self._tasks:
            self._start()
        if self._interrupt is not None:
            raise self._interrupt

    def _start(self) -> None:
        while self._free and (name := self._execution.schedule.next()) is not None:
            self._free -= 1
            self._tasks.start_soon(self._step, name, name=f"step {name}")
        self._execution.tell_skipped()

    async def _step(self, name: str) -> None:
        from anyio import get_cancelled_exc_class

        try:
            await _drive_async(self._execution.step(name), self._limiter)
        except get_cancelled_exc_class():
            raise
        except BaseException as error:  # No group around it: who presses Ctrl-C gets a KeyboardInterrupt.
            self._interrupt = error
            self._tasks.cancel_scope.cancel()
        else:
            self._free += 1
            self._start()


async def _drive_async(machine: StepMachine, limiter: CapacityLimiter | None) -> Any:
    """Run one step; with a *limiter*, what is not async in threads."""
    resume: Callable[[], Any] = partial(machine.send, None)
    while True:
        try:
            wanted = resume()
        except StopIteration as stop:
            return stop.value
        try:
            given = await _done_async(wanted, limiter)
        except BaseException as error:
            resume = partial(machine.throw, error)
        else:
            resume = partial(machine.send, given)


async def _done_async(wanted: Call | Pause, limiter: CapacityLimiter | None) -> Any:
    if isinstance(wanted, Pause):
        from anyio import sleep as asleep

        return await asleep(wanted.seconds)
    if limiter is None or wanted.stays or inspect.iscoroutinefunction(wanted.function):
        given = wanted.make()
    else:
        from anyio import to_thread

        # In a box: trio refuses to hand over an awaitable.
        (given,) = await to_thread.run_sync(lambda: (wanted.make(),), limiter=limiter)
    return await given if inspect.isawaitable(given) else given
