"""No secret is shown by rich, or by a traceback that shows the local variables of every frame."""

import asyncio
import io
import traceback
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    Deferred,
    EnvVar,
    FileVar,
    ResourceContainer,
    inject,
    open_resource,
    replace,
    secret,
)

HIDDEN = "hunter2-s3cret"


class Vault(Deferred):
    def read(self, context):
        return HIDDEN


@attrs.frozen
class Login:
    user: str
    password: str = ""


class Database(ConfigurableResource):
    password: str = secret()
    fails: str = ""

    def setup_for_execution(self, context):
        if self.fails == "up":
            raise RuntimeError("no route")

    def teardown_after_execution(self, context):
        if self.fails == "down":
            raise RuntimeError("lost")


class Api(ConfigurableResource):
    url: str
    plain: str
    parts: list[str]
    table: dict[str, str]
    login: Login
    file: str
    own: str
    database: Database
    fails: str = ""

    def setup_for_execution(self, context):
        config = context.resource_config  # noqa: F841  # A local variable that is shown.
        if self.fails == "up":
            raise RuntimeError("no route")

    def teardown_after_execution(self):
        if self.fails == "down":
            raise RuntimeError("lost")


class AsyncApi(Api):
    async def setup_for_execution(self, context):
        config = context.resource_config  # noqa: F841
        if self.fails == "up":
            raise RuntimeError("no route")


class Shared(Database, scope="app"):
    pass


class Client(ConfigurableResourceFactory[object]):
    api: Api

    def create_resource(self, context):
        if self.api.url:
            raise RuntimeError("no route")
        yield object()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("WORD", HIDDEN)
    (tmp_path / "word").write_text(HIDDEN)
    monkeypatch.chdir(tmp_path)


def container(cls: type = Api, database: type = Database, **more: Any) -> Any:
    word = EnvVar("WORD")
    api = cls(
        url=EnvVar.template("pg://{WORD}@h"),
        plain=word,
        parts=["a", word],
        table={"k": word},
        login={"user": "ada", "password": word},
        file=FileVar("word"),
        own=Vault(),
        database=(held := database(password=word)),
        **more,
    )
    return ResourceContainer.of({"database": held, "api": api})


def shown(thing: object) -> str:
    """All that rich has to say of it."""
    text = io.StringIO()
    console = Console(file=text, width=250)
    console.print(thing)
    console.print([thing], {"it": thing})
    return text.getvalue() + pretty_repr(thing) + repr(thing)


def test_rich_shows_what_repr_shows():
    """rich prints declarations, live resources and whatever else a program holds without a value from outside."""
    app = container()
    overlaid = app.with_config({"database": {"password": HIDDEN}, "api": {"plain": HIDDEN, "url": HIDDEN}})
    with app.run(report=True) as resources, overlaid.run(config={"api": {"own": HIDDEN}}) as others:
        for each in (resources, others):
            assert each.api.plain == HIDDEN
            for thing in (each, each.api, each.database, [each.api], vars(type(each.api))["__resourcekit__"]):
                assert HIDDEN not in shown(thing)
        assert "url=<template of WORD>" in pretty_repr(resources.api, max_width=200)
        assert "password='***'" in pretty_repr(resources.database)
        run = resources._run
        assert HIDDEN not in shown([run, run.report, run.report.timeline, run.report.phases])
    for each in (app, overlaid):
        things = [each, each.api, each.plan(), each.graph(), each.env(), each.explain("api.plain"), each._assembly,
                  each._blueprint(), each.check(), each.api._resource, each.providers]  # fmt: skip
        for thing in things:
            assert HIDDEN not in shown(thing)


def _opened(app: Any, **options: Any) -> None:
    with app.run(**options):
        pass


async def _aopened(app: Any, **options: Any) -> None:
    async with app.run(**options):
        pass


def _started(app: Any) -> None:
    with app:
        pass


def _constructed() -> None:
    Database(password=HIDDEN, fails=3)  # type: ignore[arg-type]


def _injected(app: Any) -> None:
    @app.inject
    def job(api: Api) -> None:
        raise RuntimeError("no route")

    job()


def _bare(app: Any) -> None:
    @inject
    def job(api: Api) -> None:
        raise RuntimeError("no route")

    with app.run():
        job()


def _alone() -> None:
    with open_resource(Database(password=HIDDEN, fails="up")):
        pass


def _overlaid(app: Any, config: Any) -> None:
    with app.with_config(config).run():
        pass


def _refused(**wrong: object) -> None:
    replace(Database(password="x"), **wrong)


FAULTS: dict[str, Callable[[], Any]] = {
    "setup": lambda: _opened(container(fails="up")),
    "setup by the machine": lambda: _opened(container(fails="up"), report=True),
    "setup with a run's config": lambda: _opened(container(), config={"api": {"fails": "up", "plain": HIDDEN}}),
    "setup beside others": lambda: _opened(container(fails="up"), concurrent=True),
    "async": lambda: asyncio.run(_aopened(container(AsyncApi, fails="up"))),
    "async by the machine": lambda: asyncio.run(_aopened(container(AsyncApi, fails="up"), report=True)),
    "async beside others": lambda: asyncio.run(_aopened(container(AsyncApi, fails="up"), concurrent=True)),
    "teardown": lambda: _opened(container(fails="down")),
    "teardown by the machine": lambda: _opened(container(fails="down"), report=True),
    "app": lambda: _started(container(database=Shared).with_config({"database": {"fails": "up", "password": HIDDEN}})),
    "factory": lambda: _opened(ResourceContainer.of({"client": Client(api=container().api._resource)})),
    "alone": _alone,
    "call": lambda: _injected(container()),
    "inject": lambda: _bare(container()),
    "config": lambda: _opened(container(fails=EnvVar("NOT_SET"))),
    "unknown field": lambda: _overlaid(container(), {"database": {"passwrd": HIDDEN, "password": HIDDEN}}),
    "wrong overlay": lambda: _overlaid(container(), {"database": {"password": [HIDDEN]}}),
    "no table": lambda: _overlaid(container(), {"database": HIDDEN}),
    "run's wrong overlay": lambda: _opened(container(), config={"database": {"password": {"a": HIDDEN}}}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_tracebacks_with_locals(name: str):
    """A traceback that shows the local variables of every frame of ours, rich's or Python's, shows no secret."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # Each fault raises its own.
        FAULTS[name]()
    error = caught.value
    _without_frames_of_this_file(error)
    text = io.StringIO()
    Console(file=text, width=300).print(
        Traceback.from_exception(
            type(error), error, error.__traceback__, show_locals=True, locals_max_length=100, locals_max_string=1000
        )
    )
    lines = [line for line in text.getvalue().splitlines() if HIDDEN in line and "❱" not in line]
    lines += [
        line
        for line in "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        ).splitlines()
        if HIDDEN in line
    ]
    assert lines == []


def _without_frames_of_this_file(error: BaseException) -> None:
    """Leave out the frames whose local variables are this test's own, but for those of hooks."""
    step = error.__traceback__
    kept = []
    while step is not None:
        if step.tb_frame.f_code.co_filename != __file__ or "self" in step.tb_frame.f_locals:
            kept.append(step)
        step = step.tb_next
    for one, following in pairwise([*kept, None]):
        one.tb_next = following
    error.__traceback__ = kept[0] if kept else None


@pytest.mark.parametrize(
    "fault", [_constructed, lambda: Database(HIDDEN, fails=HIDDEN), lambda: _refused(password=HIDDEN, fails=3)]
)
def test_a_refused_construction_keeps_no_argument(fault: Callable[[], None]):
    """The traceback of a constructor that refuses its arguments holds none of them in a frame of ours."""
    with pytest.raises(TypeError) as caught:
        fault()
    error = caught.value
    _without_frames_of_this_file(error)
    assert HIDDEN not in "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
