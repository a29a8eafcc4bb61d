"""What users write: neither mypy nor pyright complains, strict as they can be, and the types are the right ones."""

# pyright: strict

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, assert_type
from unittest.mock import Mock

import attrs
from dependency_injector import containers, providers

import resourcekit as dg
from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    ContainerDiff,
    ContainerEnv,
    ContainerGraph,
    Deferred,
    Environments,
    EnvVar,
    Explanation,
    Field,
    FileVar,
    Plan,
    ReadContext,
    ResourceContainer,
    ResourceDependency,
    ResourceParam,
    RunContext,
    Timeline,
    field,
    inject,
    injected,
    open_resource,
    ref,
    replace,
    secret,
    state,
    value,
)

T = TypeVar("T")


# Resource classes: fields, defaults, private state -------------------------------------------------------------------


class Pool:
    def close(self) -> None: ...


class Database(ConfigurableResource, scope="app"):
    host: str
    port: int = 5432
    password: str = secret()
    token: str = secret(default="x")
    size: int = field(default=3, description="connections", validator=attrs.validators.ge(0))
    ratio: float = field(default=0.5, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    even: int = field(metadata={"unit": "s"}, repr=False)
    tags: list[str] = field(factory=list)
    seen: set[int] = field(factory=set)
    options: dict[str, int] = field(factory=dict)
    recent: deque[str] = field(factory=deque[str])
    key: str = field(alias="public_key", default="k")
    derived: str = field(init=False, default="d")
    path: Path | None = None
    _pool: Pool = state()
    _maybe: Pool | None = state(default=None)
    _cache: dict[str, int] = state(factory=dict)
    _plain = 0

    @even.validator  # type: ignore[attr-defined, untyped-decorator]  # mypy sees an int: use validator=...
    def _is_even(self, attribute: attrs.Attribute[int], value: int) -> None: ...

    def setup_for_execution(self, context: RunContext) -> None:
        self._pool = Pool()
        self._maybe = Pool()
        self._cache["x"] = 1
        self._plain = 1
        self._undeclared = context.run_id

    def teardown_after_execution(self, context: RunContext) -> None:
        assert_type(self._undeclared, str)
        assert_type(self._pool, Pool)
        assert_type(context.exception, BaseException | None)
        self._pool.close()


database = Database(host="h", password="p", even=2, public_key="k")
assert_type(database, Database)
assert_type(database.port, int)
assert_type(database.password, str)
assert_type(database.derived, str)
assert_type(database.tags, list[str])
assert_type(replace(database, port=1), Database)
assert_type(Database.from_env("DB_"), Database)
by_resource = {database: 1}
attrs.fields(Database)
attrs.asdict(database)


class Guide(ConfigurableResource):
    """With the guide's `Field`."""

    names: list[str] = Field(default_factory=list)
    weights: dict[str, float] = Field(default_factory=dict)
    title: str = Field(default="t", description="d")
    password: str = Field(exclude=True)
    url: str = Field(..., description="required, as in pydantic")
    schema_name: str = Field(default="public", alias="schema")


assert_type(Guide(password="p", url="u", schema="s").names, list[str])


class Bigger(Database, scope="run"):
    extra: int


assert_type(Bigger(host="h", password="p", even=2, extra=1).extra, int)


class Box(ConfigurableResource, Generic[T]):
    item: T


assert_type(Box(item=1).item, int)


class Store(ConfigurableResource, ABC):
    name: str

    @abstractmethod
    def put(self) -> int: ...


class DiskStore(Store):
    def put(self) -> int:
        return 1


assert_type(DiskStore(name="x"), DiskStore)


# Hooks: with or without the context, sync, async, generators ---------------------------------------------------------


class Plain(ConfigurableResource):
    def setup_for_execution(self) -> None: ...
    def teardown_after_execution(self) -> None: ...


class Async(ConfigurableResource):
    async def setup_for_execution(self, context: RunContext) -> None: ...
    async def teardown_after_execution(self) -> None: ...


class Managed(ConfigurableResource):
    @contextmanager
    def yield_for_execution(self, context: RunContext) -> Generator[Managed]:
        yield self


class Yielding(ConfigurableResource):
    def yield_for_execution(self) -> Iterator[str]:
        yield "x"


class AsyncYielding(ConfigurableResource):
    async def yield_for_execution(self, context: RunContext) -> AsyncIterator[str]:
        yield "x"


class CallsSuper(Plain):
    def setup_for_execution(self) -> None:
        super().setup_for_execution()


# Deferred values fit every field -------------------------------------------------------------------------------------


class Vault(Deferred):
    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, context: ReadContext) -> str:
        return self.path + context.where

    def describe(self) -> str:
        return f"vault {self.path}"


class Everything(ConfigurableResource):
    text: str
    number: int = EnvVar("NUMBER")
    flag: bool = EnvVar("FLAG", default=False)
    items: list[str] = field(default=EnvVar("ITEMS"))
    maybe: str | None
    callback: Callable[[], int]
    mapping: dict[str, str]
    pair: tuple[int, str]
    pool: Pool
    nested: Database


Everything(
    text=EnvVar.template("{A}"),
    number=EnvVar.int("X"),
    flag=FileVar("p"),
    items=["a", EnvVar("X")],
    maybe=Vault("x"),
    callback=ref("callback"),
    mapping={"a": EnvVar("h")},
    pair=(EnvVar("i"), "x"),
    pool=Vault("pool"),
    nested=ref("database"),
)
variable = EnvVar("X")
assert_type(variable, EnvVar)
assert_type(variable.name, str)


def sources(found: list[object]) -> list[Deferred]:
    return [one for one in found if isinstance(one, Deferred)]


# Containers ----------------------------------------------------------------------------------------------------------


class Orders(ConfigurableResource):
    database: Database
    page_size: int = 100

    def open_orders(self) -> list[str]:
        return [self.database.host]


class FakeDatabase(Database):
    host: str = "fake"
    password: str = "fake"
    even: int = 2


class Base(ResourceContainer):
    database = Database(host="localhost", password=EnvVar("DB_PASSWORD"), even=2)
    orders = Orders(database=database)
    greeting = value("hello")


class Prod(Base):
    database = Database(host=EnvVar("DB_HOST"), port=EnvVar("DB_PORT", default=5432), password="p", even=2)
    more = Orders(database=Base.database)


class Fake(Base):
    database = FakeDatabase()


class Clock(Protocol):
    def now(self) -> float: ...


app = Prod()
assert_type(app, Prod)
assert_type(Prod(database=FakeDatabase()), Prod)
assert_type(Fake().database, FakeDatabase)
assert_type(Base.database, Database)
with Prod() as started:
    assert_type(started, Prod)
with app, app.run() as resources:
    assert_type(resources, Prod)
    assert_type(resources.orders, Orders)
    assert_type(resources.database, Database)
    assert_type(resources.greeting, str)
    assert_type(resources.orders.open_orders(), list[str])
with app.run("orders", config={"database": {"port": 1}}, tags={"day": "monday"}, report=True) as resources:
    assert_type(resources.orders, Orders)
with app.override(database=FakeDatabase()) as fake:
    assert_type(fake, Prod)
    with fake.run() as inner:
        assert_type(inner.orders, Orders)


@app.override(database=FakeDatabase())
def overridden(day: int) -> str:
    return str(day)


assert_type(overridden(1), str)
app.override(Fake())  # dependency-injector's own form
Prod.override(Fake)
assert_type(app.get(Database), Database)
assert_type(app.get(Store), Store)
assert_type(app.get(Clock), Clock)
assert_type(app.get(Box[int]), Box[int])
assert_type(app.with_config({}), Prod)
anything: Any = app.get("database")
run = app.run()
assert_type(run.start().orders, Orders)
run.close()


async def in_async() -> None:
    async with Prod() as app, app.run() as resources:
        assert_type(app, Prod)
        assert_type(resources.orders, Orders)
    async with app.override(database=Mock()) as fake:
        assert_type(fake, Prod)


class Wide(ResourceContainer):
    store: Store = DiskStore(name="x")  # annotated where another class may take its place
    clients: ConfigurableResourceFactory[Client]


class OtherStore(Store):
    def put(self) -> int:
        return 2


class Narrow(Wide):
    store = OtherStore(name="y")


kept: Store = Narrow().store
with ResourceContainer.of({"db": database}).run() as of_mapping:
    assert_type(of_mapping.db, Any)


# Factories -----------------------------------------------------------------------------------------------------------


class Client:
    def send(self) -> None: ...


class Clients(ConfigurableResourceFactory[Client]):
    bucket: str = "b"

    def create_resource(self, context: RunContext) -> Client:
        return Client()


class YieldedClients(ConfigurableResourceFactory[Client]):
    def create_resource(self) -> Iterator[Client]:
        yield Client()


class AsyncClients(ConfigurableResourceFactory[Client]):
    async def create_resource(self, context: RunContext) -> Client:
        return Client()


class AsyncYieldedClients(ConfigurableResourceFactory[Client]):
    async def create_resource(self) -> AsyncIterator[Client]:
        yield Client()


class ManagedClients(ConfigurableResourceFactory[Client]):
    @contextmanager
    def create_resource(self, context: RunContext) -> Generator[Client]:
        yield Client()


class AsyncManagedClients(ConfigurableResourceFactory[Client]):
    @asynccontextmanager
    async def create_resource(self) -> AsyncGenerator[Client]:
        yield Client()


class Uploader(ConfigurableResource):
    client: ResourceDependency[Client]
    retries: int = 1

    def upload(self) -> None:
        assert_type(self.client, Client)
        self.client.send()


class Storage(ResourceContainer):
    client = Clients(bucket="b")
    lazy = AsyncClients()
    uploader = Uploader(client=client)


class OtherStorage(Storage):
    client = Clients(bucket="c")
    second = Uploader(client=Storage.client)


Uploader(client=Client())
Uploader(client=Mock())
Uploader(client=EnvVar("X"))
Uploader(client=ref("client"), retries=EnvVar("R"))
Uploader(client=YieldedClients())
Uploader(client=AsyncYieldedClients())
Uploader(client=ManagedClients())
Uploader(client=AsyncManagedClients())
assert_type(Uploader(client=Client()).client, Client)
assert_type(Storage.client, Clients)
with Storage().run() as storage:
    assert_type(storage.client, Client)
    assert_type(storage.lazy, Client)
    assert_type(storage.uploader.client, Client)
with OtherStorage().run() as other_storage:
    assert_type(other_storage.client, Client)


class WithDefaults(ConfigurableResource):
    client: ResourceDependency[Client] = field(default=Clients(bucket="b"))
    other: ResourceDependency[Client] = ref("client")
    maybe: ResourceDependency[Client | None]


assert_type(WithDefaults(maybe=None).client, Client)
assert_type(WithDefaults(maybe=Clients(bucket="b")).maybe, Client | None)


# Dependency-injector's providers -------------------------------------------------------------------------------------


class Mixed(ResourceContainer):
    storage = Storage()
    config = providers.Configuration()
    factory = providers.Factory(Database, host="h", password="p", even=2)
    orders = Orders(database=ref(factory), page_size=ref(config.page_size))


assert_type(ref(Mixed.factory), Database)
with Mixed().run("storage.uploader") as mixed:
    assert_type(mixed.storage.uploader, Uploader)
    assert_type(mixed.storage.client, Client)
    assert_type(mixed.orders, Orders)


def takes_container(container: containers.DeclarativeContainer) -> None: ...


takes_container(Mixed())


# Injection -----------------------------------------------------------------------------------------------------------


@inject
def report(day: date, orders: Orders) -> int:
    return 1


@inject
async def areport(day: date, orders: Orders) -> int:
    return 1


@app.inject
def here(day: date, orders: Orders = injected()) -> int:
    return 1


@app.inject
async def ahere(page: int, orders: Orders) -> list[str]:
    return []


@inject
def keyed(url: ResourceParam[str], client: dg.ResourceParam[Client]) -> str:
    client.send()
    assert_type(url, str)
    return url.upper()


assert_type(report, Callable[..., int])
assert_type(report(date(2026, 1, 1)), int)
assert_type(here(date(2026, 1, 1)), int)
assert_type(keyed(), str)


class View:
    @inject
    def get(self, orders: Orders) -> int:
        return 1

    @classmethod
    @inject
    def make(cls, orders: Orders) -> int:
        return 1

    @staticmethod
    @inject
    def static(orders: Orders) -> int:
        return 1


assert_type(View().get(), int)
assert_type(View.make(), int)
assert_type(View.static(), int)


def plain(day: date, orders: Orders) -> int:
    return 1


async def aplain(day: date, orders: Orders) -> int:
    return 1


def later(day: date, orders: Orders) -> Awaitable[int]:
    return asyncio.sleep(0, 1)


def coming(day: date, orders: Orders) -> asyncio.Future[int]:
    return asyncio.ensure_future(asyncio.sleep(0, 1))


def either(day: date, orders: Orders) -> int | Awaitable[int]:
    return 1


@inject
async def apages(orders: Orders) -> AsyncIterator[int]:
    yield 1


@app.inject
def pages(orders: Orders) -> Generator[int]:
    yield 1


class AsyncView:
    async def plain(self, orders: Orders) -> int:
        return 1

    @inject
    async def get(self, orders: Orders) -> int:
        return 1

    @app.inject
    async def here(self, orders: Orders) -> int:
        return 1

    @classmethod
    @inject
    async def make(cls, orders: Orders) -> int:
        return 1

    @staticmethod
    @inject
    async def static(orders: Orders) -> int:
        return 1

    async def __call__(self, orders: Orders) -> int:
        return 1


async def calls() -> None:
    day = date(2026, 1, 1)
    assert_type(await areport(day), int)
    assert_type(await ahere(1), list[str])
    assert_type(await app.acall(plain, day), int)
    assert_type(await app.acall(aplain, day), int)
    assert_type(await app.acall(later, day), int)
    assert_type(await app.acall(coming, day), int)
    assert_type(await app.acall(either, day), int)
    assert_type(await app.acall(lambda: None), None)
    assert_type(await app.acall(partial(aplain, day)), int)


async def calls_of_injected_functions() -> None:
    day = date(2026, 1, 1)
    assert_type(await app.acall(report, day), int)
    assert_type(await app.acall(areport, day), int)
    assert_type(await app.acall(here, day), int)
    assert_type(await app.acall(ahere, 1), list[str])
    assert_type(await app.acall(inject(later), day), int)
    assert_type(await app.acall(app.inject(coming), day), int)
    assert_type(await asyncio.gather(app.acall(areport, day), app.acall(keyed)), tuple[int, str])


async def calls_of_methods() -> None:
    assert_type(await app.acall(AsyncView().plain), int)
    assert_type(await app.acall(AsyncView().get), int)
    assert_type(await app.acall(AsyncView().here), int)
    assert_type(await app.acall(AsyncView.make), int)
    assert_type(await app.acall(AsyncView.static), int)
    assert_type(await app.acall(AsyncView()), int)
    assert_type(await AsyncView().get(), int)


async def pages_of_generators() -> None:
    assert_type([page async for page in apages()], list[int])
    assert_type([*pages()], list[int])
    with contextmanager(pages)() as page:
        assert_type(page, int)


assert_type(app.call(plain, date(2026, 1, 1)), int)
assert_type(app.call(report, date(2026, 1, 1)), int)
assert_type(app.call(View().get), int)
as_async: Callable[..., Coroutine[Any, Any, int]] = areport


# Environments --------------------------------------------------------------------------------------------------------

environments = Environments(dev=Base, prod=Prod, variable="APP_ENV", default="dev")
assert_type(environments.current(), Base)
assert_type(environments["prod"], Base)
with environments.current().run() as current:
    assert_type(current.orders, Orders)
siblings = Environments(fake=Fake, prod=Prod, default="prod")
assert_type(siblings.current().orders, Orders)
declared: Environments[Base] = Environments(fake=Fake, prod=Prod, default="prod")
assert_type(declared.current().orders, Orders)


# Inspection ----------------------------------------------------------------------------------------------------------

looked_at = Prod()
assert_type(looked_at.plan(), Plan)
assert_type(looked_at.graph(), ContainerGraph)
assert_type(looked_at.env(), ContainerEnv)
assert_type(looked_at.explain("database.port"), Explanation)
assert_type(environments.diff("dev", "prod"), ContainerDiff)
assert_type(environments.graph()["dev"].html(), str)
assert_type(looked_at.run(report=True).report.timeline, Timeline)


# Without a container -------------------------------------------------------------------------------------------------

Orders(database=Mock()).open_orders()
with open_resource(database) as opened:
    assert_type(opened, Database)
with open_resource(Clients(bucket="b")) as client:
    assert_type(client, Client)


async def opens() -> None:
    async with open_resource(Orders(database=database)) as orders:
        assert_type(orders, Orders)
    async with open_resource(AsyncClients()) as client:
        assert_type(client, Client)


# Assets, ops and jobs ------------------------------------------------------------------------------------------------


@dg.asset
def loaded(database: Database) -> list[int]:
    return [database.port]


@dg.asset(key_prefix="shop", deps=[loaded, "other", dg.AssetKey(["a", "b"])], ins={"amounts": loaded})
def summed(context: dg.AssetExecutionContext, amounts: list[int]) -> int:
    context.log.info("%s", context.asset_key.path)
    return sum(amounts)


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2, on=(ConnectionError, TimeoutError)), io_manager_key="files")
async def fetched(url: ResourceParam[str]) -> str:
    return url


@dg.asset
def counted() -> dg.Output[int]:
    return dg.Output(1, metadata={"rows": 1})


@dg.asset
def kept_elsewhere() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 1})


@dg.asset
async def counted_later() -> dg.Output[int]:
    return dg.Output(1)


@dg.op
def one() -> int:
    return 1


@dg.op(name="adding", required_resource_keys={"database"})
def add(context: dg.OpExecutionContext, a: int, b: int) -> int:
    return a + b + context.resources.database.port  # type: ignore[no-any-return]


@dg.op
def printed(url: ResourceParam[str], number: int) -> None: ...


@dg.job
def adding() -> None:
    printed(number=add(one(), 2))


@dg.job(name="other", resource_defs={"url": "x"}, tags={"a": "b"})
def another() -> None:
    one.alias("first")()


class Lists(dg.ConfigurableIOManager):
    prefix: str

    def handle_output(self, context: dg.OutputContext, obj: list[int]) -> None: ...

    async def load_input(self, context: dg.InputContext) -> list[int]:
        return []


class Service: ...


class Services(dg.ConfigurableIOManagerFactory):
    token: str

    def create_io_manager(self, context: RunContext) -> Service:
        return Service()


class Stores(dg.ConfigurableIOManagerFactory[Lists]):
    def create_io_manager(self, context: RunContext) -> Iterator[Lists]:
        yield Lists(prefix="a")


class Keeping(ResourceContainer):
    database = Database(host="h", password="p", even=2, public_key="k")
    files = dg.FilesystemIOManager(base_dir=EnvVar("DIR"), serializer="json")
    io_manager = dg.InMemoryIOManager()
    lists = Lists(prefix="x")
    services = Services(token="t")


def pipelines(database: Database, mock: Mock) -> None:
    assert_type(loaded(database), list[int])
    assert_type(loaded(database=mock), list[int])
    assert_type(loaded.key, dg.AssetKey)
    result = dg.materialize([loaded, summed, fetched, counted], resources=Keeping, selection=[loaded, "*summed"])
    assert_type(result, dg.ExecutionResult)
    assert_type(result.output_for(loaded), list[int])
    assert_type(result.output_for(summed), int)
    assert_type(result.output_for(fetched), str)
    assert_type(result.output_for(counted), int)
    assert_type(result.output_for(counted_later), int)
    assert_type(result.output_for(one), int)
    assert_type(result.failures, tuple[dg.StepResult, ...])
    assert_type(one(), int)
    assert_type(adding, dg.JobDefinition)
    adding.execute_in_process(resources={"database": database}, config="overlay.toml", max_concurrent=4)
    another.execute_in_process(resources=Keeping(), progress=print)


async def pipelines_in_a_loop() -> None:
    assert_type(await fetched("x"), str)
    assert_type(await fetched(url="x"), str)
    result = await dg.amaterialize([fetched], resources={"url": "x"}, raise_on_error=False)
    assert_type(result.output_for(fetched), str)


@dg.definitions
def defined() -> dg.Definitions:
    return dg.Definitions(assets=[loaded, fetched], jobs=[adding], resources=Keeping)


assert_type(defined().materialize(loaded).output_for(loaded), list[int])


def keeping(view: Keeping) -> None:
    assert_type(view.lists, Lists)
    assert_type(view.io_manager, dg.InMemoryIOManager)
