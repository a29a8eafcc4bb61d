"""Dagster's resources for any application: typed, wired, set up and torn down in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = (
    "AssetDefinition",
    "AssetExecutionContext",
    "AssetKey",
    "ConfigError",
    "ConfigurableIOManager",
    "ConfigurableIOManagerFactory",
    "ConfigurableResource",
    "ConfigurableResourceFactory",
    "ContainerDiff",
    "ContainerEnv",
    "ContainerGraph",
    "Deferred",
    "DefinitionError",
    "Definitions",
    "EnvVar",
    "EnvironmentGraphs",
    "Environments",
    "ExecutionContext",
    "ExecutionError",
    "ExecutionResult",
    "Explanation",
    "Field",
    "FileVar",
    "FilesystemIOManager",
    "FrozenResourceError",
    "HookTimeoutError",
    "IOManager",
    "InMemoryIOManager",
    "InjectionError",
    "InputContext",
    "InvalidFieldError",
    "JobDefinition",
    "Location",
    "MaterializeResult",
    "NoActiveRunError",
    "NotInRunError",
    "NotLiveError",
    "NotReadableError",
    "NotStorableError",
    "NotStoredError",
    "OpDefinition",
    "OpExecutionContext",
    "Output",
    "OutputContext",
    "OverlayFileError",
    "PhaseEvent",
    "Plan",
    "PlanError",
    "PreflightError",
    "Problem",
    "ProblemError",
    "ReadContext",
    "ResourceContainer",
    "ResourceDependency",
    "ResourceKitError",
    "ResourceNotRequestedError",
    "ResourceParam",
    "RetryPolicy",
    "Run",
    "RunContext",
    "RunEvent",
    "RunReport",
    "RunStateError",
    "SetupError",
    "SourceError",
    "StepEvent",
    "StepResult",
    "StepStateError",
    "TeardownError",
    "Timeline",
    "UnknownFieldError",
    "UnknownKeyError",
    "UnresolvedError",
    "amaterialize",
    "asset",
    "build_asset_context",
    "build_op_context",
    "definitions",
    "field",
    "inject",
    "injected",
    "job",
    "log_events",
    "materialize",
    "op",
    "open_resource",
    "ref",
    "replace",
    "secret",
    "state",
    "value",
)

if TYPE_CHECKING:
    from resourcekit.base.errors import (
        ConfigError,
        DefinitionError,
        FrozenResourceError,
        InjectionError,
        InvalidFieldError,
        Location,
        NoActiveRunError,
        NotInRunError,
        NotLiveError,
        PlanError,
        PreflightError,
        Problem,
        ProblemError,
        ResourceKitError,
        RunStateError,
        SetupError,
        TeardownError,
        UnknownKeyError,
        UnresolvedError,
    )
    from resourcekit.config.overlay_files import OverlayFileError
    from resourcekit.container.declarative import ResourceContainer, value
    from resourcekit.container.environments import Environments
    from resourcekit.declarations.context import RunContext
    from resourcekit.declarations.deferred import Deferred, EnvVar, FileVar, ReadContext, SourceError, ref
    from resourcekit.declarations.fields import Field, ResourceDependency, field, secret, state
    from resourcekit.declarations.resource_classes import ConfigurableResource, ConfigurableResourceFactory, replace
    from resourcekit.definitions import (
        AssetDefinition,
        AssetExecutionContext,
        AssetKey,
        ConfigurableIOManager,
        ConfigurableIOManagerFactory,
        Definitions,
        ExecutionContext,
        ExecutionError,
        ExecutionResult,
        FilesystemIOManager,
        InMemoryIOManager,
        InputContext,
        IOManager,
        JobDefinition,
        MaterializeResult,
        NotReadableError,
        NotStorableError,
        NotStoredError,
        OpDefinition,
        OpExecutionContext,
        Output,
        OutputContext,
        ResourceNotRequestedError,
        RetryPolicy,
        StepEvent,
        StepResult,
        StepStateError,
        amaterialize,
        asset,
        build_asset_context,
        build_op_context,
        job,
        materialize,
        op,
    )
    from resourcekit.definitions.authoring.collection import definitions
    from resourcekit.injection.decorator import inject
    from resourcekit.injection.markers import ResourceParam, injected
    from resourcekit.inspection.container_graph import ContainerGraph, EnvironmentGraphs
    from resourcekit.inspection.difference import ContainerDiff
    from resourcekit.inspection.env import ContainerEnv
    from resourcekit.inspection.explanation import Explanation, UnknownFieldError
    from resourcekit.lifecycle.report import PhaseEvent, RunEvent, RunReport, log_events
    from resourcekit.lifecycle.timeline import Timeline
    from resourcekit.lifecycle.timing import HookTimeoutError
    from resourcekit.planning.plan import Plan
    from resourcekit.run.alone import open_resource
    from resourcekit.run.run import Run
else:
    _NAMES = {
        "config.overlay_files": "OverlayFileError",
        "container.declarative": "ResourceContainer value",
        "declarations.context": "RunContext",
        "definitions": "AssetDefinition AssetExecutionContext AssetKey ConfigurableIOManager "
        "ConfigurableIOManagerFactory Definitions ExecutionContext ExecutionError ExecutionResult "
        "FilesystemIOManager IOManager "
        "InMemoryIOManager InputContext JobDefinition MaterializeResult "
        "NotReadableError NotStorableError NotStoredError "
        "OpDefinition OpExecutionContext Output OutputContext ResourceNotRequestedError RetryPolicy StepEvent "
        "StepResult StepStateError amaterialize asset build_asset_context build_op_context job materialize op "
        "definitions",
        "declarations.deferred": "Deferred EnvVar FileVar ReadContext SourceError ref",
        "container.environments": "Environments",
        "base.errors": "ConfigError DefinitionError FrozenResourceError InjectionError InvalidFieldError Location "
        "NoActiveRunError NotInRunError NotLiveError PlanError PreflightError Problem ProblemError ResourceKitError "
        "RunStateError SetupError TeardownError UnknownKeyError UnresolvedError",
        "declarations.fields": "Field ResourceDependency field secret state",
        "injection.decorator": "inject",
        "injection.markers": "ResourceParam injected",
        "inspection.difference": "ContainerDiff",
        "inspection.env": "ContainerEnv",
        "inspection.explanation": "Explanation UnknownFieldError",
        "inspection.container_graph": "ContainerGraph EnvironmentGraphs",
        "lifecycle.report": "PhaseEvent RunEvent RunReport log_events",
        "lifecycle.timing": "HookTimeoutError",
        "planning.plan": "Plan",
        "declarations.resource_classes": "ConfigurableResource ConfigurableResourceFactory replace",
        "run.alone": "open_resource",
        "run.run": "Run",
        "lifecycle.timeline": "Timeline",
    }
    _HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

    def __getattr__(name):
        """Load a public name's module when the name is first used (PEP 562)."""
        from importlib import import_module

        module = _HOMES.get(name)
        if module is None:
            raise import_module(f"{__name__}.base.dagster_names").absent(import_module(__name__), name)
        home = import_module(f"{__name__}.{module}")
        # One name is both a package's and a function's: the package, which can be called like the function.
        found = globals()[name] = home if name == module else getattr(home, name)
        return found

    def __dir__():
        return sorted(__all__)
