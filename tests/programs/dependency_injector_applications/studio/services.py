"""What the studio does with its database and its store."""

import sqlite3
from typing import Any


class Store:
    """The store of pictures; the tests put another in its place."""

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self.secret = secret
        self.kept: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        self.kept[name] = content


class Users:
    """The users of a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def find(self, name: str) -> int:
        [number] = self.database.execute("SELECT length(?)", (name,)).fetchone()
        return int(number)


class Tokens:
    """Tokens that are good for a while."""

    def __init__(self, database: sqlite3.Connection, seconds: int) -> None:
        self.database = database
        self.seconds = seconds


class Pictures:
    """The pictures of users."""

    def __init__(self, database: sqlite3.Connection, store: Store) -> None:
        self.database = database
        self.store = store

    def add(self, user: int, content: bytes) -> str:
        name = f"{user}.png"
        self.store.put(name, content)
        return name


class Report:
    """What one package knows of two others."""

    def __init__(self, users: Users, pictures: Pictures) -> None:
        self.users = users
        self.pictures = pictures

    def write(self, name: str) -> dict[str, Any]:
        return {"user": self.users.find(name), "pictures": len(self.pictures.store.kept)}
