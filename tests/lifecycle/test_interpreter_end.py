"""What is still open when the interpreter ends is named in a warning."""

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, os
from resourcekit import ConfigurableResource, ResourceContainer


class Shared(ConfigurableResource, scope="app"): ...


class Clock(ConfigurableResource): ...


class Shop(ResourceContainer):
    shared = Shared()
    clock = Clock()


app = Shop()
"""


def ended(program):
    """Run a program to its end; gives the warnings that it wrote."""
    arguments = [sys.executable, "-W", "always::ResourceWarning", "-c", PROGRAM + program]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return [line for line in done.stderr.splitlines() if "ResourceWarning: <" in line]


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ("kept = app.run('clock', run_id='r1').start()", ["<run r1 of Shop: open> was left open"]),
        ("kept = app.run('clock', run_id='r1', report=True).start()", ["<run r1 of Shop: open> was left open"]),
        ("app.start()", ["<container Shop: open> was left open"]),
        (
            "app.start(); kept = app.run(run_id='r1').start()",
            ["<run r1 of Shop: open> was left open", "<container Shop: open> was left open"],
        ),
    ],
    ids=["run", "machine", "app", "both"],
)
def test_what_is_left_open(program, named):
    """A run and an app that are open then are named, each once."""
    told = ended(program)
    assert len(told) == len(named)
    assert all(f"ResourceWarning: {each}" in line for each, line in zip(named, told, strict=True))


@pytest.mark.parametrize(
    "program",
    [
        "with app, app.run(): pass",
        "atexit.register(app.close); app.start()",
        "app.start(); atexit.register(app.close)",
        "app.start(); kept = app.run().start()\nif os.fork(): os.wait(); kept._run.close(); app.close()",
    ],
    ids=["with", "registered before", "registered after", "child"],
)
def test_what_is_closed_or_not_its_own(program):
    """What is closed by then is not named, and in the child of a fork neither is what its parent has open."""
    assert ended(program) == []
