"""The container of the departures board."""

from pathlib import Path

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from . import services


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(modules=[".handlers"])

    config = providers.Configuration(yaml_files=[Path(__file__).with_name("config.yml")])
    timetable = providers.Factory(services.Timetable, key=config.timetable.key, timeout=config.timetable.timeout)
    departures = providers.Factory(services.Departures, timetable=timetable)
