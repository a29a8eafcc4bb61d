"""``python -m benchmarks.soak``: what a long life does to a process, and many runs at once to a container.

Every run checks that it has resources of its own, each set up once and not yet torn down; at the end every setup has
had its teardown. Memory is looked at as the runs go on, and may not grow once everything is warm.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter
from typing import Final

import attrs

from benchmarks import report, results
from benchmarks.field import LIBRARIES
from benchmarks.results import Cell, Result, Row
from resourcekit import ConfigurableResource, EnvVar, ResourceContainer

__all__ = ("main",)

RUNS: Final = 1_000_000
FEWER: Final = 100_000
FEW: Final = 10_000
THREADS: Final = 64
RUNS_PER_THREAD: Final = 10_000
TASKS: Final = 10_000

_SAMPLES: Final = 20
_WARM: Final = 4
"""The sample from which on nothing may grow."""

_MOST_GROWTH: Final = 1024
"""KiB by which a process may seem to grow: the allocator's own affairs; less than 1.1 byte per run of the longest."""

_MOST_OBJECTS: Final = 20


# What runs -----------------------------------------------------------------------------------------------------------


class Tally:
    """Counts that threads may share: `next` of an iterator is atomic, an addition is not."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from zero."""
        self.setups = count()
        self.teardowns = count()

    def check(self, expected: int) -> None:
        """Each hook must have been called so often."""
        found = (next(self.setups), next(self.teardowns))
        assert found == (expected, expected), f"{found} hooks were called, not {expected}"


tally: Final = Tally()


class Tallied(ConfigurableResource):
    """A resource that knows whether it is up."""

    _is_up: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it is."""
        return self._is_up

    def teardown_after_execution(self) -> None:
        """Close."""
        assert self._is_up, "it was set up, once"
        self._is_up = False
        next(tally.teardowns)

    def _open(self) -> None:
        assert not self._is_up, "it was not set up before"
        self._is_up = True
        next(tally.setups)


class Node(Tallied):
    """A resource."""

    def setup_for_execution(self) -> None:
        """Open."""
        self._open()


class AsyncNode(Tallied):
    """A resource that takes a while to open."""

    async def setup_for_execution(self) -> None:
        """Open, some time later."""
        await asyncio.sleep(0)
        self._open()


class Pool(ConfigurableResource, scope="app"):
    """What all runs share."""

    size: int = 10


class Session(Node):
    """The dependency of the others."""

    pool: Pool


class Store(Node):
    """A dependency in between."""

    session: Session
    bucket: str


class Service(Node):
    """The root."""

    session: Session
    users: Store
    orders: Store


class AsyncSession(AsyncNode):
    """As `Session`."""

    pool: Pool


class AsyncService(AsyncNode):
    """As `Service`."""

    session: AsyncSession


class App(ResourceContainer):
    """The container."""

    pool = Pool(size=EnvVar("SOAK_POOL_SIZE", default=10))
    session = Session(pool=pool)
    users = Store(session=session, bucket="users")
    orders = Store(session=session, bucket=EnvVar("SOAK_BUCKET", default="orders"))
    service = Service(session=session, users=users, orders=orders)
    async_session = AsyncSession(pool=pool)
    async_service = AsyncService(session=async_session)


def _use(service: Service) -> None:
    nodes = [service, service.session, service.users, service.orders]
    assert all(node.is_up for node in nodes), "all of the run is up"
    assert service.users.session is service.session, "there is one session for all"


class BodyError(Exception):
    """What the bodies that fail raise."""


def plain_run(app: App) -> int:
    """One run; gives how many resources it has set up."""
    with app.run("service") as resources:
        _use(resources.service)
    return 4


def failing_run(app: App) -> int:
    """A run whose body fails: the way through the machine that decides about errors."""
    try:
        with app.run("service") as resources:
            _use(resources.service)
            raise BodyError
    except BodyError:
        return 4


def overridden_run(app: App) -> int:
    """A run in an override of its own."""
    with app.override(users=Store(session=app.session, bucket="fake")):
        with app.run("service") as resources:
            assert resources.service.users.bucket == "fake"
            _use(resources.service)
    return 4


def injected_call(app: App) -> int:
    """A run around a call."""
    app.call(_use_injected)
    return 4


def _use_injected(service: Service) -> None:
    _use(service)


# Memory --------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Sample:
    """The process at one moment.

    Args:
        rss: Resident memory, in KiB.
        objects: How many objects the collector knows.
        traced: What the interpreter has allocated, in KiB; 0 where it is not traced.
    """

    rss: int
    objects: int
    traced: int

    def since(self, other: Sample) -> Sample:
        """The difference."""
        return Sample(self.rss - other.rss, self.objects - other.objects, self.traced - other.traced)


def sample() -> Sample:
    """Look, after a collection."""
    import psutil  # Here: what runs is tested without it.

    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    return Sample(psutil.Process().memory_info().rss // 1024, len(gc.get_objects()), traced // 1024)


def _rounds(runs: int) -> Iterator[tuple[int, int]]:
    for number in range(_SAMPLES):
        yield number, runs // _SAMPLES


def soak(name: str, operate: Callable[[App], int], runs: int) -> Row:
    """Run so often, looking at memory now and then; it may not grow after the start."""
    expected = 0
    warm = last = sample()  # Only these two are kept: a list of all would itself grow.
    with App() as app:
        began = perf_counter()
        for number, each in _rounds(runs):
            expected += sum(operate(app) for _ in range(each))
            last = sample()
            warm = last if number == _WARM else warm
            print(f"  {name}: {(number + 1) * each:>9,} runs, {_in_words(last)}", flush=True)
        seconds = perf_counter() - began
    tally.check(expected)
    growth = last.since(warm)
    assert growth.rss < _MOST_GROWTH, f"{name}: {growth}"
    assert growth.objects < _MOST_OBJECTS, f"{name}: {growth}"
    return _row(name, runs, seconds, growth)


def _in_words(found: Sample) -> str:
    traced = f", {found.traced:,} KiB traced" if found.traced else ""
    return f"{found.rss:,} KiB resident, {found.objects:,} objects{traced}"


def _row(name: str, runs: int, seconds: float, growth: Sample | None = None) -> Row:
    cells = {"runs": Cell(runs), "seconds": Cell(round(seconds, 1)), "runs per second": Cell(round(runs / seconds))}
    if growth is not None:
        cells |= {
            "growth, KiB resident": Cell(growth.rss),
            "growth, KiB allocated": Cell(growth.traced),
            "growth, objects": Cell(growth.objects),
        }
    return Row(name, cells)


def traced(name: str, operate: Callable[[App], int], runs: int) -> Row:
    """`soak` with every allocation traced: nothing that is allocated may stay."""
    tracemalloc.start()
    try:
        return soak(name, operate, runs)
    finally:
        tracemalloc.stop()


# Many at once --------------------------------------------------------------------------------------------------------


def threads(number: int, runs: int) -> Row:
    """So many threads with so many runs each, on one container."""
    failures: list[BaseException] = []
    ready = threading.Barrier(number)

    def work() -> None:
        try:
            ready.wait()
            for _ in range(runs):
                plain_run(app)
        except BaseException as error:
            failures.append(error)

    with App() as app:
        workers = [threading.Thread(target=work) for _ in range(number)]
        began = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = perf_counter() - began
    assert not failures, failures[0]
    tally.check(4 * number * runs)
    return _row(f"{number} threads x {runs:,} runs", number * runs, seconds)


async def _tasks(number: int) -> float:
    """So many tasks, each with a run that stays open until all are open."""
    opened = 0
    all_open = asyncio.Event()

    async def work(app: App) -> None:
        nonlocal opened
        async with app.run("async_service") as resources:
            opened += 1
            if opened == number:
                all_open.set()
            await all_open.wait()
            service = resources.async_service
            assert [service.is_up, service.session.is_up] == [True, True]

    async with App() as app:
        began = perf_counter()
        await asyncio.gather(*(work(app) for _ in range(number)))
        return perf_counter() - began


def tasks(number: int) -> Row:
    """`_tasks`, checked."""
    seconds = asyncio.run(_tasks(number))
    tally.check(2 * number)
    return _row(f"{number:,} tasks, all open at once", number, seconds)


# All of it -----------------------------------------------------------------------------------------------------------


def rows(quick: bool) -> Iterator[Row]:
    """Everything, one after the other."""
    share = 50 if quick else 1
    works: list[Callable[[], Row]] = [
        lambda: soak("runs", plain_run, RUNS // share),
        lambda: soak("runs whose body fails", failing_run, FEWER // share),
        lambda: soak("runs in an override", overridden_run, FEW // share),
        lambda: soak("injected calls", injected_call, FEWER // share),
        lambda: traced("runs, allocations traced", plain_run, FEWER // share),
        lambda: threads(THREADS, RUNS_PER_THREAD // share),
        lambda: tasks(TASKS // share),
    ]
    for work in works:
        tally.reset()
        yield work()


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the runs")
    parser.add_argument("--write", action="store_true", help="keep the results, and write docs/benchmarks.md anew")
    options = parser.parse_args()
    done = list(rows(options.quick))
    columns = list(dict.fromkeys(column for row in done for column in row.cells))
    result = Result("soak", columns, done, results.here(LIBRARIES), "count")
    print(report.text(result))
    if options.write:
        results.save({"soak": result})
        report.write(results.load())
    return 0


if __name__ == "__main__":
    sys.exit(main())
