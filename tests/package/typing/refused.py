"""What mypy and pyright report: each line with an ignore comment of theirs is an error to that one.

An ignore that nothing needs is an error too, so a mistake that is no longer reported shows. A line with one comment
only is a limit: the other checker does not see it.
"""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import Mock

import resourcekit
from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    Deferred,
    Environments,
    EnvVar,
    Field,
    ResourceContainer,
    ResourceDependency,
    ResourceParam,
    field,
    inject,
    open_resource,
    ref,
    replace,
    secret,
    state,
)

_ = resourcekit.ConfigurableResouce  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

# Resource classes ----------------------------------------------------------------------------------------------------


class Database(ConfigurableResource, scope="app"):
    host: str
    port: int = 5432
    password: str = secret()
    token: str = secret(default="t", alias="api_token")
    _pool: list[int] = state()


class BadScope(ConfigurableResource, scope="request"):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues]
    host: str


class BadDefaults(ConfigurableResource):
    plain: int = "x"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    of_field: int = field(default="x")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    of_secret: str = secret(default=1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    of_guide: int = Field(default="x")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    of_factory: list[str] = field(factory=dict)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    of_lambda: list[str] = field(factory=lambda: [1])  # type: ignore[list-item]  # pyright: ignore[reportAssignmentType]
    of_guide_factory: list[str] = Field(default_factory=set)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    unknown_option: int = field(oops=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    wrong_option: int = field(description=1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    secret_option: int = secret(repr=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    positional: str = Field("x")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    _state: int = state(default="x")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    _stated: list[int] = state(factory=dict)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    _in_constructor: int = state(init=True)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


class Validated(ConfigurableResource):
    port: int = field()
    other: int = field(default=1)

    @port.validator  # type: ignore[attr-defined, untyped-decorator]  # mypy sees the annotation, whatever the value: use field(validator=...)
    def _check(self, attribute: object, value: int) -> None: ...

    @other.validator  # type: ignore[attr-defined, untyped-decorator]  # pyright: ignore[reportAttributeAccessIssue]  # with a default, so does pyright
    def _check_other(self, attribute: object, value: int) -> None: ...


Database(host="h")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database(host="h", password="p", prot=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database(host="h", password="p", port="5432")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Database(host="h", password="p", token="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database(host="h", password="p", _pool=[])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database("h", password="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Database(host=None, password="p")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
_ = Database(host="h", password="p").hots  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
Database.from_env(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
replace(1)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


# Deferred values -----------------------------------------------------------------------------------------------------


class Vault(Deferred):
    def __init__(self, path: str) -> None:
        self.path = path


EnvVar(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EnvVar()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
EnvVar("X", 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Vault(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ref(1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
ref(print)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


# Containers ----------------------------------------------------------------------------------------------------------


class Orders(ConfigurableResource):
    database: Database


class Base(ResourceContainer):
    database = Database(host="h", password=EnvVar("P"))
    orders = Orders(database=database)
    wrong = Orders(database=orders)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    as_class = Orders(database=Database)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Prod(Base):
    database = Orders(database=Base.database)  # type: ignore[assignment]  # pyright lets a subclass change the type


app = Base()
_ = Base.databse  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
_ = app.databse  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
with app.run("orders") as resources:
    _ = resources.oders  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = resources.orders.databse  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    number: int = resources.orders  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
app.run(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
app.run(cfg={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
app.run(report="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
app.call(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
got: Orders = app.get(Database)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
with app.override(database=Mock()) as fake:
    _ = fake.oders  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
Base.override(database=Mock())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# Factories -----------------------------------------------------------------------------------------------------------


class Client: ...


class Clients(ConfigurableResourceFactory[Client]):
    bucket: str

    def create_resource(self) -> Client:
        return Client()


class WrongVended(ConfigurableResourceFactory[Client]):
    def create_resource(self) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return 1


class Numbers(ConfigurableResourceFactory[int]):
    def create_resource(self) -> int:
        return 1


class Uploader(ConfigurableResource):
    client: ResourceDependency[Client]


class WrongDefault(ConfigurableResource):
    client: ResourceDependency[Client] = field(default=Numbers())  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]


class Storage(ResourceContainer):
    client = Clients(bucket="b")
    number = Numbers()
    right = Uploader(client=client)
    wrong = Uploader(client=number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    missing = Uploader()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


Uploader(client="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
with Storage().run() as storage:
    _ = storage.client.bucket  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    as_factory: Clients = storage.client  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


# Injection -----------------------------------------------------------------------------------------------------------


def uses(holder: ResourceParam[str]) -> int:
    return holder  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@inject
def report(day: int, orders: Orders) -> int:
    return 1


@inject
async def areport(day: int, orders: Orders) -> int:
    return 1


text: str = report(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
called: str = app.call(report, 1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


async def awaited() -> str:
    return await app.acall(areport, 1)  # type: ignore[arg-type]  # pyright: ignore[reportReturnType]


callback: Callable[[], str] = report  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


# Environments and open_resource --------------------------------------------------------------------------------------

Environments(dev=Base, prod=int)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
environments = Environments(dev=Base, prod=Base, default="dev")
_ = environments.current().oders  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
environments.current(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
open_resource(1)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
with open_resource(Clients(bucket="b")) as client:
    _ = client.bucket  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


# Assets, ops and jobs ------------------------------------------------------------------------------------------------


@resourcekit.asset
def loaded(database: Database) -> list[int]:
    return [database.port]


@resourcekit.asset(name=1)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
def misnamed() -> int:
    return 1


@resourcekit.asset(io_manager="files")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue]
def misspelt() -> int:
    return 1


@resourcekit.op
def one() -> int:
    return 1


loaded()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
loaded(databse=Mock())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
loaded("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
of_op: str = one()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
result = resourcekit.materialize([loaded], resources=Base)
as_text: str = result.output_for(loaded)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
_ = result.sucess  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
result.output_for(len)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
resourcekit.materialize([one])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
resourcekit.materialize([loaded], resources=[1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
resourcekit.materialize([loaded], resource=Base)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
resourcekit.RetryPolicy(backoff="cubic")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
resourcekit.RetryPolicy(3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Keeper(resourcekit.ConfigurableIOManager):
    prefix: str

    def handle_output(self, context: resourcekit.OutputContext, obj: int) -> None: ...
    def load_input(self, context: resourcekit.InputContext) -> object:
        return context.asset_kye  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


Keeper(prefx="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
resourcekit.FilesystemIOManager(base_dir=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
resourcekit.InMemoryIOManager(folder="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@resourcekit.job  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
def with_parameters(x: int) -> None: ...
