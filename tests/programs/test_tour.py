"""The tour of the design, as a user would type it: one small order system through every way of running it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from unittest.mock import Mock

import anyio
import pytest

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    Environments,
    EnvVar,
    NotInRunError,
    NotLiveError,
    ResourceContainer,
    inject,
    secret,
    state,
)


class Database(ConfigurableResource, scope="app"):
    """The orders database."""

    host: str
    port: int = 5432
    password: str = secret()

    _connection: sqlite3.Connection = state()

    def setup_for_execution(self, context: object) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute("create table orders (item text, host text)")
        self._connection.execute("insert into orders values ('tea', ?)", [f"{self.host}:{self.port}"])

    def teardown_after_execution(self, context: object) -> None:
        self._connection.close()

    def query(self, sql: str) -> list[tuple[str, ...]]:
        return self._connection.execute(sql).fetchall()


class Orders(ConfigurableResource):
    database: Database
    page_size: int = 100

    def open_orders(self) -> list[tuple[str, ...]]:
        return self.database.query("select item, host from orders")[: self.page_size]


class Base(ResourceContainer):
    database = Database(host="localhost", password=EnvVar("DB_PASSWORD"))
    orders = Orders(database=database)


class Prod(Base):
    database = Database(host=EnvVar("DB_HOST"), port=EnvVar("DB_PORT", default=5432), password=EnvVar("DB_PASSWORD"))


class FakeDatabase(Database):
    def setup_for_execution(self) -> None:
        """Open nothing."""

    def teardown_after_execution(self) -> None:
        """Close nothing."""

    def query(self, sql: str) -> list[tuple[str, ...]]:
        return [("coffee", "fake")]


@inject
def nightly_report(day: date, orders: Orders) -> str:
    return f"{day}: {len(orders.open_orders())} open"


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    monkeypatch.setenv("DB_HOST", "db-1")
    monkeypatch.delenv("APP_ENV", raising=False)


@pytest.fixture
def app() -> Iterator[Prod]:
    with Prod() as started:
        yield started


def test_the_environment_chooses_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable picks dev or prod, and the inherited orders use the database of either."""
    environments = Environments(dev=Base, prod=Prod, variable="APP_ENV", default="dev")
    with environments.current().run() as resources:
        assert resources.orders.open_orders() == [("tea", "localhost:5432")]
    monkeypatch.setenv("APP_ENV", "prod")
    with environments.current().run() as resources:
        assert resources.orders.open_orders() == [("tea", "db-1:5432")]


def test_a_module_level_container_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance may be made where variables are missing; entering it tells every one of them at once."""
    monkeypatch.delenv("DB_HOST")
    monkeypatch.delenv("DB_PASSWORD")
    app = Prod()
    with pytest.raises(ConfigError) as caught, app:
        pass
    assert [problem.where for problem in caught.value.problems] == ["database.host", "database.password"]


def test_a_request_opens_only_what_it_needs(app: Prod) -> None:
    """`run("orders")` gives orders, with the app's database inside, and names the call for anything else."""
    with app.run("orders") as resources:
        assert resources.orders.database is app.get(Database)
        with pytest.raises(NotInRunError, match=r"run\('orders', 'database'\)"):
            _ = resources.database
        assert nightly_report(date(2026, 11, 24)) == "2026-11-24: 1 open"


def test_one_call_in_a_run_of_its_own(app: Prod) -> None:
    """`call` fills what the function asks for, and the caller gives the rest."""

    def count(least: int, orders: Orders) -> bool:
        return len(orders.open_orders()) >= least

    assert app.call(count, 1) is True


def test_an_override_is_seen_in_this_context_only(app: Prod) -> None:
    """Code that holds `app` sees the fake inside the `with`, and the real one after it."""
    with app.override(database=FakeDatabase(host="-", password="-")) as fake:
        with app.run() as resources, fake.run() as same:
            assert resources.orders.open_orders() == [("coffee", "fake")] == same.orders.open_orders()
    with app.run() as resources:
        assert resources.orders.open_orders() == [("tea", "db-1:5432")]


def test_no_container_at_all() -> None:
    """A resource is a plain object: a mock is enough for what it needs."""
    database = Mock()
    database.query.return_value = [("milk", "mock")]
    assert Orders(database=database).open_orders() == [("milk", "mock")]


def test_the_same_objects_in_async_code() -> None:
    """`async with` takes the container and the run as they are."""

    async def main() -> list[tuple[str, ...]]:
        async with Prod() as app, app.run() as resources:
            return resources.orders.open_orders()

    assert anyio.run(main) == [("tea", "db-1:5432")]


def test_the_declaration_says_how_to_get_the_live_one() -> None:
    """An attribute of a declaration in a container names the way to the live resource."""
    with pytest.raises(NotLiveError, match=r"with app\.run\(\) as resources: resources\.database"):
        Prod().database.query("select 1")


def test_the_password_is_never_shown(app: Prod) -> None:
    """Neither declaration nor live resource shows the secret."""
    assert "hunter2" not in repr(app.get(Database)) + repr(Prod.database) + str(app.plan())
    assert app.get(Database).password == "hunter2"
