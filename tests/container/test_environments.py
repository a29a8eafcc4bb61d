"""`Environments`: one container per environment, chosen by a variable."""

import copy
import pickle
import threading

import pytest

from resourcekit import (
    ConfigurableResource,
    DefinitionError,
    Environments,
    EnvVar,
    ResourceContainer,
    UnknownKeyError,
)


class Database(ConfigurableResource):
    host: str


class Base(ResourceContainer):
    database = Database(host="localhost")


class Prod(Base):
    database = Database(host=EnvVar("RESOURCEKIT_TEST_HOST"))


NAME = "RESOURCEKIT_TEST_ENV"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """No variable of these tests is set."""
    monkeypatch.delenv(NAME, raising=False)


@pytest.fixture
def environments():
    """Two environments, chosen by a variable."""
    return Environments(dev=Base, prod=Prod, variable=NAME, default="dev")


def test_current_is_chosen_by_the_variable(environments, monkeypatch):
    """The variable chooses each time; not set or empty, the default is meant."""
    assert isinstance(environments.current(), Base)
    assert not isinstance(environments.current(), Prod)
    monkeypatch.setenv(NAME, "")
    assert environments.current() is environments["dev"]
    monkeypatch.setenv(NAME, "prod")
    assert environments.current() is environments["prod"]
    assert isinstance(environments.current(), Prod)


def test_the_same_instance_each_time(environments):
    """Each environment's container is made once, whichever thread asks first."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(environments["prod"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert environments.current() is environments.current() is environments["dev"]


def test_other_environments_are_not_made(environments, monkeypatch):
    """The chosen one is run; the variables of another need not be set."""
    with environments.current().run() as resources:
        assert resources.database.host == "localhost"


def test_it_is_a_collection_of_names(environments):
    """Its names can be counted, listed and searched, and are shown."""
    assert (list(environments), len(environments), "prod" in environments) == (["dev", "prod"], 2, True)
    assert repr(environments) == "Environments(dev=Base, prod=Prod)"
    assert environments.containers == {"dev": Base, "prod": Prod}
    assert (environments.variable, environments.default) == (NAME, "dev")


def test_an_unknown_environment(environments, monkeypatch):
    """A name that is not there is told with the nearest, and with the variable that chose it."""
    with pytest.raises(UnknownKeyError, match="'pord'; did you mean prod"):
        environments["pord"]
    monkeypatch.setenv(NAME, "prodd")
    with pytest.raises(UnknownKeyError, match=f"variable {NAME}.*did you mean prod"):
        environments.current()


def test_no_default():
    """Without a default a variable that is not set is an error that tells what there is."""
    environments = Environments(dev=Base, prod=Prod, variable=NAME)
    with pytest.raises(DefinitionError, match=f"variable {NAME} is not set: .* one of dev, prod"):
        environments.current()


def test_a_single_environment_needs_no_choice():
    """One container is the default by itself; a default is enough where nothing else chooses."""
    assert isinstance(Environments(only=Base).current(), Base)
    assert isinstance(Environments(dev=Base, prod=Prod, default="dev").current(), Base)


@pytest.mark.parametrize(
    "moved", [lambda each: pickle.loads(pickle.dumps(each)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deep"]
)
def test_sent_to_another_process(environments, moved):
    """Environments pickle, with the containers as they were changed and nothing that is live; a copy is independent."""
    environments["dev"].database = Database(host="changed")
    with environments["dev"].run():
        sent = moved(environments)
    with sent.current().run() as resources:
        assert resources.database.host == "changed"
    assert sent["prod"] is not environments["prod"]
    assert repr(sent) == repr(environments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "has no container"),
        ({"dev": Base()}, "dev=ContainerInstance.: give a container class"),
        ({"dev": Database}, "give a container class"),
        ({"dev": None}, "give a container class"),
        ({"dev": Base, "default": "dve"}, "has no 'dve' for its default; did you mean dev"),
        ({"dev": Base, "prod": Prod}, "cannot choose: give variable=..., default=..., or both"),
        ({"dev": Base, "variable": 3}, "variable"),
        ({"dev": Base, "variable": ""}, "variable"),
    ],
)
def test_wrong_arguments(arguments, text):
    """What cannot work is told when it is declared."""
    with pytest.raises(DefinitionError, match=text):
        Environments(**arguments)


@pytest.mark.parametrize("argument", ["default", "variable"])
def test_a_container_in_the_place_of_a_name(argument):
    """A container given for the default or the variable is told so, with the right spelling."""

    class Dev(ResourceContainer): ...

    for containers in ({}, {"dev": Dev}):
        with pytest.raises(DefinitionError, match=rf"Environments\({argument}=Dev\): give a text, {argument}="):
            Environments(**containers, **{argument: Dev})
    with pytest.raises(DefinitionError, match=rf"Environments\({argument}=int\): give a text"):
        Environments(dev=Dev, **{argument: 5})
