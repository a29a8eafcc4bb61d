"""Several overrides at once, in whatever way they come together: none is lost, and none opens what is replaced."""

import asyncio
import copy
import gc
import operator
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from unittest import mock

import pytest
from dependency_injector import containers, providers, wiring
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from resourcekit import (
    ConfigurableResource,
    Environments,
    EnvVar,
    NoActiveRunError,
    ResourceContainer,
    RunStateError,
    inject,
    materialize,
    value,
)
from resourcekit.container.instance import ContainerInstance
from resourcekit.definitions import asset


class Database(ConfigurableResource):
    """Must not be opened in a test, unless it is a fake."""

    host: str = "real"


class Cache(ConfigurableResource):
    host: str = "real"


class Users(ConfigurableResource):
    database: Database
    cache: Cache

    @property
    def hosts(self) -> tuple[str, str]:
        """What it stands on."""
        return self.database.host, self.cache.host


class App(ResourceContainer):
    database = Database()
    cache = Cache()
    users = Users(database=database, cache=cache)


@inject
def hosts(users: Users) -> tuple[str, str]:
    return users.hosts


def seen(app) -> tuple[str, str]:
    """The hosts of what stands for *app* here, by every way to ask for them."""
    with app.run() as resources:
        found = resources.users.hosts
        assert (resources.database.host, resources.cache.host) == found
        assert hosts() == app.get("users").hosts == app.get(Users).hosts == app.users().hosts == found
    assert app.call(hosts) == app.inject(hosts)() == found
    assert [step.resource.host for step in app.plan("database", "cache").steps] == list(found)
    assert app.check() == ()
    with app.with_config({}).run("users") as resources:
        assert resources.users.hosts == found
    return found


def test_stacked_decorators_have_all_their_overrides():
    """`@app.override(database=...)` above `@app.override(cache=...)`: the function has both, whichever is the outer."""
    app = App()

    @app.override(database=Database(host="d"))
    @app.override(cache=Cache(host="c"))
    def one():
        return seen(app)

    @app.override(cache=Cache(host="c"))
    @app.override(database=Database(host="d"))
    @app.override(database=Database(host="inner"))
    def other():
        return seen(app)

    assert (one(), other(), seen(app)) == (("d", "c"), ("inner", "c"), ("real", "real"))


def test_stacked_decorators_of_other_kinds_of_function():
    """The same for a coroutine function and a generator function."""
    app = App()

    @app.override(database=Database(host="d"))
    @app.override(cache=Cache(host="c"))
    async def coroutine():
        await asyncio.sleep(0)
        return seen(app)

    @app.override(database=Database(host="d"))
    @app.override(cache=Cache(host="c"))
    def generator():
        yield seen(app)
        yield seen(app)

    async def both():
        return await asyncio.gather(coroutine(), coroutine())

    assert asyncio.run(both()) == [("d", "c")] * 2
    assert list(generator()) == [("d", "c")] * 2
    assert seen(app) == ("real", "real")


class TestAClassOfTests:
    """A fixture of the class and a decorator of the test add up."""

    app = App()

    @pytest.fixture(autouse=True)
    def fake_database(self):
        with self.app.override(database=Database(host="d")):
            yield

    @app.override(cache=Cache(host="c"))
    def test_both_are_seen(self):
        """The decorator was made before the fixture's override was."""
        assert seen(self.app) == ("d", "c")


def test_made_early_and_entered_inside_another():
    """An override lays its keys on what is there when it is entered, not on what was there when it was made."""
    app = App()
    early = app.override(cache=Cache(host="c"))
    with app.override(database=Database(host="d")):
        with early as both:
            assert seen(app) == seen(both) == ("d", "c")
        assert seen(app) == ("d", "real")
    with early as one:
        assert seen(app) == seen(one) == ("real", "c")


def test_made_inside_another_and_entered_outside():
    """Nor does an override keep those it was made in."""
    app = App()
    with app.override(database=Database(host="d")):
        made = app.override(cache=Cache(host="c"))
    with made:
        assert seen(app) == ("real", "c")


def test_a_decorated_helper_called_inside_a_suites_override():
    """A helper with an override of its own has the suite's besides."""
    app = App()

    @app.override(cache=Cache(host="helper's"))
    def helper():
        return seen(app)

    with app.override(database=Database(host="suite's"), cache=Cache(host="suite's")):
        assert helper() == ("suite's", "helper's")
        assert seen(app) == ("suite's", "suite's")


def test_one_override_entered_twice():
    """It may be entered inside itself; each leaving takes one back."""
    app = App()
    override = app.override(database=Database(host="d"))
    with override:
        with app.override(database=Database(host="e")), override:
            assert seen(app) == ("d", "real")
        assert seen(app) == ("d", "real")
    assert seen(app) == ("real", "real")


@pytest.mark.parametrize("when", ["before", "inside"])
def test_a_key_that_is_set_after_the_override_was_made(when):
    """`app.cache = ...` counts in an override that was made before, and is entered before or after."""
    app = App()
    override = app.override(database=Database(host="d"))
    with override:
        assert seen(app) == ("d", "real")
    if when == "before":
        app.cache = Cache(host="set")
    with override as fake:
        if when == "inside":
            app.cache = Cache(host="set")
        assert seen(app) == ("d", "set")
        app.database = Database(host="set too")
        assert seen(app) == ("d", "set")
        assert fake.database is not app.providers["database"]
    assert seen(app) == ("set too", "set")


def test_a_key_that_is_deleted_after_the_override_was_made():
    """And so does one that is gone."""

    class More(App):
        spare = Cache()

    app = More()
    with app.override(database=Database(host="d")):
        assert "spare" in app.plan().keys
        del app.spare
        assert "spare" not in app.plan().keys


def test_a_providers_own_override_after_the_override_was_made():
    """dependency-injector's own overriding of the original counts in an override that was entered before, too."""
    app = App()
    override = app.override(database=Database(host="d"))
    with override:
        assert seen(app) == ("d", "real")
    with app.users.override(Users(database=Database(host="u"), cache=Cache(host="u"))), override:
        assert app.call(hosts) == ("u", "u")
    with override:
        assert seen(app) == ("d", "real")

        class Stub(containers.DeclarativeContainer):
            cache = providers.Factory(Cache, host="stub")

        app.override(Stub())
        assert seen_hosts(app) == ("d", "stub")
        app.reset_override()
        assert seen(app) == ("d", "real")


def seen_hosts(app) -> tuple[str, str]:
    with app.run() as resources:
        return resources.users.hosts


def test_what_is_left_on_an_overridden_container_is_not_there_the_next_time():
    """What a test overrides or sets on the container it is given ends with it: the next one begins anew."""
    app = App()
    override = app.override(database=Database(host="d"))
    with override as fake:
        fake.cache.override(Cache(host="forgotten"))
        fake.users = Users(database=Database(host="set"), cache=Cache(host="set"))
        assert seen_hosts(fake) == ("set", "set")
    app.cache.reset_override()
    with override:
        assert seen(app) == ("d", "real")
    with override as fake:
        fake.users.override(Users(database=Database(host="left"), cache=Cache(host="left")))
        assert seen_hosts(app) == ("left", "left")
    with override:
        assert seen(app) == ("d", "real")


def test_singletons_begin_anew_in_each_override():
    """A singleton of dependency-injector's that reaches what is replaced is not the one of the test before."""

    class Plain(App):
        url = value("real")
        client = providers.Singleton(dict, url=url)

    app = Plain()
    override = app.override(url="fake")
    with override, override:
        first = app.client()
        assert (first, app.client()) == ({"url": "fake"}, first)
        assert app.client() is first
    with override:
        assert app.client() == {"url": "fake"}
        assert app.client() is not first
    assert app.client() == {"url": "real"}


def test_as_x_is_what_there_was_on_entering():
    """`as x` goes on being that: in any thread, after others were entered, and when all have ended."""
    app = App()
    with app.override(database=Database(host="d")), app.override(cache=Cache(host="c")) as both:
        with app.override(database=Database(host="e")):
            assert (seen(both), seen(app)) == (("d", "c"), ("e", "c"))
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(seen, both).result() == ("d", "c")
            assert pool.submit(seen, app).result() == ("real", "real")
    assert (seen(both), seen(app)) == (("d", "c"), ("real", "real"))


def test_an_override_of_what_an_override_gave():
    """`x.override(...)` adds to x, and to what it stands for, as long as x's own overrides are on."""
    app = App()
    with app.override(database=Database(host="d")) as fake:
        with fake.override(cache=Cache(host="c")) as both:
            assert seen(app) == seen(fake) == seen(both) == ("d", "c")
            with app.override(database=Database(host="e")):
                assert (seen(app), seen(fake)) == (("e", "c"), ("d", "c"))
    with fake.override(cache=Cache(host="c")):
        assert (seen(app), seen(fake)) == (("real", "real"), ("d", "c"))


def test_a_replacement_that_names_a_key_of_an_override():
    """What was made inside an override may name its keys; when that has ended, they are the container's again."""
    app = App()
    outer = app.override(database=Database(host="d"))
    outer.__enter__()
    inner = app.override(users=Users(database=app.database, cache=Cache(host="inline")))
    with inner:
        assert seen_hosts(app) == ("d", "inline")
        outer.__exit__(None, None, None)
        assert seen_hosts(app) == ("real", "inline")
    with outer:
        taken = app.override(cache=app.cache, database=app.database)
        nested = app.override(users=Users(database=Database(host="own"), cache=Cache(host="own")))
    with taken:
        assert seen(app) == ("real", "real")
    with nested:
        assert seen_hosts(app) == ("own", "own")


class Storage(ResourceContainer):
    database = Database(host="stored")
    cache = Cache(host="stored")


class Nesting(ResourceContainer):
    storage = providers.Container(Storage)
    users = Users(database=storage.database, cache=storage.cache)


def test_keys_of_nested_containers():
    """Dotted keys of several overrides add up, and a whole nested container replaces what was before."""
    app = Nesting()
    with app.override(**{"storage.database": Database(host="d")}):
        with app.override(**{"storage.cache": Cache(host="c")}):
            assert seen_nested(app) == ("d", "c")
        with app.override(storage=Storage(cache=Cache(host="whole"))):
            assert seen_nested(app) == ("stored", "whole")
            with app.override(**{"storage.cache": Cache(host="last")}):
                assert seen_nested(app) == ("stored", "last")
        assert seen_nested(app) == ("d", "stored")
    assert seen_nested(app) == ("stored", "stored")


def test_a_nested_container_and_a_key_of_it_everywhere():
    """A key that is overridden everywhere goes into the nested container that this context had put there before."""
    app = Nesting()
    with app.override(storage=Storage(cache=Cache(host="whole"))), ThreadPoolExecutor(1) as pool:
        with app.override(everywhere=True, **{"storage.database": Database(host="e")}):
            assert seen_nested(app) == ("e", "whole")
            assert pool.submit(seen_nested, app).result() == ("e", "stored")
        with app.override(everywhere=True, storage=Storage()):
            assert seen_nested(app) == pool.submit(seen_nested, app).result() == ("stored", "stored")


def seen_nested(app) -> tuple[str, str]:
    with app.run() as resources:
        assert resources.users.hosts == (resources.storage.database.host, resources.storage.cache.host)
        return resources.users.hosts


def test_environments():
    """`environments.current()` is what is overridden, also by an override that was made of it."""
    environments = Environments(test=App, variable="NOT_SET", default="test")
    app = environments.current()

    @app.override(cache=Cache(host="c"))
    def inside():
        return seen(environments.current())

    with app.override(database=Database(host="d")):
        assert inside() == ("d", "c")


def test_markers_of_a_wired_function():
    """`Provide[...]`, wired before, gives what every override that is on has put there."""
    app = App()
    module = types.ModuleType("wired_for_overrides")

    @wiring.inject
    def wired(users: Users = wiring.Provide[App.users], database: Database = wiring.Provide["database"]):
        return users.hosts, database.host

    wired.__module__ = module.__name__
    module.wired = wired
    app.wire(modules=[module])

    @app.override(cache=Cache(host="c"))
    def inside():
        with app.run():
            return module.wired()

    with app.override(database=Database(host="d")):
        assert inside() == (("d", "c"), "d")
    with app.override(database=Database(host="e"), everywhere=True), ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == (("e", "c"), "e")
    assert inside() == (("real", "c"), "real")
    app.unwire()


def test_what_is_told_of_a_container():
    """`graph`, `env`, `explain` and `plan` tell of what stands for the container here."""

    class Real(App):
        database = Database(host=EnvVar("REAL_HOST"))

    app = Real()

    @app.override(cache=Cache(host="c"))
    def told():
        return "REAL_HOST" in str(app.env()), str(app.explain("database.host")), app.check()

    assert "REAL_HOST" in str(app.env())
    with app.override(database=Database(host="d")):
        is_read, explained, problems = told()
        assert (is_read, problems) == (False, ())
        assert "'d'" in explained
    with app.override(users=Database(host="not users")):
        assert "not users" in str(app.explain("users.host"))
        assert "Users" not in str(app.graph())
    assert "Users" in str(app.graph())


def test_materialize_sees_all_of_them():
    """A pipeline has the overrides that are on where it is executed, besides its own resources."""
    app = App()

    @asset
    def found(users: Users, database: Database):
        assert hosts() == users.hosts
        return users.hosts, database.host

    @app.override(cache=Cache(host="c"))
    def executed(resources):
        return materialize([found], resources=resources).output_for_node("found")

    with app.override(database=Database(host="d")):
        assert executed(app) == (("d", "c"), "d")
    assert executed(app) == (("real", "c"), "real")


def test_threads_and_tasks_have_their_own():
    """What another thread or task has entered is not seen, and ends without taking anything here away."""
    app = App()
    entered, left = threading.Event(), threading.Event()

    def other():
        with app.override(cache=Cache(host="thread's")):
            entered.set()
            assert left.wait(60)
            return seen(app)

    async def task(host):
        async with app.override(cache=Cache(host=host)):
            await asyncio.sleep(0)
            return seen(app)

    async def tasks():
        return await asyncio.gather(task("one"), task("two"))

    with ThreadPoolExecutor(1) as pool, app.override(database=Database(host="d")):
        theirs = pool.submit(other)
        assert entered.wait(60)
        assert seen(app) == ("d", "real")
        assert asyncio.run(tasks()) == [("d", "one"), ("d", "two")]
        left.set()
        assert theirs.result() == ("real", "thread's")
        assert seen(app) == ("d", "real")


KEYS = ("database", "cache")


class Overlapping(RuleBasedStateMachine):
    """Overrides that begin and end in any order, against a list of what is on."""

    @initialize()
    def begin(self):
        self.app = App()
        self.real = dict.fromkeys(KEYS, "real")
        self.made = []
        self.on = []

    @rule(keys=st.sets(st.sampled_from(KEYS), min_size=1), everywhere=st.booleans())
    def make(self, keys, everywhere):
        hosts = {key: f"{key} {len(self.made)}" for key in keys}
        fakes = {key: {"database": Database, "cache": Cache}[key](host=host) for key, host in hosts.items()}
        self.made.append((self.app.override(everywhere=everywhere, **fakes), hosts, everywhere))

    @rule(data=st.data())
    def enter(self, data):
        if self.made:
            entry = data.draw(st.sampled_from(self.made))
            entry[0].__enter__()
            self.on.append(entry)

    @rule(data=st.data())
    def leave(self, data):
        if self.on:
            ending = data.draw(st.sampled_from(self.on))
            ending[0].__exit__(None, None, None)
            last = max(place for place, entry in enumerate(self.on) if entry is ending)
            del self.on[last]

    @rule(key=st.sampled_from(KEYS), number=st.integers(0, 9))
    def set(self, key, number):
        self.real[key] = f"set {number}"
        setattr(self.app, key, {"database": Database, "cache": Cache}[key](host=f"set {number}"))

    def expected(self, entries):
        found = dict(self.real)
        for _, replaced, _ in entries:
            found |= replaced
        return tuple(found[key] for key in KEYS)

    @invariant()
    def every_key_gives_what_was_entered_last(self):
        assert seen(self.app) == self.expected(self.on)

    @invariant()
    def another_thread_sees_those_everywhere(self):
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(seen, self.app).result()
        assert found == self.expected([entry for entry in self.on if entry[2]])

    def teardown(self):
        for override, _, _ in reversed(self.on):
            override.__exit__(None, None, None)


def test_overlapping_overrides_in_any_order():
    """Whatever is made, entered, left and set, in whatever order: each key gives what was entered last."""
    run_state_machine_as_test(Overlapping, settings=settings(max_examples=30, stateful_step_count=15, deadline=None))


def test_an_open_run_keeps_what_it_was_opened_with():
    """In an override that is entered later, an open run gives neither what is replaced nor what needs it."""
    app = App()

    @inject
    def database(database: Database):
        return database.host

    @inject
    def cache(cache: Cache):
        return cache.host

    with app.run() as resources:
        users = resources.users
        assert (database(), hosts()) == ("real", ("real", "real"))
        with app.override(database=Database(host="d")) as fake:
            asks = [hosts, database, lambda: app.get("database"), lambda: app.get(Users), App.database, App.users]
            asks += [lambda: resources.database, lambda: resources.users, lambda: app.get(Database)]
            for ask in asks:
                with pytest.raises(RunStateError, match="enter the override before the run"):
                    ask()
            with pytest.raises(RunStateError, match=r"'users' of App is overridden here \(it needs database\)"):
                hosts()
            assert cache() == app.get("cache").host == resources.cache.host == "real"
            assert seen(app) == ("d", "real")
            assert seen(fake) == ("d", "real")
            assert users.hosts == ("real", "real")
        assert (hosts(), database(), resources.database.host) == (("real", "real"), "real", "real")
        with app.override(cache=Cache(host="c")):
            assert database() == resources.database.host == "real"
            with pytest.raises(RunStateError, match="'cache' of App is overridden here"):
                cache()
    with pytest.raises(RunStateError, match="has ended"):
        _ = resources.database


def test_an_open_run_of_nested_containers():
    """The same for dotted keys."""
    app = Nesting()
    with app.run() as resources:
        with app.override(**{"storage.database": Database(host="d")}):
            assert resources.storage.cache.host == "stored"
            for ask in (lambda: resources.storage.database, lambda: resources.users, hosts):
                with pytest.raises(RunStateError, match="enter the override before the run"):
                    ask()
        with app.override(storage=Storage()), pytest.raises(RunStateError, match="is overridden here"):
            _ = resources.storage.cache
        assert resources.storage.database.host == "stored"


def test_a_run_that_is_open_elsewhere_goes_on():
    """The run is asked in another task, which has entered nothing: it gives what it was opened with."""
    app = App()

    async def main():
        asked, entered = asyncio.Event(), asyncio.Event()

        async def overriding():
            async with app.override(database=Database(host="d")):
                entered.set()
                await asked.wait()
                with pytest.raises(RunStateError, match="enter the override before the run"):
                    hosts()

        async with app.run() as resources:
            task = asyncio.create_task(overriding())
            await entered.wait()
            assert hosts() == resources.users.hosts == ("real", "real")
            asked.set()
            await task
            assert hosts() == resources.users.hosts == ("real", "real")

    asyncio.run(main())


def test_a_run_of_another_container_goes_on():
    """An override of one container says nothing of another's run."""
    app, other = App(), Storage()
    with app.run() as resources, other.override(database=Database(host="d")):
        assert hosts() == resources.users.hosts == ("real", "real")


def test_a_run_opened_in_an_override_that_has_ended():
    """It goes on as well."""
    app = App()
    with ExitStack() as stack:
        with app.override(database=Database(host="d")):
            resources = stack.enter_context(app.run())
        assert hosts() == resources.users.hosts == ("d", "real")


def test_composed_containers_are_kept_but_not_for_ever():
    """Entering an override again gives the same container; many others let it go, and all go with the original."""
    app = App()
    fake = Database(host="d")
    with app.override(database=fake) as first:
        pass
    with app.override(database=fake) as second:
        assert second is first
    gone = weakref.ref(first)
    del first, second
    for number in range(100):
        with app.override(database=Database(host=str(number))):
            pass
    gc.collect()
    assert gone() is None
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def test_new_fakes_that_are_alike_one_after_the_other():
    """A fake that each test makes anew, in one place, costs little: the container is made once, its objects are not."""
    app = App()

    def entered(**others):
        with app.override(cache=Cache(host="c"), **others) as fake:
            assert app.call(hosts)[1] == "c"
        return fake

    first = entered()
    assert entered() is first
    assert entered(database=Database(host="d")) is not first
    with app.override(cache=Cache(host="c")) as elsewhere:
        assert elsewhere is not first


def test_threads_that_enter_one_override_at_the_same_time():
    """They see the same container, though each begins to make it."""
    app = App()
    override = app.override(database=Database(host="d"))
    app.cache = Cache(host="set")  # It is made anew.
    barrier, derive = threading.Barrier(2), ContainerInstance._derive

    def slow(self, *arguments):
        barrier.wait(60)
        return derive(self, *arguments)

    def entered():
        with override as fake:
            return fake

    with mock.patch.object(ContainerInstance, "_derive", slow), ThreadPoolExecutor(2) as pool:
        one, other = [each.result() for each in [pool.submit(entered) for _ in range(2)]]
    assert one is other


def test_a_provider_of_a_key_that_is_gone():
    """Called in an open run, inside an override, it is live nowhere."""

    class More(App):
        spare = Cache()

    app = More()
    del app.spare
    with app.run(), app.override(database=Database(host="d")), pytest.raises(NoActiveRunError):
        More.spare()


def test_new_fakes_that_are_equal_but_not_alike():
    """Values that are equal and of another type, or other objects that are equal, are what the run gets."""

    class Equal:
        def __eq__(self, other):
            return isinstance(other, Equal)

        def __hash__(self):
            return 1

    class Box(ConfigurableResource):
        content: object = None

    class Boxes(ResourceContainer):
        box = Box()

    app = Boxes()
    for content in (1, True, 1.0, Equal(), Equal(), "1"):
        with app.override(box=Box(content=content)), app.run() as resources:
            assert resources.box.content is content


def test_new_fakes_that_are_alike_at_the_same_time():
    """Each override has its own container as long as another is in use, or is started."""

    class Counter(Database, scope="app"):
        def setup_for_execution(self):
            self._count = 0

    class Counting(ResourceContainer):
        counter = Counter()
        other = Counter()

    app = Counting()
    barrier = threading.Barrier(3)

    def entered():
        with app.override(counter=Counter(host="fake")) as fake, app:
            barrier.wait(60)
            app.get("counter")._count += 1
            barrier.wait(60)
            return fake, app.get("counter")._count

    with ThreadPoolExecutor(3) as pool:
        found = [each.result() for each in [pool.submit(entered) for _ in range(3)]]
    assert [count for _, count in found] == [1, 1, 1]
    assert len({id(fake) for fake, _ in found}) == 3

    def started():
        with app.override(counter=Counter(host="fake")) as fake:
            app.start()
        return fake

    one = started()
    with ExitStack() as stack:
        stack.callback(app.close)
        stack.callback(app.close)
        assert started() is not one
    for same in (True, False):
        fake = Counter(host="fake")
        with app.override(counter=fake, other=fake if same else Counter(host="fake")), app.run() as resources:
            assert (resources.counter is resources.other) is same


def test_an_override_that_cannot_be_entered_leaves_nothing():
    """Its key is gone when it is entered: an error, and nothing is overridden."""

    class More(App):
        spare = Cache()

    app = More()
    override = app.override(spare=Cache(host="s"))
    del app.spare
    with pytest.raises(Exception, match="no key 'spare'"):
        override.__enter__()
    assert seen(app) == ("real", "real")


def test_a_copy_of_a_container_knows_nothing_of_overrides():
    """A copy is another container."""
    app = App()
    with app.override(database=Database(host="d")):
        assert seen(copy.deepcopy(app)) == ("real", "real")


def test_the_flag_is_a_flag():
    """`everywhere="no"` is refused."""
    with pytest.raises(TypeError, match="True or False"):
        App().override(everywhere="no", database=Database())


class Warehouse(ResourceContainer):
    database = Database()


class Shop(ResourceContainer):
    store = providers.Container(Warehouse)
    users = Users(database=store.database, cache=Cache())


class Mall(ResourceContainer):
    shop = providers.Container(Shop)


@pytest.mark.parametrize("is_everywhere", [False, True])
def test_an_override_of_a_container_that_others_were_given(is_everywhere):
    """Who was given a container for a nested one sees what overrides that one, however deep it is nested."""
    warehouse = Warehouse()
    shop, late = Shop(store=warehouse), Shop()
    mall = Mall(shop=shop)
    late.store = warehouse
    with warehouse.override(database=Database(host="fake"), everywhere=is_everywhere):
        for app, keys in ((warehouse, "database"), (shop, "store.database"), (late, "store.database")):
            assert host(app, keys) == "fake"
        assert host(mall, "shop.store.database") == "fake"
        with shop.run() as resources:
            assert resources.users.database.host == "fake"
        with shop.override(**{"store.database": Database(host="mine")}):
            assert (host(shop, "store.database"), host(warehouse, "database")) == ("mine", "fake")
        assert host(shop, "store.database") == "fake"
    assert {host(warehouse, "database"), host(shop, "store.database"), host(mall, "shop.store.database")} == {"real"}
    with shop.run() as resources, warehouse.override(database=Database(host="fake")):
        with pytest.raises(RunStateError, match="overridden here"):
            resources.users  # noqa: B018


def host(app, key):
    """What a run has under a key."""
    with app.run(key) as resources:
        return operator.attrgetter(f"{key}.host")(resources)


def test_a_container_that_was_given_another_is_not_kept_by_that():
    """What is nested knows who has it only as long as there is somebody."""
    warehouse = Warehouse()
    shop = weakref.ref(Shop(store=warehouse))
    gc.collect()
    assert shop() is None
    with warehouse.override(database=Database(host="fake")):
        assert host(warehouse, "database") == "fake"
