"""The scope manager: resolves config, sets up, gives the live resources, tears down."""

from resourcekit.run.alone import OpenResource, open_resource
from resourcekit.run.app import App, Substitute, open_runs, runs_of, substitutes
from resourcekit.run.blueprint import AppScope, Blueprint, Preflight, preflight
from resourcekit.run.run import Run
from resourcekit.run.session import Session
from resourcekit.run.view import LiveView

__all__ = (
    "App",
    "AppScope",
    "Blueprint",
    "LiveView",
    "OpenResource",
    "Preflight",
    "Run",
    "Session",
    "Substitute",
    "open_resource",
    "open_runs",
    "preflight",
    "runs_of",
    "substitutes",
)
