"""From a declaration and its overlays to a live resource with its config, or to every problem in it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args, get_origin

import attrs

from resourcekit.annotations import field_annotations, is_deferred, unwrap
from resourcekit.config.overlay import Overlaid, stand_ins
from resourcekit.construction import draft, flattened, takes_over
from resourcekit.deferred import Deferred, EnvVar, ReadContext, SourceError, described, is_source
from resourcekit.errors import DefinitionError, Problem, kind_in_words
from resourcekit.record import raw_values, record_of, spec_of
from resourcekit.spec import FieldSpec
from resourcekit.values import SCALARS, Position, copied, holds, leaves_of, rebuild

__all__ = ("is_settled", "resolve")


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
    record = record_of(declaration)
    resolved: dict[str, object] = {}
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    for field in spec_of(declaration).fields:
        if field.name not in overlaid and not _has_sources(record.deferred.get(field.name)):
            continue
        reading = _Reading(declaration, field, f"{name}.{field.alias}", environ, path)
        if field.name in overlaid:
            value = reading.overlay(overlaid[field.name])
        else:
            value = reading.declared(record.deferred[field.name])
        sources[field.name] = ", ".join(dict.fromkeys(reading.sources))
        problems += reading.problems
        if not reading.problems:
            resolved[field.name] = value
    live, found = draft(declaration, resolved, sources, name)
    told = {problem.where for problem in problems}
    problems += [attrs.evolve(problem, path=path) for problem in found if problem.where not in told]
    return live, problems


def is_settled(declaration: Any, overlaid: Mapping[str, Overlaid]) -> bool:
    """Whether nothing is left to be read, converted or asked: what the constructor found right is right."""
    if overlaid or any(map(_has_sources, record_of(declaration).deferred.values())):
        return False
    return takes_over(declaration)


def _has_sources(value: object) -> bool:
    """Whether *value* holds something to be read, rather than nested resources and providers only."""
    return value is not None and any(map(is_source, leaves_of(value)))


class _Reading:
    """Reads the value of one field; keeps what was wrong and where values came from."""

    def __init__(
        self, declaration: Any, field: FieldSpec, where: str, environ: Mapping[str, str], path: tuple[str, ...]
    ) -> None:
        self.declaration = declaration
        self.field = field
        self.where = where
        self.environ = environ
        self.path = path
        self.sources: list[str] = []
        self.problems: list[Problem] = []
        self.wanted = field.annotation if field.attribute.converter is None else _taken(field.attribute.converter)

    def declared(self, value: object) -> object:
        """A declared value with its sources read; a mapping in the place of a nested class becomes one."""
        if isinstance(value, Deferred):
            return self._leaf(value, self.wanted, ())
        read = rebuild(value, self.wanted, self._leaf)
        if self.problems or self.field.mismatch(None, read) is None:
            return read
        return self._convert(read, self.wanted) if _has_mapping(value) else read

    def overlay(self, overlaid: Overlaid) -> object:
        """An overlay's value, converted; what it leaves out of a dict or a nested class keeps what is declared."""
        self.sources.append(overlaid.source)
        if type(overlaid.value) in SCALARS:
            return self._convert(overlaid.value, self.wanted)
        try:
            value = stand_ins(overlaid.value)
        except DefinitionError as error:  # of an EnvVar or FileVar: no value from outside is in it
            self.problems.append(self._problem("invalid-value", error.message, where=self.where))
            return None
        if self.field.attribute.converter is None:
            value = flattened(value, self.wanted)
            if isinstance(value, dict):
                value = _laid_over(raw_values(self.declaration).get(self.field.name), value)
        read = rebuild(value, self.wanted, self._leaf) if holds(value) else copied(value)
        return read if self.problems else self._convert(read, self.wanted)

    def _leaf(self, leaf: object, wanted: object, position: Position) -> object:
        """What one source gives, converted; a default and what is no text are of the field's type already."""
        if not is_source(leaf):
            return leaf
        assert isinstance(leaf, Deferred)
        where = ".".join(map(str, (self.where, *position))) if position else self.where
        source = described(leaf)
        if isinstance(leaf, EnvVar) and leaf.uses_default(self.environ):
            self.sources.append(f"the default of {source}")
            return copied(leaf.default)
        self.sources.append(source)
        read = self._read(leaf, where, source)
        target = getattr(leaf, "target", None)
        return self._convert(read, target or wanted, where, source) if isinstance(read, str) else read

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
            if inspect.iscoroutine(read):
                read.close()
                message, hint = f"{owner}.read is async, nobody awaits it", "read the value without await"
            elif holds(read):
                message = f"{owner}.read gave {kind_in_words(read)}, which has no value yet itself"
                hint = "let it give the value"
            else:
                return read
        self.problems.append(self._problem(code, message, where=where, source=source, hint=hint))
        return None

    def _convert(self, value: object, wanted: Any, where: str = "", source: str | None = None) -> object:
        from resourcekit.config.text import ConversionError, convert  # Loads cattrs: only where there is need.

        try:
            return convert(value, wanted)
        except ConversionError as error:
            found = error.problems
        for each in found:
            place = ".".join(map(str, (where or self.where, *each.path)))
            self.problems.append(
                self._problem("invalid-value", each.reason, where=place, expected=each.expected, source=source)
            )
        return None

    def _problem(self, code: str, message: str, *, where: str, **details: Any) -> Problem:
        details.setdefault("expected", self.field.type_name)
        details["source"] = details.get("source") or ", ".join(dict.fromkeys(self.sources))
        details["hint"] = details.get("hint") or self.field.description
        return Problem(
            code=code,
            where=where,
            message=message,
            owner=type(self.declaration).__name__,
            declared=record_of(self.declaration).location,
            path=self.path,
            **details,
        )


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
    options = {name: get_args(annotation) for name, annotation in field_annotations(type(below)).items()
               if get_origin(annotation) is Literal}  # fmt: skip
    return any(name in above and not is_deferred(above[name]) and above[name] not in tags
               for name, tags in options.items())  # fmt: skip


def _fields_of(value: object) -> dict[str, object]:
    """The fields of a nested attrs class or dataclass by constructor keyword."""
    cls = type(value)
    if attrs.has(cls):
        names = {each.name: each.alias or each.name for each in attrs.fields(cls) if each.init}
        return {alias: getattr(value, name) for name, alias in names.items()}
    fields = getattr(cls, "__dataclass_fields__", {})
    return {name: getattr(value, name) for name, each in fields.items() if each.init}


def _taken(converter: Any) -> object:
    """What a field's converter takes: its first parameter's annotation; anything, where it does not say."""
    whole = cast("Any", converter)  # attrs' stub leaves its attributes out
    function = whole.converter if isinstance(converter, attrs.Converter) else converter
    try:
        parameter = next(iter(inspect.signature(function).parameters.values()))
        return unwrap(typing.get_type_hints(function).get(parameter.name, Any))
    except (StopIteration, TypeError, ValueError, NameError, AttributeError):
        return Any
