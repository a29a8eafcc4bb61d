"""A secret in every place a secret can stand, and every output there is: none shows it, however it was said."""

import html
import json
import re
import textwrap
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit.cli.output_masking import masked
from tests.terminal import cli_on_terminal, invoked, plain

SECRET = "zebra/+\"'\\<é>%&=\tzebra  zebra\n-----BEGIN ZEBRA KEY-----\nzebra+zebra/line==\n zebra-three \n"
"""Every word of it is a zebra, so that no part of it goes unseen."""

PIN = "0481516234299"
"""Read as a number by the secret field, as text by another."""

PROGRAM = '''
import html, json, logging, textwrap, urllib.parse
from pathlib import Path
import attrs
from resourcekit import (
    ConfigurableResource, ConfigurableResourceFactory, Definitions, Deferred, Environments, EnvVar, FileVar,
    ResourceContainer, asset, field, job, op, secret, value,
)

WORD = Path("word").read_text()

class Vault(Deferred):
    def read(self, context):
        return Path("word").read_text()

    def describe(self):
        return "vault db"

    def __eq__(self, other):
        return isinstance(other, Vault)

    def __hash__(self):
        return 1

@attrs.frozen
class Login:
    user: str
    password: str = secret()
    more: list[str] = attrs.field(factory=list)

class Keys(ConfigurableResource):
    """The secrets."""
    word: str = secret()
    file: str = secret()
    own: str = secret()
    parts: list[str] = secret()
    table: dict[str, bytes] = secret()
    dsn: str = secret()
    login: Login
    pin: int = secret()
    defaulted: str = secret(default=EnvVar("NOT_SET", default=WORD))

class Api(ConfigurableResource):
    word: str
    url: str
    file: str
    own: str
    pin: str
    keys: Keys
    parts: list[str] = field(factory=list)
    table: dict[str, str] = field(factory=dict)
    defaulted: str = EnvVar("NOT_SET", default=WORD)
    made: str = field()
    fails: str = EnvVar("FAILS", default="")
    how: str = EnvVar("HOW", default="")

    @made.default
    def _made(self):
        return f"made of {self.word}"

    def _fail(self, phase):
        if self.fails == phase:
            WAYS[self.how](self, self.word)

    def setup_for_execution(self):
        logging.getLogger("resourcekit").warning("it begins with %s", self.word)
        self._fail("up")

    def check_health(self):
        self._fail("health")
        return f"well, says {self.word} of {self.pin}"

    def teardown_after_execution(self):
        self._fail("down")

def plainly(api, word):
    raise ValueError(f"cannot use {word} of {api.url}")

def as_repr(api, word):
    raise KeyError(word, [word.encode()], ascii(word))

def as_json(api, word):
    raise ValueError(json.dumps({"word": word}) + json.dumps(word, ensure_ascii=False) + repr(json.dumps([word])))

def in_url(api, word):
    quote = urllib.parse.quote
    raise ValueError(quote(word) + quote(word, safe="") + urllib.parse.quote_plus(word) + quote(quote(word)))

def as_html(api, word):
    raise ValueError(html.escape(word) + html.escape(word, quote=False))

def folded(api, word):
    raise ValueError("\\n".join(f"| {line} |" for line in textwrap.wrap("x " + word, 12)))

def in_lines(api, word):
    raise ValueError("\\n".join(line for line in word.splitlines() if "line" in line))

def number(api, word):
    raise ValueError(f"the pin {api.pin} of {api.keys.pin}")

def noted(api, word):
    error = ValueError("see below")
    error.add_note(word)
    error.add_note(repr(word))
    raise error

def caused(api, word):
    try:
        try:
            plainly(api, word)
        finally:
            as_repr(api, word)
    except KeyError as error:
        raise RuntimeError("see above") from error

def grouped(api, word):
    raise ExceptionGroup(word, [ValueError(word), ExceptionGroup("more", [ValueError(repr(word)), OSError(2, word)])])

def syntax(api, word):
    raise SyntaxError("bad", ("<word>", 1, 3, word.splitlines()[0], 1, 5))

def unprintable(api, word):
    raise type(word.strip()[:5], (ValueError,), {"__str__": lambda self: word})()

WAYS = {each.__name__: each for each in (plainly, as_repr, as_json, in_url, as_html, folded, in_lines, number, noted,
                                         caused, grouped, syntax)}

class Dev(ResourceContainer):
    keys = Keys(
        word=EnvVar("WORD"), file=FileVar("word"), own=Vault(), parts=["x", EnvVar("WORD")],
        table={"k": EnvVar("WORD")}, dsn=EnvVar.template("pg://{WORD}@h"),
        login={"user": "ada", "password": EnvVar("WORD"), "more": [EnvVar("WORD")]}, pin=EnvVar("PIN"),
    )
    api = Api(
        word=EnvVar("WORD", default=WORD), url=EnvVar.template("pg://u:{WORD}@h/{PIN}"), file=FileVar("./word"),
        own=Vault(), pin=EnvVar("PIN"), keys=keys, parts=[EnvVar("WORD"), "y"], table={"t": EnvVar("WORD")},
    )

class Prod(Dev):
    api = Api(
        word=EnvVar("WORD"), url=EnvVar("WORD", default=WORD + WORD), file=FileVar("word"), own=Vault(),
        pin=EnvVar("PIN", default=WORD), keys=Dev.keys,
    )

environments = Environments(dev=Dev, prod=Prod, default="dev")

def work(api: Api, how: str = ""):
    if how:
        WAYS[how](api, api.word)
    return repr(api)

@asset
def table(api: Api):
    WAYS["plainly"](api, api.word)

@asset
def rest(table): ...

definitions = Definitions(assets=[table, rest], resources=Dev())
'''

WAYS = ["plainly", "as_repr", "as_json", "in_url", "as_html", "folded", "in_lines", "number", "noted", "caused",
        "grouped", "syntax"]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "target.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "word").write_text(SECRET, encoding="utf-8")
    (tmp_path / "over.json").write_text(json.dumps({"api": {"word": {"env": "WORD", "default": SECRET}}}))
    return tmp_path


def shows(text: str) -> list[str]:
    """The lines that show the secret, or a part of it, also where it is folded."""
    folded = re.sub(r"[\s|│┃+*]", "", plain(text)).lower()
    if "zebra" not in folded and "481516234299" not in folded:
        return []
    return [line for line in text.splitlines() if re.search("zebra|481516234299", line.lower())] or [text]


COMMANDS = [
    *[("check", "environments", *more, "--format", form) for form in ("text", "json", "github", "sarif")
      for more in ((), ("--all",))],
    *[("plan", "environments", "--format", form) for form in ("text", "json")],
    *[("graph", "environments", "--format", form) for form in ("text", "json", "mermaid", "dot", "svg", "html")],
    *[("env", "environments", "--format", form) for form in ("text", "json", "dotenv", "markdown", "json-schema")],
    *[("env", "environments", "--env", "dev", "--format", form) for form in ("dotenv", "json-schema", "json")],
    *[("diff", "environments", "dev", "prod", "--format", form) for form in ("text", "json")],
    *[("explain", "environments", where, "--config", "over.json", "--format", form) for form in ("text", "json")
      for where in ("api", "keys", "api.word", "api.parts.0", "keys.login", "keys.login.password", "api.defaulted")],
    *[("doctor", "environments", *more) for more in ((), ("--together",), ("--format", "json"), ("--env", "prod"))],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("pin", [PIN, SECRET], ids=["right", "wrong"])
def test_no_command_shows_a_secret(folder: Path, command: tuple[str, ...], pin: str) -> None:
    """Each command, in each format, shows nothing of a secret: of a declared one, a read one, one that is wrong."""
    name, target, *rest = command
    done = invoked(name, f"target.py:{target}", *rest, cwd=folder, WORD=SECRET, PIN=pin)
    assert done.returncode in (0, 1), done.stderr
    assert shows(done.stdout + done.stderr) == []


RUNS = [
    *[("run", "target.py:work", way) for way in WAYS],
    ("run", "target.py:work"),
    ("run", "target.py:table"),
    ("run", "target.py:definitions", "--quiet"),
]
"""What fails, in the function or a step."""


@pytest.mark.parametrize("command", RUNS, ids=" ".join)
def test_no_run_shows_a_secret(folder: Path, command: tuple[str, ...]) -> None:
    """What a function or a step raises is shown without the secret in it; so is the report."""
    reports = ("--report", "r.html", "--report", "r.json", "--report", "r.trace.json")
    function = command[:2] + reports + command[2:]
    done = invoked(*function, cwd=folder, WORD=SECRET, PIN=PIN)
    assert "***" in done.stdout + done.stderr
    assert shows(done.stdout + done.stderr) == []
    assert [shows((folder / name).read_text()) for name in reports[1::2]] == [[], [], []]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phase", ["up", "down", "health"])
def test_no_hook_shows_a_secret(folder: Path, way: str, phase: str) -> None:
    """What a set-up, a teardown or a health check raises is shown by `doctor` without the secret; by `run` as well."""
    variables = {"WORD": SECRET, "PIN": PIN, "FAILS": phase, "HOW": way}
    for command in (
        ("doctor", "target.py:Dev"),
        ("doctor", "target.py:Dev", "--format", "json"),
        ("run", "target.py:work"),
    ):
        done = invoked(*command, cwd=folder, **variables)
        assert done.returncode == (0 if phase == "health" and command[0] == "run" else 1)
        assert shows(done.stdout + done.stderr) == []


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("command", [("doctor", "target.py:Dev"), ("run", "target.py:work", "grouped")], ids=" ".join)
def test_no_terminal_shows_a_secret(folder: Path, columns: int, command: tuple[str, ...]) -> None:
    """However narrow the terminal, where a table or a traceback folds a secret it is not shown."""
    shown, code = cli_on_terminal(
        *command, cwd=folder, columns=columns, WORD=SECRET, PIN=PIN, FAILS="health", HOW="as_json"
    )
    assert code == 1
    assert shows(shown) == []


# --- the masking itself ---


def said(secret: str) -> Iterator[str]:
    """A secret as programs say it."""
    quote = urllib.parse.quote
    yield from (secret, repr(secret), ascii(secret), repr(secret.encode("utf-8", "surrogatepass")))
    yield from (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(json.dumps(secret)))
    yield from (json.dumps(json.dumps(secret)), html.escape(secret), html.escape(secret, quote=False))
    if not re.search("[\ud800-\udfff]", secret):
        yield from (quote(secret), quote(secret, safe=""), urllib.parse.quote_plus(secret), quote(quote(secret)))
    if not re.search(r"[\s|│┃]", secret):  # Between bars nobody can tell one of its own.
        yield "\n".join(f"  | {secret[at : at + 4]} |" for at in range(0, len(secret), 4))
        yield textwrap.indent("\n".join(secret[at : at + 7] for at in range(0, len(secret), 7)), "    ")


@given(st.text(min_size=3).filter(lambda text: len(text.strip()) >= 3))
def test_any_secret_is_masked_in_every_form(secret: str) -> None:
    """Whatever a secret of three letters or more is, none of the ways to write it gets through."""
    for text in said(secret):
        assert masked(f"<{text}>", [secret]).count("***") >= 1, text


@given(st.lists(st.text("abc", min_size=3, max_size=6), min_size=1, max_size=4), st.text("abc ", max_size=40))
def test_secrets_that_begin_and_end_alike(secrets: list[str], text: str) -> None:
    """No secret is left, whole or in part, where several lie over one another; what is none is left as it is."""
    shown = masked(text, secrets)
    hidden = {at for each in secrets for start in range(len(text)) if text.startswith(each, start)
              for at in range(start, start + len(each))}  # fmt: skip
    assert shown.replace("***", "") == "".join(letter for at, letter in enumerate(text) if at not in hidden)


def test_folds_of_every_kind() -> None:
    """A secret is found over blank lines, bars and indents; the words around it stay."""
    for fold in ("\n", "  \n", "\n    ", " |\n| ", " │\n\n│  ", "\n  | ", "|\n |\n\n| "):
        assert masked(f"no hunter{fold}2 here", ["hunter2"]) == "no *** here"
        assert masked(f"no{fold}hunter2{fold}here", ["hunter2"]) == f"no{fold}***{fold}here"
        assert masked(f"no key of{fold}two words here", ["key of two  words"]) == "no *** here"


@pytest.mark.parametrize("short", ["", "a", "ab", " ab ", "7"])
def test_what_is_too_short_is_no_secret(short: str) -> None:
    """A secret of one or two letters stands in every other word, and is left there."""
    assert masked("abab a b 77", [short]) == "abab a b 77"


def test_lines_of_a_key() -> None:
    """Each longer line of a key is hidden by itself, the line that says which kind of key it is is not."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nx9==\n-----END RSA PRIVATE KEY-----\n"
    assert masked("no MIIEowIBAAKCAQEA in x9==", [key]) == "no *** in x9=="
    assert masked("want -----BEGIN RSA PRIVATE KEY-----", [key]) == "want -----BEGIN RSA PRIVATE KEY-----"
    assert masked(f"bad: {key}!", [key]) == "bad: ***\n!"
    assert masked(f"bad: {key!r}!", [key]) == "bad: '***\\n'!"
