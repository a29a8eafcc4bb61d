"""Which container stands for another in a context; apart from the run, so that it loads with a container."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import attrs

__all__ = ("Substitute", "substitutes")


@attrs.frozen(eq=False, repr=False)
class Substitute:
    """What stands for a container in a context that overrides it.

    Args:
        original: The container.
        derived: The one that stands for it.
        origin: The `Blueprint.origin` of both.
        blueprint: Gives the blueprint of the latter.
    """

    original: object
    derived: Any
    origin: object
    blueprint: Callable[[], Any]


substitutes: Final[ContextVar[tuple[Substitute, ...]]] = ContextVar("resourcekit_overrides", default=())
"""The overrides of this context, the latest last."""
