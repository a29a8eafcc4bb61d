"""Where recipes are kept."""

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass


@dataclass
class Recipe:
    """What to cook, and how long it takes."""

    title: str
    minutes: int


class CsvFinder:
    """Recipes in a file."""

    def __init__(self, recipe: Callable[..., Recipe], path: str, delimiter: str) -> None:
        self.recipe = recipe
        self.path = path
        self.delimiter = delimiter

    def all(self) -> list[Recipe]:
        with open(self.path, encoding="utf-8") as file:
            return [self.recipe(title, int(minutes)) for title, minutes in csv.reader(file, delimiter=self.delimiter)]


class SqliteFinder:
    """Recipes in a database."""

    def __init__(self, recipe: Callable[..., Recipe], path: str) -> None:
        self.recipe = recipe
        self.path = path

    def all(self) -> list[Recipe]:
        with closing(sqlite3.connect(self.path)) as database:
            return [self.recipe(*row) for row in database.execute("SELECT title, minutes FROM recipes")]


class Lister:
    """Picks recipes."""

    def __init__(self, finder: CsvFinder | SqliteFinder) -> None:
        self.finder = finder

    def quick(self, minutes: int) -> list[str]:
        return [recipe.title for recipe in self.finder.all() if recipe.minutes <= minutes]
