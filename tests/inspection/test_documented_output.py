"""The page of the documentation about inspection shows what the tool really shows."""

import re
import shlex

import pytest

from tests.terminal import AIRPORTS, ROOT, invoked

PAGE = (ROOT / "docs" / "howto" / "inspection.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ resourcekit (.+)\n((?:.*\n)*?)```", PAGE)


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=[command for command, _ in SESSIONS])
def test_the_page_shows_what_is_shown(command, shown):
    """Each session on the page is what a reader gets in a checkout, up to the dots where it is cut."""
    output = invoked(*shlex.split(command)).stdout
    if shown.endswith("...\n"):
        assert output.startswith(shown.removesuffix("...\n"))
    else:
        assert output == shown


def test_the_picture_on_the_page():
    """The picture of the example is the one that the tool draws now."""
    drawn = invoked("graph", AIRPORTS, "--format", "svg").stdout
    assert drawn == (ROOT / "docs" / "pictures" / "airports.svg").read_text(encoding="utf-8")


def test_the_doctor_on_the_page(tmp_path):
    """The doctor's table on the page is the one of the program beside it, but for its times."""
    program = re.search(r"```python\n(from resourcekit(?:.*\n)*?)```\n\n```text\n((?:.*\n)*?)```", PAGE)
    assert program is not None
    (tmp_path / "shop.py").write_text(program[1])
    done = invoked("doctor", "shop.py", cwd=tmp_path)
    times = re.compile(r" *\d+\.\d+ ms *")
    assert times.sub(" # ", done.stdout) == times.sub(" # ", program[2])
