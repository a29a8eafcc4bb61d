"""`container.explain()` and `Environments.diff()`: where values come from, and what differs."""

import dataclasses
import json
from dataclasses import dataclass
from typing import TypedDict

import pytest
from rich.cells import cell_len

from resourcekit import (
    ConfigurableResource,
    Environments,
    EnvVar,
    ResourceContainer,
    UnknownFieldError,
    UnknownKeyError,
    field,
    replace,
    secret,
    value,
)
from tests.inspected import SECRETS, Database, Dev, Pool, Prod, environments
from tests.inspection.test_graph import printed


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("API_TOKEN", "LEVEL", "DB_HOST", "DB_PORT", "DB_USER", "POOL_SIZE", "SHOP_ENV"):
        monkeypatch.delenv(name, raising=False)


def outcomes(explanation):
    """What won and what lost, of the first field."""
    return [(origin.outcome, origin.source) for origin in explanation.fields[0].origins]


def test_what_won_and_what_lost(tmp_path):
    """A run's overlay beats the container's, that beats the declaration, that an earlier one, that the default."""
    file = tmp_path / "prod.toml"
    file.write_text("[database]\nport = 6000\n")
    app = Prod().with_config(file)
    explanation = app.explain("database.port", config={"database": {"port": 7000}})
    assert outcomes(explanation) == [
        ("won", "run(config=...)"),
        ("lost", f"overlay {file}"),
        ("lost", "declaration"),
        ("lost", "default of Database"),
    ]
    assert "6000" not in str(explanation) + json.dumps(explanation.to_dict())


def test_what_a_class_of_the_mro_had():
    """A declaration that another environment's class redefined is shown with its own line."""
    origins = Prod().explain("database.host").fields[0].origins
    assert [(origin.outcome, origin.source, origin.shown) for origin in origins] == [
        ("won", "declaration", "EnvVar('DB_HOST')"),
        ("lost", "earlier declaration", "'localhost'"),
    ]
    assert origins[0].declared.line > origins[1].declared.line


def test_an_override():
    """What replaces a key is told as an override, above the declaration it replaced."""
    app = Dev()
    with app.override(database=Database(host="fake", password="x")):
        assert outcomes(app.explain("database.host")) == [("won", "override"), ("lost", "earlier declaration")]


def test_whether_its_variable_is_set(monkeypatch):
    """It tells whether the variable is set, and which default is used; never the value."""
    app = Prod()
    assert "missing: variable DB_HOST is not set" in str(app.explain("database.host"))
    assert "variable DB_PORT is not set: its default 5433 is used" in str(app.explain("database.port"))
    monkeypatch.setenv("DB_HOST", "s3cret-one")
    text = str(app.explain("database.host"))
    assert "reads variable DB_HOST, which is set" in text
    assert "s3cret-one" not in text


def test_files_and_other_sources(monkeypatch, tmp_path):
    """A file is there or not; of other sources it is not told."""
    assert "missing: file /run/key is not there" in str(Dev().explain("orders.partners.0.password"))
    assert "reads vault orders/key" in str(Prod().explain("database.password"))
    file = tmp_path / "key"
    file.write_text("s3cret-one")
    app = Dev().with_config({"database": {"password": {"file": str(file)}}})
    assert f"reads file {file}\n" in str(app.explain("database.password")) + "\n"


def test_an_overlay_that_gives_a_part():
    """Where an overlay gives a part of a table, what is below gives the rest."""
    app = Prod().with_config({"database": {"pool": {"timeout": 5}}})
    assert outcomes(app.explain("database.pool"))[:2] == [("won", "with_config(...)"), ("in part", "declaration")]
    read = [each.words for each in app.explain("database.pool").fields[0].reads]
    assert read == ["variable POOL_SIZE"]


def test_a_part_of_a_field():
    """A path goes on into a class, a table or a list in a field; each part has its own sources, types and secrets."""
    app = Prod().with_config({"database": {"pool": {"timeout": 5}}})
    size = app.explain("database.pool.size")
    assert str(size).splitlines()[0] == "database.pool.size: int"
    assert outcomes(size) == [("won", "declaration"), ("lost", "default of Pool")]
    assert size.fields[0].shown == "EnvVar('POOL_SIZE', default=...)"
    assert "variable POOL_SIZE is not set: its default 20 is used" in str(size)
    timeout = app.explain("database.pool.timeout")
    assert outcomes(timeout) == [("won", "with_config(...)"), ("lost", "default of Pool")]
    assert "POOL_SIZE" not in str(timeout)
    token = app.explain("database.pool.token")
    assert (token.fields[0].secret, token.fields[0].shown) == (True, "'***'")
    assert outcomes(Dev().explain("database.pool.size")) == [("won", "default of Pool")]
    assert outcomes(Dev().explain("orders.database.port")) == [("won", "default of Database")]
    assert Dev().explain("orders.partners.0.host").fields[0].shown == "'inline'"
    assert Dev().explain("orders.database").fields[0].shown == "database"


def test_parts_of_every_kind():
    """Dataclasses, attrs classes, tables, lists and TypedDicts have parts; one from a single variable is all of it."""

    @dataclass
    class Limits:
        low: int = 1
        names: list[str] = dataclasses.field(default_factory=list)

    class Shape(TypedDict):
        side: int

    class Holder(ConfigurableResource):
        limits: Limits
        shape: Shape
        rates: dict[str, float] = field(factory=dict)
        hosts: list[str] = field(factory=list)
        deep: dict[str, list[Limits]] = field(factory=dict)
        pool: Pool | None = None
        closed: dict[str, str] = secret(factory=dict)

    holder = Holder(
        limits=Limits(low=2), shape={"side": 3}, rates={"eur": 1.5}, hosts=["a", EnvVar("HOST_B")],
        deep={"x": [Limits(), Limits(low=7)]}, closed={"key": "s3cret-one"},
    )  # fmt: skip
    app = ResourceContainer.of({"holder": holder, "late": replace(holder, limits=EnvVar("LIMITS"))})

    def part(path):
        found = app.explain(path).fields[0]
        return found.type, found.shown

    assert part("holder.limits.low") == ("int", "2")
    assert outcomes(app.explain("holder.limits.low")) == [("won", "declaration"), ("lost", "default of Limits")]
    assert part("holder.limits.names") == ("list[str]", "[]")
    assert part("holder.shape.side") == ("int", "3")
    assert part("holder.rates.eur") == ("float", "1.5")
    assert part("holder.hosts.1") == ("str", "EnvVar('HOST_B')")
    assert part("holder.deep.x.1.low") == ("int", "7")
    assert part("holder.pool.size") == ("int", "None")
    assert part("holder.closed.key") == ("str", "'***'")
    assert part("late.limits.low") == ("int", "EnvVar('LIMITS')")
    assert [read.words for read in app.explain("holder.hosts.1").fields[0].reads] == ["variable HOST_B"]
    assert [read.words for read in app.explain("late.limits.low").fields[0].reads] == ["variable LIMITS"]


def test_an_overlay_that_is_wrong():
    """An overlay's stand-in that is none is told by check; explain shows where it is all the same."""
    app = Dev().with_config({"database": {"host": {"env": ""}}})
    assert app.check(environment=False) == () or app.check()
    assert outcomes(app.explain("database.host"))[0] == ("won", "with_config(...)")


def test_a_fields_own_repr_is_honoured():
    """A field that is left out of reprs is not shown, one with a repr of its own is shown by that."""

    def loud(text):
        return text.upper()

    def broken(text):
        raise RuntimeError

    class Holder(ConfigurableResource):
        left_out: str = field(default="s3cret-one", repr=False)
        shouted: str = field(default="x", repr=loud)
        silent: str = field(default="x", repr=broken)

    app = ResourceContainer.of({"holder": Holder(left_out=EnvVar("IT", default="s3cret-one"), shouted="hello")})
    shown = {each.name: each.shown for each in app.explain("holder").fields}
    assert shown == {"left_out": "EnvVar('IT', default=...)", "shouted": "HELLO", "silent": "<str>"}
    assert ResourceContainer.of({"holder": Holder()}).explain("holder.left_out").fields[0].shown == "..."
    assert "s3cret-one" not in str(app.explain("holder")) + app.env().dotenv() + json.dumps(app.env().json_schema())


def test_a_field_without_a_value():
    """A field that nothing gives a value says so; one that may be None is None."""

    class Holder(ConfigurableResource):
        late: int = field(init=False)
        maybe: int | None
        made: list[int] = field(factory=lambda: [1])

    app = ResourceContainer.of({"holder": Holder()})
    assert "missing: nothing gives it a value" in str(app.explain("holder.late"))
    assert app.explain("holder.maybe").fields[0].shown == "None"
    assert app.explain("holder.made").fields[0].shown == "made by <lambda>"


def test_a_whole_resource():
    """Asked of a resource, it explains every field; inline ones are found by their path."""
    explanation = Dev().explain("orders.partners.0")
    assert [each.name for each in explanation.fields] == ["host", "port", "password", "pool", "url"]
    assert str(explanation).startswith("orders.partners.0.host: str, required\n")
    assert "site: the value str has no fields" in str(Dev().explain("site"))
    assert "'host'" not in json.dumps(Dev().explain("database.port").to_dict())


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("databse.port", "did you mean database"),
        ("database.prot", "Database has no field 'prot'; did you mean port?"),
        ("nothing", "Dev has no 'nothing'"),
        ("database.pool.sze", "Pool has no field 'sze'; did you mean size?"),
        ("database.pool.size.x", "pool.size is int: it has no 'x'"),
        ("database.host.x", "host is str: it has no 'x'"),
        ("orders.databse.port", "Orders has no field 'databse'; did you mean database?"),
        ("orders.database.prot", "Database has no field 'prot'; did you mean port?"),
        ("orders.partners.1.host", "partners has no '1'; there is: 0"),
        ("api.tags.0", "tags has no '0'; there is none"),
        ("api.since.year", "since is date | None: it has no 'year'"),
    ],
)
def test_a_name_that_is_not_there(where, words):
    """An unknown resource or field is an error with the nearest name."""
    with pytest.raises(UnknownFieldError) as caught:
        Dev().explain(where)
    assert words in str(caught.value)
    assert caught.value.where == where


def test_what_differs():
    """The difference of two environments tells resource, field and both values, as they may be shown."""
    diff = environments.diff("dev", "prod")
    assert [(change.name, change.change) for change in diff.changes] == [("database", "changed")]
    shown = {change.name: (change.left, change.right) for change in diff.changes[0].fields}
    assert shown == {
        "host": ("'localhost'", "EnvVar('DB_HOST')"),
        "port": ("5432", "EnvVar('DB_PORT', default=...)"),
        "password": ("'***'", "<vault orders/key>"),
        "pool": ("made by Pool", "{'size': EnvVar('POOL_SIZE', default=...)}"),
        "url": ("'none'", "<template of DB_USER, DB_HOST>"),
    }
    assert diff
    assert json.loads(json.dumps(diff.to_dict()))["changes"][0]["fields"][0]["left"] == "'localhost'"
    assert not environments.diff("dev", "dev")


def test_added_removed_and_other_classes():
    """A key that only one has, another class and another kind are differences too."""

    class Cache(ConfigurableResource): ...

    class Pooled(Cache, scope="app"):
        def setup_for_execution(self): ...

    class One(ResourceContainer):
        cache = Cache()
        old = value(1)
        kind = value(1)

    class Other(ResourceContainer):
        cache = Pooled()
        new = value(1)
        kind = Cache()

    diff = Environments(one=One, other=Other, default="one").diff("one", "other")
    assert [(each.name, each.change) for each in diff.changes] == [
        ("cache", "changed"), ("old", "removed"), ("kind", "changed"), ("new", "added")
    ]  # fmt: skip
    assert [each.name for each in diff.changes[0].fields] == ["class", "scope", "hooks"]
    assert str(diff).splitlines()[1].split() == ["resource", "change", "field", "one", "other"]


def test_secrets_are_compared_and_not_shown():
    """Two secrets that differ are a difference, and equal ones are none; neither is shown."""

    class One(ResourceContainer):
        database = Database(host="h", password="s3cret-one")

    class Other(ResourceContainer):
        database = Database(host="h", password="s3cret-two")

    diff = Environments(one=One, other=Other, same=One, default="one").diff("one", "other")
    assert [(each.name, each.left, each.right) for each in diff.changes[0].fields] == [("password", "'***'", "'***'")]


def test_values_that_cannot_be_compared():
    """A value whose comparison fails counts as different."""

    class Odd:
        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = object.__hash__

    class Holder(ConfigurableResource):
        it: object

    class One(ResourceContainer):
        holder = Holder(it=Odd())

    class Other(ResourceContainer):
        holder = Holder(it=Odd())

    assert Environments(one=One, other=Other, default="one").diff("one", "other")


def test_an_unknown_environment():
    """An unknown environment is an error with the nearest name."""
    with pytest.raises(UnknownKeyError, match="did you mean prod"):
        environments.diff("dev", "prd")


def test_the_plan_tells_what_it_reads():
    """A plan tells which steps can start together, and what each takes its config from."""
    plan = Prod().with_config({"orders": {"cache": "/x"}}).plan()
    assert [[step.name for step in steps] for steps in plan.levels] == [
        ["database", "api", "orders.partners.0"], ["orders"]
    ]  # fmt: skip
    assert plan.needs["orders"] == ("database", "api", "orders.partners.0")
    assert plan.sources["orders"] == ("with_config(...)",)
    assert plan.sources["api"] == ("variable API_TOKEN", "variable LEVEL")
    data = plan.to_dict()
    assert (data["async"], data["levels"][1], data["steps"][0]["level"]) == (True, ["orders"], 1)
    assert "can start together: database, api, orders.partners.0" in str(plan)
    assert "can start together" in printed(plan)


def test_no_secret_is_in_any_form():
    """No form of a plan, an explanation or a difference holds a secret."""
    things = [Dev().plan(), Prod().plan(), environments.diff("dev", "prod"), environments.diff("prod", "dev")]
    things += [app.explain(entry.name) for app in (Dev(), Prod()) for entry in app.graph().entries]
    for thing in things:
        forms = [str(thing), repr(thing), json.dumps(thing.to_dict()), thing._repr_html_(), printed(thing, 200)]
        assert not any(hidden in form for hidden in SECRETS for form in forms)


def test_a_terminal_of_eighty_columns():
    """On a terminal no line is longer than it is wide, and nothing is cut off."""
    app = ResourceContainer.of({"database": Database(host=EnvVar("A_VERY_LONG_NAME" * 8), password="x")})
    for thing in (app.env(), app.plan(), app.explain("database"), environments.diff("dev", "prod")):
        text = printed(thing)
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text


def test_words_of_any_length():
    """Where a word is longer than the terminal is wide, the rows are blocks, and that word alone is folded."""
    name = "A_VERY_LONG_NAME" * 8
    app = ResourceContainer.of({"database": Database(host=EnvVar(name), password="x")})
    lines = printed(app.env(), 60).splitlines()
    assert lines[0].startswith("environment of")
    assert "".join(line.strip() for line in lines[1:4]) == name
    assert [line.split()[:2] for line in lines[4:]] == [["status", "missing"], ["type", "str"], ["needed", "by"]]


def test_wide_letters():
    """Letters that take two places are counted as such: a table of them fits the terminal too."""

    class Shop(ConfigurableResource):
        name: str = "注文" * 10
        other: str = "注文 " * 20

    text = printed(ResourceContainer.of({"shop": Shop()}).explain("shop"))
    assert max(map(cell_len, text.splitlines())) <= 80
    assert f"'{'注文' * 10}'" in text
