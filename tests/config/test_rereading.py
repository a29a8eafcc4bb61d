"""What a run reads is what is there now, however often the same container was run before."""

import json
from enum import Enum

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resourcekit import ConfigError, ConfigurableResource, Deferred, EnvVar, ResourceContainer, SourceError


class Level(Enum):
    LOW = "low"
    HIGH = "high"


@attrs.frozen
class Limits:
    least: int
    most: int = 10


@attrs.define
class Pool:
    name: str
    size: int


class Dial(Deferred):
    """A source of the user's own that gives what it is turned to."""

    def __init__(self, value):
        self.value = value
        self.asked = 0

    def read(self, context):
        self.asked += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Database(ConfigurableResource):
    url: str = "sqlite://"


class Service(ConfigurableResource):
    database: Database
    token: str
    retries: int = 3
    pool: Pool | None = None
    tags: list[str] | None = None


def test_a_source_of_ones_own_is_asked_in_every_run(monkeypatch):
    """It is asked once a run, also beside variables that stay, and nested resources; an error spoils no later run."""
    monkeypatch.setenv("S_TOKEN", "secret")
    database, dial = Database(), Dial("1")
    service = Service(database=database, token=EnvVar("S_TOKEN"), retries=dial, tags=["a"])
    app = ResourceContainer.of({"database": database, "service": service})
    for number, (value, expected) in enumerate([("1", 1), ("2", 2), (3, 3), ("2", 2)], start=1):
        dial.value = value
        with app.run() as resources:
            assert resources.service.retries == expected
            assert resources.service.token == "secret"
            assert resources.service.database is resources.database
            assert resources.service.tags == ["a"]
            resources.service.tags.append("mine")
        assert dial.asked == number
    for fault, message in [("many", "not a whole number"), ([1], "expected int"), (SourceError("sealed"), "sealed")]:
        dial.value = fault
        with pytest.raises(ConfigError, match=message), app.run():
            pass
    dial.value = "4"
    monkeypatch.setenv("S_TOKEN", "other")
    with app.run() as resources:
        assert (resources.service.retries, resources.service.token) == (4, "other")


def test_a_value_that_is_no_text_is_checked_in_every_run():
    """What a source gives must fit, in the hundredth run as in the first."""
    dial = Dial(["a"])
    app = ResourceContainer.of({"service": Service(database=Database(), token="t", tags=dial)})
    for value in (["a"], ["b", "c"], None):
        dial.value = value
        with app.run() as resources:
            assert resources.service.tags == value
    dial.value = [1]
    with pytest.raises(ConfigError, match=r"expected list\[str\] \| None, got list with int at \[0\]"), app.run():
        pass


def test_a_class_of_parts_is_made_anew_in_every_run(monkeypatch):
    """The parts of a nested class are read each time; who changes the object changes no other run's."""
    monkeypatch.setenv("S_SIZE", "5")
    parts = {"name": Dial("main"), "size": EnvVar("S_SIZE")}
    app = ResourceContainer.of({"service": Service(database=Database(), token="t", pool=parts)})
    for _ in range(3):
        with app.run() as resources:
            assert resources.service.pool == Pool("main", 5)
            resources.service.pool.size = 6
    monkeypatch.setenv("S_SIZE", "many")
    with pytest.raises(ConfigError, match=r"service\.pool\.size"), app.run():
        pass


def test_where_a_value_comes_from_is_told_of_this_run(monkeypatch):
    """A variable that comes and goes is told as the variable, and as its default, as it is in this run."""
    app = ResourceContainer.of({"service": Service(database=Database(), token=EnvVar("S_TOKEN", default="none"))})
    for text in (None, "one", "one", None, "one", "two", None, None):
        monkeypatch.delenv("S_TOKEN", raising=False)
        if text is not None:
            monkeypatch.setenv("S_TOKEN", text)
        with app.run() as resources:
            assert resources.service.token == (text or "none")
            source = "variable S_TOKEN" if text else "the default of variable S_TOKEN"
            assert f"token=<{source}>" in repr(resources.service)


def test_a_source_is_asked_once_where_another_value_comes_from_elsewhere(monkeypatch):
    """A variable that comes and goes is no reason to ask the user's own source again."""
    dial = Dial("t")
    service = Service(database=Database(), token=dial, retries=EnvVar("S_RETRIES", default=3))
    app = ResourceContainer.of({"service": service})
    for number, text in enumerate((None, "1", None, "2"), start=1):
        monkeypatch.delenv("S_RETRIES", raising=False)
        if text is not None:
            monkeypatch.setenv("S_RETRIES", text)
        with app.run() as resources:
            assert resources.service.retries == int(text or 3)
        assert dial.asked == number


class Everything(ConfigurableResource):
    text: str = EnvVar("X_TEXT", default="nothing")
    number: int = EnvVar("X_NUMBER")
    level: Level = EnvVar("X_LEVEL", default=Level.LOW)
    limits: Limits | None = EnvVar("X_LIMITS", default=None)
    pool: Pool | None = EnvVar("X_POOL", default=None)
    numbers: list[int] = EnvVar("X_NUMBERS", default=[0])
    joined: str = EnvVar.template("{X_TEXT}/{X_NUMBER}")


_TEXTS = {
    "X_TEXT": st.sampled_from([None, "", "some"]),
    "X_NUMBER": st.sampled_from([None, "1", "2", "many"]),
    "X_LEVEL": st.sampled_from([None, "low", "HIGH", "no level"]),
    "X_LIMITS": st.sampled_from([None, '{"least": 1}', '{"least": 2, "most": 3}', "{}"]),
    "X_POOL": st.sampled_from([None, json.dumps({"name": "a", "size": 1}), "none"]),
    "X_NUMBERS": st.sampled_from([None, "", "1,2", "1,x"]),
}


EVERYTHING = Everything()


def _seen(app, **options):
    """What a run gives and tells, or what is wrong."""
    try:
        with app.run(**options) as resources:
            everything = resources.everything
            seen = attrs.asdict(everything), repr(everything)
            everything.numbers.append(4)
            return seen
    except ConfigError as error:
        return str(error)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(_TEXTS), min_size=2, max_size=6))
def test_the_tenth_run_reads_as_the_first(environments):
    """Whatever the variables said before, a run gives what a container that was never run gives, errors and all."""
    app = ResourceContainer.of({"everything": EVERYTHING})
    for environment in environments:
        with pytest.MonkeyPatch.context() as patch:
            for name, text in environment.items():
                patch.delenv(name, raising=False) if text is None else patch.setenv(name, text)
            expected = _seen(ResourceContainer.of({"everything": EVERYTHING}), report=True)
            assert _seen(app) == _seen(app) == expected
