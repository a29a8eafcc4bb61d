"""Assets, ops, jobs and IO managers: pipelines whose steps ask for resources by parameter.

The package is also what `resourcekit.definitions` decorates functions with: calling it calls its `definitions`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from resourcekit.definitions.assets import AssetDefinition, asset
from resourcekit.definitions.collection import Definitions, definitions
from resourcekit.definitions.contexts import (
    AssetExecutionContext,
    ExecutionContext,
    InputContext,
    OpExecutionContext,
    OutputContext,
)
from resourcekit.definitions.direct import build_asset_context, build_op_context
from resourcekit.definitions.failures import (
    ExecutionError,
    NotReadableError,
    NotStorableError,
    NotStoredError,
    ResourceNotRequestedError,
    StepStateError,
)
from resourcekit.definitions.files import FileStore, FilesystemIOManager
from resourcekit.definitions.io_managers import (
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    InMemoryIOManager,
    IOManager,
)
from resourcekit.definitions.jobs import JobDefinition, job
from resourcekit.definitions.keys import AssetKey
from resourcekit.definitions.materialization import amaterialize, materialize
from resourcekit.definitions.ops import OpDefinition, op
from resourcekit.definitions.outputs import MaterializeResult, Output
from resourcekit.definitions.progress import StepEvent, log_steps
from resourcekit.definitions.results import ExecutionResult, StepResult
from resourcekit.definitions.retry import RetryPolicy
from resourcekit.definitions.serializers import JsonSerializer, ParquetSerializer, PickleSerializer, Serializer
from resourcekit.injection import ResourceParam

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
        from resourcekit.absent import absent

        raise absent(sys.modules[__name__], name)


class _CallableModule(ModuleType):
    """A package that has the name of the decorator in it: ``@resourcekit.definitions`` works, whatever is imported."""

    def __call__(self, function: Any, /) -> Any:
        return definitions(function)


sys.modules[__name__].__class__ = _CallableModule
