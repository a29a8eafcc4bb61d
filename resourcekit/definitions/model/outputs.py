"""What a step may return in place of a plain value: the value with metadata, or metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

import attrs

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)

__all__ = ("MaterializeResult", "Output")


@attrs.frozen(eq=False)
class Output(Generic[T_co]):
    """A step's value with metadata: return it in place of the value.

    Args:
        value: The value, for the IO manager and whoever needs it.
        metadata: What is known of it: rows, a path, a checksum; ``result.steps[...].metadata`` has it.

    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def orders() -> Output[list[str]]:
    ...     return Output(["tea", "milk"], metadata={"rows": 2})
    >>> result = materialize([orders])
    >>> result.output_for(orders), result.steps["orders"].metadata["rows"]
    (['tea', 'milk'], 2)
    """

    value: T_co
    metadata: Mapping[str, Any] = attrs.field(factory=dict)


class MaterializeResult(Output[T_co]):
    """What an asset may return that has stored its value itself: metadata, and a value only if you give one.

    Args:
        value: The value; without one, the IO manager is not called.
        metadata: What is known of it.

    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def table():
    ...     return MaterializeResult(metadata={"rows": 2})
    >>> materialize([table]).steps["table"].metadata["rows"]
    2
    """

    def __init__(self, *, value: T_co = attrs.NOTHING, metadata: Mapping[str, Any] | None = None) -> None:  # type: ignore[assignment]
        super().__init__(value, metadata or {})
