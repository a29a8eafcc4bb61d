"""`resourcekit run` with assets, jobs and Definitions."""

import json

import pytest

from tests.terminal import cli_on_terminal, forked_cli, invoked, plain

SHOP = """\
from resourcekit import *

class Database(ConfigurableResource):
    host: str = "localhost"

class Base(ResourceContainer):
    database = Database()

class Prod(Base):
    database = Database(host=EnvVar("DB_HOST"))
"""
STEPS = """
@asset
def orders(database: Database) -> list[str]:
    print("from", database.host)
    return ["tea"]

@asset
def report(orders: list[str]) -> int:
    return len(orders)

@asset
def broken(orders: list[str]) -> None:
    raise ValueError("the user's own")
"""
JOB = """
@op
def count(database: Database) -> int:
    print("counting at", database.host)
    return 1

@job
def nightly():
    count()
"""


@pytest.fixture
def run(tmp_path):
    """Runs a module that is written first."""

    def run(text, target="target.py", *arguments, runner=invoked, **variables):
        (tmp_path / "target.py").write_text(text)
        return runner("run", target, *arguments, cwd=tmp_path, **variables)

    run.folder = tmp_path
    return run


def test_an_asset_with_all_it_needs(run):
    """An asset is materialized with the assets it needs, with the container of its module."""
    done = run(SHOP + STEPS + "environments = Environments(dev=Base, prod=Prod, default='dev')\n", "target.py:report")
    assert (done.returncode, done.stdout) == (0, "from localhost\n"), done.stderr
    assert ": success, 2 of 2\n" in done.stderr
    assert "broken" not in done.stderr


def test_the_environment_is_chosen(run):
    """--env says which container gives the resources, and what is missing is told before anything runs."""
    text = SHOP + STEPS + "environments = Environments(dev=Base, prod=Prod, default='dev')\n"
    done = run(text, "target.py:report", "--env", "prod", DB_HOST="db-1")
    assert done.stdout == "from db-1\n"
    done = run(text, "target.py:report", "--env", "prod")
    assert (done.returncode, done.stdout) == (1, "")
    assert "database.host: variable DB_HOST is not set" in done.stderr


def test_the_assets_of_a_module(run):
    """Without an object all assets of a module are meant; arguments select some of them."""
    text = SHOP.partition("class Prod")[0] + STEPS.partition("@asset\ndef broken")[0]
    done = run(text)
    assert ": success, 2 of 2\n" in done.stderr
    done = run(text, "target.py", "orders")
    assert ": success, 1 of 1\n" in done.stderr
    done = run(text, "target.py", "odrers")
    assert done.returncode == 2
    assert "orders" in done.stderr


def test_a_failing_asset(run):
    """What an asset raises is shown from its own frame on, with exit code 1."""
    done = run(SHOP.partition("class Prod")[0] + STEPS, "target.py:broken", runner=forked_cli)
    assert done.returncode == 1
    assert "ValueError: the user's own" in done.stderr
    assert "resourcekit/" not in done.stderr.replace("resourcekit:", "")


def test_a_job(run):
    """A job is executed with the container of its module, and reported."""
    text = SHOP.partition("class Prod")[0] + JOB
    done = run(text, "target.py:nightly", "--report", "report.json", "--quiet")
    assert (done.returncode, done.stdout) == (0, "counting at localhost\n")
    assert done.stderr == "written: report.json\n"
    assert json.loads((run.folder / "report.json").read_text())["order"] == ["database"]
    assert run(text).returncode == 0, "it is the only thing to run"


def test_definitions_with_resources_of_their_own(run):
    """Definitions bring their own resources, with --config laid over them; --container takes their place."""
    text = SHOP + STEPS + "defs = Definitions(assets=[orders, report], resources={'database': Database(host='own')})\n"
    assert run(text).stdout == "from own\n"
    (run.folder / "x.toml").write_text('[database]\nhost = "file"\n')
    assert run(text, "target.py", "--config", "x.toml").stdout == "from file\n"
    assert run(text, "target.py", "--container", "target.py:Base").stdout == "from localhost\n"
    (run.folder / "y.toml").write_text('[database]\nhost = "last"\n')
    assert run(text, "target.py", "--config", "x.toml", "--config", "y.toml").stdout == "from last\n"
    assert "nowhere.toml: no such file" in run(text, "target.py", "--config", "nowhere.toml").stderr


def test_what_is_missing(run):
    """What the resources of Definitions lack is told in one message, without a traceback; nothing runs."""
    text = SHOP + STEPS + JOB
    text += "defs = Definitions([orders], [nightly], {'database': Database(host=EnvVar('DB_HOST'))})\n"
    for arguments in (["target.py:defs"], ["target.py:defs", "nightly"], ["target.py:orders"], ["target.py:nightly"]):
        done = run(text, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("  database.host: variable DB_HOST is not set [missing-variable]\n")
        assert done.stderr.endswith("error: 1 problem, nothing was opened\n")


def test_an_input_that_is_not_stored_yet(run):
    """Where a value that was not selected is not stored, one sentence says which and what to do."""
    text = SHOP.partition("class Prod")[0] + STEPS
    text += "kept = {'database': Database(), 'io_manager': FilesystemIOManager(base_dir='kept')}\n"
    text += "defs = Definitions(assets=[orders, report], resources=kept)\n"
    done = run(text, "target.py:defs", "report")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.count("asset 'orders' is not stored at kept") == 1
    done = run(text, "target.py:defs", "report", "--quiet")
    assert done.stderr.startswith("error: asset 'orders' is not stored at kept")
    assert done.stderr.count("\n") == 1


def test_reports_without_a_container(run):
    """--report writes the report of assets that have no container: of their dict of resources, or of none at all."""
    own = SHOP + STEPS + "defs = Definitions(assets=[orders, report], resources={'database': Database(host='own')})\n"
    none = "from resourcekit import *\n@asset\ndef answer() -> int:\n    return 42\n"
    theirs = (
        OWN + "@asset(resource_defs={'database': Database()})\ndef answer(database: Database) -> int:\n    return 42\n"
    )
    for text, order in ((own, ["database"]), (none, []), (theirs, ["database"])):
        done = run(text, "target.py", "--report", "x.json")
        assert done.returncode == 0, done.stderr
        report = json.loads((run.folder / "x.json").read_text())
        assert (report["outcome"], report["order"]) == ("success", order)


def test_resources_that_do_not_fit(run):
    """Assets that ask for what is not there are one message and exit code 2."""
    done = run("from resourcekit import *\nclass Database(ConfigurableResource): ...\n" + STEPS, "target.py:orders")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "database" in done.stderr


OWN = SHOP.partition("class Base")[0]
DEFINITIONS = "defs = Definitions(jobs=[nightly], resources={'database': Database(host='own')})\n"
WEEKLY = "\n@job\ndef weekly():\n    count()\n\n"


def test_a_job_of_definitions(run):
    """A job of Definitions is named after them, or is the only one they have, and runs with their resources."""
    text = OWN + JOB + DEFINITIONS
    for arguments in (["target.py:defs", "nightly"], ["target.py:defs"], ["target.py"], ["target.py:nightly"]):
        done = run(text, *arguments)
        assert (done.returncode, done.stdout) == (0, "counting at own\n"), done.stderr
        assert done.stderr.startswith("nightly ")
        assert ": success, 1 of 1\n" in done.stderr


def test_which_job_of_definitions(run):
    """Where there are several jobs, or none of the name, it is told which there are, and nothing runs."""
    text = OWN + JOB + WEEKLY + DEFINITIONS.replace("[nightly]", "[nightly, weekly]")
    done = run(text, "target.py:defs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has 2 jobs, say which: nightly, weekly" in done.stderr
    done = run(text, "target.py:defs", "nihgtly")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no job 'nihgtly'; did you mean nightly?" in done.stderr
    assert run(text, "target.py:weekly").stdout == "counting at own\n"


def test_an_asset_beside_its_definitions(run):
    """An asset of the one Definitions of its module has their resources; a container that is named goes before."""
    text = SHOP + STEPS + "defs = Definitions(assets=[orders, report], resources={'database': Database(host='own')})\n"
    assert run(text, "target.py:report").stdout == "from own\n"
    assert run(text, "target.py:report", "--container", "target.py:Base").stdout == "from localhost\n"


def test_a_definitions_function(run):
    """A function with @definitions, as the guide writes it, is what it gives; its own error is the user's."""
    made = f"\n@definitions\ndef defs():\n    return {DEFINITIONS.removeprefix('defs = ')}"
    for target in ("target.py", "target.py:defs"):
        assert run(OWN + JOB + made, target).stdout == "counting at own\n"
    done = run(OWN + JOB + "\n@definitions\ndef defs():\n    raise LookupError('mine')\n", "target.py:defs")
    assert done.returncode == 2
    assert "LookupError: mine" in done.stderr


def test_the_result_on_a_terminal(run):
    """On a terminal the result is the same few lines as where it is piped."""
    shown, code = run(SHOP.partition("class Prod")[0] + STEPS, "target.py:report", runner=cli_on_terminal)
    assert code == 0
    assert ": success, 2 of 2" in plain(shown)
    assert "StepResult(" not in plain(shown)


def test_no_secret_of_a_failing_step(run):
    """What a step says of a secret is masked, in its traceback and in the result."""
    text = OWN.replace('host: str = "localhost"', 'password: str = secret(default="s3cret-one")')
    text += "\n@asset\ndef orders(database: Database):\n    raise ValueError(f'refused with {database.password}')\n"
    done = run(text + "defs = Definitions(assets=[orders], resources={'database': Database()})\n")
    assert done.returncode == 1
    assert done.stderr.count("refused with ***") == 2
    assert "s3cret" not in done.stderr


INSPECTED = SHOP + STEPS + JOB


@pytest.mark.parametrize(
    ("end", "target", "shown"),
    [
        ("defs = Definitions([orders], [nightly], {'database': Database(host='own')})", "target.py:defs", "'own'"),
        ("defs = Definitions([orders], [nightly], {'database': Database(host='own')})", "target.py:orders", "'own'"),
        ("defs = Definitions([orders], [nightly], {'database': Database(host='own')})", "target.py:nightly", "'own'"),
        ("@definitions\ndef defs():\n    return Definitions([orders], [], Base)", "target.py:defs", "'localhost'"),
        ("defs = Definitions([orders], [], Base())", "target.py:defs", "'localhost'"),
        ("del Prod\nall_assets = [orders, report]", "target.py:all_assets", "'localhost'"),
        ("del Prod", "target.py:orders", "'localhost'"),
        ("environments = Environments(base=Base, default='base')", "target.py:report", "'localhost'"),
    ],
)
def test_what_they_would_be_executed_with_is_inspected(run, end, target, shown):
    """check, plan, graph, env, explain and doctor of Definitions, a job or assets are about the resources of theirs."""
    text = f"{INSPECTED}\n{end}\n"
    (run.folder / "target.py").write_text(text)
    assert shown in invoked("explain", target, "database.host", cwd=run.folder).stdout
    for command in ("check", "plan", "graph", "env", "doctor"):
        done = invoked(command, target, cwd=run.folder)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert "database" in invoked("plan", target, cwd=run.folder).stdout


def test_the_only_definitions_of_a_module(run):
    """Where a module has no container, its Definitions are meant; with --env its Environments'."""
    text = OWN + STEPS + "defs = Definitions([orders], [], {'database': Database(host=EnvVar('DB_HOST'))})\n"
    (run.folder / "target.py").write_text(text)
    done = invoked("check", "target.py", cwd=run.folder)
    assert (done.returncode, "variable DB_HOST is not set" in done.stdout) == (1, True)
    assert "DB_HOST  missing" in invoked("env", "target.py", cwd=run.folder).stdout
    (run.folder / "target.py").write_text(
        f"{SHOP}{STEPS}environments = Environments(dev=Base, prod=Prod, default='dev')"
    )
    done = invoked("check", "target.py:orders", "--all", cwd=run.folder)
    assert done.stdout.startswith("dev: ok\nprod: 1 problem\n")
    assert invoked("check", "target.py:orders", "--env", "dev", cwd=run.folder).stdout == "dev: ok\n"


def test_steps_that_their_resources_do_not_fit(run):
    """check tells what is wrong between assets or jobs and their resources too, with the line of the step."""
    text = OWN + STEPS + JOB + "defs = Definitions([orders], [nightly], {'databse': Database()})\n"
    (run.folder / "target.py").write_text(text)
    done = invoked("check", "target.py:defs", cwd=run.folder)
    assert done.returncode == 1
    assert "orders(database): resources has no key 'database'" in done.stdout
    assert "count(database): resources has no key 'database'" in done.stdout
    assert "did you mean databse?" in done.stdout
    done = invoked("check", "target.py:nightly", "--format", "github", cwd=run.folder)
    assert done.stdout.startswith("::error file=target.py,line=")
    (run.folder / "target.py").write_text(f"{text}@asset(name='orders')\ndef other(): ...\ntwice = [orders, other]\n")
    done = invoked("check", "target.py:twice", cwd=run.folder)
    assert (done.returncode, done.stderr.startswith("error: target.py:twice: ")) == (2, True)


def test_a_function_beside_definitions(run):
    """A function of a module without a container runs with the resources of its Definitions."""
    text = OWN + "def hello(database: Database):\n    print(database.host)\n"
    (run.folder / "target.py").write_text(text + "defs = Definitions(resources={'database': Database(host='own')})\n")
    done = invoked("run", "target.py:hello", cwd=run.folder)
    assert done.stdout == "own\n", done.stderr


def test_an_op_is_not_run(run):
    """An op is refused with what to give in its place."""
    done = run(SHOP + JOB, "target.py:count")
    assert (done.returncode, done.stderr) == (2, "error: target.py:count is an op: a job calls it; give the job\n")
