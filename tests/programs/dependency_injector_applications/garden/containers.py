"""The container of the garden, configured by Django's settings."""

from dependency_injector import providers

from resourcekit import ResourceContainer

from .services import Beds


class Container(ResourceContainer):
    config = providers.Configuration()
    beds = providers.Factory(Beds, size=config.BED_SIZE)
