"""A container for each layer, and one that puts them together."""

import sqlite3
from pathlib import Path

from dependency_injector import providers

from resourcekit import ResourceContainer

from . import services


class Gateways(ResourceContainer):
    config = providers.Configuration()
    database = providers.Singleton(sqlite3.connect, config.database.dsn)
    store = providers.Singleton(services.Store, key=config.store.key, secret=config.store.secret)


class Services(ResourceContainer):
    config = providers.Configuration()
    gateways = providers.DependenciesContainer()
    users = providers.Factory(services.Users, gateways.database)
    tokens = providers.Factory(services.Tokens, gateways.database, seconds=config.tokens.seconds.as_int())
    pictures = providers.Factory(services.Pictures, gateways.database, store=gateways.store)


class Application(ResourceContainer):
    config = providers.Configuration(ini_files=[Path(__file__).with_name("config.ini")])
    gateways = providers.Container(Gateways, config=config)
    services = providers.Container(Services, config=config, gateways=gateways)
