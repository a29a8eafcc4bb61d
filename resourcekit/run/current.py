"""Which run is the current one of a context: the innermost that is open there."""

from __future__ import annotations

import atexit
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType, ref

if TYPE_CHECKING:  # It loads with a container, which may never run.
    from resourcekit.lifecycle.report import Outcome

__all__ = ("CURRENT", "Current", "at_end", "current_run", "runs_here")

# Weak: a run that is left open and forgotten is collected, and warns.
CURRENT: Final[ContextVar[ReferenceType[Current] | None]] = ContextVar("resourcekit_run", default=None)


_AT_END: Final[list[Callable[[], object]]] = []


def at_end(function: Callable[[], object]) -> None:
    """Have *function* called when the interpreter ends, after what users have registered for that."""
    _AT_END.append(function)


@atexit.register  # Here, which is imported before there is any container: who registers its `close` goes first.
def _ends() -> None:
    for function in _AT_END:
        function()


def current_run() -> Any:
    """The innermost session of this context, open or ended; None where there is none, or it is forgotten."""
    reference = CURRENT.get()
    return None if reference is None else reference()


def _make_current(run: Current | None) -> None:
    CURRENT.set(None if run is None else ref(run))


class Current:
    """What can be the current run of a context."""

    _outcome: Outcome = "not opened"
    _previous: Current | None = None
    _innermost: Current | None = None
    _is_doubted = False
    """Whether an override was entered where it was open: who asks for a key may ask for what is overridden there."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether its resources are, or are being, set up, in this process."""

    def _enter_context(self) -> None:
        """Make this the current run of the context."""
        if CURRENT.get() is None:
            CURRENT.set(ref(self))
            return
        outer = list(runs_here())
        for run, before in zip([self, *outer], [*outer, None], strict=True):
            run._previous = before  # Ended runs are left out: a chain of them would grow for ever.
        _make_current(self)

    def _leave_context(self) -> None:
        """Give the context back the run it had before, unless another has come after: that one stays.

        A run that ends in another context than it began in, a fixture or a notebook cell, stays in the one it
        began in; look-ups pass it over.
        """
        reference = CURRENT.get()
        if reference is not None and reference() is self:
            _make_current(self._previous)

    def _suspend(self) -> None:
        """Leave the context, with the runs opened inside this one, while the generator that opened it rests."""
        self._innermost = current_run()
        _make_current(self._previous)

    def _resume(self) -> None:
        """Enter the context, which may be another, as `suspend` left it."""
        self._previous = current_run()
        _make_current(self._innermost)
        self._innermost = None


def runs_here() -> Iterator[Any]:
    """The sessions that are open in this context, the innermost first."""
    run = current_run()
    while run is not None:
        if run.is_open:
            yield run
        run = run._previous
