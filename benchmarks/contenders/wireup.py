"""wireup: scoped factories, a scope per request, `inject_from_container`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, Literal

from wireup import Injected, create_async_container, create_sync_container, inject_from_container, injectable

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C


def _injectables(functions: list[Any], lifetime: Literal["singleton", "scoped"]) -> list[Any]:
    return [injectable(lifetime=lifetime)(function) for function in functions]


class Wireup(Contender):
    """wireup."""

    name = "wireup"
    imports = (Import("import wireup", "wireup"),)

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = create_sync_container(injectables=_injectables(program.functions, "scoped"))
        opened.callback(container.close)
        root = program.root

        def operate() -> object:
            with container.enter_scope() as scope:
                return scope.get(root)

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = create_async_container(injectables=_injectables(program.functions, "scoped"))
        opened.push_async_callback(container.close)
        root = program.root

        async def operate() -> object:
            async with container.enter_scope() as scope:
                return await scope.get(root)

        return Prepared(operate, program)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        container = _three(opened)

        @inject_from_container(container)
        def call(x: int, a: Injected[A], b: Injected[B], c: Injected[C]) -> int:
            return a.v + x

        return {"": call}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        container = _three(opened)
        return {"get(A)": lambda: container.get(A)}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def declare() -> Any:
            return create_sync_container(injectables=_injectables(program.classes, "singleton"))

        return Startup(declare, lambda container: len([container.get(cls) for cls in program.classes]))

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, provider)
        injectables = _injectables(program.functions, "singleton")
        if hooks.is_async:
            return {
                "": Prepared(lambda: _start_async(injectables, [program.root]), program),
                "gather by the user": Prepared(lambda: _start_async(injectables, program.classes), program),
            }

        def start() -> None:
            container = create_sync_container(injectables=injectables)
            container.get(program.root)
            container.close()

        return {"": Prepared(start, program)}


def _three(opened: ExitStack) -> Any:
    # Subclasses would be other keys: `injectable` marks the class itself, once for both scenarios.
    for cls in (A, B, C):
        if not hasattr(cls, "__wireup_registration__"):
            injectable(cls)
    container = create_sync_container(injectables=[A, B, C])
    opened.callback(container.close)
    return container


async def _start_async(injectables: list[Any], wanted: list[type]) -> None:
    container = create_async_container(injectables=injectables)
    await asyncio.gather(*(container.get(cls) for cls in wanted))
    await container.close()


CONTENDERS: Final = (Wireup(),)
