"""What a hook is told of the run it works for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final
from weakref import ref

import attrs

__all__ = ("RunContext",)

LOGGER: Final = logging.getLogger("resourcekit")


class ResourceConfig(dict[str, object]):
    """Config by field, shown with secrets masked.

    Args:
        resource: The resource it is of.
        values: Its values.
    """

    def __init__(self, resource: object, values: Mapping[str, object]) -> None:
        super().__init__(values)
        self._resource = resource

    def __repr__(self) -> str:
        return "{}" if self._resource is None else f"<config of {self._resource!r}>"

    def __rich_repr__(self) -> Iterator[object]:
        """What rich shows, which would take it for any dict."""
        return iter(() if self._resource is None else (self._resource,))


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
        resource: The live resource whose hooks are called; in a test, one with the config that the hook should see.

    >>> RunContext(key="database", run_id="r1").exception is None
    True
    """

    key: str
    path: tuple[str, ...] = ()
    run_id: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    scope: str = "run"
    exception: BaseException | None = None
    _resource: Any = attrs.field(default=None, repr=False)  # From a run, a weak reference: hooks may keep the context.

    @property
    def resource(self) -> Any:
        """The live resource whose hooks are called; None when it is gone."""
        return self._resource() if type(self._resource) is ref else self._resource

    @property
    def resource_config(self) -> Mapping[str, object]:
        """The config of this resource: every value that is there, read, converted, with defaults; not its resources."""
        return ResourceConfig(self.resource, self._values(are_resources=False))

    @property
    def resources(self) -> SimpleNamespace:
        """What this resource needs: the live resource, or what a factory vends, in each field that holds one."""
        return SimpleNamespace(**self._values(are_resources=True))

    def _values(self, are_resources: bool) -> dict[str, object]:
        spec = getattr(type(self.resource), "__resourcekit__", None)
        return {} if spec is None else spec.values_of(self.resource, are_resources=are_resources)

    @property
    def log(self) -> logging.Logger:
        """The logger of this resource: ``resourcekit.<key>``."""
        return LOGGER.getChild(self.key)
