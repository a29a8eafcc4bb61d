"""The world's airports: load them into a database, ask three questions, write a small report.

    resourcekit run docs/examples/airports.py --config docs/examples/airports.toml

It writes `airports.md`, and in `dev` the database `airports.db`, to the current directory. With `--env prod`, or
APP_ENV=prod, it uses a PostgreSQL server; DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD say which. What may be
changed without touching this file stands in `airports.toml`, beside it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import airportsdata
from sqlalchemy import URL, Connection, Engine, create_engine, text

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    Environments,
    EnvVar,
    ResourceContainer,
    ResourceDependency,
    RunContext,
    secret,
    state,
)

Row = Sequence[object]


class Database(ConfigurableResourceFactory[Engine], scope="app"):
    """Vends SQLAlchemy's engine: the connections that all runs share, closed when the application ends."""

    @abstractmethod
    def url(self) -> URL: ...

    def create_resource(self) -> Iterator[Engine]:
        engine = create_engine(self.url())
        try:
            yield engine
        finally:
            engine.dispose()


class SQLite(Database):
    """A database in a file."""

    path: Path

    def url(self) -> URL:
        return URL.create("sqlite", database=str(self.path))


class PostgreSQL(Database):
    """A database on a server."""

    host: str
    port: int = 5432
    name: str
    user: str
    password: str = secret()

    def url(self) -> URL:
        return URL.create("postgresql+psycopg", self.user, self.password, self.host, self.port, self.name)


class Airports(ConfigurableResource):
    """The table of airports. Each run is one transaction: kept if the run succeeds, undone if it fails."""

    engine: ResourceDependency[Engine]
    _connection: Connection = state()

    def yield_for_execution(self) -> Iterator[None]:
        with self.engine.begin() as self._connection:
            yield

    def load(self, airports: Sequence[airportsdata.Airport]) -> None:
        columns = "icao TEXT PRIMARY KEY, name TEXT, country TEXT, elevation FLOAT, tz TEXT"
        self._connection.execute(text(f"CREATE TABLE IF NOT EXISTS airports ({columns})"))
        self._connection.execute(text("DELETE FROM airports"))
        insert = text("INSERT INTO airports VALUES (:icao, :name, :country, :elevation, :tz)")
        self._connection.execute(insert, list(airports))

    def select(self, sql: str, limit: int) -> Sequence[Row]:
        return self._connection.execute(text(sql), {"limit": limit}).all()


class Question(ConfigurableResource):
    """A question about the airports, in SQL that every database understands."""

    airports: Airports
    title: str
    sql: str
    limit: int = 5

    def answer(self) -> Sequence[Row]:
        return self.airports.select(self.sql, self.limit)


class Survey(ConfigurableResource):
    """The questions to ask, in order."""

    questions: list[Question]


class Report(ConfigurableResource):
    """A Markdown file. A run that fails leaves the last one as it is."""

    path: Path
    _lines: list[str] = state(factory=list)

    def add(self, title: str, rows: Sequence[Row]) -> None:
        self._lines += [f"## {title}", "", *(f"- {', '.join(map(str, row))}" for row in rows), ""]

    def teardown_after_execution(self, context: RunContext) -> None:
        if context.exception is None:
            self.path.write_text("\n".join(self._lines), encoding="utf-8")


class Dev(ResourceContainer):
    engine: Database = SQLite(path=Path("airports.db"))
    airports = Airports(engine=engine)
    highest = Question(
        airports=airports,
        title="Which airports are the highest, in feet?",
        sql="SELECT name, country, elevation FROM airports ORDER BY elevation DESC, icao LIMIT :limit",
    )
    busiest = Question(
        airports=airports,
        title="Which countries have the most airports?",
        sql="SELECT country, count(*) FROM airports GROUP BY country ORDER BY count(*) DESC, country LIMIT :limit",
    )
    widest = Question(
        airports=airports,
        title="Which countries have airports in the most time zones?",
        sql="SELECT country, count(DISTINCT tz) FROM airports "
        "GROUP BY country ORDER BY count(DISTINCT tz) DESC, country LIMIT :limit",
    )
    survey = Survey(questions=[highest, busiest, widest])
    report = Report(path=Path("airports.md"))


class Prod(Dev):
    engine = PostgreSQL(
        host=EnvVar("DB_HOST"),
        port=EnvVar("DB_PORT", default=5432),
        name=EnvVar("DB_NAME"),
        user=EnvVar("DB_USER"),
        password=EnvVar("DB_PASSWORD"),
    )


environments = Environments(dev=Dev, prod=Prod, variable="APP_ENV", default="dev")


def main(airports: Airports, survey: Survey, report: Report, country: str | None = None) -> str:
    """Load the airports, ask the questions, and write the report.

    Args:
        country: Load one country's airports only: its two letters.
    """
    rows = [row for row in airportsdata.load().values() if country in (None, row["country"])]
    if not rows:
        raise SystemExit(f"no airports in {country!r}: give the two letters of a country, such as NL")
    airports.load(rows)
    for question in survey.questions:
        report.add(question.title, question.answer())
    return f"{len(rows)} airports loaded, written: {report.path}"


if __name__ == "__main__":
    app = environments.current().with_config(Path(__file__).with_suffix(".toml"))
    print(app.call(main))
