"""The classes that S3, S4 and S9 work on."""

from __future__ import annotations

from typing import Any, Final

import attrs

__all__ = ("ENVIRONMENT", "TEXT", "A", "B", "C", "Pool", "Settings", "body")


@attrs.define(eq=False, repr=False)
class A:
    """Needs nothing: containers that go by type hints shall not look for an int."""

    v: int = attrs.field(default=1, init=False)


@attrs.define(eq=False, repr=False)
class B:
    """Needs one."""

    a: A


@attrs.define(eq=False, repr=False)
class C:
    """Needs two."""

    a: A
    b: B


def body(x: int, a: A, b: B, c: C) -> int:
    """What S3 calls."""
    return a.v + x


@attrs.define
class Pool:
    """Nested in `Settings`."""

    name: str
    size: int


@attrs.define
class Settings:
    """What S9 makes."""

    host: str
    port: int
    debug: bool
    retries: int
    user: str
    tags: list[str]
    shards: list[int]
    cache: bool
    limit: int
    pool: Pool


TEXT: Final[dict[str, Any]] = {
    "host": "db.example.com",
    "port": "5432",
    "debug": "true",
    "retries": "3",
    "user": "orders",
    "tags": "blue,green",
    "shards": "1,2,3",
    "cache": "false",
    "limit": "1000",
    "pool": {"name": "main", "size": "10"},
}
"""What it is made from."""

ENVIRONMENT: Final = {
    **{f"BENCHMARK_{name.upper()}": value for name, value in TEXT.items() if name != "pool"},
    "BENCHMARK_POOL_NAME": TEXT["pool"]["name"],
    "BENCHMARK_POOL_SIZE": TEXT["pool"]["size"],
}
"""The same as environment variables."""
