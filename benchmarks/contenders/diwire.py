"""diwire, strict and compiled as in its own benchmarks: once with its default locks, once without locks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, Literal

from diwire import (
    Container,
    DependencyRegistrationPolicy,
    Injected,
    Lifetime,
    LockMode,
    MissingPolicy,
    ResolverContext,
    Scope,
)

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup
from benchmarks.graphs import Graph
from benchmarks.programs import COUNTING, Hooks, Program, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C


class Scopes(Contender):
    """What both have."""

    lock_mode: LockMode | Literal["auto"]

    def _container(self, context: ResolverContext | None = None) -> Container:
        options: dict[str, Any] = {"use_resolver_context": False}
        if context is not None:
            options = {"resolver_context": context}
        return Container(
            lock_mode=self.lock_mode,
            missing_policy=MissingPolicy.ERROR,
            dependency_registration_policy=DependencyRegistrationPolicy.IGNORE,
            **options,
        )

    def _generators(self, program: Program, scope: Any) -> Container:
        container = self._container()
        for cls, function in zip(program.classes, program.functions, strict=True):
            container.add_generator(function, provides=cls, scope=scope, lifetime=Lifetime.SCOPED)
        container.compile()
        return container

    def _singletons(self, classes: list[type], context: ResolverContext | None = None) -> Container:
        container = self._container(context)
        for cls in classes:
            container.add(cls, scope=Scope.APP, lifetime=Lifetime.SCOPED)
        container.compile()
        return container

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = self._generators(program, Scope.REQUEST)
        root = program.root

        def operate() -> object:
            with container.enter_scope(Scope.REQUEST) as scope:
                return scope.resolve(root)

        return Prepared(operate, program)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        program = Program(graph, hooks, attrs_class, provider)
        container = self._generators(program, Scope.REQUEST)
        root = program.root

        async def operate() -> object:
            async with container.enter_scope(Scope.REQUEST) as scope:
                return await scope.aresolve(root)

        return Prepared(operate, program)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        context = ResolverContext()
        self._singletons([A, B, C], context)

        @context.inject
        def call(x: int, a: Injected[A], b: Injected[B], c: Injected[C]) -> int:
            return a.v + x

        return {"": call}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        container = self._singletons([A, B, C])
        compiled = container.compile()
        return {"resolve(A)": lambda: container.resolve(A), "compiled resolve(A)": lambda: compiled.resolve(A)}


class Diwire(Scopes):
    """diwire."""

    name = "diwire"
    imports = (Import("import diwire", "diwire"),)
    lock_mode = "auto"

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)

        def declare() -> Container:
            return self._singletons(program.classes)

        return Startup(declare, lambda container: len([container.resolve(cls) for cls in program.classes]))

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class, provider)
        if hooks.is_async:
            return {
                "": Prepared(lambda: self._start_async(program, [program.root]), program),
                "gather by the user": Prepared(lambda: self._start_async(program, program.classes), program),
            }

        def start() -> None:
            with self._generators(program, Scope.APP) as container:
                container.resolve(program.root)

        return {"": Prepared(start, program)}

    async def _start_async(self, program: Program, wanted: list[type]) -> None:
        async with self._generators(program, Scope.APP) as container:
            await asyncio.gather(*(container.aresolve(cls) for cls in wanted))


class DiwireUnlocked(Scopes):
    """diwire as its own benchmarks have it: not safe for threads."""

    name = "diwire, locks off"
    lock_mode = LockMode.NONE


CONTENDERS: Final = (Diwire(), DiwireUnlocked())
