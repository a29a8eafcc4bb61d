"""Pickling and copying: by import path where there is one, else with cloudpickle, and what refuses."""

import copy
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import cloudpickle
import pytest

from resourcekit import (
    ConfigurableResource,
    Definitions,
    RunStateError,
    asset,
    job,
    materialize,
    op,
    open_resource,
)
from tests import pickled
from tests.pickled import Base, Database, adding, defs, name_of, one, run_all

ROOT = Path(__file__).parents[2]
ROUND_TRIPS = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "lowest": lambda thing: pickle.loads(pickle.dumps(thing, 2)),
    "cloudpickle": lambda thing: pickle.loads(cloudpickle.dumps(thing)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
BY_PATH = {
    "asset": name_of,
    "op": one,
    "job": adding,
    "definitions": defs,
    "container class": Base,
    "injected": pickled.who,
    "nested": pickled.Nest.inner,
}


@pytest.fixture(params=ROUND_TRIPS)
def round_trip(request):
    return ROUND_TRIPS[request.param]


@pytest.mark.parametrize("kind", BY_PATH)
def test_by_import_path(kind, round_trip):
    """What a module has is the same object wherever it arrives, and is sent by its name."""
    assert round_trip(BY_PATH[kind]) is BY_PATH[kind]
    assert len(pickle.dumps(BY_PATH[kind])) < 150


def test_within_others(round_trip):
    """A list of definitions keeps them; so does what holds some."""
    things = [name_of, adding, {"defs": defs}]
    moved = round_trip(things)
    assert moved[0] is name_of
    assert moved[1] is adding
    assert moved[2]["defs"] is defs


@pytest.mark.parametrize("name", ["pickle", "cloudpickle", "copy", "deepcopy"])
def test_an_alias_and_a_bound_job(name):
    """An alias of an op, and a job with the resources of `Definitions` below its own, arrive as such."""
    round_trip = ROUND_TRIPS[name]
    alias = round_trip(one.alias("first"))

    @job
    def aliased():
        alias()

    assert list(aliased.execute_in_process().steps) == ["first"]
    bound = round_trip(Definitions(jobs=[adding], resources={"other": 5}).get_job_def("adding"))
    assert bound.below == {"other": 5}
    assert bound.graph is adding.graph
    assert bound.execute_in_process().output_for("sum") == 2


def test_a_spawned_process():
    """`multiprocessing` with spawn sends an asset, a job and `Definitions` to processes that import them."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(run_all, ([name_of, adding, defs],)).get(60) == [True, "base", 2]


@pytest.mark.parametrize("name", ["pickle", "cloudpickle"])
def test_what_a_function_makes(name):
    """What is made in a function has no import path: it goes by value, also by plain pickle, and works as it did."""
    round_trip = ROUND_TRIPS[name]

    class Local(ConfigurableResource):
        name: str = "local"

    @asset(metadata={"unit": "kg"}, group_name="g", deps=["other"])
    def made(context, local: Local) -> str:
        return local.name + context.resources.local.name

    @asset
    def other(): ...

    @op(tags={"a": "b"})
    def work(local: Local) -> str:
        return local.name

    @job(resource_defs={"local": Local(name="job")}, tags={"x": "y"})
    def working():
        """Does work."""
        work.alias("first")()

    moved = round_trip(made)
    assert moved is not made
    assert (moved.key, moved.deps, moved.group_name, moved.options.metadata) == (
        made.key,
        made.deps,
        "g",
        {"unit": "kg"},
    )
    result = materialize([moved, round_trip(other)], resources={"local": moved.parameters()[1].annotation()})
    assert result.output_for(moved) == "locallocal"
    assert moved(local=moved.parameters()[1].annotation(name="x")) == "xx"
    job_ = round_trip(working)
    assert (job_.name, job_.description, job_.tags, job_.__name__) == ("working", "Does work.", {"x": "y"}, "working")
    assert job_.execute_in_process().output_for("first") == "job"
    every = round_trip(Definitions([made, other], [working], {"local": Local(name="all")}))
    assert every.materialize().output_for("made") == "allall"
    assert every.get_job_def("working").execute_in_process().output_for("first") == "job"
    assert copy.copy(made) is copy.deepcopy(made) is made
    assert copy.copy(every) is copy.deepcopy(every) is every
    assert copy.copy(job_) is copy.deepcopy(job_) is job_


def test_without_cloudpickle(monkeypatch):
    """Where cloudpickle is not installed, what has no import path says why it cannot be sent, and what to do."""

    @asset
    def made(): ...

    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(TypeError, match=r"asset 'made' cannot be pickled by its import path.*or install cloudpickle"):
        pickle.dumps(made)
    with pytest.raises(TypeError, match="these Definitions cannot"):
        pickle.dumps(Definitions([made]))
    assert pickle.loads(pickle.dumps(name_of)) is name_of


# From a script or notebook -------------------------------------------------------------------------------------------

HEAD = """
import sys, cloudpickle, pickle, anyio
from typing import Annotated
from dependency_injector import providers
from resourcekit import *
from tests.pickled import Base, Orders, Database as Imported

class Database(ConfigurableResource):
    name: str = "db"
    _state: list = state(factory=list)

    def setup_for_execution(self):
        self._state.append("up")
"""


def sent(source: str, what: str, then: str, *, head: str = HEAD, sender: str = "cloudpickle") -> str:
    """Make *what* in a program, send it to another that has only `thing`, and tell what *then* prints there."""
    program = f"{head}\n{textwrap.dedent(source)}\nsys.stdout.buffer.write({sender}.dumps({what}))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, check=False)
    assert made.returncode == 0, made.stderr.decode()
    program = f"import sys, pickle, anyio\nthing = pickle.loads(sys.stdin.buffer.read())\n{textwrap.dedent(then)}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=made.stdout, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_a_container_class_of_a_script():
    """A container class made in a script arrives with its keys in order, its providers, methods and class keywords."""
    source = """
    class Users(ConfigurableResource):
        database: Database

    class Parent(ResourceContainer):
        zebra = Database(name="zebra")
        users = Users(database=zebra)

    class App(Parent, slow_start=3.0):
        zebra = Database(name="again")
        Apple = Users(database=zebra)
        number = value(5)
        plain = providers.Factory(dict, zebra=zebra)
        limit = 7

        def twice(self):
            return self.limit * 2
    """
    then = """
    print(list(thing.providers))
    app = thing()
    with app.run() as resources:
        print(resources.users.database is resources.Apple.database is resources.zebra, resources.zebra.name)
        print(resources.number, resources.plain()["zebra"] is resources.zebra, resources.zebra._state)
    print(app.twice(), thing.__settings__.slow_start, thing.__name__)
    class Test(thing):
        zebra = type(thing.providers["zebra"]._resource)(name="test")
    with Test().run("users") as resources:
        print(resources.users.database.name)
    """
    told = sent(source, "App", then).splitlines()
    assert told == [
        "['zebra', 'users', 'Apple', 'number', 'plain']",
        "True again",
        "5 True ['up']",
        "14 3.0 App",
        "test",
    ]


def test_a_container_of_a_script_over_one_of_a_module():
    """A container class of a script that derives from a module's rebinds what it inherits, where it arrives too."""
    source = """
    class App(Base):
        database = Imported(name="script")
        more = Orders(database=Base.database)
    """
    then = """
    with thing().run("orders", "more") as resources:
        print(resources.orders.database.name, resources.more.database is resources.orders.database)
    from tests.pickled import Base
    print(issubclass(thing, Base), "more" in Base.providers)
    """
    assert sent(source, "App", then).splitlines() == ["script True", "True False"]


def test_an_overridden_provider_of_a_script():
    """What a provider of a script's container class is overridden with arrives along with it."""
    source = """
    class App(ResourceContainer):
        database = Database(name="real")

    App.database.override(Database(name="fake"))
    """
    then = """
    with thing().run() as resources:
        print(resources.database.name)
    thing.database.reset_override()
    with thing().run() as resources:
        print(resources.database.name)
    """
    assert sent(source, "App", then).splitlines() == ["fake", "real"]


@pytest.mark.parametrize(
    "what", ["App()", "App(database=Database(name='x'))", "App().with_config({'database': {'name': 'x'}})"]
)
def test_a_container_of_a_script(what):
    """A container made in a script arrives as its recipe makes it, with what is nested; a started one as new."""
    source = """
    class Inner(ResourceContainer):
        database = Database(name="inner")

    class App(ResourceContainer):
        database = Database(name="plain", )
        inner = providers.Container(Inner)
        environment = Database(name=EnvVar("PICKLED_NAME", default="none"))

    app = APP
    app.start()
    """.replace("APP", what)
    then = """
    with thing.run() as resources:
        print(resources.database.name, resources.inner.database.name, resources.environment.name)
    """
    assert sent(source, "app", then) == f"{'x' if 'x' in what else 'plain'} inner none"


def test_an_injected_function_of_a_script():
    """Functions of every kind that `inject` made in a script are filled where they arrive, also once called."""
    source = """
    class Shared(Database, scope="app"): ...

    class App(ResourceContainer):
        database = Shared(name="sent")
        word = value("word")

    @inject
    def plain(number: int, database: Database, word: str = injected()) -> tuple:
        return number, database.name, word

    @inject
    async def waits(database: Database) -> str:
        return database.name

    @inject
    def yields(renamed: Annotated[Database, ref("database")]):
        yield renamed.name

    @inject
    async def ayields(database: Database):
        yield database.name

    app = App()
    with app:
        plain(1), plain(1)
    with app.run():
        plain(1)
    app.start()
    plain(1)
    """
    then = """
    import inspect
    cls, plain, waits, yields, ayields = thing
    async def main():
        async with cls().run():
            print(await waits(), [each async for each in ayields()])
    with cls().run():
        print(plain(2), plain(3, word="other"), list(yields()), inspect.signature(plain))
    with cls():
        print(cls().call(plain, 4))
    anyio.run(main)
    """
    assert sent(source, "(App, plain, waits, yields, ayields)", then).splitlines() == [
        "(2, 'sent', 'word') (3, 'sent', 'other') ['sent'] (number: int) -> tuple",
        "(4, 'sent', 'word')",
        "sent ['sent']",
    ]


@pytest.mark.parametrize("sender", ["pickle", "cloudpickle"])
@pytest.mark.parametrize("head", ["", "from __future__ import annotations\n"])
def test_steps_of_a_script(sender, head):
    """Assets, ops, jobs and `Definitions` of a script arrive whole, text as annotations and recursion included."""
    source = """
    @op
    def factorial(number: int) -> int:
        return number * factorial(number - 1) if number else 1

    @asset
    def named(context: AssetExecutionContext, database: Database) -> str:
        return database.name + helper()

    def helper():
        return "!"

    @asset
    async def upper(named: str) -> str:
        return named.upper()

    @job
    def three():
        factorial(3)

    class App(ResourceContainer):
        database = Database(name="sent")

    defs = Definitions([named, upper], [three], App)
    """
    then = """
    print(thing.materialize().output_for("upper"), thing.check())
    print(thing.get_job_def("three").execute_in_process().output_for("factorial"))
    """
    assert sent(source, "defs", then, head=head + HEAD, sender=sender).splitlines() == ["SENT! ()", "6"]


def test_an_injected_step_of_a_script():
    """A step around a function that `inject` made arrives with what it asks for."""
    source = """
    @asset
    @inject
    def named(database: Database) -> str:
        return database.name

    db = Database(name="x")
    """
    then = """
    from resourcekit import materialize
    step, database = thing
    print(materialize([step], resources={"database": database}).output_for(step))
    """
    assert sent(source, "(named, db)", then) == "x"


# What cannot be sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("send", [pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy])
def test_a_run_and_what_is_live(send):
    """A run, before, while and after it is open, its view and a live resource say what to send in their place."""
    run = Base().run("database")
    words = "send the container, and open a run where it arrives"
    with pytest.raises(RunStateError, match=f"a run cannot be pickled or copied; {words}"):
        send(run)
    with run as resources:
        for what in (run, resources, {"it": run}):
            if not isinstance(what, dict) or send is not copy.copy:
                with pytest.raises(RunStateError, match=words):
                    send(what)
        with pytest.raises(TypeError, match="a live Database cannot be copied or pickled"):
            send(resources.database)
    with pytest.raises(RunStateError, match=words):
        send(run)
    with pytest.raises(RunStateError, match=words):
        send(Base().run(report=True))


@pytest.mark.parametrize("send", [pickle.dumps, cloudpickle.dumps, copy.deepcopy])
def test_an_open_resource_alone(send):
    """What `open_resource` gives is a run like any other."""
    with pytest.raises(RunStateError, match="a run cannot be pickled or copied"):
        send(open_resource(Database()))


def test_a_function_that_is_injected_and_holds_what_is_live():
    """A function of a module is sent by its name, whatever it has been filled with; nothing live goes along."""
    app = Base()
    with app:
        for _ in range(3):
            assert app.call(pickled.who) == "base"
        with app.run():
            assert pickled.who() == "base"
            assert pickle.loads(pickle.dumps(pickled.who)) is pickled.who
            assert pickle.loads(cloudpickle.dumps(pickled.who)) is pickled.who
