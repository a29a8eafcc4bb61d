"""What a hook is told of the run it works for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ("RunContext",)

LOGGER: Final = logging.getLogger("resourcekit")


@attrs.define(eq=False)
class RunContext:
    """The context that hooks may ask for: one per live resource and run.

    Args:
        key: The resource's key, or its path when it is nested inline: ``orders.database``.
        path: The keys that lead here, from the one that was asked for.
        run_id: The run's identifier.
        tags: What the caller gave the run.
        scope: ``"run"`` or ``"app"``: how long this resource lives.
        exception: In a teardown: what the body, or a failing setup, raised; None when all went well.

    >>> RunContext(key="database", run_id="r1").exception is None
    True
    """

    key: str
    path: tuple[str, ...] = ()
    run_id: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    scope: str = "run"
    exception: BaseException | None = None

    @property
    def log(self) -> logging.Logger:
        """The logger of this resource: ``resourcekit.<key>``."""
        return LOGGER.getChild(self.key)
