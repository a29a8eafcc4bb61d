"""that-depends: context resources, in a scope for each call of an injected function, or in a context of the container.

The context names its container: entering a scope by name would also enter every other container of the process, of
which the benchmark has more than an application would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from types import new_class
from typing import Any, Final

from that_depends import BaseContainer, ContextScopes, Provide, container_context, inject, providers

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C

_NUMBERS: Final = count(1)


def _container(graph: Graph, kind: Any, creators: list[Any], scope: Any = ContextScopes.ANY) -> Any:
    def fill(body: dict[str, Any]) -> None:
        body["default_scope"] = scope
        for number, (creator, needs) in enumerate(zip(creators, graph.needs, strict=True)):
            # As in a class body: the namespace gives a provider of its own for what is assigned.
            given = {f"d{place}": body[f"r{need}"].cast for place, need in enumerate(needs)}
            body[f"r{number}"] = kind(creator, **given)

    name = f"Container{next(_NUMBERS)}"  # It warns of a second container of the same name.
    return new_class(name, (BaseContainer,), exec_body=fill)


class Three(BaseContainer):
    """The container of S3 and S4."""

    a = providers.Singleton(A)
    b = providers.Singleton(B, a=a.cast)
    c = providers.Singleton(C, a=a.cast, b=b.cast)


class Injected(Contender):
    """A scope for each call of a function."""

    name = "that-depends, @inject"

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        _, root = _context_resources(program, ContextScopes.INJECT)

        @inject
        def operate(root: Any = Provide[root]) -> object:
            return root

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        _, root = _context_resources(program, ContextScopes.INJECT)

        @inject
        async def operate(root: Any = Provide[root]) -> object:
            return root

        return Prepared(operate, program)


class InContext(Contender):
    """A context of the container."""

    name = "that-depends, container_context"

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container, root = _context_resources(program, ContextScopes.ANY)

        def operate() -> object:
            with container_context(container):
                return root.resolve_sync()

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container, root = _context_resources(program, ContextScopes.ANY)

        async def operate() -> object:
            async with container_context(container):
                return await root.resolve()

        return Prepared(operate, program)


class ThatDepends(Contender):
    """All else."""

    name = "that-depends"
    imports = (Import("import that_depends", "that-depends"),)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        opened.callback(Three.tear_down_sync)

        @inject
        def call(x: int, a: A = Provide[Three.a], b: B = Provide[Three.b], c: C = Provide[Three.c]) -> int:
            return a.v + x

        return {"": call}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        opened.callback(Three.tear_down_sync)
        return {"a.resolve_sync()": lambda: Three.a.resolve_sync()}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def resolve(container: Any) -> int:
            return len([getattr(container, f"r{number}").resolve_sync() for number in range(graph.size)])

        return Startup(lambda: _container(graph, providers.Singleton, program.classes), resolve)

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, provider)
        if hooks.is_async:
            return {
                "": Prepared(lambda: _start_async(program), program),
                "gather by the user": Prepared(lambda: _start_gathered(program), program),
            }

        def start() -> None:
            container = _container(graph, providers.Resource, program.functions)
            getattr(container, f"r{graph.root}").resolve_sync()
            container.tear_down_sync()

        return {"": Prepared(start, program)}


def _context_resources(program: Program, scope: Any) -> tuple[Any, Any]:
    """A container, and its provider of the root."""
    container = _container(program.graph, providers.ContextResource, program.functions, scope)
    return container, getattr(container, f"r{program.graph.root}")


async def _start_async(program: Program) -> None:
    container = _container(program.graph, providers.Resource, program.functions)
    await container.init_resources()
    await container.tear_down()


async def _start_gathered(program: Program) -> None:
    container = _container(program.graph, providers.Resource, program.functions)
    await asyncio.gather(*(getattr(container, f"r{number}").resolve() for number in range(program.graph.size)))
    await container.tear_down()


CONTENDERS: Final = (Injected(), InContext(), ThatDepends())
