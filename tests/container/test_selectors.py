"""A `providers.Selector` in a container: every branch is checked, the chosen one is opened."""

import gc
from collections.abc import Iterator

import pytest
from dependency_injector import providers

from resourcekit import ConfigurableResource, Environments, EnvVar, NotInRunError, PlanError, ResourceContainer, inject

OPENED: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_opened() -> Iterator[None]:
    OPENED.clear()
    yield
    gc.collect()


class Store(ConfigurableResource):
    """A store of either kind."""

    name: str

    def setup_for_execution(self):
        OPENED.append(self.name)


class Pool(Store, scope="app"):
    """One for the whole app."""


class Orders(ConfigurableResource):
    """What uses a store."""

    store: Store


class Shop(ResourceContainer):
    """Two stores, of which one is used."""

    config = providers.Configuration()
    shared = Pool(name="shared")
    real = Store(name="real")
    fake = Store(name="fake")
    store = providers.Selector(config.kind, real=real, fake=fake)
    orders = Orders(store=store)


def shop(kind):
    """A shop that has chosen."""
    app = Shop()
    app.config.from_dict({"kind": kind})
    return app


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_only_the_chosen_branch_is_opened(kind):
    """A run of what stands on a Selector opens the branch that is chosen, and no other; `plan` shows that."""
    app = shop(kind)
    with app.run("orders") as resources:
        assert resources.orders.store.name == kind
    assert [kind] == OPENED
    assert [step.name for step in app.plan("orders").steps] == [kind, "orders"]


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_a_run_of_everything_leaves_the_other_branch_out(kind):
    """`run()` opens all but what only the other branch needs; asking for that says what to write."""
    app = shop(kind)
    other = "fake" if kind == "real" else "real"
    with app.run() as resources:
        assert resources.orders.store is getattr(resources, kind)
        assert resources.store() is getattr(resources, kind)
        with pytest.raises(NotInRunError, match=other):
            getattr(resources, other)
        assert other not in dir(resources)
    assert ["shared", kind] == OPENED
    with app.run(other) as resources:
        assert getattr(resources, other).name == other


def test_the_choice_is_made_for_each_run():
    """A Selector whose configuration changes is asked again by the next run; an open run keeps what it has."""
    app = shop("real")
    run = app.run("orders", report=True)
    with run as resources:
        app.config.from_dict({"kind": "fake"})
        with app.run("orders") as inner:
            assert inner.orders.store.name == "fake"
        assert resources.orders.store.name == "real"
    assert "fake" not in str(run.report.timeline)
    for kind in ("real", "fake", "real"):
        app.config.from_dict({"kind": kind})
        for _ in range(3):  # The third is as fast as runs get.
            with app.run("orders") as resources:
                assert resources.orders.store.name == kind
    assert ["real", "fake", *["real"] * 3, *["fake"] * 3, *["real"] * 3] == OPENED


@pytest.mark.anyio
async def test_the_choice_is_made_for_each_async_run():
    """It is the same in async runs."""
    app = shop("real")
    for kind in ("real", "fake", "real"):
        app.config.from_dict({"kind": kind})
        async with app.run("orders") as resources:
            assert resources.orders.store.name == kind
    assert OPENED == ["real", "fake", "real"]


def test_injected_functions_get_the_chosen_branch():
    """`call` and `@inject` see the branch that the run has chosen."""
    app = shop("fake")

    @inject
    def name(orders: Orders) -> str:
        return orders.store.name

    assert app.call(name) == "fake"
    app.config.from_dict({"kind": "real"})
    with app.run():
        assert name() == "real"


def test_a_started_app_starts_the_chosen_branch():
    """`with app:` starts the app-scoped branch that is chosen; a run with another choice opens its own."""

    class App(ResourceContainer):
        config = providers.Configuration()
        real = Pool(name="real")
        fake = Pool(name="fake")
        pool = providers.Selector(config.kind, real=real, fake=fake)
        orders = Orders(store=pool)

    app = App()
    app.config.from_dict({"kind": "real"})
    with app:
        assert OPENED == ["real"]
        with app.run() as resources:
            assert resources.orders.store is app.get("real")
        app.config.from_dict({"kind": "fake"})
        with app.run("orders") as resources:
            assert resources.orders.store.name == "fake"
    assert OPENED == ["real", "fake"]


def test_what_a_branch_stands_on_is_left_out_with_it():
    """A branch that is a Factory over a resource: what only that one needs stays closed, what others need does not."""

    class App(ResourceContainer):
        config = providers.Configuration()
        common = Store(name="common")
        lonely = Store(name="lonely")
        store = providers.Selector(
            config.kind, a=providers.Factory(dict, one=lonely, two=common), b=providers.Factory(dict, two=common)
        )
        inner = providers.Selector(config.inner, store=store, nothing=providers.Object(None))

    app = App()
    app.config.from_dict({"kind": "b", "inner": "store"})
    with app.run() as resources:
        assert resources.inner() == resources.store() == {"two": resources.common}
    assert OPENED == ["common"]
    with app.run("inner"):
        assert OPENED == ["common", "common"]
    app.config.from_dict({"inner": "nothing"})
    with app.run("inner"):
        assert OPENED == ["common", "common"]


def test_check_graph_and_diff_look_at_every_branch(monkeypatch):
    """What is wrong with the other branch is found by `check`, and does not keep a run from working."""
    monkeypatch.delenv("REAL_NAME", raising=False)

    class App(ResourceContainer):
        config = providers.Configuration()
        real = Store(name=EnvVar("REAL_NAME"))
        fake = Store(name="fake")
        store = providers.Selector(config.kind, real=real, fake=fake)

    app = App()
    app.config.from_dict({"kind": "fake"})
    assert [(problem.code, problem.where) for problem in app.check()] == [("missing-variable", "real.name")]
    assert [(problem.code, problem.where) for problem in app.check("store")] == [("missing-variable", "real.name")]
    assert {"real", "fake"} <= {need.name for need in app.graph().by_name["store"].needs}
    assert "REAL_NAME" in app.env().dotenv()
    with app, app.run() as resources:
        assert resources.store().name == "fake"

    class Two(App):
        real = Store(name="other")

    environments = Environments(one=App, two=Two, default="one")
    assert "real" in str(environments.diff("one", "two"))


@pytest.mark.parametrize("kind", [None, "unknown"])
def test_a_choice_of_nothing_opens_nothing(kind):
    """Where the name chosen is no branch's, nobody can get at one, and none is opened; the Selector tells its user."""
    app = shop(kind)
    with app.run("store") as resources, pytest.raises(Exception, match=r"undefined|unknown"):
        resources.store()
    assert OPENED == []


@pytest.mark.parametrize("error", [ValueError("cannot choose"), KeyError("kind")])
def test_a_choice_that_cannot_be_told_opens_every_branch(error):
    """A selector that fails, or needs what only the run has, says nothing before the run."""

    def fails():
        raise error

    class App(ResourceContainer):
        real = Store(name="real")
        fake = Store(name="fake")
        failing = providers.Selector(fails, real=real, fake=fake)
        asking = providers.Selector(providers.Callable(lambda store: store.name, fake), real=real, fake=fake)

    app = App()
    with app.run("failing") as resources, pytest.raises(type(error)):
        resources.failing()
    assert OPENED == ["real", "fake"]
    with app.run("asking") as resources:
        assert resources.asking().name == "fake"
    assert OPENED == ["real", "fake"] * 2


@pytest.mark.anyio
async def test_an_async_choice_opens_every_branch():
    """A selector that is to be awaited is not asked before the run, and no coroutine is left behind."""

    async def later():
        raise AssertionError("nobody awaits it")

    class App(ResourceContainer):
        real = Store(name="real")
        fake = Store(name="fake")
        store = providers.Selector(later, real=real, fake=fake)

    async with App().run("store"):
        pass
    assert OPENED == ["real", "fake"]


def test_a_branch_that_may_not_be_there():
    """What is wrong with the plan of a branch that is not chosen is no problem of the run, but one of `check`."""

    class App(ResourceContainer):
        config = providers.Configuration()
        short = Store(name="short")
        long = Pool(name="long")
        store = providers.Selector(config.kind, short=short, long=long)
        keeper = providers.Singleton(dict, store=store)

    app = App()
    app.config.from_dict({"kind": "long"})
    assert [problem.code for problem in app.check()] == ["captive-scope"]
    with app.run("keeper") as resources:
        assert resources.keeper()["store"].name == "long"
    app.config.from_dict({"kind": "short"})
    with pytest.raises(PlanError, match="lives for one run"), app.run("keeper"):
        pass


def test_a_selector_in_a_nested_container_and_under_an_override():
    """A nested Selector chooses for each run too; an override may replace a branch, or the Selector."""

    class App(ResourceContainer):
        shop = providers.Container(Shop)
        orders = Orders(store=shop.store)

    app = App()
    app.shop.config.from_dict({"kind": "fake"})
    with app.run() as resources:
        assert resources.orders.store is resources.shop.fake
        assert not hasattr(resources.shop, "real")
    with app.override(**{"shop.fake": Store(name="given")}), app.run("orders") as resources:
        assert resources.orders.store.name == "given"
    with app.override(**{"shop.store": Store(name="whole")}), app.run("orders") as resources:
        assert resources.orders.store.name == "whole"
    assert OPENED == ["shared", "fake", "given", "whole"]
