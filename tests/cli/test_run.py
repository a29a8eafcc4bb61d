"""`resourcekit run`: a function with the resources that it asks for, from the command line."""

import json

import pytest

from tests.terminal import AIRPORTS, cli_on_terminal, forked_cli, invoked, plain

PROGRAM = '''\
import sys
import time
from enum import Enum
from resourcekit import ConfigurableResource, Environments, EnvVar, ResourceContainer, inject, secret

class Database(ConfigurableResource):
    """The database."""
    host: str = "localhost"
    password: str = secret(default="s3cret-one")
    seconds: float = 0.0

    def setup_for_execution(self):
        time.sleep(self.seconds)
        if self.host == "broken":
            raise ConnectionError("no route")

    def teardown_after_execution(self): ...

class Mail(ConfigurableResource):
    async def setup_for_execution(self): ...

class Base(ResourceContainer):
    database = Database()
    mail = Mail()

class Prod(Base):
    database = Database(host=EnvVar("DB_HOST"))

environments = Environments(dev=Base, prod=Prod, default="dev")

class Size(Enum):
    SMALL = 1
    LARGE = 2

def count(database: Database, day: "int", *, size: Size = Size.SMALL, names: list[str] | None = None) -> str:
    """Count the orders.

    Args:
        day: The day of the month.
        size: How many.
    """
    return f"{database.host} {day} {size.name} {names}"

def fails(database: Database):
    raise ValueError("the user's own")

async def later(database: Database) -> int:
    return 42

def sends(mail: Mail) -> str:
    return type(mail).__name__

def leaves(database: Database):
    sys.exit(7)

def wants(other: "Other"): ...

class Other(ConfigurableResource): ...

@inject
def nested(database: Database) -> str:
    return database.host

def plain() -> None:
    print("nothing asked", nested())

def _hidden(database: Database): ...

@inject
def each(database: Database):
    yield database.host

async def aeach(database: Database):
    yield database.host

LIMIT = 3
'''


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A file with functions, in the working directory."""
    (tmp_path / "target.py").write_text(PROGRAM)

    def run(*arguments, runner=invoked, **variables):
        return runner("run", *arguments, cwd=tmp_path, **variables)

    run.folder = tmp_path
    return run


def test_arguments_are_the_functions_own(program):
    """The function's other parameters are arguments, of their types; its result is the output."""
    done = program("target.py:count", "3", "--size", "large", "--names", "a", "--names", "b")
    assert done.stdout == "localhost 3 LARGE ['a', 'b']\n", done.stderr
    assert done.stderr == "run of Base: success (database)\n"
    assert program("target.py:count", "--", "--day", "3").stdout == "localhost 3 SMALL None\n"


def test_its_help(program):
    """After -- the function's own help is shown, from its docstring; what is injected is no argument."""
    words = program("target.py:count", "--", "--help").stdout
    assert "Usage: resourcekit run target.py:count" in words
    assert "The day of the month." in words
    assert "database" not in words.lower()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("target.py:count",), "requires an argument"),
        (("target.py:count", "monday"), 'unable to convert "monday" into int'),
        (("target.py:count", "3", "--siz", "large"), "--siz"),
        (("target.py",), "has 7 things to run, say which: target.py:count"),
        (("target.py:conut",), "did you mean count?"),
        (
            ("target.py:Base",),
            "target.py:Base is no function: it is the class Base; see what it holds with `resourcekit plan",
        ),
        (("target.py:Database",), "is no function: it is the class Database; give a function that asks for resources"),
        (("target.py:each",), "target.py:each is a generator function: `run` calls a function once; give one that"),
        (("target.py:aeach",), "target.py:aeach is a generator function"),
        (
            ("target.py:environments",),
            "is no function: it is an Environments; see what it holds with",
        ),
        (("target.py:LIMIT",), "is no function: it is an int"),
        (
            ("two.py:run",),
            "two.py has 2 containers, say with --container which has its resources: two.py:One, two.py:Two",
        ),
        (("target.py:count", "3", "--env", "prd"), "did you mean prod?"),
        (("target.py:wants",), "wants() cannot be given 'other'"),
        (("target.py:count", "3", "--report", "x.txt"), "its suffix says the form, one of .html, .trace.json, .json"),
        (("alone.py:run",), "alone.py has no container, or Environments; say with --container which has its resources"),
    ],
)
def test_what_is_wrong_with_a_command(program, arguments, words):
    """A command that does not fit the function is one message and exit code 2; nothing is opened."""
    (program.folder / "alone.py").write_text("def run(day: int): ...\n")
    (program.folder / "two.py").write_text(
        "from resourcekit import *\nclass One(ResourceContainer): ...\nclass Two(One): ...\ndef run(): ...\n"
    )
    done = program(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_environment_overlay_and_container(program):
    """--env, --config and --container say what the function's resources are."""
    (program.folder / "x.toml").write_text('[database]\nhost = "from-file"\n')
    assert program("target.py:count", "3", "--config", "x.toml").stdout.startswith("from-file ")
    assert program("target.py:count", "3", "--env", "prod", DB_HOST="db-1").stdout.startswith("db-1 ")
    (program.folder / "shop.py").write_text("from target import count as again\n")
    done = program("shop.py:again", "3", "--container", "target.py:Base")
    assert done.stdout.startswith("localhost 3"), done.stderr


def test_problems_are_told_before_anything_opens(program):
    """What is missing is told at once, with exit code 1."""
    done = program("target.py:count", "3", "--env", "prod")
    assert (done.returncode, done.stdout) == (1, "")
    assert "database.host: variable DB_HOST is not set [missing-variable]" in done.stderr
    assert done.stderr.endswith("error: 1 problem, nothing was opened\n")


def test_an_error_of_the_function(program):
    """What the function raises is shown from its own frame on, with exit code 1; the teardown has run."""
    done = program("target.py:fails", runner=forked_cli)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "run of Base: failed (database)"
    assert lines[1] == "Traceback (most recent call last):"
    assert "target.py" in lines[2]
    assert "resourcekit/" not in done.stderr
    assert lines[-2:] == ["ValueError: the user's own", "error: running target.py:fails failed"]


def test_a_setup_that_fails(program):
    """What a hook raises is shown with its note, which names the resource."""
    (program.folder / "x.toml").write_text('[database]\nhost = "broken"\n')
    done = program("target.py:count", "3", "--config", "x.toml")
    assert done.returncode == 1
    assert "ConnectionError: no route" in done.stderr
    assert "database" in done.stderr.splitlines()[-2]
    assert "run of Base: setup failed (database)" in done.stderr


def test_no_secret_of_an_error(program):
    """What the user's own code says of a secret, or of a password in a URL, is masked as in doctor."""
    (program.folder / "loud.py").write_text(
        "from target import Base, Database\n"
        "def refused(database: Database):\n"
        "    try:\n"
        "        raise OSError('at sqlite://app:hidden@db')\n"
        "    except OSError as error:\n"
        "        raise ValueError(f'refused with {database.password}') from error\n"
    )
    done = program("loud.py:refused", "--container", "target.py:Base")
    assert done.returncode == 1
    assert "ValueError: refused with ***" in done.stderr
    assert "OSError: at sqlite://app:***@db" in done.stderr
    assert "s3cret" not in done.stderr


LEAKY = """\
from resourcekit import *
class Db(ConfigurableResource):
    password: str = secret(default="s3cret-one")
    def setup_for_execution(self): ...
    def teardown_after_execution(self):
        raise ValueError("closing with " + self.password)
class App(ResourceContainer):
    db = Db()
def bad(db: Db):
    raise KeyError("called with " + db.password)
def good(db: Db): ...
@asset
def step(db: Db):
    raise KeyError("called with " + db.password)
"""


@pytest.mark.parametrize("name", ["bad", "good", "step"])
def test_a_teardown_that_fails_too(tmp_path, name):
    """What a teardown raises, and logs, is shown once, from the hook's own frame on, with secrets masked."""
    (tmp_path / "target.py").write_text(LEAKY)
    done = forked_cli("run", f"target.py:{name}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("in teardown_after_execution") == 1
    assert "ValueError: closing with ***" in done.stderr
    assert done.stderr.count(f"in {name}") == (name != "good")
    assert "s3cret-one" not in done.stderr
    assert "/resourcekit/" not in done.stderr


def test_logging_of_the_users(tmp_path):
    """Where the program has set up logging, that decides what is logged and where."""
    (tmp_path / "target.py").write_text(f"import logging\nlogging.basicConfig(filename='log.txt')\n{LEAKY}")
    done = forked_cli("run", "target.py:bad", cwd=tmp_path)
    assert "a teardown hook failed" not in done.stderr
    assert "a teardown hook failed" in (tmp_path / "log.txt").read_text()


def test_async_functions_and_resources(program):
    """An async function runs in an async run, and so does a sync one that asks for an async resource."""
    assert program("target.py:later").stdout == "42\n"
    assert program("target.py:sends").stdout == "Mail\n"


def test_the_exit_code_of_the_function(program):
    """A function that leaves with an exit code gives it to the command."""
    assert program("target.py:leaves", runner=forked_cli).returncode == 7


def test_what_the_bare_inject_wants(program):
    """A function that asks for nothing runs too; what it calls is for itself to open."""
    done = program("target.py:plain")
    assert done.returncode == 1
    assert "open the run with run('database')" in done.stderr


def test_a_concurrent_start(tmp_path):
    """With --concurrent resources that do not need one another are set up together, of functions and of assets."""
    (tmp_path / "target.py").write_text(
        "import threading\n"
        "from resourcekit import *\n"
        "both = threading.Barrier(2, timeout=60)\n"
        "class Slow(ConfigurableResource):\n"
        "    def setup_for_execution(self): both.wait()\n"
        "class App(ResourceContainer):\n"
        "    one = Slow()\n"
        "    two = Slow()\n"
        "def meet(one: Slow, two: Slow): print('met')\n"
        "async def later(one: Slow, two: Slow): print('met')\n"
        "@asset\n"
        "def meeting(one: Slow, two: Slow): print('met')\n"
    )
    for name in ("meet", "later", "meeting"):
        done = invoked("run", f"target.py:{name}", "--concurrent", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, "met\n"), done.stderr


def test_reports(program):
    """--report writes when each phase began and ended, as a page, as data and as a trace."""
    names = ("report.html", "report.json", "report.trace.json")
    done = program("target.py:count", "3", *[part for name in names for part in ("--report", name)])
    assert done.returncode == 0
    page, data, trace = ((program.folder / name).read_text() for name in names)
    assert "<!doctype html>" in page
    report = json.loads(data)
    assert (report["outcome"], report["order"]) == ("success", ["database"])
    assert report["timeline"]["critical_path"] == ["database"]
    assert [event["name"] for event in json.loads(trace)["traceEvents"][1:]] == [
        "database construct", "database setup_for_execution", "database teardown_after_execution"
    ]  # fmt: skip
    assert "s3cret" not in page + data + trace + done.stdout + done.stderr
    assert program("target.py:fails", "--report", "failed.json", "--quiet").returncode == 1
    assert json.loads((program.folder / "failed.json").read_text())["outcome"] == "failed"


def test_quiet(program):
    """With --quiet the output is the function's alone."""
    done = program("target.py:count", "3", "--quiet")
    assert (done.stdout, done.stderr) == ("localhost 3 SMALL None\n", "")


def test_on_a_terminal(program):
    """On a terminal one sees what is starting while it takes long, and the waterfall at the end."""
    (program.folder / "x.toml").write_text("[database]\nseconds = 1.0\n")
    text, code = program("target.py:count", "3", "--config", "x.toml", runner=cli_on_terminal)
    assert code == 0
    assert "starting database (Database)" in plain(text)
    lines = plain(text).splitlines()
    assert any("localhost 3 SMALL None" in line for line in lines)
    assert any("database setup" in line and "█" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_the_only_function_of_a_module(tmp_path):
    """Where one function of a module asks for resources, its name may be left out."""
    done = forked_cli("run", AIRPORTS.replace("docs", str(tmp_path / "docs")), cwd=tmp_path)
    assert done.returncode == 2
    text = PROGRAM.partition("def fails")[0]
    (tmp_path / "target.py").write_text(text)
    assert invoked("run", "target.py", "3", cwd=tmp_path).stdout == "localhost 3 SMALL None\n"
