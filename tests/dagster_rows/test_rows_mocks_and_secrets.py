"""Rows 136, 137, 148-150: stand-ins in tests, and what is never shown."""

import logging
from unittest import mock

from tests.dagster_rows.expected import better, same

HIDDEN = "hunter2"

PLACES = ("parameter", "dependency", "nested", "with a spec, parameter", "with a spec, nested")


@better(
    ours=dict.fromkeys(PLACES, "mocked"),
    dagster={"parameter": "mocked", "dependency": "mocked", "nested": "error: invalid field",
             "with a spec, parameter": "error: check", "with a spec, nested": "error: check"},
)  # fmt: skip
def test_row_136_mocks(dg):
    """A mock, with or without a spec, stands for a resource in every place."""

    class Api(dg.ConfigurableResource):
        def fetch(self):
            return "real"

    class Nested(dg.ConfigurableResource):
        api: Api

    class Dependent(dg.ConfigurableResource):
        api: dg.ResourceDependency[Api]

    def ask(r: Api):
        return r.fetch()

    def parameter(stand_in):
        return dg.in_asset(ask, {"r": stand_in})

    def inside(cls, stand_in):
        return dg.live(cls(api=stand_in), lambda live: live.api.fetch())

    def stand_in(**options):
        made = mock.MagicMock(**options)
        made.fetch.return_value = "mocked"
        return made

    return {
        "parameter": dg.attempt(parameter, stand_in()),
        "dependency": dg.attempt(inside, Dependent, stand_in()),
        "nested": dg.attempt(inside, Nested, stand_in()),
        "with a spec, parameter": dg.attempt(parameter, stand_in(spec=Api)),
        "with a spec, nested": dg.attempt(inside, Nested, stand_in(spec=Api)),
    }


@better(
    ours={"method of an instance": "patched", "field": "error: frozen", "method of a class": "patched"},
    dagster={"method of an instance": "error: frozen", "field": "error: frozen", "method of a class": "patched"},
)
def test_row_137_patching(dg):
    """A method is patched on an instance or on the class; a field never."""

    class Api(dg.ConfigurableResource):
        size: int = 1

        def fetch(self):
            return "real"

    def patch(target, name):
        with mock.patch.object(target, name, return_value="patched"):
            return Api().fetch() if target is Api else target.fetch()

    return {
        "method of an instance": dg.attempt(patch, Api(), "fetch"),
        "field": dg.attempt(patch, Api(), "size"),
        "method of a class": dg.attempt(patch, Api, "fetch"),
    }


def shown(program):
    """Where a text that *program* gives has what is to be hidden."""
    return HIDDEN in program()


@better(
    ours={"repr": False, "str": False, "log": False, "error": False, "in the run": HIDDEN},
    dagster={"repr": True, "str": True, "log": True, "error": True, "in the run": HIDDEN},
)
def test_row_148_excluded_fields(dg, caplog):
    """A field with exclude=True is masked wherever it could be shown, and is there in the run."""

    class Api(dg.ConfigurableResource):
        token: str = dg.Field(exclude=True)

    def log():
        caplog.clear()
        with caplog.at_level(logging.INFO):
            logging.getLogger("row").info("using %s", api)
        return caplog.text

    api = Api(token=HIDDEN)
    return {
        "repr": shown(lambda: repr(api)),
        "str": shown(lambda: str(api)),
        "log": shown(log),
        "error": shown(lambda: dg.message(lambda: Api(token=[HIDDEN]))),
        "in the run": dg.live(api, lambda live: live.token),
    }


@better(ours=False, dagster=True)
def test_row_149_marked_fields(dg):
    """A field that is marked as a secret is masked in the repr too."""

    class Api(dg.ConfigurableResource):
        token: str = dg.marked_as_secret()

    return shown(lambda: repr(Api(token=HIDDEN)))


@better(
    ours={"construction": False, "config": False, "variable in a run": False, "in the run": HIDDEN},
    dagster={"construction": True, "config": True, "variable in a run": True, "in the run": HIDDEN},
)
def test_row_150_errors_and_outside_values(dg, monkeypatch):
    """No error shows a secret's value, and no repr a value that came from outside."""
    monkeypatch.setenv("ROW_TOKEN", HIDDEN)

    class Number(dg.ConfigurableResource):
        token: int = dg.secret(default=0)

    class Api(dg.ConfigurableResource):
        token: str

    api = Api(token=dg.EnvVar("ROW_TOKEN"))
    return {
        "construction": shown(lambda: dg.message(lambda: Number(token=HIDDEN))),
        "config": shown(lambda: dg.message(lambda: dg.live(Number(), config={"token": HIDDEN}))),
        "variable in a run": shown(lambda: dg.live(api, repr)),
        "in the run": dg.live(api, lambda live: live.token),
    }


@same(False)
def test_row_150_events(dg, monkeypatch, caplog):
    """Nothing that a successful run logs has the value of a secret."""
    monkeypatch.setenv("ROW_TOKEN", HIDDEN)

    class Api(dg.ConfigurableResource):
        token: str

    with caplog.at_level(logging.DEBUG):
        dg.in_job(lambda live: live.api.token, {"api": Api(token=dg.EnvVar("ROW_TOKEN"))})
    return HIDDEN in caplog.text
