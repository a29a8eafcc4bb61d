"""Forecasts, from a station that is reached over the network."""

from typing import Any


class Station:
    """The station; the tests put another in its place."""

    def __init__(self, name: str, timeout: float) -> None:
        self.name = name
        self.timeout = timeout

    def temperatures(self, days: int) -> list[int]:
        raise ConnectionError(f"{self.name} cannot be reached")


class Forecasts:
    """What the station measured, in words."""

    def __init__(self, station: Station) -> None:
        self.station = station

    def tell(self, days: int) -> list[dict[str, Any]]:
        found = self.station.temperatures(days)
        return [{"day": day, "sky": "warm" if degrees > 20 else "cold"} for day, degrees in enumerate(found)]
