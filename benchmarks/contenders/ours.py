"""resourcekit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from contextvars import copy_context
from typing import Any, Final

import attrs

from benchmarks import subjects
from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup, class_operations
from benchmarks.graphs import Graph, chain
from benchmarks.programs import COUNTING, Hooks, Program, resource_class
from benchmarks.subjects import Pool
from resourcekit import ConfigurableResource, Deferred, EnvVar, ResourceContainer, inject, secret


class A(ConfigurableResource, scope="app"):
    """As in `subjects`."""

    v: int = 1


class B(ConfigurableResource, scope="app"):
    """As in `subjects`."""

    a: A


class C(ConfigurableResource, scope="app"):
    """As in `subjects`."""

    a: A
    b: B


class Three(ResourceContainer):
    """The container of S3 and S4."""

    a = A()
    b = B(a=a)
    c = C(a=a, b=b)


class Settings(ConfigurableResource):
    """As in `subjects`."""

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


class Text(Deferred):
    """A value in a mapping."""

    def __init__(self, text: Mapping[str, Any], key: str) -> None:
        self._text = text
        self._key = key

    def read(self, context: object) -> object:
        """Text."""
        return self._text[self._key]


def _declared(program: Program) -> dict[str, ConfigurableResource]:
    made: list[Any] = []
    for cls, needs in zip(program.classes, program.graph.needs, strict=True):
        made.append(cls(**{f"d{place}": made[need] for place, need in enumerate(needs)}))
    return {f"r{number}": resource for number, resource in enumerate(made)}


def _prepared(graph: Graph, hooks: Hooks) -> Prepared:
    end = f"""
{hooks.word}def operate():
    {hooks.word}with app.run("r{graph.root}") as resources:
        return resources.r{graph.root}
"""
    program = Program(graph, hooks, resource_class, end=end, Base=ConfigurableResource)
    program.namespace["app"] = ResourceContainer.of(_declared(program))
    return Prepared(program.namespace["operate"], program)


class ResourceKit(Contender):
    """resourcekit."""

    name = "resourcekit"
    imports = (
        Import("import resourcekit", "resourcekit"),
        Import("from resourcekit import ConfigurableResource", "resourcekit"),
        Import("from resourcekit import ResourceContainer", "resourcekit"),
    )

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        return _prepared(graph, hooks)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        return _prepared(graph, hooks)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        app = opened.enter_context(Three())

        @inject
        def call(x: int, a: A, b: B, c: C) -> int:
            return a.v + x

        @app.inject
        def call_in_run(x: int, a: A, b: B, c: C) -> int:
            return a.v + x

        return {"@inject": call, "@app.inject, a run per call": call_in_run}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        app = opened.enter_context(Three())
        run = Three().run()
        opened.callback(run.close)
        resources = copy_context().run(run.start)  # In a context of its own: `get` shall look in the app alone.
        return {
            "resources.a": lambda: resources.a,
            'get("a")': lambda: app.get("a"),
            "get(A)": lambda: app.get(A),
        }

    def overrides(self, opened: ExitStack) -> Mapping[str, Operation]:
        prepared = _prepared(chain(3), COUNTING)
        app, real, run = prepared.program.namespace["app"], prepared.program.classes[0], prepared.operate
        fake = type("Fake", (real,), {})
        known = fake()
        override = app.override(r0=known)
        inside = copy_context()
        inside.run(override.__enter__)

        def entered(make: Callable[[], Any]) -> Operation:
            def operate() -> object:
                with make():
                    return run()

            return operate

        ways = {
            "a run inside, entered before": lambda: inside.run(run),
            "one override, entered for each run": entered(lambda: override),
            "made for each run, the same fake": entered(lambda: app.override(r0=known)),
            "made for each run, a new fake": entered(lambda: app.override(r0=fake())),
            "made for each run, everywhere": entered(lambda: app.override(r0=known, everywhere=True)),
        }
        for way, operate in ways.items():
            found: Any = operate()
            assert type(found.d0.d0) is fake, way
        return {"the run alone": run, **ways}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, _app_scoped, Base=ConfigurableResource)

        def declare() -> Any:
            app = ResourceContainer.of(_declared(program))
            assert not app.check()
            return app

        def resolve(app: Any) -> int:
            with app, app.run() as resources:
                return len(dir(resources))

        return Startup(declare, resolve)

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, resource_class, Base=ConfigurableResource)
        if hooks.is_async:
            return {"": Prepared(lambda: _start_async(program), program)}

        def start() -> None:
            with ResourceContainer.of(_declared(program)).run(concurrent=True):
                pass

        return {"": Prepared(start, program)}

    def settings(self, text: Mapping[str, Any]) -> Mapping[str, Operation]:
        pool: Any = {name: Text(text["pool"], name) for name in text["pool"]}  # Structured when it is read.
        return _run_of(Settings(**{name: Text(text, name) for name in text if name != "pool"}, pool=pool))

    def settings_of_environment(self) -> Mapping[str, Operation]:
        pool: Any = {name: EnvVar(f"BENCHMARK_POOL_{name.upper()}") for name in ("name", "size")}
        names = [field.name for field in attrs.fields(subjects.Settings) if field.name != "pool"]
        return _run_of(Settings(**{name: EnvVar(f"BENCHMARK_{name.upper()}") for name in names}, pool=pool))

    def classes(self) -> Mapping[str, Operation]:
        return class_operations(_class)


async def _start_async(program: Program) -> None:
    async with ResourceContainer.of(_declared(program)).run(concurrent=True):
        pass


def _class() -> Any:
    class Database(ConfigurableResource):
        host: str
        port: int = 5432
        password: str = secret()

    return Database


def _run_of(settings: Settings) -> Mapping[str, Operation]:
    app = ResourceContainer.of({"settings": settings})

    def operate() -> object:
        with app.run("settings") as resources:
            return resources.settings

    return {"a run of one resource": operate}


def _app_scoped(graph: Graph, number: int, _hooks: Hooks) -> str:
    fields = [f"    d{place}: R{need}" for place, need in enumerate(graph.needs[number])] or ["    pass"]
    return "\n".join((f'class R{number}(Base, scope="app"):', *fields))


CONTENDERS: Final = (ResourceKit(),)
