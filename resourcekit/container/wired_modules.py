"""The part of a module that can be wired: functions, methods and markers. Nothing else in the module is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from inspect import get_annotations
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Annotated, Any, Final

from dependency_injector import wiring

__all__ = ("WiredModule", "is_marker", "modules_of", "wired_modules")

_MARKERS: Final[Any] = (wiring.Provide, wiring.Provider, wiring.Closing)
_ANNOTATED: Final[Any] = type(Annotated[int, ""])
_PYTHONS_OWN: Final = frozenset({"__getattr__", "__dir__"})
"""The functions of a module that Python would call for its stand-in."""


class WiredModule(ModuleType):
    """A stand-in for a module, which dependency-injector's `wire` and `unwire` are given in its place.

    They ask every object in a module for its class, which a lazy object answers by an error, or by doing what it was
    to do later. The stand-in has the functions and markers alone, as the dictionaries of the module and its classes
    hold them: those of a class by dotted names, without descriptors and without `__getattr__` being called. What is
    set in the stand-in is set in the module or the class; it lives as long as one wiring, and an attribute's marker.

    Args:
        module: The module.
    """

    __slots__ = ("_former", "_holders")

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        holders: dict[str, tuple[Any, str]] = {}
        former: dict[str, object] = {}
        for holder, prefix, name, member in _members(module):
            holders[prefix + name], former[prefix + name] = (holder, name), member
            vars(self)[prefix + name] = member.__func__ if _is_a(member, (classmethod, staticmethod)) else member
        object.__setattr__(self, "_holders", holders)
        object.__setattr__(self, "_former", former)

    def __setattr__(self, name: str, content: Any) -> None:
        if content is vars(self)[name]:
            return  # A function that was decorated before it was wired, perhaps in the class of another module.
        vars(self)[name] = content
        holder, own_name = self._holders[name]
        kind = type(self._former[name])
        setattr(holder, own_name, kind(content) if issubclass(kind, classmethod | staticmethod) else content)

    def markers(self) -> Iterator[tuple[str, Any]]:
        """The attributes of the module, and of the classes that it defines, which are markers still, by their names."""
        for name, member in list(vars(self).items()):
            if is_marker(member):
                holder, _ = self._holders[name]
                if getattr(holder, "__module__", self.__name__) == self.__name__:
                    yield name, member


def is_marker(thing: object) -> bool:
    """Whether *thing* is a marker of dependency-injector's."""
    return _is_a(thing, _MARKERS)


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """A package and every module in it, imported."""
    yield package
    for found in walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        yield import_module(found.name)


def wired_modules(modules: Iterable[ModuleType], packages: Iterable[ModuleType]) -> list[WiredModule]:
    """A stand-in for each of *modules*, and of the modules in *packages*."""
    each = [*modules, *(module for package in packages for module in modules_of(package))]
    return [WiredModule(module) for module in {id(module): module for module in each}.values()]


def _is_a(thing: object, kinds: Any) -> bool:
    """Whether *thing* is of one of these types, by its true type: `isinstance` would ask the thing itself as well."""
    return issubclass(type(thing), kinds)


def _can_be_wired(member: Any) -> bool:
    return (
        _is_a(member, FunctionType)
        or is_marker(member)
        or type(member).__name__ == "cython_function_or_method"
        or (_is_a(member, (classmethod, staticmethod)) and _can_be_wired(member.__func__))
    )


def _members(module: ModuleType) -> Iterator[tuple[Any, str, str, Any]]:
    """Who holds what can be wired, the prefix of its name in the stand-in, its name, and itself."""
    for name, member in _attributes(module, vars(module)).items():
        if _is_a(member, type):
            yield from ((member, f"{name}.", each, found) for each, found in _of_class(member).items())
        elif _can_be_wired(member) and name not in _PYTHONS_OWN:
            yield module, "", name, member


def _of_class(cls: Any) -> dict[str, object]:
    """What can be wired in a class; what it inherits from a class of its own module is wired there."""
    bases = [base for base in cls.__mro__ if base is cls or base.__module__ != cls.__module__]
    found: dict[str, object] = {}
    for base in reversed(bases):
        found |= _attributes(base, vars(base))
    shadowing = {name for base in cls.__mro__ if base not in bases for name in vars(base)} - vars(cls).keys()
    return {name: member for name, member in found.items() if name not in shadowing and _can_be_wired(member)}


def _attributes(holder: Any, members: Any) -> dict[str, Any]:
    """The attributes of a module or class, with the markers that annotations give them."""
    annotations: dict[str, Any] = get_annotations(holder)
    annotated = {
        name: next((each for each in annotation.__metadata__ if is_marker(each)), None)
        for name, annotation in annotations.items()
        if _is_a(annotation, _ANNOTATED)
    }
    return dict(members) | {name: marker for name, marker in annotated.items() if marker is not None}
