"""What is wrong with a value from outside, as data that never holds the value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

import attrs

from resourcekit.base.errors import ResourceKitError

__all__ = ("ConversionError", "ConversionProblem", "RefusedError", "UnknownKey", "refuse", "within", "without_keys")

_SHOWN: Final = 20

Place = tuple[str | int, ...]


@attrs.frozen
class ConversionProblem:
    """One thing that is wrong with a value from outside.

    Args:
        expected: The type that is wanted there.
        reason: What is wrong; never the value.
        path: Where in the value: the names of fields, the positions in lists. A key that is data, not the name of a
            field, is told by its position: ``key 2``.

    >>> print(ConversionProblem("int", "not a whole number", ("pools", 2, "size")))
    pools[2].size: expected int: not a whole number
    """

    expected: str
    reason: str
    path: Place = ()

    @property
    def where(self) -> str:
        """The path as text, empty for the value as a whole."""
        return "".join(map(_step, self.path)).removeprefix(".")

    def __str__(self) -> str:
        text = f"expected {self.expected}: {self.reason}"
        return f"{self.where}: {text}" if self.path else text


def _step(part: str | int) -> str:
    if isinstance(part, str) and part.isidentifier():
        return f".{part}"
    return f"[{part if isinstance(part, int) or part.isprintable() else ascii(part)[1:-1]}]"


class ConversionError(ResourceKitError, ValueError):
    """A value from outside cannot become the value that is wanted.

    Args:
        problems: Everything that is wrong with it, in the order of the value.

    >>> print(ConversionError([ConversionProblem("int", "not a whole number", (2,))]))
    [2]: expected int: not a whole number
    """

    def __init__(self, problems: Iterable[ConversionProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        more = len(self.problems) - _SHOWN
        return "\n".join([*lines, f"... and {more} more"] if more > 0 else lines)


class RefusedError(Exception):
    """Carries problems through cattrs; `convert` ends it, for its context may hold the value."""

    def __init__(self, problems: Iterable[ConversionProblem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


def refuse(expected: str, reason: str, path: Place = ()) -> NoReturn:
    """Raise RefusedError with one problem."""
    raise RefusedError([ConversionProblem(expected, reason, path)])


class UnknownKey(str):
    """A path's last part: a key of the value, and its position, for where the key must not be shown."""

    __slots__ = ("position",)
    position: int

    def __new__(cls, key: object, position: int) -> UnknownKey:
        self = super().__new__(cls, key)
        self.position = position
        return self


def within(part: str | int, problems: Iterable[ConversionProblem]) -> list[ConversionProblem]:
    """The problems of a part, told of the whole."""
    return [attrs.evolve(problem, path=(part, *problem.path)) for problem in problems]


def without_keys(problems: Iterable[ConversionProblem]) -> list[ConversionProblem]:
    """The problems of a value that came as one text: its unknown keys are a piece of that text."""
    return [attrs.evolve(problem, path=tuple(map(_without_key, problem.path))) for problem in problems]


def _without_key(part: str | int) -> str | int:
    return f"key {part.position}" if isinstance(part, UnknownKey) else part
