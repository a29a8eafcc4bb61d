"""`RetryPolicy`: how often, and when, a step that failed is run again."""

from __future__ import annotations

from typing import Literal

import attrs

from resourcekit.base.errors import DefinitionError

__all__ = ("RetryPolicy",)


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often a step that failed is run again; its resources stay as they are.

    Args:
        max_retries: How many times after the first.
        delay: Seconds to wait before each.
        backoff: ``"linear"`` waits once, twice, three times the delay; ``"exponential"`` once, twice, four times;
            None always once.
        on: The exceptions that are worth another try; any other fails the step at once.

    Raises:
        DefinitionError: A number is negative, *backoff* is no such word, or *on* is not made of exceptions.

    >>> [RetryPolicy(max_retries=3, delay=2, backoff="exponential").wait_before(retry) for retry in (1, 2, 3)]
    [2, 4, 8]
    """

    max_retries: int = 1
    delay: float = 0.0
    backoff: Literal["linear", "exponential"] | None = None
    on: type[Exception] | tuple[type[Exception], ...] = Exception

    def __attrs_post_init__(self) -> None:
        count: object = self.max_retries
        delay: object = self.delay
        kinds: tuple[object, ...] = self.on if isinstance(self.on, tuple) else (self.on,)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise DefinitionError(f"RetryPolicy(max_retries={count!r}): give a number of retries, 0 or more")
        if not isinstance(delay, int | float) or delay < 0:
            raise DefinitionError(f"RetryPolicy(delay={delay!r}): give seconds, 0 or more")
        if self.backoff not in ("linear", "exponential", None):
            raise DefinitionError(f"RetryPolicy(backoff={self.backoff!r}): give 'linear', 'exponential' or None")
        if not all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
            raise DefinitionError("RetryPolicy(on=...) wants an exception class, or a tuple of them")

    def wait_before(self, retry: int) -> float:
        """Seconds to wait before a retry.

        Args:
            retry: Which: 1 for the first.
        """
        if self.backoff is None:
            return self.delay
        return self.delay * (retry if self.backoff == "linear" else 2 ** (retry - 1))

    def allows(self, retry: int, error: Exception) -> bool:
        """Whether a step is run again.

        Args:
            retry: Which retry it would be: 1 for the first.
            error: What it has failed with.
        """
        return retry <= self.max_retries and isinstance(error, self.on)
