"""The database and its table."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

Sessions = Callable[[], AbstractContextManager[Session]]


class Base(DeclarativeBase):
    """The base of the tables."""


class Task(Base):
    """Something to do."""

    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)


class Database:
    """One engine, and sessions that are rolled back after an error."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        Base.metadata.create_all(self.engine)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session
