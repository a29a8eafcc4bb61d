"""How long a hook may take, and the error of one that takes longer."""

from __future__ import annotations

from typing import Any, Final

import attrs

from resourcekit.base.errors import ResourceKitError
from resourcekit.base.settings import ContainerSettings
from resourcekit.declarations.record import spec_of
from resourcekit.planning.plan import Step

__all__ = ("TIMEOUTS", "HookTimeoutError", "Limit", "limit_of")

TIMEOUTS: Final = ("setup_timeout", "teardown_timeout")


class HookTimeoutError(ResourceKitError, TimeoutError):
    """A hook took longer than it may.

    An async hook is cancelled at its limit. A blocking one cannot be: the error comes when it returns, and what it
    set up is torn down.

    Args:
        key: The resource's key or path.
        owner: Its class.
        phase: The hook.
        seconds: How long it might take.
        setting: The class keyword that says so.

    >>> print(HookTimeoutError("database", "Database", "setup_for_execution", 5.0, "setup_timeout"))
    setup_for_execution of 'database' (Database) took longer than 5 s, its setup_timeout
    """

    def __init__(self, key: str, owner: str, phase: str, seconds: float, setting: str) -> None:
        super().__init__("took too long")  # Several arguments mean something else to an OSError, which this is.
        self.key = key
        self.owner = owner
        self.phase = phase
        self.seconds = seconds
        self.setting = setting

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.owner, self.phase, self.seconds, self.setting)

    def __str__(self) -> str:
        what = f"{self.phase} of {self.key!r} ({self.owner})"
        if self.setting == "start_timeout":
            return f"{what} was not done within {self.seconds:g} s, the start_timeout of its container"
        return f"{what} took longer than {self.seconds:g} s, its {self.setting}"


@attrs.frozen
class Limit:
    """How long one call may take.

    Args:
        seconds: As long as this.
        setting: The class keyword that says so.
        told: What that says, where less is left of it.
    """

    seconds: float
    setting: str
    told: float

    def error(self, step: Step, phase: str) -> HookTimeoutError:
        """The error of a call that took longer."""
        return HookTimeoutError(step.name, type(step.resource).__name__, phase, self.told, self.setting)


def limit_of(step: Step, settings: ContainerSettings, setting: str) -> Limit | None:
    """The limit of a hook: what its class says, else its container's."""
    own = getattr(spec_of(step.resource).settings, setting) if step.node.is_resource else None
    seconds = own or getattr(settings, setting)
    return None if seconds is None else Limit(seconds, setting, seconds)
