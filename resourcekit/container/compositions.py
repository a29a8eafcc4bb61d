"""The containers that overrides have made of one: kept, so that entering an override again costs little."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

from dependency_injector import providers

from resourcekit.container.providers import ResourceProvider, overridings
from resourcekit.declarations.values import is_resource
from resourcekit.run.active_overrides import Changes, Overrides, composing

__all__ = ("Compositions", "Copies")

_KEPT: Final = 64
"""How many are kept of each container; beyond that they live as long as somebody has them."""


class Compositions:
    """What changes have made of one container, by their identity.

    A composition holds what it was made of, so that an identity that is known here stays its own. What is known changes
    under the lock of the overrides in force: two contexts never take one composition for what is not the same.
    """

    def __init__(self) -> None:
        self.version = object()
        self._known: WeakValueDictionary[object, Any] = WeakValueDictionary()
        self._alike: WeakValueDictionary[object, Any] = WeakValueDictionary()
        self._kept: deque[Any] = deque(maxlen=_KEPT)

    def clear(self) -> None:
        """Forget all: the container has changed."""
        self.version = object()
        self._known = WeakValueDictionary()
        self._alike = WeakValueDictionary()
        self._kept = deque(maxlen=_KEPT)

    def find(self, changes: Changes, seen: Overrides | None) -> Any:
        """Return the container that *changes* have made, or others that replace the same by the like; None for none.

        Args:
            changes: The changes.
            seen: Who is going to see it in the place of another; None for nobody.
        """
        with composing():
            found = self._known.get(changes.identity)
            if found is not None:
                found = found if _is_usable(found._assembly) else None
            else:
                found = self._alike.get(changes.likeness)
                if found is None or not _is_free(found._assembly):
                    return None
                if seen is not None:  # From now on it is made by these, as well as by those.
                    self._known.pop(found._assembly.layers[-1].identity, None)
                    found._assembly.becomes(changes)
                    self._known[changes.identity] = found
            if found is not None and seen is not None:
                found._assembly.seen_in.add(seen)
            return found

    def keep(self, changes: Changes, container: Any, seen: Overrides | None) -> Any:
        """Keep *container*; gives the one that is kept already, where two threads have made one at the same time."""
        with composing():
            known = self._known.setdefault(changes.identity, container)
            if known is not container and not _is_usable(known._assembly):
                self._known[changes.identity] = known = container
            if known is container:
                self._kept.append(container)
                self._alike[changes.likeness] = container
            if seen is not None:
                known._assembly.seen_in.add(seen)
        return known


def _is_free(assembly: Any) -> bool:
    """Whether a composition can be had for oneself."""
    return not assembly.seen_in and not assembly.is_started and _is_usable(assembly)


def _is_usable(assembly: Any) -> bool:
    """Whether a composition is as good as a new one; what its caching providers have kept is forgotten by then."""
    if assembly.is_outdated:
        return False
    return bool(assembly.seen_in) or assembly.copies.renew()


class Copies:
    """The providers that were copied to make a composition, and what overrode them then.

    Args:
        version: The version of the container they were copied from.
        originals: The resources and providers that were copied.
        memo: The copies by the id of the original.
    """

    def __init__(self, version: object, originals: Iterable[Any], memo: Mapping[int, Any]) -> None:
        self.version = version
        self.is_altered = False  # Whether a key of the composition itself was set since.
        self._checked_after = overridings.latest
        those = [each for each in originals if not is_resource(each)]
        self._originals = [(each, each.last_overriding) for each in those]
        self._silent = [pair for pair in self._originals if not isinstance(pair[0], ResourceProvider)]
        copies = [memo[id(each)] for each in those if id(each) in memo]
        self._copies = [(copy, copy.last_overriding) for copy in copies]
        self._caching = [copy for copy in copies if isinstance(copy, providers.BaseSingleton)]

    @property
    def are_watched(self) -> bool:
        """Whether there are providers among them that do not tell of being overridden."""
        return bool(self._silent)

    @property
    def are_outdated(self) -> bool:
        """Whether one of the originals was overridden since, or is no longer."""
        if self._checked_after is overridings.latest:
            return bool(self._silent) and _differ(self._silent)
        latest = overridings.latest
        if _differ(self._originals):
            return True
        self._checked_after = latest
        return False

    def renew(self) -> bool:
        """Make the copies as they were made at first, while nobody uses them; gives whether that can be done."""
        for provider in self._caching:
            provider.reset()
        return not self.is_altered and not _differ(self._copies)


def _differ(overridings: Iterable[tuple[Any, Any]]) -> bool:
    return any(provider.last_overriding is not was for provider, was in overridings)
