"""Rows 38-53: environment variables."""

import os.path
from enum import Enum
from typing import Literal

from tests.dagster_rows.expected import better, same


class Colour(Enum):
    """The value is not the name."""

    RED = "r"


@same("now")
def test_row_038_read_at_run_start(dg, monkeypatch):
    """A variable is read when a run starts, never at construction."""

    class Api(dg.ConfigurableResource):
        url: str

    monkeypatch.delenv("ROW_URL", raising=False)
    api = Api(url=dg.EnvVar("ROW_URL"))
    monkeypatch.setenv("ROW_URL", "now")
    return dg.live(api, lambda live: live.url)


@same(["one", "one", "two"])
def test_row_039_each_run_reads(dg, monkeypatch):
    """Each run sees the variable's value of its own start, and keeps it."""

    class Api(dg.ConfigurableResource):
        url: str

    api = Api(url=dg.EnvVar("ROW_URL"))
    seen = []
    monkeypatch.setenv("ROW_URL", "one")
    with dg.run({"api": api}) as first:
        seen.append(first.api.url)
        monkeypatch.setenv("ROW_URL", "two")
        seen.append(first.api.url)
    with dg.run({"api": api}) as second:
        seen.append(second.api.url)
    return seen


@better(ours=("error: config", True, True, True), dagster=("error: config", True, False, False))
def test_row_040_unset(dg):
    """A variable that is not set is an error at run start, which names it and the way to the resource."""

    class Inner(dg.ConfigurableResource):
        url: str

    class Outer(dg.ConfigurableResource):
        inner: Inner

    def start():
        with dg.run({"outer": Outer(inner=Inner(url=dg.EnvVar("ROW_UNSET")))}):
            pass

    message = dg.message(start)
    return dg.attempt(start), "ROW_UNSET" in message, "outer.inner.url" in message, "Stack Trace" not in message


@same(("error: config", True))
def test_row_041_every_unset_variable(dg):
    """Several variables that are not set are told in one error."""

    class Api(dg.ConfigurableResource):
        url: str
        token: str

    def start():
        dg.live(Api(url=dg.EnvVar("ROW_UNSET_1"), token=dg.EnvVar("ROW_UNSET_2")))

    message = dg.message(start)
    return dg.attempt(start), "ROW_UNSET_1" in message and "ROW_UNSET_2" in message


@same((1, "error: config"))
def test_row_042_only_what_is_needed(dg):
    """A variable that is not set matters to the runs that need its resource, and to no others."""

    class Api(dg.ConfigurableResource):
        url: str = ""

    resources = {"needed": Api(), "other": Api(url=dg.EnvVar("ROW_UNSET"))}

    def all_of_them():
        with dg.run(resources):
            pass

    return dg.in_job(lambda live: 1, resources, "needed"), dg.attempt(all_of_them)


@same("")
def test_row_043_empty(dg, monkeypatch):
    """A variable that is set but empty is an empty text."""

    class Api(dg.ConfigurableResource):
        url: str

    monkeypatch.setenv("ROW_URL", "")
    return dg.live(Api(url=dg.EnvVar("ROW_URL")), lambda live: live.url)


@same({"8": 8, "why": "error: config", "": "error: config", None: "error: config"})
def test_row_044_int_variables(dg, monkeypatch):
    """EnvVar.int gives a whole number, or an error in the report."""

    class Api(dg.ConfigurableResource):
        port: int

    def read(text):
        monkeypatch.delenv("ROW_PORT", raising=False)
        if text is not None:
            monkeypatch.setenv("ROW_PORT", text)
        return dg.attempt(lambda: dg.live(Api(port=dg.EnvVar.int("ROW_PORT")), lambda live: live.port))

    return {text: read(text) for text in ("8", "why", "", None)}


TYPED = {"int": (int, "8", 8), "float": (float, "1.5", 1.5), "bool": (bool, "yes", True),
         "literal": (Literal["on", "off"], "on", "on"), "enum": (Colour, "r", Colour.RED)}  # fmt: skip


@better(
    ours={"int": 8, "float": 1.5, "bool": True, "literal": "on", "enum": Colour.RED},
    dagster=dict.fromkeys(TYPED, "error: invalid field"),
)
def test_row_045_every_type(dg, monkeypatch):
    """A variable fits a field of any type, and is converted when it is read."""

    def read(annotation, text):
        monkeypatch.setenv("ROW_X", text)
        return dg.live(dg.class_with(x=annotation)(x=dg.EnvVar("ROW_X")), lambda live: live.x)

    return {name: dg.attempt(read, annotation, text) for name, (annotation, text, _) in TYPED.items()}


@better(
    ours={"1": True, "true": True, "": "error: config", "0": False, "false": False, "none": "error: config",
          "no": False, "off": False, "f": False, "perhaps": "error: config", "float": 1.5},
    dagster={"1": True, "true": True, "": False, "0": False, "false": False, "none": False,
             "no": True, "off": True, "f": True, "perhaps": True, "float": "error: config"},
)  # fmt: skip
def test_row_046_bools_and_floats(dg, monkeypatch):
    """A bool's words are known, and an unknown one is an error; a float is read too."""

    class Api(dg.ConfigurableResource):
        on: bool = False
        rate: float = 0.0

    def read(field, text):
        monkeypatch.setenv("ROW_X", text)
        config = {field: {"env": "ROW_X"}}
        return dg.attempt(lambda: dg.live(Api(), lambda live: getattr(live, field), config=config))

    words = ("1", "true", "", "0", "false", "none", "no", "off", "f", "perhaps")
    return {**{text: read("on", text) for text in words}, "float": read("rate", "1.5")}


@better(
    ours={"long": "long enough", "short": "error: config", "number": 5, "small number": "error: config"},
    dagster={"long": "error: invalid field", "short": "error: invalid field", "number": "error: invalid field",
             "small number": "error: invalid field"},
)  # fmt: skip
def test_row_047_constraints(dg, monkeypatch):
    """A constraint is checked on the value that the variable has, never on its name."""

    class Api(dg.ConfigurableResource):
        token: str = dg.long_enough(6, default="long enough")
        retries: int = dg.at_least(2, default=2)

    def read(field, variable, text):
        monkeypatch.setenv("ROW_X", text)
        return dg.attempt(lambda: dg.live(Api(**{field: variable("ROW_X")}), lambda live: getattr(live, field)))

    return {
        "long": read("token", dg.EnvVar, "long enough"),
        "short": read("token", dg.EnvVar, "short"),
        "number": read("retries", dg.EnvVar.int, "5"),
        "small number": read("retries", dg.EnvVar.int, "1"),
    }


@same([["a", "v"], {"k": "v"}, {"k": ["v"]}, "v", ["v"], ["v"], "v", [8]])
def test_row_048_everywhere(dg, monkeypatch):
    """Variables may stand inside lists, dicts, nested config and nested resources."""
    monkeypatch.setenv("ROW_V", "v")
    monkeypatch.setenv("ROW_N", "8")

    class Part(dg.Config):
        x: str

    class Inner(dg.ConfigurableResource):
        x: str

    class Api(dg.ConfigurableResource):
        a: list[str]
        b: dict[str, str]
        c: dict[str, list[str]]
        d: Part
        e: list[Part]
        f: dict[str, Part]
        g: Inner
        h: list[int]

    v = dg.EnvVar("ROW_V")
    api = Api(a=["a", v], b={"k": v}, c={"k": [v]}, d={"x": v}, e=[{"x": v}], f={"k": {"x": v}}, g=Inner(x=v),
              h=[dg.EnvVar.int("ROW_N")])  # fmt: skip

    def read(r):
        return [r.a, r.b, r.c, r.d.x, [part.x for part in r.e], [part.x for part in r.f.values()], r.g.x, r.h]

    return dg.live(api, read)


@same("v")
def test_row_049_as_a_default(dg, monkeypatch):
    """A variable may be a field's default."""
    monkeypatch.setenv("ROW_V", "v")

    class Api(dg.ConfigurableResource):
        x: str = dg.EnvVar("ROW_V")

    return dg.live(Api(), lambda live: live.x)


USES = {
    "str()": str,
    "f-string": lambda variable: f"{variable}",
    "%s": lambda variable: "%s" % variable,  # noqa: UP031
    "+": lambda variable: variable + "x",
    "upper()": lambda variable: variable.upper(),
    "len()": len,
    "join": lambda variable: os.path.join("a", variable),
}
INT_USES = {"int()": int, "int + 1": lambda variable: variable + 1}


@better(
    ours=dict.fromkeys([*USES, *INT_USES], True),
    dagster={
        **dict.fromkeys(USES, False),
        "str()": True,
        "f-string": True,
        "%s": True,
        "int()": True,
        "int + 1": False,
    },
)
def test_row_050_never_text(dg):
    """A variable that was not read is never silently used as a text or a number."""

    def refuses(use, variable):
        return str(dg.attempt(lambda: use(variable))).startswith("error: ")

    text, number = dg.EnvVar("ROW_X"), dg.EnvVar.int("ROW_X")
    found = {name: refuses(use, text) for name, use in USES.items()}
    return found | {name: refuses(use, number) for name, use in INT_USES.items()}


@better(
    ours={"unset": None, "given": "other", "set": "v", "number": 8, "default": 5},
    dagster={"unset": None, "given": "other", "set": "v", "number": 8, "default": "error: TypeError"},
)
def test_row_051_get_value(dg, monkeypatch):
    """get_value reads at once; a variable may have a default, of the field's type."""

    class Api(dg.ConfigurableResource):
        port: int

    monkeypatch.setenv("ROW_V", "v")
    monkeypatch.setenv("ROW_N", "8")
    unset = dg.EnvVar("ROW_UNSET")
    return {
        "unset": unset.get_value(),
        "given": unset.get_value("other"),
        "set": dg.EnvVar("ROW_V").get_value(),
        "number": dg.EnvVar.int("ROW_N").get_value(),
        "default": dg.attempt(lambda: dg.live(Api(port=dg.EnvVar("ROW_UNSET", default=5)), lambda live: live.port)),
    }


@same((True, True))
def test_row_052_before_the_run(dg, monkeypatch):
    """A declaration never has the variable's value; its repr shows the variable's name."""

    class Api(dg.ConfigurableResource):
        url: str

    monkeypatch.setenv("ROW_URL", "the value")
    api = Api(url=dg.EnvVar("ROW_URL"))
    return dg.attempt(lambda: api.url) != "the value", "ROW_URL" in repr(api) and "the value" not in repr(api)


@same(("error: invalid field", "v", "v"))
def test_row_053_env_in_a_dict(dg, monkeypatch):
    """The form with `env` is for config, not for constructors; config that is made of resources has variables."""

    class Api(dg.ConfigurableResource):
        url: str

    monkeypatch.setenv("ROW_URL", "v")
    return (
        dg.attempt(lambda: Api(url={"env": "ROW_URL"})),
        dg.live(Api(url=""), lambda live: live.url, config={"url": {"env": "ROW_URL"}}),
        dg.in_job_with_typed_config(lambda live: live.r.url, {"r": Api(url="")}, {"r": Api(url=dg.EnvVar("ROW_URL"))}),
    )
