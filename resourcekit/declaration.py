"""How a class statement becomes a resource class: attrs does the work, we add scope, private state and checks."""

from __future__ import annotations

from types import FrameType
from typing import Any, Final

import attrs
from attrs.exceptions import UnannotatedAttributeError

from resourcekit.errors import DefinitionError
from resourcekit.fields import State
from resourcekit.frames import caller_frame
from resourcekit.hooks import HOOK_NAMES
from resourcekit.spec import RECORD, ResourceSpec, decorated_error

__all__ = ("make_resource_class",)

RESERVED: Final = frozenset({*HOOK_NAMES, "from_env"})


def make_resource_class(cls: type, scope: str | None, threads: bool | None) -> None:
    """Make an attrs class of *cls*, in place, and keep its spec."""
    if RECORD in cls.__dict__:  # attrs with slots makes the class anew from its own namespace
        raise decorated_error(cls)
    if scope not in (None, "run", "app"):
        raise DefinitionError(f"class {cls.__qualname__}: scope is 'run' or 'app', not {scope!r}")
    frame = caller_frame()
    states = _take_states(cls)
    _check_names(cls)
    try:
        attrs.define(
            cls, slots=False, kw_only=True, frozen=True, eq=False, repr=False, init=False, auto_attribs=True,
            field_transformer=_public_fields,
        )  # fmt: skip
    except (UnannotatedAttributeError, ValueError) as error:
        reason = str(error)
    else:
        # attrs' own guard knows no private state; ours, in the base class, does.
        for name in ("__setattr__", "__delattr__"):
            if name in cls.__dict__:
                delattr(cls, name)
        setattr(cls, RECORD, _spec(cls, scope, threads, states, frame))
        return
    raise DefinitionError(f"class {cls.__qualname__} is wrong: {reason}")


def _spec(
    cls: type, scope: str | None, threads: bool | None, states: dict[str, State], frame: FrameType | None
) -> ResourceSpec:
    parents = [base.__dict__[RECORD] for base in cls.__mro__[1:] if RECORD in base.__dict__]
    parent = parents[0] if parents else None
    for each in reversed(parents):
        states = {**each.states, **states}
    return ResourceSpec(
        cls,
        scope=scope or (parent.scope if parent else "run"),
        threads=threads if threads is not None else (parent.threads if parent else True),
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
    annotations = vars(cls).get("__annotations__", {})
    for name, value in vars(cls).items():
        if name.startswith("_") and not name.startswith("__") and isinstance(value, list | dict | set):
            raise DefinitionError(
                f"{cls.__qualname__}.{name} would be one {type(value).__name__} shared by every resource; "
                f"write {name} = state(factory={type(value).__name__})"
            )
        if type(value).__module__.startswith("pydantic."):
            raise DefinitionError(
                f"{cls.__qualname__}.{name} uses pydantic's Field; import Field, field or secret from resourcekit"
            )
    for name in annotations:
        if name in RESERVED:
            raise DefinitionError(
                f"{cls.__qualname__}.{name} cannot be a field: it is the name of a hook; call it {name}_ or {name}_value"
            )


def _public_fields(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """attrs' field_transformer: names that begin with an underscore are private state."""
    return [each for each in fields if not each.name.startswith("_")]
