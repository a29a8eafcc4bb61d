"""The container of the weather application."""

from pathlib import Path

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from . import services


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(modules=[".views"])

    config = providers.Configuration(yaml_files=[Path(__file__).with_name("config.yml")])
    station = providers.Factory(services.Station, name=config.station.name, timeout=config.station.timeout)
    forecasts = providers.Factory(services.Forecasts, station=station)
