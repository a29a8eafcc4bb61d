"""Every variable and file that a container reads: what `container.env()` gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs

from resourcekit.base.masking import printable
from resourcekit.base.tables import Table, Tabular
from resourcekit.inspection.dotenv import dotenv
from resourcekit.inspection.origins import Origins, Read
from resourcekit.inspection.records import EnvEntry
from resourcekit.planning.nodes import Graph

__all__ = ("ContainerEnv", "describe_env", "joined")


@attrs.frozen(eq=False)
class ContainerEnv(Tabular):
    """Every variable and file that a container reads: what `container.env()` gives.

    Printing it shows a table. No value is ever read: only whether there is one.

    Args:
        container: The container's name.
        entries: Variables, files and other sources, in the order in which resources are declared.

    >>> from resourcekit import ConfigurableResource, EnvVar, ResourceContainer, secret
    >>> class Database(ConfigurableResource):
    ...     port: int
    ...     password: str = secret()
    >>> class App(ResourceContainer):
    ...     database = Database(port=EnvVar("DB_PORT", default=5432), password=EnvVar("SURELY_NOT_SET"))
    >>> print(App().env())
    environment of App: 2 variables, 1 missing
      name            status   type  default  secret  needed by
      DB_PORT         default  int   5432             database.port
      SURELY_NOT_SET  missing  str            secret  database.password
    """

    container: str
    entries: tuple[EnvEntry, ...]
    _schema: Callable[[], dict[str, Any]] = attrs.field(repr=False, alias="schema")

    @property
    def missing(self) -> tuple[EnvEntry, ...]:
        """What a run would fail without."""
        return tuple(entry for entry in self.entries if entry.status == "missing")

    def to_dict(self) -> dict[str, Any]:
        """The environment as plain data, for JSON."""
        return {"container": self.container, "entries": [entry.to_dict() for entry in self.entries]}

    def dotenv(self) -> str:
        """A ``.env.example``: each variable with what it is; the optional ones are comments with their default."""
        return dotenv(self.container, self.entries)

    def markdown(self) -> str:
        """A table for a page of documentation."""
        columns = ("Name", "Type", "Required", "Default", "Secret", "Needed by", "What it is")
        rows = [
            (
                f"`{entry.name}`" if entry.kind != "source" else entry.name,
                _code(entry.types),
                "yes" if entry.required else "no",
                _code([entry.default] if entry.default is not None else []),
                "yes" if entry.secret else "",
                _code(entry.used_by),
                entry.description or "",
            )
            for entry in self.entries
        ]
        lines = [columns, ("---",) * len(columns), *rows]
        return "".join("| " + " | ".join(printable(cell).replace("|", "\\|") for cell in row) + " |\n" for row in lines)

    def json_schema(self) -> dict[str, Any]:
        """A JSON Schema for overlay files: editors complete and check TOML, JSON and YAML with it."""
        return self._schema()

    def tables(self) -> tuple[Table]:
        """The environment as a table."""
        rows = tuple(
            (
                entry.name,
                entry.status,
                ", ".join(entry.types),
                entry.default or "",
                "secret" if entry.secret else "",
                ", ".join(entry.used_by),
                ", ".join(entry.environments),
            )
            for entry in self.entries
        )
        columns = ("name", "status", "type", "default", "secret", "needed by", "read in")
        return (Table(self._title(), _used(columns, rows), _used_cells(rows)),)

    def _title(self) -> str:
        counts = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for word in ("variable", "file", "source")
            if (count := sum(entry.kind == word for entry in self.entries))
        ]
        missing = [f"{len(self.missing)} missing"] if self.missing else []
        return f"environment of {self.container}: {', '.join(counts + missing) or 'nothing is read'}"


def _used_cells(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The rows without the columns that are empty in all of them."""
    used = [index for index in range(len(rows[0])) if any(row[index] for row in rows)] if rows else []
    return tuple(tuple(row[index] for index in used) for row in rows)


def _used(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if not rows:
        return columns
    return tuple(column for index, column in enumerate(columns) if any(row[index] for row in rows))


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def describe_env(
    container: str,
    graph: Graph,
    origins: Origins,
    environ: Mapping[str, str],
    schema: Callable[[], dict[str, Any]],
) -> ContainerEnv:
    """What a container reads.

    Args:
        container: Its name.
        graph: Its graph.
        origins: Tells where values come from.
        environ: The variables that are set: only their names are looked at.
        schema: Makes the JSON Schema of its overlays.
    """
    found: dict[tuple[str, str], list[Read]] = {}
    for node in graph.nodes:
        if node.is_resource:
            for read in origins.reads(node):
                found.setdefault((read.kind, read.name), []).append(read)
    entries = tuple(
        EnvEntry(reads[0].kind, name, tuple(reads), _is_set(reads[0], environ)) for (_, name), reads in found.items()
    )
    return ContainerEnv(container, entries, schema)


def _is_set(read: Read, environ: Mapping[str, str]) -> bool | None:
    if read.kind == "variable":
        return read.name in environ
    return os.path.isfile(read.name) if read.kind == "file" else None


def joined(
    name: str, environments: Mapping[str, ContainerEnv], variable: str | None, default: str | None
) -> ContainerEnv:
    """The environments of several containers as one; each entry tells which of them read it.

    Args:
        name: What to call it.
        environments: Each environment's own.
        variable: The variable that chooses between them.
        default: The environment where that is not set.
    """
    found: dict[tuple[str, str], list[tuple[str, EnvEntry]]] = {}
    for environment, one in environments.items():
        for entry in one.entries:
            found.setdefault((entry.kind, entry.name), []).append((environment, entry))
    entries = [] if variable is None else [_choice(variable, default, tuple(environments))]
    for each in found.values():
        first = each[0][1]
        reads = tuple(read for _, entry in each for read in entry.reads)
        entries.append(attrs.evolve(first, reads=reads, environments=tuple(where for where, _ in each)))
    schemas = [one.json_schema for one in environments.values()]
    return ContainerEnv(name, tuple(entries), lambda: schemas[0]() if len(schemas) == 1 else _any_of(schemas))


def _choice(variable: str, default: str | None, names: tuple[str, ...]) -> EnvEntry:
    """The variable that chooses between environments, as an entry."""
    read = Read(
        "variable",
        variable,
        where="the environment",
        type=f"one of {', '.join(names)}",
        annotation=Literal[names],
        secret=False,
        default=attrs.NOTHING if default is None else default,
    )
    return EnvEntry("variable", variable, (read,), variable in os.environ)


def _any_of(schemas: Sequence[Callable[[], dict[str, Any]]]) -> dict[str, Any]:
    """One schema that takes what any of several takes."""
    each = [schema() for schema in schemas]
    inner = [{key: value for key, value in schema.items() if key != "$schema"} for schema in each]
    for place, schema in enumerate(inner):
        schema["$id"] = f"resourcekit:environment-{place + 1}"  # `#/$defs/...` in it means its own.
    return {"$schema": each[0]["$schema"], "anyOf": inner}
