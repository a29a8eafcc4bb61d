"""How a resource gets its values: as a declaration by its constructor, as a live resource by a run.

Both go the same way, field by field: value or default, converter, type, the user's validators. A
value that is not there yet passes untouched and meets them when a run has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from resourcekit.deferred import Computed
from resourcekit.errors import InvalidFieldError, Location, Problem, UnresolvedError, did_you_mean
from resourcekit.fields import is_factory
from resourcekit.secrets import show
from resourcekit.spec import RECORD, FieldSpec, ResourceSpec
from resourcekit.values import DEFERRED, RESOURCE, copied, holds, rebuild

__all__ = ("Record", "complete", "construct", "draft", "finish", "raw_values", "record_of", "spec_of")


@attrs.define(eq=False)
class Record:
    """What resourcekit knows of one resource object.

    Args:
        location: Where the declaration stands.
        live: Whether a run made it.
        deferred: The fields that have no value yet, by name.
        linked: The fields that hold resources, or values from providers and keys.
        sources: Where each value from outside came from.
        name: The key, or path, a run gave it.
    """

    location: Location | None = None
    live: bool = False
    deferred: dict[str, object] = attrs.field(factory=dict)
    linked: set[str] = attrs.field(factory=set)
    sources: dict[str, str] = attrs.field(factory=dict)
    name: str = ""


def spec_of(resource: object) -> ResourceSpec:
    """The spec of a resource's class."""
    spec: ResourceSpec = getattr(type(resource), RECORD)
    return spec


def record_of(resource: object) -> Record:
    """The record of a resource."""
    record: Record = resource.__dict__[RECORD]
    return record


def raw_values(resource: object) -> dict[str, object]:
    """Every field's value by name, deferred ones as they were given."""
    record = record_of(resource)
    names = spec_of(resource).by_name
    here = resource.__dict__
    return {
        name: record.deferred[name] if name in record.deferred else here[name]
        for name in names
        if name in record.deferred or name in here
    }


def construct(resource: object, arguments: Mapping[str, object], location: Location | None) -> None:
    """Give a new declaration its values: what the constructor of every resource class does.

    Raises:
        InvalidFieldError: Arguments are missing, unknown or wrong; all of them are told.
    """
    spec = spec_of(resource)
    record = resource.__dict__[RECORD] = Record(location)
    values, problems = _bind(spec, arguments, location)
    problems += _assign(resource, record, values, frozenset())
    if problems:
        raise InvalidFieldError(spec.cls.__qualname__, problems)
    finish(resource, record)


def replaced(resource: object, changes: Mapping[str, object], location: Location | None) -> Any:
    """A declaration like *resource* with other values in some fields; the rest is not converted again."""
    spec = spec_of(resource)
    known = {field.name: field.alias for field in spec.fields}
    kept = {name: value for name, value in raw_values(resource).items() if known[name] not in changes}
    given, problems = _bind(spec, {**{known[name]: value for name, value in kept.items()}, **changes}, location)
    new: Any = object.__new__(spec.cls)
    record = new.__dict__[RECORD] = Record(location)
    problems += _assign(new, record, kept | given, frozenset(name for name in kept if name not in record.deferred))
    if problems:
        raise InvalidFieldError(spec.cls.__qualname__, problems)
    finish(new, record)
    return new


def relinked(resource: object, leaf: Callable[[object], object]) -> Any:
    """A declaration like *resource* whose linked fields are rebuilt by *leaf*; nothing else changes."""
    old = record_of(resource)
    new = object.__new__(type(resource))
    record = Record(old.location, deferred=dict(old.deferred), linked=set(old.linked))
    new.__dict__.update(resource.__dict__)
    new.__dict__[RECORD] = record
    for name in old.linked:
        store = record.deferred if name in record.deferred else new.__dict__
        store[name] = rebuild(store[name], Any, lambda value, _annotation, _position: leaf(value))
    return new


def draft(
    declaration: object, resolved: Mapping[str, object], sources: dict[str, str], name: str
) -> tuple[Any, list[Problem]]:
    """A live resource of *declaration* with its config, before anything it needs is up.

    Args:
        declaration: The resource as it was declared.
        resolved: Values that take the place of declared ones: read, converted to their types.
        sources: Where the values from outside came from, by field name.
        name: The key or path of the resource.

    Returns:
        The resource, whose linked fields `complete` fills, and what is wrong with its values.
    """
    old = record_of(declaration)
    live = object.__new__(type(declaration))
    record = live.__dict__[RECORD] = Record(old.location, live=True, sources=sources, name=name)
    values = {key: copied(value) for key, value in raw_values(declaration).items()}
    settled = frozenset(key for key in values if key not in old.deferred and key not in resolved)
    problems = _assign(live, record, {**values, **resolved}, settled)
    for key in record.linked:  # A declared nested resource is not readable as if it were the live one.
        if key in live.__dict__:
            record.deferred[key] = live.__dict__.pop(key)
    return live, problems


def complete(live: object, links: Mapping[str, object]) -> None:
    """Give a drafted live resource what it needs, and its private state.

    Args:
        live: What `draft` gave.
        links: The value of each linked field, with live resources in it.

    Raises:
        InvalidFieldError: What a provider or factory gave is of the wrong type.
    """
    record = record_of(live)
    # A default that was computed from other fields comes after them.
    late = sorted(record.deferred, key=lambda name: isinstance(record.deferred[name], Computed))
    if late:
        spec = spec_of(live)
        problems: list[Problem] = []
        for name in late:
            waiting = record.deferred.pop(name)
            value = links.get(name, attrs.NOTHING)
            if value is attrs.NOTHING and isinstance(waiting, Computed):
                value = waiting.make(live)
            if spec.by_name[name].attribute.converter is not None and holds(waiting) & DEFERRED:
                value, found = _converted(live, spec.by_name[name], value, record)
                problems += found
            live.__dict__[name] = value
            if holds(waiting) and not holds(value) and not isinstance(waiting, Computed):
                record.sources[name] = "a provider" if holds(waiting) & DEFERRED else "a factory"
        for name in late:
            problems += _checked(live, spec.by_name[name], record, settled=False)
        if problems:
            raise InvalidFieldError(spec.cls.__qualname__, problems)
    finish(live, record)


def _bind(
    spec: ResourceSpec, arguments: Mapping[str, object], location: Location | None
) -> tuple[dict[str, object], list[Problem]]:
    """The arguments by field name, and what is missing or unknown."""
    owner = spec.cls.__name__
    values: dict[str, object] = {}
    problems = []
    for alias, field in spec.by_alias.items():
        if alias in arguments:
            values[field.name] = arguments[alias]
        elif field.required:
            problems.append(
                Problem(
                    code="missing-field",
                    where=f"{owner}.{alias}",
                    message=f"field {alias!r} is required",
                    expected=field.type_name,
                    declared=location,
                    hint=f"give {alias}=...",
                )
            )
        elif field.attribute.default is attrs.NOTHING:
            values[field.name] = None
    for name in arguments:
        if name not in spec.by_alias:
            problems.append(
                Problem(
                    code="unknown-field",
                    where=f"{owner}.{name}",
                    message=f"there is no field {name!r}",
                    declared=location,
                    hint=did_you_mean(name, spec.by_alias),
                )
            )
    return values, problems


def _assign(resource: object, record: Record, values: Mapping[str, object], settled: frozenset[str]) -> list[Problem]:
    """Put values in their places; *settled* ones have been converted and checked before."""
    spec = spec_of(resource)
    problems: list[Problem] = []
    for field in spec.fields:
        value = values.get(field.name, attrs.NOTHING)
        if value is attrs.NOTHING:
            value = _default(resource, field)
            if value is attrs.NOTHING:
                continue
        kinds = holds(value)
        if field.attribute.converter is not None and field.name not in settled and not kinds & DEFERRED:
            value, found = _converted(resource, field, value, record)
            problems += found
            kinds = holds(value)
        if kinds & DEFERRED:
            record.deferred[field.name] = value
        else:
            resource.__dict__[field.name] = value
        if kinds:
            record.linked.add(field.name)
    failed = {problem.where for problem in problems}
    for field in spec.fields:
        if field.name in resource.__dict__ and _where(resource, field, record) not in failed:
            problems += _checked(resource, field, record, settled=field.name in settled)
    return problems


def _default(resource: object, field: FieldSpec) -> object:
    default: Any = field.attribute.default
    if not is_factory(default):
        return copied(default)
    if not default.takes_self:
        return default.factory()
    try:
        return default.factory(resource)
    except UnresolvedError as error:
        return Computed(default.factory, f"{error.owner}.{error.field}")


def _converted(resource: object, field: FieldSpec, value: object, record: Record) -> tuple[object, list[Problem]]:
    converter: Any = field.attribute.converter
    try:
        if isinstance(converter, attrs.Converter):
            whole = cast("Any", converter)  # attrs' stub leaves its attributes out
            extra = [resource] * whole.takes_self + [field.attribute] * whole.takes_field
            return whole.converter(value, *extra), []
        return converter(value), []
    except UnresolvedError as error:
        needs = f"{error.owner}.{error.field}"
        return Computed(lambda live: _converted(live, field, value, record)[0], needs), []
    except Exception as error:
        reason = _reason("its converter", error, resource, field, record)
    return value, [_problem(resource, field, record, reason)]


def _checked(resource: object, field: FieldSpec, record: Record, *, settled: bool) -> list[Problem]:
    """What is wrong with a field's value: its type, else what the user's validators say."""
    value = resource.__dict__[field.name]
    mismatch = None if settled else field.mismatch(resource, value)
    if mismatch is not None:
        outside = field.name in record.sources
        shown = "" if field.secret or outside or holds(value) & RESOURCE else f": {show(value)}"
        return [_problem(resource, field, record, f"{mismatch}{shown}", code="wrong-type")]
    validator = field.attribute.validator
    if validator is None or attrs.validators.get_disabled():
        return []
    try:
        validator(resource, field.attribute, value)
    except UnresolvedError:
        return []  # It reads a field that has no value yet: it is asked again when the run has it.
    except Exception as error:
        reason = _reason("its validator", error, resource, field, record)
    else:
        return []
    return [_problem(resource, field, record, reason)]


def _reason(who: str, error: Exception, resource: object, field: FieldSpec, record: Record) -> str:
    """What a user's converter or validator said; its words may hold the value, so not of secret or outside ones."""
    words = str(error.args[0]) if error.args else ""
    if field.secret or field.name in record.sources or any(hidden in words for hidden in _hidden(resource, record)):
        return f"{who} refused the value ({type(error).__name__}); its words are not shown, they may hold the value"
    return f"{who} refused the value: {type(error).__name__}: {words}"


def _hidden(resource: object, record: Record) -> list[str]:
    """The text of every value of *resource* that may not be shown."""
    here = resource.__dict__
    return [
        str(here[field.name])
        for field in spec_of(resource).fields
        if (field.secret or field.name in record.sources) and field.name in here and here[field.name] != ""
    ]


def _where(resource: object, field: FieldSpec, record: Record) -> str:
    return f"{record.name or type(resource).__name__}.{field.alias}"


def _problem(resource: object, field: FieldSpec, record: Record, message: str, code: str = "invalid-value") -> Problem:
    return Problem(
        code=code,
        where=_where(resource, field, record),
        message=message,
        owner=type(resource).__name__ if record.live else None,
        declared=record.location,
        expected=field.type_name,
        source=record.sources.get(field.name),
        hint=field.description,
    )


def finish(resource: object, record: Record) -> None:
    """Private state, then `__attrs_post_init__`, which only ever sees real values."""
    spec = spec_of(resource)
    for name, declared in spec.states.items():
        resource.__dict__[name] = declared.make()
    after = getattr(resource, "__attrs_post_init__", None)
    if after is None or record.deferred:
        return
    if record.live or not record.linked:
        after()
        return
    try:
        after()
    except UnresolvedError:
        pass  # A nested resource has no values yet; the live copy calls it again.
