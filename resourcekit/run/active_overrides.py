"""The overrides in force, and which container stands for another in a context; it loads with a container.

An entry is one override that was entered. A context sees the entries it has entered itself and those that are in force
everywhere, laid on a container in one order of entering for the whole process. A thread or task changes the entries of
its own context only; those everywhere change under a lock. What is laid on is composed by the container, and known here
for as long as the context sees the same entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property
from itertools import count
from threading import RLock
from typing import Any, Final
from weakref import ReferenceType, WeakKeyDictionary

import attrs

from resourcekit.declarations.record import raw_values, record_of
from resourcekit.declarations.values import SCALARS, is_resource
from resourcekit.run.cache_epoch import changed, override_begins
from resourcekit.run.current import CURRENT, runs_here

__all__ = (
    "Changes",
    "Entry",
    "Overrides",
    "begin",
    "composing",
    "effective",
    "end",
    "entries_since",
    "everywhere",
    "forked",
    "in_force",
    "standing_for_origin",
)


@attrs.frozen(eq=False, slots=False)
class Changes:
    """What an override replaces.

    Args:
        replacements: What it was given, by key.
        is_everywhere: Whether every thread sees it.
        may_add: Whether keys that are not in the container are added to it.
    """

    replacements: Mapping[str, object]
    is_everywhere: bool = False
    may_add: bool = False

    @cached_property
    def identity(self) -> object:
        """The same for the same objects under the same keys, as long as they live."""
        return (self.is_everywhere, self.may_add, *((key, id(each)) for key, each in self.replacements.items()))

    @cached_property
    def likeness(self) -> object:
        """The same for changes that give every run the same: by the same objects, or ones declared anew in one place.

        What a declaration has besides its fields does not count: a run has nothing of it.
        """
        found: list[object] = [self.is_everywhere, self.may_add]
        places: dict[int, int] = {}
        for key, each in self.replacements.items():
            same = places.setdefault(id(each), len(places))  # Under two keys, one object is one thing.
            if is_resource(each):
                record = record_of(each)
                like = ((name, _like(value)) for name, value in raw_values(each).items())
                found.append((key, same, type(each), record.place, record.given, *like))
            else:
                found.append((key, same, id(each)))
        return tuple(found)

    def replaces(self, key: str) -> bool:
        """Whether *key*, or the nested container it is in, is replaced."""
        return any(_is_at(key, mine) for mine in self.replacements)

    def within(self, key: str) -> Changes:
        """Return the same changes for a container that has this one nested under *key*."""
        return attrs.evolve(self, replacements={f"{key}.{inner}": each for inner, each in self.replacements.items()})

    def touches(self, other: Changes) -> bool:
        """Whether both replace the same key, or one a key in a nested container that the other replaces."""
        return any(_is_at(one, two) or _is_at(two, one) for one in self.replacements for two in other.replacements)

    def less(self, others: Sequence[Changes]) -> Changes:
        """What is left of it where *others* replace the same keys after it."""
        shadowing = [key for other in others for key in other.replacements]
        left = {
            key: each for key, each in self.replacements.items() if not any(_is_at(key, shadow) for shadow in shadowing)
        }
        return self if len(left) == len(self.replacements) else attrs.evolve(self, replacements=left)


def _like(value: object) -> object:
    """Equal for scalars of the same type and value; else for the same object only."""
    return (type(value), value) if type(value) in SCALARS else id(value)


def _is_at(key: str, other: str) -> bool:
    """Whether *key* is *other*, or in the nested container under it."""
    return key == other or key.startswith(f"{other}.")


@attrs.frozen(eq=False)
class Entry:
    """What one override that was entered lays on one container, until it is left.

    Args:
        owner: The override.
        entering: The same for all that the override lays on at one entering.
        container: The container it was made for, or one that was given that container for a nested one.
        changes: What it replaces.
        place: Its place in the process's order of entering.
        is_async: Whether it was entered by ``async with``.
        runs: The runs of the container that were open in the context when it was entered.
        before: What the context saw before.
    """

    owner: object
    entering: object
    container: Any
    changes: Changes
    place: int
    is_async: bool
    runs: tuple[ReferenceType[Any], ...]
    before: Overrides | None


class Overrides:
    """Some entries, in order of entering, and the containers that stand for others as long as they are seen."""

    __slots__ = ("__weakref__", "entries", "plain_runs", "standing", "untouched")

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self.standing: dict[Any, tuple[Overrides, Any]] = {}
        self.plain_runs: dict[tuple[Any, tuple[str, ...]], tuple[object, Callable[[], Any]]] = {}
        """What makes the runs of a container that others stand for, by the keys, and the latest change then."""
        self.untouched: WeakKeyDictionary[Any, Overrides] | None = None  # The containers that nothing is laid on.

    def without(self, entry: Entry) -> Overrides | None:
        """The others; None where there are none."""
        left = tuple(each for each in self.entries if each is not entry)
        if entry.before is not None and entry.before.entries == left:
            return entry.before  # It knows already what stands for what.
        return Overrides(left) if left else None


class _Process:
    """The entries that every context sees: replaced as a whole, under the lock."""

    def __init__(self) -> None:
        self.everywhere = Overrides(())
        self.lock = RLock()  # A collection of garbage may come while it is held.


_HERE: Final[ContextVar[Overrides | None]] = ContextVar("resourcekit_overrides", default=None)
"""The entries that this context has entered."""

_PROCESS: Final = _Process()
_PLACES: Final = count()


def forked() -> None:
    """In the child of a fork: a thread of the parent's may have held the lock, and is not here to release it."""
    _PROCESS.lock = RLock()


def composing() -> RLock:
    """The lock under which it is decided which container stands for which."""
    return _PROCESS.lock


def begin(owner: object, laid: Iterable[tuple[Any, Changes]], *, is_async: bool) -> None:
    """Enter an override in this context: *laid* are containers, with what is laid on each."""
    entering = object()
    for container, changes in laid:
        _begin_on(owner, entering, container, changes, is_async=is_async)


def _begin_on(owner: object, entering: object, container: Any, changes: Changes, *, is_async: bool) -> None:
    before = _HERE.get()
    runs = () if CURRENT.get() is None else tuple(_doubted(container._assembly.origin))
    entry = Entry(owner, entering, container, changes, next(_PLACES), is_async, runs, before)
    override_begins(entry)
    if changes.is_everywhere:
        with _PROCESS.lock:
            _PROCESS.everywhere = Overrides((*_PROCESS.everywhere.entries, entry))
        changed()
    _HERE.set(Overrides((*_still_on(before), entry)))


def _doubted(origin: object) -> Iterator[ReferenceType[Any]]:
    """The runs of a container that are open here; from now on they look whether what they are asked is overridden."""
    for run in runs_here():
        if run._blueprint.origin is origin:
            run._doubt()
            yield ReferenceType(run)


def end(owner: object) -> Sequence[Entry]:
    """Take out what an override has laid on at its latest entering, and return that.

    It is taken out of this context and, where it is in force everywhere, of the process. Where this context has not
    entered the override, only what is in force everywhere is found.
    """
    here = _HERE.get()
    found = () if here is None else _latest(here, owner)
    for entry in reversed(found):
        here = None if here is None else here.without(entry)
    if found:
        _HERE.set(here)
    if not found or found[0].changes.is_everywhere:
        with _PROCESS.lock:
            found = found or _latest(_PROCESS.everywhere, owner)
            found = tuple(entry for entry in found if entry in _PROCESS.everywhere.entries)
            left = tuple(entry for entry in _PROCESS.everywhere.entries if entry not in found)
            _PROCESS.everywhere = Overrides(left)
        changed()
    return found


def _latest(overrides: Overrides, owner: object) -> tuple[Entry, ...]:
    """The entries of the latest entering of an override, in order."""
    last = next((entry.entering for entry in reversed(overrides.entries) if entry.owner is owner), None)
    return tuple(entry for entry in overrides.entries if entry.entering is last)


def everywhere() -> tuple[Entry, ...]:
    """The entries that are in force everywhere, in order."""
    return _PROCESS.everywhere.entries


def _still_on(here: Overrides | None) -> Iterator[Entry]:
    """The entries that this context has entered, but for those everywhere that another has left."""
    for entry in () if here is None else here.entries:
        if not entry.changes.is_everywhere or entry in everywhere():
            yield entry


def entries_since(run: object) -> Iterator[Entry]:
    """The entries of this context that were entered while *run* was open in it."""
    return (entry for entry in _still_on(_HERE.get()) if any(reference() is run for reference in entry.runs))


def in_force() -> Overrides | None:
    """The entries that this context sees and may have entered itself; None where there are none at all."""
    here = _HERE.get()
    return here if here is not None or not _PROCESS.everywhere.entries else _PROCESS.everywhere


def effective(container: Any, *, is_here: bool = True) -> Any:
    """The container that stands for *container*: with all entries laid on that this context sees.

    Args:
        container: The container.
        is_here: Whether the context's own count; else only those everywhere do.
    """
    here = _HERE.get() if is_here else None
    if here is None and not _PROCESS.everywhere.entries:
        return container
    ours = _PROCESS.everywhere
    seen = ours if here is None else here
    known = seen.standing.get(container)
    if known is not None and known[0] is ours and not known[1]._assembly.is_outdated:
        return known[1]
    if seen.untouched is not None and seen.untouched.get(container) is ours:
        return container
    return _composed(container, here, ours, seen)


def _composed(container: Any, here: Overrides | None, ours: Overrides, seen: Overrides) -> Any:
    laid = _laid_on(container, here, ours)
    if not laid:
        if seen.untouched is None:
            seen.untouched = WeakKeyDictionary()
        seen.untouched[container] = ours
        return container
    found = container
    for changes in _in_order(laid):
        found = found._laid(changes, seen)
    seen.standing[container] = (ours, found)
    return found


def standing_for_origin(origin: object) -> Any:
    """The container that stands here for the one that *origin* is of; None where nothing of it is overridden."""
    here = _HERE.get()
    entries = everywhere() if here is None else (*here.entries, *everywhere())
    for entry in entries:
        if entry.container._assembly is origin:
            return effective(entry.container)
    for entry in reversed(entries):  # Of what an override gave, which is not in force itself.
        if entry.container._assembly.origin is origin:
            return effective(entry.container)
    return None


def _laid_on(container: Any, here: Overrides | None, ours: Overrides) -> list[Changes]:
    """What is laid on *container*, in order of entering.

    An entry of a container that is derived from it counts where all is laid on that made the difference: an override
    of what another gave, inside that other.
    """
    mine = container._assembly
    own = () if here is None else (entry for entry in here.entries if not entry.changes.is_everywhere)
    found: dict[Entry, None] = {}
    for entry in sorted((*own, *ours.entries), key=lambda entry: entry.place):
        its = entry.container._assembly
        if its is mine or (its.origin is mine.origin and _is_covered(its.layers, mine.layers, found)):
            found[entry] = None
    return [entry.changes for entry in found]


def _is_covered(layers: Sequence[Changes], mine: Sequence[Changes], entries: Iterable[Entry]) -> bool:
    """Whether *layers* are *mine*, and besides only what *entries* lay on."""
    those = [each.identity for each in layers]
    first = [each.identity for each in mine]
    laid = {entry.changes.identity for entry in entries}
    return those[: len(first)] == first and laid.issuperset(those[len(first) :])


def _in_order(laid: Sequence[Changes]) -> Sequence[Changes]:
    """The order to lay changes on: the later wins; those everywhere come first wherever that makes no difference.

    So what they start is the same whatever a context has overridden besides.
    """
    if len(laid) < 2 or len({each.is_everywhere for each in laid}) < 2:
        return laid
    first: list[Changes] = []
    then: list[Changes] = []
    for place, each in enumerate(laid):
        if not each.is_everywhere:
            left = each.less([later for later in laid[place + 1 :] if later.is_everywhere])
            then += [left] if left.replacements else []
        elif any(each.touches(other) for other in then):
            then.append(each)
        else:
            first.append(each)
    return [*first, *then]
