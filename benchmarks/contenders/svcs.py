"""svcs: a registry of factories that get what they need from the container, a container per request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final

import svcs

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, arguments, attrs_class, generator, plain_class
from benchmarks.subjects import A


def _factory(graph: Graph, number: int, hooks: Hooks) -> str:
    get = "await container.aget" if hooks.is_async else "container.get"
    return generator(number, hooks, "container: svcs.Container", arguments(graph, number, get + "(R{need})"))


def _plain_factory(graph: Graph, number: int, _hooks: Hooks) -> str:
    given = arguments(graph, number, "container.get(R{need})")
    return f"def provide{number}(container: svcs.Container) -> R{number}:\n    return R{number}({given})"


def _registry(program: Program) -> svcs.Registry:
    registry = svcs.Registry()
    for cls, function in zip(program.classes, program.functions, strict=True):
        registry.register_factory(cls, function)
    return registry


class Svcs(Contender):
    """svcs. It has no injection into functions."""

    name = "svcs"
    imports = (Import("import svcs", "svcs"),)

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, _factory, svcs=svcs)
        registry = opened.enter_context(_registry(program))
        root = program.root

        def operate() -> object:
            with svcs.Container(registry) as container:
                return container.get(root)

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, _factory, svcs=svcs)
        registry = await opened.enter_async_context(_registry(program))
        root = program.root

        async def operate() -> object:
            async with svcs.Container(registry) as container:
                return await container.aget(root)

        return Prepared(operate, program)

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        registry = opened.enter_context(svcs.Registry())
        registry.register_value(A, A())
        container = opened.enter_context(svcs.Container(registry))
        container.get(A)
        return {"get(A)": lambda: container.get(A)}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class, _plain_factory, svcs=svcs)

        def resolve(registry: Any) -> int:
            container = svcs.Container(registry)
            return len([container.get(cls) for cls in program.classes])

        return Startup(lambda: _registry(program), resolve)

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, _factory, svcs=svcs)
        if hooks.is_async:
            return {"": Prepared(lambda: _start_async(program), program)}

        def start() -> None:
            with _registry(program) as registry, svcs.Container(registry) as container:
                container.get(program.root)

        return {"": Prepared(start, program)}


async def _start_async(program: Program) -> None:
    async with _registry(program) as registry, svcs.Container(registry) as container:
        await container.aget(program.root)


CONTENDERS: Final = (Svcs(),)
