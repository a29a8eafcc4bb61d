"""Definitions with an import path, for the tests of pickling."""

from __future__ import annotations

from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    Definitions,
    FilesystemIOManager,
    ResourceContainer,
    asset,
    inject,
    job,
    op,
)


class Database(ConfigurableResource):
    name: str = "db"


class Orders(ConfigurableResource):
    database: Database


class Base(ResourceContainer):
    database = Database(name="base")
    orders = Orders(database=database)
    files = FilesystemIOManager()
    plain = providers.Factory(dict, a=1)


@inject
def who(database: Database) -> str:
    return database.name


@asset
def name_of(database: Database) -> str:
    return database.name


@op
def one() -> int:
    return 1


@op
def add(number: int, other: int) -> int:
    return number + other


@job(resource_defs={"database": Database(name="job")})
def adding() -> None:
    add.alias("sum")(one(), one.alias("two")())


class Nest:
    @staticmethod
    @asset
    def inner() -> int:
        return 7


defs = Definitions(assets=[name_of], jobs=[adding], resources=Base)


def run_all(things: list[object]) -> list[object]:
    """What a worker does with what it gets."""
    step, composed, every = things
    return [
        step is name_of and composed is adding and every is defs,
        every.materialize().output_for("name_of"),
        composed.execute_in_process().output_for("sum"),
    ]
