"""What a run gives: the live resources, as attributes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from resourcekit.base.errors import RunStateError

__all__ = ("LiveView", "ViewClasses", "doubt", "end", "let_go", "set_class", "view_classes")

set_class: Final = object.__dict__["__class__"].__set__
"""Sets the class of a view, which refuses to be changed."""


if TYPE_CHECKING:

    class Opened(Protocol):
        """The run that a view belongs to."""

        _title: str

        def _not_in_run(self, key: str) -> Exception: ...
        def _over(self) -> RunStateError | None: ...
        def _ask(self, key: str) -> None: ...
        def _forgotten(self, warn: Callable[..., None]) -> None: ...


class LiveView:
    """What a run gives: the live resource of each key as an attribute; iterating gives them in the keys' order."""

    __slots__ = ()

    if TYPE_CHECKING:
        _run: Opened
        _prefix: str  # The keys that lead to a nested container's; without a value in the view of a run.
        _nested: tuple[LiveView, ...]  # The views in it; without a value where there are none.
        _classes: ViewClasses

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise self._run._not_in_run(getattr(self, "_prefix", "") + name)

    def _asdict(self) -> dict[str, Any]:
        """What each key gives, by key, as a namedtuple's method of this name."""
        return {name: getattr(self, name) for name in self._classes.names if name[0] != "_"}

    def __iter__(self) -> Iterator[Any]:
        return iter(self._asdict().values())

    def __setattr__(self, name: str, value: object) -> None:
        raise RunStateError(f"{name!r} cannot be set on a run; use container.override({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise RunStateError(f"{name!r} cannot be deleted from a run")

    def __dir__(self) -> list[str]:
        return [name for name in self._classes.names if name[0] != "_"]

    def __repr__(self) -> str:
        run = getattr(self, "_run", None)  # None while it is filled: a debugger may look at it.
        return f"<live resources of {'a run that opens' if run is None else run._title}: {', '.join(dir(self))}>"

    def __reduce__(self) -> Any:
        raise RunStateError("live resources cannot be pickled; send the container, and open a run where it arrives")


class OpenView(LiveView):
    """What there is while the run is open: one that goes before its end was forgotten, and ends its run."""

    __slots__ = ()

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        self._run._forgotten(warn)


class DoubtedView(OpenView):
    """What there is while the run is open, and an override was entered: each key is asked for, in each context."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name[:1] != "_":
            self._run._ask(getattr(self, "_prefix", "") + name)
        return object.__getattribute__(self, name)


class EndedView(LiveView):
    """What is left when the run has ended."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name[:1] != "_":
            ended = f"this run has ended, {name!r} is no longer to be had from it; open another with run()"
            raise self._run._over() or RunStateError(ended)
        return object.__getattribute__(self, name)


@attrs.frozen(eq=False)
class ViewClasses:
    """The classes of a view, which takes one after another: an object with slots reads as fast as Python can.

    Args:
        names: The slots.
        opening: While it is filled: anything may be set.
        shown: While the run is open.
        doubted: While it is open, and an override was entered meanwhile.
        ended: When it is over.
    """

    names: tuple[str, ...]
    opening: type
    shown: type
    doubted: type
    ended: type


@lru_cache(maxsize=512)
def view_classes(names: tuple[str, ...]) -> ViewClasses:
    """The classes of the views that have these slots: keys, and private ones."""
    slots = ("_run", "_prefix", "_nested", "__weakref__", *names)
    opening: Any = type("OpeningView", (), {"__slots__": slots})
    bases = (OpenView, DoubtedView, EndedView)
    shown, doubted, ended = (type(base.__name__, (base, opening), {"__slots__": ()}) for base in bases)
    opening._classes = classes = ViewClasses(names, opening, shown, doubted, ended)
    return classes


def doubt(view: LiveView) -> None:
    """Ask the run for each key that is read from *view*, which is open: it may be overridden."""
    for nested in getattr(view, "_nested", ()):
        doubt(nested)
    if type(view) is view._classes.shown:
        set_class(view, view._classes.doubted)


def end(view: LiveView) -> None:
    """Nothing is to be had from *view* any more."""
    for nested in getattr(view, "_nested", ()):
        end(nested)
    set_class(view, view._classes.ended)


class _EndedRun:
    """A run that has ended, as far as a view needs it."""

    def __init__(self, title: str) -> None:
        self._title = title

    def _over(self) -> None:
        """It has ended, that is all."""


def let_go(view: LiveView) -> None:
    """Have an ended *view* let go of its run: the report of one that failed has the error, and that the body's frames.

    The body has the view in a variable: together they would be a cycle.
    """
    for nested in getattr(view, "_nested", ()):
        let_go(nested)
    object.__setattr__(view, "_run", _EndedRun(view._run._title))
