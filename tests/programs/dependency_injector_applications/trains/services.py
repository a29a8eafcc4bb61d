"""Departures of a station."""


class Timetable:
    """The railway's service; the tests put another in its place."""

    def __init__(self, key: str, timeout: float) -> None:
        self.key = key
        self.timeout = timeout

    async def departures(self, station: str, limit: int) -> list[str]:
        raise ConnectionError(self.key)


class Departures:
    """What leaves next."""

    def __init__(self, timetable: Timetable) -> None:
        self.timetable = timetable

    async def next(self, station: str, limit: int) -> list[str]:
        return [f"{station}: {train}" for train in await self.timetable.departures(station, limit)]
