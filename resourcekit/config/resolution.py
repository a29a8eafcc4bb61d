"""From a declaration and its overlays to a live resource with its config, or to every problem in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import literal_fields
from resourcekit.annotations.annotation_structure import function_annotations, unwrap
from resourcekit.annotations.class_kinds import field_names, is_deferred
from resourcekit.base.errors import DefinitionError, Problem, kind_in_words
from resourcekit.config.overlay import Overlaid, stand_ins
from resourcekit.config.problems import ConversionError
from resourcekit.declarations.construction import draft, flattened, takes_over
from resourcekit.declarations.deferred import (
    Deferred,
    EnvTemplate,
    EnvVar,
    FileVar,
    ReadContext,
    SourceError,
    described,
    is_source,
)
from resourcekit.declarations.record import raw_values, record_of, spec_of
from resourcekit.declarations.spec import FieldSpec
from resourcekit.declarations.values import SCALARS, Position, copied, holds, leaves_of, rebuild

__all__ = ("FieldReader", "Reading", "declared_problems", "field_readers", "is_settled", "resolve")

_TEXTS: Final = (EnvVar, EnvTemplate, FileVar)
"""The sources that give text only."""


def resolve(
    declaration: Any,
    name: str,
    overlaid: Mapping[str, Overlaid],
    environ: Mapping[str, str],
    path: tuple[str, ...] = (),
) -> tuple[Any, list[Problem]]:
    """The live resource of a declaration with every config value in its place.

    Args:
        declaration: The resource as it was declared.
        name: Its key or path.
        overlaid: What overlays have for it, by field name.
        environ: The environment variables.
        path: The keys that lead to it, for messages.

    Returns:
        The resource, whose nested ones are not live yet, and every problem of its values. Nothing is opened.
    """
    readings = {each.field.name: each.read(environ) for each in field_readers(declaration, name, overlaid, path)}
    resolved = {field: reading.value for field, reading in readings.items() if not reading.problems}
    sources = {field: reading.source for field, reading in readings.items()}
    live, found = draft(declaration, resolved, sources, name)
    problems = [problem for reading in readings.values() for problem in reading.problems]
    told = {problem.where for problem in problems}
    problems += [attrs.evolve(problem, path=path) for problem in found if problem.where not in told]
    return live, problems


def declared_problems(
    declaration: Any, name: str, overlaid: Mapping[str, Overlaid], path: tuple[str, ...]
) -> Iterator[Problem]:
    """Yield what is wrong with what is declared, whatever the sources will give; the arguments are those of `resolve`.

    Nothing is read.
    """
    for reader in field_readers(declaration, name, overlaid, path):
        if reader.overlaid is None:
            reading = Reading(reader, {})
            rebuild(reader.declared, reader.wanted, reading.unreadable)
            yield from reading.problems


def field_readers(
    declaration: Any, name: str, overlaid: Mapping[str, Overlaid], path: tuple[str, ...]
) -> Iterator[FieldReader]:
    """What reads each field that has an overlay, or that is not there yet and is no nested resource."""
    deferred = record_of(declaration).deferred
    for field in spec_of(declaration).fields:
        if field.name in overlaid or (field.name in deferred and _has_sources(deferred[field.name])):
            yield FieldReader(declaration, field, overlaid.get(field.name), f"{name}.{field.alias}", path)


def _has_sources(value: object) -> bool:
    """Whether *value* holds something to be read, rather than nested resources and providers only."""
    return any(map(is_source, leaves_of(value)))


def is_settled(declaration: Any, overlaid: Mapping[str, Overlaid]) -> bool:
    """Whether nothing is left to be read, converted or asked: what the constructor found right is right."""
    if overlaid or any(map(_has_sources, record_of(declaration).deferred.values())):
        return False
    return takes_over(declaration)


class FieldReader:
    """Reads the value of one field of one resource.

    Args:
        declaration: The resource as it was declared.
        field: The field.
        overlaid: What overlays have for it; None where it is read from what is declared.
        where: The key and field, for messages.
        path: The keys that lead to the resource, for messages.
    """

    def __init__(
        self, declaration: Any, field: FieldSpec, overlaid: Overlaid | None, where: str, path: tuple[str, ...]
    ) -> None:
        self.declaration = declaration
        self.declared = record_of(declaration).deferred.get(field.name)
        self.field = field
        self.overlaid = overlaid
        self.where = where
        self.path = path
        self.wanted = field.annotation if field.attribute.converter is None else _taken(field.attribute.converter)

    def read(self, environ: Mapping[str, str]) -> Reading:
        """What is there now."""
        reading = Reading(self, environ)
        if self.overlaid is None:
            reading.value = reading.declared(self.declared)
        else:
            reading.value = reading.overlay(self.overlaid)
        return reading


class Reading:
    """What a `FieldReader` has read: the value, what was wrong, and where it came from."""

    __slots__ = ("_sources", "environ", "is_converted", "problems", "reader", "value")

    def __init__(self, reader: FieldReader, environ: Mapping[str, str]) -> None:
        self.reader = reader
        self.environ = environ
        self.problems: list[Problem] = []
        self.value: object = None
        self.is_converted = False  # The whole of it: then it is of the field's type.
        self._sources: list[str] = []

    @property
    def source(self) -> str:
        """Where the value came from, in words that may be shown."""
        if len(self._sources) == 1:
            return self._sources[0]
        return ", ".join(dict.fromkeys(self._sources))

    def declared(self, value: object) -> object:
        """A declared value with its sources read; a mapping in the place of a nested class becomes one."""
        reader = self.reader
        if isinstance(value, Deferred):
            return self._source(value, reader.wanted, ())
        read = rebuild(value, reader.wanted, self._leaf)
        if self.problems or not _has_mapping(value) or reader.field.matches(None, read):
            return read
        return self._convert(read, reader.wanted)

    def overlay(self, overlaid: Overlaid) -> object:
        """An overlay's value, converted; what it leaves out of a dict or a nested class keeps what is declared."""
        reader = self.reader
        self._sources.append(overlaid.source)
        if type(overlaid.value) in SCALARS:
            return self._convert(overlaid.value, reader.wanted)
        try:
            value = stand_ins(overlaid.value)
        except DefinitionError as error:  # of an EnvVar or FileVar: no value from outside is in it
            self.problems.append(self._problem("invalid-value", error.message, where=reader.where))
            return None
        if reader.field.attribute.converter is None:
            value = flattened(value, reader.wanted)
            if isinstance(value, dict):
                value = _laid_over(raw_values(reader.declaration).get(reader.field.name), value)
        read = rebuild(value, reader.wanted, self._leaf) if holds(value) else copied(value)
        return read if self.problems else self._convert(read, reader.wanted)

    def _leaf(self, leaf: object, wanted: object, position: Position) -> object:
        return self._source(leaf, wanted, position) if isinstance(leaf, Deferred) and is_source(leaf) else leaf

    def _source(self, leaf: Deferred, wanted: object, position: Position) -> object:
        """What one source gives, converted; a default and what is no text are of the field's type already."""
        where = ".".join(map(str, (self.reader.where, *position))) if position else self.reader.where
        source = described(leaf)
        if self.unreadable(leaf, wanted, position):
            return None
        if isinstance(leaf, EnvVar) and leaf.uses_default(self.environ):
            self._sources.append(f"the default of {source}")
            return copied(leaf.default)
        self._sources.append(source)
        read = self._read(leaf, where, source)
        if not isinstance(read, str):
            return read
        return self._convert(read, getattr(leaf, "target", None) or wanted, where, source)

    def unreadable(self, leaf: object, wanted: Any, position: Position) -> bool:
        """Tell whether *leaf* gives text, and no text becomes what is wanted: then that is a problem."""
        if not isinstance(leaf, _TEXTS) or getattr(leaf, "target", None) is not None:
            return False
        if isinstance(wanted, type) and wanted in SCALARS:
            return False  # Most are, and each is asked for each value that is read.
        from resourcekit.config.text import has_form

        if has_form(wanted):
            return False
        self.problems.append(
            self._problem(
                "unreadable-type",
                f"no text becomes one, and {described(leaf)} gives text",
                where=".".join(map(str, (self.reader.where, *position))),
                source=described(leaf),
                expected=type_name(wanted),
                hint="give the field a converter, or the value in code",
            )
        )
        return True

    def _read(self, leaf: Deferred, where: str, source: str) -> object:
        """What a source gives; None after a problem."""
        owner = type(leaf).__name__
        code, hint = "unreadable-source", "call its read() by itself to see more"
        try:
            read = leaf.read(ReadContext(self.environ, where))
        except SourceError as error:
            code, message, hint = error.code, error.message, error.hint or ""
        except Exception as error:
            # The words of an error from outside may hold a value: its type must do.
            message = f"{source} could not be read: {type(error).__name__} from {owner}.read"
        else:
            if type(read) in SCALARS:
                return read
            fault = _fault(read)
            if fault is None:
                return copied(read)  # It may be the source's own.
            message, hint = f"{owner}.read {fault[0]}", fault[1]
        self.problems.append(self._problem(code, message, where=where, source=source, hint=hint))
        return None

    def _convert(self, value: object, wanted: Any, where: str | None = None, source: str | None = None) -> object:
        where = where or self.reader.where
        try:
            converted = _conversion(self.reader.field, wanted)(value)
        except ConversionError as error:
            found = error.problems
        else:
            self.is_converted = wanted is self.reader.field.annotation and where == self.reader.where
            return converted
        for each in found:
            place = ".".join(map(str, (where, *each.path)))
            self.problems.append(
                self._problem("invalid-value", each.reason, where=place, expected=each.expected, source=source)
            )
        return None

    def _problem(self, code: str, message: str, *, where: str, **details: Any) -> Problem:
        details.setdefault("expected", self.reader.field.type_name)
        details["source"] = details.get("source") or self.source
        details["hint"] = details.get("hint") or self.reader.field.description
        return Problem(
            code=code,
            where=where,
            message=message,
            owner=type(self.reader.declaration).__name__,
            declared=record_of(self.reader.declaration).location,
            path=self.reader.path,
            **details,
        )


def _conversion(field: FieldSpec, wanted: object) -> Callable[[object], Any]:
    """What makes a value from outside one of a type; that of the whole field is kept."""
    if wanted is field.annotation and field.conversion is not None:
        return field.conversion
    from resourcekit.config.text import conversion  # Loads cattrs: only where there is need.

    made = conversion(wanted)
    if wanted is field.annotation:
        field.conversion = made
    return made


def _fault(read: object) -> tuple[str, str] | None:
    """Why what a source gave is no value, and the way out."""
    if inspect.iscoroutine(read):
        read.close()
        return "is async, nobody awaits it", "read the value without await"
    try:
        is_there = not holds(read)
    except RecursionError:
        return "gave what is nested too deeply, or holds itself", "let it give a value with an end"
    if is_there:
        return None
    return f"gave {kind_in_words(read)}, which has no value yet itself", "let it give the value"


def _has_mapping(value: object) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, list | tuple | set | frozenset) and any(map(_has_mapping, value))


def _laid_over(below: object, above: object) -> object:
    """*above*, and where it is a table also what *below* has beside it: a dict, or an object with fields."""
    if not isinstance(above, dict) or _is_other_member(below, above):
        return above
    parts = below if isinstance(below, dict) else _fields_of(below)
    return {**parts, **{name: _laid_over(parts.get(name), part) for name, part in above.items()}}


def _is_other_member(below: object, above: Mapping[str, object]) -> bool:
    """Whether a table is for another member of a tagged union than *below*: its tag is not one of that class's."""
    return any(name in above and not is_deferred(above[name]) and above[name] not in tags
               for name, tags in literal_fields(type(below)).items())  # fmt: skip


def _fields_of(value: object) -> dict[str, object]:
    """The fields of a nested attrs class or dataclass by constructor keyword."""
    return {alias: getattr(value, name) for name, alias in field_names(type(value), init=True).items()}


def _taken(converter: Any) -> object:
    """What a field's converter takes: its first parameter's annotation; anything, where it does not say."""
    whole = cast("Any", converter)  # attrs' stub leaves its attributes out
    function = whole.converter if isinstance(converter, attrs.Converter) else converter
    try:
        parameter = next(iter(inspect.signature(function).parameters))
    except (StopIteration, TypeError, ValueError):
        return Any
    return unwrap(function_annotations(function).get(parameter, Any))
