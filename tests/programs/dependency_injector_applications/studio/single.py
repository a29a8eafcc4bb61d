"""One container for everything."""

import logging.config
import sqlite3
from pathlib import Path

from dependency_injector import providers

from resourcekit import ResourceContainer

from . import services


class Container(ResourceContainer):
    config = providers.Configuration(ini_files=[Path(__file__).with_name("config.ini")])
    logging = providers.Resource(logging.config.dictConfig, config={"version": 1, "disable_existing_loggers": False})

    database = providers.Singleton(sqlite3.connect, config.database.dsn)
    store = providers.Singleton(services.Store, key=config.store.key, secret=config.store.secret)

    users = providers.Factory(services.Users, database)
    tokens = providers.Factory(services.Tokens, database, seconds=config.tokens.seconds.as_int())
    pictures = providers.Factory(services.Pictures, database, store=store)
