"""The commands and what handles them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Deposit:
    """Put money in."""

    amount: int


@dataclass(frozen=True)
class Withdraw:
    """Take money out."""

    amount: int


class Account:
    """Where it is."""

    def __init__(self) -> None:
        self.balance = 0


class Handlers:
    """One method for each command."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def deposit(self, command: Deposit) -> None:
        self.account.balance += command.amount

    def withdraw(self, command: Withdraw) -> None:
        self.account.balance -= command.amount


class Bus:
    """Hands each command to its handler."""

    def __init__(self, handlers: dict[type, Callable[[Any], None]]) -> None:
        self.handlers = handlers

    def handle(self, command: object) -> None:
        self.handlers[type(command)](command)
