"""The applications of the command line."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from .commands import messages
from .commands.containers import Container as Commands
from .recipes import containers as recipes

ROOT = Path(__file__).parents[3]


def test_commands_find_their_handlers() -> None:
    """A dict of classes and of methods of a singleton is made for the bus."""
    container = Commands()
    bus = container.bus()
    bus.handle(messages.Deposit(5))
    container.bus().handle(messages.Withdraw(2))
    assert container.account().balance == 3
    assert Commands().account().balance == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with recipes in a file and in a database."""
    (tmp_path / "recipes.csv").write_text("soup;20\nbread;90\n", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "recipes.db")) as database, database:
        database.execute("CREATE TABLE recipes (title TEXT, minutes INT)")
        database.execute("INSERT INTO recipes VALUES ('salad', 10)")
    return tmp_path


@pytest.mark.parametrize(("finder", "printed"), [("csv", "soup\n"), ("sqlite", "salad\n")])
def test_a_selector_by_a_variable(folder: Path, finder: str, printed: str) -> None:
    """The command, run as a program, lists what the chosen finder has: its own module is what is wired."""
    command = [sys.executable, "-m", f"{__package__}.recipes", str(folder)]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"RECIPES_FINDER": finder}, check=False
    )
    assert (ran.stdout, ran.stderr) == (printed, "")


def test_a_mocked_finder() -> None:
    """A mock in the selector's place is given to the lister; the factory of recipes makes what it finds."""
    container = recipes.Container()
    finder = mock.Mock(**{"all.return_value": [container.recipe("soup", 20), container.recipe("bread", 90)]})
    with container.finder.override(finder):
        assert container.lister().quick(60) == ["soup"]
