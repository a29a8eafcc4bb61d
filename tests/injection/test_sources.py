"""`inject`: from which run, app or override an argument comes."""

import threading
from typing import Any
from unittest.mock import Mock

import pytest

from resourcekit import (
    ConfigurableResource,
    InjectionError,
    NoActiveRunError,
    ResourceContainer,
    inject,
)
from tests.shop import Client, Database, Orders, Shop


def test_without_a_run_there_is_nothing_to_give() -> None:
    """Where no run is open and no app is started, the error says how to open one."""

    @inject
    def read(orders: Orders) -> None: ...

    with pytest.raises(NoActiveRunError, match=r"read\(orders\).*with container\.run\(\)"):
        read()


def test_the_started_app_is_enough_for_app_scoped_resources(shop: Shop) -> None:
    """Without a run, app-scoped resources come from the started app, in every thread; others need a run."""

    @inject
    def host(database: Database) -> Database:
        return database

    @inject
    def size(orders: Orders) -> None: ...

    found: list[Database] = []
    with shop:
        thread = threading.Thread(target=lambda: found.append(host()))
        thread.start()
        thread.join()
        assert found == [shop.get(Database)] == [host()]
        with pytest.raises(InjectionError, match=r"'orders' is not live .* has: database, url; open .*run\('orders'\)"):
            size()


def test_a_run_belongs_to_its_thread(shop: Shop) -> None:
    """Another thread does not see a run; each thread's own run fills its own calls."""

    @inject
    def read(orders: Orders) -> Orders:
        return orders

    outcomes: list[object] = []

    def work() -> None:
        try:
            read()
        except NoActiveRunError:
            outcomes.append("none")
        with shop.run() as mine:
            outcomes.append(read() is mine.orders)

    with shop.run() as resources:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read() is resources.orders
    assert sorted(map(str, outcomes)) == ["True"] * 4 + ["none"] * 4


def test_the_innermost_run_counts(shop: Shop) -> None:
    """In nested runs of one container, the inner one fills; after it the outer one again."""

    @inject
    def read(orders: Orders) -> Orders:
        return orders

    with shop.run() as outer:
        with shop.run() as inner:
            assert read() is inner.orders is not outer.orders
        assert read() is outer.orders


def test_nested_runs_of_two_containers() -> None:
    """What the inner run's container does not have comes from the run around it."""

    class Inner(ResourceContainer):
        database = Database(host="inner")

    @inject
    def read(database: Database, client: Client) -> tuple[str, str]:
        return database.host, client.url

    with Shop().run(), Inner().run():
        assert read() == ("inner", "https://api.example.com")


def test_the_innermost_container_with_the_key_decides() -> None:
    """Another type under the name in the inner run is an error: the outer run does not hide it."""

    class Inner(ResourceContainer):
        client = Database()

    @inject
    def read(client: Client) -> None: ...

    with Shop().run(), Inner().run(), pytest.raises(InjectionError, match="wants Client"):
        read()


def test_a_run_with_other_keys_names_the_call_to_make(shop: Shop) -> None:
    """A key that the run was not opened with is an error that says how to open it."""

    @inject
    def read(client: Client) -> None: ...

    with shop.run("orders"), pytest.raises(InjectionError) as caught:
        read()
    assert "key 'client' is not live in this run of Shop, which has: orders; open the run with run('client')" in str(
        caught.value
    )


def test_a_started_app_without_a_run_says_that_it_opens_none() -> None:
    """Where the app is started and no run is open, a run-scoped key is told as such, in the words of a start."""

    class Pool(ConfigurableResource, scope="app"): ...

    class Mixed(Shop):
        pool = Pool()

    @inject
    def read(client: Client, pool: Pool) -> None: ...

    with Mixed() as app:
        with pytest.raises(
            InjectionError, match="'client' is not live in the started Mixed, which has: database, url, pool"
        ) as caught:
            read()
        assert "open a run, `with container.run('client'):`" in caught.value.hint
        with app.run():
            read()


def test_a_key_the_inner_run_lacks_comes_from_the_outer_run(shop: Shop) -> None:
    """Nested runs of one container complete each other."""

    @inject
    def read(client: Client) -> Client:
        return client

    with shop.run() as outer, shop.run("orders"):
        assert read() is outer.client


def test_the_callers_arguments_win(shop: Shop) -> None:
    """A resource given by keyword is used, and needs no run."""

    @inject
    def read(day: str, orders: Orders, client: Client | None = None) -> tuple[Any, ...]:
        return day, orders, client

    mine = Mock()
    assert read("monday", orders=mine) == ("monday", mine, None)
    with shop.run() as resources:
        assert read(day="monday", orders=mine, client=None) == ("monday", mine, None)
        assert read(day="monday", orders=mine) == ("monday", mine, resources.client)


def test_an_override_is_seen(shop: Shop) -> None:
    """In the run of an overridden container, the fake is given, by name and by the type of what it replaces."""

    class Fake:
        page_size = 1

    @inject
    def named(orders: Orders) -> object:
        return orders

    @inject
    def typed(store: Orders) -> object:
        return store

    for fake in (Mock(), Fake(), Mock(spec=Orders)):
        with shop.override(orders=fake), shop.run():
            assert named() is fake
            assert typed() is fake
        with shop.run() as resources:
            assert typed() is resources.orders


def test_an_override_of_an_override_is_seen(shop: Shop) -> None:
    """The inner fake stands for the same type as the outer one."""

    class Fake: ...

    @inject
    def typed(store: Orders) -> object:
        return store

    inner = Fake()
    with shop.override(orders=Mock()), shop.override(orders=inner), shop.with_config({}).run():
        assert isinstance(typed(), Fake)


def test_a_fake_of_the_wrong_kind_is_an_error(shop: Shop) -> None:
    """What replaces a resource must be able to stand in for it: text cannot."""

    @inject
    def read(client: Client) -> None: ...

    with shop.override(client="text"), shop.run():
        with pytest.raises(InjectionError, match="wants Client, the key of that name holds str"):
            read()


def test_outside_a_run_an_override_hides_what_it_replaced(shop: Shop) -> None:
    """Inside an override, the started app gives no real object for a replaced key, nor for one above it."""

    class Cache(ConfigurableResource, scope="app"):
        database: Database

    class Spare(ConfigurableResource, scope="app"): ...

    class App(ResourceContainer):
        database = Database()
        cache = Cache(database=database)
        spare = Spare()

    @inject
    def read(database: Database) -> str:
        return database.host

    @inject
    def above(cache: Cache) -> str:
        return cache.database.host

    @inject
    def beside(spare: Spare) -> Spare:
        return spare

    app = App()
    with app:
        kept = app.get(Spare)
        with app.override(database=Database(host="fake")):
            assert beside() is kept
            for function in (read, above):
                with pytest.raises(InjectionError, match="is not live"):
                    function()
                assert app.call(function) == "fake"
            with app.run():
                assert read() == above() == "fake"
        assert read() == above() == "localhost"


def test_a_derived_container_never_gives_what_it_replaced() -> None:
    """The derived container by value, in another thread: its own runs have the fake, the started app does not."""

    class App(ResourceContainer):
        database = Database()

    def host(database: Database) -> str:
        return database.host

    app = App()
    found: list[object] = []
    with app, app.override(database=Database(host="fake")) as fake:

        def work() -> None:
            found.extend([app.get(Database).host, app.call(host), fake.call(host)])
            with pytest.raises(NoActiveRunError):
                fake.get(Database)
            with fake.run():
                found.append(fake.get(Database).host)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == ["localhost", "localhost", "fake", "fake"]
