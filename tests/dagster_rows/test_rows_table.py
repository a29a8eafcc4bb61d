"""The table as a whole: every row is tested, or left out with a reason, and nothing else is."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.dagster_rows.expected import NAME
from tests.dagster_rows.rows import LEFT_OUT, ROWS

HERE = Path(__file__).parent
ORIGINAL = HERE.parents[2] / "shared" / "reference" / "dagster_behaviours.md"


def rows_with_tests() -> dict[int, list[ast.FunctionDef]]:
    """The tests of each row, in all the files of this directory."""
    found: dict[int, list[ast.FunctionDef]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            name = NAME.fullmatch(node.name) if isinstance(node, ast.FunctionDef) else None
            if name is not None:
                found.setdefault(int(name[1]), []).append(node)
    return found


def is_better(test: ast.FunctionDef) -> bool:
    """Whether a test says what is better: with both outcomes in its decorator, or in words of its own."""
    names = {getattr(each.func, "id", "") for each in test.decorator_list if isinstance(each, ast.Call)}
    return "better" in names or "same" not in names


def test_every_row_is_accounted_for() -> None:
    """Each row is either tested or left out with a reason, never both, and there are no other rows."""
    assert sorted([*rows_with_tests(), *LEFT_OUT]) == list(ROWS)


def test_only_what_is_out_of_scope_is_left_out() -> None:
    """A row that is marked as the same or better has a test."""
    assert {number for number, row in ROWS.items() if row.mark == "-"} == LEFT_OUT.keys()


def test_what_is_better_is_shown() -> None:
    """A row that is marked as better has a test whose outcome is better, not only some that are the same."""
    tested = rows_with_tests()
    assert [number for number in tested if ROWS[number].mark == "+" and not any(map(is_better, tested[number]))] == []


def test_the_counts_add_up() -> None:
    """73 rows are the same, 70 better and 7 out of scope: 150 in all."""
    assert Counter(row.mark for row in ROWS.values()) == {"=": 73, "+": 70, "-": 7}
    assert list(ROWS) == list(range(1, 151))


def test_the_copy_agrees_with_the_table() -> None:
    """Where the project's shared table is at hand, numbers, marks and the beginnings of the rows are the copy's."""
    if not ORIGINAL.exists():
        pytest.skip("the table of behaviours is not beside this checkout")
    text = ORIGINAL.read_text(encoding="utf-8")
    rows = {int(number): (mark, row) for number, mark, row in re.findall(r"^(\d+)\. `([=+-])` (.*)$", text, re.M)}
    assert {number: mark for number, (mark, _) in rows.items()} == {number: row.mark for number, row in ROWS.items()}
    assert [number for number, row in ROWS.items() if not rows[number][1].startswith(row.title)] == []


def test_dagster_is_compared() -> None:
    """Where Dagster is installed, every program runs with it too; where it is not, this test says so."""
    pytest.importorskip("dagster", reason="Dagster is not installed, the rows are tested with resourcekit alone")
    from tests.dagster_rows.conftest import LIBRARIES

    assert len(LIBRARIES) == 2
