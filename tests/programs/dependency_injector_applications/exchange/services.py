"""Exchange rates."""


class Bank:
    """The bank's service; the tests put another in its place."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def rate(self, currency: str) -> float:
        raise ConnectionError(f"{self.url} cannot be reached")


class Exchange:
    """Changes amounts at the bank's rate."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    async def change(self, amount: float, currency: str) -> float:
        return amount * await self.bank.rate(currency)
