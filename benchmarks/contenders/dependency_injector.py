"""dependency-injector: a declarative container of resources, wiring for functions.

For a scope its documentation has two ways: a function whose parameter is `Closing`, and `init_resources()` with
`shutdown_resources()`, which is meant for the start and end of a program.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from types import ModuleType, new_class
from typing import Any, Final

from dependency_injector import containers, providers, wiring

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C

_NUMBERS: Final = count(1)


def _container(graph: Graph, kind: Any, creators: list[Any]) -> Any:
    made: list[Any] = []
    for creator, needs in zip(creators, graph.needs, strict=True):
        made.append(kind(creator, *[made[need] for need in needs]))
    body = {f"r{number}": each for number, each in enumerate(made)}
    bases = (containers.DeclarativeContainer,)
    return new_class("Container", bases, exec_body=lambda namespace: namespace.update(body))()


def _wired(container: Any, function: Any, opened: ExitStack | AsyncExitStack) -> Any:
    """The function as a module's own, wired."""
    module = ModuleType(f"benchmarks_wired_{next(_NUMBERS)}")
    function.__module__ = module.__name__
    module.function = function  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    opened.callback(sys.modules.pop, module.__name__)
    container.wire(modules=[module])
    opened.callback(container.unwire)
    return module.function


class Three(containers.DeclarativeContainer):
    """The container of S3 and S4."""

    a = providers.Singleton(A)
    b = providers.Singleton(B, a=a)
    c = providers.Singleton(C, a=a, b=b)


class DependencyInjector(Contender):
    """All but scopes."""

    name = "dependency-injector"
    imports = (
        Import("import dependency_injector.providers", "dependency-injector"),
        Import("import dependency_injector.containers", "dependency-injector"),
        Import("import attrs, dependency_injector.containers", "resourcekit"),
    )

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        @wiring.inject
        def call(
            x: int,
            a: A = wiring.Provide[Three.a],
            b: B = wiring.Provide[Three.b],
            c: C = wiring.Provide[Three.c],
        ) -> int:
            return a.v + x

        return {"": _wired(Three(), call, opened)}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        container = Three()
        a = container.a
        return {"container.a()": lambda: container.a(), "provider()": lambda: a()}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def resolve(container: Any) -> int:
            return len([getattr(container, f"r{number}")() for number in range(graph.size)])

        return Startup(lambda: _container(graph, providers.Singleton, program.classes), resolve)

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, provider)
        if hooks.is_async:
            return {"": Prepared(lambda: _start_async(program), program)}

        def start() -> None:
            container = _container(graph, providers.Resource, program.functions)
            container.init_resources()
            container.shutdown_resources()

        return {"": Prepared(start, program)}


async def _start_async(program: Program) -> None:
    container = _container(program.graph, providers.Resource, program.functions)
    await container.init_resources()
    await container.shutdown_resources()


class Whole(Contender):
    """The resources of the whole container, for a scope."""

    name = "dependency-injector, init_resources"

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = _container(graph, providers.Resource, program.functions)
        root = getattr(container, f"r{graph.root}")

        def operate() -> object:
            container.init_resources()
            try:
                return root()
            finally:
                container.shutdown_resources()

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = _container(graph, providers.Resource, program.functions)
        root = getattr(container, f"r{graph.root}")

        async def operate() -> object:
            await container.init_resources()
            try:
                return await root()
            finally:
                await container.shutdown_resources()

        return Prepared(operate, program)


class Closing(Contender):
    """A scope for each call of a function."""

    name = "dependency-injector, Closing"

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = _container(graph, providers.Resource, program.functions)

        @wiring.inject
        def operate(root: Any = wiring.Closing[wiring.Provide[f"r{graph.root}"]]) -> object:
            return root

        return Prepared(_wired(container, operate, opened), program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = _container(graph, providers.Resource, program.functions)

        @wiring.inject
        async def operate(root: Any = wiring.Closing[wiring.Provide[f"r{graph.root}"]]) -> object:
            return root

        return Prepared(_wired(container, operate, opened), program)


CONTENDERS: Final = (Closing(), Whole(), DependencyInjector())
