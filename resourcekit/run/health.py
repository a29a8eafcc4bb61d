"""Asking the resources of an open run whether they are well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from resourcekit.declarations.context import RunContext
from resourcekit.declarations.hooks import Hook, health_hook
from resourcekit.planning.plan import Step
from resourcekit.run.session import Session

__all__ = ("HealthCheck", "health_checks")


@attrs.frozen(eq=False)
class HealthCheck:
    """The ``check_health`` hook of one live resource.

    Args:
        step: The resource's.
        hook: The hook.
        resource: The live resource: not what it vends.
        context: What the hook is given, if it asks.
    """

    step: Step
    hook: Hook
    resource: Any
    context: RunContext

    def call(self) -> Any:
        """What the hook gives; an awaitable where it is async."""
        return self.hook.bound(self.resource, self.context)()


def health_checks(run: Session) -> Iterator[HealthCheck]:
    """The health checks of a run that is open and timed (``report=True``), in the order of its plan.

    Args:
        run: The run.
    """
    scope = run._scope
    assert scope is not None, "a timed run keeps its resources"
    for step in run._blueprint.plan(run._asked, run._left_out).steps:
        hook = health_hook(type(step.resource))
        resource = scope.drafts.get(id(step.node.held.identity))
        if hook is not None and resource is not None:
            yield HealthCheck(step, hook, resource, scope.context(step))
