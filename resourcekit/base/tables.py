"""Tables as data, and how they look as text, in a terminal with rich, and in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import attrs

from resourcekit.base.masking import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

__all__ = ("Table", "Tabular", "html_document", "markup", "table_html")


def markup(text: str) -> str:
    """Plain text, which may have come from outside, as HTML and XML hold it."""
    return escape(printable(text))


def _cells(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(printable, texts))


def _rows(rows: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(_cells, rows))


def _notes(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(printable(each, keep="\n") for each in texts)  # A problem has several lines.


@attrs.frozen
class Table:
    """Rows of text under a title; control characters in them are escaped.

    Args:
        title: What it is, with the counts a reader wants first.
        columns: The names of the columns.
        rows: As many cells each as there are columns.
        notes: Lines below it.
        headed: Whether plain text shows the columns' names: not where every cell explains itself.

    >>> print(Table("2 resources", ("name", "scope"), (("database", "app"), ("orders", "run"))).text())
    2 resources
      name      scope
      database  app
      orders    run
    """

    title: str = attrs.field(converter=printable)
    columns: tuple[str, ...] = attrs.field(converter=_cells)
    rows: tuple[tuple[str, ...], ...] = attrs.field(converter=_rows)
    notes: tuple[str, ...] = attrs.field(default=(), converter=_notes)
    headed: bool = True

    def text(self) -> str:
        """The table in columns as wide as their widest cell, however wide that is: what a pipe gets."""
        shown = [self.columns, *self.rows] if self.headed and self.rows else list(self.rows)
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)] if shown else []
        used = [(index, width) for index, width in enumerate(widths) if width]
        lines = ["  ".join(row[index].ljust(width) for index, width in used) for row in shown]
        return "\n".join([self.title, *(f"  {line}".rstrip() for line in lines), *(f"  {note}" for note in self.notes)])

    def rich(self) -> RenderableType:
        """The table for a terminal: where that is narrow its cells wrap between words, then each row is a block."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.text import Text

        parts: list[RenderableType] = [Text(self.title, style="bold")]
        if any(cell for row in self.rows for cell in row):
            parts.append(Padding(_Fitting(self.columns, self.rows), (0, 0, 0, 2)))
        parts += [
            Padding(Text(note, style=STYLES.get(note.partition(" ")[0], "dim")), (0, 0, 0, 2)) for note in self.notes
        ]
        return Group(*parts)


@attrs.frozen
class _Fitting:
    """Rows in as much width as there is, no word broken: in columns where these fit, else one block after another."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.cells import cell_len

        used = [index for index in range(len(self.columns)) if any(row[index] for row in self.rows)]
        columns = [[row[index] for row in (self.columns, *self.rows)] for index in used]
        natural = [max(map(cell_len, column)) for column in columns]
        least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
        space = options.max_width - _GAP * (len(used) - 1)
        if sum(least) <= space:
            widths = _shared(natural, least, space)
            yield from _lines(console, [(self.columns[index], "dim") for index in used], widths)
            for row in self.rows:
                cells = [_styled(row[index], "" if place else "cyan") for place, index in enumerate(used)]
                yield from _lines(console, cells, widths)
        else:
            for row in self.rows:
                yield from self._block(console, options.max_width, row, used)

    def _block(self, console: Console, width: int, row: Sequence[str], used: Sequence[int]) -> Iterator[Text]:
        """A row under its first cell; one without belongs to the row before."""
        head, *rest = [index for index in used if row[index]]
        indent = 0 if row[used[0]] else 2
        yield from _lines(console, [_styled(row[head], "cyan")], [width - indent], indent)
        label = max(len(self.columns[index]) for index in used)
        widths = [label, max(width - indent - 2 - label - _GAP, 1)]
        for index in rest:
            yield from _lines(console, [(self.columns[index], "dim"), _styled(row[index])], widths, indent + 2)


def _styled(cell: str, style: str = "") -> tuple[str, str]:
    return cell, STYLES.get(cell, style)


def _lines(
    console: Console, cells: Sequence[tuple[str, str]], widths: Sequence[int], indent: int = 0
) -> Iterator[Text]:
    """The lines of a row, each cell wrapped to its width."""
    from rich.text import Text

    columns = [Text(cell, style).wrap(console, width) for (cell, style), width in zip(cells, widths, strict=True)]
    for parts in zip_longest(*columns, fillvalue=Text()):
        line = Text(" " * indent)
        for part, width in zip(parts, widths, strict=True):
            padded = part.copy()
            padded.rstrip()
            padded.pad_right(width + _GAP - padded.cell_len)
            line.append_text(padded)
        line.rstrip()
        yield line


def _shared(natural: Sequence[int], least: Sequence[int], space: int) -> list[int]:
    """The width of each column: its least, and of what is left an equal share, as far as it has need of it.

    >>> _shared([30, 10, 12], [10, 5, 12], 40)
    [18, 10, 12]
    """
    widths, left = list(least), space - sum(least)
    needing = sorted(range(len(widths)), key=lambda index: natural[index] - least[index])
    for place, index in enumerate(needing):
        more = min(natural[index] - least[index], left // (len(needing) - place))
        widths[index] += more
        left -= more
    return widths


_GAP: Final = 2
"""The spaces between two columns."""

STYLES: Final = {
    "missing": "bold red",
    "failed": "bold red",
    "problem": "bold red",
    "problem:": "bold red",
    "error:": "bold red",
    "lost": "dim",
    "optional": "dim",
    "default": "dim",
    "set": "green",
    "won": "bold green",
    "ok": "green",
    "finished": "green",
    "skipped": "yellow",
    "secret": "magenta",
    "app": "blue",
    "added": "green",
    "removed": "red",
    "changed": "yellow",
}
"""How words that say what became of something look in a terminal."""


class Tabular(ABC):
    """What is shown as tables: as text, in a terminal where rich is there, in a notebook."""

    __slots__ = ()

    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """The tables, in order."""

    def __str__(self) -> str:
        return "\n\n".join(table.text() for table in self.tables())

    def __rich__(self) -> RenderableType:
        """What rich prints."""
        from rich.console import Group

        parts: list[RenderableType] = []
        for table in self.tables():
            parts += ["", table.rich()] if parts else [table.rich()]
        return Group(*parts)

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return "".join(map(table_html, self.tables()))


def table_html(table: Table) -> str:
    """The table as HTML that needs no style sheet."""
    head = "".join(f"<th style='text-align:left'>{escape(column)}</th>" for column in table.columns)
    cell = "<td style='text-align:left;vertical-align:top'>{}</td>"
    rows = "".join("<tr>" + "".join(cell.format(escape(text)) for text in row) + "</tr>" for row in table.rows)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if table.rows else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    return f"<div><p><strong>{escape(table.title)}</strong></p>{body}{notes}</div>"


def html_document(title: str, body: str, style: str = "", script: str = "") -> str:
    """A page that stands alone: it asks nothing of the network, and tells the browser to ask nothing.

    Args:
        title: Plain text.
        body: HTML.
        style: CSS.
        script: JavaScript, which must not contain ``</script``.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    code = f"<script>\n{script}\n</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{markup(title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n{body}\n{code}</body>\n</html>\n"
    )
