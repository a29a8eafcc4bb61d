"""Where tasks are kept."""

from sqlalchemy import select

from .database import Sessions, Task


class NoTaskError(LookupError):
    """There is no such task."""


class Tasks:
    """The tasks of a database."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def all(self) -> list[Task]:
        with self.sessions() as session:
            return list(session.scalars(select(Task).order_by(Task.id)))

    def add(self, title: str) -> Task:
        with self.sessions() as session:
            task = Task(title=title)
            session.add(task)
        return task

    def finish(self, number: int) -> Task:
        with self.sessions() as session:
            task = session.get(Task, number)
            if task is None:
                raise NoTaskError(number)
            task.done = True
        return task
