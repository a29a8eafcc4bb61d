"""The container of the daemon."""

import logging

from dependency_injector import providers

from resourcekit import ResourceContainer

from .dispatcher import Dispatcher
from .monitors import Http, Monitor


class Container(ResourceContainer):
    config = providers.Configuration(strict=True)
    logging = providers.Resource(logging.getLogger, config.log.name)
    http = providers.Factory(Http)
    shop = providers.Factory(Monitor, http=http, options=config.monitors.shop)
    mail = providers.Factory(Monitor, http=http, options=config.monitors.mail)
    dispatcher = providers.Factory(Dispatcher, monitors=providers.List(shop, mail))
