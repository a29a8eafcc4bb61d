"""What a step wants done: it yields calls and waits, and who drives it does them, with or without an event loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any

import attrs

from resourcekit.base.errors import DefinitionError

__all__ = ("Call", "Pause", "StepMachine", "refuse_awaitable")


@attrs.frozen(eq=False)
class Call:
    """A call that a step wants made: of its function, of an IO manager, of a provider.

    Args:
        function: What to call, without arguments.
        what: What it is, for messages.
        stays: It must be made in the run's own thread: what it works with has a class with ``threads=False``.
    """

    function: Callable[[], Any]
    what: str
    stays: bool = False

    def make(self) -> Any:
        """Make the call.

        Raises:
            RuntimeError: It raised StopIteration, which neither a generator nor a future lets through.
            Exception: What else it raised.
        """
        try:
            return self.function()
        except StopIteration as error:
            raise RuntimeError(f"{self.what} raised StopIteration: of next() on what is empty, perhaps") from error


@attrs.frozen
class Pause:
    """A wait that a step wants, in seconds."""

    seconds: float


StepMachine = Generator[Call | Pause, Any, Any]
"""What a step does: yields each call, is sent what it gave or thrown what it raised."""


def refuse_awaitable(call: Call, given: Any) -> None:
    """Refuse what cannot be awaited here.

    Raises:
        DefinitionError: Always.
    """
    if inspect.iscoroutine(given):
        given.close()
    raise DefinitionError(f"{call.what} gave an awaitable, and nothing said so beforehand: make it `async def`")
