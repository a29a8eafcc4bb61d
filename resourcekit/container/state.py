"""What a container instance is made of, and how one is made from a class or from another instance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, WeakSet

import attrs
from dependency_injector import containers, providers

from resourcekit.base.errors import DefinitionError, UnknownKeyError
from resourcekit.base.settings import ContainerSettings
from resourcekit.container.compositions import Compositions, Copies
from resourcekit.container.providers import (
    ResourceProvider,
    as_provider,
    as_replacement,
    copy_all,
    direct_children,
    postorder,
)
from resourcekit.declarations.construction import relinked
from resourcekit.declarations.deferred import ref
from resourcekit.declarations.record import record_of
from resourcekit.declarations.values import is_resource
from resourcekit.run.active_overrides import Changes
from resourcekit.run.cache_epoch import changed

if TYPE_CHECKING:  # What only a run needs is loaded with the first blueprint.
    from resourcekit.config.overlay import Overlay
    from resourcekit.container.plan_adapter import Bindings
    from resourcekit.lifecycle.report import Listener
    from resourcekit.run.app import App
    from resourcekit.run.container_runs import ContainerBlueprint

__all__ = (
    "Assembly",
    "Recipe",
    "alias_all",
    "derived_providers",
    "flat",
    "given_containers",
    "instance_providers",
    "keys_of",
    "native",
    "note_takers",
)

Recipe = tuple[tuple[str, Any], ...]
"""The steps that make an instance: what a pickle holds of it."""


@attrs.define(eq=False, repr=False, slots=False)
class Assembly:
    """What a container instance is made of.

    Args:
        name: The container class's name.
        providers: The instance's providers by key: dependency-injector's own dictionary.
        aliases: The key that stands for a provider or resource which was redefined, by its id.
        kept: What `aliases` knows by id, kept so that the ids stay theirs.
        overlays: The container's overlays.
        listeners: Who hears of events.
        base: The assembly that an override derived it from.
        layers: What was laid on its origin to make it, in order.
        recipe: How to make it again.
        shared: The container instances that were given for nested ones, which stay the giver's.
        settings: The keywords of its class.
    """

    name: str
    providers: dict[str, Any]
    aliases: dict[int, str] = attrs.field(factory=dict)
    kept: list[object] = attrs.field(factory=list)
    overlays: tuple[Overlay, ...] = ()
    listeners: list[Listener] = attrs.field(factory=list)
    base: Assembly | None = None
    layers: tuple[Changes, ...] = ()
    recipe: Recipe = attrs.field(default=(), repr=False)
    shared: tuple[Any, ...] = ()
    settings: ContainerSettings = ContainerSettings()
    made: tuple[Bindings, ContainerBlueprint] | None = None
    composed: Compositions = attrs.field(factory=Compositions)
    copies: Copies | None = None
    takers: WeakKeyDictionary[Any, str] = attrs.field(factory=WeakKeyDictionary)
    """The containers that were given this one for a nested one, and the key it has there."""
    seen_in: WeakSet[Any] = attrs.field(factory=WeakSet)
    """Who sees the container as what stands for another."""

    @property
    def origin(self) -> Assembly:
        """The assembly that overrides started from; itself where there are none."""
        return self if self.base is None else self.base.origin

    @property
    def app(self) -> App:
        """The app scope, made when it is first asked for."""
        known: App | None = self.__dict__.get("_app")
        return known or self._new_app()

    def _new_app(self) -> App:
        from resourcekit.run.app import App
        from resourcekit.run.override_scope import OverrideScope

        if self.base is None:
            app = App()
            app.lasting = OverrideScope(self)
        else:
            app = App(self.base.app, is_everywhere=all(each.is_everywhere for each in self.layers))
        made: App = self.__dict__.setdefault("_app", app)
        return made  # The first one's, where several threads ask first.

    def retire(self) -> Sequence[Any]:
        """An override everywhere has ended; gives the sessions that its end is to end."""
        app: App | None = self.origin.__dict__.get("_app")
        return () if app is None or app.lasting is None else app.lasting.retire()

    def laid_with(self, container: Any, changes: Changes) -> Iterator[tuple[Any, Changes]]:
        """Yield what an override of *container*, which this is of, lays on it, and on those that have it nested."""
        yield container, changes
        for taker, key in list(self.takers.items()):
            yield from taker._assembly.laid_with(taker, changes.within(key))

    def alias(self, thing: object, key: str) -> None:
        """From now on *thing* means *key*."""
        self.aliases[id(thing)] = key
        self.kept.append(thing)

    def former(self) -> dict[str, list[Any]]:
        """The resources that were declared under each key before what it has now, the latest first."""
        known = flat(keys_of(self.providers))
        told = {
            (key, record_of(each._resource).location)
            for key, each in known.items()
            if isinstance(each, ResourceProvider)
        }
        found: dict[str, list[Any]] = {}
        for thing in reversed(self.kept):
            entry = (self.aliases[id(thing)], record_of(thing).location if is_resource(thing) else None)
            if is_resource(thing) and entry not in told:  # A class's, and its copies in instances, are one.
                told.add(entry)
                found.setdefault(entry[0], []).append(thing)
        return found

    def portable_recipe(self) -> Recipe:
        """The recipe with keys in the place of this container's providers, which have no life outside it."""
        keys = {id(thing): self.aliases[id(thing)] for thing in self.kept if not is_resource(thing)}
        keys |= {id(provider): key for key, provider in self.providers.items()}
        memo: dict[int, Any] = {}
        return tuple((step, _portable(content, keys, memo)) for step, content in self.recipe)

    def changed(self) -> None:
        """A provider was set or deleted: what was made before is made anew."""
        self.made = None
        self.composed.clear()
        if self.copies is not None:
            self.copies.is_altered = True
        changed()

    @property
    def is_outdated(self) -> bool:
        """Whether what an override derived it from has changed since."""
        return self.base is not None and (
            self.copies is None
            or self.base.composed.version is not self.copies.version
            or self.copies.are_outdated
            or self.base.is_outdated
        )

    def blueprint(self) -> ContainerBlueprint:
        """What a run is opened from; made again when a provider was overridden or set."""
        made = self.made
        if made is None or made[0].is_outdated():
            made = self.made = self._make()
        return made[1]

    @property
    def is_watched(self) -> bool:
        """Whether the blueprint holds only until the next look at the container's providers."""
        return self.made is None or self.made[0].watches or self._has_watched_copies

    @property
    def is_started(self) -> bool:
        """Whether its app scope is."""
        app: App | None = self.__dict__.get("_app")
        return app is not None and app.session is not None

    def becomes(self, changes: Changes) -> None:
        """From now on it is what *changes* make of its base: like those that have made it."""
        self.composed.clear()
        self.layers = (*self.layers[:-1], changes)

    @property
    def _has_watched_copies(self) -> bool:
        return self.base is not None and (
            self.copies is None or self.copies.are_watched or self.base._has_watched_copies
        )

    def _make(self) -> tuple[Bindings, ContainerBlueprint]:
        from resourcekit.container.plan_adapter import Bindings
        from resourcekit.planning.nodes import build_graph
        from resourcekit.run.container_runs import ContainerBlueprint

        bindings = Bindings(flat(keys_of(self.providers)), self.aliases)
        blueprint = ContainerBlueprint(
            self.name,
            build_graph(bindings.contents, bindings.hold),
            bindings.hold,
            owns=bindings.owns,
            origin=self.origin,
            overlays=self.overlays,
            listeners=self.listeners,
            app=self.app,
            settings=self.settings,
        )
        return bindings, blueprint


def _portable(content: Any, keys: Mapping[int, str], memo: dict[int, Any]) -> Any:
    """A part of a recipe, its resources with `ref` in the place of each provider that has a key."""
    if isinstance(content, dict):
        return {key: _portable(each, keys, memo) for key, each in content.items()}
    if isinstance(content, tuple):
        return tuple(_portable(each, keys, memo) for each in content)
    if not is_resource(content):
        return content
    for thing in postorder([content], lambda thing: direct_children(thing) if is_resource(thing) else ()):
        if id(thing) in keys:
            memo[id(thing)] = ref(keys[id(thing)])
        elif is_resource(thing) and id(thing) not in memo:
            memo[id(thing)] = relinked(thing, lambda leaf: memo.get(id(leaf), leaf))
    return memo[id(content)]


def native(changes: Mapping[str, Any], standing: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Replacements without the providers of what stands for a container now: it may be another one when they count.

    Args:
        changes: The replacements.
        standing: The providers of what stands for the container.
        own: The container's own.
    """
    known, theirs = flat(keys_of(own)), flat(keys_of(standing))
    keys = {id(each): key for key, each in theirs.items() if key in known and each is not known[key]}
    found = {}
    for key, content in changes.items():
        if id(content) in keys:
            content = known[keys[id(content)]]
        elif is_resource(content) and record_of(content).linked:
            needed = postorder([content], lambda thing: direct_children(thing) if is_resource(thing) else ())
            content = _portable(content, keys, {}) if any(id(each) in keys for each in needed) else content
        found[key] = content
    return found


def keys_of(known: Mapping[str, Any]) -> dict[str, Any]:
    """The providers that are keys: dependency-injector keeps the container itself among them, once it was wired."""
    return {key: provider for key, provider in known.items() if not isinstance(provider, providers.Self)}


def flat(known: Mapping[str, Any]) -> dict[str, Any]:
    """The providers in *known*, and after each nested container those in it, under dotted keys."""
    found: dict[str, Any] = {}
    for key, provider in known.items():
        found[key] = provider
        if isinstance(provider, providers.Container):
            inner = flat(keys_of(cast("Any", provider).providers))  # the stub tells of no container's attributes
            found |= {f"{key}.{name}": nested for name, nested in inner.items()}
    return found


def _replacements(
    name: str, known: Mapping[str, Any], changes: Mapping[str, object], is_override: bool
) -> dict[str, Any]:
    for key in changes:
        if key not in known:
            raise UnknownKeyError(key, name, known)
    changes = {key: as_nested(known[key], content) for key, content in changes.items()}
    if is_override:
        found = {key: as_replacement(key, content, known[key], name) for key, content in changes.items()}
    else:
        found = {key: as_provider(key, content, name, is_key=True) for key, content in changes.items()}
    for key, provider in found.items():
        check_nested(f"{name}.{key}", known[key], provider)
    return found


def check_replacements(name: str, changes: Collection[str]) -> None:
    """Refuse to replace a nested container, and a key in it, at once: nobody could tell which of both counts.

    Args:
        name: The container's name, for messages.
        changes: The keys to replace.

    Raises:
        DefinitionError: Two of them are so.
    """
    for key in changes:
        parts = key.split(".")
        outer = next(
            (each for each in (".".join(parts[:end]) for end in range(1, len(parts))) if each in changes), None
        )
        if outer is not None:
            raise DefinitionError(
                f"{name}: {outer!r} is replaced as a whole, and {key!r} within it: give the container that replaces "
                f"{outer!r} its {key.removeprefix(f'{outer}.')!r}"
            )


def given_containers(changes: Mapping[str, object]) -> tuple[Any, ...]:
    """The container instances among what is given for keys."""
    return tuple(content for content in changes.values() if _is_instance(content))


def note_takers(taker: Any, changes: Mapping[str, object]) -> None:
    """Note that *taker* was given container instances of ours, so that an override of one reaches it."""
    for key, content in changes.items():
        assembly = getattr(content, "_assembly", None) if _is_instance(content) else None
        if assembly is not None:
            assembly.takers[taker] = key


def _is_instance(content: object) -> bool:
    return containers.is_container(content) and not isinstance(content, type)


def _as_they_are(shared: Iterable[Any]) -> dict[int, Any]:
    """A memo of `copy_all` by which nothing in these containers is copied."""
    memo: dict[int, Any] = {}
    for container in shared:
        memo[id(container)] = container
        memo |= {id(thing): thing for thing in postorder(container.providers.values(), direct_children)}
    return memo


def as_nested(former: object, content: Any) -> Any:
    """*content*, and a container that is to take a nested one's place in its provider."""
    if isinstance(former, providers.Container) and _is_instance(content):
        return providers.Container(content.declarative_parent, container=content)
    return content


def check_nested(where: str, former: object, provider: object) -> None:
    """Refuse to put anything but a nested container in the place of one: its keys would go on as they are.

    Raises:
        DefinitionError: *provider* is anything else.
    """
    if isinstance(former, providers.Container) and not isinstance(provider, providers.Container):
        raise DefinitionError(
            f"{where} is a nested container, only providers.Container(...) can take its place; or replace its keys one "
            "by one, as in override(**{'storage.db': ...})"
        )


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
    known = flat(keys_of(known))
    winners = {**known, **flat(_replacements(assembly.name, known, changes, is_override=False))}
    for key in changes:
        alias_all(assembly, known[key], key)
    memo |= _as_they_are(assembly.shared)
    copied = _copied(assembly, winners, memo)
    for key, provider in copied.items():
        if any(key.startswith(f"{change}.") for change in changes):
            assembly.alias(provider, key)  # It was in a nested container that was replaced.
    return _own(copied)


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
    known = flat(keys_of(base.providers))
    replaced_by = _replacements(assembly.name, known, changes, is_override=True)
    winners = {**known, **flat(replaced_by), **replaced_by}  # A nested container brings its own keys along.
    assembly.aliases.update(base.aliases)
    assembly.kept.extend(base.kept)
    first = {id(provider): key for key, provider in reversed(known.items())}
    for key, provider in known.items():
        if first[id(provider)] == key and (key in changes or not is_shared):
            alias_all(assembly, provider, key)
    assembly.shared = (*base.shared, *given_containers(changes))
    memo = _as_they_are(given_containers(changes) if is_shared else assembly.shared)
    if is_shared:
        replaced = {id(thing) for key in changes for thing in (known[key], getattr(known[key], "_resource", None))}
        memo |= {id(thing): thing for thing in _unaffected(known.values(), replaced)}
    shared = frozenset(memo)
    copied = _copied(assembly, winners, memo, copies_resources=not is_shared)
    for key, provider in known.items():
        if copied[key] is not provider:
            assembly.alias(provider, key)
    if is_shared:
        originals = [each for each in postorder(known.values(), direct_children) if id(each) not in shared]
        assembly.copies = Copies(base.composed.version, originals, memo)
    return _own(copied)


def _own(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without the dotted ones, which are a nested container's."""
    return {key: provider for key, provider in found.items() if "." not in key}


def _unaffected(roots: Iterable[Any], replaced: set[int]) -> Iterable[Any]:
    """What does not reach a replaced provider or resource."""
    affected = set(replaced)
    for thing in postorder(roots, direct_children):
        if id(thing) in affected or any(id(child) in affected for child in direct_children(thing)):
            affected.add(id(thing))
        else:
            yield thing


def alias_all(assembly: Assembly, provider: Any, key: str) -> None:
    """From now on *provider*, and what it holds, means *key*, unless it was another key's first."""
    for name, each in flat({key: provider}).items():
        for thing in (each, each._resource) if isinstance(each, ResourceProvider) else (each,):
            if id(thing) not in assembly.aliases:
                assembly.alias(thing, name)


def _copied(
    assembly: Assembly, winners: Mapping[str, Any], memo: dict[int, Any], *, copies_resources: bool = True
) -> dict[str, Any]:
    keys = assembly.aliases
    standing = {
        id(provider._resource)
        for key, provider in winners.items()
        if isinstance(provider, ResourceProvider) and keys.get(id(provider), key) == key
    }

    def winner(thing: Any) -> Any:
        key = None if id(thing) in standing else keys.get(id(thing))
        return thing if key is None else winners.get(key, thing)

    copy_all(winners.values(), memo, winner, winners, copies_resources=copies_resources)
    return {key: memo[id(provider)] for key, provider in winners.items()}
