"""Real objects of Dagster's in our classes and containers; tests/container/test_dagster_objects.py has look-alikes."""

from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

import resourcekit as rk

dagster = pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore")


class Database(rk.ConfigurableResource):
    host: str = "localhost"
    port: int = 5432
    hosts: list[str] = rk.field(factory=list)


@pytest.fixture
def dagster_database() -> Any:
    """A Dagster resource that notes its hooks."""

    class DagsterDatabase(dagster.ConfigurableResource):
        host: str
        _events: list[str] = pydantic.PrivateAttr(default_factory=list)

        def setup_for_execution(self, context: object) -> None:
            self._events.append(f"up {self.host}")

        def teardown_after_execution(self, context: object) -> None:
            self._events.append(f"down {self.host}")

    return DagsterDatabase


def test_an_env_var() -> None:
    """Dagster's `EnvVar` and `EnvVar.int` in a field or an overlay are errors that say to import ours."""
    for given in ({"host": dagster.EnvVar("X")}, {"port": dagster.EnvVar.int("X")}, {"hosts": [dagster.EnvVar("X")]}):
        with pytest.raises(rk.InvalidFieldError, match=r"EnvVar of Dagster's(.|\n)*from resourcekit"):
            Database(**given)
        with pytest.raises(rk.DefinitionError, match="EnvVar of Dagster's"):
            rk.ResourceContainer.of({"database": Database()}).with_config({"database": given})


def test_a_resource(dagster_database: Any) -> None:
    """A Dagster resource as a key is an error, whether its class or a function defines it."""

    @dagster.resource
    def defined(_context: object) -> int:
        return 3

    for given in (dagster_database(host="a"), defined):
        with pytest.raises(rk.DefinitionError, match=r"is a resource of Dagster's.*build_resources"):
            rk.ResourceContainer.of({"database": given})


def test_the_way_out(dagster_database: Any) -> None:
    """The error's advice works: a factory that opens it by `dagster.build_resources` has its hooks run."""

    class Opened(rk.ConfigurableResourceFactory[Any]):
        host: str

        def create_resource(self) -> Iterator[Any]:
            with dagster.build_resources({"database": dagster_database(host=self.host)}) as resources:
                yield resources.database

    with rk.ResourceContainer.of({"database": Opened(host="a")}).run() as resources:
        live = resources.database
        assert live._events[-1] == "up a"
    assert live._events[-1] == "down a"
