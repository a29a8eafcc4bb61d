"""The books."""


class Catalogue:
    """All titles, of which so many are shown."""

    def __init__(self, titles: list[str], limit: int | None) -> None:
        self.titles = titles
        self.limit = limit

    def find(self, text: str) -> list[str]:
        return [title for title in self.titles if text.lower() in title.lower()][: self.limit]
