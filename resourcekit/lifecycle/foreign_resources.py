"""Resources of dependency-injector's: opened when they are first asked for, shut down when the last user has ended.

A run, or a started app, is a user from its opening to its end of each such provider that its plan needs. Whoever is the
first notes whether it was initialised by then: that was somebody else, who is to shut it down. One that stands on an
app-scoped resource is not here; it is reset with that.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import RLock
from typing import Any, Final

import attrs

__all__ = ("begin_use", "end_use")


@attrs.define(eq=False)
class _Use:
    """Who uses a provider. It is changed with the lock held.

    Args:
        provider: The provider; kept, so that its id stays its own.
        is_ours: Whether it was not initialised when the first user came.
        users: Who uses it; kept, so that in the child of a fork no other takes the place of one of the parent's.
    """

    provider: Any
    is_ours: bool
    users: set[object] = attrs.field(factory=set)


class _Uses:
    """Every provider in use, by id."""

    def __init__(self) -> None:
        self.known: dict[int, _Use] = {}
        self.lock = RLock()  # A collection of garbage may come while it is held, and end a run that was left open.

    def renew(self) -> None:
        """In the child of a fork: another thread may have held the lock. The parent's users stay, and end nothing."""
        self.lock = RLock()


_USES: Final = _Uses()


def begin_use(provider: Any, user: object) -> None:
    """From now on *user* uses *provider*."""
    with _USES.lock:
        use = _USES.known.setdefault(id(provider), _Use(provider, not provider.initialized))
        use.users.add(user)


def end_use(provider: Any, user: object, _outcome: BaseException | None) -> Any:
    """Shut *provider* down if *user* was the last who used it; gives what is to be awaited, if anything is."""
    with _USES.lock:
        # Ctrl-C may have come before its use began.
        use = _USES.known.setdefault(id(provider), _Use(provider, is_ours=False))
        use.users.discard(user)
        if use.users:
            return None
    try:
        # Who comes meanwhile finds a use that is ours: it is not initialised any more once `shutdown` has begun.
        return provider.shutdown() if use.is_ours and provider.initialized else None
    finally:
        with _USES.lock:
            if not use.users:
                _USES.known.pop(id(provider), None)


with suppress(AttributeError):  # Where there is no fork.
    os.register_at_fork(after_in_child=_USES.renew)
