"""Markers that nothing has resolved, in modules that a container of ours has wired: errors where they are used.

Other containers, wired earlier or later, may resolve them: dependency-injector's own injection then takes their place.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from dependency_injector import providers, wiring
from dependency_injector.containers import DeclarativeContainer

from resourcekit.base.errors import InjectionError, did_you_mean, kind_in_words
from resourcekit.container.providers import ResourceProvider
from resourcekit.container.state import flat, keys_of
from resourcekit.container.wired_modules import WiredModule

__all__ = ("container_classes", "is_library", "mark_unresolved", "restore_markers")

_Provide: Final[Any] = wiring.Provide  # Its annotation says that it is an instance.
_Provider: Final[Any] = wiring.Provider
_STEPS = (
    providers.AttributeGetter,
    providers.Delegate,
    providers.ItemGetter,
    providers.MethodCaller,
    providers.ProvidedInstance,
)


class _Unresolved:
    """A marker that no container which wired its module resolves.

    Args:
        where: The function, module or class that has it.
        name: The parameter or attribute.
        provider: What it names.
    """

    def __init__(self, where: str, name: str, provider: Any) -> None:
        self._where = where
        self._name = name
        self._provider = provider
        self._tried: dict[Any, Any] = {}

    def tried_by(self, container: Any) -> None:
        """Note that *container* does not resolve it; the latest instance of each class is kept."""
        self._tried[container.declarative_parent] = container

    def refuse(self) -> NoReturn:
        """Raise the error of it.

        Raises:
            InjectionError: Always.
        """
        names = [cls.__name__ for cls in self._tried]
        owners = " and ".join(names)
        if isinstance(self._provider, str):
            keys = [key for container in self._tried.values() for key in flat(keys_of(container.providers))]
            reason = (
                f"its marker names {self._provider!r}, which {owners} {'does' if len(names) == 1 else 'do'} not have"
            )
            raise InjectionError(self._where, self._name, reason, did_you_mean(self._provider, keys))
        provider = self._provider
        while isinstance(provider, _STEPS):
            provider = provider.provides
        elsewhere = {id: spelling for cls in self._tried for id, spelling in _elsewhere(cls).items()}
        if id(provider) in elsewhere:
            spelling = elsewhere[id(provider)]
            raise InjectionError(
                self._where,
                self._name,
                f"its marker names {spelling}, and {spelling.partition('.')[0]} is no base of {owners}, which is wired",
                "name the key by a class that both have in common",
            )
        spelling = f"{provider._owner}.{provider._key}" if isinstance(provider, ResourceProvider) else ""
        reason = f"its marker names {spelling or kind_in_words(provider)}, of which {owners} knows nothing"
        raise InjectionError(self._where, self._name, reason, "wire the container that has it, too")


class _UnresolvedArgument(providers.Provider[Any]):
    """The injection of a parameter whose marker is unresolved: an error when the function is called."""

    def __init__(self, unresolved: _Unresolved) -> None:
        self.unresolved = unresolved
        super().__init__()

    def _provide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.unresolved.refuse()


class _UnresolvedAttribute:
    """An attribute whose marker is unresolved: a marker as before, and an error when it is used as the object."""

    original: Any
    unresolved: _Unresolved

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        self.unresolved.refuse()


class _UnresolvedProvide(_UnresolvedAttribute, _Provide):  # type: ignore[misc]
    """In the place of `Provide`."""


class _UnresolvedProvider(_UnresolvedAttribute, _Provider):  # type: ignore[misc]
    """In the place of `Provider`, which is called for the object."""

    def __call__(self) -> NoReturn:
        self.unresolved.refuse()


def mark_unresolved(module: WiredModule, container: Any) -> None:
    """Have every marker of a wired module that is still a marker raise an error where it is used."""
    registry: Any = wiring._patched_registry  # There is no other way to the functions that have been wired.
    for function in registry.get_callables_from_module(module):
        patched = registry.get_callable(function)
        for name, marker in patched.reference_injections.items():
            injection = patched.injections.get(name)
            if not isinstance(injection, providers.Provider):
                injection = _UnresolvedArgument(_Unresolved(function.__qualname__, name, marker.provider))
                patched.add_injection(name, injection)
            if isinstance(injection, _UnresolvedArgument):
                injection.unresolved.tried_by(container)
    for name, marker in module.markers():
        standing = marker if isinstance(marker, _UnresolvedAttribute) else _unresolved_attribute(module, name, marker)
        if standing is not None:
            standing.unresolved.tried_by(container)


def _unresolved_attribute(module: WiredModule, name: str, marker: Any) -> _UnresolvedAttribute | None:
    """What takes the place of an attribute's marker; a `Closing` means nothing there."""
    kinds: dict[Any, Any] = {_Provide: _UnresolvedProvide, _Provider: _UnresolvedProvider}
    kind = kinds.get(type(marker))
    if kind is None:
        return None
    standing: _UnresolvedAttribute = kind(marker.provider, marker.modifier)
    standing.original, standing.unresolved = marker, _Unresolved(module.__name__, name, marker.provider)
    setattr(module, name, standing)
    return standing


def restore_markers(module: WiredModule) -> None:
    """Give the attributes of an unwired module their own markers back."""
    for name, marker in module.markers():
        if isinstance(marker, _UnresolvedAttribute):
            setattr(module, name, marker.original)


def container_classes(cls: Any) -> list[Any]:
    """The container classes in the MRO of *cls*."""
    return [base for base in cls.__mro__ if isinstance(base, type(DeclarativeContainer))]


def is_library(cls: type) -> bool:
    """Whether *cls* is a container class of ours or of dependency-injector's, and none of the user's."""
    return cls.__module__.startswith(("dependency_injector.", "resourcekit."))


def _elsewhere(cls: Any) -> dict[int, str]:
    """How to spell what classes related to *cls* have and *cls* has not: its bases' other subclasses, by id."""
    mine = container_classes(cls)
    waiting = [base for base in mine if not is_library(base)]
    found: dict[int, str] = {}
    while waiting:
        base = waiting.pop()
        waiting += base.__subclasses__()
        if base not in mine:
            found[id(base.__self__)] = base.__name__
            found |= {id(provider): f"{base.__name__}.{key}" for key, provider in base.cls_providers.items()}
    return found
