"""Sources of the user's own, and declarations made from the environment."""

import attrs
import pytest

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    Deferred,
    DefinitionError,
    EnvVar,
    InvalidFieldError,
    ReadContext,
    SourceError,
    UnresolvedError,
    field,
    open_resource,
    secret,
)
from tests.leaks import leaks

HIDDEN = "hunter2-from-outside"


class Database(ConfigurableResource):
    host: str
    port: int = 5432


# --- sources of one's own ---


class Vault(Deferred):
    def __init__(self, path: str, answer: object = None) -> None:
        self.path = path
        self.answer = answer

    def read(self, context: ReadContext) -> object:
        SEEN.append(context)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def describe(self) -> str:
        return f"vault {self.path}"


SEEN: list[ReadContext] = []


def test_a_source_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Deferred is told the environment and the field; text it gives is converted, other values must fit."""
    SEEN.clear()
    monkeypatch.setenv("VAULT_TOKEN", "t")
    database = Database(host=Vault("db/host", "h"), port=Vault("db/port", "80"))
    assert repr(database) == "Database(host=<vault db/host>, port=<vault db/port>)"
    assert SEEN == []
    with open_resource(database) as live:
        assert (live.host, live.port) == ("h", 80)
        assert repr(live) == "Database(host=<vault db/host>, port=<vault db/port>)"
    assert [context.where for context in SEEN] == ["Database.host", "Database.port"]
    assert SEEN[0].environ["VAULT_TOKEN"] == "t"
    with open_resource(Database(host="h", port=Vault("p", 81))) as live:
        assert live.port == 81


async def _async_read(_self: object, _context: ReadContext) -> str:
    return HIDDEN


Async = type("Async", (Deferred,), {"read": _async_read})
CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)
Unfinished = type("Unfinished", (Deferred,), {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Vault("v", ValueError(HIDDEN)), "vault v could not be read: ValueError from Vault.read"),
        (Vault("v", ExceptionGroup(HIDDEN, [OSError(HIDDEN)])), "could not be read: ExceptionGroup from Vault.read"),
        (Vault("v", SourceError("the vault is sealed", hint="unseal it")), "the vault is sealed"),
        (Vault("v", [HIDDEN]), "expected str, got list"),
        (Vault("v", None), "expected str, got None"),
        (Vault("v", EnvVar("A")), "gave an EnvVar, which has no value yet itself"),
        (Vault("v", [EnvVar("A")]), "gave a list, which has no value yet itself"),
        (Vault("v", Database(host="h")), "gave a Database, which has no value yet itself"),
        (Vault("v", CIRCLE), "gave what is nested too deeply, or holds itself"),
        (Async(), "Async.read is async, nobody awaits it"),
        (Unfinished(), "NotImplementedError from Unfinished.read"),
    ],
)
def test_a_source_that_fails(source: Deferred, message: str) -> None:
    """Whatever a source raises or gives, its text is not shown: its type, the source and the field are."""
    with pytest.raises(ConfigError) as caught, open_resource(Database(host=source)):
        pass
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.where == "Database.host"
    assert leaks(caught.value, HIDDEN) == []


def test_an_interrupt_while_reading_is_not_swallowed() -> None:
    """Ctrl-C in a source is Ctrl-C."""
    with pytest.raises(KeyboardInterrupt), open_resource(Database(host=Vault("v", KeyboardInterrupt()))):
        pass


def test_a_source_whose_description_fails() -> None:
    """A describe() that raises hides nothing else: the class's name stands for it."""

    class Sulky(Vault):
        def describe(self) -> str:
            raise RuntimeError(HIDDEN)

    database = Database(host=Sulky("v", ValueError()))
    assert repr(database) == "Database(host=<Sulky>, port=5432)"
    with pytest.raises(UnresolvedError, match="it comes from Sulky"):
        database.host  # noqa: B018
    with pytest.raises(ConfigError, match="Sulky could not be read"), open_resource(database):
        pass


def test_the_repr_of_a_source_is_not_trusted() -> None:
    """A source made by attrs would show its token in its repr: resources show its description."""

    @attrs.frozen
    class Ssm(Deferred):
        token: str

        def read(self, context: ReadContext) -> str:
            return "h"

        def describe(self) -> str:
            return "ssm"

    assert repr(Database(host=Ssm(HIDDEN))) == "Database(host=<ssm>, port=5432)"
    assert HIDDEN not in repr(Api_(names=[Ssm(HIDDEN)]))


class Api_(ConfigurableResource):  # noqa: N801
    names: list[str]


# --- from_env ---


def test_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field comes from a variable; defaults stay defaults, optional fields are None."""

    class Api(ConfigurableResource):
        host: str
        port: int = 5432
        proxy: str | None
        tags: list[str] = field(factory=lambda: ["a"])
        kind_: str = field(alias="kind", default="x")
        token: str = secret()
        database: Database = Database(host="h")
        level: str = EnvVar("LEVEL", default="info")
        url: str = field()
        made: int = field(default=1, init=False)
        size: int = field(default="3", converter=int)

        @url.default
        def _url(self) -> str:
            return f"https://{self.host}"

    monkeypatch.setenv("API_HOST", "h")
    monkeypatch.setenv("API_TOKEN", HIDDEN)
    monkeypatch.setenv("API_KIND_", "y")
    with open_resource(Api.from_env("API_")) as live:
        assert (live.host, live.port, live.proxy, live.tags, live.kind_) == ("h", 5432, None, ["a"], "y")
        assert (live.token, live.database.host, live.level, live.url) == (HIDDEN, "h", "info", "https://h")
        assert (live.made, live.size) == (1, 3)
        assert HIDDEN not in repr(live)
    assert repr(Database.from_env()) == "Database(host=EnvVar('HOST'), port=EnvVar('PORT', default=...))"


def test_from_env_cannot_make_resources() -> None:
    """A required nested resource, or a prefix that is no text, is an error at once."""

    class Orders(ConfigurableResource):
        database: Database

    with pytest.raises(InvalidFieldError, match="'database' is required"):
        Orders.from_env("ORDERS_")
    with pytest.raises(DefinitionError, match="from_env wants the text"):
        Database.from_env(5)  # type: ignore[arg-type]
