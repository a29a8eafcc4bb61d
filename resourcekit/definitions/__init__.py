"""Assets, ops, jobs and IO managers: pipelines whose steps ask for resources by parameter.

The package is also what `resourcekit.definitions` decorates functions with: calling it calls its `definitions`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from resourcekit.definitions.authoring.assets import AssetDefinition, asset
from resourcekit.definitions.authoring.collection import Definitions, definitions
from resourcekit.definitions.authoring.jobs import JobDefinition, job
from resourcekit.definitions.authoring.materialization import amaterialize, materialize
from resourcekit.definitions.authoring.ops import OpDefinition, op
from resourcekit.definitions.execution.direct import build_asset_context, build_op_context
from resourcekit.definitions.model.asset_keys import AssetKey
from resourcekit.definitions.model.failures import (
    ExecutionError,
    NotReadableError,
    NotStorableError,
    NotStoredError,
    ResourceNotRequestedError,
    StepStateError,
)
from resourcekit.definitions.model.outputs import MaterializeResult, Output
from resourcekit.definitions.model.progress import StepEvent, log_steps
from resourcekit.definitions.model.results import ExecutionResult, StepResult
from resourcekit.definitions.model.retry import RetryPolicy
from resourcekit.definitions.model.step_contexts import (
    AssetExecutionContext,
    ExecutionContext,
    InputContext,
    OpExecutionContext,
    OutputContext,
)
from resourcekit.definitions.storage.file_store import FileStore, FilesystemIOManager
from resourcekit.definitions.storage.io_managers import (
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    InMemoryIOManager,
    IOManager,
)
from resourcekit.definitions.storage.serializers import JsonSerializer, ParquetSerializer, PickleSerializer, Serializer
from resourcekit.injection.markers import ResourceParam

__all__ = (
    "AssetDefinition",
    "AssetExecutionContext",
    "AssetKey",
    "ConfigurableIOManager",
    "ConfigurableIOManagerFactory",
    "Definitions",
    "ExecutionContext",
    "ExecutionError",
    "ExecutionResult",
    "FileStore",
    "FilesystemIOManager",
    "IOManager",
    "InMemoryIOManager",
    "InputContext",
    "JobDefinition",
    "JsonSerializer",
    "MaterializeResult",
    "NotReadableError",
    "NotStorableError",
    "NotStoredError",
    "OpDefinition",
    "OpExecutionContext",
    "Output",
    "OutputContext",
    "ParquetSerializer",
    "PickleSerializer",
    "ResourceNotRequestedError",
    "ResourceParam",
    "RetryPolicy",
    "Serializer",
    "StepEvent",
    "StepResult",
    "StepStateError",
    "amaterialize",
    "asset",
    "build_asset_context",
    "build_op_context",
    "definitions",
    "job",
    "log_steps",
    "materialize",
    "op",
)


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:

    def __getattr__(name):
        """Tell what stands for a name that only Dagster has."""
        from resourcekit.base.dagster_names import absent

        raise absent(sys.modules[__name__], name)


class _CallableModule(ModuleType):
    """A package that has the name of the decorator in it: ``@resourcekit.definitions`` works, whatever is imported."""

    def __call__(self, function: Any, /) -> Any:
        return definitions(function)


sys.modules[__name__].__class__ = _CallableModule
