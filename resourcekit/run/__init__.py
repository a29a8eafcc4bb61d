"""The scope manager: resolves config, sets up, gives the live resources, tears down."""

from resourcekit.run.alone import OpenResource, open_resource
from resourcekit.run.app import App, open_runs
from resourcekit.run.blueprint import AppScope, Blueprint, Preflight, RunCode, preflight
from resourcekit.run.container import ContainerBlueprint
from resourcekit.run.run import Run
from resourcekit.run.session import Session
from resourcekit.run.view import LiveView

__all__ = (
    "App",
    "AppScope",
    "Blueprint",
    "ContainerBlueprint",
    "LiveView",
    "OpenResource",
    "Preflight",
    "Run",
    "RunCode",
    "Session",
    "open_resource",
    "open_runs",
    "preflight",
)
