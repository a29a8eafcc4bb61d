"""The scope manager: resolves config, sets up, gives the live resources, tears down."""

from resourcekit.run.alone import OpenResource, open_resource
from resourcekit.run.app import App, open_runs
from resourcekit.run.blueprint import AppScope, Blueprint, Preflight, preflight
from resourcekit.run.container import ContainerBlueprint
from resourcekit.run.health import HealthCheck, health_checks
from resourcekit.run.override_scope import OverrideScope
from resourcekit.run.run import Run
from resourcekit.run.session import Session
from resourcekit.run.view import LiveView

__all__ = (
    "App",
    "AppScope",
    "Blueprint",
    "ContainerBlueprint",
    "HealthCheck",
    "LiveView",
    "OpenResource",
    "OverrideScope",
    "Preflight",
    "Run",
    "Session",
    "health_checks",
    "open_resource",
    "open_runs",
    "preflight",
)
