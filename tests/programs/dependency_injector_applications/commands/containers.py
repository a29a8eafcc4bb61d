"""The container of the bus."""

from dependency_injector import providers

from resourcekit import ResourceContainer

from . import messages


class Container(ResourceContainer):
    account = providers.Singleton(messages.Account)
    handlers = providers.Singleton(messages.Handlers, account)
    bus = providers.Factory(
        messages.Bus,
        handlers=providers.Dict(
            {
                messages.Deposit: handlers.provided.deposit,
                messages.Withdraw: handlers.provided.withdraw,
            }
        ),
    )
