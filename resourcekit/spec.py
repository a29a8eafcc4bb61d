"""What a resource class is, read once from the class: its fields, private state, hooks and scope."""

from __future__ import annotations

import sys
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import cached_property
from types import FrameType, SimpleNamespace
from typing import Any, Final, cast

import attrs

from resourcekit.annotations import build_validator, exact_type, resource_classes, type_name, union_members
from resourcekit.errors import DefinitionError, Location, Problem
from resourcekit.fields import METADATA, FieldOptions, State, is_factory
from resourcekit.hooks import Hooks, hooks_of
from resourcekit.secrets import plain, show
from resourcekit.values import DEFERRED, holds

__all__ = ("RECORD", "FieldSpec", "ResourceSpec")

RECORD: Final = "__resourcekit__"
"""The one name everything of ours lives under: the spec on the class, the record on an instance."""

_NO_OPTIONS: Final = FieldOptions()


@attrs.frozen(eq=False)
class FieldSpec:
    """One field of a resource class.

    Args:
        name: The attribute's name.
        alias: The name in the constructor and in overlays.
        attribute: attrs' own description of the field.
        annotation: The resolved annotation.
        secret: Never show its value.
        description: What it is, in the class's words.
        check: An attrs validator made from the annotation.
        exact: A class whose exact instances need no check.
    """

    name: str
    alias: str
    attribute: attrs.Attribute[Any]
    annotation: object
    secret: bool
    description: str | None
    check: Callable[[object, attrs.Attribute[Any], object], None]
    exact: type | None

    @property
    def required(self) -> bool:
        """Whether the constructor wants it: a field that may be None is None when it is left out."""
        return self.attribute.init and self.attribute.default is attrs.NOTHING and not self.optional

    @property
    def optional(self) -> bool:
        """Whether None is one of its values."""
        return type(None) in union_members(self.annotation)

    @property
    def type_name(self) -> str:
        """The annotation in words."""
        return type_name(self.annotation)

    def mismatch(self, resource: object, value: object) -> str | None:
        """Why *value* is not of this field's type, or None; the text does not hold the value."""
        if type(value) is self.exact:
            return None
        try:
            self.check(resource, self.attribute, value)
        except (TypeError, ValueError) as error:
            return str(error)
        return None


class ResourceSpec:
    """What a resource class is. Annotations are read at the first use, so that they may name later classes."""

    def __init__(
        self,
        cls: type,
        *,
        scope: str = "run",
        threads: bool = True,
        factory: type | None = None,
        states: Mapping[str, State] | None = None,
        frame: FrameType | None = None,
    ) -> None:
        self.cls = cls
        self.scope = scope
        self.threads = threads
        self.factory = factory  # ConfigurableResourceFactory, where the class is one
        self.states = states or {}
        self.location = None if frame is None else Location(frame.f_code.co_filename, frame.f_lineno)
        self.attributes: tuple[attrs.Attribute[Any], ...] = cls.__dict__.get("__attrs_attrs__", ())
        # A class made in a function may name classes of that function: its frame is kept until they are read.
        self._frame = frame if "<locals>" in cls.__qualname__ else None

    @cached_property
    def fields(self) -> tuple[FieldSpec, ...]:
        """The fields in the order they are declared, bases first.

        Raises:
            DefinitionError: An annotation cannot be read, names a factory, or does not fit its default;
                or another decorator has taken the fields away.
        """
        fields = tuple(self._field(attribute) for attribute in self.attributes)
        problems = [problem for field in fields for problem in self._default_problems(field)]
        if problems:
            text = "\n".join(f"  {problem}" for problem in problems)
            raise DefinitionError(f"class {self.cls.__qualname__} is wrong:\n{text}", problems)
        self._frame = None
        return fields

    @cached_property
    def by_name(self) -> dict[str, FieldSpec]:
        """The fields by attribute name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def by_alias(self) -> dict[str, FieldSpec]:
        """The fields that the constructor and overlays know, by the name they use."""
        return {field.alias: field for field in self.fields if field.attribute.init}

    @cached_property
    def hooks(self) -> Hooks:
        """The lifecycle hooks of the class."""
        return hooks_of(self.cls)

    @cached_property
    def has_validators(self) -> bool:
        """Whether any field has a validator of the user's."""
        return any(field.attribute.validator is not None for field in self.fields)

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
        options = attribute.metadata.get(METADATA, _NO_OPTIONS)
        return FieldSpec(
            name=attribute.name,
            alias=attribute.alias or attribute.name,
            attribute=attribute,
            annotation=annotation,
            secret=options.secret,
            description=options.description,
            check=build_validator(annotation),
            exact=exact_type(annotation),
        )

    def _annotation(self, attribute: attrs.Attribute[Any]) -> object:
        written = cast("object", attribute.type)  # attrs' stub knows no strings
        if written is None:
            return Any
        if isinstance(written, type) and not hasattr(written, "__origin__"):
            return written
        owner = next(base for base in self.cls.__mro__ if attribute.name in base.__dict__.get("__annotations__", {}))
        names = dict(self._frame.f_locals) if self._frame is not None else {}
        names.setdefault(self.cls.__name__, self.cls)
        holder = SimpleNamespace(__annotations__={attribute.name: written})
        try:
            hints = typing.get_type_hints(holder, vars(sys.modules[owner.__module__]), names, include_extras=True)
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            reason = str(error)
        else:
            return hints[attribute.name]
        raise DefinitionError(
            f"the annotation of {self.cls.__qualname__}.{attribute.name} cannot be read: {reason}; "
            f"import or define the name in module {owner.__module__} (not under `if TYPE_CHECKING:`)"
        )

    def _default_problems(self, field: FieldSpec) -> list[Problem]:
        where = f"{self.cls.__name__}.{field.name}"
        found = []
        for cls in resource_classes(field.annotation):
            if getattr(cls, RECORD).factory is not None:
                vended = type_name(getattr(cls, RECORD).vended)
                found.append(
                    Problem(
                        code="factory-field",
                        where=where,
                        message=f"{cls.__name__} is a factory: users receive what it vends, not the factory",
                        hint=f"annotate it as ResourceDependency[{vended}]",
                        declared=self.location,
                    )
                )
        default = field.attribute.default
        if is_factory(default) or default is attrs.NOTHING or field.attribute.converter is not None:
            return found
        if holds(default) & DEFERRED:
            return found
        mismatch = field.mismatch(None, default)
        if mismatch is not None:
            shown = show(default, secret=field.secret)
            message = f"its default {shown} does not fit: {mismatch}"
            found.append(
                Problem(
                    code="wrong-default",
                    where=where,
                    message=message,
                    expected=field.type_name,
                    declared=self.location,
                    hint="change the default or the annotation",
                )
            )
        return found

    @cached_property
    def vended(self) -> object:
        """The type that users receive: the class itself unless it vends something else; Any when it is not known."""
        if self.hooks.create is None and self.hooks.whole is None and self.factory is None:
            return self.cls
        if self.factory is not None:
            found = vended_argument(self.cls, self.factory)
            if found is not None:
                return found
        return Any if self.hooks.create is None else _returned(self.cls.create_resource)  # type: ignore[attr-defined]

    def represent(self, resource: Any, depth: int) -> str:
        """The repr of a resource of this class: secrets masked, values from outside shown by their source."""
        record = resource.__dict__.get(RECORD)
        shown = []
        for attribute in self.attributes:
            if attribute.repr is False or record is None:
                continue
            options = attribute.metadata.get(METADATA, _NO_OPTIONS)
            value = record.deferred.get(attribute.name, resource.__dict__.get(attribute.name, attrs.NOTHING))
            source = record.sources.get(attribute.name)
            if options.secret or source is not None:
                text = show(value, secret=options.secret, source=source)
            elif callable(attribute.repr):
                text = attribute.repr(value)
            else:
                text = plain(value, depth + 1)
            shown.append(f"{attribute.alias}={text}")
        return f"{self.cls.__name__}({', '.join(shown)})"


def decorated_error(cls: type) -> DefinitionError:
    """What to say of a resource class under another class decorator."""
    return DefinitionError(
        f"class {cls.__qualname__} has a decorator that makes it over (@attrs.define, @dataclass): take it away, "
        "a subclass of ConfigurableResource is an attrs class already"
    )


def vended_argument(cls: type, factory: type) -> object | None:
    """The T of ``ConfigurableResourceFactory[T]`` among the bases of *cls*, None when it is not given."""
    known: dict[object, object] = {}
    for base in cls.__mro__:
        for alias in base.__dict__.get("__orig_bases__", ()):
            origin = typing.get_origin(alias)
            arguments = [known.get(argument, argument) for argument in typing.get_args(alias)]
            if origin is factory:
                return None if isinstance(arguments[0], typing.TypeVar) else arguments[0]
            known.update(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))
    return None


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
    try:
        returned = typing.get_type_hints(function).get("return", Any)
    except (NameError, TypeError, AttributeError):
        return Any
    if typing.get_origin(returned) in _WRAPPERS:
        return typing.get_args(returned)[0]
    return returned
