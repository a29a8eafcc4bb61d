"""Run dependency-injector's own tests twice: as they are, and with `ResourceContainer` for `DeclarativeContainer`.

What passes as it is must pass with ours, but for the deliberate differences that are listed, which must not. Tests that
fail as they are (the source distribution lacks some of their files) tell nothing, and are left out of the count.

Usage: python .ci/dependency_injector.py ARCHIVE, in an environment that has resourcekit and what those tests import.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

LISTED = Path(__file__).parents[1] / "tests" / "dependency_injector_differences.toml"

# A pytest plugin: makes our class known where the tests look for it, and writes down what became of each test.
PLUGIN = """
import json

import dependency_injector.containers
import resourcekit

dependency_injector.containers.ResourceContainer = resourcekit.ResourceContainer
outcomes = {}


def pytest_runtest_logreport(report):
    if report.failed or report.nodeid not in outcomes:
        outcomes[report.nodeid] = report.outcome
    elif report.skipped and outcomes[report.nodeid] == "passed":
        outcomes[report.nodeid] = "skipped"


def pytest_collectreport(report):
    if report.failed:
        outcomes[report.nodeid] = "failed"


def pytest_sessionfinish():
    with open("outcomes.json", "w", encoding="utf-8") as file:
        json.dump(outcomes, file)
"""


def unpack(archive: Path, folder: Path, *, ours: bool) -> None:
    """Unpack the tests and their settings, with our container in the text of the tests if *ours*."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [top] = folder.iterdir()
    for path in (top / "src").rglob("*"):
        if path.is_file():
            path.unlink()  # The installed package is what is tested.
    for path in (top / "tests").rglob("*.py") if ours else ():
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"\bDeclarativeContainer\b", "ResourceContainer", text), encoding="utf-8")
    (top / "own_tests_plugin.py").write_text(PLUGIN, encoding="utf-8")


def outcomes(archive: Path, *, ours: bool) -> dict[str, str]:
    """Run the tests, and give what became of each; what pytest prints is shown if it could not run them."""
    with tempfile.TemporaryDirectory() as name:
        unpack(archive, Path(name), ours=ours)
        [top] = Path(name).iterdir()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "own_tests_plugin", "-p", "no:cacheprovider"]
        command += ["--tb=short", "--continue-on-collection-errors", "tests/unit"]
        environment = {**os.environ, "PYTHONPATH": str(top)}
        done = subprocess.run(command, cwd=top, env=environment, capture_output=True, text=True, check=False)
        print(done.stdout if ours or done.returncode > 1 else done.stdout.splitlines()[-1])
        found: dict[str, str] = json.loads((top / "outcomes.json").read_text(encoding="utf-8"))
    return found


def main(archive: Path) -> int:
    """Print how many pass; gives the exit code."""
    differences = tomllib.loads(LISTED.read_text(encoding="utf-8"))["difference"]
    listed = {test for difference in differences for test in difference["tests"]}
    theirs, ours = outcomes(archive, ours=False), outcomes(archive, ours=True)
    counted = {test for test, outcome in theirs.items() if outcome == "passed"}
    passed = {test for test in counted if ours.get(test) == "passed"}
    failed = {test for test, outcome in ours.items() if outcome == "failed" and theirs.get(test) != "failed"}
    failed |= counted - passed
    problems = [f"{test} fails, and is no listed difference" for test in sorted(failed - listed)]
    problems += [f"{test} is a listed difference, and does not fail" for test in sorted(listed - failed)]
    told = f"{len(passed)} of {len(counted)} pass, {len(failed & listed)} differ deliberately"
    print("\n".join([f"dependency-injector's own tests: {told}", *problems]))
    return bool(problems) or not counted


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
