"""What a resource class is, read once from the class: its fields, private state, hooks and scope."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, ValuesView
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import cached_property
from threading import RLock
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import exact_type, resource_classes
from resourcekit.annotations.annotation_structure import (
    evaluated,
    form_of,
    function_annotations,
    substituted,
    type_arguments,
    union_members,
)
from resourcekit.annotations.class_fields import field_annotations
from resourcekit.annotations.class_kinds import is_deferred, is_resource_class, own_annotations
from resourcekit.base.caller import Place
from resourcekit.base.errors import DefinitionError, Location, Problem
from resourcekit.base.masking import MASK, printable, show
from resourcekit.base.settings import ResourceSettings
from resourcekit.declarations.fields import METADATA, FieldOptions, ResourceDependency, State, is_factory
from resourcekit.declarations.hooks import Hooks, hooks_of
from resourcekit.declarations.values import DEFERRED, RESOURCE, SCALARS, holds, leaves

if TYPE_CHECKING:
    from resourcekit.annotations.validators import TypeValidator

__all__ = ("RECORD", "FieldSpec", "ResourceSpec", "has_secret", "has_secrets")

RECORD: Final = "__resourcekit__"
"""The one name everything of ours lives under: the spec on the class, the record on an instance."""

_NO_OPTIONS: Final = FieldOptions()
_READING: Final = RLock()


@attrs.define(eq=False, repr=False)
class FieldSpec:
    """One field of a resource class.

    Args:
        name: The attribute's name.
        alias: The name in the constructor and in overlays.
        attribute: attrs' own description of the field.
        annotation: The resolved annotation.
        secret: Never show its value.
        description: What it is, in the class's words.
        exact: A class whose exact instances need no check.
        is_bare: It has no converter, and no validator of the user's.
        sure: A class whose exact instances need nothing at all, only a place: plain values, where the field is bare.

    Attributes:
        conversion: What makes a value from outside one of its type, once config has needed it.
    """

    name: str
    alias: str
    attribute: attrs.Attribute[Any] = attrs.field(repr=False)
    annotation: object
    secret: bool
    description: str | None
    exact: type | None
    is_bare: bool
    sure: type | None
    conversion: Callable[[object], Any] | None = attrs.field(default=None, init=False)
    _validator: TypeValidator | None = attrs.field(default=None, init=False)
    _has_secret_parts: bool | None = attrs.field(default=None, init=False)

    @property
    def required(self) -> bool:
        """Whether the constructor wants it: a field that may be None is None when it is left out."""
        return self.attribute.init and self.attribute.default is attrs.NOTHING and not self.optional

    @property
    def optional(self) -> bool:
        """Whether None is one of its values."""
        return type(None) in union_members(self.annotation)

    @property
    def is_need(self) -> bool:
        """Whether it is for what other resources are, or vend."""
        return ResourceDependency in getattr(self.annotation, "__metadata__", ()) or bool(
            resource_classes(self.annotation)
        )

    @property
    def nested(self) -> type | None:
        """The resource class of a field that holds one resource, whose fields a dict may give; None for any other."""
        members = [member for member in union_members(self.annotation) if member is not type(None)]
        is_one = len(members) == 1 and is_resource_class(members[0]) and not inspect.isabstract(members[0])
        return members[0] if is_one else None

    @property
    def is_derived(self) -> bool:
        """Whether its default is made of the other fields."""
        default: Any = self.attribute.default
        return is_factory(default) and bool(default.takes_self)

    @property
    def type_name(self) -> str:
        """The annotation in words."""
        return type_name(self.annotation)

    @property
    def has_secret_parts(self) -> bool:
        """Whether a class in the annotation, or one inside that, has secret fields."""
        if self._has_secret_parts is None:
            self._has_secret_parts = has_secrets(self.annotation)
        return self._has_secret_parts

    def hides(self, value: object) -> bool:
        """Whether *value* is secret, or may hold a secret of a nested class that is not made yet to mask it."""
        return self.secret or (self.has_secret_parts and not _masks_itself(value))

    def mismatch(self, resource: object, value: object) -> str | None:
        """Why *value* is not of this field's type, or None; the text does not hold the value."""
        if type(value) is self.exact or is_deferred(value):
            return None
        try:
            self._known_validator(resource, self.attribute, value)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def matches(self, resource: object, value: object) -> bool:
        """Whether *value* is of this field's type, where nobody asks why not."""
        return type(value) is self.exact or self._known_validator.matches(resource, self.attribute, value)

    @property
    def _known_validator(self) -> TypeValidator:
        if self._validator is None:
            from resourcekit.annotations.validators import build_validator

            self._validator = build_validator(self.annotation)
        return self._validator


@attrs.define(eq=False, repr=False, init=False)
class ResourceSpec:
    """What a resource class is. Annotations are read at the first use, so that they may name later classes.

    Args:
        cls: The class.
        settings: The keywords of its class statement.
        factory: `ConfigurableResourceFactory`, where the class is one.
        states: Its private state, by name.
        frame: Where the class statement stands.
    """

    cls: type
    settings: ResourceSettings
    factory: type | None
    states: Mapping[str, State]
    attributes: tuple[attrs.Attribute[Any], ...]
    _place: Place | None
    _frame: FrameType | None
    _read: dict[str, FieldSpec] | None

    def __init__(
        self,
        cls: type,
        *,
        settings: ResourceSettings = ResourceSettings(),
        factory: type | None = None,
        states: Mapping[str, State] | None = None,
        frame: FrameType | None = None,
    ) -> None:
        self.cls = cls
        self.settings = settings
        self.factory = factory
        self.states = states or {}
        self._place = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        self.attributes = cls.__dict__.get("__attrs_attrs__", ())
        # Annotations may name what only a function, or code run by exec, knows: its frame is kept until they are read.
        is_plain = frame is None or frame.f_locals is getattr(sys.modules.get(cls.__module__), "__dict__", None)
        self._frame = None if is_plain else frame
        self._read = None

    @property
    def scope(self) -> str:
        """How long a resource lives."""
        return self.settings.scope

    @property
    def location(self) -> Location | None:
        """Where the class statement stands."""
        return None if self._place is None else Location(*self._place)

    @property
    def fields(self) -> ValuesView[FieldSpec]:
        """The fields in the order they are declared, bases first; as for `by_name`."""
        return self.by_name.values()

    @cached_property
    def by_name(self) -> dict[str, FieldSpec]:
        """The fields by attribute name.

        Raises:
            DefinitionError: An annotation cannot be read, names a factory, or does not fit its default;
                or another decorator has taken the fields away.
        """
        with _READING:  # The first to come reads them: the frame they may need is gone afterwards.
            return self._read_fields() if self._read is None else self._read

    def _read_fields(self) -> dict[str, FieldSpec]:
        fields = {attribute.name: self._field(attribute) for attribute in self.attributes}
        problems: list[Problem] = []
        for field in fields.values():
            if field.annotation is not field.attribute.type:  # Those written as they are were looked at before.
                problems += self._factory_problems(field.name, field.annotation)
            if field.attribute.default is not attrs.NOTHING:
                problems += self._default_problems(field)
        self._refuse(problems)
        self._read = fields
        self._frame = None
        return fields

    def _refuse(self, problems: list[Problem]) -> None:
        if problems:
            text = "\n".join(f"  {problem}" for problem in problems)
            raise DefinitionError(f"class {self.cls.__qualname__} is wrong:\n{text}", problems)

    @cached_property
    def by_alias(self) -> dict[str, FieldSpec]:
        """The fields that the constructor and overlays know, by the name they use."""
        if all(field.alias == name and field.attribute.init for name, field in self.by_name.items()):
            return self.by_name
        return {field.alias: field for field in self.fields if field.attribute.init}

    @cached_property
    def has_validators(self) -> bool:
        """Whether the user's code says what is right for a field."""
        return any(attribute.validator is not None for attribute in self.attributes)

    @cached_property
    def hooks(self) -> Hooks:
        """The lifecycle hooks of the class."""
        return hooks_of(self.cls)

    def check_factories(self) -> None:
        """Refuse a factory class as an annotation; one in a string is found when the annotations are read.

        Raises:
            DefinitionError: There is one.
        """
        there = [each for each in self.attributes if type(each.type) not in (str, type)]  # most are one of these
        self._refuse([problem for each in there for problem in self._factory_problems(each.name, each.type)])

    def check_intact(self) -> None:
        """Refuse a class that another decorator has made over: its fields have lost what we know of them.

        Raises:
            DefinitionError: It was.
        """
        here = self.cls.__dict__
        if here.get("__attrs_attrs__", ()) is not self.attributes or "__dataclass_fields__" in here:
            raise decorated_error(self.cls)

    def _field(self, attribute: attrs.Attribute[Any]) -> FieldSpec:
        annotation = self._annotation(attribute)
        exact = exact_type(annotation)
        is_bare = attribute.converter is None and attribute.validator is None
        options = attribute.metadata.get(METADATA, _NO_OPTIONS)
        return FieldSpec(
            name=attribute.name,
            alias=attribute.alias or attribute.name,
            attribute=attribute,
            annotation=annotation,
            secret=options.secret,
            description=options.description,
            exact=exact,
            is_bare=is_bare,
            sure=exact if is_bare and exact in SCALARS else None,
        )

    def _annotation(self, attribute: attrs.Attribute[Any]) -> object:
        written = cast("object", attribute.type)  # attrs' stub knows no strings
        if written is None:
            return Any
        if isinstance(written, type) and written is not ResourceDependency:
            return written
        owner = next(base for base in self.cls.__mro__ if attribute.name in own_annotations(base))
        if owner is not self.cls and RECORD in owner.__dict__:
            read = owner.__dict__[RECORD].by_name[attribute.name].annotation
        else:
            read = self._read_annotation(attribute.name, written, owner)
        return substituted(read, type_arguments(self.cls, owner))

    def _read_annotation(self, name: str, written: object, owner: type) -> object:
        frame = self._frame
        names = {self.cls.__name__: self.cls}
        if frame is not None:
            names |= {**frame.f_globals, **frame.f_locals}
        try:
            hint = evaluated(written, vars(sys.modules[owner.__module__]), names)
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            reason = str(error)
        else:
            if hint is not ResourceDependency:
                return hint
            reason = "ResourceDependency must say what it receives, as in ResourceDependency[Client]"
        raise DefinitionError(
            f"the annotation of {self.cls.__qualname__}.{name} cannot be read: {reason}; "
            f"import or define the name in module {owner.__module__} (not under `if TYPE_CHECKING:`)"
        )

    def _factory_problems(self, name: str, annotation: object) -> Iterator[Problem]:
        """What is wrong with an annotation that names a factory."""
        for cls in resource_classes(annotation):
            spec: ResourceSpec = getattr(cls, RECORD)
            if spec.factory is not None:
                yield Problem(
                    code="factory-field",
                    where=f"{self.cls.__name__}.{name}",
                    message=f"{cls.__name__} is a factory: users receive what it vends, not the factory",
                    hint=f"annotate it as ResourceDependency[{type_name(spec.vended)}]",
                    declared=self.location,
                )

    def _default_problems(self, field: FieldSpec) -> Iterator[Problem]:
        """What is wrong with a default that is there already, as the class is read."""
        default = field.attribute.default
        if is_factory(default) or field.attribute.converter is not None:
            return
        mismatch = None if holds(default) & DEFERRED else field.mismatch(None, default)
        if mismatch is not None:
            shown = show(default, secret=field.hides(default))
            yield Problem(
                code="wrong-default",
                where=f"{self.cls.__name__}.{field.name}",
                message=f"its default {shown} does not fit: {mismatch}",
                expected=field.type_name,
                declared=self.location,
                hint="change the default or the annotation",
            )

    @cached_property
    def vended(self) -> object:
        """The type that users receive: the class itself unless it vends something else; Any when it is not known."""
        if self.hooks.create is None and self.hooks.whole is None and self.factory is None:
            return self.cls
        if self.factory is not None:
            found = vended_argument(self.cls, self.factory)
            if found is not None:
                return found
        return Any if self.hooks.create is None else _returned(cast("Any", self.cls).create_resource)

    def values_of(self, resource: Any, *, are_resources: bool) -> dict[str, object]:
        """The values of a live resource by the constructor's names: those of what it needs, or all others."""
        return {
            field.alias: resource.__dict__[field.name]
            for field in self.fields
            if field.name in resource.__dict__
            and (field.is_need or bool(holds(resource.__dict__[field.name]) & RESOURCE)) is are_resources
        }

    def represent(self, resource: Any, depth: int) -> str:
        """The repr of a resource of this class: secrets masked, values from outside shown by their source."""
        fields = [f"{alias}={text}" for alias, text in self.shown(resource, depth)]
        return f"{printable(self.cls.__name__)}({', '.join(fields)})"

    def shown(self, resource: Any, depth: int) -> Iterator[tuple[str, str]]:
        """The fields of a resource of this class by alias, as its repr has them."""
        record = resource.__dict__.get(RECORD)
        for each in self.attributes if record is not None else ():
            if each.repr is not False:
                yield each.alias or each.name, self._represent(resource, record, each, depth)

    def _represent(self, resource: Any, record: Any, attribute: attrs.Attribute[Any], depth: int) -> str:
        """One field's value as it may be shown."""
        name = attribute.name
        source = record.sources.get(name)
        value = record.deferred.get(name, resource.__dict__.get(name, attrs.NOTHING))
        field = self.by_name[name]
        is_secret = field.hides(value)
        if callable(attribute.repr) and not is_secret and source is None and name not in record.deferred:
            return printable(attribute.repr(value))
        text = show(value, secret=is_secret, source=source, depth=depth + 1)
        # What the class itself makes of its fields may repeat a secret: a URL with the password in it.
        is_made = source is None and (field.is_derived or getattr(attribute.converter, "takes_self", False))
        said = (text, value) if isinstance(value, str) else (text,)  # In its repr what is escaped is escaped again.
        return MASK if is_made and any(hidden in each for hidden in self.hidden(resource) for each in said) else text

    def hidden(self, resource: Any) -> list[str]:
        """The texts that may not be shown: of secret and outside values, here and in nested resources."""
        found: list[str] = []
        seen = set()
        waiting = [resource]
        while waiting:
            current = waiting.pop()
            record = current.__dict__.get(RECORD)
            if id(current) in seen or record is None:
                continue
            seen.add(id(current))
            for attribute in getattr(type(current), RECORD).attributes:
                value = current.__dict__.get(attribute.name)
                if has_secret(attribute) or attribute.name in record.sources:
                    found += _texts(value)
                elif holds(value) & RESOURCE:
                    waiting += [leaf for _, leaf, _ in leaves(value, Any) if hasattr(type(leaf), RECORD)]
        return found


def _texts(value: object) -> Iterator[str]:
    """The ways a value, or one inside it, may be written into a text."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield from _spellings(value)
    elif isinstance(value, bytes):
        yield from {repr(value)[2:-1], *_spellings(value.decode(errors="replace"))} - {""}
    elif value is not None:
        yield from {show(value), _str(value)}


def _spellings(text: str) -> Iterator[str]:
    """How a class may write a text into another: as it is, in a repr, in JSON, in a URL, in HTML."""
    if text.isalnum() and text.isascii():
        yield text
        return
    import html  # These only where a class makes a text of what is not to be shown.
    import json
    from urllib.parse import quote, quote_plus

    quoted = [repr(text), ascii(text), json.dumps(text), json.dumps(text, ensure_ascii=False)]
    in_url = [quote(text, errors="replace"), quote(text, "", errors="replace"), quote_plus(text, errors="replace")]
    yield from {text, *(each[1:-1] for each in quoted), *in_url, html.escape(text)} - {""}


def _str(value: object) -> str:
    """The value's text, or its repr where the text fails."""
    try:
        return str(value)
    except Exception:  # A user's __str__ must not hide what we have to say.
        return show(value)


def has_secrets(annotation: Any, seen: set[Any] | None = None) -> bool:
    """Whether a class in an annotation, or one inside that, has secret fields; *seen* are those that were asked."""
    seen = set() if seen is None else seen
    form = form_of(annotation)
    if form in seen:  # an alias may hold itself
        return False
    seen.add(form)
    cls, arguments = form.cls, form.arguments
    if not isinstance(cls, type) or not attrs.has(cls) or cls in seen:
        return any(has_secrets(each, seen) for each in arguments)
    seen.add(cls)
    if any(map(has_secret, attrs.fields(cls))):
        return True
    spec: ResourceSpec | None = cls.__dict__.get(RECORD)
    try:
        inner = field_annotations(cls).values() if spec is None else [each.annotation for each in spec.fields]
    except DefinitionError:  # Nobody knows what is in it.
        return True
    return any(has_secrets(each, seen) for each in (*inner, *arguments))


def has_secret(attribute: attrs.Attribute[Any]) -> bool:
    """Whether a field, of a resource or of a class in one, is secret."""
    options: FieldOptions = attribute.metadata.get(METADATA, _NO_OPTIONS)
    return options.secret


def _masks_itself(value: object) -> bool:
    """Whether a value's repr masks the secrets of nested classes: their objects do, the dicts for them do not."""
    if isinstance(value, list | tuple | set | frozenset | dict):
        return all(map(_masks_itself, value.values() if isinstance(value, dict) else value))
    return value is None or attrs.has(type(value)) or is_deferred(value)


def decorated_error(cls: type) -> DefinitionError:
    """What to say of a resource class under another class decorator."""
    return DefinitionError(
        f"class {cls.__qualname__} has a decorator that makes it over (@attrs.define, @dataclass): take it away, "
        "a subclass of ConfigurableResource is an attrs class already"
    )


def vended_argument(cls: type, factory: Any) -> object | None:
    """The T of ``ConfigurableResourceFactory[T]`` among the bases of *cls*, None when it is not given."""
    found = type_arguments(cls, factory).get(factory.__parameters__[0])
    return None if isinstance(found, typing.TypeVar) else found


_WRAPPERS: Final = (
    Iterator,
    Generator,
    AsyncIterator,
    AsyncGenerator,
    AbstractContextManager,
    AbstractAsyncContextManager,
)


def _returned(function: Callable[..., object]) -> object:
    """What a create_resource hook says it vends, through the generator or context manager it may give."""
    returned = function_annotations(function).get("return", Any)
    form = form_of(returned)
    return form.arguments[0] if form.cls in _WRAPPERS and form.arguments else returned
