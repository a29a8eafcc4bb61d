"""modern-di: cached factories in scope REQUEST with finalizers, a child container per request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import new_class
from typing import Any, Final

from modern_di import Container, Group, Scope, providers

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, maker, plain_class
from benchmarks.subjects import A, B, C


def _container(factories: list[Any]) -> Container:
    body = {f"p{place}": each for place, each in enumerate(factories)}
    group = new_class("Dependencies", (Group,), exec_body=lambda namespace: namespace.update(body))
    container = Container(groups=[group])
    container.validate()
    return container


def _three() -> Container:
    return _container([providers.Factory(cls, scope=Scope.APP, cache=True) for cls in (A, B, C)])


class ModernDI(Contender):
    """modern-di. It has no async creators, and no injection into plain functions but in its integrations."""

    name = "modern-di"
    imports = (Import("import modern_di", "modern-di"),)

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, maker)
        container = _container(_with_finalizers(program, Scope.REQUEST))
        root = program.root

        def operate() -> object:
            with container.build_child_container(scope=Scope.REQUEST) as request:
                return request.resolve(root)

        return Prepared(operate, program)

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        container = _three()
        return {"resolve(A)": lambda: container.resolve(A)}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def declare() -> Container:
            return _container([providers.Factory(cls, scope=Scope.APP, cache=True) for cls in program.classes])

        return Startup(declare, lambda container: len([container.resolve(cls) for cls in program.classes]))

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        if hooks.is_async:
            return {}
        program = Program(graph, hooks, attrs_class, maker)

        def start() -> None:
            with _container(_with_finalizers(program, Scope.APP)) as container:
                container.resolve(program.root)

        return {"": Prepared(start, program)}


def _with_finalizers(program: Program, scope: Scope) -> list[Any]:
    return [
        providers.Factory(function, scope=scope, cache=providers.CacheSettings(finalizer=cls.teardown))  # type: ignore[attr-defined]
        for cls, function in zip(program.classes, program.functions, strict=True)
    ]


CONTENDERS: Final = (ModernDI(),)
