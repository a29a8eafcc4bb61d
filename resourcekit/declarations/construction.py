"""How a resource gets its values: as a declaration by its constructor, as a live resource by a run.

Both go the same way, field by field: value or default, converter, type, the user's validators. A
value that is not there yet passes untouched and meets them when a run has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from resourcekit.annotations.annotation_queries import literal_fields
from resourcekit.annotations.annotation_structure import form_of, union_members
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import is_deferred, is_structured, own_annotations
from resourcekit.base.caller import Place
from resourcekit.base.errors import InvalidFieldError, Location, Problem, UnresolvedError, did_you_mean, shortened
from resourcekit.declarations.checking import field_problem, outcry, type_problem, unread_problems, validator_problem
from resourcekit.declarations.deferred import Computed, Deferred, described
from resourcekit.declarations.fields import is_factory
from resourcekit.declarations.record import Record, raw_values, record_of, spec_of
from resourcekit.declarations.spec import RECORD, FieldSpec, ResourceSpec
from resourcekit.declarations.values import DEFERRED, copied, holds, holds_dagster_variable, is_resource, rebuild

__all__ = ("complete", "construct", "draft", "finish", "flattened", "relinked", "replaced", "takes_over")


def construct(resource: object, arguments: dict[str, object], place: Place | None) -> None:
    """Give a new declaration its values: what the constructor of every resource class does.

    *arguments* are the constructor's own dict: where they are refused it is emptied, for a traceback may show it.

    Raises:
        InvalidFieldError: Arguments are missing, unknown or wrong; all of them are told.
    """
    spec = spec_of(resource)
    values, problems = _bind(spec, arguments, place)
    record = resource.__dict__[RECORD] = Record(place, given=tuple(values))
    problems += _assign(resource, record, values, frozenset())
    if problems:
        arguments.clear()
        values.clear()
        raise InvalidFieldError(spec.cls.__qualname__, problems)
    finish(resource, record)


def replaced(resource: object, changes: dict[str, object], place: Place | None) -> Any:
    """A declaration like *resource* with other values in some fields; the rest is not converted again.

    *changes*, like the arguments of a constructor, are emptied where they are refused.
    """
    spec, old = spec_of(resource), record_of(resource)
    kept = {
        field.alias: copied(value)
        for field, value in ((spec.by_name[name], value) for name, value in _starting_values(resource).items())
        if field.attribute.init and field.alias not in changes
    }
    values, problems = _bind(spec, {**kept, **changes}, place)
    settled = frozenset(name for name in values if spec.by_name[name].alias in kept and name not in old.deferred)
    new: Any = object.__new__(spec.cls)
    given = (*old.given, *(field.name for field in spec.fields if field.alias in changes))
    record = new.__dict__[RECORD] = Record(place, given=given)
    problems += _assign(new, record, values, settled)
    if problems:
        for each in (changes, kept, values):
            each.clear()
        raise InvalidFieldError(spec.cls.__qualname__, problems)
    finish(new, record)
    return new


def relinked(resource: object, leaf: Callable[[object], object]) -> Any:
    """A declaration like *resource* whose linked fields are rebuilt by *leaf*; nothing else changes."""
    old = record_of(resource)

    def rebuilt(store: Mapping[str, object]) -> dict[str, object]:
        linked = [name for name in old.linked if name in store]
        return {name: rebuild(store[name], Any, lambda value, _annotation, _position: leaf(value)) for name in linked}

    new = object.__new__(type(resource))
    record = old.copy()
    record.deferred.update(rebuilt(old.deferred))
    if old.captured:
        record.captured = {**old.captured, **rebuilt(old.captured)}
    new.__dict__.update(resource.__dict__)
    new.__dict__.update(rebuilt(resource.__dict__))
    new.__dict__[RECORD] = record
    return new


def draft(
    declaration: object, resolved: Mapping[str, object], sources: Mapping[str, str], name: str
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
    if not resolved and not sources and takes_over(declaration):
        record = live.__dict__[RECORD] = Record(old.place, live=True, name=name, given=old.given, linked=old.linked)
        for key, value in raw_values(declaration).items():
            (record.deferred if key in old.linked else live.__dict__)[key] = copied(value)
        return live, []
    derived = _derived_sources(declaration, resolved)
    waiting = {key: described(value) for key, value in old.deferred.items() if isinstance(value, Computed)}
    values = {key: copied(value) for key, value in _starting_values(declaration).items() if key not in derived}
    sources = {**waiting, **derived, **sources}
    record = Record(old.place, live=True, name=name, given=(*old.given, *resolved), sources=sources)
    live.__dict__[RECORD] = record
    settled = frozenset(key for key in values if key not in old.deferred and key not in resolved)
    return live, _assign(live, record, {**values, **resolved}, settled)


def takes_over(declaration: object) -> bool:
    """Whether a live copy has the values of *declaration* as they are: none is made of others, none checked anew."""
    if spec_of(declaration).has_validators:
        return False
    waiting = record_of(declaration).deferred
    return not waiting or not any(isinstance(value, Computed) for value in waiting.values())


def complete(live: object, links: Mapping[str, object]) -> None:
    """Give a drafted live resource what it needs, and its private state.

    Args:
        live: What `draft` gave.
        links: The value of each linked field, with live resources in it.

    Raises:
        InvalidFieldError: What a provider or factory gave is of the wrong type.
    """
    record = record_of(live)
    if record.deferred:
        problems = _link(live, record, links)
        if problems:
            raise InvalidFieldError(spec_of(live).cls.__qualname__, problems)
    finish(live, record)


def _link(live: object, record: Record, links: Mapping[str, object]) -> list[Problem]:
    """Fill the fields that waited; then check them, and whatever waited for them."""
    spec, here = spec_of(live), live.__dict__
    problems: list[Problem] = []
    late = dict(record.deferred)
    # A value that is computed from other fields comes after them.
    for name in sorted(late, key=lambda name: isinstance(late[name], Computed)):
        waiting = record.deferred.pop(name)
        if isinstance(waiting, Computed):
            here[name], found = _made(live, spec.by_name[name], waiting.given, record, is_settled=False)
        else:
            is_settled = not holds(waiting) & DEFERRED  # A nested resource met its converter as a declaration.
            here[name], found = _made(live, spec.by_name[name], links[name], record, is_settled=is_settled)
            if not holds(here[name]):
                record.sources = {**record.sources, name: "a factory" if is_settled else "a provider"}
        problems += found
    for name, waiting in late.items():
        field = spec.by_name[name]
        problem = None if type(here[name]) is field.exact else type_problem(live, field, here[name], record)
        # What a resource vends need not be of its class, which is what some fields ask for.
        if problem and (holds(waiting) & DEFERRED or not field.matches(live, waiting)):
            problems.append(problem)
    for name, field in spec.by_name.items() if spec.has_validators else ():
        if name in late or name in record.unchecked:
            problem = validator_problem(live, field, here[name], record)
            problems += [problem] if problem else []
    return problems


def _starting_values(resource: object) -> dict[str, object]:
    """What a copy of *resource* starts from: every value but those that its other fields will make."""
    values = raw_values(resource)
    for name, value in record_of(resource).deferred.items():
        if isinstance(value, Computed):
            values[name] = value.given
    return {name: value for name, value in values.items() if value is not attrs.NOTHING}


def _derived_sources(declaration: object, resolved: Mapping[str, object]) -> dict[str, str]:
    """What to call the defaults to be made anew, since the fields that they are made of may have changed."""
    old = record_of(declaration)
    if all(name in old.deferred for name in resolved):  # No overlay: what is there was made of what is there.
        return {}
    return {
        field.name: "its default, made of other fields"
        for field in spec_of(declaration).fields
        if field.is_derived and field.name not in old.given and field.name not in resolved
    }


def _bind(
    spec: ResourceSpec, arguments: Mapping[str, object], place: Place | None
) -> tuple[dict[str, object], list[Problem]]:
    """The arguments by field name, and what is missing or unknown."""
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for alias, field in spec.by_alias.items():
        if alias in arguments:
            given = arguments[alias]
            values[field.name] = given if type(given) is not dict else _nested(spec, field, given, problems)
        elif field.required:
            problems.append(_missing_field(spec, field, place))
        elif field.attribute.default is attrs.NOTHING:
            values[field.name] = None
    problems += [_unknown_field(spec, name, place) for name in arguments if name not in spec.by_alias]
    return values, problems


def _nested(spec: ResourceSpec, field: FieldSpec, given: dict[Any, object], problems: list[Problem]) -> object:
    """The resource that a dict of its fields stands for, where the field holds one resource; else the dict itself."""
    cls: Any = field.nested
    if cls is None or not all(isinstance(name, str) for name in given):
        return flattened(given, field.annotation)
    try:
        return cls(**given)
    except InvalidFieldError as error:
        found = error.problems
    where = f"{spec.cls.__name__}.{field.alias}"
    problems += [attrs.evolve(each, where=where + each.where.removeprefix(cls.__name__)) for each in found]
    return attrs.NOTHING  # Its problems are told.


def flattened(value: object, annotation: object) -> object:
    """A table for a member of a tagged union with its tag among its fields, where it is written ``{tag: {...}}``."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(tag, fields)] = value.items()
    classes = [form_of(member).cls for member in union_members(annotation) if member is not type(None)]
    if not isinstance(fields, dict) or not all(map(is_structured, classes)):
        return value
    if any(tag in field_annotations(cls) for cls in classes):
        return value  # It is a field's name.
    names = [name for cls in classes for name, options in literal_fields(cls).items() if tag in options]
    return {names[0]: tag, **fields} if names else value


def _missing_field(spec: ResourceSpec, field: FieldSpec, place: Place | None) -> Problem:
    return Problem(
        code="missing-field",
        where=f"{spec.cls.__name__}.{field.alias}",
        message=f"field {field.alias!r} is required",
        expected=field.type_name,
        declared=place and Location(*place),
        hint=f"give {field.alias}=...",
    )


def _unknown_field(spec: ResourceSpec, name: str, place: Place | None) -> Problem:
    shown = shortened(name)
    return Problem(
        code="unknown-field",
        where=f"{spec.cls.__name__}.{shown}",
        message=f"there is no field {shown!r}",
        declared=place and Location(*place),
        hint=_way_to_a_field(spec, name) or did_you_mean(shown, spec.by_alias),
    )


def _way_to_a_field(spec: ResourceSpec, name: str) -> str | None:
    """How to make a field of a plain attribute that the class has under this name."""
    owner = next((base for base in spec.cls.__mro__ if name in base.__dict__), None)
    if owner is None or name.startswith("_") or hasattr(type(owner.__dict__[name]), "__get__"):
        return None
    if name in own_annotations(owner):  # A ClassVar was meant to be none.
        return None
    return f"{owner.__name__}.{name} has no annotation: write {name}: {type(owner.__dict__[name]).__name__} = ..."


def _assign(resource: object, record: Record, values: Mapping[str, object], settled: frozenset[str]) -> list[Problem]:
    """Put values in their places; *settled* ones have been converted and checked before."""
    here = resource.__dict__
    problems: list[Problem] = []
    unchecked: list[FieldSpec] = []
    for field in spec_of(resource).fields:
        name = field.name
        given = values.get(name, attrs.NOTHING)
        if type(given) is field.sure:
            here[name] = given
            continue
        is_there = field.is_bare and type(given) is field.exact and is_resource(given)
        if is_there or (is_deferred(given) and not isinstance(given, Deferred)):
            # A resource of the very class, or a provider: there is nothing to be said of it yet.
            (here if is_there and not record.live else record.deferred)[name] = given
            record.linked += (name,)
            continue
        is_right = field.is_bare and name in settled
        value: object = given
        found: list[Problem] = []
        if not is_right:
            value, found = _made(resource, field, given, record, is_settled=name in settled)
        if found:
            problems += found
        elif value is not attrs.NOTHING and not _put(resource, record, name, value):
            problems.append(field_problem(resource, field, record, "it is nested too deeply, or it holds itself"))
        elif not is_right:
            unchecked.append(field)
    for field in unchecked:
        problems += _checked(resource, field, record, is_settled=field.name in settled)
    return problems


def _put(resource: object, record: Record, name: str, value: object) -> bool:
    """Put one value in its place: a live resource has no nested ones before they are up. False when it has no end."""
    try:
        kinds = holds(value)
    except RecursionError:
        return False
    if record.live and kinds:
        record.deferred[name] = value
    elif kinds & DEFERRED:
        record.deferred[name] = copied(value)
    else:
        resource.__dict__[name] = value
        own = value if record.live else copied(value)
        if own is not value:
            record.captured = {**record.captured, name: own}
    if kinds:
        record.linked += (name,)
    return True


def _checked(resource: object, field: FieldSpec, record: Record, *, is_settled: bool) -> list[Problem]:
    """What is wrong with a field's value: its type, else what the user's validators say."""
    if field.name in record.deferred:
        is_checked_later = record.live or field.attribute.converter is not None
        return [] if is_checked_later else list(unread_problems(resource, field, record.deferred[field.name], record))
    value = resource.__dict__.get(field.name, attrs.NOTHING)
    if value is attrs.NOTHING:
        return []
    problem = None if is_settled else type_problem(resource, field, value, record)
    problem = problem or validator_problem(resource, field, value, record)
    return [problem] if problem else []


def _made(
    resource: object, field: FieldSpec, given: object, record: Record, *, is_settled: bool
) -> tuple[object, list[Problem]]:
    """A field's value: what is given, else its default; converted, unless that was done or must wait."""
    value, problems = (given, []) if given is not attrs.NOTHING else _default(resource, field, record)
    if not record.live and holds_dagster_variable(value):
        message = "it holds an EnvVar of Dagster's, which nothing would read here"
        hint = "import EnvVar from resourcekit, it takes the same name"
        return value, [field_problem(resource, field, record, message, code="wrong-type", hint=hint)]
    if problems or is_settled or value is attrs.NOTHING or field.attribute.converter is None:
        return value, problems
    return (value, []) if holds(value) & DEFERRED else _converted(resource, field, value, record)


def _default(resource: object, field: FieldSpec, record: Record) -> tuple[object, list[Problem]]:
    """A field's default, made for *resource*."""
    default: Any = field.attribute.default
    if not is_factory(default):
        return copied(default), []
    try:
        return (default.factory(resource) if default.takes_self else default.factory()), []
    except UnresolvedError as error:
        return Computed(f"{error.owner}.{error.field}"), []
    except Exception as error:
        reason = outcry("its default could not be made", error, resource, field, record)
    return attrs.NOTHING, [field_problem(resource, field, record, reason)]


def _converted(resource: object, field: FieldSpec, value: object, record: Record) -> tuple[object, list[Problem]]:
    """*value* as the field's converter makes it."""
    converter: Any = field.attribute.converter
    try:
        if isinstance(converter, attrs.Converter):
            whole = cast("Any", converter)  # attrs' stub leaves its attributes out
            extra = [resource] * whole.takes_self + [field.attribute] * whole.takes_field
            return whole.converter(value, *extra), []
        return converter(value), []
    except UnresolvedError as error:
        return Computed(f"{error.owner}.{error.field}", value), []
    except Exception as error:
        reason = outcry("its converter refused the value", error, resource, field, record)
    return value, [field_problem(resource, field, record, reason)]


def finish(resource: object, record: Record) -> None:
    """Private state, then `__attrs_post_init__`, which only ever sees real values."""
    spec = spec_of(resource)
    for name, declared in spec.states.items():
        resource.__dict__[name] = declared.make()
    after = getattr(type(resource), "__attrs_post_init__", None)
    if after is None or record.deferred:
        return
    try:
        after(resource)
    except UnresolvedError:
        if record.live or not record.linked:
            raise
        # A nested resource has no values yet; the live copy calls it again.
