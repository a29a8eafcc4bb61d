"""What a row's program is expected to give: `same` with both libraries, or `better` with resourcekit."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from tests.dagster_rows.rows import ROWS

__all__ = ("NAME", "better", "same")

NAME: Final = re.compile(r"test_row_(\d{3})_\w+")
"""How a row's test is named, with the row's number."""

Test = Callable[..., None]


def same(outcome: Any) -> Callable[[Callable[..., Any]], Test]:
    """A program that gives the same with both libraries.

    Args:
        outcome: What it gives, as plain data.
    """
    return _expecting({"resourcekit": outcome, "dagster": outcome}, "=+")


def better(*, ours: Any, dagster: Any) -> Callable[[Callable[..., Any]], Test]:
    """A program that gives what the row says, and with resourcekit what it calls better.

    Args:
        ours: What it gives with resourcekit, as plain data.
        dagster: What it gives with Dagster.
    """
    assert ours != dagster
    return _expecting({"resourcekit": ours, "dagster": dagster}, "+")


def _expecting(outcomes: dict[str, Any], marks: str) -> Callable[[Callable[..., Any]], Test]:
    def decorate(program: Callable[..., Any]) -> Test:
        name = NAME.fullmatch(program.__name__)
        assert name is not None, f"{program.__name__} is to be test_row_<three digits>_<words>"
        row = ROWS[int(name[1])]
        assert row.mark in marks, f"row {row.number} is marked {row.mark}: {row.title}"

        @wraps(program)
        def test(dg: Any, **fixtures: Any) -> None:
            assert program(dg, **fixtures) == outcomes[dg.name]

        return test

    return decorate
