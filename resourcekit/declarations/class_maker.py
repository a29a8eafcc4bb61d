"""How a class statement becomes a resource class: attrs does the work, we add scope, private state and checks."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

import attrs
from attrs.exceptions import UnannotatedAttributeError

from resourcekit.annotations.class_kinds import own_annotations
from resourcekit.base.caller import caller_frame
from resourcekit.base.errors import DefinitionError
from resourcekit.base.settings import ResourceSettings
from resourcekit.declarations.fields import State
from resourcekit.declarations.hooks import HOOK_NAMES
from resourcekit.declarations.spec import RECORD, ResourceSpec, decorated_error
from resourcekit.declarations.unresolved import tell_unresolved

__all__ = ("make_resource_class",)

RESERVED: Final = frozenset({*HOOK_NAMES, "from_env", "configure_at_launch"})

_OWN_METHODS: Final = (
    "__init__",
    "__eq__",
    "__hash__",
    "__repr__",
    "__setattr__",
    "__delattr__",
    "__getstate__",
    "__setstate__",
)
"""Ours even where a mix-in that is no resource stands first in the bases, as attrs writes its own into each class."""

_ATTRS_FIELD: Final = type(attrs.field())


def make_resource_class(cls: type, settings: Mapping[str, Any]) -> None:
    """Make an attrs class of *cls*, in place, and keep its spec.

    Args:
        cls: The class.
        settings: The keywords of the class statement; what is not there is inherited.
    """
    if RECORD in cls.__dict__:  # attrs with slots makes the class anew from its own namespace
        raise decorated_error(cls)
    for parent in _resource_bases(cls):
        parent.__dict__[RECORD].check_intact()
    frame = caller_frame()
    states = _take_states(cls)
    _check_names(cls)
    replacing = getattr(cls, "__replace__")  # noqa: B009  # ours, or the class's own
    try:
        attrs.define(
            cls, slots=False, kw_only=True, frozen=True, eq=False, repr=False, init=False, auto_attribs=True,
            field_transformer=_public_fields,
        )  # fmt: skip
    except SyntaxError:
        reason = "the name or alias of a field is none that a keyword argument can have"
    except (UnannotatedAttributeError, ValueError) as error:
        reason = str(error)
    else:
        _drop_generated(cls)
        # attrs' own guard knows no private state; ours, in the base class, does.
        for name in ("__setattr__", "__delattr__"):
            delattr(cls, name)
        # From Python 3.13 on attrs adds one of its own, which reads fields that have no value yet.
        setattr(cls, "__replace__", replacing)  # noqa: B010
        spec = _spec(cls, settings, states, frame)
        spec.check_factories()
        setattr(cls, RECORD, spec)
        _keep_own_methods(cls)
        tell_unresolved(cls)
        return
    raise DefinitionError(f"class {cls.__qualname__} is wrong: {reason}")


def _drop_generated(cls: Any) -> None:
    """Take away what attrs writes in place of the constructor: it would fill a resource past every check.

    It is much of what a class weighs, its source text as well.
    """
    linecache.cache.pop(cls.__attrs_init__.__code__.co_filename, None)
    del cls.__attrs_init__


def _resource_bases(cls: type) -> list[type]:
    """The resource classes that *cls* derives from, the nearest first."""
    return [base for base in cls.__mro__[1:] if RECORD in base.__dict__]


def _definer(cls: type, name: str) -> type:
    """The class that a method of *cls* comes from."""
    return next(base for base in cls.__mro__ if name in base.__dict__)


def _keep_own_methods(cls: type) -> None:
    root: Any = _resource_bases(cls)[-1]
    for name in _OWN_METHODS:
        if RECORD not in _definer(cls, name).__dict__:
            setattr(cls, name, getattr(root, name))


def _spec(cls: type, settings: Mapping[str, Any], states: dict[str, State], frame: FrameType | None) -> ResourceSpec:
    parents = [base.__dict__[RECORD] for base in _resource_bases(cls)]
    parent = parents[0] if parents else None
    for each in reversed(parents):
        states = {**each.states, **states}
    return ResourceSpec(
        cls,
        settings=(parent.settings if parent else ResourceSettings()).changed(cls.__qualname__, settings),
        factory=next((each.factory for each in parents if each.factory is not None), None),
        states=states,
        frame=frame,
    )


def _take_states(cls: type) -> dict[str, State]:
    states = {name: value for name, value in vars(cls).items() if isinstance(value, State)}
    for name in states:
        if not name.startswith("_"):
            raise DefinitionError(f"{cls.__qualname__}.{name} = state(...): private state begins with an underscore")
        delattr(cls, name)
    return states


def _check_names(cls: type) -> None:
    for name, value in vars(cls).items():
        reason = _wrong_attribute(name, value)
        if reason is not None:
            raise DefinitionError(f"{cls.__qualname__}.{name} {reason}")
    for name in own_annotations(cls):
        if name in RESERVED:
            raise DefinitionError(
                f"{cls.__qualname__}.{name} cannot be a field: it is a name of ours; call it {name}_ or {name}_value"
            )


def _wrong_attribute(name: str, value: object) -> str | None:
    """Why a class may not have *value* under *name*, and what to write in its place."""
    kind = type(value)
    if kind.__module__ == "pydantic.fields":
        return "uses pydantic's Field; import Field, field or secret from resourcekit"
    if not name.startswith("_") or name.startswith("__"):
        return None
    if kind is _ATTRS_FIELD:
        return f"is private state, no field; write {name} = state(default=...) or state(factory=...)"
    if isinstance(value, list | dict | set):
        shared = f"would be one {kind.__name__} shared by every resource"
        return f"{shared}; write {name} = state(factory={kind.__name__})"
    return None


def _public_fields(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """attrs' field_transformer: names that begin with an underscore are private state."""
    return [each for each in fields if not each.name.startswith("_")]
