"""What `check` found, in the forms that people, scripts, GitHub and code scanners read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from resourcekit.cli.output import as_json, problem_lines
from resourcekit.errors import Location, Problem

__all__ = ("Found", "as_github", "as_sarif", "as_text", "found_json")

Found = Mapping[str, tuple[Problem, ...]]
"""The problems of each environment."""

_PAGE = "docs/errors.md"


def as_text(found: Found) -> Text:
    """For people: a line for each environment, and its problems below it."""
    parts = []
    for name, problems in found.items():
        count = len(problems)
        head = Text(f"{name}: ", style="bold")
        head.append("ok" if not count else f"{count} problem{'' if count == 1 else 's'}", "red" if count else "green")
        parts.append(Text("\n").join([head, problem_lines(problems)]) if problems else head)
    return Text("\n").join(parts)


def found_json(found: Found) -> str:
    """For scripts."""
    environments = {name: [problem.to_dict() for problem in problems] for name, problems in found.items()}
    return as_json({"ok": not any(found.values()), "environments": environments})


def as_github(found: Found) -> str:
    """For GitHub Actions: an annotation at the line of each declaration."""
    return "\n".join(_annotation(name, problem) for name, problem in _each(found))


def _annotation(name: str, problem: Problem) -> str:
    properties = {"title": f"{problem.code} in {name}"}
    if problem.declared is not None:
        properties = {"file": _relative(problem.declared), "line": str(problem.declared.line), **properties}
    written = ",".join(f"{key}={_escaped(value, ',:')}" for key, value in properties.items())
    return f"::error {written}::{_escaped(_sentence(problem))}"


def _escaped(text: str, also: str = "") -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
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
    physical = {"artifactLocation": {"uri": _relative(place)}, "region": region} if place is not None else None
    return {
        "ruleId": problem.code,
        "level": "error",
        "message": {"text": f"{name}: {_sentence(problem)}"},
        **({"locations": [{"physicalLocation": physical}]} if physical is not None else {}),
        "properties": {"environment": name, "where": problem.where},
    }


def _sentence(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{problem.where}: {problem.message}{hint}"


def _relative(place: Location) -> str:
    """The file as seen from here, with slashes: what GitHub wants."""
    file = Path(place.file)
    here = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    return (file.relative_to(here) if file.is_relative_to(here) else file).as_posix()


def _each(found: Found) -> Iterator[tuple[str, Problem]]:
    return ((name, problem) for name, problems in found.items() for problem in problems)
