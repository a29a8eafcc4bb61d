"""What reading a field comes to while it has no value."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NoReturn

import attrs

from resourcekit.annotations.class_kinds import is_deferred
from resourcekit.base.errors import UnresolvedError
from resourcekit.declarations.deferred import Deferred, described
from resourcekit.declarations.spec import RECORD
from resourcekit.declarations.values import leaves

__all__ = ("tell_unresolved",)


class _Unresolved:
    """Stands for a field in its class: reading it from a resource that has no value for it yet says why.

    An instance's value comes first. A class with a ``__getattr__`` in its place would have Python look up every
    attribute of the class, methods too, the slow way.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, resource: Any, owner: type) -> NoReturn:
        if resource is not None:
            _refuse_deferred(resource, self._name)
        kind = f"type object {owner.__name__!r}" if resource is None else f"{owner.__name__!r} object"
        subject = owner if resource is None else resource
        raise AttributeError(f"{kind} has no attribute {self._name!r}", name=self._name, obj=subject)


@functools.cache
def _unresolved(name: str) -> _Unresolved:
    """The one that stands for every field of this name: the collector of cycles looks at each there is."""
    return _Unresolved(name)


def tell_unresolved(cls: Any) -> None:
    """Have each field of a new resource class tell that it has no value yet, where it is read too early."""
    for each in attrs.fields(cls):
        if not each.inherited or inspect.getattr_static(cls, each.name, None) is None:
            setattr(cls, each.name, _unresolved(each.name))
    definer = next((base for base in cls.__mro__ if "__getattr__" in base.__dict__), None)
    if definer is cls or (definer is not None and RECORD not in definer.__dict__):
        setattr(cls, "__getattr__", _after_ours(definer.__dict__["__getattr__"]))  # noqa: B010


def _after_ours(theirs: Any) -> Any:
    """A ``__getattr__`` of the user's, which is never asked for a field that has no value yet."""

    @functools.wraps(theirs)
    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807
        _refuse_deferred(self, name)
        found = inspect.getattr_static(type(self), name, None)
        if hasattr(type(found), "__get__"):  # A property raised an AttributeError, which Python has thrown away.
            try:
                return found.__get__(self, type(self))
            except UnresolvedError:
                raise
            except AttributeError:
                pass
        return theirs(self, name)

    return __getattr__


def _refuse_deferred(resource: Any, name: str) -> None:
    record = resource.__dict__.get(RECORD)
    if record is not None and name in record.deferred:
        raise UnresolvedError(type(resource).__name__, name, _origin(record.deferred[name]))


def _origin(value: object) -> str:
    """Where the parts of a value that are not there yet will come from, in words."""
    found = dict.fromkeys(_leaf_origin(leaf) for _, leaf, _ in leaves(value, Any))
    return ", ".join(found)


def _leaf_origin(leaf: object) -> str:
    if isinstance(leaf, Deferred):
        return described(leaf)
    return "a provider" if is_deferred(leaf) else f"the {type(leaf).__name__} it needs"
