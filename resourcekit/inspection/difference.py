"""What differs between two containers: what `Environments.diff()` gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from resourcekit.base.tables import Table, Tabular
from resourcekit.inspection.records import FieldEntry, GraphData, GraphEntry

__all__ = ("ContainerDiff", "EntryChange", "FieldChange", "compare")


@attrs.frozen
class FieldChange:
    """One field, or fact, that differs.

    Args:
        name: The field, or ``class``, ``scope``, ``kind``.
        left: What the first container has, as it may be shown; empty where it has none.
        right: What the second has.
        left_source: Where the first one's value is from, in words.
        right_source: Where the second one's is from.
        is_field: Whether it is a field, not a fact about the class.
    """

    name: str
    left: str
    right: str
    left_source: str = ""
    right_source: str = ""
    is_field: bool = True


@attrs.frozen
class EntryChange:
    """One resource, provider or value that differs.

    Args:
        name: Its key or path.
        change: ``"added"``: only the second container has it; ``"removed"``: only the first; ``"changed"``: both.
        left: The first container's entry.
        right: The second's.
        fields: What differs in it, where both have it.
    """

    name: str
    change: Literal["added", "removed", "changed"]
    left: GraphEntry | None
    right: GraphEntry | None
    fields: tuple[FieldChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The change as plain data, for JSON."""
        return {
            "name": self.name,
            "change": self.change,
            "fields": [attrs.asdict(field, filter=lambda each, _: each.name != "is_field") for field in self.fields],
        }


@attrs.frozen(eq=False)
class ContainerDiff(Tabular):
    """What differs between two containers, by resource and field; secrets are compared, and never shown.

    Args:
        left: The first one's name.
        right: The second one's.
        changes: What differs, in order of declaration.
        count: How many things there are in both together.

    >>> from resourcekit import ConfigurableResource, Environments, ResourceContainer
    >>> class Database(ConfigurableResource):
    ...     host: str
    ...     port: int = 5432
    >>> class Dev(ResourceContainer):
    ...     database = Database(host="localhost")
    >>> class Prod(Dev):
    ...     database = Database(host="db-1")
    >>> print(Environments(dev=Dev, prod=Prod, default="dev").diff("dev", "prod"))
    dev -> prod: 1 of 1 differs
      resource  change   field  dev          prod
      database  changed  host   'localhost'  'db-1'
    """

    left: str
    right: str
    changes: tuple[EntryChange, ...]
    count: int

    def __bool__(self) -> bool:
        return bool(self.changes)

    def to_dict(self) -> dict[str, Any]:
        """The differences as plain data, for JSON."""
        return {"left": self.left, "right": self.right, "changes": [change.to_dict() for change in self.changes]}

    def tables(self) -> tuple[Table]:
        """The differences as a table."""
        number = len(self.changes)
        title = f"{self.left} -> {self.right}: {number} of {self.count} differ{'s' if number == 1 else ''}"
        rows = tuple(row for change in self.changes for row in _rows(change))
        return (Table(title, ("resource", "change", "field", self.left, self.right), rows),)


def _rows(change: EntryChange) -> Iterator[tuple[str, ...]]:
    if change.change != "changed":
        owners = ["" if entry is None else entry.owner for entry in (change.left, change.right)]
        yield (change.name, change.change, "class", *owners)
    for place, field in enumerate(change.fields):
        which = ("", "") if place else (change.name, change.change)
        yield (*which, field.name, field.left or "-", field.right or "-")


def compare(left_name: str, left: GraphData, right_name: str, right: GraphData) -> ContainerDiff:
    """What differs between two graphs.

    Args:
        left_name: What to call the first.
        left: The first.
        right_name: What to call the second.
        right: The second.
    """
    names = dict.fromkeys((*left.by_name, *right.by_name))
    changes = [_change(name, left.by_name.get(name), right.by_name.get(name)) for name in names]
    return ContainerDiff(left_name, right_name, tuple(filter(None, changes)), len(names))


def _change(name: str, left: GraphEntry | None, right: GraphEntry | None) -> EntryChange | None:
    if left is None or right is None:
        return EntryChange(name, "added" if left is None else "removed", left, right)
    fields = (*_facts(left, right), *_fields(left, right))
    return EntryChange(name, "changed", left, right, fields) if fields else None


def _facts(left: GraphEntry, right: GraphEntry) -> Iterator[FieldChange]:
    pairs = {
        "kind": (left.kind, right.kind),
        "class": (left.owner, right.owner),
        "scope": (left.scope or "", right.scope or ""),
        "hooks": (", ".join(left.hooks), ", ".join(right.hooks)),
        "needs": (_other_needs(left), _other_needs(right)),
    }
    for name, (one, other) in pairs.items():
        if one != other:
            yield FieldChange(name, one, other, is_field=False)
    if left.owner == right.owner and left.module != right.module:
        yield FieldChange("class", f"{left.module}.{left.owner}", f"{right.module}.{right.owner}", is_field=False)


def _other_needs(entry: GraphEntry) -> str:
    """What it needs beside what stands in its fields."""
    return ", ".join(need.name for need in entry.needs if need.field is None)


def _fields(left: GraphEntry, right: GraphEntry) -> Iterator[FieldChange]:
    ours, theirs = ({field.name: field for field in entry.fields} for entry in (left, right))
    for name in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or not _is_same(one, other):
            yield FieldChange(name, _shown(one), _shown(other), _source(one), _source(other))


def _shown(field: FieldEntry | None) -> str:
    return "" if field is None else field.shown


def _source(field: FieldEntry | None) -> str:
    return "" if field is None or not field.origins else field.origins[0].source


def _is_same(one: FieldEntry, other: FieldEntry) -> bool:
    values = [
        [origin.value for origin in field.origins if origin.outcome != "lost"] or [None] for field in (one, other)
    ]
    try:
        return bool(values[0] == values[1]) and one.type == other.type
    except Exception:  # A user's own __eq__; what cannot be compared is told as different.
        return False
