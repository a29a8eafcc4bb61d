"""What a container instance is made of, and how one is made from a class or from another instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from dependency_injector import providers

from resourcekit.config.overlay import Overlay
from resourcekit.construction import raw_values
from resourcekit.errors import UnknownKeyError
from resourcekit.graph import Held, build_graph, held_resource
from resourcekit.lifecycle.report import Listener
from resourcekit.providers import (
    Provided,
    ResourceProvider,
    as_provider,
    as_replacement,
    copy_all,
    direct_children,
    hold_provider,
    overridings,
    postorder,
    scope_of,
)
from resourcekit.run import App, Blueprint
from resourcekit.values import is_resource

__all__ = ("Assembly", "Recipe", "derived_providers", "instance_providers")

Recipe = tuple[tuple[str, Any], ...]
"""The steps that make an instance: what a pickle holds of it."""


@attrs.define(eq=False)
class Assembly:
    """What a container instance is made of.

    Args:
        name: The container class's name.
        providers: The instance's providers by key: dependency-injector's own dictionary.
        aliases: The key that stands for a provider or resource which was redefined, by its id.
        kept: What `aliases` knows by id, kept so that the ids stay theirs.
        overlays: The container's overlays.
        listeners: Who hears of events.
        app: The app scope.
        origin: The assembly that overrides started from; itself for any other.
        recipe: How to make it again.
    """

    name: str
    providers: dict[str, Any]
    aliases: dict[int, str] = attrs.field(factory=dict)
    kept: list[object] = attrs.field(factory=list)
    overlays: tuple[Overlay, ...] = ()
    listeners: list[Listener] = attrs.field(factory=list)
    app: App = attrs.field(factory=App)
    origin: Assembly | None = None
    recipe: Recipe = ()
    _blueprint: Blueprint | None = None
    _made_at: int = -1
    _contents: Mapping[str, Any] = attrs.field(factory=dict)
    _held: dict[int, tuple[object, Held]] = attrs.field(factory=dict)
    _watched: list[tuple[Any, Any]] = attrs.field(factory=list)
    _owned: set[int] = attrs.field(factory=set)

    def alias(self, thing: object, key: str) -> None:
        """From now on *thing* means *key*."""
        self.aliases[id(thing)] = key
        self.kept.append(thing)

    def changed(self) -> None:
        """A provider was set or deleted: what was made before is made anew."""
        self._blueprint = None

    def contents(self) -> dict[str, Any]:
        """The provider of each key, a nested container's keys dotted."""
        found = {}
        for key, provider in self.providers.items():
            if isinstance(provider, providers.Container):
                for inner, nested in _contents_of(provider.container).items():
                    found[f"{key}.{inner}"] = nested
            elif not isinstance(provider, providers.Self):
                found[key] = provider
        return found

    def blueprint(self) -> Blueprint:
        """What a run is opened from; made again when a provider was overridden or set."""
        if self._blueprint is None or self._made_at != overridings.count or self._is_overridden():
            self._held.clear()
            self._watched.clear()
            self._contents = self.contents()
            self._owned = {id(provider) for provider in self._contents.values()}
            self._made_at = overridings.count
            self._blueprint = Blueprint(
                self.name,
                build_graph(self._contents, self.hold),
                self.hold,
                owns=self.owns,
                origin=self.origin or self,
                overlays=self.overlays,
                listeners=self.listeners,
                app=self.app,
            )
        return self._blueprint

    def _is_overridden(self) -> bool:
        return any(provider.last_overriding is not was for provider, was in self._watched)

    def owns(self, provider: object) -> bool:
        """Whether *provider* is one of this container's, or of its classes'."""
        return id(provider) in self._owned or id(provider) in self.aliases

    def hold(self, thing: Any) -> Held:
        """What a resource or provider is in this container."""
        known = self._held.get(id(thing))
        if known is not None:
            return known[1]
        key = self.aliases.get(id(thing)) if id(thing) not in self._owned else None
        held = self._follow(thing if key is None else self._contents.get(key, thing))
        self._held[id(thing)] = (thing, held)
        return held

    def _follow(self, thing: Any) -> Held:
        """What *thing* is when its overridings are honoured."""
        if is_resource(thing):
            return held_resource(thing)
        standing = thing
        self._watch(standing)
        while standing.last_overriding is not None:
            standing = standing.last_overriding
            if self.owns(standing):  # A nested container was given a key of this one.
                return self.hold(standing)
            self._watch(standing)
            self._owned.add(id(standing))  # Called, it gives what the key gives.
        if not isinstance(standing, ResourceProvider):
            return hold_provider(standing)
        is_replacement = standing._is_replacement or standing is not thing
        return _held(standing, scope_of(thing) or scope_of(standing), is_replacement)

    def _watch(self, provider: Any) -> None:
        if not isinstance(provider, ResourceProvider):  # Ours tell by themselves.
            self._watched.append((provider, provider.last_overriding))


def _held(provider: ResourceProvider, scope: str | None, is_replacement: bool) -> Held:
    resource = provider._resource
    held = held_resource(resource, scope=scope, is_replacement=is_replacement)
    if isinstance(resource, Provided):
        return attrs.evolve(held, offers=hold_provider(raw_values(resource)["made"]).offers)
    return held


def _contents_of(container: Any) -> dict[str, Any]:
    assembly = getattr(container, "_assembly", None)
    if assembly is not None:
        found: dict[str, Any] = assembly.contents()
        return found
    return {key: each for key, each in container.providers.items() if not isinstance(each, providers.Self)}


def _replacements(
    name: str, known: Mapping[str, Any], changes: Mapping[str, object], is_override: bool
) -> dict[str, Any]:
    for key in changes:
        if key not in known:
            raise UnknownKeyError(key, name, known)
    if is_override:
        return {key: as_replacement(key, content, known[key], name) for key, content in changes.items()}
    return {key: as_provider(key, content, name, is_key=True) for key, content in changes.items()}


def instance_providers(
    assembly: Assembly, known: Mapping[str, Any], changes: Mapping[str, object], memo: dict[int, Any]
) -> dict[str, Any]:
    """The providers of a new instance of a class.

    Args:
        assembly: The new instance's; its aliases know what the classes ever had under each key.
        known: The class's providers.
        changes: Keys to replace at once.
        memo: For deepcopy.

    Raises:
        UnknownKeyError: A key to replace is not there.
    """
    winners = {**known, **_replacements(assembly.name, known, changes, is_override=False)}
    for key in changes:
        _alias_all(assembly, known[key], key)
    return _copied(assembly, winners, memo)


def derived_providers(
    assembly: Assembly, base: Assembly, changes: Mapping[str, object], *, is_shared: bool
) -> dict[str, Any]:
    """The providers of an instance derived from another.

    Args:
        assembly: The new instance's.
        base: The other's.
        changes: Keys to replace.
        is_shared: Whether providers that do not reach a replaced key are shared with *base*, not copied.

    Raises:
        UnknownKeyError: A key to replace is not there.
    """
    own = {key: each for key, each in base.providers.items() if not isinstance(each, providers.Self)}
    known = {**own, **base.contents()}
    winners = {**known, **_replacements(assembly.name, known, changes, is_override=True)}
    assembly.aliases.update(base.aliases)
    assembly.kept.extend(base.kept)
    for key, provider in known.items():
        if key in changes or not is_shared:
            _alias_all(assembly, provider, key)
    memo: dict[int, Any] = {}
    if is_shared:
        replaced = {id(thing) for key in changes for thing in (known[key], getattr(known[key], "_resource", None))}
        memo = {id(thing): thing for thing in _unaffected(known.values(), replaced)}
    copied = _copied(assembly, winners, memo)
    for key, provider in own.items():
        if copied[key] is not provider:
            assembly.alias(provider, key)
    return {key: copied[key] for key in own}


def _unaffected(roots: Iterable[Any], replaced: set[int]) -> Iterable[Any]:
    """What does not reach a replaced provider or resource."""
    affected = set(replaced)
    for thing in postorder(roots, direct_children):
        if id(thing) in affected or any(id(child) in affected for child in direct_children(thing)):
            affected.add(id(thing))
        else:
            yield thing


def _alias_all(assembly: Assembly, provider: Any, key: str) -> None:
    assembly.alias(provider, key)
    if isinstance(provider, ResourceProvider):
        assembly.alias(provider._resource, key)


def _copied(assembly: Assembly, winners: Mapping[str, Any], memo: dict[int, Any]) -> dict[str, Any]:
    standing = {id(provider) for provider in winners.values()}
    standing |= {id(each._resource) for each in winners.values() if isinstance(each, ResourceProvider)}

    def winner(thing: Any) -> Any:
        key = assembly.aliases.get(id(thing)) if id(thing) not in standing else None
        return thing if key is None else winners.get(key, thing)

    copy_all(winners.values(), memo, winner)
    return {key: memo[id(provider)] for key, provider in winners.items()}
