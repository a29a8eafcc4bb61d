"""What steps and IO managers are told: `ExecutionContext`, `OutputContext`, `InputContext`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from resourcekit.declarations.context import LOGGER
from resourcekit.definitions.model.asset_keys import AssetKey
from resourcekit.definitions.model.failures import ResourceNotRequestedError

__all__ = (
    "AssetExecutionContext",
    "ExecutionContext",
    "InputContext",
    "OpExecutionContext",
    "OutputContext",
    "StepResources",
)

_NOTHING: Mapping[str, Any] = {}


class StepResources:
    """The resources that a step has asked for, as attributes: ``context.resources.database``.

    Args:
        owner: The step, in words.
        live: What it receives, by key.
    """

    def __init__(self, owner: str, live: Mapping[str, Any]) -> None:
        self._owner = owner
        self._live = {key: _shown(resource) for key, resource in live.items()}

    if TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any: ...

    else:

        def __getattr__(self, key):
            if key.startswith("__") or "_live" not in self.__dict__:
                raise AttributeError(key)
            if key not in self._live:
                raise ResourceNotRequestedError(self._owner, key, self._live)
            return self._live[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._live.values())

    def __dir__(self) -> list[str]:
        return list(self._live)

    def __repr__(self) -> str:
        return f"<resources of {self._owner}: {', '.join(self._live) or 'none'}>"

    def _with(self, owner: str, live: Mapping[str, Any]) -> StepResources:
        """These resources and others, which win."""
        both = StepResources(owner, live)
        both._live = self._live | both._live
        return both

    def _asdict(self) -> dict[str, Any]:
        """The resources by key."""
        return dict(self._live)


def _shown(resource: Any) -> Any:
    """What a context shows of a resource, which may have another object for it, as Dagster's integrations do."""
    other = getattr(type(resource), "get_object_to_set_on_execution_context", None)
    return resource if other is None else other(resource)


def _step_logger(step: str) -> logging.Logger:
    return LOGGER.getChild(f"steps.{step}")


@attrs.define(eq=False, kw_only=True)
class ExecutionContext:
    """What a step may ask for with a parameter named ``context``.

    Args:
        step: The step's name.
        run_id: The execution's identifier.
        tags: What the caller gave the execution.
        resources: What the step has asked for.
        job_name: The job it runs in; for assets, None.
        retry_number: 0 at the first try, 1 at the first retry.
        output_metadata: What `add_output_metadata` was given.

    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def who(context: ExecutionContext) -> str:
    ...     return f"{context.step} in {context.run_id}"
    >>> materialize([who], run_id="r1").output_for(who)
    'who in r1'
    """

    step: str
    run_id: str = ""
    tags: Mapping[str, str] = _NOTHING
    resources: StepResources = attrs.field(factory=lambda: StepResources("this step", {}))
    job_name: str | None = None
    retry_number: int = 0
    output_metadata: dict[str, Any] = attrs.field(factory=dict)

    @property
    def log(self) -> logging.Logger:
        """The logger of this step: ``resourcekit.steps.<name>``."""
        return _step_logger(self.step)

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Tell something of the step's value, for the result: rows, a path, a checksum.

        Args:
            metadata: By name; a later one wins.
        """
        self.output_metadata.update(metadata)


@attrs.define(eq=False, kw_only=True)
class AssetExecutionContext(ExecutionContext):
    """The `ExecutionContext` of an asset.

    Args:
        asset_key: The asset's key.

    >>> from resourcekit import AssetKey
    >>> AssetExecutionContext(step="orders", asset_key=AssetKey("orders")).asset_key
    AssetKey('orders')
    """

    asset_key: AssetKey


@attrs.define(eq=False, kw_only=True)
class OpExecutionContext(ExecutionContext):
    """The `ExecutionContext` of an op.

    >>> OpExecutionContext(step="load").step
    'load'
    """

    @property
    def op_name(self) -> str:
        """The op's name in its job: `step` under Dagster's name."""
        return self.step


@attrs.define(eq=False, kw_only=True)
class OutputContext:
    """What an IO manager is told of the value it is to store.

    Args:
        step_key: The step that made it.
        name: The output's name.
        asset_key: The asset's key; None for an op's value.
        run_id: The execution's identifier.
        tags: What the caller gave the execution.
        annotation: What the step says it returns; Any where it does not.
        definition_metadata: The step's own metadata.
        metadata: What was told of the value so far.

    >>> OutputContext(step_key="load", run_id="r1").get_identifier()
    ('r1', 'load', 'result')
    """

    step_key: str
    name: str = "result"
    asset_key: AssetKey | None = None
    run_id: str = ""
    tags: Mapping[str, str] = _NOTHING
    annotation: Any = Any
    definition_metadata: Mapping[str, Any] = _NOTHING
    metadata: dict[str, Any] = attrs.field(factory=dict)

    @property
    def has_asset_key(self) -> bool:
        """Whether it is an asset's value."""
        return self.asset_key is not None

    @property
    def log(self) -> logging.Logger:
        """The logger of the step."""
        return _step_logger(self.step_key)

    def get_identifier(self) -> tuple[str, ...]:
        """What tells the value from every other: an asset's key, an op's run, step and output."""
        return (self.run_id, self.step_key, self.name) if self.asset_key is None else self.asset_key.path

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Tell something of the stored value, for the result: where it is, how large.

        Args:
            metadata: By name; a later one wins.
        """
        self.metadata.update(metadata)

    def __str__(self) -> str:
        return f"step {self.step_key!r}" if self.asset_key is None else f"asset '{self.asset_key}'"


@attrs.define(eq=False, kw_only=True)
class InputContext:
    """What an IO manager is told of the value it is to load.

    Args:
        name: The parameter that receives it; empty for `Definitions.load_asset_value`.
        step_key: The step that needs it.
        upstream_output: The `OutputContext` of the step that made it.
        annotation: What the parameter says it takes; Any where it does not.
        run_id: The execution's identifier.
        tags: What the caller gave the execution.

    >>> InputContext(name="orders", upstream_output=OutputContext(step_key="load", run_id="r1")).get_identifier()
    ('r1', 'load', 'result')
    """

    name: str
    upstream_output: OutputContext
    step_key: str = ""
    annotation: Any = Any
    run_id: str = ""
    tags: Mapping[str, str] = _NOTHING

    @property
    def asset_key(self) -> AssetKey | None:
        """The key of the asset whose value it is; None for an op's."""
        return self.upstream_output.asset_key

    @property
    def has_asset_key(self) -> bool:
        """Whether it is an asset's value."""
        return self.upstream_output.has_asset_key

    @property
    def log(self) -> logging.Logger:
        """The logger of the step that needs it."""
        return _step_logger(self.step_key)

    def get_identifier(self) -> tuple[str, ...]:
        """What tells the value from every other: as the `OutputContext` had it."""
        return self.upstream_output.get_identifier()
