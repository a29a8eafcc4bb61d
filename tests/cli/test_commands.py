"""The command line on the airports example: what each command shows, compared with approved files."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from jsonschema import Draft202012Validator
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as SarifLog

from tests.inspected import SECRETS
from tests.terminal import AIRPORTS, ROOT, approved, cli, cli_on_terminal, environment, forked_cli, invoked, plain

SHOP = "tests.inspected"
COMMANDS = {
    "check.txt": (1, "check", AIRPORTS, "--all"),
    "check.github": (1, "check", AIRPORTS, "--all", "--format", "github"),
    "plan.txt": (0, "plan", AIRPORTS, "--config", "docs/examples/airports.toml"),
    "plan-prod.txt": (0, "plan", f"{AIRPORTS}:Prod", "survey"),
    "graph.txt": (0, "graph", AIRPORTS),
    "graph-part.txt": (0, "graph", AIRPORTS, "survey"),
    "graph.mermaid": (0, "graph", AIRPORTS, "--format", "mermaid"),
    "graph.dot": (0, "graph", f"{AIRPORTS}:Prod", "--format", "dot"),
    "env.txt": (0, "env", AIRPORTS),
    "env.dotenv": (0, "env", AIRPORTS, "--format", "dotenv"),
    "env.md": (0, "env", AIRPORTS, "--env", "prod", "--format", "markdown"),
    "diff.txt": (0, "diff", AIRPORTS, "dev", "prod"),
    "explain.txt": (0, "explain", AIRPORTS, "engine.port", "--env", "prod"),
    "explain-path.txt": (0, "explain", AIRPORTS, "survey.questions.0.airports.engine.path"),
    "explain-overlay.txt": (0, "explain", AIRPORTS, "widest", "--config", "docs/examples/airports.toml"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_it_shows(name):
    """Piped, each command shows what its approved file has, and nothing on standard error."""
    code, *arguments = COMMANDS[name]
    runner = cli if name == f"{arguments[0]}.txt" else forked_cli  # each command once in a new process
    done = runner(*arguments)
    assert (done.returncode, done.stderr) == (code, "")
    approved(name, done.stdout)


@pytest.mark.parametrize("command", ["check", "plan", "graph", "env", "diff", "explain"])
def test_json(command):
    """Every inspection has a JSON form for scripts."""
    rest = {"diff": ("dev", "prod"), "explain": ("engine.path",)}.get(command, ())
    done = invoked(command, AIRPORTS, *rest, "--format", "json")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), dict)


def test_sarif():
    """SARIF has a rule for each code and a result for each problem, at the line of the declaration."""
    done = invoked("check", AIRPORTS, "--env", "prod", "--format", "sarif")
    assert done.returncode == 1
    SarifLog.model_validate_json(done.stdout)
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["missing-variable"]
    assert len(run["results"]) == 4
    place = run["results"][0]["locations"][0]["physicalLocation"]
    line = (ROOT / AIRPORTS).read_text(encoding="utf-8").splitlines()[place["region"]["startLine"] - 1]
    assert place["artifactLocation"]["uri"] == AIRPORTS
    assert "engine = PostgreSQL(" in line


def test_sarif_of_every_kind(tmp_path):
    """SARIF fits its schema where nothing is wrong, for warnings, and for files whose names are no URIs as they are."""
    (tmp_path / "my shop").mkdir()
    file = tmp_path / "my shop" / "target.py"
    file.write_text(
        "from resourcekit import *\n"
        "class Db(ConfigurableResource):\n"
        "    host: str\n"
        "    def setup_for_executon(self): ...\n"
        "class App(ResourceContainer):\n"
        "    database = Db(host=EnvVar('DB_HOST'))\n"
    )
    for folder, uri in ((tmp_path, "my%20shop/target.py"), (ROOT, file.as_uri())):
        done = invoked("check", file, "--format", "sarif", cwd=folder)
        run = SarifLog.model_validate_json(done.stdout).runs[0]
        assert [(result.ruleId, result.level.value) for result in run.results] == [
            ("missing-variable", "error"), ("misspelt-hook", "warning")
        ]  # fmt: skip
        assert {result.locations[0].physicalLocation.artifactLocation.uri for result in run.results} == {uri}
    done = invoked("check", AIRPORTS, "--format", "sarif")
    assert SarifLog.model_validate_json(done.stdout).runs[0].results == []
    with pytest.raises(ValueError, match="version"):
        SarifLog.model_validate_json(done.stdout.replace('"2.1.0"', '"2.2.0"'))


def test_all_is_well():
    """Where nothing is wrong, check says so with exit code 0; the forms for tools are empty or say ok."""
    assert invoked("check", AIRPORTS).stdout == "dev: ok\n"
    assert invoked("check", AIRPORTS, "--all", "--wiring").stdout == "dev: ok\nprod: ok\n"
    assert invoked("check", AIRPORTS, "--format", "github").stdout == ""
    assert json.loads(invoked("check", AIRPORTS, "--format", "json").stdout) == {
        "ok": True,
        "environments": {"dev": []},
        "warnings": {"dev": []},
    }


def test_warnings(tmp_path):
    """A misspelt hook is a warning in every form: it is told, with the line of the method, and the exit code is 0."""
    (tmp_path / "target.py").write_text(
        "from resourcekit import *\n"
        "class Db(ConfigurableResource):\n"
        "    def setup_for_executon(self): ...\n"
        "class App(ResourceContainer):\n"
        "    database = Db()\n"
    )
    done = invoked("check", "target.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:3] == [
        "App: ok, 1 warning",
        "  database: no run calls Db.setup_for_executon(): the hook is called setup_for_execution [misspelt-hook]",
        "      declared:  target.py:3 (Db)",
    ]
    done = invoked("check", "target.py", "--format", "github", cwd=tmp_path)
    assert done.stdout.startswith("::warning file=target.py,line=3,title=misspelt-hook in App::")
    data = json.loads(invoked("check", "target.py", "--format", "json", cwd=tmp_path).stdout)
    assert (data["ok"], data["environments"]) == (True, {"App": []})
    assert [problem["code"] for problem in data["warnings"]["App"]] == ["misspelt-hook"]
    log = json.loads(invoked("check", "target.py", "--format", "sarif", cwd=tmp_path).stdout)
    assert [result["level"] for result in log["runs"][0]["results"]] == ["warning"]


def test_the_variable_chooses():
    """Without --env the variable of the environments decides, as it does for the program."""
    assert forked_cli("check", AIRPORTS, APP_ENV="prod").stdout.startswith("prod: 4 problems\n")


def test_dotenv_files(tmp_path):
    """--env-file sets variables before anything is imported; those that are set already win."""
    (tmp_path / "one.env").write_text("APP_ENV=prod\nDB_HOST=h\nDB_NAME=n\nDB_USER=u\n")
    (tmp_path / "two.env").write_text("DB_PASSWORD='s3cret one'\nDB_HOST=other\n")
    files = ("--env-file", tmp_path / "one.env", "--env-file", tmp_path / "two.env")
    done = cli("check", AIRPORTS, *files)
    assert done.stdout == "prod: ok\n"
    assert forked_cli("check", AIRPORTS, *files, APP_ENV="dev").stdout == "dev: ok\n"
    done = forked_cli("check", AIRPORTS, "--env-file", tmp_path / "none.env")
    assert (done.returncode, done.stderr) == (2, f"error: no file {tmp_path / 'none.env'}\n")
    (tmp_path / "binary.env").write_bytes(b"A=\xff\xfe")
    done = invoked("check", AIRPORTS, "--env-file", tmp_path / "binary.env")
    assert (done.returncode, done.stderr) == (2, f"error: {tmp_path / 'binary.env'} cannot be read: it is no text\n")


def test_the_example_of_a_dotenv_file_loads_back():
    """The .env.example has every required variable, empty, for python-dotenv and the like."""
    text = invoked("env", AIRPORTS, "--format", "dotenv").stdout
    assert set(dotenv_values(stream=io.StringIO(text))) == {"DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"}


def test_the_schema_validates_the_overlay():
    """The JSON Schema takes the example's overlay, and refuses it with a misspelt field."""
    schema = json.loads(invoked("env", AIRPORTS, "--env", "dev", "--format", "json-schema").stdout)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"highest": {"limit": 3}})
    assert not validator.is_valid({"highest": {"limits": 3}})


def test_output_files(tmp_path):
    """--output writes a file and says so beside the output; one that cannot be written is told."""
    for form in ("html", "svg", "mermaid", "dot", "json", "text"):
        file = tmp_path / f"graph.{form}"
        file = file if form != "text" else tmp_path / "graph"
        done = invoked("graph", AIRPORTS, "--format", form, "-o", file)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", f"written: {file}\n")
        assert file.stat().st_size > 200
    assert invoked("env", AIRPORTS, "-o", tmp_path / "env.txt").returncode == 0
    done = invoked("graph", AIRPORTS, "--format", "html", "-o", tmp_path / "no" / "graph.html")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {tmp_path / 'no/graph.html'} cannot be written: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("command", "name", "start"),
    [
        ("graph", "it.svg", "<svg "), ("graph", "it.html", "<!doctype html>"), ("graph", "it.mmd", "flowchart"),
        ("graph", "it.gv", "digraph"), ("graph", "it.json", "{"), ("graph", "it.txt", "graph of Dev"),
        ("env", "it.md", "| Name |"), ("env", "it.env.example", "# all environments"), ("env", "it.json", "{"),
        ("env", "it.schema.json", '{\n  "$schema"'), ("env", "it.txt", "environment of"),
    ],
)  # fmt: skip
def test_the_suffix_says_the_format(tmp_path, command, name, start):
    """Without --format the suffix of the output file says what is written to it."""
    assert invoked(command, AIRPORTS, "-o", tmp_path / name).returncode == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_a_part_of_the_graph():
    """Keys restrict the graph to these and what they need, in all of its forms."""
    done = invoked("graph", AIRPORTS, "highest")
    assert done.stdout.startswith("graph of Dev: 3 resources\n  highest  Question\n")
    assert "report" not in invoked("graph", AIRPORTS, "highest", "--format", "dot").stdout
    assert '"report":' not in invoked("graph", AIRPORTS, "highest", "--format", "html").stdout


def test_the_html_page_has_every_environment():
    """The page of environments has them all, that of one container only that."""
    assert '"environments":["dev","prod"],"current":"dev"' in invoked("graph", AIRPORTS, "--format", "html").stdout
    assert '"environments":["Prod"]' in invoked("graph", f"{AIRPORTS}:Prod", "--format", "html").stdout


def test_the_exit_code_of_a_difference():
    """diff exits with 0, and with --exit-code with 1 where there is a difference."""
    assert invoked("diff", AIRPORTS, "dev", "prod").returncode == 0
    assert invoked("diff", AIRPORTS, "dev", "prod", "--exit-code").returncode == 1
    assert invoked("diff", AIRPORTS, "dev", "dev", "--exit-code").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", AIRPORTS, "--env", "prd"), "no environment 'prd'; did you mean prod?"),
        (("check", f"{AIRPORTS}:Prod", "--env", "dev"), "is one container, not Environments"),
        (("check", AIRPORTS, "--all", "--env", "dev"), "--all and --env exclude each other"),
        (("check", AIRPORTS, "ariports"), "Dev has no key 'ariports'; did you mean airports?"),
        (("plan", AIRPORTS, "ariports"), "did you mean airports?"),
        (("explain", AIRPORTS, "engine.pth"), "SQLite has no field 'pth'; did you mean path?"),
        (("diff", AIRPORTS, "dev", "prd"), "no environment 'prd'; did you mean prod?"),
        (("diff", f"{AIRPORTS}:Prod", "dev", "prod"), "airports.py:Prod is one container, not Environments"),
        (("diff", AIRPORTS, "dev", "prod", "--env", "dev"), "leave --env out"),
        (("graph", AIRPORTS, "ariports"), "Dev has no key 'ariports'; did you mean airports?"),
        (("explain", AIRPORTS, "highest.airports.engine.pth"), "SQLite has no field 'pth'; did you mean path?"),
        (("explain", AIRPORTS, "engine.path.x"), "path is Path: it has no 'x'"),
        (("graph", AIRPORTS, "-o", "graph.png"), "-o graph.png: its suffix says no format; add --format"),
        (("graph", AIRPORTS, "-o", "x.svg", "--format", "dot"), "-o x.svg is for svg, and --format says dot"),
        (("env", AIRPORTS, "-o", "x.json", "--format", "markdown"), "x.json is for json or json-schema, and --format"),
        (("plan", AIRPORTS, "--config", "nothing.toml"), "nothing.toml: no such file"),
        (("plna", AIRPORTS), 'Unknown command "plna"'),
        (("plan",), "TARGET"),
        (("plan", AIRPORTS, "--formt", "json"), "--formt"),
        (("plan", AIRPORTS, "--format", "xml"), "xml"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command(arguments, words):
    """A command that cannot be done is one message and exit code 2."""
    done = invoked(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_environment_that_cannot_be_chosen(tmp_path):
    """Where no variable is set and there is no default, a command that needs one environment says what to add."""
    (tmp_path / "shop.py").write_text(
        "from resourcekit import *\nclass A(ResourceContainer): ...\nclass B(A): ...\n"
        "environments = Environments(a=A, b=B, variable='SHOP_ENV')\n"
    )
    done = invoked("plan", "shop", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: which environment? Set SHOP_ENV, or add --env: one of a, b\n"
    assert invoked("check", "shop", "--all", cwd=tmp_path).stdout == "a: ok\nb: ok\n"
    assert invoked("env", "shop", cwd=tmp_path).returncode == 0
    assert invoked("graph", "shop", "--format", "html", cwd=tmp_path).returncode == 0


def test_no_secret_is_shown():
    """No command shows a secret, a variable's value, or a default of a secret, in any of its forms."""
    values = {"API_TOKEN": "s3cret-one", "DB_HOST": "s3cret-two", "DB_PORT": "s3cret-three", "LEVEL": "s3cret-four"}
    forms = {
        "check": ["text", "json", "github", "sarif"],
        "plan": ["text", "json"],
        "graph": ["text", "json", "mermaid", "dot", "svg", "html"],
        "env": ["text", "json", "dotenv", "markdown", "json-schema"],
    }
    for command, names in forms.items():
        for form in names:
            done = invoked(command, SHOP, "--env", "prod", "--format", form, **values)
            assert not any(hidden in done.stdout + done.stderr for hidden in SECRETS), (command, form)
    for rest in (("diff", SHOP, "dev", "prod"), ("explain", SHOP, "database"), ("explain", SHOP, "api")):
        done = invoked(*rest, **values)
        assert done.returncode == 0
        assert not any(hidden in done.stdout + done.stderr for hidden in SECRETS)


def test_help():
    """The help of each command tells its arguments and options, each with a sentence."""
    text = " ".join(cli("--help").stdout.split())
    for command in ("check", "plan", "graph", "env", "diff", "explain", "run", "doctor"):
        assert f" {command} " in text
        words = " ".join(invoked(command, "--help").stdout.split())
        assert "TARGET" in words
        assert "--env-file" in words
        assert "default: ()" not in words
    assert cli("--version").stdout.strip()[0].isdigit()


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("env", AIRPORTS), "APP_ENV DB_PASSWORD engine.password secret"),
        (("check", AIRPORTS, "--all"), "engine.password: [missing-variable] docs/examples/airports.py:145"),
        (("plan", AIRPORTS), "airports busiest, widest teardown highest, thread:"),
        (("graph", AIRPORTS), "airports SQLite, Question"),
        (("diff", AIRPORTS, "dev", "prod"), "PosixPath('airports.db') PostgreSQL EnvVar('DB_PASSWORD')"),
        (("explain", AIRPORTS, "highest", "--config", "docs/examples/airports.toml"),
         "docs/examples/airports.toml docs/examples/airports.py:89 lost"),
    ],
)  # fmt: skip
def test_a_narrow_terminal(arguments, words, columns):
    """On a terminal there are colours, no line is wider than it, no word is broken, and nothing is cut off."""
    text, _ = cli_on_terminal(*arguments, columns=columns)
    assert "\x1b[" in text
    assert max(map(len, plain(text).splitlines())) <= columns
    assert set(words.split()) <= set(plain(text).split())
    assert "…" not in text


def test_no_color():
    """With NO_COLOR there are no colours on a terminal."""
    text, code = cli_on_terminal("check", AIRPORTS, NO_COLOR="1")
    assert code == 0
    assert "\x1b[3" not in text
    assert plain(text) == "dev: ok\n"


def test_a_pipe_that_closes():
    """A reader that has seen enough ends it without a traceback."""
    command = [sys.executable, "-m", "resourcekit", "graph", AIRPORTS, "--format", "html"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full():
    """An output that cannot be written is told in one line, with exit code 1."""
    command = [sys.executable, "-m", "resourcekit", "env", AIRPORTS]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"error: the output cannot be written: No space left on device\n")


COMPLETE = """\
source {script}
COMP_WORDS=(resourcekit {words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}; _resourcekit resourcekit "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_completion_in_bash(tmp_path):
    """In bash commands, options, choices and the files of a target are completed."""
    script = tmp_path / "it"
    forked_cli("--install-completion", "--shell", "bash", "--output", script, HOME=str(tmp_path))
    for words, expected in (
        ("ch", "check"), ("graph x.py --out", "--output"), ("graph x.py --format s", "svg"),
        ("plan docs/examples/airports.p", AIRPORTS), ("run x.py --container docs/examples/airports.p", AIRPORTS),
    ):  # fmt: skip
        command = COMPLETE.format(script=script, words=words)
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.stdout.split() == [expected], (words, done.stderr)


def test_completion(tmp_path):
    """Shell completion can be installed, and knows the commands."""
    done = forked_cli("--install-completion", "--shell", "bash", "--output", tmp_path / "it", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    script = (tmp_path / "it").read_text()
    assert all(command in script for command in ("check", "plan", "graph", "env", "diff", "explain", "run", "doctor"))


def test_without_the_extra(tmp_path):
    """Without cyclopts, rich or python-dotenv one line says what to install."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'cyclopts' else find(name, *rest)\n"
    )
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = cli("plan", AIRPORTS, PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (2, "the command line needs its extra: pip install 'resourcekit[cli]'\n")
