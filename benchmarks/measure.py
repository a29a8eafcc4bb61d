"""Timing: contenders in turn, in shuffled rounds, each chunk checked; ratios to the baseline."""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from time import process_time
from typing import Final, Literal

import attrs

from benchmarks.contenders.base import Operation, Prepared
from benchmarks.graphs import Graph

__all__ = (
    "CountError",
    "Effort",
    "Entry",
    "Order",
    "Ratio",
    "Times",
    "counted",
    "cyclic_garbage",
    "interleave",
    "judge",
    "ratios",
    "timed",
)

Order = Literal["right", "wrong"]
Clock = Callable[[], float]
Chunk = Callable[[int], float]
"""Does so many operations, and gives the seconds they took."""

Times = Mapping[str, Sequence[float]]
"""Seconds per operation, by label and round."""

_SEED: Final = 20
_LARGEST_GROWTH: Final = 16


class CountError(AssertionError):
    """A contender did not do its work."""


@attrs.frozen
class Effort:
    """How long to measure.

    Args:
        rounds: How often each contender has its turn.
        chunk: How long a turn takes, in seconds, about.
    """

    rounds: int
    chunk: float


@attrs.frozen
class Entry:
    """What one contender does in a case.

    Args:
        label: What the table calls it.
        chunk: Does so many operations, and gives the seconds they took.
        order: What its twin has shown.
    """

    label: str
    chunk: Chunk
    order: Order = "right"


@attrs.frozen
class Ratio:
    """How many times the baseline.

    Args:
        least: The fastest chunk by the baseline's fastest chunk.
        median: The median of the rounds' ratios.
        seconds: The fastest chunk's, per operation.
    """

    least: float
    median: float
    seconds: float


# Chunks --------------------------------------------------------------------------------------------------------------


def timed(operate: Operation, runner: asyncio.Runner | None = None, clock: Clock = process_time) -> Chunk:
    """A chunk of operations; of coroutine functions, in the loop of *runner*.

    By default it is the process's own time that counts, which does not go on while others have the processor.
    """
    if runner is None:
        return lambda number: _seconds(operate, number, clock)
    return lambda number: runner.run(_async_seconds(operate, number, clock))


def _seconds(operate: Operation, number: int, clock: Clock) -> float:
    start = clock()
    for _ in repeat(None, number):
        operate()
    return clock() - start


async def _async_seconds(operate: Operation, number: int, clock: Clock) -> float:
    start = clock()
    for _ in repeat(None, number):
        await operate()
    return clock() - start


def counted(prepared: Prepared, runner: asyncio.Runner | None = None, clock: Clock = process_time) -> Chunk:
    """A chunk, after which every hook must have run once per operation.

    Raises:
        CountError: By the chunk: it is otherwise.
    """
    program, chunk = prepared.program, timed(prepared.operate, runner, clock)

    def checked(number: int) -> float:
        program.reset()
        seconds = chunk(number)
        expected = (number * program.graph.size,) * 2
        if program.counts != expected:
            raise CountError(f"{program.counts} hooks were called, not {expected}")
        return seconds

    return checked


def cyclic_garbage(operate: Operation, number: int = 10) -> float:
    """How many objects an operation leaves to the cyclic collector."""
    operate()
    gc.collect()
    gc.disable()
    try:
        for _ in repeat(None, number):
            operate()
        return gc.collect() / number
    finally:
        gc.enable()


# The twin ------------------------------------------------------------------------------------------------------------


def judge(twin: Prepared, runner: asyncio.Runner | None = None) -> Order:
    """Run a logging twin twice, and judge what it logs.

    Raises:
        CountError: A hook was not called exactly once.
    """
    chunk = timed(twin.operate, runner)
    orders = []
    for _ in range(2):
        twin.program.reset()
        chunk(1)
        orders.append(_judged(twin.program.graph, twin.program.events))
    return "wrong" if "wrong" in orders else "right"


def _judged(graph: Graph, events: Sequence[tuple[str, int]]) -> Order:
    up = [number for what, number in events if what == "setup"]
    down = [number for what, number in events if what == "teardown"]
    everyone = list(range(graph.size))
    if sorted(up) != everyone or sorted(down) != everyone:
        raise CountError(f"{len(up)} setups and {len(down)} teardowns of {graph.size} resources")
    are_apart = all(what == "setup" for what, _ in events[: graph.size])
    return "right" if are_apart and _is_topological(graph, up) and _is_topological(graph, down[::-1]) else "wrong"


def _is_topological(graph: Graph, numbers: Sequence[int]) -> bool:
    places = {number: place for place, number in enumerate(numbers)}
    return all(places[need] < places[number] for number, needs in enumerate(graph.needs) for need in needs)


# Rounds --------------------------------------------------------------------------------------------------------------


def interleave(entries: Sequence[Entry], effort: Effort) -> Times:
    """Give each its turns, in rounds, shuffled anew for each round."""
    sizes = {entry.label: _chunk_size(entry.chunk, effort.chunk) for entry in entries}
    times: dict[str, list[float]] = {entry.label: [] for entry in entries}
    for entry in _turns(entries, effort.rounds):
        number = sizes[entry.label]
        times[entry.label].append(entry.chunk(number) / number)
    return times


def _chunk_size(chunk: Chunk, seconds: float) -> int:
    """How many operations take about so long; what is made lazily is made here."""
    chunk(1)
    number = 1
    while (taken := chunk(number)) < seconds / 2:
        number = max(number + 1, min(number * _LARGEST_GROWTH, round(number * seconds / max(taken, 1e-9))))
    return max(1, round(number * seconds / taken))


def _turns(entries: Sequence[Entry], rounds: int) -> Iterator[Entry]:
    shuffled = random.Random(_SEED)
    for _ in range(rounds):
        turn = list(entries)
        shuffled.shuffle(turn)
        yield from turn


def ratios(times: Times, baseline: str) -> dict[str, Ratio]:
    """Each as so many times the baseline."""
    base = times[baseline]
    return {
        label: Ratio(
            min(each) / min(base),
            statistics.median(one / other for one, other in zip(each, base, strict=True)),
            min(each),
        )
        for label, each in times.items()
    }
