"""What each resource and provider means in a container: what its blueprint is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from dependency_injector import providers

from resourcekit.annotations.annotation_structure import split
from resourcekit.container.providers import Provided, ResourceProvider, ValueProvider, overridings, scope_of
from resourcekit.declarations.record import raw_values
from resourcekit.declarations.values import is_resource
from resourcekit.planning.nodes import Choice, Held, held_resource

__all__ = ("Bindings",)

_RESOURCE: Final = getattr(
    providers, "BaseResource", providers.Resource
)  # The base came later than our lowest version.
_CACHING: Final = (providers.BaseSingleton, _RESOURCE)
_CONFIGURATIONS: Final = (providers.Configuration, providers.ConfigurationOption)


class Bindings:
    """What each resource and provider means in a container, as long as none is set or overridden.

    Args:
        known: The container's providers by key, those of nested containers under dotted ones.
        aliases: The key that stands for what was redefined, by its id.
    """

    def __init__(self, known: Mapping[str, Any], aliases: Mapping[int, str]) -> None:
        self._made_after = overridings.latest  # Before anything is looked at: what changes meanwhile is seen next.
        self.contents = {key: each for key, each in known.items() if not isinstance(each, providers.Container)}
        self._aliases = aliases
        self._owned = {id(provider): provider for provider in self.contents.values()}
        self._held: dict[int, Held] = {}
        self._asked: list[object] = []  # What `_held` knows by id, kept so that the ids stay theirs.
        self._watched: list[tuple[Any, Any]] = []

    def is_outdated(self) -> bool:
        """Whether a provider was overridden since."""
        if self._made_after is not overridings.latest:
            return True
        watched = self._watched
        return bool(watched) and any(provider.last_overriding is not was for provider, was in watched)

    @property
    def watches(self) -> bool:
        """Whether it has to look for itself, since the container has providers that do not tell of overrides."""
        return bool(self._watched)

    def owns(self, provider: object) -> bool:
        """Whether *provider* is one of this container's, or of its classes'."""
        return id(provider) in self._owned or id(provider) in self._aliases

    def hold(self, thing: Any) -> Held:
        """What a resource or provider is in this container."""
        known = self._held.get(id(thing))
        if known is not None:
            return known
        key = self._aliases.get(id(thing)) if id(thing) not in self._owned else None
        held = self._follow(thing if key is None else self.contents.get(key, thing))
        self._held[id(thing)] = held
        self._asked.append(thing)
        return held

    def _follow(self, thing: Any) -> Held:
        """What *thing* is when its overridings are honoured."""
        if is_resource(thing):
            return held_resource(thing)
        standing = thing
        while (overriding := self._overriding(standing)) is not None:
            if self.owns(overriding):  # A nested container was given a key of this one.
                return self.hold(overriding)
            standing = overriding
            self._owned[id(standing)] = standing  # Called, it gives what the key gives.
        if not isinstance(standing, ResourceProvider):
            return _hold_plain(standing)
        is_replacement = standing._is_replacement or standing is not thing
        return _held(standing, scope_of(thing) or scope_of(standing), is_replacement)

    def _overriding(self, provider: Any) -> Any:
        overriding = provider.last_overriding
        if not isinstance(provider, ResourceProvider):  # Ours tell by themselves.
            self._watched.append((provider, overriding))
        return overriding


def _held(provider: ResourceProvider, scope: str | None, is_replacement: bool) -> Held:
    resource = provider._resource
    held = held_resource(resource, scope=scope, is_replacement=is_replacement)
    if type(resource) is Provided:
        return attrs.evolve(held, offers=_hold_plain(raw_values(resource)["made"]).offers)
    return held


def _hold_plain(provider: Any) -> Held:
    """What a provider of dependency-injector's is to the graph."""
    if isinstance(provider, ValueProvider):
        is_replacement = provider._is_replacement
        return Held(provider, "value", provider.provides, offers=provider.stands_for, is_replacement=is_replacement)
    provides = _of_provider(provider, "provides", None)
    cls = split(provides)[0]  # Factory(Box[int])
    is_class = isinstance(cls, type) and cls.__module__ != "unittest.mock"
    makes = isinstance(provider, providers.Factory | providers.BaseSingleton)
    return Held(
        provider,
        "provider",
        provider,
        "app" if isinstance(provider, _CACHING) else None,
        # A configuration's relatives are its options, which need nothing.
        needs=() if isinstance(provider, _CONFIGURATIONS) else tuple(provider.related),
        raw=tuple(_raw_arguments(provider)),
        wraps=provides if isinstance(provider, providers.Object) and is_resource(provides) else None,
        offers=provides if is_class and makes else Any,
        is_missing=isinstance(provider, providers.Dependency) and not provider.is_defined,
        closes=isinstance(provider, _RESOURCE),
        choice=_choice(provider) if isinstance(provider, providers.Selector) else None,
    )


def _choice(selector: Any) -> Choice:
    """How a Selector chooses; where its own callable is a branch too, that is needed whatever it chooses."""
    select = selector.selector
    return Choice(select, {name: each for name, each in selector.providers.items() if each is not select})


def _of_provider(provider: Any, name: str, default: Any) -> Any:
    """An attribute that a provider's class has: a configuration option makes up any other."""
    return getattr(provider, name) if hasattr(type(provider), name) else default


def _raw_arguments(provider: Any) -> Iterator[object]:
    """Resources given to a plain provider directly: nobody would set them up."""
    arguments = [*_of_provider(provider, "args", ()), *dict(_of_provider(provider, "kwargs", {})).values()]
    return (argument for argument in arguments if is_resource(argument))
