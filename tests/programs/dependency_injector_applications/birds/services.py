"""Birds that were seen."""


class Sightings:
    """The archive of sightings; the tests put another in its place."""

    async def of(self, place: str) -> list[str]:
        raise ConnectionError(place)
