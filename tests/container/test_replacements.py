"""What takes another's place, checked before anything opens; and what travels in a pickle. Found by an audit."""

import copy
import pickle
from typing import Literal
from unittest.mock import Mock

import attrs
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    DefinitionError,
    Environments,
    EnvVar,
    PlanError,
    ResourceContainer,
    RunStateError,
    UnknownKeyError,
    field,
    ref,
    value,
)

OPENED: list[str] = []


class Database(ConfigurableResource):
    host: str
    port: int = 1

    def setup_for_execution(self):
        OPENED.append(self.host)


class Orders(ConfigurableResource):
    database: Database


class Storage(ResourceContainer):
    db = Database(host="s")


class Shop(ResourceContainer):
    storage = providers.Container(Storage)
    orders = Orders(database=storage.db)


class Flat(ResourceContainer):
    first = Database(host="first")
    db = Database(host="db")
    orders = Orders(database=db)


class Configured(ResourceContainer):
    settings = providers.Configuration()
    db = Database(host=settings.host)


class Strict(ResourceContainer):
    settings = providers.Configuration(strict=True)


@pytest.fixture(autouse=True)
def _nothing_open():
    OPENED.clear()


@pytest.mark.parametrize("wrong", ["nope", 5, None])
def test_a_plain_value_of_the_wrong_type_opens_nothing(wrong):
    """What replaces a resource is checked before the first hook, however it got there; a mock still fits."""
    with Flat().override(db=wrong) as app:
        assert [problem.code for problem in app.check()] == ["type-mismatch"]
        with pytest.raises(PlanError, match="field 'database' is given what 'db' holds: expected Database"), app.run():
            pass
    assert [problem.where for problem in Flat(db=wrong).check()] == ["orders"]
    assert OPENED == []
    with Flat().override(db=Mock()) as app, app.run("orders"):
        pass


def test_a_value_for_a_field_with_a_converter_waits_for_it():
    """A converter takes whatever a key holds: only what it makes has to fit."""

    class Sized(ConfigurableResource):
        size: int = field(converter=int)

    class App(ResourceContainer):
        text = value("5")
        sized = Sized(size=ref("text"))

    with App().run() as resources:
        assert resources.sized.size == 5


@pytest.mark.parametrize("how", ["keyword", "assignment", "override", "instance"])
def test_a_nested_container_that_is_replaced_is_used_everywhere(how):
    """Its inner keys are those that inherited fields refer to, overlays reach them, and they can be overridden."""
    nested = providers.Container(Storage)
    if how == "keyword":
        app = Shop(storage=nested)
    elif how == "instance":
        app = Shop(storage=Storage())
    elif how == "assignment":
        app = Shop()
        app.storage = nested
    else:
        with Shop().override(storage=nested) as app:
            pass
    with app.run(config={"storage.db": {"port": 9}}) as resources:
        assert resources.orders.database is resources.storage.db
        assert resources.orders.database.port == 9
    with app.override(**{"storage.db": Database(host="fake")}) as fake, fake.run() as resources:
        assert resources.orders.database.host == "fake"
    assert OPENED == ["s", "fake"]


def test_only_a_container_takes_a_nested_ones_place():
    """A mock in the place of a nested container would leave its resources running: it is refused."""
    for replace in (lambda: Shop().override(storage=Mock()), lambda: Shop(storage=3)):
        with pytest.raises(DefinitionError, match=r"only providers\.Container"):
            replace()
    app = Shop()
    with pytest.raises(DefinitionError, match=r"only providers\.Container"):
        app.storage = Mock()


@pytest.mark.parametrize("deferred", [ref("db"), EnvVar("X")])
def test_a_deferred_value_is_no_key(deferred):
    """What has no value yet belongs into a field."""
    with pytest.raises(DefinitionError, match="give it to a field"):
        Flat().override(db=deferred)


def test_an_overlay_switches_the_member_of_a_tagged_union():
    """A table with another tag is another member, and keeps nothing of the declared one; with the same it is merged."""

    @attrs.frozen
    class Disk:
        kind: Literal["disk"]
        path: str
        size: int = 1

    @attrs.frozen
    class Bucket:
        kind: Literal["bucket"]
        name: str

    class Files(ConfigurableResource):
        place: Disk | Bucket

    app = ResourceContainer.of({"files": Files(place=Disk("disk", "/data", size=3))})
    with app.run(config={"files": {"place": {"kind": "bucket", "name": "b"}}}) as resources:
        assert resources.files.place == Bucket("bucket", "b")
    with app.run(config={"files": {"place": {"kind": "disk", "path": "/tmp"}}}) as resources:
        assert resources.files.place == Disk("disk", "/tmp", size=3)


def test_a_pickle_has_the_values_of_a_configuration():
    """A worker gets the settings that were there; so does a copy."""
    app = Configured()
    app.settings.from_dict({"host": "from settings"})
    for other in (pickle.loads(pickle.dumps(app)), copy.copy(app)):
        with other.run() as resources:
            assert resources.db.host == "from settings"


def test_a_strict_configuration_without_values_travels():
    """An empty configuration is pickled as one, also where an empty table would be refused."""
    app = Strict()
    assert pickle.loads(pickle.dumps(app)).settings() == {}
    app.settings.from_dict({"host": "h"})
    assert pickle.loads(pickle.dumps(app)).settings.host() == "h"


def test_what_a_pickle_would_lose_is_refused():
    """A provider that was overridden in place is not in the recipe: pickling says so; after a reset it works."""
    app = Flat(first=Database(host="other"))
    app.providers["db"].override(Database(host="in place"))
    with pytest.raises(RunStateError, match="db was overridden"):
        pickle.dumps(app)
    app.providers["db"].reset_override()
    with pickle.loads(pickle.dumps(app)).run() as resources:
        assert resources.first.host == "other"


def test_an_environment_that_is_no_text():
    """The error for it can be printed."""
    with pytest.raises(UnknownKeyError, match="no key '3'"):
        Environments(dev=Flat)[3]
