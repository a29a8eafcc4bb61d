"""The example in docs/examples/airports.py, run as its readers run it, on SQLite."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.forked import forked

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "airports.py"
OVERLAY = ("--config", str(EXAMPLE.with_suffix(".toml")))
VARIABLES = ("APP_ENV", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
REPORT = """\
## Which airports are the highest, in feet?

- Laguna Choclococha Airport, PE, 14965.0
"""


def run_example(
    place: Path, *arguments: str, command: str = "run", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Do a command with the example and its overlay in *place*, with no variables of its own but these."""
    environment = {name: text for name, text in os.environ.items() if name not in VARIABLES}
    line = (command, str(EXAMPLE), *arguments, *OVERLAY)
    return forked(module="resourcekit", arguments=line, cwd=place, environ=environment | variables)


@pytest.fixture
def airports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The example as a module, in an empty directory."""
    spec = importlib.util.spec_from_file_location("airports", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "airports", module)
    monkeypatch.chdir(tmp_path)
    spec.loader.exec_module(module)
    return module


def test_it_loads_the_airports_and_writes_the_report(tmp_path: Path) -> None:
    """README's command loads every airport, answers three questions, and tells what its run did."""
    done = run_example(tmp_path)
    assert done.returncode == 0
    assert done.stderr == "run of Dev: success (engine, airports, highest, busiest, widest, survey, report)\n"
    assert int(done.stdout.split()[0]) > 28_000
    assert done.stdout.endswith("airports loaded, written: airports.md\n")

    answers = (tmp_path / "airports.md").read_text(encoding="utf-8")
    assert answers.startswith(REPORT)
    assert answers.count("\n## ") == 2
    assert answers.count("\n- ") == 3 + 5 + 3  # the overlay wants three rows of two questions


def test_its_argument(tmp_path: Path) -> None:
    """The function's own parameter is an argument of the command."""
    done = run_example(tmp_path, "--country", "NL", "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    assert int(done.stdout.split()[0]) < 200
    assert "Which airports are the highest" in (tmp_path / "airports.md").read_text(encoding="utf-8")


def test_a_country_without_airports(tmp_path: Path) -> None:
    """A country that has none is one sentence, not a traceback of the database."""
    done = run_example(tmp_path, "--country", "XX", "--quiet")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no airports in 'XX': give the two letters of a country, such as NL\n"


def test_it_is_a_program_too(tmp_path: Path) -> None:
    """Run by Python alone, without the command line, it does the same."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("airports loaded, written: airports.md\n")


def test_it_may_be_run_again(tmp_path: Path) -> None:
    """A second run replaces what the first one loaded and wrote."""
    first = run_example(tmp_path)
    answers = (tmp_path / "airports.md").read_text(encoding="utf-8")
    second = run_example(tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert (tmp_path / "airports.md").read_text(encoding="utf-8") == answers


def test_missing_variables_are_one_report(tmp_path: Path) -> None:
    """Everything that is missing or malformed for `prod` is told at once, nothing is opened, no value is shown."""
    done = run_example(tmp_path, APP_ENV="prod", DB_PORT="fifty-four", DB_PASSWORD="correct horse")
    assert done.returncode == 1
    assert done.stdout == ""
    problems = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    assert problems == [
        "  engine.host: variable DB_HOST is not set [missing-variable]",
        "  engine.port: not a whole number [invalid-value]",
        "  engine.name: variable DB_NAME is not set [missing-variable]",
        "  engine.user: variable DB_USER is not set [missing-variable]",
        "error: 4 problems, nothing was opened",
    ]
    assert "airports.py:" in done.stderr
    assert "fifty-four" not in done.stderr
    assert "correct horse" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_shows_what_is_told() -> None:
    """The report of missing variables in docs/example.md is what a reader gets in a checkout."""
    page = (ROOT / "docs" / "example.md").read_text(encoding="utf-8")
    shown = page.split("```text\n")[1].split("\n...")[0]
    assert run_example(ROOT, command="check", APP_ENV="prod").stdout.startswith(shown)


def test_an_unknown_environment_is_told(tmp_path: Path) -> None:
    """A misspelt APP_ENV stops the example, and the error names the nearest environment."""
    done = run_example(tmp_path, APP_ENV="prd")
    assert done.returncode == 2
    assert done.stderr == "error: variable APP_ENV names no environment; did you mean prod?\n"


def test_both_containers_are_wired(airports: ModuleType) -> None:
    """Without a variable set, the wiring of every environment is right."""
    for name in airports.environments:
        assert airports.environments[name].check(environment=False) == ()


def test_a_failing_run_is_undone(airports: ModuleType) -> None:
    """What a run loaded is rolled back, and the last report stays, if the run fails."""
    frankfurt = {"icao": "EDDF", "name": "Frankfurt", "country": "DE", "elevation": 364.0, "tz": "Europe/Berlin"}
    schiphol = {"icao": "EHAM", "name": "Schiphol", "country": "NL", "elevation": -11.0, "tz": "Europe/Amsterdam"}
    app = airports.Dev()
    with app.run() as resources:
        resources.airports.load([frankfurt])
        resources.report.add("Highest", resources.highest.answer())
    with pytest.raises(KeyboardInterrupt), app.run() as resources:
        resources.airports.load([schiphol])
        resources.report.add("Highest", resources.highest.answer())
        raise KeyboardInterrupt
    with app.run("highest") as resources:
        assert list(map(tuple, resources.highest.answer())) == [("Frankfurt", "DE", 364.0)]
    assert "Frankfurt" in Path("airports.md").read_text(encoding="utf-8")
