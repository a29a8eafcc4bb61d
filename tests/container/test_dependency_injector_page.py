"""The page for those who come from dependency-injector tells what is so: its table, and the names that are taken."""

import re
import tomllib
from pathlib import Path

import pytest
from dependency_injector import containers, providers

from resourcekit import DefinitionError, ResourceContainer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "dependency_injector.md").read_text(encoding="utf-8")
DIFFERENCES = tomllib.loads((ROOT / "tests" / "dependency_injector_differences.toml").read_text(encoding="utf-8"))


def section(title):
    """The text of a section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_differences_is_what_ci_reads():
    """The page tells each deliberate difference that the tests of dependency-injector find, and no other."""
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", section("What differs on purpose"), re.MULTILINE)
    assert rows[0] == ("what", "dependency-injector", "resourcekit")
    assert rows[2:] == [(each["what"], each["theirs"], each["ours"]) for each in DIFFERENCES["difference"]]
    assert all(each["tests"] for each in DIFFERENCES["difference"])


def refuses(name):
    """Whether a key cannot have this name, since a container has it."""
    try:
        ResourceContainer.of({name: providers.Object(1)})
    except DefinitionError as error:
        return "every container has an attribute of that name" in str(error)
    return False


def test_the_page_lists_the_names_that_are_taken():
    """Every name on the page is refused as a key, and every name of a container that is refused is on the page."""
    told = set(re.findall(r"`(\w+)`", section("Names that are taken"))) - {"DefinitionError"}
    assert {name for name in told if not refuses(name)} == set()
    app = ResourceContainer()
    with app.run() as live:
        names = {*dir(ResourceContainer), *dir(app), *dir(containers.DynamicContainer()), *object.__dir__(live)}
    assert {name for name in names if not name.startswith("__") and refuses(name)} == told


@pytest.mark.parametrize("name", ["run", "graph", "parent", "_kept"])
def test_the_error_of_a_taken_name_leads_to_the_page(name):
    """The error says which page lists the names."""
    assert PAGE.startswith("# Coming from dependency-injector\n")
    with pytest.raises(DefinitionError, match=f"{name!r} cannot be a key.*Coming from dependency-injector"):
        ResourceContainer.of({name: providers.Object(1)})
