"""The example in docs/examples/airports.py, run as its readers run it, on SQLite."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "airports.py"
VARIABLES = ("APP_ENV", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
REPORT = """\
## Which airports are the highest, in feet?

- Laguna Choclococha Airport, PE, 14965.0
"""


def run_example(place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the example in *place*, with no variables of its own but these."""
    environment = {name: text for name, text in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE)],
        cwd=place,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


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
    """The example shows its plan, loads every airport, answers three questions, and tells what its run did."""
    done = run_example(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    plan, loaded, report, written = done.stdout.rstrip().split("\n\n")
    assert plan.startswith("plan of Dev: 7 resources\n")
    assert [line.split()[1] for line in plan.splitlines()[1:8]] == [
        "engine", "airports", "highest", "busiest", "widest", "survey", "report"
    ]  # fmt: skip
    assert int(loaded.split()[0]) > 28_000
    assert " of Dev: success\n" in report
    assert written == "written: airports.md"

    answers = (tmp_path / "airports.md").read_text(encoding="utf-8")
    assert answers.startswith(REPORT)
    assert answers.count("\n## ") == 2
    assert answers.count("\n- ") == 3 + 5 + 3  # the overlay wants three rows of two questions


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
    problems = [line for line in done.stderr.splitlines() if not line.startswith(" ")]
    assert problems == [
        "engine.host: variable DB_HOST is not set [missing-variable]",
        "engine.port: not a whole number [invalid-value]",
        "engine.name: variable DB_NAME is not set [missing-variable]",
        "engine.user: variable DB_USER is not set [missing-variable]",
    ]
    assert "airports.py:" in done.stderr
    assert "fifty-four" not in done.stderr
    assert "correct horse" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_page_shows_what_is_told() -> None:
    """The report of missing variables in docs/example.md is what a reader gets in a checkout."""
    page = (ROOT / "docs" / "example.md").read_text(encoding="utf-8")
    shown = page.split("```text\n")[1].split("\n...")[0]
    assert run_example(ROOT, APP_ENV="prod").stderr.startswith(shown)


def test_an_unknown_environment_is_told(tmp_path: Path) -> None:
    """A misspelt APP_ENV stops the example, and the error names the environments."""
    done = run_example(tmp_path, APP_ENV="prd")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("Environments (variable APP_ENV) has no key 'prd'; did you mean prod?")


def test_both_containers_are_wired(airports: ModuleType) -> None:
    """Without a variable set, the wiring of every environment is right."""
    for name in airports.environments:
        assert airports.environments[name].check(environment=False) == ()


def test_a_failing_run_is_undone(airports: ModuleType) -> None:
    """What a run loaded is rolled back, and the last report stays, if the run fails."""
    frankfurt = {"icao": "EDDF", "name": "Frankfurt", "country": "DE", "elevation": 364.0, "tz": "Europe/Berlin"}
    schiphol = {"icao": "EHAM", "name": "Schiphol", "country": "NL", "elevation": -11.0, "tz": "Europe/Amsterdam"}
    app = airports.Dev()
    app.call(airports.load, [frankfurt])
    app.call(airports.answer)
    with pytest.raises(KeyboardInterrupt), app.run():
        airports.load([schiphol])
        airports.answer()
        raise KeyboardInterrupt
    with app.run("highest") as resources:
        assert list(map(tuple, resources.highest.answer())) == [("Frankfurt", "DE", 364.0)]
    assert "Frankfurt" in Path("airports.md").read_text(encoding="utf-8")
