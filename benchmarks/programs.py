"""The classes and providers of a graph, written out as source text and executed.

Nobody would write a loop for these, so the benchmark does not measure one: each contender gets plain classes and
plain generator functions with real annotations, as in an application.
"""

from __future__ import annotations

import linecache
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any, Final, Literal

import attrs

from benchmarks.graphs import Graph

__all__ = (
    "COUNTING",
    "LOGGING",
    "Hooks",
    "Part",
    "Program",
    "arguments",
    "attrs_class",
    "generator",
    "maker",
    "plain_class",
    "provider",
    "resource_class",
    "sleeping",
)

_NUMBERS: Final = count(1)


@attrs.frozen
class Hooks:
    """What the setup and teardown of each resource do.

    Args:
        setup: A line of code; ``{number}`` is the resource's.
        teardown: The same.
        is_async: Whether they are ``async def``.
        names: More names that the lines use.
    """

    setup: str
    teardown: str
    is_async: bool = False
    names: tuple[tuple[str, object], ...] = ()

    @property
    def word(self) -> str:
        """What stands before ``def``."""
        return "async " if self.is_async else ""

    @property
    def wait(self) -> str:
        """What stands before a call."""
        return "await " if self.is_async else ""

    def asynchronous(self) -> Hooks:
        """The same as coroutines."""
        return attrs.evolve(self, is_async=True)


COUNTING: Final = Hooks("global setups; setups += 1", "global teardowns; teardowns += 1")
"""For timing: the number of calls is checked after every chunk."""

LOGGING: Final = Hooks('events.append(("setup", {number}))', 'events.append(("teardown", {number}))')
"""For the twin that proves the order."""


def sleeping(sleep: Callable[[float], object], seconds: float, root: int, *, is_async: bool) -> Hooks:
    """For a start where each but the root waits for something outside."""
    wait = f"{'await ' if is_async else ''}sleep({seconds} if {{number}} != {root} else 0)"
    return Hooks(f"{COUNTING.setup}; {wait}", COUNTING.teardown, is_async, (("sleep", sleep),))


Part = Callable[[Graph, int, Hooks], str]
"""Writes what one resource needs."""


class Program:
    """Source text, executed once, and what it counts.

    Args:
        graph: The graph.
        hooks: What its resources' hooks do.
        parts: Write the text of each resource, in turn.
        end: Text that comes last.
        names: Names that the text uses.
    """

    def __init__(self, graph: Graph, hooks: Hooks, *parts: Part, end: str = "", **names: object) -> None:
        texts = [part(graph, number, hooks) for number in range(graph.size) for part in parts]
        source = "\n".join((*texts, end))
        self.graph = graph
        self.namespace: dict[str, Any] = {
            "__name__": f"benchmark_program_{next(_NUMBERS)}",
            "attrs": attrs,
            "AsyncIterator": AsyncIterator,
            "Iterator": Iterator,
            "events": [],
            "setups": 0,
            "teardowns": 0,
            **dict(hooks.names),
            **names,
        }
        filename = f"<{self.namespace['__name__']}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(compile(source, filename, "exec", dont_inherit=True), self.namespace)

    @property
    def classes(self) -> list[type]:
        """The classes, by number."""
        return [self.namespace[f"R{number}"] for number in range(self.graph.size)]

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The providers, by number."""
        return [self.namespace[f"provide{number}"] for number in range(self.graph.size)]

    @property
    def root(self) -> type:
        """The root's class."""
        return self.classes[self.graph.root]

    def reset(self) -> None:
        """Count from zero, and forget the events."""
        self.namespace.update(setups=0, teardowns=0)
        self.namespace["events"].clear()

    @property
    def counts(self) -> tuple[int, int]:
        """How many setups and teardowns ran."""
        return self.namespace["setups"], self.namespace["teardowns"]

    @property
    def events(self) -> list[tuple[Literal["setup", "teardown"], int]]:
        """What `LOGGING` hooks have logged."""
        return list(self.namespace["events"])


def attrs_class(graph: Graph, number: int, hooks: Hooks) -> str:
    """A class with slots whose fields are its dependencies."""
    return "\n".join(
        (
            "@attrs.define(eq=False, repr=False)",
            f"class R{number}:",
            *_fields(graph, number),
            f"    {hooks.word}def setup(self) -> None:",
            f"        {hooks.setup.format(number=number)}",
            f"    {hooks.word}def teardown(self) -> None:",
            f"        {hooks.teardown.format(number=number)}",
        )
    )


def _fields(graph: Graph, number: int) -> list[str]:
    needs = [f"    d{place}: R{need}" for place, need in enumerate(graph.needs[number])]
    return needs + [f"    setting{place}: int = {place}" for place in range(graph.settings)]


def plain_class(graph: Graph, number: int, _hooks: Hooks) -> str:
    """A class without attrs and without hooks."""
    assignments = [f"        self.d{place} = d{place}" for place in range(len(graph.needs[number]))] or ["        pass"]
    takes = "".join(f", {each}" for each in (parameters(graph, number),) if each)
    return "\n".join((f"class R{number}:", f"    def __init__(self{takes}) -> None:", *assignments))


def resource_class(graph: Graph, number: int, hooks: Hooks, base: str = "Base", context: str = "") -> str:
    """A subclass of a package's class whose hooks have the guide's names; *context* is what they take."""
    return "\n".join(
        (
            f"class R{number}({base}):",
            *_fields(graph, number),
            f"    {hooks.word}def setup_for_execution(self{context}) -> None:",
            f"        {hooks.setup.format(number=number)}",
            f"    {hooks.word}def teardown_after_execution(self{context}) -> None:",
            f"        {hooks.teardown.format(number=number)}",
        )
    )


def parameters(graph: Graph, number: int) -> str:
    """The dependencies as parameters: ``d0: R1, d1: R2``."""
    return ", ".join(f"d{place}: R{need}" for place, need in enumerate(graph.needs[number]))


def arguments(graph: Graph, number: int, pattern: str = "d{place}") -> str:
    """The dependencies as arguments."""
    return ", ".join(pattern.format(place=place, need=need) for place, need in enumerate(graph.needs[number]))


def provider(graph: Graph, number: int, hooks: Hooks) -> str:
    """A generator function that makes one, sets it up, and tears it down afterwards."""
    return generator(number, hooks, parameters(graph, number), arguments(graph, number))


def generator(number: int, hooks: Hooks, takes: str, gives: str) -> str:
    """A generator function that takes *takes* and constructs with *gives*."""
    kind = "AsyncIterator" if hooks.is_async else "Iterator"
    return "\n".join(
        (
            f"{hooks.word}def provide{number}({takes}) -> {kind}[R{number}]:",
            f"    it = R{number}({gives})",
            f"    {hooks.wait}it.setup()",
            "    try:",
            "        yield it",
            "    finally:",
            f"        {hooks.wait}it.teardown()",
        )
    )


def maker(graph: Graph, number: int, hooks: Hooks) -> str:
    """A function that makes one and sets it up; whoever calls it sees to the teardown."""
    return "\n".join(
        (
            f"{hooks.word}def provide{number}({parameters(graph, number)}) -> R{number}:",
            f"    it = R{number}({arguments(graph, number)})",
            f"    {hooks.wait}it.setup()",
            "    return it",
        )
    )
