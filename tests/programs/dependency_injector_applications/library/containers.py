"""The container of the library."""

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from .services import Catalogue


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(packages=[".blueprints"])

    config = providers.Configuration()
    titles = providers.List("Emma", "Dracula")
    catalogue = providers.Singleton(Catalogue, titles=titles, limit=config.limit)
