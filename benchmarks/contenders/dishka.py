"""dishka: providers in scope REQUEST, a container per request, `FromDishka` with its own injection wrapper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final

from dishka import FromDishka, Provider, Scope, make_async_container, make_container
from dishka.integrations.base import wrap_injection

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C


def _provider(program: Program, scope: Scope) -> Provider:
    made = Provider(scope=scope)
    for function in program.functions:
        made.provide(function)
    return made


def _three() -> Provider:
    made = Provider(scope=Scope.APP)
    for cls in (A, B, C):
        made.provide(cls)
    return made


class Dishka(Contender):
    """dishka."""

    name = "dishka"
    imports = (Import("import dishka", "dishka"),)

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = make_container(_provider(program, Scope.REQUEST))
        opened.callback(container.close)
        root = program.root

        def operate() -> object:
            with container() as request:
                return request.get(root)

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = make_async_container(_provider(program, Scope.REQUEST))
        opened.push_async_callback(container.close)
        root = program.root

        async def operate() -> object:
            async with container() as request:
                return await request.get(root)

        return Prepared(operate, program)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        container = make_container(_three())
        opened.callback(container.close)

        def call(x: int, a: FromDishka[A], b: FromDishka[B], c: FromDishka[C]) -> int:
            return a.v + x

        # What each of its integrations does: `inject` for a container found by the framework.
        wrapped: Any = wrap_injection(func=call, container_getter=lambda _args, _kwargs: container, is_async=False)
        return {"": wrapped}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        container = make_container(_three())
        opened.callback(container.close)
        return {"get(A)": lambda: container.get(A)}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def declare() -> Any:
            made = Provider(scope=Scope.APP)
            for cls in program.classes:
                made.provide(cls)
            return make_container(made)

        return Startup(declare, lambda container: len([container.get(cls) for cls in program.classes]))

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, provider)
        if hooks.is_async:
            return {
                "": Prepared(lambda: _start_async(program), program),
                "gather by the user": Prepared(lambda: _start_gathered(program), program),
            }

        def start() -> None:
            container = make_container(_provider(program, Scope.APP))
            container.get(program.root)
            container.close()

        return {"": Prepared(start, program)}


async def _start_async(program: Program) -> None:
    container = make_async_container(_provider(program, Scope.APP))
    await container.get(program.root)
    await container.close()


async def _start_gathered(program: Program) -> None:
    container = make_async_container(_provider(program, Scope.APP))
    await asyncio.gather(*(container.get(cls) for cls in program.classes))
    await container.close()


CONTENDERS: Final = (Dishka(),)
