"""Resources that a provider of dependency-injector's makes: no run sets them up, so they are not given to steps."""

from __future__ import annotations

from typing import Any

from resourcekit.annotations.class_kinds import is_resource_class
from resourcekit.declarations.record import record_of
from resourcekit.declarations.spec import RECORD, ResourceSpec
from resourcekit.declarations.values import is_resource
from resourcekit.planning.nodes import Held

__all__ = ("is_unmanaged", "unmanaged_class", "way_out")


def unmanaged_class(held: Held) -> type | None:
    """The resource class whose instances a provider makes past every run, if it is known and that matters to it."""
    cls: Any = held.offers
    return cls if held.kind == "provider" and is_resource_class(cls) and _needs_run(cls) else None


def is_unmanaged(given: object) -> bool:
    """Whether what a provider gave is a resource that no run has set up, and that needs one."""
    return is_resource(given) and not record_of(given).live and _needs_run(type(given))


def _needs_run(cls: type) -> bool:
    """Whether a class has hooks, or fields for other resources: without a run it is not what its users expect."""
    spec: ResourceSpec = getattr(cls, RECORD)
    return bool(spec.hooks.called) or any(field.is_need for field in spec.fields)


def way_out(key: str, cls: type) -> str:
    """What to write in the place of such a provider."""
    return f"give the resource itself, {key}={cls.__name__}(...): there is one for each run, or scope='app'"
