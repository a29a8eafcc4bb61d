"""The same work without a package: the baseline of every ratio, and two other ways to write it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import attrs
from attrs.validators import instance_of

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, Startup, class_operations
from benchmarks.graphs import Graph, chain
from benchmarks.programs import COUNTING, Hooks, Program, arguments, attrs_class, plain_class, provider
from benchmarks.subjects import A, B, C, Pool, Settings, body

IMPORT_BASELINE: Final = "import attrs"
_MOST_NESTED: Final = 20  # CPython's limit of statically nested blocks


def _straight(graph: Graph, number: int, hooks: Hooks) -> str:
    push = "push_async_callback" if hooks.is_async else "callback"
    return "\n".join(
        (
            f"        r{number} = R{number}({arguments(graph, number, 'r{need}')})",
            f"        {hooks.wait}r{number}.setup()",
            f"        stack.{push}(r{number}.teardown)",
        )
    )


def _managed(graph: Graph, number: int, hooks: Hooks) -> str:
    enter = f"{hooks.wait}stack.enter{'_async' if hooks.is_async else ''}_context"
    return f"        r{number} = {enter}(manage{number}({arguments(graph, number, 'r{need}')}))"


def _nested(graph: Graph, number: int, hooks: Hooks) -> str:
    indent = "    " * (number + 1)
    return "\n".join(
        (
            f"{indent}r{number} = R{number}({arguments(graph, number, 'r{need}')})",
            f"{indent}{hooks.wait}r{number}.setup()",
            f"{indent}try:",
        )
    )


def _manager(graph: Graph, number: int, hooks: Hooks) -> str:
    decorator = "asynccontextmanager" if hooks.is_async else "contextmanager"
    return f"manage{number} = {decorator}(provide{number})"


def _in_stack(graph: Graph, hooks: Hooks, line: Callable[[Graph, int, Hooks], str]) -> str:
    stack = "AsyncExitStack" if hooks.is_async else "ExitStack"
    lines = [f"{hooks.word}def operate():", f"    {hooks.word}with {stack}() as stack:"]
    lines += [line(graph, number, hooks) for number in range(graph.size)]
    return "\n".join((*lines, f"        return r{graph.root}"))


def _in_blocks(graph: Graph, hooks: Hooks) -> str:
    lines = [f"{hooks.word}def operate():", *(_nested(graph, number, hooks) for number in range(graph.size))]
    lines.append("    " * (graph.size + 1) + f"return r{graph.root}")
    for number in reversed(range(graph.size)):
        indent = "    " * (number + 1)
        lines += [f"{indent}finally:", f"{indent}    {hooks.wait}r{number}.teardown()"]
    return "\n".join(lines)


class Written(Contender):
    """A contender whose operation is a function in the program itself."""

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        return self._prepared(graph, hooks)

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        return self._prepared(graph, hooks)

    def _prepared(self, graph: Graph, hooks: Hooks) -> Prepared | None:
        program = self._program(graph, hooks)
        return None if program is None else Prepared(program.namespace["operate"], program)

    def _program(self, graph: Graph, hooks: Hooks) -> Program | None:
        raise NotImplementedError


class ByHand(Written):
    """The baseline: one line for each step, an ExitStack for the teardowns."""

    name = "by hand"
    imports = (Import(IMPORT_BASELINE, "attrs"), Import("import asyncio", "attrs"))

    def _program(self, graph: Graph, hooks: Hooks) -> Program | None:
        stacks = {"ExitStack": ExitStack, "AsyncExitStack": AsyncExitStack}
        return Program(graph, hooks, attrs_class, end=_in_stack(graph, hooks, _straight), **stacks)

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        a = A()
        b = B(a)
        c = C(a, b)

        def call(x: int) -> int:
            return body(x, a, b, c)

        return {"": call}

    def overrides(self, opened: ExitStack) -> Mapping[str, Operation]:
        prepared = self.scope(chain(3), COUNTING, opened)
        return {} if prepared is None else {"": prepared.operate}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        table = {A: A()}
        return {"": lambda: table[A]}

    def startup(self, graph: Graph) -> Startup | None:
        program = Program(graph, COUNTING, plain_class)
        classes = program.classes

        def resolve(_container: object) -> int:
            made: list[Any] = []
            for cls, needs in zip(classes, graph.needs, strict=True):
                made.append(cls(*[made[need] for need in needs]))
            return len(made)

        return Startup(lambda: None, resolve)

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        program = Program(graph, hooks, attrs_class)
        if hooks.is_async:
            return {"a task per resource": Prepared(lambda: _start_tasks(program), program)}
        return {
            "8 threads": Prepared(lambda: _start_threads(program), program),
            "one after the other": Prepared(lambda: _start_serially(program), program),
        }

    def settings(self, text: Mapping[str, Any]) -> Mapping[str, Operation]:
        return {"": lambda: settings_by_hand(text)}

    def settings_of_environment(self) -> Mapping[str, Operation]:
        return {"": settings_of_environment_by_hand}

    def classes(self) -> Mapping[str, Operation]:
        return class_operations(_declared)


def _declared() -> type:
    @attrs.define(kw_only=True, frozen=True, eq=False)
    class Database:
        host: str = attrs.field(validator=instance_of(str))
        port: int = attrs.field(default=5432, validator=instance_of(int))
        password: str = attrs.field(validator=instance_of(str), repr=False)

    return Database


_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def settings_by_hand(text: Mapping[str, Any]) -> Settings:
    """A call for each field."""
    pool = text["pool"]
    return Settings(
        text["host"],
        int(text["port"]),
        _TRUTH[text["debug"]],
        int(text["retries"]),
        text["user"],
        text["tags"].split(","),
        [int(each) for each in text["shards"].split(",")],
        _TRUTH[text["cache"]],
        int(text["limit"]),
        Pool(pool["name"], int(pool["size"])),
    )


def settings_of_environment_by_hand() -> Settings:
    """A call for each field."""
    environ = os.environ
    return Settings(
        environ["BENCHMARK_HOST"],
        int(environ["BENCHMARK_PORT"]),
        _TRUTH[environ["BENCHMARK_DEBUG"]],
        int(environ["BENCHMARK_RETRIES"]),
        environ["BENCHMARK_USER"],
        environ["BENCHMARK_TAGS"].split(","),
        [int(each) for each in environ["BENCHMARK_SHARDS"].split(",")],
        _TRUTH[environ["BENCHMARK_CACHE"]],
        int(environ["BENCHMARK_LIMIT"]),
        Pool(environ["BENCHMARK_POOL_NAME"], int(environ["BENCHMARK_POOL_SIZE"])),
    )


async def _start_tasks(program: Program) -> None:
    tasks: list[asyncio.Task[Any]] = []

    async def make(cls: type, needs: tuple[int, ...]) -> Any:
        made = cls(*[await tasks[need] for need in needs])
        await made.setup()
        return made

    for cls, needs in zip(program.classes, program.graph.needs, strict=True):
        tasks.append(asyncio.create_task(make(cls, needs)))
    made = [await task for task in tasks]
    for each in reversed(made):
        await each.teardown()


def _start_threads(program: Program) -> None:
    made: dict[int, Any] = {}
    pending = dict(enumerate(program.graph.needs))
    running: dict[Future[Any], int] = {}
    with ThreadPoolExecutor(8) as pool:
        while len(made) < program.graph.size:
            for number in [each for each, needs in pending.items() if all(need in made for need in needs)]:
                given = [made[need] for need in pending.pop(number)]
                running[pool.submit(_made, program.classes[number], given)] = number
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                made[running.pop(done)] = done.result()
    for number in reversed(range(program.graph.size)):
        made[number].teardown()


def _made(cls: type, given: list[Any]) -> Any:
    made = cls(*given)
    made.setup()
    return made


def _start_serially(program: Program) -> None:
    made: list[Any] = []
    for cls, needs in zip(program.classes, program.graph.needs, strict=True):
        made.append(_made(cls, [made[need] for need in needs]))
    for each in reversed(made):
        each.teardown()


class NestedBlocks(Written):
    """What is left when nothing is dynamic: one ``try: ... finally:`` in the other."""

    name = "by hand, nested try/finally"

    def _program(self, graph: Graph, hooks: Hooks) -> Program | None:
        if graph.size > _MOST_NESTED:
            return None
        return Program(graph, hooks, attrs_class, end=_in_blocks(graph, hooks))


class ContextManagers(Written):
    """What many would write: a decorated generator for each resource, an ExitStack for them all."""

    name = "by hand, @contextmanager + ExitStack"

    def _program(self, graph: Graph, hooks: Hooks) -> Program | None:
        names = {
            "ExitStack": ExitStack,
            "AsyncExitStack": AsyncExitStack,
            "contextmanager": contextmanager,
            "asynccontextmanager": asynccontextmanager,
        }
        return Program(graph, hooks, attrs_class, provider, _manager, end=_in_stack(graph, hooks, _managed), **names)


CONTENDERS: Final = (ByHand(), NestedBlocks(), ContextManagers())
