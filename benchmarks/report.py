"""Results as text, as Markdown in the documentation, and as a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.results import Cell, Place, Result, Row, Unit
from benchmarks.scenarios import SCENARIOS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ("PAGE", "PICTURE", "markdown", "put_in_page", "text", "write")

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PICTURE: Final = PAGE.with_suffix(".svg")

_OURS: Final = "resourcekit"
_DRAWN: Final = {"S1": "layered, 10", "S2": "layered, 10", "S3": "a call", "S4": "a look-up", "S7": "async",
                 "S9": "dictionary"}  # fmt: skip


def formatted(cell: Cell | None, note: str | None, unit: Unit) -> str:
    """A cell's text."""
    if cell is None:
        return "-" if note is None else "not timed"
    if unit == "count":
        return f"{cell.value:,.0f}" if cell.value == int(cell.value) else f"{cell.value:.1f}"
    value = _short(cell.value) + (" WRONG" if cell.order == "wrong" else "")
    return value if cell.median is None else f"{value} ({_short(cell.median)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _cells(result: Result, row: Row) -> list[str]:
    return [formatted(row.cells.get(column), row.notes.get(column), result.unit) for column in result.columns]


def _notes(result: Result) -> Iterator[str]:
    for row in result.rows:
        for column, note in row.notes.items():
            yield f"{row.label}, {column}: {note}"


def _legend(result: Result) -> str:
    if result.code == "garbage":
        return "Objects per run, of the layered graph."
    if result.unit == "count":
        return "Growth is from the fifth of twenty looks at the process to the last."
    if result.unit == "microseconds":
        return "Microseconds per singleton; the exponent is by which power of the number the time grows at the end."
    if result.code == "S7":
        return f"1.00 is {SCENARIOS[result.code].baseline}, 0.2 s."
    figures = ", ".join(f"{value:.3g} us" for value in result.baseline_microseconds.values())
    return f"1.00 is {SCENARIOS[result.code].baseline}" + (f" ({figures})." if figures else ".")


def text(result: Result) -> str:
    """A table for a terminal."""
    lines = [["", *result.columns], *([row.label, *_cells(result, row)] for row in result.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    table = [_aligned(line, widths) for line in lines]
    title = f"{result.code}  {SCENARIOS[result.code].title}"
    return "\n".join((title, _legend(result), *table, *_notes(result), ""))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [each.ljust(width) if not place else each.rjust(width)
                      for place, (each, width) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
    return "  ".join((first, *others))


def markdown(result: Result) -> str:
    """A table for the documentation."""
    lines = [f"| | {' | '.join(result.columns)} |", "|---" * (len(result.columns) + 1) + "|"]
    for row in result.rows:
        label = f"**{row.label}**" if _is_ours(row) else row.label
        lines.append(f"| {label} | {' | '.join(_cells(result, row))} |")
    notes = [f"- {note}" for note in _notes(result)]
    return "\n".join((_legend(result), "", *lines, *([""] if notes else []), *notes))


def _is_ours(row: Row) -> bool:
    return _OURS in row.label


def place_in_words(place: Place) -> str:
    """With what something was measured, for the documentation."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(place.versions.items()))
    return f"{place.python} on {place.system}, {place.cores} cores; {versions}."


def write(results: Mapping[str, Result]) -> None:
    """Put every table in its place on the page, and draw the picture."""
    page = PAGE.read_text(encoding="utf-8")
    for code, result in results.items():
        page = put_in_page(page, code, f"{markdown(result)}\n\n_{result.place.date}, commit {result.place.commit}_")
    page = put_in_page(page, "places", "\n\n".join(sorted({place_in_words(each.place) for each in results.values()})))
    PAGE.write_text(page, encoding="utf-8")
    draw(results)


def put_in_page(page: str, name: str, content: str) -> str:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: The page has no such place.
    """
    marked, count = re.subn(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda found: f"{found[1]}\n{content}\n\n{found[2]}", page, flags=re.S
    )
    if count != 1:
        raise ValueError(f"{PAGE.name} has {count} places for {name}")
    return marked


# The picture ---------------------------------------------------------------------------------------------------------


def draw(results: Mapping[str, Result]) -> None:
    """Bars for one column of the main scenarios, on a logarithmic scale: shorter is faster."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "resourcekit", "font.size": 8})
    from matplotlib import pyplot

    drawn = [code for code in _DRAWN if code in results]
    if not drawn:
        return
    figure, places = pyplot.subplots((len(drawn) + 1) // 2, 2, figsize=(11, 1.9 * len(drawn)), squeeze=False)
    for place, code in zip(places.flat, drawn, strict=False):
        _draw_one(place, results[code], _DRAWN[code])
    for place in places.flat[len(drawn) :]:
        place.set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})
    pyplot.close(figure)


def _draw_one(place: Axes, result: Result, column: str) -> None:
    rows: list[Any] = sorted(
        (row for row in result.rows if column in row.cells), key=lambda row: -row.cells[column].value
    )
    values = [row.cells[column].value for row in rows]
    labels = [row.label + (" (WRONG order)" if row.cells[column].order == "wrong" else "") for row in rows]
    bars = place.barh(labels, values, color=["#c2410c" if _is_ours(row) else "#94a3b8" for row in rows])
    place.set_xscale("log")
    place.xaxis.set_major_formatter("{x:g}")
    place.xaxis.set_minor_formatter("")
    place.axvline(1, color="#334155", linewidth=0.8)
    place.bar_label(bars, [_short(value) for value in values], padding=2)
    place.margins(x=0.15)
    place.set_title(f"{result.code}: {SCENARIOS[result.code].title} ({column})", fontsize=9, loc="right")
    place.spines[["top", "right"]].set_visible(False)
