"""What a run may leave open, and who looks for it."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

import attrs

from resourcekit.base.errors import Location, ResourceKitError, kind_in_words
from resourcekit.planning.plan import Step

__all__ = ("Leak", "LeakError", "Openings", "leak_of", "warned")

_DESCRIPTORS: Final = "/proc/self/fd"  # Where there is none, descriptors are not looked at.
_POOLED: Final = ("Trio thread", "AnyIO worker thread", "asyncio_")  # threads that wait for more work, and end


@attrs.frozen
class Leak:
    """One thing that a run has left open, or closed wrongly.

    Args:
        what: What, in words.
        key: Whose it is: a resource's key or path; None where that cannot be told.
        declared: Where that resource is declared.

    >>> print(Leak("'database' (Database) is still open", "database", Location("shop.py", 21)))
    'database' (Database) is still open, declared at shop.py:21
    """

    what: str
    key: str | None = None
    declared: Location | None = None

    def __str__(self) -> str:
        return self.what if self.declared is None else f"{self.what}, declared at {self.declared}"


class LeakError(ResourceKitError, AssertionError):
    """Something stayed open, or was closed wrongly, in a run that was made to fail.

    Args:
        when: What was made to fail, in words.
        leaks: What went wrong.

    >>> print(LeakError("when the body fails", [Leak("a thread 'poller' still runs")]))
    when the body fails:
      a thread 'poller' still runs
    """

    def __init__(self, when: str, leaks: Sequence[Leak]) -> None:
        super().__init__(when, tuple(leaks))
        self.when = when
        self.leaks = tuple(leaks)

    def __str__(self) -> str:
        return "\n".join([f"{self.when}:", *(f"  {leak}" for leak in self.leaks)])


def leak_of(step: Step, what: str) -> Leak:
    """A leak of one resource."""
    return Leak(f"{step.name!r} ({type(step.resource).__name__}) {what}", step.name, step.node.held.location)


class Openings:
    """What is open in this process, compared with what was open before; and which hook has opened it.

    Args:
        handles: Functions of the user's that give what is open.
    """

    def __init__(self, handles: Iterable[Callable[[], Iterable[Any]]]) -> None:
        self._handles = tuple(handles)
        self._before = self._seen()
        self._openers: dict[Hashable, Step] = {}

    def _seen(self) -> Mapping[Hashable, str]:
        found: dict[Hashable, str] = {**_descriptors(), **_threads()}
        for function in self._handles:
            name = getattr(function, "__qualname__", type(function).__name__)
            for handle in function():
                is_hashable = type(handle).__hash__ is not None
                found[name, handle if is_hashable else id(handle)] = (
                    f"{kind_in_words(handle)} of {name}() is still open"
                )
        return found

    @contextmanager
    def opened_by(self, step: Step) -> Iterator[None]:
        """What is opened in here is the resource's."""
        before = self._seen()
        try:
            yield
        finally:
            self._openers.update(dict.fromkeys(self._seen().keys() - before.keys(), step))

    def leaks(self, grace: float) -> Iterator[Leak]:
        """What is open now and was not before.

        Args:
            grace: How long threads are waited for, in seconds.
        """
        until = monotonic() + grace
        for thread in threading.enumerate():
            if _key(thread) not in self._before and not _is_pooled(thread) and thread is not threading.current_thread():
                thread.join(max(0.0, until - monotonic()))
        for key, what in self._seen().items():
            if key not in self._before:
                step = self._openers.get(key)
                yield (
                    Leak(what)
                    if step is None
                    else Leak(f"{what}, opened by {step.name!r}", step.name, step.node.held.location)
                )


def _descriptors() -> dict[Hashable, str]:
    found: dict[Hashable, str] = {}
    with suppress(OSError):
        for name in os.listdir(_DESCRIPTORS):
            with suppress(OSError):  # That of the listing itself.
                target = os.readlink(f"{_DESCRIPTORS}/{name}")
                kind = target.partition(":")[0] if ":[" in target else f"file {target}"
                found[name, target] = f"descriptor {name} ({kind}) is still open"
    return found


def _key(thread: threading.Thread) -> Hashable:
    return "thread", id(thread)


def _is_pooled(thread: threading.Thread) -> bool:
    return thread.name.startswith(_POOLED)


def _threads() -> dict[Hashable, str]:
    threads = (thread for thread in threading.enumerate() if not _is_pooled(thread))
    return {_key(thread): f"thread {thread.name!r} still runs" for thread in threads}


@contextmanager
def warned(leaks: list[Leak]) -> Iterator[None]:
    """Add to *leaks* each ResourceWarning, also of what is only collected here; other warnings go on."""
    gc.collect()  # What was left before is not this run's.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    ours = Counter(str(each.message) for each in caught if issubclass(each.category, ResourceWarning))
    leaks += [
        Leak(f"ResourceWarning: {text}" + (f" ({count} times)" if count > 1 else "")) for text, count in ours.items()
    ]
    for each in caught:
        if not issubclass(each.category, ResourceWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno, source=each.source)
