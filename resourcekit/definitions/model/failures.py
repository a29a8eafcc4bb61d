"""The errors of definitions: data first, text made late."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from typing import Any, Self

from resourcekit.base.errors import ResourceKitError, listed, nearest

__all__ = (
    "ExecutionError",
    "NotReadableError",
    "NotStorableError",
    "NotStoredError",
    "ResourceNotRequestedError",
    "StepStateError",
)


class ExecutionError(ResourceKitError, ExceptionGroup[Exception]):
    """Several steps of one execution failed; each error has a note that names its step.

    A single step's error surfaces as itself.

    Args:
        errors: What the steps raised, in the order they failed.

    >>> ExecutionError([ValueError("a"), KeyError("b")]).exceptions
    (ValueError('a'), KeyError('b'))
    """

    def __new__(cls, errors: Sequence[Exception]) -> Self:
        return super().__new__(cls, f"{len(errors)} steps failed", errors)

    def __init__(self, errors: Sequence[Exception]) -> None:
        BaseException.__init__(self, tuple(errors))

    def derive(self, excs: Sequence[Any], /) -> Any:
        """A group of the same kind with some of the errors: what ``except*`` splits it into."""
        return type(self)(excs)


class StepStateError(ResourceKitError, LookupError):
    """An output was asked of a step that has none: it failed, was skipped, or gives none.

    Args:
        step: The step.
        reason: Why it has none.

    >>> print(StepStateError("report", "it was skipped, orders had failed"))
    step 'report' has no output: it was skipped, orders had failed
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(step, reason)
        self.step = step
        self.reason = reason

    def __str__(self) -> str:
        return f"step {self.step!r} has no output: {self.reason}"


class ResourceNotRequestedError(ResourceKitError, AttributeError):
    """A step reads a resource from its context that it has not asked for.

    Args:
        step: The step, in words: ``asset 'report'``.
        key: What it reads.
        requested: The keys it has asked for.

    >>> print(ResourceNotRequestedError("asset 'report'", "databse", ["database"]))
    asset 'report' has not asked for resource 'databse', only for: database; did you mean database?
    """

    def __init__(self, step: str, key: str, requested: Iterable[str]) -> None:
        self.requested = tuple(requested)
        super().__init__(step, key, self.requested)
        self.step = step
        self.key = key

    def __str__(self) -> str:
        near = nearest(self.key, self.requested)
        advice = f"ask for it with a parameter of that name, or required_resource_keys={{{self.key!r}}}"
        return (
            f"{self.step} has not asked for resource {self.key!r}, only for: {listed(self.requested) or 'none'}; "
            + (advice if near is None else f"did you mean {near}?")
        )


class NotStoredError(ResourceKitError, FileNotFoundError):
    """An IO manager has no value of a step: it was never stored there.

    Args:
        what: Whose value, in words: ``asset 'orders'``.
        where: Where it was looked for.
        hint: The way out.

    >>> print(NotStoredError("asset 'orders'", "/data/orders", "materialize it first"))
    asset 'orders' is not stored at /data/orders; materialize it first
    """

    def __init__(self, what: str, where: str, hint: str) -> None:
        super().__init__(errno.ENOENT, "not stored", where)
        self.args = (what, where, hint)  # For pickle.
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} is not stored at {self.where}; {self.hint}"


class _ValueFailure(ResourceKitError):
    """What an IO manager cannot do with a value."""

    def __init__(self, what: str, reason: str, hint: str) -> None:
        super().__init__(what, reason, hint)
        self.what = what
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}; {self.hint}"


class NotStorableError(_ValueFailure, TypeError):
    """An IO manager cannot store a value; what was stored before is as it was.

    Args:
        what: Whose value, in words: ``asset 'orders'``.
        reason: What is wrong.
        hint: The way out.

    >>> print(NotStorableError("asset 'orders'", "pickle cannot write a generator", "return a list"))
    asset 'orders': pickle cannot write a generator; return a list
    """


class NotReadableError(_ValueFailure, ValueError):
    """What an IO manager has stored cannot be read, or not as what is wanted: it is damaged, or was written otherwise.

    Args:
        what: Whose value, in words: ``asset 'orders'``.
        reason: What is wrong.
        hint: The way out.

    >>> print(NotReadableError("asset 'orders'", "/data/orders is damaged", "run 'orders' again"))
    asset 'orders': /data/orders is damaged; run 'orders' again
    """
