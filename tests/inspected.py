"""A shop with everything that inspection has to show, and its secrets: the containers that its tests share."""

from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Literal

import attrs
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    Deferred,
    Environments,
    EnvVar,
    FileVar,
    ResourceContainer,
    ResourceDependency,
    field,
    secret,
    value,
)

SECRETS = ("s3cret-one", "s3cret-two", "s3cret-three", "s3cret-four", "s3cret-five", "s3cret-six")


class Level(Enum):
    """How much is told."""

    LOUD = "loud"
    QUIET = "quiet"


@attrs.frozen
class Pool:
    """Connections."""

    size: int = 5
    token: str = secret(default="s3cret-one")
    timeout: timedelta = timedelta(seconds=30)


class Vault(Deferred):
    """A source of the user's."""

    def read(self, context):
        return "s3cret-two"

    def describe(self):
        return "vault orders/key"


class Database(ConfigurableResource, scope="app"):
    """The orders database.

    More of it.
    """

    host: str
    port: int = 5432
    password: str = secret(description="Ask the operators.")
    pool: Pool = field(factory=Pool)
    url: str = "none"

    def setup_for_execution(self): ...
    def teardown_after_execution(self): ...


class Client:
    """What users of the API receive."""


class Api(ConfigurableResourceFactory[Client]):
    token: str = secret(default="s3cret-three")
    level: Level = Level.QUIET
    mode: Literal["fast", "safe"] = "safe"
    since: date | None = None
    tags: list[str] = field(factory=list)
    limits: dict[str, int] = field(factory=dict)
    verbose: bool = False

    async def create_resource(self):
        return Client()


class Orders(ConfigurableResource):
    """Orders."""

    database: Database
    client: ResourceDependency[Client]
    cache: Path = Path("/tmp/cache")
    partners: list[Database] = field(factory=list)


def basket(orders, limit):
    return orders, limit


class Dev(ResourceContainer):
    database = Database(host="localhost", password="s3cret-four")
    api = Api(token=EnvVar("API_TOKEN", default="s3cret-five"), level=EnvVar("LEVEL", default=Level.LOUD))
    orders = Orders(database=database, client=api, partners=[Database(host="inline", password=FileVar("/run/key"))])
    basket = providers.Factory(basket, orders=orders, limit=10)
    site = value("s3cret-six")


class Prod(Dev):
    database = Database(
        host=EnvVar("DB_HOST"),
        port=EnvVar("DB_PORT", default=5433),
        password=Vault(),
        pool={"size": EnvVar("POOL_SIZE", default=20)},
        url=EnvVar.template("postgresql://{DB_USER}@{DB_HOST}/orders"),
    )


environments = Environments(dev=Dev, prod=Prod, variable="SHOP_ENV", default="dev")
