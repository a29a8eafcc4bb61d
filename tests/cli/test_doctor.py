"""`resourcekit doctor`: every resource started for real, asked how it is, and the root of what is wrong."""

import json

import pytest

from tests.terminal import AIRPORTS, ROOT, cli, cli_on_terminal, forked_cli, invoked, plain

PROGRAM = """\
import time
from resourcekit import ConfigurableResource, ConfigurableResourceFactory, EnvVar, ResourceContainer
from resourcekit import ResourceDependency, RunContext, secret

def log(*words):
    with open("log.txt", "a") as file:
        print(*words, file=file)

class Base(ConfigurableResource):
    mood: str = "fine"
    password: str = secret(default="s3cret-one")

    def setup_for_execution(self, context: RunContext):
        log("up", context.key)
        if self.mood == "broken":
            raise ConnectionError(f"refused with {self.password}")

    def teardown_after_execution(self, context: RunContext):
        log("down", context.key)
        if self.mood == "sticky":
            raise RuntimeError("will not close")

    def check_health(self, context: RunContext):
        log("check", context.key)
        if self.mood == "ill":
            raise TimeoutError(f"no answer to {self.password}")
        return "3 replicas" if self.mood == "proud" else None

class Engine(Base, scope="app"): ...

class Client:
    pass

class Api(ConfigurableResourceFactory[Client]):
    mood: str = "fine"

    async def create_resource(self):
        return Client()

    async def check_health(self):
        if self.mood == "ill":
            raise TimeoutError("api")
        return {"version": 3}

class Orders(Base):
    engine: Engine
    inner: Base

class Shop(ConfigurableResource):
    orders: Orders
    client: ResourceDependency[Client]

class Plain(ConfigurableResource): ...

class App(ResourceContainer):
    engine = Engine()
    api = Api()
    orders = Orders(engine=engine, inner=Base())
    shop = Shop(orders=orders, client=api)
    plain = Plain()

class Missing(App):
    engine = Engine(mood=EnvVar("MOOD_NOT_SET"))
"""


@pytest.fixture
def doctor(tmp_path):
    """The doctor of a container with an overlay; its findings by name."""
    (tmp_path / "target.py").write_text(PROGRAM)

    def run(*arguments, target="target.py:App", runner=invoked, **moods):
        overlay = "".join(f'"{name.replace("__", ".")}" = "{mood}"\n' for name, mood in moods.items())
        (tmp_path / "x.toml").write_text(overlay)
        (tmp_path / "log.txt").write_text("")
        return runner("doctor", target, "--config", "x.toml", *arguments, cwd=tmp_path)

    run.log = lambda: (tmp_path / "log.txt").read_text().splitlines()
    return run


def findings(done):
    """Status and cause by name."""
    return {each["name"]: (each["status"], each["cause"]) for each in json.loads(done.stdout)["findings"]}


def details(done):
    """What was told of each."""
    return {each["name"]: each["detail"] for each in json.loads(done.stdout)["findings"] if each["detail"]}


def test_everything_is_well(doctor):
    """Each resource is started, checked and torn down, with times; the exit code is 0."""
    done = doctor("--format", "json", engine__mood="proud")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["ok"], data["causes"], data["container"]) == (True, [], "App")
    assert [each["name"] for each in data["findings"]] == [
        "engine", "api", "orders.inner", "orders", "shop", "plain"
    ]  # fmt: skip
    assert details(done) == {"engine": "3 replicas", "api": "{'version': 3}"}
    assert all(each["setup"] >= 0 for each in data["findings"])
    assert data["findings"][0]["health"] >= 0
    assert data["findings"][5]["health"] is None
    assert doctor.log()[:3] == ["up engine", "check engine", "down engine"]


def test_together(doctor):
    """Together, everything is started once, in one run."""
    done = doctor("--together", "--format", "json")
    assert set(findings(done).values()) == {("ok", None)}
    assert sorted(doctor.log()) == sorted(
        f"{what} {name}" for what in ("up", "check", "down") for name in ("engine", "orders.inner", "orders")
    )


def test_some_keys(doctor):
    """With keys, only these and what they need are started."""
    assert set(findings(doctor("engine", "--format", "json"))) == {"engine"}
    assert set(findings(doctor("orders", "--format", "json"))) == {"engine", "orders.inner", "orders"}
    assert doctor("enigne").returncode == 2


def test_a_setup_that_fails_is_the_root(doctor):
    """What needs a resource that does not start is skipped, and tells the root; others are started all the same."""
    done = doctor("--format", "json", engine__mood="broken")
    assert done.returncode == 1
    assert findings(done) == {
        "engine": ("failed", None),
        "api": ("ok", None),
        "orders.inner": ("skipped", "engine"),
        "orders": ("skipped", "engine"),
        "shop": ("skipped", "engine"),
        "plain": ("ok", None),
    }
    assert json.loads(done.stdout)["causes"] == ["engine"]
    assert details(done)["engine"] == "setup_for_execution: ConnectionError: refused with ***"


def test_one_that_stands_inside_another(doctor):
    """A resource without a key that fails is the root of what it stands in."""
    done = doctor("--format", "json", orders__inner__mood="broken")
    assert findings(done) == {
        "engine": ("ok", None),
        "api": ("ok", None),
        "orders.inner": ("failed", None),
        "orders": ("skipped", "orders.inner"),
        "shop": ("skipped", "orders.inner"),
        "plain": ("ok", None),
    }


def test_an_unhealthy_resource_is_the_root(doctor):
    """A check that raises says unhealthy, its words with secrets masked; what needs it is skipped."""
    done = doctor("--format", "json", engine__mood="ill")
    assert findings(done)["engine"] == ("unhealthy", None)
    assert findings(done)["orders"] == ("skipped", "engine")
    assert details(done)["engine"] == "TimeoutError: no answer to ***"
    assert "down engine" in doctor.log()


def test_an_async_check(doctor):
    """An async check is awaited, and may fail too."""
    done = doctor("--format", "json", api__mood="ill")
    assert findings(done)["api"] == ("unhealthy", None)
    assert findings(done)["shop"] == ("skipped", "api")


def test_the_root_of_several_that_are_unhealthy(doctor):
    """Together, one that is unhealthy and needs another unhealthy one names that as its cause."""
    done = doctor("--together", "--format", "json", engine__mood="ill", orders__mood="ill")
    assert findings(done)["engine"] == ("unhealthy", None)
    assert findings(done)["orders"] == ("unhealthy", "engine")
    assert json.loads(done.stdout)["causes"] == ["engine"]


def test_together_with_a_failure(doctor):
    """Together, what was not reached is skipped, with the failure for its cause."""
    done = doctor("--together", "--format", "json", orders__mood="broken")
    assert findings(done)["engine"] == ("ok", None)
    assert findings(done)["orders"] == ("failed", None)
    assert findings(done)["shop"] == ("skipped", "orders")


def test_a_teardown_that_fails(doctor):
    """A teardown that raises is a failure of its resource."""
    done = doctor("orders", "--format", "json", orders__mood="sticky")
    assert findings(done)["orders"] == ("failed", None)
    assert details(done)["orders"] == "teardown_after_execution: RuntimeError: will not close"


def test_missing_config_is_told_first(doctor):
    """Where config is missing nothing is started, and everything that is missing is told."""
    done = doctor(target="target.py:Missing")
    assert done.returncode == 1
    assert "engine.mood: variable MOOD_NOT_SET is not set" in done.stdout
    assert done.stderr == "nothing was started\n"
    assert doctor.log() == []


def test_secrets_in_what_a_hook_says(tmp_path):
    """Secrets of any shape are masked in what hooks say; a text of any length is cut, an error without one is named."""
    (tmp_path / "target.py").write_text(
        "import attrs\n"
        "from resourcekit import ConfigurableResource, ResourceContainer, field, secret\n"
        "@attrs.frozen\n"
        "class Pool:\n"
        "    token: str = secret(default='s3cret-two')\n"
        "    size: int = 5000\n"
        "class Mute(Exception):\n"
        "    def __str__(self): raise ValueError\n"
        "class Database(ConfigurableResource):\n"
        "    pool: Pool = field(factory=Pool)\n"
        "    keys: dict[str, list[bytes]] = secret()\n"
        "    pin: int = secret(default=31337)\n"
        "    def check_health(self): return f'{self.pool.token} {self.keys} {self.pin} {self.pool.size} ' + 'x' * 500\n"
        "class Silent(ConfigurableResource):\n"
        "    def setup_for_execution(self): raise Mute\n"
        "class App(ResourceContainer):\n"
        "    database = Database(keys={'a': [b's3cret-one']})\n"
        "    silent = Silent()\n"
    )
    done = invoked("doctor", "target.py", "--format", "json", cwd=tmp_path)
    told = details(done)
    assert "s3cret" not in done.stdout + done.stderr
    assert "31337" not in done.stdout
    assert told["database"].startswith("*** {'a': [b'***']} *** 5000 xxx")
    assert len(told["database"]) < 400
    assert told["silent"] == "setup_for_execution: Mute"


def test_the_table(doctor):
    """For people it is a table with the root cause below; readable in eighty columns."""
    done = doctor(engine__mood="broken")
    lines = done.stdout.splitlines()
    assert lines[0] == "doctor of App: 2 of 6 ok"
    assert lines[-1] == "  root cause: engine"
    assert "needs engine" in done.stdout
    text, code = doctor(engine__mood="broken", runner=cli_on_terminal)
    assert code == 1
    assert max(map(len, plain(text).splitlines())) <= 80
    assert "root cause: engine" in plain(text)


def test_the_example(tmp_path):
    """The airports example is well."""
    done = forked_cli("doctor", AIRPORTS.replace("docs", str(tmp_path)), cwd=tmp_path)
    assert done.returncode == 2
    done = cli("doctor", ROOT / AIRPORTS, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("doctor of Dev: 7 of 7 ok\n")


def test_what_is_logged_meanwhile(tmp_path):
    """What hooks log is shown beside the table, with secrets masked as in it."""
    (tmp_path / "target.py").write_text(
        "from resourcekit import ConfigurableResource, ResourceContainer, secret\n"
        "class Database(ConfigurableResource):\n"
        "    password: str = secret(default='s3cret-one')\n"
        "    def setup_for_execution(self, context): context.log.warning('logging in with %s', self.password)\n"
        "class App(ResourceContainer):\n"
        "    database = Database()\n"
    )
    done = forked_cli("doctor", "target.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "logging in with ***\n")
