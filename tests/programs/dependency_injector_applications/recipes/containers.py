"""The container of the command."""

from dependency_injector import providers

from resourcekit import ResourceContainer

from . import finders


class Container(ResourceContainer):
    config = providers.Configuration()
    recipe = providers.Factory(finders.Recipe)
    csv_finder = providers.Singleton(
        finders.CsvFinder, recipe=recipe.provider, path=config.csv.path, delimiter=config.csv.delimiter
    )
    sqlite_finder = providers.Singleton(finders.SqliteFinder, recipe=recipe.provider, path=config.sqlite.path)
    finder = providers.Selector(config.finder, csv=csv_finder, sqlite=sqlite_finder)
    lister = providers.Factory(finders.Lister, finder=finder)
