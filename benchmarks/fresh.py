"""What needs a process of its own: imports (S8) and the start of an application (S6).

``python -m benchmarks.fresh CONTENDER SIZE`` is the process of S6.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final

import attrs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.contenders.base import Import
from benchmarks.field import contenders
from benchmarks.scenarios import startup_graph

__all__ = ("Start", "import_times", "start_time")

_ROOT: Final = Path(__file__).parents[1]


# S8 ------------------------------------------------------------------------------------------------------------------


def import_times(imports: Sequence[Import], rounds: int) -> dict[str, list[float]]:
    """Seconds each statement takes, by statement and round, the interpreter's own start left out."""
    times: dict[str, list[float]] = {each.statement: [] for each in imports}
    with TemporaryDirectory() as made:
        work = Path(made)
        places = {name: _environment(work, name) for name in {each.distribution for each in imports}}
        shuffled = random.Random(20)
        for number in range(rounds + 1):
            for each in shuffled.sample(imports, len(imports)):
                seconds = _import(each.statement, places[each.distribution], work / "bytecode")
                if number:  # The first round wrote the bytecode.
                    times[each.statement].append(seconds)
    return times


def _import(statement: str, place: Path, bytecode: Path) -> float:
    program = f"from time import process_time as now\nstart = now()\n{statement}\nprint(now() - start)"
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    environ |= {"PYTHONPATH": str(place), "PYTHONPYCACHEPREFIX": str(bytecode)}
    command = [sys.executable, "-S", "-c", program]  # -S: what is installed is not there.
    return float(subprocess.run(command, capture_output=True, check=True, text=True, env=environ, cwd=place).stdout)


def _environment(work: Path, name: str) -> Path:
    """A folder of links to one distribution and what it requires: an environment with nothing else in it."""
    place = work / name
    place.mkdir()
    for each in _with_requirements(name):
        for source in _top_level(each):
            target = place / source.name
            if not target.exists():
                target.symlink_to(source)
    return place


def _with_requirements(name: str) -> Iterator[str]:
    todo, done = [name], set[str]()
    while todo:
        each = canonicalize_name(todo.pop())
        if each not in done:
            done.add(each)
            yield each
            todo += _requirements(each)


def _requirements(name: str) -> Iterable[str]:
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            try:
                distribution(requirement.name)
            except PackageNotFoundError:
                continue
            yield requirement.name


def _top_level(name: str) -> Iterator[Path]:
    """The files and folders that a distribution has put beside others; our own may be installed or not."""
    if name == "resourcekit":
        spec = importlib.util.find_spec(name)
        assert spec is not None, "who runs this can import it"
        assert spec.origin is not None, "it is a package with an __init__.py"
        yield Path(spec.origin).parent
        return
    found = distribution(name)
    names = {file.parts[0] for file in found.files or () if file.parts[0] != ".."}
    yield from (Path(str(found.locate_file(each))).resolve() for each in sorted(names) if each != "__pycache__")


# S6 ------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Start:
    """One start in a process of its own.

    Args:
        declare: Seconds to register, build and validate.
        resolve: Seconds to make every object.
    """

    declare: float
    resolve: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.declare + self.resolve


def start_time(contender: str, size: int) -> Start:
    """The start of an application with so many singletons, in a process of its own; the first writes its bytecode."""
    command = [sys.executable, "-m", "benchmarks.fresh", contender, str(size)]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"PYTHONPYCACHEPREFIX": _bytecode().name}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT, env=environ)
    if done.returncode:
        raise RuntimeError(f"{contender} with {size}: {done.stderr.strip().splitlines()[-1:]}")
    return Start(**json.loads(done.stdout))


@cache
def _bytecode() -> TemporaryDirectory[str]:
    """Where the processes keep their bytecode: what a package loads when it is first used is not to be compiled."""
    return TemporaryDirectory()


def _start_here(name: str, size: int) -> Mapping[str, float]:
    contender = next(each for each in contenders().present if each.name == name)
    graph = startup_graph(size)
    startup = contender.startup(graph)
    assert startup is not None, f"{name} takes no part in this scenario"
    gc.collect()
    began = process_time()
    container: Any = startup.declare()
    declared = process_time()
    count = startup.resolve(container)
    resolved = process_time()
    assert count == graph.size, f"{count} objects, not {graph.size}"
    return {"declare": declared - began, "resolve": resolved - declared}


if __name__ == "__main__":
    _, named, number = sys.argv
    print(json.dumps(_start_here(named, int(number))))
