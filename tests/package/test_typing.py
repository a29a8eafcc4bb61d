"""What type checkers say of users' code: typing/accepted.py is right, and each marked line of typing/refused.py wrong.

The two files are not run. In refused.py a line's ignore comments name the errors it must give; here they are taken away
and the checkers asked what they see. (With them the files are clean, and an ignore too many is an error: linting checks
that.)
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "typing"
IGNORE = {"mypy": re.compile(r"# type: ignore\[([^\]]+)\]"), "pyright": re.compile(r"# pyright: ignore\[([^\]]+)\]")}

Errors = dict[int, set[str]]


def run(*command: str | Path) -> str:
    """Run a checker with the project's configuration and give its output."""
    environ = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environ)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def ask_mypy(path: Path, read: Path) -> Errors:
    """The codes that mypy reports, by line."""
    found: Errors = {}
    # Under its own path: mypy's cache would remember the other one.
    options = ("--no-pretty", "--hide-error-context", "--shadow-file", path, read)
    output = run(sys.executable, "-m", "mypy", *options, path)
    for file, line, code in re.findall(r"^(.+?):(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE):
        assert (ROOT / file).samefile(path), output
        found.setdefault(int(line), set()).add(code)
    return found


def ask_pyright(_path: Path, read: Path) -> Errors:
    """The rules that pyright reports, by line."""
    found: Errors = {}
    for each in json.loads(run("pyright", "--pythonpath", sys.executable, "--outputjson", read))["generalDiagnostics"]:
        if each["severity"] == "error":
            found.setdefault(each["range"]["start"]["line"] + 1, set()).add(each.get("rule", "syntax"))
    return found


Ask = Callable[[Path, Path], Errors]
"""Asks about a file, but reads another in its place."""

CHECKERS = [
    pytest.param("mypy", ask_mypy, id="mypy"),
    pytest.param(
        "pyright",
        ask_pyright,
        id="pyright",
        marks=pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed"),
    ),
]


@pytest.mark.parametrize(("_name", "ask"), CHECKERS)
def test_right_code_is_accepted(_name: str, ask: Ask) -> None:
    """A user's code passes the strictest modes without a plugin, and every attribute has the type that was declared."""
    path = FOLDER / "accepted.py"
    assert ask(path, path) == {}


@pytest.mark.parametrize(("name", "ask"), CHECKERS)
def test_mistakes_are_reported(name: str, ask: Ask, tmp_path: Path) -> None:
    """A wrong, missing or misspelled field, key or type is an error on its own line, and nowhere else."""
    path = FOLDER / "refused.py"
    source = path.read_text(encoding="utf-8")
    expected = {
        number: set(codes[1].split(", "))
        for number, line in enumerate(source.splitlines(), 1)
        if (codes := IGNORE[name].search(line))
    }
    assert len(expected) > 50
    bare = tmp_path / "bare.py"
    bare.write_text(re.sub(r"  # (?:type|pyright): ignore.*", "", source), encoding="utf-8")
    assert ask(path, bare) == expected
