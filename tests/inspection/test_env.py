"""`container.env()`: every variable and file, with its type, its default and who needs it; never its value."""

import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import ConfigurableResource, Environments, EnvVar, ResourceContainer, field, open_resource, secret
from resourcekit.inspection.dotenv import as_text
from tests.inspected import SECRETS, Dev, Pool, Prod, environments


def entries(env):
    """The entries by name."""
    return {entry.name: entry for entry in env.entries}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("API_TOKEN", "LEVEL", "DB_HOST", "DB_PORT", "DB_USER", "POOL_SIZE", "SHOP_ENV"):
        monkeypatch.delenv(name, raising=False)


def test_variables_files_and_other_sources():
    """Each has its type, default, whether it is secret, and the fields it is for, in order of declaration."""
    env = Prod().env()
    assert [(entry.kind, entry.name) for entry in env.entries] == [
        ("variable", "DB_HOST"),
        ("variable", "DB_PORT"),
        ("source", "vault orders/key"),
        ("variable", "POOL_SIZE"),
        ("variable", "DB_USER"),
        ("variable", "API_TOKEN"),
        ("variable", "LEVEL"),
        ("file", "/run/key"),
    ]
    found = entries(env)
    assert found["DB_HOST"].used_by == ("database.host", "database.url")
    assert (found["DB_PORT"].types, found["DB_PORT"].default) == (("int",), "5433")
    assert found["POOL_SIZE"].used_by == ("database.pool.size",)
    assert (found["API_TOKEN"].secret, found["API_TOKEN"].default) == (True, "'***'")
    assert found["/run/key"].secret
    assert found["vault orders/key"].description == "Ask the operators."


def test_set_default_and_missing(monkeypatch, tmp_path):
    """It tells whether each is there, and looks at no value."""
    assert {name: entry.status for name, entry in entries(Prod().env()).items()} == {
        "DB_HOST": "missing",
        "DB_PORT": "default",
        "vault orders/key": "unknown",
        "POOL_SIZE": "default",
        "DB_USER": "missing",
        "API_TOKEN": "default",
        "LEVEL": "default",
        "/run/key": "missing",
    }
    monkeypatch.setenv("DB_HOST", "s3cret-one")
    env = Prod().env()
    assert entries(env)["DB_HOST"].status == "set"
    assert [entry.name for entry in env.missing] == ["DB_USER", "/run/key"]
    assert "s3cret-one" not in str(env) + json.dumps(env.to_dict())


def test_an_overlay_changes_what_is_read():
    """What an overlay sets is not read any more; what an overlay reads is."""
    app = Dev().with_config({"database": {"host": {"env": "OTHER_HOST"}}, "api": {"level": "quiet"}})
    assert "OTHER_HOST" in entries(app.env())
    assert "LEVEL" not in entries(app.env())


def test_the_environments_together():
    """Of environments it tells which of them reads each, and the variable that chooses."""
    env = environments.env()
    found = entries(env)
    assert found["DB_HOST"].environments == ("prod",)
    assert found["LEVEL"].environments == ("dev", "prod")
    assert found["SHOP_ENV"].default == "'dev'"
    assert next(iter(found)) == "SHOP_ENV"
    assert Environments(dev=Dev).env().json_schema()["title"] == "overlay of Dev"


def test_nothing_is_read():
    """A container that reads nothing says so."""
    env = ResourceContainer.of({}).env()
    assert str(env) == "environment of ResourceContainer: nothing is read"
    assert env.markdown().count("\n") == 2
    assert env._repr_html_().startswith("<div>")


def test_dotenv_says_what_each_is():
    """The .env.example has the required ones to fill in, and the others as comments with their defaults."""
    text = environments.env().dotenv()
    assert "# str, required, only in prod; for database.host, database.url\nDB_HOST=\n" in text
    assert "# int, optional, only in prod; for database.port\n# DB_PORT=5433\n" in text
    assert "# Level, optional; for api.level\n# LEVEL=LOUD\n" in text or "LEVEL=LOUD" in text
    assert "# API_TOKEN=\n" in text
    assert "# file: /run/key" in text
    assert "# Ask the operators." in text


def test_dotenv_loads_back():
    """python-dotenv reads the .env.example; with the comment signs taken away a run starts from its defaults."""
    required = dotenv_values(stream=io.StringIO(Prod().env().dotenv()))
    assert dict(required) == {"DB_HOST": "", "DB_USER": ""}
    lines = [line.removeprefix("# ") if "=" in line else line for line in Dev().env().dotenv().splitlines()]
    assert dotenv_values(stream=io.StringIO("\n".join(lines)))["LEVEL"] == "LOUD"


class Kind(Enum):
    A = 1
    B = "two words"


DEFAULTS = [
    (str, "plain"), (str, "two words"), (str, "it's \"quoted\" $HOME\n#\\x"), (int, 5), (float, 2.5), (bool, True),
    (Decimal, Decimal("1.10")), (date, date(2026, 1, 2)), (datetime, datetime(2026, 1, 2, 3, 4)), (time, time(3, 4)),
    (timedelta, timedelta(minutes=1.5)), (UUID, UUID(int=7)), (Path, Path("/tmp/a b")), (bytes, "ä".encode()),
    (Kind, Kind.B), (list[int], [1, 2]), (list[str], ["a,b", "c"]), (dict[str, int], {"a": 1}), (int | None, None),
    (set[str], {"a"}), (Pool, Pool(size=3, token="t")), (list[Path], [Path("x")]),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "default"), DEFAULTS, ids=str)
def test_each_default_is_read_back(annotation: Any, default: Any):
    """The text that stands for a default in a .env.example gives that default when a run reads it."""
    namespace = {"__annotations__": {"it": annotation}, "__module__": __name__}
    holder: Any = type("Holder", (ConfigurableResource,), namespace)
    app = ResourceContainer.of({"holder": holder(it=EnvVar("IT", default=default))})
    lines = [line.removeprefix("# ") for line in app.env().dotenv().splitlines() if "IT=" in line]
    if annotation is Pool:  # It has a secret part, so its default is left out.
        assert lines == ["IT="]
        lines = [f"IT='{as_text(default)}'"]
    text = dotenv_values(stream=io.StringIO("\n".join(lines)))["IT"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IT", text or "")
        with open_resource(holder(it=EnvVar("IT"))) as live:
            assert live.it == default


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])) | st.text("a\n'\"\\# "))
def test_any_text_is_read_back(text):
    """Whatever text a default is, python-dotenv reads that text."""

    class Holder(ConfigurableResource):
        it: str = "x"

    app = ResourceContainer.of({"holder": Holder(it=EnvVar("IT", default=text))})
    line = next(line for line in app.env().dotenv().split("\n") if "IT=" in line)
    assert dotenv_values(stream=io.StringIO(line.removeprefix("# ")), interpolate=False)["IT"] == text


@pytest.mark.parametrize("control", ["\x1b", "\r", "\u202e", "\u2028", "\0"])
def test_a_default_with_control_characters_is_left_out(control):
    """No line of a .env.example has a control character, and none is read back as another text."""

    class Holder(ConfigurableResource):
        it: str = "x"

    text = ResourceContainer.of({"holder": Holder(it=EnvVar("IT", default=f"a{control}b"))}).env().dotenv()
    assert "# IT=\n" in text
    assert control not in text


def test_what_has_no_text():
    """A default that no text gives is left out."""

    @attrs.frozen
    class Odd:
        thing: object = object()

    assert as_text(Odd()) is None
    assert as_text([object()]) is None
    assert as_text(b"\xff") is None
    assert as_text({"a": object()}) is None


def test_the_table_for_documentation():
    """The Markdown table has a row for each, with bars in texts escaped."""

    class Holder(ConfigurableResource):
        it: int | None = field(default=None, description="this | that")

    table = ResourceContainer.of({"holder": Holder(it=EnvVar("IT", default=3))}).env().markdown().splitlines()
    assert table[0].startswith("| Name | Type | Required |")
    assert table[2] == "| `IT` | `int \\| None` | no | `3` |  | `holder.it` | this \\| that |"


def test_no_secret_is_in_any_form():
    """No form of an environment holds a secret."""
    for env in (Dev().env(), Prod().env(), environments.env()):
        schema = json.dumps(env.json_schema())
        forms = [str(env), json.dumps(env.to_dict()), env.dotenv(), env.markdown(), schema, repr(env)]
        assert not any(hidden in form for hidden in SECRETS for form in [*forms, env._repr_html_()])


def test_a_secret_that_is_shared():
    """A variable that a secret and an open field read is secret."""

    class Holder(ConfigurableResource):
        shown: str = "x"
        hidden: str = secret()

    app = ResourceContainer.of({"holder": Holder(shown=EnvVar("IT", default="s3cret-one"), hidden=EnvVar("IT"))})
    entry = entries(app.env())["IT"]
    assert entry.secret
    assert entry.required
    assert "s3cret-one" not in str(app.env()) + app.env().dotenv() + json.dumps(app.env().to_dict())
