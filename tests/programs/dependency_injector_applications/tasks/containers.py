"""The container of the task list."""

from dependency_injector import containers, providers

from resourcekit import ResourceContainer

from .database import Database
from .repositories import Tasks
from .services import ToDo


class Container(ResourceContainer):
    wiring_config = containers.WiringConfiguration(modules=[".endpoints"])

    config = providers.Configuration(default={"url": "sqlite://"})
    database = providers.Singleton(Database, url=config.url)
    tasks = providers.Factory(Tasks, sessions=database.provided.session)
    to_do = providers.Factory(ToDo, tasks=tasks)
