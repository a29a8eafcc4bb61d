"""Where values come from is shown; secrets and values from outside never are, wherever one looks."""

import copy
import html
import json
import logging
import pprint
import typing
from pathlib import Path
from urllib.parse import quote, quote_plus

import attrs
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    ConfigurableResourceFactory,
    Deferred,
    EnvVar,
    Field,
    FileVar,
    InvalidFieldError,
    Problem,
    ReadContext,
    ResourceContainer,
    ResourceDependency,
    TeardownError,
    field,
    log_events,
    open_resource,
    replace,
    secret,
)
from tests.leaks import leaks

HIDDEN = "hunter2-is-hidden"


class Database(ConfigurableResource):
    host: str
    password: str = secret()
    port: int = 5432


class Orders(ConfigurableResource):
    database: Database
    others: list[Database] = field(factory=list)


# --- what is shown ---


def test_secrets_are_masked_in_every_repr() -> None:
    """A secret is `'***'` in repr and str, nested, in containers, in copies; the value itself is there to be used."""
    database = Database(host="h", password=HIDDEN)
    orders = Orders(database=database, others=[database])
    texts = [repr(database), str(database), f"{database!r} {database}", repr([database]), repr(orders)]
    texts += [repr(copy.deepcopy(orders)), repr(replace(database, port=1)), pprint.pformat({"a": orders})]
    with open_resource(orders) as live:
        texts += [repr(live), repr(live.database), repr(live.__dict__["database"])]
        assert live.database.password == HIDDEN
    assert all(HIDDEN not in text and "'***'" in text for text in texts)
    assert repr(Database(host="h", password=EnvVar("PASSWORD"))) == "Database(host='h', password='***', port=5432)"


def test_both_spellings_of_a_secret() -> None:
    """`secret()`, `field(secret=True)` and the guide's `Field(exclude=True)` mask alike, a repr= beside them too."""

    class Keys(ConfigurableResource):
        one: str = secret()
        two: str = field(secret=True, repr=lambda value: value)
        three: str = Field(exclude=True)

    assert repr(Keys(one=HIDDEN, two=HIDDEN, three=HIDDEN)) == "Keys(one='***', two='***', three='***')"


def test_every_source_is_shown_in_the_values_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A live resource's repr tells where each value from outside came from, never what it is."""

    class Vault(Deferred):
        def read(self, context: ReadContext) -> str:
            return HIDDEN

        def describe(self) -> str:
            return "vault db"

    class Client:
        def __repr__(self) -> str:
            return HIDDEN

    class Clients(ConfigurableResourceFactory[Client]):
        def create_resource(self) -> Client:
            return Client()

    class Api(ConfigurableResource):
        variable: str
        template: str
        file: str
        own: str
        parts: list[str]
        made: ResourceDependency[Client]
        provided: str
        unset: str = EnvVar("NOT_SET", default=HIDDEN)
        plain: str = "shown"
        url: str = field()

        @url.default
        def _url(self) -> str:
            return f"https://{self.variable}"

    (tmp_path / "word").write_text(HIDDEN)
    monkeypatch.setenv("WORD", HIDDEN)
    api = Api(
        variable=EnvVar("WORD"),
        template=EnvVar.template("-{WORD}-"),
        file=FileVar(tmp_path / "word"),
        own=Vault(),
        parts=["a", EnvVar("WORD"), FileVar(tmp_path / "word")],
        made=Clients(),
        provided=providers.Object(HIDDEN),  # type: ignore[arg-type]
    )
    assert HIDDEN not in repr(api)
    with open_resource(api) as live:
        assert live.url == f"https://{HIDDEN}"
        assert repr(live) == (
            f"Api(variable=<variable WORD>, template=<template of WORD>, file=<file {tmp_path / 'word'}>, "
            f"own=<vault db>, parts=<variable WORD, file {tmp_path / 'word'}>, made=<a factory>, "
            "provided=<a provider>, unset=<the default of variable NOT_SET>, plain='shown', "
            "url=<its default, which needs Api.variable>)"
        )


def test_what_a_class_makes_of_its_secrets_is_masked() -> None:
    """A default that repeats a secret, its own or a nested resource's, is masked like it."""

    class Dsn(ConfigurableResource):
        database: Database
        token: str = secret(default="s3cret-token")
        keys: dict[str, list[bytes]] = secret(factory=lambda: {"k": [b"s3cret-bytes"]})
        url: str = field()
        header: str = field()
        key: str = field()
        safe: str = field()

        @url.default
        def _url(self) -> str:
            return f"pg://{self.database.password}@h"

        @header.default
        def _header(self) -> str:
            return f"Bearer {self.token}"

        @key.default
        def _key(self) -> str:
            return self.keys["k"][0].decode()

        @safe.default
        def _safe(self) -> str:
            return self.database.host

    dsn = Dsn(database=Database(host="h", password=HIDDEN))
    with open_resource(dsn) as live:
        for each in (dsn, live):
            assert each.url == f"pg://{HIDDEN}@h"
            shown = repr(each)
            assert "url='***', header='***', key='***', safe='h'" in shown
            assert not any(text in shown for text in (HIDDEN, "s3cret"))


@pytest.mark.parametrize("encode", [quote, quote_plus, json.dumps, repr, ascii, html.escape])
def test_a_default_made_of_an_encoded_secret_is_masked(encode: typing.Callable[[str], object]) -> None:
    """A class that quotes a password into a URL, JSON or HTML makes a secret of it."""
    word = "p@ss/w\u00f6rd <&> \"%'"

    class Dsn(ConfigurableResource):
        password: str = secret()
        user: str = "u"
        url: str = field()

        @url.default
        def _url(self) -> str:
            return f"pg://{self.user}:{encode(self.password)}@h"

    with open_resource(Dsn(password=word)) as live:
        for each in (live, Dsn(password=word)):
            assert each.url == f"pg://u:{encode(word)}@h"
            assert repr(each) == "Dsn(password='***', user='u', url='***')"


def test_a_secret_of_any_type_is_found_in_what_repeats_it() -> None:
    """Numbers, paths and objects that cannot be printed are secrets as well as text is."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    class Keys(ConfigurableResource):
        pin: int = secret(default=48151623)
        path: Path = secret(default=Path("/hidden/path"))
        broken: Broken = secret(factory=Broken)
        nothing: str = secret(default="")
        url: str = field()
        safe: str = field()

        @url.default
        def _url(self) -> str:
            return f"file:{self.path}?{self.pin}"

        @safe.default
        def _safe(self) -> str:
            return "safe"

    assert repr(Keys()).endswith("nothing='***', url='***', safe='safe')")


def test_a_secret_is_found_through_every_path() -> None:
    """Two parents that share a resource are no reason to look twice, or to miss its secret."""

    class Parent(ConfigurableResource):
        orders: Orders
        database: Database
        limit: int = field(default=1)

        @limit.validator
        def _check(self, _attribute: typing.Any, _value: int) -> None:
            shouting(self.orders.others[0].password)

    database = Database(host="h", password=HIDDEN)
    with pytest.raises(InvalidFieldError) as caught:
        Parent(orders=Orders(database=database, others=[database, database]), database=database)
    assert leaks(caught.value, HIDDEN) == []


def test_secrets_of_nested_classes() -> None:
    """`secret()` in a nested attrs class masks there too: in its own repr, and while it is still a dict."""

    @attrs.frozen
    class Login:
        user: str
        password: str = secret()

    class Api(ConfigurableResource):
        login: Login
        more: list[Login] = field(factory=list)
        maybe: dict[str, Login | None] = field(factory=dict)

    declared = Api(login=Login("ada", HIDDEN), more=[Login("b", HIDDEN)])
    assert repr(declared) == (
        "Api(login=Login(user='ada', password='***'), more=[Login(user='b', password='***')], maybe={})"
    )
    parts = {"user": EnvVar("NAME", default="ada"), "password": HIDDEN}
    waiting = Api(login=parts, more=[parts], maybe={"a": parts})  # type: ignore[arg-type, list-item, dict-item]
    assert repr(waiting) == "Api(login='***', more='***', maybe='***')"
    for wrong in (
        {"login": {**parts, "user": 5}},
        {"login": {**parts, "usr": 5}},
        {"login": HIDDEN},
        {"more": [parts, 5]},
    ):
        with pytest.raises(InvalidFieldError) as caught:
            Api(**{"login": Login("a", HIDDEN), **wrong})  # type: ignore[arg-type]
        assert leaks(caught.value, HIDDEN) == []


def test_custom_reprs_of_fields() -> None:
    """`repr=` shows a real value as it likes, hides the field with False, and never meets what is not there."""

    class Api(ConfigurableResource):
        host: str = field(repr=lambda value: value[:2])
        port: int = field(default=1, repr=False)

    assert repr(Api(host="abcdef")) == "Api(host=ab)"
    assert repr(Api(host=EnvVar("HOST"))) == "Api(host=EnvVar('HOST'))"
    with open_resource(Api(host=EnvVar("HOST", default="abcdef"))) as live:
        assert repr(live) == "Api(host=<the default of variable HOST>)"


def test_reprs_stay_short_and_never_fail() -> None:
    """Huge values are cut, deep ones are ended, a value whose repr raises is shown by its class."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError(HIDDEN)

    class Any_(ConfigurableResource):  # noqa: N801
        value: typing.Any

    deep: typing.Any = 1
    for _ in range(50):
        deep = Any_(value=deep)
    assert len(repr(Any_(value="x" * 1_000_000))) < 300
    assert repr(deep).endswith("Any_(...)))))")
    assert len(repr(deep)) < 200
    assert repr(Any_(value=Broken())) == "Any_(value=<Broken>)"
    assert repr(Any_(value=(1,))) == "Any_(value=(1,))"
    assert repr(Any_(value=[set(), frozenset(), {1}, frozenset({1}), (1, 2), {"a": {1: 2}}])) == (
        "Any_(value=[set(), frozenset(), {1}, frozenset({1}), (1, 2), {'a': {1: 2}}])"
    )


# --- errors ---


@attrs.frozen
class Pool:
    size: int = attrs.field(validator=attrs.validators.lt(10))


def shouting(value: object) -> typing.NoReturn:
    """What a careless user's code does: it puts the value, and an error about it, into its own error."""
    try:
        raise KeyError(value)
    except KeyError as error:
        error.add_note(f"note {value}")
        raise ValueError(f"cannot use {value}", value) from error


class Careless(ConfigurableResource):
    checked: str = field(default="ok")
    made: str = field(default="ok", converter=lambda value: value if value == "ok" else shouting(value))
    hidden: str = secret(default="ok")
    derived: str = field()
    pool: Pool = Pool(1)

    @checked.validator
    @hidden.validator
    def _check(self, _attribute: typing.Any, value: str) -> None:
        if value != "ok":
            shouting(value)

    @derived.default
    def _derive(self) -> str:
        for value in (self.checked, self.made, self.hidden):
            if value == HIDDEN:
                shouting(value)
        return "ok"


@pytest.mark.parametrize("name", ["checked", "made", "hidden"])
def test_user_code_that_shouts_an_outside_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What validators, converters and defaults say of a value from outside is not passed on: their error's type is."""
    monkeypatch.setenv("WORD", HIDDEN)
    with pytest.raises(ConfigError) as caught, open_resource(Careless(**{name: EnvVar("WORD")})):
        pass
    assert leaks(caught.value, HIDDEN) == []
    assert f"Careless.{name}" in [problem.where for problem in caught.value.problems]
    assert "ValueError); its words are not shown" in str(caught.value)


def test_user_code_that_shouts_a_secret() -> None:
    """At construction a secret's validator is muted too, and whoever else repeats the secret."""
    with pytest.raises(InvalidFieldError) as caught:
        Careless(hidden=HIDDEN)
    assert leaks(caught.value, HIDDEN) == []
    assert [problem.where for problem in caught.value.problems] == ["Careless.derived", "Careless.hidden"]
    with pytest.raises(InvalidFieldError, match="cannot use plain"):
        Careless(checked="plain")


def test_a_validator_that_repeats_a_nested_secret() -> None:
    """A parent's validator that shouts what is secret in a nested resource is muted as well."""

    class Parent(ConfigurableResource):
        database: Database
        limit: int = field(default=1)

        @limit.validator
        def _check(self, _attribute: typing.Any, _value: int) -> None:
            shouting(self.database.password)

    with pytest.raises(InvalidFieldError) as caught:
        Parent(database=Database(host="h", password=HIDDEN))
    assert leaks(caught.value, HIDDEN) == []


def test_conversion_errors_hold_nothing_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Malformed text of a plain, secret or structured field is in no text, argument, note, cause or context."""

    class Api(ConfigurableResource):
        port: int
        key: int = secret()
        pools: list[Pool] = field(factory=list)
        labels: dict[int, int] = field(factory=dict)

    monkeypatch.setenv("WORD", HIDDEN)
    monkeypatch.setenv("JSON", f'[{{"size": "{HIDDEN}"}}, {{"{HIDDEN}": 1}}, {{"size": 77}}]')
    monkeypatch.setenv("TABLE", f'{{"{HIDDEN}": 1}}')
    api = Api(port=EnvVar("WORD"), key=EnvVar("WORD"), pools=EnvVar("JSON"), labels=EnvVar("TABLE"))
    with pytest.raises(ConfigError) as caught, open_resource(api):
        pass
    assert len(caught.value.problems) >= 5
    assert leaks(caught.value, HIDDEN, "77") == []
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_check_returns_holds_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems as data, their text, their dictionaries: none shows a value."""

    class App(ResourceContainer):
        database = Database(host="h", password=EnvVar("WORD"), port=EnvVar("WORD"))

    monkeypatch.setenv("WORD", HIDDEN)
    (problem,) = App().check()
    assert isinstance(problem, Problem)
    assert problem.where == "database.port"
    assert HIDDEN not in f"{problem} {problem!r} {problem.to_dict()}"
    assert HIDDEN not in f"{App().plan()} {App().plan()!r} {App()!r}"


def test_errors_of_hooks_name_the_resource_without_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook's own error is never edited; the note that is added to it shows no value."""

    class Failing(Database):
        def setup_for_execution(self) -> None:
            raise RuntimeError("mine")

        def teardown_after_execution(self) -> None:
            raise OSError("mine too")

    class Late(Failing):
        def setup_for_execution(self) -> None:
            pass

    monkeypatch.setenv("WORD", HIDDEN)
    values = {"host": EnvVar("WORD"), "password": HIDDEN}
    with pytest.raises(RuntimeError, match="mine") as caught, open_resource(Failing(**values)):
        pass
    assert caught.value.args == ("mine",)
    assert any("Failing" in note for note in caught.value.__notes__)
    assert leaks(caught.value, HIDDEN) == []
    with pytest.raises(TeardownError) as group, open_resource(Late(**values)):
        pass
    assert leaks(group.value, HIDDEN) == []


def test_events_and_logs_show_no_value(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners, log records and the report of a run name resources and phases, no values."""

    class App(ResourceContainer):
        database = Database(host=EnvVar("WORD"), password=EnvVar("WORD"))
        orders = Orders(database=database)

    monkeypatch.setenv("WORD", HIDDEN)
    events: list[object] = []
    app = App()
    app.listen(events.append)
    app.listen(log_events)
    with caplog.at_level(logging.DEBUG), app.run(report=True) as resources:
        assert resources.database.password == HIDDEN
        assert HIDDEN not in repr(resources)
    run = app.run(report=True)
    with run:
        pass
    assert events
    assert (
        HIDDEN not in f"{events} {run.report} {run.report!r} {caplog.text} {[record.args for record in caplog.records]}"
    )


def test_a_live_resource_is_not_turned_into_a_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    """`replace` of a live resource would show its values as declared ones: it is refused."""
    monkeypatch.setenv("WORD", HIDDEN)
    with open_resource(Database(host=EnvVar("WORD"), password="p")) as live, pytest.raises(TypeError) as caught:
        replace(live, port=1)
    assert leaks(caught.value, HIDDEN) == []


@attrs.frozen
class Deep:
    token: str = secret()


@attrs.frozen
class Wide:
    deep: Deep


class Keyed(ConfigurableResource):
    token: str = secret()


class Holding(ConfigurableResource):
    keyed: Keyed


class Unreadable(ConfigurableResource):
    x: "NoSuchName"  # type: ignore[name-defined]  # noqa: F821


class Holds(ConfigurableResource):
    unreadable: list[Unreadable] = field(factory=list)
    many: list[Keyed] = field(factory=list)
    either: Keyed | Holding | None = None
    holding: Holding | None = None
    wide: Wide | None = None
    named: dict[str, Keyed] = field(factory=dict)


@pytest.mark.parametrize(
    "wrong",
    [
        {"many": [{"token": HIDDEN}]},
        {"either": {"token": HIDDEN}},
        {"either": {"keyed": {"token": HIDDEN}}},
        {"holding": {"keyed": [{"token": HIDDEN}]}},
        {"holding": {"keyed": {"token": [HIDDEN]}}},
        {"holding": {"keyed": {"token": HIDDEN}, "more": HIDDEN}},
        {"wide": {"deep": {"token": HIDDEN}}},
        {"named": {"a": {"token": HIDDEN}}},
        {"named": [HIDDEN]},
        {"unreadable": [HIDDEN]},
    ],
)
def test_a_dict_for_a_nested_class_may_hold_a_secret(wrong: dict[str, object]) -> None:
    """What is given in the place of a nested class or resource with secrets, however deep inside, is not shown."""
    with pytest.raises(InvalidFieldError) as caught:
        Holds(**wrong)  # type: ignore[arg-type]
    assert not leaks(caught.value, HIDDEN)


def test_resources_mask_their_own_secrets() -> None:
    """Nested resources are shown, in lists and dicts too: each masks what is secret in it."""
    holds = Holds(many=[Keyed(token=HIDDEN)], named={"a": Keyed(token=HIDDEN)})
    assert "many=[Keyed(token='***')]" in repr(holds)
    assert "named={'a': Keyed(token='***')}" in repr(holds)


class Picky(ConfigurableResource):
    keyed: Keyed = field(validator=lambda _resource, _field, _value: _refuse())


def _refuse() -> None:
    raise ValueError("it must be the primary one")


def test_what_a_validator_says_of_a_resource_is_shown() -> None:
    """A validator's words of a resource that masks its own secrets are shown."""
    with pytest.raises(InvalidFieldError, match="it must be the primary one"):
        Picky(keyed=Keyed(token=HIDDEN))


# --- what is read for a secret is secret everywhere ---


class Vault(Deferred):
    def __init__(self, path: str) -> None:
        self.path = path

    def read(self, context: object) -> str:
        return HIDDEN

    def describe(self) -> str:
        return f"vault {self.path}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vault) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)


@attrs.frozen
class Account:
    user: str
    password: str = secret(default="")
    mirrors: list[str] = attrs.field(factory=list)


class Owner(ConfigurableResource):
    word: str = secret(default="")
    accounts: list[Account] = field(factory=list)


class Reader(ConfigurableResource):
    plain: typing.Any = None


def _default_shown(app: typing.Any) -> bool:
    """Whether any output shows the default that the reader has."""
    env, explained = app.env(), app.explain("reader")
    said = [
        str(env), env.dotenv(), env.markdown(), repr(env.to_dict()), repr(env.json_schema()), str(app.graph()),
        repr(app.graph().to_dict()), app.graph().html(), str(explained), repr(explained.to_dict()), repr(app.reader),
    ]  # fmt: skip
    return any("dflt" in each for each in said)


WORD = EnvVar("WORD")


@pytest.mark.parametrize(
    ("owner", "is_secret"),
    [
        (Owner(), False),
        (Owner(word=WORD), True),
        (Owner(word=EnvVar.int("WORD")), True),
        (Owner(word=EnvVar("WORD", default="another")), True),
        (Owner(word=EnvVar.template("x{WORD}y")), True),
        (Owner(word=EnvVar("OTHER")), False),
        (Owner(accounts=[{"user": "u", "password": WORD}]), True),  # type: ignore[list-item]
        (Owner(accounts=[{"user": WORD, "password": EnvVar("OTHER")}]), False),  # type: ignore[list-item]
        (Owner(accounts=[{"user": "u", "mirrors": [WORD]}]), False),  # type: ignore[list-item]
        (Owner(accounts=WORD), True),
    ],
)
def test_a_variable_of_a_secret_field_is_secret_in_every_field(owner: Owner, is_secret: bool) -> None:
    """The default of a plain field's variable is shown only where no secret field of the container reads the same."""
    app: typing.Any = ResourceContainer.of({"owner": owner, "reader": Reader(plain=EnvVar("WORD", default="dflt"))})
    assert _default_shown(app) is not is_secret
    assert any(entry.secret for entry in app.env().entries if entry.name == "WORD") is is_secret
    nested: typing.Any = ResourceContainer.of(
        {"owner": owner, "reader": Reader(plain=[{"k": EnvVar("WORD", default="dflt")}])}
    )
    assert _default_shown(nested) is not is_secret


def test_an_overlay_makes_a_variable_secret() -> None:
    """What a secret field reads by config counts; a declaration that config has replaced does not."""
    reader = Reader(plain=EnvVar("WORD", default="dflt"))
    app: typing.Any = ResourceContainer.of({"owner": Owner(), "reader": reader})
    assert _default_shown(app)
    assert not _default_shown(app.with_config({"owner": {"word": {"env": "WORD"}}}))
    app = ResourceContainer.of({"owner": Owner(word=WORD), "reader": reader})
    assert not _default_shown(app)
    assert _default_shown(app.with_config({"owner": {"word": "w"}}))


def test_files_and_sources_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file, however its path is written, and an equal source are secret in every field too."""
    monkeypatch.chdir(tmp_path)
    app: typing.Any = ResourceContainer.of(
        {
            "file": Owner(word=FileVar("word")),
            "own": Owner(word=Vault("db")),
            "reader": Reader(plain=[FileVar(tmp_path / "word"), FileVar("./word"), Vault("db"), Vault("other")]),
        }
    )
    (plain,) = app.explain("reader.plain").fields
    assert [(read.name, read.secret) for read in plain.reads] == [
        (str(tmp_path / "word"), True),
        ("./word", True),
        ("vault db", True),
        ("vault other", False),
    ]
