"""What is watched, and over what."""

from typing import Any


class Http:
    """The client; the tests put another in its place."""

    async def status(self, url: str) -> int:
        raise ConnectionError(url)


class Monitor:
    """Asks one address."""

    def __init__(self, http: Http, options: dict[str, Any]) -> None:
        self.http = http
        self.url = options["url"]
        self.seen: list[int] = []

    async def check(self) -> None:
        self.seen.append(await self.http.status(self.url))
