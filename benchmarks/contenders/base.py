"""What a contender is: one small interface, a method per scenario; what a package cannot do stays as it is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from typing import Any, ClassVar, Final

import attrs

from benchmarks.graphs import Graph
from benchmarks.programs import Hooks, Program

__all__ = (
    "BOTH",
    "CONSTRUCT",
    "DECLARE",
    "Contender",
    "Import",
    "Operation",
    "Prepared",
    "Startup",
    "class_operations",
)

DECLARE: Final = "declare"
CONSTRUCT: Final = "construct"
BOTH: Final = "declare and construct once"

Operation = Callable[[], Any]
"""What is timed; a coroutine function in the async scenarios."""


@attrs.frozen
class Prepared:
    """An operation over a graph, and the program whose hooks it runs."""

    operate: Operation
    program: Program


@attrs.frozen
class Startup:
    """The two halves of a start.

    Args:
        declare: Registers, builds and validates; gives the container.
        resolve: Makes every object; gives how many there are.
    """

    declare: Callable[[], Any]
    resolve: Callable[[Any], int]


@attrs.frozen
class Import:
    """A statement to time.

    Args:
        statement: The statement.
        distribution: The package whose requirements are there, and nothing else's.
    """

    statement: str
    distribution: str


def class_operations(declare: Callable[[], Any]) -> Mapping[str, Operation]:
    """S10, of a function that declares a class: with a host, a port that has a default, and a password."""
    cls = declare()
    return {
        DECLARE: declare,
        CONSTRUCT: lambda: cls(host="localhost", password="x"),
        BOTH: lambda: declare()(host="localhost", password="x"),
    }


class Contender:
    """One way to do the work."""

    name: ClassVar[str]
    """What the tables call it."""

    imports: ClassVar[tuple[Import, ...]] = ()
    """S8: import statements to time."""

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        """S1: enter a scope, make and set up every resource in order, fetch the root, leave with all teardowns."""
        return None

    async def async_scope(self, graph: Graph, hooks: Hooks, opened: AsyncExitStack) -> Prepared | None:
        """S2: the same with async hooks, in a running loop."""
        return None

    def calls(self, opened: ExitStack) -> Mapping[str, Callable[[int], int]]:
        """S3: functions of a number that get three live objects injected, by label."""
        return {}

    def lookups(self, opened: ExitStack) -> Mapping[str, Operation]:
        """S4: ways to get an object that exists, by label."""
        return {}

    def startup(self, graph: Graph) -> Startup | None:
        """S6: the start of an application with that many singletons."""
        return None

    def starts(self, graph: Graph, hooks: Hooks) -> Mapping[str, Prepared]:
        """S7: ways to start everything, blocking or async as *hooks* are, by label."""
        return {}

    def settings(self, text: Mapping[str, Any]) -> Mapping[str, Operation]:
        """S9: ways to make a typed object from text, by label."""
        return {}

    def settings_of_environment(self) -> Mapping[str, Operation]:
        """S9: the same from the variables of `subjects.ENVIRONMENT`, which are set, by label."""
        return {}

    def overrides(self, opened: ExitStack) -> Mapping[str, Operation]:
        """S11: ways to replace the first of three resources, and set up and tear down all, by label; gives the last."""
        return {}

    def classes(self) -> Mapping[str, Operation]:
        """S10: declaring a class of three fields and constructing one, by `DECLARE`, `CONSTRUCT` and `BOTH`."""
        return {}
