"""Wiring with dependency-injector's markers: every class of the MRO is known, nothing of ours is left unresolved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import isclass, isfunction
from types import ModuleType, SimpleNamespace
from typing import Any

from dependency_injector import providers, wiring
from dependency_injector.containers import DeclarativeContainer, DynamicContainer

from resourcekit.assembly import flat, keys_of
from resourcekit.errors import InjectionError, did_you_mean
from resourcekit.providers import ResourceProvider

__all__ = ("wire",)

_STEPS = (
    providers.AttributeGetter,
    providers.Delegate,
    providers.ItemGetter,
    providers.MethodCaller,
    providers.ProvidedInstance,
)


class _Standing(providers.Provider[Any]):
    """A key of dependency-injector's own in the container that stands for the wired one where it is called."""

    def __init__(self, container: Any, key: str) -> None:
        self._container = container
        self._key = key
        super().__init__()

    @property
    def _current(self) -> Any:
        found = self._container
        for name in self._key.split("."):
            found = getattr(found, name)  # A container's attributes are an override's, inside its block.
        return found

    @property
    def related(self) -> Iterator[Any]:
        """The provider itself, for `Closing`."""
        yield self._current
        yield from super().related

    def _provide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._current(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._current, name)


def _standing(container: Any, key: str, provider: Any) -> Any:
    """What is wired for a key: our providers know of overrides by themselves, and a configuration has its options."""
    is_wired_itself = isinstance(provider, ResourceProvider | providers.Configuration | providers.Container)
    return provider if is_wired_itself else _Standing(container, key)


class _View(DynamicContainer):
    """A container under more names: one for each provider that a class of its MRO ever had under a key."""

    def __init__(self, container: Any) -> None:
        super().__init__()
        declared = container.declarative_parent
        mine = flat(keys_of(container.providers))
        theirs = [entry for key, each in declared.history() for entry in flat({key: each}).items()]
        pairs = [
            (each, _standing(container, key, mine[key]))
            for key, each in theirs
            if key in mine and not isinstance(each, providers.Container)
        ]
        pairs += [(base.__self__, container.__self__) for base in _container_classes(declared)]
        # Kept out of __setattr__, which would make keys of them.
        object.__setattr__(self, "providers", {str(place): here for place, (_, here) in enumerate(pairs)})
        self._container = container
        self.wiring_config = container.wiring_config
        self.declarative_parent = SimpleNamespace(
            providers={str(place): there for place, (there, _) in enumerate(pairs)}, __self__=declared.__self__
        )
        self.__self__ = container.__self__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._container, name)
        return _standing(self._container, name, found) if name in self._container.providers else found


def wire(container: Any, **options: Any) -> None:
    """Wire *container*, as dependency-injector does.

    Args:
        container: The instance.
        **options: As for ``DynamicContainer.wire``.

    Raises:
        InjectionError: A marker names a key that the container does not have.
    """
    view = _View(container)
    DynamicContainer.wire(view, **options)
    container.wired_to_modules.extend(view.wired_to_modules)
    container.wired_to_packages.extend(view.wired_to_packages)
    elsewhere = _elsewhere(container.declarative_parent)
    for where, name, provider in _unresolved([*view.wired_to_modules, *_submodules(view.wired_to_packages)]):
        _refuse(container, where, name, provider, elsewhere)


def _refuse(container: Any, where: str, name: str, provider: Any, elsewhere: dict[int, str]) -> None:
    """Refuse what would pass a marker in the place of an object; markers of unrelated containers are their own."""
    owner = container.declarative_parent.__name__
    if isinstance(provider, str):
        reason = f"its marker names {provider!r}, which {owner} does not have"
        raise InjectionError(where, name, reason, did_you_mean(provider, container.providers))
    while isinstance(provider, _STEPS):
        provider = provider.provides
    spelling = elsewhere.get(id(provider))
    if spelling is not None:
        reason = f"its marker names {spelling}, and {spelling.partition('.')[0]} is no base of {owner}, which is wired"
        raise InjectionError(where, name, reason, "name the key by a class that both have in common")


def _unresolved(modules: list[ModuleType]) -> Iterator[tuple[str, str, Any]]:
    """The function or class, parameter or attribute, and what is named, of every marker that is still a marker."""
    for module in modules:
        classes = [each for each in vars(module).values() if isclass(each) and each.__module__ == module.__name__]
        holders: list[ModuleType | type] = [module, *classes]
        for holder in holders:
            for name, member in vars(holder).items():
                function = getattr(member, "__func__", member)  # A class or static method holds the function.
                if getattr(type(member), "__IS_MARKER__", False):
                    yield holder.__name__, name, member.provider
                elif isfunction(function) and function.__module__ == module.__name__:
                    yield from _unresolved_in(function)


def _unresolved_in(function: Any) -> Iterator[tuple[str, str, Any]]:
    patched: Any = wiring._patched_registry.get_callable(function)  # None of a function without markers
    if patched is not None:
        for name, marker in patched.reference_injections.items():
            if name not in patched.injections:
                yield function.__qualname__, name, marker.provider


def _submodules(packages: list[ModuleType]) -> list[ModuleType]:
    """The packages and what is in them: dependency-injector has just imported all of it."""
    names = tuple(f"{package.__name__}." for package in packages)
    return [module for name, module in list(sys.modules.items()) if f"{name}.".startswith(names)]


def _container_classes(cls: Any) -> list[Any]:
    return [base for base in cls.__mro__ if isinstance(base, type(DeclarativeContainer))]


def _elsewhere(cls: Any) -> dict[int, str]:
    """How to spell what classes related to *cls* have and *cls* has not: its bases' other subclasses, by id."""
    mine = _container_classes(cls)
    waiting = [base for base in mine if not base.__module__.startswith(("dependency_injector.", "resourcekit."))]
    found: dict[int, str] = {}
    while waiting:
        base = waiting.pop()
        waiting += base.__subclasses__()
        if base not in mine:
            found[id(base.__self__)] = base.__name__
            found |= {id(provider): f"{base.__name__}.{key}" for key, provider in base.cls_providers.items()}
    return found
