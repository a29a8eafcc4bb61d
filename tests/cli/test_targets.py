"""What a TARGET of the command line means, and what is said of one that is wrong."""

import pytest

from tests.terminal import AIRPORTS, ROOT, cli, forked_cli, invoked

SHOP = """\
from resourcekit import ConfigurableResource, Environments, ResourceContainer

class Database(ConfigurableResource):
    host: str = "localhost"

class Base(ResourceContainer):
    database = Database()

class Prod(Base):
    database = Database(host="db-1")
"""


@pytest.fixture
def shop(tmp_path):
    """Writes a module, and the files beside it."""

    def write(text=SHOP, name="shop.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("environments = Environments(base=Base, prod=Prod, default='prod')", "plan of Prod"),
        ("environments = again = Environments(base=Base, prod=Prod, default='prod')", "plan of Prod"),
        ("app = Base()", "plan of Base"),
        ("app = Base()\nclass Other(Base): ...", "plan of Base"),
        ("del Base", "plan of Prod"),
        ("del Base, Prod\nfrom tests.inspected import Dev\napp = Dev()", "plan of Dev"),
    ],
)
def test_the_only_candidate(shop, tmp_path, end, expected):
    """Without an object the module's Environments are meant, else its one instance, else its one class."""
    shop(f"{SHOP}\n{end}\n")
    done = invoked("plan", "shop.py", cwd=tmp_path)
    assert done.stdout.startswith(expected), done.stderr


def test_each_way_to_write_it(shop, tmp_path):
    """A target is a module or a file, with the object's name, dotted if need be."""
    shop()
    shop("class Apps:\n    from shop import Prod\n", "apps.py")
    shop("", "package/__init__.py")
    shop("from .inner import Base\n", "package/outer.py")
    shop(SHOP, "package/inner.py")
    for target in ("shop:Base", "shop.py:Base", "./shop.py:Base", tmp_path / "shop.py:Base", "package.inner:Base",
                   "package/inner.py:Base", "package/outer.py:Base"):  # fmt: skip
        runner = cli if target == "shop:Base" else forked_cli
        done = runner("plan", target, cwd=tmp_path)
        assert done.stdout.startswith("plan of Base: 1 resource"), (target, done.stderr)
    assert invoked("plan", "apps.py:Apps.Prod", cwd=tmp_path).stdout.startswith("plan of Prod")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("shop", "has 2 containers, say which: shop:Base, shop:Prod"),
        ("shop:Bse", "there is no 'Bse'; did you mean Base?"),
        ("shop:Nothing", "there is no 'Nothing'; there is: Base, Database, Prod\n"),
        ("shop:Database", "is no container: it is the class Database"),
        ("shop:Base.nothing", "there is no 'nothing'"),
        ("shp", "no module 'shp' in"),
        ("shop.inner", "no module 'shop.inner'"),
        ("shp.py", "no file shp.py; did you mean shop.py?"),
        ("nowhere/else.py", "no file nowhere/else.py (here is"),
        ("some-thing:x", "'some-thing' is no module"),
        (":Base", "':Base' is no target"),
        ("empty.py", "empty.py has no container, or Environments"),
        ("empty.py:", "empty.py: has no container, or Environments"),
        ("number.py:it", "number.py:it is no container: it is an int"),
        ("folder/", "no file folder/"),
        ("./tool", "./tool is no Python file"),
    ],
)
def test_a_target_that_is_wrong(shop, tmp_path, target, words):
    """A target that is not there is one message, with the nearest name, and exit code 2."""
    shop()
    shop("", "empty.py")
    shop("it = 3\n", "number.py")
    shop("", "tool")
    done = invoked("plan", target, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("def load():\n    return {}['x']\nload()\n", "KeyError: 'x'"),
        ("import nothing_like_it\n", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("import json.nothing_like_it\n", "ModuleNotFoundError: No module named 'json.nothing_like_it'"),
        ("def (:\n", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        (f"{SHOP}\nclass Wrong(Base):\n    run = Database()\n", "DefinitionError: "),
        (f"{SHOP}\nclass Wrong(Base):\n    database = Database(hst='x')\n", "did you mean host?"),
    ],
)
def test_an_error_in_the_users_code_is_shown_as_it_is(shop, tmp_path, text, last):
    """What the user's own import raises is shown with the user's own frames only, and exit code 2."""
    shop(text, "target.py")
    done = forked_cli("check", "target.py", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert last in done.stderr
    assert lines[-1] == "error: importing target.py failed"
    assert "importlib" not in done.stderr
    assert "resourcekit/cli" not in done.stderr
    assert done.stderr.count("Traceback") <= 1
    if lines[0].startswith("Traceback"):
        assert "target.py" in lines[1]


def test_a_container_that_cannot_be_made(shop, tmp_path):
    """What the user's own code raises while the container is made is shown as it is."""
    shop(f"{SHOP}\nclass Wrong(Base):\n    def __new__(cls):\n        raise RuntimeError('no')\n", "target.py")
    done = invoked("check", "target.py:Wrong", cwd=tmp_path)
    assert done.returncode == 2
    assert "RuntimeError: no" in done.stderr
    assert "error: making the container of target.py:Wrong failed" in done.stderr


def test_a_module_with_a_known_name(shop, tmp_path):
    """A file that is called like a module which is loaded already is still the one that is meant."""
    file = shop(SHOP, "json.py")
    assert invoked("plan", f"{file}:Base", cwd=ROOT).stdout.startswith("plan of Base")


def test_interrupted_while_importing(shop, tmp_path):
    """Ctrl-C while the user's module is imported ends the command with its usual code."""
    shop("raise KeyboardInterrupt\n", "target.py")
    done = invoked("plan", "target.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_variable_that_names_no_environment():
    """A wrong value of the variable that chooses is told with the nearest name; what needs none goes on."""
    for command in (("plan",), ("check",), ("graph",), ("explain", "engine"), ("doctor",), ("run",)):
        done = invoked(command[0], AIRPORTS, *command[1:], APP_ENV="prd")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "error: variable APP_ENV names no environment; did you mean prod?\n"
    for command in (("check", "--all", "--wiring"), ("env",), ("graph", "--format", "html")):
        done = invoked(command[0], AIRPORTS, *command[1:], APP_ENV="prd")
        assert (done.returncode, bool(done.stdout)) == (0, True)
        assert done.stderr == "warning: variable APP_ENV names no environment; did you mean prod?\n"
    assert invoked("diff", AIRPORTS, "dev", "prod", APP_ENV="prd").stderr == ""
    assert invoked("plan", AIRPORTS, "--env", "dev", APP_ENV="prd").returncode == 0
    assert "; there is: dev, prod\n" in invoked("plan", AIRPORTS, APP_ENV="staging").stderr


def test_twice_in_one_process():
    """The same file is loaded once."""
    assert invoked("plan", AIRPORTS).stdout == invoked("plan", AIRPORTS).stdout
