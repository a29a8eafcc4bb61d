"""The container of the birds."""

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from .services import Sightings


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(modules=[".handlers"])

    config = providers.Configuration(default={"place": "marsh"})
    sightings = providers.Factory(Sightings)
