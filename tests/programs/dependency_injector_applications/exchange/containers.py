"""The container of the exchange."""

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from .services import Bank, Exchange


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(modules=[".endpoints"])

    config = providers.Configuration(default={"url": "https://bank.example", "currency": "SEK"})
    bank = providers.Factory(Bank, url=config.url)
    exchange = providers.Factory(Exchange, bank=bank)
