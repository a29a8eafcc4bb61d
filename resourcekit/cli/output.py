"""Where output goes: to a terminal with rich, to a pipe as plain text, to a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from resourcekit.base.errors import Problem
from resourcekit.base.masking import printable
from resourcekit.cli.user_errors import CommandError

__all__ = ("Lines", "as_json", "format_of", "problem_lines", "show", "tell", "terminal", "written")


def terminal(*, to_stderr: bool = False) -> Console | None:
    """The terminal that output goes to; None where it is a pipe or a file."""
    console = Console(stderr=to_stderr, highlight=False)
    return console if console.is_terminal else None


def show(thing: Any, *, to_stderr: bool = False) -> None:
    """Print what has a plain and a rich form: rich on a terminal, else plain, as wide as it needs to be."""
    console = terminal(to_stderr=to_stderr)
    if console is None:
        print(thing, file=sys.stderr if to_stderr else sys.stdout)
    else:
        console.print(thing)


def tell(message: str, style: str = "") -> None:
    """A line for the human, beside the output."""
    show(Text(printable(message, keep="\n\t"), style=style), to_stderr=True)


def as_json(data: Any) -> str:
    """Data as indented JSON."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return printable(text, keep="\n", escape=lambda letter: json.dumps(letter)[1:-1])


def written(text: str, file: Path | None) -> None:
    """Write *text* to a file, or to standard output as it is.

    Raises:
        CommandError: The file cannot be written.
    """
    if file is None:
        print(text.removesuffix("\n"))
        return
    try:
        file.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    tell(f"written: {file}")


def format_of(file: Path | None, given: str | None, suffixes: Mapping[str, Sequence[str]]) -> str:
    """The format of an output: the one that was said, else what the file's suffix says, else text.

    Args:
        file: The file; None for standard output.
        given: What --format says.
        suffixes: The formats that a suffix may stand for, the usual first; of two that fit the first counts.

    Raises:
        CommandError: The two differ, or the suffix says nothing.
    """
    if file is None:
        return given or "text"
    said = next((formats for suffix, formats in suffixes.items() if file.name.endswith(suffix)), None)
    if said is None and given is None:
        raise CommandError(f"-o {file}: its suffix says no format; add --format, or use one of {', '.join(suffixes)}")
    if said is not None and given is not None and given not in said:
        raise CommandError(f"-o {file} is for {' or '.join(said)}, and --format says {given}: change one of them")
    return given or (said or ("text",))[0]


@attrs.frozen
class Lines:
    """Lines of text, each with the column at which it goes on where a terminal is too narrow for it."""

    lines: tuple[tuple[Text, int], ...]

    def __str__(self) -> str:
        return "\n".join(line.plain for line, _ in self.lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line, indent in self.lines:
            first, rest = line.divide([indent])
            for place, part in enumerate(rest.wrap(console, max(options.max_width - indent, _NARROWEST))):
                yield Text.assemble(first if place == 0 else " " * indent, part)


_NARROWEST: Final = 20


def problem_lines(problems: Iterable[Problem], style: str = "bold red") -> Iterator[tuple[Text, int]]:
    """Problems as lines, each with its details below it, and its code in a style of its own."""
    for problem in problems:
        head, *details = str(problem).splitlines()
        yield Text.assemble(f"  {head.removesuffix(f'[{problem.code}]')}", (f"[{problem.code}]", style)), 4
        for line in details:
            yield Text(f"  {line}", style="dim"), 17  # Where the words begin, after "hint:".
