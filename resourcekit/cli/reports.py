"""What `check` found, in the forms that people, scripts, GitHub and code scanners read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.text import Text

from resourcekit.base.errors import Location, Problem
from resourcekit.base.masking import printable
from resourcekit.cli.output import Lines, as_json, problem_lines

__all__ = ("Found", "as_github", "as_sarif", "as_text", "found_json", "is_warning")

Found = Mapping[str, tuple[Problem, ...]]
"""The problems of each environment, warnings among them."""


def as_text(found: Found) -> Lines:
    """For people: a line for each environment, and its problems below it."""
    return Lines(tuple(line for name, problems in found.items() for line in _lines(name, problems)))


def _lines(name: str, problems: tuple[Problem, ...]) -> Iterator[tuple[Text, int]]:
    """The line of an environment, and what is wrong with it."""
    warnings = tuple(filter(is_warning, problems))
    errors = tuple(problem for problem in problems if not is_warning(problem))
    head = Text.assemble(
        (f"{name}: ", "bold"),
        (_counted(len(errors), "problem"), "red") if errors else ("ok", "green"),
        (f", {_counted(len(warnings), 'warning')}", "yellow") if warnings else "",
    )
    yield head, 4
    yield from problem_lines(errors)
    yield from problem_lines(warnings, "bold yellow")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def is_warning(problem: Problem) -> bool:
    """Whether a run would start all the same."""
    return problem.stage == "warning"


def found_json(found: Found) -> str:
    """For scripts."""
    parts = {
        part: {
            name: [each.to_dict() for each in problems if is_warning(each) is wanted]
            for name, problems in found.items()
        }
        for part, wanted in (("environments", False), ("warnings", True))
    }
    return as_json({"ok": not any(parts["environments"].values()), **parts})


def as_github(found: Found) -> str:
    """For GitHub Actions: an annotation at the line of each declaration."""
    return "\n".join(_annotation(name, problem) for name, problem in _each(found))


def _annotation(name: str, problem: Problem) -> str:
    properties = {"title": f"{problem.code} in {name}"}
    if problem.declared is not None:
        properties = {"file": _relative(problem.declared), "line": str(problem.declared.line), **properties}
    written = ",".join(f"{key}={_escaped(value, ',:')}" for key, value in properties.items())
    return f"::{_level(problem)} {written}::{_escaped(_sentence(problem))}"


def _escaped(text: str, also: str = "") -> str:
    text = printable(text).replace("%", "%25")
    for letter in also:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def as_sarif(found: Found, fallback: str | None) -> str:
    """For code scanners: SARIF 2.1.0.

    Args:
        found: The problems.
        fallback: The file to point at where a declaration's place is not known.
    """
    codes = dict.fromkeys(problem.code for _, problem in _each(found))
    driver = {
        "name": "resourcekit",
        "rules": [{"id": code, "shortDescription": {"text": code.replace("-", " ")}} for code in codes],
    }
    results = [_result(name, problem, fallback) for name, problem in _each(found)]
    return as_json(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        }
    )


def _result(name: str, problem: Problem, fallback: str | None) -> dict[str, Any]:
    place = problem.declared or (Location(fallback, 1) if fallback is not None else None)
    region = {"startLine": place.line} if place is not None else {}
    physical = {"artifactLocation": {"uri": _uri(place)}, "region": region} if place is not None else None
    return {
        "ruleId": problem.code,
        "level": _level(problem),
        "message": {"text": f"{name}: {_sentence(problem)}"},
        **({"locations": [{"physicalLocation": physical}]} if physical is not None else {}),
        "properties": {"environment": name, "where": problem.where},
    }


def _level(problem: Problem) -> str:
    return "warning" if is_warning(problem) else "error"


def _sentence(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{problem.where}: {problem.message}{hint}"


def _uri(place: Location) -> str:
    """The file as a URI reference, seen from here if it is below."""
    path = _relative(place)
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path)


def _relative(place: Location) -> str:
    """The file as seen from here, with slashes: what GitHub wants."""
    file = Path(place.file)
    here = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    return (file.relative_to(here) if file.is_relative_to(here) else file).as_posix()


def _each(found: Found) -> Iterator[tuple[str, Problem]]:
    return ((name, problem) for name, problems in found.items() for problem in problems)
