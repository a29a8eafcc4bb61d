"""The app scope: resources that live as long as a container is entered."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from time import perf_counter
from typing import Final
from weakref import WeakSet, WeakValueDictionary

from resourcekit.base.errors import RunStateError
from resourcekit.lifecycle.drivers import Observer
from resourcekit.lifecycle.forks import in_child, inherited_error
from resourcekit.lifecycle.loops import owning_loop
from resourcekit.lifecycle.machine import LiveResource, Scope
from resourcekit.lifecycle.watch import StartWatch
from resourcekit.planning.nodes import Held
from resourcekit.planning.plan import Step
from resourcekit.run import active_overrides
from resourcekit.run.active_overrides import standing_for_origin
from resourcekit.run.blueprint import AppScope, Blueprint, Preflight
from resourcekit.run.cache_epoch import changed, forked
from resourcekit.run.current import at_end, current_run, runs_here
from resourcekit.run.ending import end_all_async, end_all_sync
from resourcekit.run.session import Session, check_flag

__all__ = ("App", "AppRun", "open_runs", "runs_of")

_PAUSE: Final = 0.01  # seconds between two looks of a task that waits for another thread or loop


class AppRun(Session):
    """One start of a container's app scope."""

    _is_compiled = False  # It starts once: the machine will do.

    def _chosen(self, step: Step) -> bool:
        return step.scope == "app"

    @contextmanager
    def _setting_up(self, scope: Scope, checked: Preflight) -> Iterator[Observer | None]:
        """Within the time the whole start may take, and watched for taking long."""
        settings = self._blueprint.settings
        if settings.start_timeout is not None:
            scope.deadline = perf_counter() + settings.start_timeout
        if settings.slow_start is None or not checked.steps:
            yield self._observe
            return
        with StartWatch(self._title, settings.slow_start, checked.plan, checked.steps, self._observe) as watch:
            yield watch.observe

    def _opening_view(self) -> None:
        """Nobody gets a view of it: runs have theirs."""

    def _show(self) -> None:
        """There is none."""

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        if self._outcome == "open" and not self._is_inherited:
            self._warn_left_open(warn)
            changed()  # Nobody is given any more what it gave.

    def __repr__(self) -> str:
        return f"<container {self._title}: {self._outcome}>"


class App(AppScope):
    """The app scope of a container: started once whoever enters, visible in every thread.

    Who enters while another starts or stops it waits for that one, in any thread or event loop.

    Args:
        parent: As for `AppScope`.
        is_everywhere: Whether it is of a container that every context may see: none has overridden it for itself.
    """

    def __init__(self, parent: AppScope | None = None, *, is_everywhere: bool = True) -> None:
        super().__init__(parent)
        self._is_everywhere = is_everywhere
        self.session: AppRun | None = None
        self._entered = 0
        self._turn = threading.Lock()  # Held while it starts or stops.
        self._threads: Container[int] = ()  # Where it starts or stops: who waits there for that would hang.
        self._inherited: AppRun | None = None  # In a fork: what the parent has started.
        self._theirs: Mapping[int, LiveResource] = {}
        _APPS.add(self)

    def inherit(self) -> None:
        """In a fork: what the parent has started stays the parent's, and who started it there is not here."""
        self._turn = threading.Lock()
        self._threads, self._entered = (), 0
        if self.session is not None:
            self._inherited, self._theirs, self.session = self.session, self.live, None
            self._inherited._inherit()
        self.become({})

    def find(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, None when it is not up.

        Raises:
            RunStateError: It is up in the process that this one was forked from.
        """
        if id(held.identity) in self._theirs:
            assert self._inherited is not None, "it was theirs"
            raise inherited_error(self._inherited._title)
        return super().find(held)

    def enter(self, blueprint: Blueprint, is_concurrent: bool | None = None) -> None:
        """Start the app-scoped resources, or join those who have.

        Args:
            blueprint: The container's.
            is_concurrent: Whether concurrently; None: as the container's settings say.

        Raises:
            RunStateError: Waiting for the one who starts it would never end.
        """
        self._enter(blueprint, partial(self._begins, blueprint, is_concurrent))

    def _enter(self, blueprint: Blueprint, begins: Callable[[], AppRun | None]) -> None:
        """Open the session that *begins* gives in its turn, if it gives one."""
        turn: list[bool] = []
        try:
            while not self._takes_turn(turn, blueprint, _PAUSE):
                if threading.get_ident() in self._threads:
                    raise RunStateError(
                        f"{blueprint.name} is being started or stopped by another task of this thread, which cannot go "
                        "on while this one waits: use `async with`"
                    )
            session = begins()
            try:
                if session is not None:
                    session._open()
                    self._started(session)
                self._entered += 1
            except BaseException as error:  # Ctrl-C may come when all is up.
                if session is not None and session.is_open:
                    self._gives_up(session)
                    session._close(error)
                raise
        finally:
            try:
                self._give_turn(turn)
            finally:  # Ctrl-C may come on the way in.
                self._give_turn(turn)

    async def aenter(self, blueprint: Blueprint, is_concurrent: bool | None = None) -> None:
        """`enter` for async resources."""
        await self._aenter(blueprint, partial(self._begins, blueprint, is_concurrent))

    async def _aenter(self, blueprint: Blueprint, begins: Callable[[], AppRun | None]) -> None:
        turn: list[bool] = []
        try:
            while not self._takes_turn(turn, blueprint):
                from anyio import sleep  # No primitive of one loop is safe to wake from another's thread.

                await sleep(_PAUSE)
            session = begins()
            try:
                if session is not None:
                    session._owner = owning_loop()
                    await session._aopen()
                    self._started(session)
                self._entered += 1
            except BaseException as error:
                if session is not None and session.is_open:
                    self._gives_up(session)
                    await session._aclose(error)
                raise
        finally:
            try:
                self._give_turn(turn)
            finally:  # Ctrl-C may come on the way in.
                self._give_turn(turn)

    def leave(self, error: BaseException | None) -> None:
        """Tear the app-scoped resources down when the last one leaves.

        Raises:
            RunStateError: It was entered in the process that this one was forked from.
        """
        if self._is_theirs(error):
            return
        turn: list[bool] = []
        try:
            self._waits_for_turn(turn)
            session, interrupt = self._ends()
            if session is not None:
                end_all_sync(self._ending(session), interrupt if error is None else error)
            if interrupt is not None:
                raise interrupt
        finally:
            try:
                self._give_turn(turn)
            finally:  # Ctrl-C may come on the way in.
                self._give_turn(turn)

    async def aleave(self, error: BaseException | None) -> None:
        """`leave` for async resources."""
        if self._is_theirs(error):
            return
        turn: list[bool] = []
        try:
            self._waits_for_turn(turn)
            session, interrupt = self._ends()
            if session is not None:
                await end_all_async(self._ending(session), interrupt if error is None else error)
            if interrupt is not None:
                raise interrupt
        finally:
            try:
                self._give_turn(turn)
            finally:  # Ctrl-C may come on the way in.
                self._give_turn(turn)

    def _is_theirs(self, error: BaseException | None) -> bool:
        if self.session is not None or self._inherited is None:
            return False
        if error is None:
            raise inherited_error(self._inherited._title)
        return True  # The child goes on with its own error, sys.exit() for one.

    def _takes_turn(self, turn: list[bool], blueprint: Blueprint, patience: float = 0.0) -> bool:
        if any(self._is_starting(run) for run in runs_here()):
            raise RunStateError(
                f"a hook of {blueprint.name} enters {blueprint.name} itself while it starts or stops; "
                "give the hook's resource a field for what it needs"
            )
        self._waits_for_turn(turn, patience)
        return turn[-1]

    def _is_starting(self, run: Session) -> bool:
        """Whether *run* is a start of this."""
        return isinstance(run, AppRun) and run._blueprint.app is self

    def _waits_for_turn(self, turn: list[bool], patience: float = -1.0) -> None:
        """Note in *turn* that the lock is held, with nothing in between where Ctrl-C may come."""
        turn.extend(map(self._turn.acquire, (True,), (patience,)))

    def _give_turn(self, turn: list[bool]) -> None:
        if not any(turn):
            return
        self._threads = ()
        with suppress(RuntimeError):  # In the child of a hook's fork it is another one, that nobody holds.
            self._turn.release()
        turn.clear()

    def _begins(self, blueprint: Blueprint, is_concurrent: bool | None) -> AppRun | None:
        if is_concurrent is not None:
            check_flag("start(concurrent=...)", is_concurrent)
        self._threads = (threading.get_ident(),)
        if self._entered:
            return None
        self._theirs = {}
        session = AppRun(blueprint, None)
        session._is_concurrent = blueprint.settings.concurrent if is_concurrent is None else is_concurrent
        return session

    def _started(self, session: AppRun) -> None:
        session._leave_context()  # Only its own start saw it as the current run.
        self.session = session
        _STARTED[id(session)] = session
        self.become(session._up, () if session._scope is None else session._scope.used)
        assert self.lasting is not None, "every container's app has one"
        self.lasting.hold_for(session)

    def _ends(self) -> tuple[AppRun | None, BaseException | None]:
        """What is to be torn down, where the last one leaves; and a Ctrl-C that came meanwhile."""
        session, left, interrupt = self.session, self._entered - 1, None
        assert session is not None, "who leaves has entered"
        try:
            self._leaves(session, left)
        except BaseException as raised:
            interrupt = raised
            self._leaves(session, left)
        return None if left else session, interrupt

    def _leaves(self, session: AppRun, left: int) -> None:
        owner = session._owner
        self._threads = (threading.get_ident(), threading.get_ident() if owner is None else owner.thread)
        self._entered = left
        if not left:
            self._gives_up(session)

    def _ending(self, session: AppRun) -> Sequence[Session]:
        """What ends with *session*, in order: what overrides everywhere have opened on top of it; and before it."""
        assert self.lasting is not None, "every container's app has one"
        above = self.lasting.retire(everything=True) if self._is_everywhere else ()
        return (*above, session, *self.lasting.release(session))

    def _gives_up(self, session: AppRun) -> None:
        """Nobody is given any more what is about to go: from here on only its own teardown sees it."""
        self._withdraw(session)
        if all(run is not session for run in runs_here()):
            session._enter_context()

    def _withdraw(self, session: AppRun) -> None:
        """What *session* has up is up no longer."""
        self.session = None
        _STARTED.pop(id(session), None)
        self.become({})


# Weak: what is left open and forgotten is collected, and warns.
_APPS: Final[WeakSet[App]] = WeakSet()
_STARTED: Final[WeakValueDictionary[int, AppRun]] = WeakValueDictionary()


def open_runs() -> Iterator[Session]:
    """The runs that are open here, the innermost first, then the started apps, the latest first."""
    yield from runs_here()
    for session in reversed(list(_STARTED.values())):
        yield _seen_here(session)


def runs_of(blueprint: Blueprint) -> Iterator[Session]:
    """The runs of one container that are open here, the innermost first, then its started app as *blueprint* has it."""
    yield from (run for run in runs_here() if run._blueprint.origin is blueprint.origin)
    if any(session._blueprint.origin is blueprint.origin for session in _STARTED.values()):
        yield AppRun(blueprint, None)


def _seen_here(session: Session) -> Session:
    """A started app as this context sees it: where it is overridden, without what was replaced."""
    standing = standing_for_origin(session._blueprint.origin)
    return session if standing is None else AppRun(standing._assembly.blueprint(), None)


def _forked() -> None:
    """In the child of a fork: what is open here is the parent's."""
    forked()
    active_overrides.forked()
    run = current_run()
    while run is not None:
        run._inherit()
        run = run._previous
    for app in list(_APPS):
        app.inherit()


def _interpreter_ends() -> None:
    """Name what is still open."""
    sessions = (*runs_here(), *_STARTED.values())
    for session in [each for each in sessions if each.is_open]:  # In the child of a fork the parent's is not.
        session._warn_left_open(warnings.warn)


in_child(_forked)
at_end(_interpreter_ends)
