"""A run is generated code where it can be: it gives what the machine gives, and can be read."""

import dataclasses
import enum
import traceback
from unittest import mock

import attrs
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    EnvVar,
    InvalidFieldError,
    ResourceContainer,
    ResourceDependency,
    RunStateError,
    field,
    inject,
    ref,
    state,
    value,
)


class Database(ConfigurableResource):
    host: str = "localhost"
    labels: list[str] = field(factory=list)
    _opened: list[str] = state(factory=list)

    def setup_for_execution(self):
        self._opened.append(self.host)


class Client(ConfigurableResourceFactory[bytes]):
    def create_resource(self):
        return b"client"


class Orders(ConfigurableResource):
    database: Database
    replicas: list[Database] = field(factory=list)
    shards: dict[str, Database] = field(factory=dict)
    pair: tuple[Database, ...] = ()
    client: ResourceDependency[bytes | None] = field(default=None)
    url: str = "http://localhost"
    _total: int = 0

    def __attrs_post_init__(self):
        self._total = 1 + len(self.replicas) + len(self.shards) + len(self.pair)


class Shop(ResourceContainer):
    url = value("http://shop")
    main = Database(host="main", labels=["a"])
    other = Database(host="other")
    client = Client()
    orders = Orders(
        database=ref("main"),
        replicas=[main, other],
        shards={"eu": other},
        pair=(main, other),
        client=client,
        url=ref("url"),
    )


def both(app, body, **options):
    """What *body* gives for a generated run, and for one that goes through the machine."""
    generated, machine = app.run(**options), app.run(report=True, **options)
    given = []
    for run in (generated, machine):
        with run as resources:
            given.append(body(resources))
    assert machine.source is None
    return generated, *given


def shape(resources):
    """Everything about the orders that a user could see."""
    orders = resources.orders
    same = [each is resources.main or each is resources.other for each in (*orders.replicas, *orders.pair)]
    return repr(orders), orders._total, orders.client, orders.url, same, orders.database._opened, dir(resources)


def test_generated_code_gives_what_the_machine_gives():
    """Keys, lists, dicts and tuples of resources, vended objects and plain values arrive the same way."""
    run, generated, machine = both(Shop(), shape)
    assert run.source is not None
    assert generated == machine
    assert generated[4] == [True] * 4


def test_the_source_can_be_read_while_it_is_used():
    """`run.source` is what runs."""
    app = Shop()
    run = app.run("main")
    assert run.source is None
    with run:
        source = run.source
        assert source is not None
        assert "setup_for_execution()" in source


def test_tracebacks_show_the_generated_line():
    """An exception from a hook shows the line of the generated code that called it."""

    class Broken(ConfigurableResource):
        def setup_for_execution(self):
            raise LookupError("down")

    with pytest.raises(LookupError) as caught, ResourceContainer.of({"broken": Broken()}).run():
        pass
    assert "r0.setup_for_execution()" in "".join(traceback.format_exception(caught.value))


def test_lists_are_new_in_every_run():
    """What a run does to a list is gone in the next."""
    app = Shop()
    with app.run() as resources:
        resources.main.labels.append("b")
    with app.run() as resources:
        assert resources.main.labels == ["a"]
        assert resources.main._opened == ["main"]


def test_variables_are_read_in_every_run(monkeypatch):
    """A generated run reads its variables anew, and reports what is wrong with them."""

    class App(ResourceContainer):
        database = Database(host=EnvVar("DB_HOST"))
        orders = Orders(database=database)

    app = App()
    for host in ("one", "two"):
        monkeypatch.setenv("DB_HOST", host)
        run, generated, machine = both(app, lambda resources: resources.orders.database.host)
        assert (generated, machine) == (host, host)
        assert run.source is not None
    monkeypatch.delenv("DB_HOST")
    with pytest.raises(ConfigError, match="DB_HOST"), app.run():
        pass


def test_overlays_of_the_container_are_laid():
    """A container's overlay reaches a generated run."""
    app = Shop().with_config({"main": {"host": "laid"}})
    run, generated, machine = both(app, lambda resources: resources.orders.database.host)
    assert (generated, machine, run.source is None) == ("laid", "laid", False)


def test_validators_and_converters_run_as_in_the_machine():
    """A user's validator sees every live copy; a converter of a linked field meets what a key gives."""
    seen = []

    class Converted(ConfigurableResource):
        database: Database = field(converter=lambda given: given)

    class Checked(Converted):
        size: int = field(default=1, validator=lambda _self, _attribute, given: seen.append(given))

    class App(ResourceContainer):
        database = Database()
        converted = Converted(database=database)
        checked = Checked(database=database)

    app = App()
    seen.clear()
    _, generated, machine = both(
        app, lambda resources: resources.checked.database is resources.database is resources.converted.database
    )
    assert (generated, machine) == (True, True)
    assert seen == [1, 1]


def test_a_default_that_needs_a_nested_resource():
    """A default that is made of a nested resource's values is made when they are there."""

    class Api(ConfigurableResource):
        database: Database
        url: str = field()

        @url.default
        def _url(self):
            return f"http://{self.database.host}"

    class App(ResourceContainer):
        database = Database(host="db")
        api = Api(database=database)

    _, generated, machine = both(App(), lambda resources: resources.api.url)
    assert (generated, machine) == ("http://db", "http://db")


@attrs.frozen
class Pool:
    size: int


class Holder(ConfigurableResource):
    things: dict[str, object] = field(factory=dict)
    many: object = None


def test_some_values_need_the_machine():
    """Config beside resources in one value, and a set of resources, are put together by the machine."""

    class Mixed(ResourceContainer):
        database = Database()
        holder = Holder(things={"database": database, "size": EnvVar("SIZE", default=3)})

    class Sets(ResourceContainer):
        database = Database()
        holder = Holder(many={database})

    for container in (Mixed, Sets):
        run = container().run()
        with run as resources:
            assert resources.holder is not None
        assert run.source is None


def test_plain_providers_are_called_by_generated_code():
    """A field gets what a plain provider makes, anew in every run, and its type is checked then."""

    class Client(ConfigurableResource):
        pool: Pool
        spare: list[object] = field(factory=list)

    class App(ResourceContainer):
        database = Database()
        pool = providers.Factory(Pool, size=3)
        client = Client(pool=pool, spare=[pool, database])

    app = App()
    run, generated, machine = both(app, lambda resources: (resources.client.pool, resources.client.spare))
    assert run.source is not None
    assert generated[0] == machine[0] == Pool(3)
    assert generated[0] is not machine[0]
    assert [type(each) for each in generated[1]] == [type(each) for each in machine[1]] == [Pool, Database]
    app.pool.override(providers.Object("no pool"))
    with pytest.raises(InvalidFieldError, match="expected Pool, got str"), app.run():
        pass


@pytest.mark.anyio
async def test_what_a_provider_gives_is_awaited_in_an_async_run():
    """An awaitable from a plain provider is awaited in an async run, and refused in a sync one, with the resource's
    name."""

    async def make_pool():
        return Pool(5)

    class Client(ConfigurableResource):
        pool: object

    class App(ResourceContainer):
        pool = providers.Callable(make_pool)
        client = Client(pool=pool)

    app = App()
    async with app.run("client") as resources:
        assert resources.client.pool == Pool(5)
    with pytest.raises(RunStateError, match="construct of 'client' gave an awaitable"):
        app.run("client").start()


def test_generated_code_resets_caching_providers():
    """A Singleton over a resource of the app is made anew after each run of an app that is not started."""

    class Shared(Database, scope="app"):
        pass

    class App(ResourceContainer):
        database = Shared()
        pool = providers.Singleton(list, database.provided.labels)

    app = App()
    run, generated, machine = both(app, lambda resources: resources.pool())
    assert run.source is not None
    assert generated is not machine


def test_what_the_app_has_up_is_a_constant():
    """A run of a started app has the app's objects, also what a factory vends; after a restart the new ones."""

    class Engine(ConfigurableResourceFactory[list[str]], scope="app"):
        def create_resource(self):
            return ["engine"]

    class Main(Database, scope="app"):
        pass

    class Session(ConfigurableResource):
        engine: ResourceDependency[list[str]]
        database: Database

    class App(ResourceContainer):
        engine = Engine()
        main = Main()
        session = Session(engine=engine, database=main)

    app = App()
    seen = []
    for _ in range(2):
        with app:
            run, generated, machine = both(app, lambda resources: (resources.session.engine, resources.engine))
            assert generated[0] is generated[1] is machine[0]
            assert run.source is not None
            assert run.report.order == ["session"]
            seen.append(generated[0])
            assert app.call(lambda: app.get("main")) is app.get(Main)
    assert seen[0] is not seen[1]


def test_hooks_see_what_is_up_before_them():
    """Inside a hook of a generated run, `inject` finds the resources that are up already."""

    @inject
    def host(database: Database) -> str:
        return database.host

    class Late(ConfigurableResource):
        database: Database

        def setup_for_execution(self, context):
            self._host = host(), context.key

    class App(ResourceContainer):
        database = Database(host="early")
        late = Late(database=database)

    run = App().run()
    with run as resources:
        assert resources.late._host == ("early", "late")
    assert run.source is not None


def test_a_patched_hook_is_called():
    """A hook that is patched after the code was generated is the one that runs."""
    app = Shop()
    with app.run():
        pass
    with mock.patch.object(Database, "setup_for_execution", autospec=True) as patched, app.run("main"):
        assert patched.call_count == 1


def test_a_hook_that_turns_out_to_be_async_is_refused_in_a_sync_run():
    """A plain hook that returns a coroutine is an error that names it, as in the machine; nothing is left open."""

    async def later():
        raise AssertionError("never awaited")

    class Sly(ConfigurableResource):
        def setup_for_execution(self):
            return later()

    class Harmless(ConfigurableResource):
        def setup_for_execution(self):
            return "something"

    with ResourceContainer.of({"harmless": Harmless()}).run():
        pass
    with pytest.raises(RunStateError, match="setup_for_execution of 'sly' gave an awaitable"):
        ResourceContainer.of({"sly": Sly()}).run().start()


def test_nested_containers_are_shown():
    """Keys of nested containers are reached through a generated run."""

    class App(ResourceContainer):
        shop = providers.Container(Shop)

    _, generated, machine = both(App(), lambda resources: resources.shop.orders.database.host)
    assert (generated, machine) == ("main", "main")


def test_a_listener_that_comes_late_hears_the_teardown():
    """Whoever listens from the body on hears what a generated run closes."""

    class Closed(ConfigurableResource):
        def teardown_after_execution(self):
            pass

    app = ResourceContainer.of({"closed": Closed()})
    heard = []
    with app.run():
        app.listen(heard.append)
    assert [event.status for event in heard] == ["started", "finished", "success"]


def test_caching_providers_are_reset_when_the_body_fails():
    """What a Singleton made of a resource goes with the resource, also when the run fails."""

    class Shared(Database, scope="app"):
        pass

    class App(ResourceContainer):
        database = Shared()
        pool = providers.Singleton(list, database.provided.labels)

    app, made = App(), []
    for _ in range(2):
        with pytest.raises(LookupError), app.run() as resources:
            made.append(resources.pool())
            raise LookupError
    assert made[0] is not made[1]


def test_an_ended_view_can_still_be_shown():
    """What a run gave says whose it was after the run, and gives nothing any more."""
    with Shop().run("main") as resources:
        pass
    assert repr(resources) == "<live resources of Shop: main>"
    with pytest.raises(RunStateError, match="this run has ended"):
        _ = resources.main


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Limits:
    least: int
    most: int = 9


@attrs.define
class Changing:
    size: int


class Everything(ConfigurableResource):
    name: str = "x"
    port: int = 0
    tags: list[str] = field(factory=list)
    level: Level = Level.LOW
    limits: Limits | None = None
    extra: Changing | None = None
    url: str = "none"
    database: Database | None = None


def test_variables_that_have_not_changed_are_not_converted_again(monkeypatch):
    """A run has what the variables say now: the same objects' equals while they stay, others when any one changes."""

    class App(ResourceContainer):
        database = Database()
        everything = Everything(
            name=EnvVar("E_NAME", default="nobody"),
            port=EnvVar("E_PORT"),
            tags=EnvVar("E_TAGS"),
            level=EnvVar("E_LEVEL"),
            limits=EnvVar("E_LIMITS"),
            url=EnvVar.template("http://{E_NAME2}"),
            database=database,
        )

    for name, text in {"PORT": "1", "TAGS": "a,b", "LEVEL": "LOW", "LIMITS": '{"least": 2}', "NAME2": "one"}.items():
        monkeypatch.setenv(f"E_{name}", text)
    app, lists = App(), []

    def shape(resources):
        everything = resources.everything
        assert everything.database is resources.database
        lists.append(everything.tags)
        everything.tags.append("mine")
        return (
            everything.name,
            everything.port,
            everything.tags[:-1],
            everything.level,
            everything.limits,
            everything.url,
        )

    first = ("nobody", 1, ["a", "b"], Level.LOW, Limits(2), "http://one")
    for _ in range(3):
        assert both(app, shape)[1:] == (first, first)
    assert len({id(each) for each in lists}) == len(lists)
    for name, text, place, expected in [
        ("PORT", "2", 1, 2),
        ("NAME", "somebody", 0, "somebody"),
        ("TAGS", "c", 2, ["c"]),
        ("LEVEL", "HIGH", 3, Level.HIGH),
        ("LIMITS", '{"least": 3, "most": 4}', 4, Limits(3, 4)),
        ("NAME2", "two", 5, "http://two"),
    ]:
        monkeypatch.setenv(f"E_{name}", text)
        _, generated, machine = both(app, shape)
        assert generated == machine
        assert generated[place] == expected


def test_what_can_be_changed_is_made_anew(monkeypatch):
    """An object of a class whose objects can be changed is never shared between runs, nor what a converter made."""
    made = []

    class Converted(ConfigurableResource):
        size: object = field(converter=lambda text: made.append(text) or [text])

    class App(ResourceContainer):
        everything = Everything(extra=EnvVar("E_EXTRA"))
        converted = Converted(size=EnvVar("E_SIZE"))

    monkeypatch.setenv("E_EXTRA", '{"size": 1}')
    monkeypatch.setenv("E_SIZE", "3")
    app = App()
    for _ in range(3):
        with app.run() as resources:
            assert (resources.everything.extra, resources.converted.size) == (Changing(1), ["3"])
            resources.everything.extra.size = 2
    assert made == ["3"] * 3


@dataclasses.dataclass(frozen=True)
class Fixed:
    size: int


@dataclasses.dataclass
class Loose:
    size: int


def test_dataclasses_from_variables(monkeypatch):
    """A frozen dataclass from a variable serves run after run; one that can be changed is made anew for each."""

    class Holder(ConfigurableResource):
        fixed: Fixed
        loose: Loose | None = None

    monkeypatch.setenv("H_SIZE", '{"size": 1}')
    for loose in (None, EnvVar("H_SIZE")):
        app = ResourceContainer.of({"holder": Holder(fixed=EnvVar("H_SIZE"), loose=loose)})
        seen = []
        for _ in range(3):
            with app.run() as resources:
                seen.append((resources.holder.fixed, resources.holder.loose))
        assert seen[0][0] == seen[1][0] == Fixed(1)
        assert seen[1][0] is seen[2][0]
        assert seen[1][1] is None or seen[1][1] is not seen[2][1]


def test_a_long_plan_is_generated_at_its_second_run():
    """A container of many resources that is run once does not pay for code; the next run has it."""
    app = ResourceContainer.of({f"k{number}": Database() for number in range(150)})
    sources = []
    for _ in range(3):
        run = app.run()
        with run as resources:
            assert len(dir(resources)) == 150
        sources.append(run.source is not None)
    assert sources == [False, True, True]


def test_a_hook_patched_between_runs_is_called():
    """A hook of a class that is patched, by a mock or a function, runs in place of the one the code was made with."""
    app = Shop()
    with app.run("main") as resources:
        assert resources.main._opened == ["main"]
    with mock.patch.object(Database, "setup_for_execution") as patched, app.run("main"):
        patched.assert_called_once_with()
    with mock.patch.object(Database, "setup_for_execution", lambda self: self._opened.append("patched")):
        with app.run("main") as resources:
            assert resources.main._opened == ["patched"]


def test_hooks_of_other_kinds():
    """A hook that is a static method, or that the object itself was given, is called as Python calls it."""
    seen = []

    class Static(ConfigurableResource):
        @staticmethod
        def setup_for_execution():
            seen.append("static")

    class Given(ConfigurableResource):
        def setup_for_execution(self):
            raise AssertionError("replaced")

        def __attrs_post_init__(self):
            self.setup_for_execution = lambda: seen.append("given")

    app = ResourceContainer.of({"static": Static(), "given": Given()})
    both(app, lambda resources: None)
    assert seen == ["static", "given"] * 2


def test_an_overlay_that_names_no_variable():
    """A table in an overlay that stands for a variable, without its name, is told when a run begins."""
    app = Shop().with_config({"main": {"host": {"env": ""}}})
    with pytest.raises(ConfigError, match=r"main\.host"), app.run():
        pass
