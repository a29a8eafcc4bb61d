"""What resourcekit knows of one resource object, beside its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from resourcekit.base.caller import Place
from resourcekit.base.errors import Location
from resourcekit.declarations.spec import RECORD, ResourceSpec

__all__ = ("Record", "linked_values", "raw_values", "record_of", "spec_of")


_NOTHING: Final[Mapping[str, Any]] = {}
"""What most resources have of most things: one for all of them."""


@attrs.define(eq=False, repr=False)
class Record:
    """What resourcekit knows of one resource object.

    Args:
        place: Where the declaration stands: file and line.
        live: Whether a run made it.
        name: The key, or path, a run gave it.
        given: The fields whose values the constructor or an overlay gave; the others have their defaults.
        captured: The lists, dicts and sets of a declaration as they were given, whatever became of them since.
        deferred: The fields that have no value yet, by name.
        linked: The fields that hold resources, or values that are not there yet, in order.
        sources: Where each value from outside came from.
        unchecked: The fields whose validators wait for another field's value.
    """

    place: Place | None = None
    live: bool = False
    name: str = ""
    given: tuple[str, ...] = ()
    captured: Mapping[str, object] = attrs.field(default=_NOTHING, repr=False)
    deferred: dict[str, object] = attrs.field(factory=dict, repr=False)
    linked: tuple[str, ...] = ()
    sources: Mapping[str, str] = _NOTHING
    unchecked: tuple[str, ...] = ()

    @property
    def location(self) -> Location | None:
        """Where the declaration stands."""
        return None if self.place is None else Location(*self.place)

    def copy(self) -> Record:
        """A record of its own for a copy of the resource."""
        return Record(self.place, self.live, self.name, self.given, self.captured, dict(self.deferred),
                      self.linked, self.sources, self.unchecked)  # fmt: skip


def spec_of(resource: object) -> ResourceSpec:
    """The spec of a resource's class."""
    spec: ResourceSpec = getattr(type(resource), RECORD)
    return spec


def record_of(resource: object) -> Record:
    """The record of a resource."""
    record: Record = resource.__dict__[RECORD]
    return record


def linked_values(resource: object) -> Iterator[tuple[str, object]]:
    """The fields that hold resources, or values that are not there yet: name and value as it was given, in order."""
    record = record_of(resource)
    for name in record.linked:
        store = record.deferred if name in record.deferred else record.captured
        yield name, store[name] if name in store else resource.__dict__[name]


def raw_values(resource: object) -> dict[str, object]:
    """Every field's value by name, as it was given."""
    record = record_of(resource)
    known = {**resource.__dict__, **record.captured, **record.deferred}
    return {name: known[name] for name in spec_of(resource).by_name if name in known}
