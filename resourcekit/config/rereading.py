"""Config that is read for run after run: what the same variables gave before is not converted again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from resourcekit.annotations.class_kinds import field_names
from resourcekit.base.errors import DefinitionError
from resourcekit.config.overlay import Overlaid, stand_ins
from resourcekit.config.resolution import FieldReader, Reading, field_readers, resolve
from resourcekit.declarations.construction import takes_over
from resourcekit.declarations.deferred import EnvTemplate, EnvVar, is_source
from resourcekit.declarations.record import Record, record_of, spec_of
from resourcekit.declarations.spec import RECORD
from resourcekit.declarations.values import SCALARS, copied, holds, leaves_of

__all__ = ("ConfigReader", "is_read_by_field")

_IMMUTABLE: Final = frozenset({"datetime", "decimal", "ipaddress", "pathlib", "uuid"})
"""The modules whose objects never change."""


class ConfigReader:
    """Reads the config of one resource, whenever a run needs it.

    The first time it goes the long way: `resolve`. After that only the fields are read that may have changed, where
    the resource allows it.

    Args:
        declaration: The resource as it was declared.
        name: Its key or path.
        overlaid: What overlays have for it, by field name.
        path: The keys that lead to it, for messages.
        is_completed: Whether `complete` fills its linked fields; if not, they need no more than a place.
    """

    def __init__(
        self,
        declaration: Any,
        name: str,
        overlaid: Mapping[str, Overlaid],
        path: tuple[str, ...],
        *,
        is_completed: bool,
    ) -> None:
        self._declared = (declaration, name, overlaid)
        self._path = path
        self._is_completed = is_completed
        self._fields: list[_Field] | None = None
        if is_read_by_field(declaration, overlaid):
            self._fields = [_Field(each) for each in field_readers(*self._declared, path)]
        self._known: _Known | None = None

    def read(self, environ: Mapping[str, str]) -> dict[str, object] | None:
        """What the live resource has in it before anything it needs is up; None where something is wrong with it."""
        known = self._known
        return self._at_first(environ) if known is None else self._again(known, environ)

    def _at_first(self, environ: Mapping[str, str]) -> dict[str, object] | None:
        live, problems = resolve(*self._declared, environ, self._path)
        if problems:
            return None
        here: dict[str, object] = live.__dict__
        if not self._is_completed:
            record_of(live).deferred.clear()
        if self._fields is not None:
            self._known = _known(here, {each.name for each in self._fields})
        return here

    def _again(self, known: _Known, environ: Mapping[str, str]) -> dict[str, object] | None:
        """The same with what is to be read now."""
        here = {**known.settled, **{name: copied(value) for name, value in known.mutable.items()}}
        record: Record = known.settled[RECORD]
        changed: dict[str, str] = {}
        for field in self._fields or ():
            read = field.read(environ)
            if read is None:
                return None
            here[field.name], source = read
            if source != record.sources[field.name]:
                changed[field.name] = source
        if self._is_completed or changed:  # Completing it will change the record.
            here[RECORD] = record = record.copy()
            record.sources = {**record.sources, **changed}
        return here


@attrs.frozen(eq=False)
class _Known:
    """What was in a live resource, but for the fields to be read: what is shared, and what is copied."""

    settled: dict[str, Any] = attrs.field(repr=False)
    mutable: dict[str, object] = attrs.field(repr=False)


def _known(here: Mapping[str, object], read: Iterable[str]) -> _Known:
    rest = {name: value for name, value in here.items() if name not in read}
    mutable = {name: copied(value) for name, value in rest.items() if isinstance(value, list | dict | set | tuple)}
    settled: dict[str, Any] = {name: value for name, value in rest.items() if name not in mutable}
    settled[RECORD] = settled[RECORD].copy()
    return _Known(settled, mutable)


class _Field:
    """Reads one field; what the same variables gave is kept, if nobody can change it."""

    __slots__ = ("_last", "_reader", "_variables", "name")

    def __init__(self, reader: FieldReader) -> None:
        self.name = reader.field.name
        self._reader = reader
        self._variables = _variables(reader)
        self._last: tuple[list[str | None], object, str] | None = None

    def read(self, environ: Mapping[str, str]) -> tuple[object, str] | None:
        """Its value, and where that comes from; None where something is wrong with it."""
        texts = None if self._variables is None else [environ.get(name) for name in self._variables]
        last = self._last
        if last is not None and last[0] == texts:
            return copied(last[1]), last[2]
        reading = self._reader.read(environ)
        value, source = reading.value, reading.source
        if reading.problems or not self._fits(reading):
            return None
        if texts is not None and _is_plain(value):
            self._last = texts, copied(value), source
        return value, source

    def _fits(self, reading: Reading) -> bool:
        field, value = self._reader.field, reading.value
        if reading.is_converted or type(value) is field.sure:
            return True
        return not holds(value) and field.matches(self._reader.declaration, value)


def is_read_by_field(declaration: Any, overlaid: Mapping[str, Overlaid]) -> bool:
    """Whether a field's config has nothing to do with other fields', nor with code of the user's own beside sources.

    The user's own converters and validators are asked for every run.
    """
    record = record_of(declaration)
    return takes_over(declaration) and not any(
        (field.attribute.converter is not None and (field.name in record.deferred or field.name in overlaid))
        or (overlaid and field.is_derived and field.name not in record.given)
        for field in spec_of(declaration).fields
    )


def _variables(reader: FieldReader) -> list[str] | None:
    """The variables that a field's value is made of; None where it is made of anything else as well."""
    overlaid, names = reader.overlaid, list[str]()
    try:
        value = reader.declared if overlaid is None else stand_ins(overlaid.value)
    except DefinitionError:
        return None
    for leaf in leaves_of(value):
        if type(leaf) is EnvVar:
            names.append(leaf.name)
        elif type(leaf) is EnvTemplate:
            names += leaf.names
        elif is_source(leaf):
            return None
    return names


def _is_plain(value: Any) -> bool:
    """Whether a copy of *value* is as good as one that was made anew: nothing in it can be changed."""
    kind = type(value)
    if kind in SCALARS or isinstance(value, Enum) or kind.__module__ in _IMMUTABLE:
        return True
    if kind in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if kind is dict:
        return all(map(_is_plain, value.values()))
    return _is_frozen(kind) and all(map(_is_plain, _parts(value)))


def _is_frozen(kind: Any) -> bool:
    """Whether a class of the user's says that its objects never change."""
    if "__attrs_attrs__" in kind.__dict__:
        inspect = getattr(attrs, "inspect", None)  # from attrs 25.4 on
        return inspect is not None and bool(inspect(kind).is_frozen)
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))


def _parts(value: Any) -> Iterator[object]:
    return (getattr(value, name, None) for name in field_names(type(value)))
