"""What overrides everywhere have opened: app-scoped resources that live as long as those overrides.

The first run that needs such a resource opens it; it is closed when its override has ended, or the app has closed, and
no run uses it any more. Each is a session of its own, so that one may end without the others. The lists change under
``_lock``, while which no hook is called; opening takes turns, as for an app.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any
from weakref import WeakSet

from resourcekit.base.errors import RunStateError, preflight_error
from resourcekit.planning.nodes import Node
from resourcekit.planning.plan import Step
from resourcekit.run.active_overrides import Entry, effective, everywhere
from resourcekit.run.app import App, AppRun
from resourcekit.run.blueprint import Blueprint, preflight
from resourcekit.run.cache_epoch import latest
from resourcekit.run.session import Session

__all__ = ("OverrideScope",)


class _Opened(AppRun):
    """One resource that an override has replaced everywhere, or that needs such a one.

    Args:
        blueprint: Of the run that needed it first.
        asked: The keys of that run.
        step: The resource's.
    """

    def __init__(self, blueprint: Blueprint, asked: tuple[str, ...] | None, step: Step) -> None:
        super().__init__(blueprint, asked)
        self._step = step
        self.runs: WeakSet[Session] = WeakSet()
        """The runs that use it."""

    @property
    def identity(self) -> int:
        """The identity of its declaration."""
        return id(self._step.node.held.identity)

    def _chosen(self, step: Step) -> bool:
        return step.node.index == self._step.node.index


class OverrideScope(App):
    """What overrides everywhere have opened of one container, and of what is derived from it.

    Args:
        origin: What the blueprints of all of them have as their origin.
    """

    def __init__(self, origin: object) -> None:
        super().__init__(None)
        self._origin = origin
        self._lock = threading.RLock()  # A collection of garbage may come while it is held.
        self._opened: list[_Opened] = []  # In order of opening.
        self._due: list[_Opened] = []  # To be closed when no run uses them any more.
        self._inherited_ones: list[_Opened] = []  # In a fork: the parent's.
        self._replaced_since: tuple[object, frozenset[int]] = (None, frozenset())  # With the change it holds since.

    def inherit(self) -> None:
        """In a fork: what is open is the parent's; a run of this process opens its own."""
        super().inherit()
        self._lock = threading.RLock()
        self._inherited_ones += [*self._opened, *self._due]
        self._opened, self._due = [], []
        for session in self._inherited_ones:
            session._inherit()

    # Opening ---------------------------------------------------------------------------------------------------------

    def steps_for(self, run: Session) -> tuple[Step, ...]:
        """The steps of a run that live as long as overrides everywhere do."""
        if not (self.live or everywhere()):
            return ()
        seen = latest()
        if self._replaced_since[0] is not seen:
            self._replaced_since = (seen, self._replaced())
        replaced = self._replaced_since[1]
        plan = run._blueprint.plan(run._asked)
        lasting = {
            step.node.index for step in plan.steps if _identity(step) in replaced or _identity(step) in self.live
        }
        needed = run._blueprint.graph.reach(lasting) if lasting else ()
        return tuple(step for step in plan.steps if step.node.index in needed and step.scope == "app")

    def open(self, run: Session, steps: tuple[Step, ...]) -> None:
        """Open those of *steps* that are not up, and have *run* hold them.

        Raises:
            PlanError | ConfigError | PreflightError: Something in the run is wrong; nothing was opened.
            RunStateError: A hook is async, and an override was not entered by ``async with``.
        """
        missing = self._missing(run, steps, is_async=False)
        for step in missing:
            self._enter(run._blueprint, partial(self._opens, run, step))

    async def aopen(self, run: Session, steps: tuple[Step, ...]) -> None:
        """`open` for an async run."""
        missing = self._missing(run, steps, is_async=True)
        for step in missing:
            await self._aenter(run._blueprint, partial(self._opens, run, step))

    def _missing(self, run: Session, steps: tuple[Step, ...], *, is_async: bool) -> list[Step]:
        with self._lock:
            missing = [step for step in steps if not self._holds(run, step)]
        if missing:
            checked = preflight(
                run._blueprint, run._asked, overlays=run._overlays, environ=os.environ, is_async=is_async
            )
            if checked.problems:
                raise preflight_error(checked.problems)
            for step in missing:
                self._refuse_async(run._blueprint, step)
        return missing

    def _holds(self, run: Session, step: Step) -> bool:
        """Have *run* hold what is up of *step*; gives whether it is up, here or in the started app."""
        for session in (*self._opened, *self._due):
            if session.identity == _identity(step):
                self._held_by(run, session)
                return True
        return run._blueprint.app.find(step.node.held) is not None

    def _held_by(self, run: Session, session: _Opened) -> _Opened:
        session.runs.add(run)
        run._held = (*run._held, session)
        return session

    def _refuse_async(self, blueprint: Blueprint, step: Step) -> None:
        """Refuse async hooks that the end of an override could not call."""
        hook = step.hooks.first_async
        if hook is None:
            return
        graph = blueprint.graph
        needed = graph.reach({step.node.index})
        for entry in self._entries():
            replaced = any(entry.changes.replaces(key) for key, index in graph.keys.items() if index in needed)
            if replaced and not entry.is_async:
                raise RunStateError(
                    f"{type(step.resource).__name__}.{hook.name} is async, and {step.name!r} lives as long as an "
                    "override that was entered by `with`, which cannot await its end: enter the override by "
                    "`async with`, or before the app starts"
                )

    def _opens(self, run: Session, step: Step) -> AppRun | None:
        self._threads = (threading.get_ident(),)
        with self._lock:
            return None if self._holds(run, step) else self._held_by(run, _Opened(run._blueprint, run._asked, step))

    def _is_starting(self, run: Any) -> bool:
        return isinstance(run, _Opened) and run._blueprint.origin is self._origin

    def _started(self, session: AppRun) -> None:
        assert isinstance(session, _Opened), "it opens no others"
        session._leave_context()
        with self._lock:
            self._opened.append(session)
            self.become({**self.live, **session._up})
        left = self._left()
        with self._lock:
            self._retire(left)  # Its override may have ended meanwhile.

    def _withdraw(self, session: AppRun) -> None:
        with self._lock:
            self._opened = [each for each in self._opened if each is not session]
            self._due = [each for each in self._due if each is not session]
            self._show_open()

    # Closing ---------------------------------------------------------------------------------------------------------

    def hold_for(self, run: Session) -> None:
        """Have *run*, an app that has started, hold what is up of its steps."""
        if self.live:
            with self._lock:
                for step in run._blueprint.plan(run._asked).steps:
                    self._holds(run, step)

    def release(self, run: Session) -> list[_Opened]:
        """A run has ended, and holds nothing any more; gives what is to be closed by its caller."""
        with self._lock:
            held, run._held = run._held, ()
            for session in held:
                session.runs.discard(run)
            return self._taken()

    def retire(self, *, everything: bool = False) -> list[_Opened]:
        """An override has ended, or the app closes; gives what is to be closed by the caller, by now.

        Args:
            everything: Whether all of it is to be closed, else what no override has replaced any more.
        """
        left = frozenset() if everything else self._left()
        with self._lock:
            self._retire(left)
            return self._taken()

    def _left(self) -> frozenset[int]:
        """What is to stay open; looked up without the lock, which nobody holds who waits for another."""
        return self._replaced(with_needs=True) if self._opened else frozenset()

    def _retire(self, left: frozenset[int]) -> None:
        self._due += [session for session in self._opened if session.identity not in left]
        self._opened = [session for session in self._opened if session.identity in left]

    def _taken(self) -> list[_Opened]:
        """What is due and used by no run, the last opened first: nobody is given it from now on."""
        taken = [session for session in reversed(self._due) if not session.runs]
        if taken:
            self._due = [session for session in self._due if session.runs]
            self._show_open()
        for session in reversed(taken):
            session._enter_context()  # Its own teardown sees it, what ends first the innermost.
        return taken

    def _show_open(self) -> None:
        self.become({key: each for session in (*self._opened, *self._due) for key, each in session._up.items()})

    # What is replaced ------------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[Entry]:
        return (entry for entry in everywhere() if entry.container._assembly.origin is self._origin)

    def _replaced(self, *, with_needs: bool = False) -> frozenset[int]:
        """The identities of the app-scoped resources that overrides everywhere have replaced, and of those above.

        Args:
            with_needs: And those of the app-scoped ones that they need.
        """
        found: set[int] = set()
        for container in dict.fromkeys(entry.container for entry in self._entries()):
            own = container._assembly.blueprint().graph
            graph = effective(container, is_here=False)._assembly.blueprint().graph
            new = {node.index for node in graph.nodes if _lasts(node) and id(node.held.identity) not in own.by_identity}
            chosen = graph.reach(new) if with_needs else new
            nodes = (graph.nodes[index] for index in chosen)
            found |= {id(node.held.identity) for node in nodes if _lasts(node)}
        return frozenset(found)


def _lasts(node: Node) -> bool:
    return node.is_resource and node.scope == "app"


def _identity(step: Step) -> int:
    return id(step.node.held.identity)
