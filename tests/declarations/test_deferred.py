"""Values that are not there yet: variables, templates, files, sources of the user's own."""

import datetime
import enum
import logging
import os
import pickle
import re
import typing
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    DefinitionError,
    EnvVar,
    FileVar,
    InvalidFieldError,
    PlanError,
    ReadContext,
    ResourceContainer,
    SourceError,
    UnresolvedError,
    field,
    open_resource,
    ref,
)
from tests.leaks import leaks

HIDDEN = "hunter2-from-outside"


class Database(ConfigurableResource):
    host: str
    port: int = 5432


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


@attrs.frozen
class Pool:
    size: int
    names: list[str] = attrs.field(factory=list)


# --- variables ---


def test_a_variable_is_read_once_per_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read when a resource is declared; each run sees the value of its time, and keeps it."""
    database = Database(host=EnvVar("HOST"))
    for value in ("a", "b"):
        monkeypatch.setenv("HOST", value)
        with open_resource(database) as live:
            monkeypatch.setenv("HOST", "changed")
            assert live.host == value


def test_an_app_scoped_resource_reads_once_per_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """With app scope the value is that of the start, for every run until the app is left."""

    class Shared(Database, scope="app"):
        pass

    class App(ResourceContainer):
        database = Shared(host=EnvVar("HOST"))

    monkeypatch.setenv("HOST", "a")
    app = App()
    with app:
        monkeypatch.setenv("HOST", "b")
        for _ in range(2):
            with app.run() as resources:
                assert resources.database.host == "a"
    with app, app.run() as resources:
        assert resources.database.host == "b"


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "", ""),
        (str, " a ", " a "),
        (int, "5", 5),
        (float, "1.5", 1.5),
        (bool, "off", False),
        (bytes, "a", b"a"),
        (Path, "/tmp", Path("/tmp")),
        (datetime.date, "2024-05-31", datetime.date(2024, 5, 31)),
        (datetime.timedelta, "PT30S", datetime.timedelta(seconds=30)),
        (Level, "high", Level.HIGH),
        (Level, "HIGH", Level.HIGH),
        (typing.Literal["a", 1], "1", 1),
        (list[int], "1, 2", [1, 2]),
        (set[str], '["a"]', {"a"}),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Pool, '{"size": 3}', Pool(3)),
        (int | str, "5", 5),
        (str | int, "5", 5),
        (int | None, "", None),
        (int | None, "5", 5),
        (typing.Any, "5", "5"),
    ],
)
def test_the_fields_type_decides_what_a_text_becomes(
    annotation: typing.Any, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a variable is converted to the field's type, in a str field it stays as it is."""
    cls = type("Typed", (ConfigurableResource,), {"__annotations__": {"x": annotation}})
    monkeypatch.setenv("X", text)
    with open_resource(cls(x=EnvVar("X"))) as live:
        assert live.x == value
        assert type(live.x) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "reason"),
    [
        (int, "", "not a whole number"),
        (int, "1.5", "not a whole number"),
        (bool, "maybe", "true, false, t, f, 1, 0, yes, no, on, off"),
        (Level, HIDDEN, "the names are LOW, HIGH"),
        (list[int], f"1,{HIDDEN}", "not a whole number"),
        (dict[str, int], HIDDEN, "invalid JSON"),
        (Pool, '{"sizes": 3}', "did you mean size?"),
        (Database, HIDDEN, "a nested resource cannot come from text"),
    ],
)
def test_a_malformed_variable(annotation: typing.Any, text: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that does not fit is told by field, type and source; the text itself is nowhere."""
    cls = type("Typed", (ConfigurableResource,), {"__annotations__": {"x": annotation}})
    monkeypatch.setenv("X", text)
    with pytest.raises(ConfigError) as caught, open_resource(cls(x=EnvVar("X"))):
        pass
    assert any(reason in problem.message for problem in caught.value.problems)
    assert all(problem.source == "variable X" and problem.declared for problem in caught.value.problems)
    assert leaks(caught.value, HIDDEN) == []


@pytest.mark.parametrize(("missing", "other"), [("PW", "PWD"), ("PATHS", "PATH"), ("DB_HOST", "DB_PORT")])
def test_a_missing_variable_that_is_like_no_other(missing: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that every shell has, or that is only somewhat like the missing one, is not proposed."""
    monkeypatch.delenv(missing, raising=False)
    monkeypatch.setenv(other, "x")
    with pytest.raises(ConfigError) as caught, open_resource(Database(host=EnvVar(missing))):
        pass
    assert caught.value.problems[0].hint == f"set it, or give EnvVar({missing!r}, default=...)"


def test_a_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set is an error that names variable, field, place, and a variable with nearly that name."""
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    monkeypatch.setenv("DATABASE_HOSTS", "x")
    with pytest.raises(ConfigError) as caught, open_resource(Database(host=EnvVar("DATABASE_HOST"))):
        pass
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("missing-variable", "Database.host")
    assert problem.message == "variable DATABASE_HOST is not set"
    assert (
        problem.hint == "set it, or give EnvVar('DATABASE_HOST', default=...); DATABASE_HOSTS is set: is that the one?"
    )
    assert problem.declared is not None
    assert problem.declared.file == __file__
    assert (problem.expected, problem.source) == ("str", "variable DATABASE_HOST")


def test_a_default_is_of_the_fields_type_and_not_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default stands in for an unset variable as it is; an empty variable is set."""

    class Api(ConfigurableResource):
        name: str = EnvVar("NAME", default="5")
        ports: list[int] = EnvVar("PORTS", default=[1])
        either: int | str = EnvVar("EITHER", default="5")

    api = Api()
    with open_resource(api) as live:
        assert (live.name, live.ports, live.either) == ("5", [1], "5")
        live.ports.append(2)
        assert "<the default of variable NAME>" in repr(live)
    with open_resource(api) as live:
        assert live.ports == [1]
    monkeypatch.setenv("NAME", "")
    monkeypatch.setenv("EITHER", "5")
    with open_resource(api) as live:
        assert (live.name, live.either) == ("", 5)
        assert "<variable NAME>" in repr(live)


def test_a_default_of_the_wrong_type_is_told_at_construction() -> None:
    """A variable's default is checked where it is declared, in a list too."""

    class Api(ConfigurableResource):
        port: int
        ports: list[int] = field(factory=list)

    with pytest.raises(InvalidFieldError) as caught:
        Api(port=EnvVar("PORT", default="5432"), ports=[EnvVar("P", default="80")])
    assert [problem.where for problem in caught.value.problems] == ["Api.port", "Api.ports"]
    assert caught.value.problems[0].message == "the default of variable PORT does not fit: expected int, got str"
    assert Api(port=EnvVar("PORT", default=1)).__class__ is Api


def test_env_var_int(monkeypatch: pytest.MonkeyPatch) -> None:
    """`EnvVar.int`, as the guide writes it, reads a whole number."""
    monkeypatch.setenv("PORT", "80")
    with open_resource(Database(host="h", port=EnvVar.int("PORT"))) as live:
        assert live.port == 80

    class Loose(ConfigurableResource):
        value: typing.Any

    with open_resource(Loose(value=[EnvVar.int("PORT"), EnvVar.int("NOT_SET", default=1)])) as loose:
        assert loose.value == [80, 1]
    assert EnvVar.int("A") != EnvVar("A")
    assert repr(EnvVar.int("A", default=1)) == "EnvVar.int('A', default=...)"


def test_get_value_reads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_value` is for code outside any run; without a variable it gives a default, else None."""
    monkeypatch.setenv("A", "1")
    assert EnvVar("A").get_value() == "1"
    assert EnvVar("NOT_SET").get_value("d") == "d"
    assert EnvVar("NOT_SET", default="own").get_value("d") == "own"


def test_get_value_of_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """`EnvVar.int` gives a number there too; where the variable has another text, the error does not show it."""
    monkeypatch.setenv("A", "1")
    monkeypatch.setenv("B", "hunter2")
    assert EnvVar.int("A").get_value() == 1
    assert EnvVar.int("NOT_SET").get_value(5) == 5
    with pytest.raises(SourceError, match="variable B is not a whole number") as caught:
        EnvVar.int("B").get_value()
    assert not leaks(caught.value, "hunter2")


@pytest.mark.parametrize("name", ["", "A=B", "A\0B", 5, None, EnvVar("A")])
def test_names_that_no_variable_can_have(name: typing.Any) -> None:
    """A name that is no name is refused where it is written."""
    with pytest.raises(DefinitionError, match="EnvVar wants the name of a variable"):
        EnvVar(name)


def test_deferred_values_are_never_text_or_numbers() -> None:
    """Every use of a deferred value as if it were the value is an UnresolvedError; nothing gives the name."""
    variable = EnvVar("DB_HOST")
    uses: list[typing.Callable[[], object]] = [
        lambda: str(variable),
        lambda: f"{variable}",
        lambda: f"{variable:>5}",
        lambda: "%s" % variable,  # noqa: UP031
        lambda: variable + "x",
        lambda: "x" + variable,
        lambda: variable * 2,
        lambda: int(variable),
        lambda: float(variable),
        lambda: len(variable),
        lambda: list(variable),
        lambda: bool(variable),
        lambda: variable[0],
        lambda: "x" in variable,
        lambda: variable < "x",
        lambda: os.fspath(variable),
        lambda: range(variable),
    ]
    for use in uses:
        with pytest.raises(UnresolvedError, match="EnvVar has no value yet: it comes from variable DB_HOST"):
            use()
    with pytest.raises(AttributeError):
        variable.upper()
    assert repr(variable) == "EnvVar('DB_HOST')"


def test_equal_sources_are_equal() -> None:
    """Two spellings of one source compare and hash alike, and pickle; what is different is unequal."""
    same = [
        lambda: EnvVar("A"),
        lambda: EnvVar("A", default=[1]),
        lambda: EnvVar.template("{A}-{B}"),
        lambda: FileVar("/a"),
        lambda: ref("a"),
    ]
    for make in same:
        assert make() == make()
        assert hash(make()) == hash(make())
        assert pickle.loads(pickle.dumps(make())) == make()
    assert len({make() for make in same if make is not same[1]}) == 4
    assert all(one() != other() for one in same for other in same if one is not other)
    assert FileVar(Path("/a")) == FileVar("/a")


# --- reading a declaration ---


def test_reading_a_field_that_has_no_value_yet() -> None:
    """The error names class, field, source and the way out, directly, through a property, and for parts of a value."""

    class Api(ConfigurableResource):
        host: str
        names: list[str]
        labels: dict[str, typing.Any]

        @property
        def url(self) -> str:
            return f"https://{self.host}"

    api = Api(
        host=EnvVar("HOST"), names=["a", FileVar("/name")], labels={"a": [EnvVar("A")], "b": EnvVar.template("{B}")}
    )
    expected = {
        "host": ("host", "variable HOST"),
        "url": ("host", "variable HOST"),
        "names": ("names", "file /name"),
        "labels": ("labels", "variable A, template of B"),
    }
    for name, (told, source) in expected.items():
        with pytest.raises(AttributeError) as caught:
            getattr(api, name)
        assert isinstance(caught.value, UnresolvedError)
        assert (caught.value.owner, caught.value.field, caught.value.source) == ("Api", told, source)
        assert "use `with open_resource(...)`, or a container's `run()`" in str(caught.value)
        assert not hasattr(api, name)
    with pytest.raises(AttributeError, match="'Api' object has no attribute 'hots'"):
        api.hots  # type: ignore[attr-defined]  # noqa: B018


def test_deferred_values_inside_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists, tuples, sets and dicts may hold deferred values at any depth, with the type wanted there."""

    class Api(ConfigurableResource):
        ports: list[int]
        pair: tuple[str, int]
        names: set[str]
        nested: dict[str, list[float]]
        pool: Pool
        pools: list[Pool] = field(factory=list)

    monkeypatch.setenv("N", "5")
    api = Api(
        ports=[1, EnvVar("N")],
        pair=("a", EnvVar("N")),
        names={"a", EnvVar("N")},
        nested={"a": [EnvVar("N")]},
        pool={"size": EnvVar("N"), "names": [EnvVar("N")]},  # type: ignore[arg-type]
        pools=[{"size": EnvVar("N")}, Pool(1)],  # type: ignore[list-item]
    )
    with open_resource(api) as live:
        assert (live.ports, live.pair, live.names, live.nested) == ([1, 5], ("a", 5), {"a", "5"}, {"a": [5.0]})
        assert live.pool == Pool(5, ["5"])
        assert live.pools == [Pool(5), Pool(1)]
    monkeypatch.setenv("N", HIDDEN)
    with pytest.raises(ConfigError) as caught, open_resource(api):
        pass
    assert [problem.where for problem in caught.value.problems] == [
        "Api.ports.1",
        "Api.pair.1",
        "Api.nested.a.0",
        "Api.pool.size",
        "Api.pools.0.size",
    ]
    assert leaks(caught.value, HIDDEN) == []


# --- templates and files ---


def test_a_template_of_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text made of variables is read as one; braces are doubled; every missing variable is named."""
    monkeypatch.setenv("USER_NAME", "ada{X}")
    monkeypatch.setenv("WORD", HIDDEN)
    database = Database(host=EnvVar.template("pg://{USER_NAME}:{WORD}@h/{{x}}?{USER_NAME}"))
    assert repr(database) == "Database(host=<template of USER_NAME, WORD>, port=5432)"
    with open_resource(database) as live:
        assert live.host == f"pg://ada{{X}}:{HIDDEN}@h/{{x}}?ada{{X}}"
        assert HIDDEN not in repr(live)
    monkeypatch.delenv("WORD")
    with pytest.raises(ConfigError, match="variable WORD is not set"), open_resource(database):
        pass
    monkeypatch.delenv("USER_NAME")
    with pytest.raises(ConfigError, match="variables USER_NAME, WORD are not set"), open_resource(database):
        pass


@pytest.mark.parametrize("text", ["", "no variable", "{", "{}", "{0}", "{A!r}", "{A:>5}", "{A.b}", "{a b}", 5, None])
def test_malformed_templates(text: typing.Any) -> None:
    """A template without a plain variable name in braces is refused where it is written."""
    with pytest.raises(DefinitionError, match=r"EnvVar\.template wants text with"):
        EnvVar.template(text)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"", ""),
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b"secret\r", "secret\r"),
        (b"two\r\nlines\n", "two\r\nlines"),
        (b" spaces \n", " spaces "),
        (b"\n", ""),
        (b"\xef\xbb\xbfmarked\n", "marked"),
        ("é".encode(), "é"),
    ],
)
def test_the_text_of_a_file(content: bytes, value: str, tmp_path: Path) -> None:
    """A file gives its text without a byte order mark and without one trailing newline."""
    (tmp_path / "word").write_bytes(content)
    assert FileVar(tmp_path / "word").read(ReadContext({})) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_read_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """What was written, with a newline of either kind after it, is what is read."""
    file = tmp_path_factory.getbasetemp() / "text"
    for newline in ("\n", "\r\n"):
        file.write_bytes((text + "." + newline).encode())
        assert FileVar(file).read(ReadContext({})) == text.removeprefix("\ufeff") + "."


def test_files_are_converted_and_read_per_run(tmp_path: Path) -> None:
    """A file in an int field gives an int, and each run reads it again."""
    file = tmp_path / "port"
    database = Database(host="h", port=FileVar(file))
    for text, value in (("80\n", 80), ("81", 81)):
        file.write_text(text)
        with open_resource(database) as live:
            assert live.port == value


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory and a file that is not UTF-8 are told with their path, and nothing of the content."""
    (tmp_path / "odd").write_bytes(HIDDEN.encode() + b"\xff")
    cases = {
        str(tmp_path / "none"): "No such file or directory",
        str(tmp_path): "Is a directory",
        str(tmp_path / "odd"): f"it is not UTF-8 (byte {len(HIDDEN)})",
        "\ud800": "its path is not valid",
    }
    for path, reason in cases.items():
        with pytest.raises(ConfigError) as caught, open_resource(Database(host=FileVar(path))):
            pass
        (problem,) = caught.value.problems
        assert (problem.code, problem.where) == ("unreadable-source", "Database.host")
        assert problem.message == f"file {path} cannot be read: {reason}"
        assert HIDDEN not in ascii(problem)
    for wrong in ("", 5, None, "a\0b", b"a"):
        with pytest.raises(DefinitionError, match="FileVar wants the path of a file"):
            FileVar(wrong)  # type: ignore[arg-type]


# --- references ---


def test_references_belong_into_containers() -> None:
    """`ref` names a key; without a container there is none, and the error says so before anything opens."""
    for wrong in ("", 5, None):
        with pytest.raises(DefinitionError, match="ref wants the key"):
            ref(wrong)  # type: ignore[call-overload]

    class Orders(ConfigurableResource):
        database: Database

    with pytest.raises(PlanError, match=r"ref\('database'\)"), open_resource(Orders(database=ref("database"))):
        pass
    with pytest.raises(SourceError, match="known to a container only"):
        ref("database").read(ReadContext({}))


# --- everything before anything ---


def test_everything_wrong_is_told_before_anything_opens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All config problems of all resources come in one error, with path and place, and no hook has run."""
    opened = []

    class Store(ConfigurableResource):
        database: Database
        limit: int

        def setup_for_execution(self) -> None:
            opened.append(self)

    class App(ResourceContainer):
        database = Database(host=EnvVar("NOT_SET"), port=EnvVar("PORT"))
        store = Store(database=database, limit=FileVar(tmp_path / "none"))

    monkeypatch.setenv("PORT", HIDDEN)
    with pytest.raises(ConfigError) as caught, App().run("store"):
        pass
    assert [(problem.where, problem.code) for problem in caught.value.problems] == [
        ("database.host", "missing-variable"),
        ("database.port", "invalid-value"),
        ("store.limit", "unreadable-source"),
    ]
    assert caught.value.problems[0].path == ("store", "database")
    assert re.search(r"declared: +.*test_deferred\.py:\d+ \(Database\)", str(caught.value))
    assert opened == []
    assert leaks(caught.value, HIDDEN) == []


@pytest.mark.parametrize("text", ["x" * 1_048_576, "[" * 100_000, "9" * 100_000, "a\udcffb"])
def test_huge_and_odd_variables(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte of text, brackets without end, or bytes that are no UTF-8: a short error, quickly."""
    monkeypatch.setenv("X", text)
    for annotation in (int, list[int], dict[str, int], Level, datetime.datetime):
        cls = type("Typed", (ConfigurableResource,), {"__annotations__": {"x": annotation}})
        with pytest.raises(ConfigError) as caught, open_resource(cls(x=EnvVar("X"))):
            pass
        assert len(str(caught.value)) < 3000
        assert leaks(caught.value, text[:9]) == []


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successful run writes no value to the log."""
    monkeypatch.setenv("HOST", HIDDEN)
    with caplog.at_level(logging.DEBUG), open_resource(Database(host=EnvVar("HOST"))):
        pass
    assert HIDDEN not in caplog.text
