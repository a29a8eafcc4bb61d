"""What the core costs, in a minute: ``python benchmarks/quick.py``. It prints figures and judges nothing.

Read the ratios, not the microseconds, and run it in an environment with the core's dependencies only:
dependency-injector loads FastAPI and pydantic where they are installed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from time import perf_counter

import attrs
from attrs.validators import instance_of

from resourcekit import ConfigurableResource, ResourceContainer, secret

PROCESSES = 7
ROUNDS = 31
LENGTH = 10
"""How many resources the chain has: each needs the one before it."""

IMPORTS = (
    "import attrs",
    "import resourcekit",
    "from resourcekit import ConfigurableResource",
    "import attrs, dependency_injector.containers",
    "from resourcekit import ResourceContainer",
)

calls = {"setup": 0, "teardown": 0}


# The work, by resourcekit and by hand --------------------------------------------------------------------------------


def declare() -> type:
    class Database(ConfigurableResource):
        host: str
        port: int = 5432
        password: str = secret()

    return Database


def declare_by_hand() -> type:
    @attrs.define(kw_only=True, frozen=True, eq=False)
    class Database:
        host: str = attrs.field(validator=instance_of(str))
        port: int = attrs.field(default=5432, validator=instance_of(int))
        password: str = attrs.field(validator=instance_of(str), repr=False)

    return Database


class Link(ConfigurableResource):
    """One resource of the chain; its hooks only count."""

    before: Link | None = None
    size: int = 1
    name: str = "link"

    def setup_for_execution(self) -> None:
        calls["setup"] += 1

    def teardown_after_execution(self) -> None:
        calls["teardown"] += 1


@attrs.define(kw_only=True, eq=False)
class HandLink:
    """The same without resourcekit."""

    before: HandLink | None = None
    size: int = 1
    name: str = "link"

    def setup(self) -> None:
        calls["setup"] += 1

    def teardown(self) -> None:
        calls["teardown"] += 1


def chain() -> ResourceContainer:
    links: dict[str, Link] = {}
    for number in range(LENGTH):
        links[f"link{number}"] = Link(before=links.get(f"link{number - 1}"))
    return ResourceContainer.of(links)


def run_by_hand() -> object:
    with ExitStack() as stack:
        link = None
        for _ in range(LENGTH):
            link = HandLink(before=link)
            link.setup()
            stack.callback(link.teardown)
        return link


# Measuring -----------------------------------------------------------------------------------------------------------


def import_times() -> dict[str, list[float]]:
    """Seconds that each import takes in fresh processes with warm bytecode, the interpreter's own start left out."""
    times: dict[str, list[float]] = {statement: [] for statement in IMPORTS}
    with TemporaryDirectory() as bytecode:  # Its own: what is installed may have none.
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        for _ in range(PROCESSES + 1):  # In turn: the machine has other things to do.
            for statement in IMPORTS:
                program = f"from time import perf_counter as now\nstart = now()\n{statement}\nprint(now() - start)"
                command = [sys.executable, "-c", program]
                done = subprocess.run(command, capture_output=True, check=True, text=True, env=environ)
                times[statement].append(float(done.stdout))
    return {statement: measured[1:] for statement, measured in times.items()}  # The first wrote the bytecode.


def timed(work: Callable[[], object], number: int) -> float:
    start = perf_counter()
    for _ in range(number):
        work()
    return (perf_counter() - start) / number


def compare(title: str, ours: Callable[[], object], theirs: Callable[[], object], baseline: str, number: int) -> None:
    """Time both in turn, and print our time and the median of the rounds' ratios."""
    timed(ours, 1)  # what is made lazily is made now
    timed(theirs, 1)
    pairs = [(timed(ours, number), timed(theirs, number)) for _ in range(ROUNDS)]
    tell(title, min(mine for mine, _ in pairs), statistics.median(mine / other for mine, other in pairs), baseline)


def tell(title: str, seconds: float, ratio: float, baseline: str) -> None:
    print(f"{title:<46} {seconds * 1e6:10.1f} us   {ratio:6.2f} x {baseline}")


def main() -> None:
    times = import_times()
    baseline = times[IMPORTS[0]]
    for statement, seconds in times.items():
        ratio = statistics.median(mine / other for mine, other in zip(seconds, baseline, strict=True))
        tell(statement, statistics.median(seconds), ratio, IMPORTS[0])

    compare("declare a class of 3 fields", declare, declare_by_hand, "attrs.define with validators", 5)
    ours, theirs = declare(), declare_by_hand()
    compare(
        "construct a declaration of 3 fields",
        lambda: ours(host="localhost", password="x"),
        lambda: theirs(host="localhost", password="x"),
        "the attrs class with validators",
        500,
    )
    compare(
        "declare a class and construct once",
        lambda: declare()(host="h", password="x"),
        lambda: declare_by_hand()(host="h", password="x"),
        "the same with attrs",
        5,
    )

    app = chain()

    def run() -> object:
        with app.run() as resources:
            return resources

    calls.update(setup=0, teardown=0)
    run()
    run_by_hand()
    assert calls == {"setup": 2 * LENGTH, "teardown": 2 * LENGTH}, "both do the same work"
    compare(f"a run of {LENGTH} resources, a chain", run, run_by_hand, "by hand with ExitStack", 50)


if __name__ == "__main__":
    main()
