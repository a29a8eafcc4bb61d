"""The containers that overrides have made of one: kept, so that entering an override again costs little."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

from dependency_injector import providers

from resourcekit.providers import ResourceProvider, overridings
from resourcekit.values import is_resource

__all__ = ("Compositions", "Copies")

_KEPT: Final = 64
"""How many are kept of each container; beyond that they live as long as somebody has them."""


class Compositions:
    """What changes have made of one container, by their identity.

    A composition holds what it was made of, so that an identity that is known here stays its own.
    """

    def __init__(self) -> None:
        self.version = object()
        self._known: WeakValueDictionary[object, Any] = WeakValueDictionary()
        self._kept: deque[Any] = deque(maxlen=_KEPT)

    def clear(self) -> None:
        """Forget all: the container has changed."""
        self.version = object()
        self._known = WeakValueDictionary()
        self._kept = deque(maxlen=_KEPT)

    def find(self, identity: object) -> Any:
        """The container made by changes of this identity, None where there is none that can be used."""
        found = self._known.get(identity)
        return found if found is not None and _is_usable(found._assembly) else None

    def keep(self, identity: object, container: Any) -> Any:
        """Keep *container*; gives the one that is kept already, where two threads have made one at the same time."""
        known = self._known.setdefault(identity, container)
        if known is not container and not _is_usable(known._assembly):
            self._known[identity] = known = container
        if known is container:
            self._kept.append(container)
        return known


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
