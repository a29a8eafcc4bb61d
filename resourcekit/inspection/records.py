"""The rows of everything that is inspected: plain data, for renderers to render."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import attrs

from resourcekit.base.errors import Location, Problem, ResourceKitError
from resourcekit.base.masking import show
from resourcekit.inspection.origins import Origin, Read, location_text

__all__ = ("EnvEntry", "FieldEntry", "GraphData", "GraphEntry", "Need", "UnknownFieldError")


class UnknownFieldError(ResourceKitError, LookupError):
    """A field, or a resource, that a container does not have.

    Args:
        where: What was asked for.
        message: What is wrong with it, and the nearest name.

    >>> print(UnknownFieldError("database.prot", "Database has no field 'prot'; did you mean port?"))
    Database has no field 'prot'; did you mean port?
    """

    def __init__(self, where: str, message: str) -> None:
        super().__init__(where, message)
        self.where = where
        self.message = message

    def __str__(self) -> str:
        return self.message


@attrs.frozen
class FieldEntry:
    """One field of a resource.

    Args:
        name: The name in the constructor and in overlays.
        type: The annotation in words.
        secret: Whether its value is never shown.
        required: Whether the constructor wants it.
        description: What it is, in the class's words.
        origins: Every place that has a value for it, the winner first.
    """

    name: str
    type: str
    secret: bool
    required: bool
    description: str | None
    origins: tuple[Origin, ...]

    @property
    def shown(self) -> str:
        """The value as it may be shown; empty where there is none yet."""
        return self.origins[0].shown if self.origins else ""

    @property
    def reads(self) -> tuple[Read, ...]:
        """What a run reads for it."""
        return tuple(read for origin in self.origins if origin.outcome != "lost" for read in origin.reads)

    def to_dict(self) -> dict[str, Any]:
        """The field as plain data, for JSON."""
        return {
            "name": self.name,
            "type": self.type,
            "secret": self.secret,
            "required": self.required,
            "description": self.description,
            "shown": self.shown,
            "origins": [origin.to_dict() for origin in self.origins],
        }


@attrs.frozen
class Need:
    """One arrow: what a resource needs, and the field it is for."""

    name: str
    field: str | None


@attrs.frozen
class GraphEntry:
    """One thing in a container.

    Args:
        name: Its first key, or its path where it is nested inline.
        keys: Every key it has.
        kind: A resource, a provider of dependency-injector's, or a plain value.
        owner: Its class.
        module: The module of the class.
        doc: The first line of the class's docstring.
        scope: ``"run"``, ``"app"``, or None for what has no life of its own.
        is_async: Whether one of its hooks is async.
        hooks: The hooks that a run calls.
        vends: What its users receive, where that is not the resource itself.
        fields: Its fields.
        needs: What it needs.
        used_by: What needs it.
        declared: Where the declaration stands.
        level: How many levels of other things must be up first; None in a cycle.
        is_replacement: It took a key's place by an override.
    """

    name: str
    keys: tuple[str, ...]
    kind: Literal["resource", "provider", "value"]
    owner: str
    module: str
    doc: str | None
    scope: str | None
    is_async: bool
    hooks: tuple[str, ...]
    vends: str | None
    fields: tuple[FieldEntry, ...]
    needs: tuple[Need, ...]
    used_by: tuple[str, ...]
    declared: Location | None
    level: int | None
    is_replacement: bool

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain data, for JSON."""
        data = attrs.asdict(self, recurse=False)
        data |= {"keys": list(self.keys), "hooks": list(self.hooks), "used_by": list(self.used_by)}
        data["fields"] = [field.to_dict() for field in self.fields]
        data["needs"] = [{"name": need.name, "field": need.field} for need in self.needs]
        data["declared"] = location_text(self.declared)
        data["async"] = data.pop("is_async")
        data["replacement"] = data.pop("is_replacement")
        return data


@attrs.frozen(eq=False)
class GraphData:
    """What a container holds and what each thing in it needs.

    Args:
        container: The container's name.
        entries: What it holds, in order of declaration.
        problems: What is wrong with the plan of the whole container.
    """

    container: str
    entries: tuple[GraphEntry, ...]
    problems: tuple[Problem, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, GraphEntry]:
        """The entries by name."""
        return {entry.name: entry for entry in self.entries}

    @property
    def resources(self) -> tuple[GraphEntry, ...]:
        """The entries that a run sets up."""
        return tuple(entry for entry in self.entries if entry.kind == "resource")

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data, for JSON."""
        return {
            "container": self.container,
            "entries": [entry.to_dict() for entry in self.entries],
            "problems": [problem.to_dict() for problem in self.problems],
        }


@attrs.frozen
class EnvEntry:
    """One variable, file or other source.

    Args:
        kind: Which of the three.
        name: The variable's name, the file's path, or the source in words.
        reads: Each field that is read from it.
        is_set: Whether it is there now, its value unread; None where that cannot be told.
        environments: The environments that read it, where there are several.
    """

    kind: Literal["variable", "file", "source"]
    name: str
    reads: tuple[Read, ...]
    is_set: bool | None = None
    environments: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """The types it is read as, in words."""
        return tuple(dict.fromkeys(read.type for read in self.reads))

    @property
    def secret(self) -> bool:
        """Whether a secret field is read from it."""
        return any(read.secret for read in self.reads)

    @property
    def required(self) -> bool:
        """Whether a run fails where it is missing."""
        return any(read.required for read in self.reads)

    @property
    def default(self) -> str | None:
        """What stands in where it is not set, as it may be shown."""
        shown = dict.fromkeys(show(read.default, secret=self.secret) for read in self.reads if not read.required)
        return ", ".join(shown) or None

    @property
    def used_by(self) -> tuple[str, ...]:
        """The fields that are read from it: ``database.password``."""
        return tuple(dict.fromkeys(read.where for read in self.reads))

    @property
    def description(self) -> str | None:
        """What it is, in the words of the fields."""
        return "; ".join(dict.fromkeys(read.description for read in self.reads if read.description)) or None

    @property
    def status(self) -> str:
        """``"set"``, ``"default"``, ``"missing"``, or ``"unknown"`` for a source that only a run can ask."""
        if self.is_set is None:
            return "unknown"
        if self.is_set:
            return "set"
        return "missing" if self.required else "default"

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain data, for JSON; never a value from outside."""
        return {
            "kind": self.kind,
            "name": self.name,
            "types": list(self.types),
            "required": self.required,
            "default": self.default,
            "secret": self.secret,
            "used_by": list(self.used_by),
            "description": self.description,
            "status": self.status,
            "environments": list(self.environments),
        }
