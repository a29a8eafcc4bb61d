"""What was measured, as data that is kept in a file: each scenario's table, and where it was run."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

import attrs
import cattrs

from benchmarks.measure import Order

__all__ = ("FILE", "Cell", "Place", "Result", "Row", "Unit", "here", "is_installed", "load", "save")

FILE: Final = Path(__file__).with_name("results.json")

Unit = Literal["ratio", "microseconds", "count"]


@attrs.frozen
class Cell:
    """One figure.

    Args:
        value: The ratio of the fastest chunks, or the microseconds.
        median: The median of the paired ratios, where there are pairs.
        order: Whether teardowns came in the right order.
    """

    value: float
    median: float | None = None
    order: Order = "right"


@attrs.frozen
class Row:
    """One contender's figures.

    Args:
        label: The contender, and which of its ways.
        cells: By column.
        notes: What kept it from a figure, by column.
    """

    label: str
    cells: Mapping[str, Cell]
    notes: Mapping[str, str] = {}


@attrs.frozen
class Place:
    """Where, when and with what it was measured."""

    date: str
    commit: str
    python: str
    system: str
    cores: int
    versions: Mapping[str, str]


@attrs.frozen
class Result:
    """One scenario's table."""

    code: str
    columns: Sequence[str]
    rows: Sequence[Row]
    place: Place
    unit: Unit = "ratio"
    baseline_microseconds: Mapping[str, float] = {}


def here(distributions: Sequence[str]) -> Place:
    """This machine, this commit, these versions."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=FILE.parent)
    return Place(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=done.stdout.strip() or "unknown",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        versions={name: version(name) for name in distributions if is_installed(name)},
    )


def is_installed(name: str) -> bool:
    """Whether a distribution is here."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def load() -> dict[str, Result]:
    """What is kept, by scenario."""
    if not FILE.exists():
        return {}
    return cattrs.structure(json.loads(FILE.read_text(encoding="utf-8")), dict[str, Result])


def save(results: Mapping[str, Result]) -> None:
    """Keep them, with those of other scenarios that are kept already."""
    kept = {**load(), **results}
    text = json.dumps(cattrs.unstructure(kept), indent=1, sort_keys=True, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
