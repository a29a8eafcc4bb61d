"""What can be done with tasks."""

from .database import Task
from .repositories import Tasks


class ToDo:
    """A list of tasks."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks

    def open(self) -> list[Task]:
        return [task for task in self.tasks.all() if not task.done]
