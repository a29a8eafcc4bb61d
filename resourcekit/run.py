"""The scope manager: resolves config, sets up, gives the live resources, tears down."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, Generic, TypeVar, cast, overload
from uuid import uuid4

import attrs

from resourcekit.config.overlay import Overlay
from resourcekit.config.resolution import resolve
from resourcekit.context import RunContext
from resourcekit.deferred import ref
from resourcekit.errors import (
    NotInRunError,
    Problem,
    RunStateError,
    TeardownError,
    UnknownKeyError,
    preflight_error,
)
from resourcekit.graph import Graph, Held, build_graph, held_resource
from resourcekit.lifecycle.drivers import drive, drive_async
from resourcekit.lifecycle.machine import LiveResource, Scope, set_up, tear_down
from resourcekit.lifecycle.outcome import surfacing
from resourcekit.lifecycle.report import Listener, RunEvent, RunReport, observer, tell
from resourcekit.placement import place
from resourcekit.plan import Plan, Step, make_plan
from resourcekit.resource import ConfigurableResource, ConfigurableResourceFactory
from resourcekit.values import is_resource

__all__ = ("App", "Blueprint", "LiveView", "OpenResource", "Run", "open_resource", "open_runs", "preflight")

C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R", bound=ConfigurableResource)
T = TypeVar("T")

_CURRENT: Final[ContextVar[Session | None]] = ContextVar("resourcekit_run", default=None)


@attrs.define(eq=False)
class Blueprint:
    """What a run is opened from: the graph of a container, its overlays, its app scope.

    Args:
        name: The container's name, for messages.
        graph: Its graph.
        hold: Says what a resource or provider is in this container.
        owns: Whether a provider is one of its keys'.
        origin: The container it was made for, whatever was overridden since.
        overlays: Its own overlays, the strongest last.
        listeners: Who hears of events.
        app: Its app scope.
    """

    name: str
    graph: Graph
    hold: Callable[[object], Held]
    owns: Callable[[object], bool] = lambda provider: False
    origin: object = None
    overlays: tuple[Overlay, ...] = ()
    listeners: list[Listener] = attrs.field(factory=list)
    app: App = attrs.field(factory=lambda: App())
    _plans: dict[tuple[str, ...] | None, Plan] = attrs.field(factory=dict, init=False)

    def plan(self, keys: tuple[str, ...] | None) -> Plan:
        """The plan for *keys*, None for all of them; made once.

        Raises:
            UnknownKeyError: A key is not in the container.
        """
        found = self._plans.get(keys)
        if found is None:
            for key in keys or ():
                if key not in self.graph.keys:
                    raise UnknownKeyError(str(key), self.name, self.graph.keys)
            found = self._plans[keys] = make_plan(self.graph, self.name, keys)
        return found

    def held(self, leaf: object) -> Held:
        """What a leaf of a field value is: a resource, a provider, a reference to a key."""
        if isinstance(leaf, ref):
            return self.graph.nodes[self.graph.keys[leaf.key]].held
        return self.hold(leaf)


@attrs.frozen(eq=False)
class Preflight:
    """What is known before the first hook: the plan, the steps to do, their live resources, every problem."""

    plan: Plan
    steps: tuple[Step, ...]
    drafts: Mapping[int, Any]
    problems: tuple[Problem, ...]


def preflight(
    blueprint: Blueprint,
    keys: tuple[str, ...] | None,
    *,
    overlays: Sequence[Overlay] = (),
    environ: Mapping[str, str] | None,
    is_async: bool,
    chosen: Callable[[Step], bool] = lambda step: True,
) -> Preflight:
    """Check plan and config of a run, and make its resources; no hook is called.

    Args:
        blueprint: The container's.
        keys: What is asked for; None means all.
        overlays: The run's own.
        environ: The environment; None leaves config unread.
        is_async: Whether async hooks are fine.
        chosen: Which steps are to be done, of those that are not up in the app scope.
    """
    plan = blueprint.plan(keys)
    steps = tuple(step for step in plan.steps if blueprint.app.find(step.node.held) is None)
    problems = list(plan.problems)
    if not is_async:
        problems += plan.sync_problems([step for step in steps if chosen(step)])
    placed, found = place(blueprint.graph, (*blueprint.overlays, *overlays))
    problems += found
    problems += _app_overlays(blueprint, overlays)
    drafts = {}
    for step in steps if environ is not None else ():
        resource, found = resolve(step.resource, step.name, placed.get(step.node.index, {}), environ or {}, step.path)
        drafts[id(step.node.held.identity)] = resource
        problems += found
    return Preflight(plan, tuple(step for step in steps if chosen(step)), drafts, tuple(problems))


def _app_overlays(blueprint: Blueprint, overlays: Sequence[Overlay]) -> Iterator[Problem]:
    """A run cannot configure what the app has started."""
    placed, _ = place(blueprint.graph, overlays) if overlays else ({}, [])
    for index, fields in placed.items():
        node = blueprint.graph.nodes[index]
        if blueprint.app.find(node.held) is not None:
            yield node.problem(
                "app-overlay",
                f"it is app-scoped and started, its {', '.join(fields)} cannot be set for one run",
                hint="lay it over the container, container.with_config(...), and start that",
            )


class Session:
    """What runs and started apps share: prepare, open, look up, close."""

    def __init__(
        self,
        blueprint: Blueprint,
        keys: tuple[str, ...] | None,
        *,
        overlays: tuple[Overlay, ...] = (),
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        is_timed: bool = False,
    ) -> None:
        self.blueprint = blueprint
        self.keys = tuple(blueprint.graph.keys) if keys is None else keys
        self._asked = keys
        self.overlays = overlays
        self.tags = dict(tags or {})
        self.run_id = run_id or uuid4().hex[:12]
        self.report = RunReport(self.run_id, blueprint.name)
        self.previous: Session | None = None
        self._is_timed = is_timed
        self._state = "new"
        self._scope: Scope | None = None
        self._token: Token[Session | None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether its resources are, or are being, set up."""
        return self._scope is not None

    def live(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, here or in the app scope; None when it is not up."""
        found = self._scope.live.get(id(held.identity)) if self._scope is not None else None
        return found or self.blueprint.app.find(held)

    def exposed(self, key: str) -> tuple[bool, Any]:
        """Whether *key* is to be had here, and what its users receive."""
        index = self.blueprint.graph.keys.get(key)
        if index is None:
            return False, None
        held = self.blueprint.graph.nodes[index].held
        if held.kind != "resource":
            return True, held.content
        found = self.live(held)
        return found is not None, None if found is None else found.exposed

    def _chosen(self, step: Step) -> bool:
        return True

    def _prepare(self, is_async: bool) -> tuple[Scope, tuple[Step, ...]]:
        """Everything that may be wrong before the first hook is.

        Raises:
            PlanError | ConfigError | PreflightError: It is.
        """
        if self._state != "new":
            raise RunStateError("a run is opened once; call run() again for another")
        checked = preflight(self.blueprint, self._asked, overlays=self.overlays, environ=os.environ, is_async=is_async,
                            chosen=self._chosen)  # fmt: skip
        if checked.problems:
            raise preflight_error(checked.problems)
        self._scope = Scope(is_async, checked.drafts, self._find, self._context)
        self._state = "open"
        self.enter_context()
        self._tell("opened")
        return self._scope, checked.steps

    def _find(self, leaf: object) -> tuple[bool, Any]:
        held = self.blueprint.held(leaf)
        if held.kind == "provider":
            return True, held.content
        if held.kind == "value":
            return False, held.content
        found = self.live(held)
        assert found is not None, "the plan sets up what is needed first"
        return False, found.exposed

    def _context(self, step: Step) -> RunContext:
        return RunContext(step.name, step.path, self.run_id, self.tags, step.scope)

    @property
    def _observe(self) -> Any:
        if not self._is_timed and not self.blueprint.listeners:
            return None
        return observer(self.report, self.blueprint.listeners)

    def enter_context(self) -> None:
        """Make this the current run of the context."""
        self.previous = _CURRENT.get()
        self._token = _CURRENT.set(self)

    def leave_context(self) -> None:
        """Give the context back the run it had before."""
        if self._token is None:
            return
        try:
            _CURRENT.reset(self._token)
        except ValueError:  # It is left in another context than it was entered in: a fixture, a notebook cell.
            if _CURRENT.get() is self:
                _CURRENT.set(self.previous)
        self._token = None

    def _tell(self, status: str) -> None:
        if self.blueprint.listeners:
            tell(self.blueprint.listeners, RunEvent(self.run_id, self.blueprint.name, status))

    def _opened(self, error: BaseException | None) -> bool:
        """Note what is up; False when setting up has failed and must be undone."""
        assert self._scope is not None
        self.report.order = [found.step.name for found in self._scope.live.values()]
        return error is None

    def _closed(self, error: BaseException | None, errors: Sequence[BaseException], is_up: bool = True) -> None:
        """End the session, and raise what surfaces unless it is *error* on its way already."""
        self._scope = None
        self._state = "closed"
        self.leave_context()
        report = self.report
        report.error = error
        ordinary = [each for each in errors if isinstance(each, Exception)]
        report.teardown_errors = TeardownError(ordinary) if ordinary else None
        if error is not None:
            report.outcome = "failed" if is_up else "setup failed"
        else:
            report.outcome = "teardown failed" if errors else "success"
        self._tell(report.outcome)
        final = surfacing(error, errors)
        if final is not None and (final is not error or not is_up):
            raise final

    def _open(self) -> None:
        scope, steps = self._prepare(is_async=False)
        error = drive(set_up(scope, steps), self._observe)
        if not self._opened(error):
            self._closed(error, drive(tear_down(scope, error), self._observe), is_up=False)

    async def _aopen(self) -> None:
        scope, steps = self._prepare(is_async=True)
        error = await drive_async(set_up(scope, steps), self._observe)
        if not self._opened(error):
            errors = await drive_async(tear_down(scope, error), self._observe, is_shielded=True)
            self._closed(error, errors, is_up=False)

    def _close(self, error: BaseException | None) -> None:
        scope = self._leaving()
        self._closed(error, drive(tear_down(scope, error), self._observe))

    async def _aclose(self, error: BaseException | None) -> None:
        scope = self._leaving()
        is_shielded = error is not None
        self._closed(error, await drive_async(tear_down(scope, error), self._observe, is_shielded=is_shielded))

    def _leaving(self) -> Scope:
        if self._scope is None:
            raise RunStateError("this run is not open: it was never opened, or has ended")
        return self._scope

    def __del__(self) -> None:
        if getattr(self, "_scope", None) is not None:
            warnings.warn(
                f"run {self.run_id} of {self.blueprint.name} was left open; use `with`, or call close()",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )


class Run(Session, Generic[C_co]):
    """The scope manager of one run: a context manager, sync and async, that gives the live resources.

    What it gives has one attribute per key; a type checker sees the container's own type. A run is opened once.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Greeter(ConfigurableResource):
    ...     greeting: str = "hello"
    >>> class App(ResourceContainer):
    ...     greeter = Greeter()
    >>> with App().run() as resources:
    ...     resources.greeter.greeting
    'hello'
    """

    def start(self) -> C_co:
        """Open the run without ``with``: for notebooks. Call `close` afterwards.

        Returns:
            What ``with`` gives: the live resources.

        Raises:
            PlanError | ConfigError | PreflightError: Something is wrong; nothing was opened.
        """
        self._open()
        return cast("C_co", LiveView(self))

    def close(self) -> None:
        """End a run that `start` opened.

        Raises:
            TeardownError: Teardown hooks failed; every one has run.
            RunStateError: The run is not open.
        """
        self._close(None)

    async def astart(self) -> C_co:
        """`start` for async resources."""
        await self._aopen()
        return cast("C_co", LiveView(self))

    async def aclose(self) -> None:
        """`close` for async resources."""
        await self._aclose(None)

    def __enter__(self) -> C_co:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    async def __aenter__(self) -> C_co:
        return await self.astart()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._aclose(error)

    def __repr__(self) -> str:
        return f"<run {self.run_id} of {self.blueprint.name}: {self._state}>"


class AppRun(Session):
    """One start of a container's app scope."""

    def _chosen(self, step: Step) -> bool:
        return step.scope == "app"


class App:
    """The app scope of a container: started once whoever enters, visible in every thread.

    Args:
        parent: The app scope of the container this one was derived from by an override; what is up there and
            was not replaced is up here.
    """

    def __init__(self, parent: App | None = None) -> None:
        self.live: Mapping[int, LiveResource] = {}
        self._parent = parent
        self.session: AppRun | None = None
        self._entered = 0
        self._lock = threading.Lock()

    @property
    def is_started(self) -> bool:
        """Whether it is."""
        return self.session is not None and self.session.is_open

    def find(self, held: Held) -> LiveResource | None:
        """The live resource of a declaration, None when it is not up."""
        found = self.live.get(id(held.identity))
        return self._parent.find(held) if found is None and self._parent is not None else found

    def enter(self, blueprint: Blueprint) -> None:
        """Start the app-scoped resources, or join those who have."""
        with self._lock:
            if self._entered == 0:
                session = AppRun(blueprint, None)
                session._open()
                self._started(session)
            self._entered += 1

    async def aenter(self, blueprint: Blueprint) -> None:
        """`enter` for async resources."""
        if not self._lock.acquire(blocking=False):
            raise RunStateError(f"{blueprint.name} is being started or stopped elsewhere; start it once, then share it")
        try:
            if self._entered == 0:
                session = AppRun(blueprint, None)
                await session._aopen()
                self._started(session)
            self._entered += 1
        finally:
            self._lock.release()

    def leave(self, error: BaseException | None) -> None:
        """Tear the app-scoped resources down when the last one leaves."""
        with self._lock:
            session = self._leaving()
            if session is not None:
                try:
                    session._close(error)
                finally:
                    self._stopped()

    async def aleave(self, error: BaseException | None) -> None:
        """`leave` for async resources."""
        with self._lock:
            session = self._leaving()
            if session is not None:
                try:
                    await session._aclose(error)
                finally:
                    self._stopped()

    def _started(self, session: AppRun) -> None:
        assert session._scope is not None
        session.leave_context()  # Only its own start saw it as the current run.
        self.session = session
        self.live = session._scope.live
        _STARTED.append(self)

    def _leaving(self) -> AppRun | None:
        if self.session is None:
            raise RunStateError("this container is not started")
        self._entered -= 1
        return self.session if self._entered == 0 else None

    def _stopped(self) -> None:
        self.session = None
        self.live = {}
        _STARTED.remove(self)


_STARTED: Final[list[App]] = []


def open_runs() -> Iterator[Session]:
    """The runs that are open here, the innermost first, then the started apps, the latest first."""
    run = _CURRENT.get()
    while run is not None:
        if run.is_open:
            yield run
        run = run.previous
    for app in reversed(_STARTED):
        if app.session is not None:
            yield app.session


class LiveView:
    """What a run gives: the live resource of each key as an attribute."""

    def __init__(self, session: Session, prefix: str = "") -> None:
        here = self.__dict__
        here["_session"] = session
        here["_prefix"] = prefix
        for key in session.keys:
            if not key.startswith(prefix):
                continue
            name, _, inner = key[len(prefix) :].partition(".")
            if not inner:
                here[name] = session.exposed(key)[1]
            elif name not in here:
                here[name] = LiveView(session, f"{prefix}{name}.")

    def __getattribute__(self, name: str) -> Any:
        get = object.__getattribute__
        if name[0] != "_" and not get(self, "_session").is_open:
            raise RunStateError(f"this run has ended, {name!r} is no longer to be had from it; open another with run()")
        return get(self, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        session = self._session
        raise NotInRunError(self._prefix + name, session.keys, session.blueprint.graph.keys)

    def __setattr__(self, name: str, value: object) -> None:
        raise RunStateError(f"{name!r} cannot be set on a run; use container.override({name}=...)")

    def __dir__(self) -> list[str]:
        return [name for name in self.__dict__ if name[0] != "_"]

    def __repr__(self) -> str:
        return f"<live resources of {self._session.blueprint.name}: {', '.join(dir(self))}>"

    def __reduce__(self) -> Any:
        raise RunStateError("live resources cannot be pickled; send the container, and open a run where it arrives")


class OpenResource(Generic[T]):
    """One resource, open: a context manager, sync and async. Made by `open_resource`."""

    def __init__(self, resource: ConfigurableResource) -> None:
        name = type(resource).__name__
        self._run: Run[Any] = Run(Blueprint(name, build_graph({name: resource}, _hold), _hold), (name,))

    def __enter__(self) -> T:
        self._run._open()
        return self._exposed()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run._close(error)

    async def __aenter__(self) -> T:
        await self._run._aopen()
        return self._exposed()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._run._aclose(error)

    @property
    def report(self) -> RunReport:
        """What happened."""
        return self._run.report

    def _exposed(self) -> T:
        exposed: T = self._run.exposed(self._run.keys[0])[1]
        return exposed


def _hold(leaf: Any) -> Held:
    """What a resource or provider is where there is no container."""
    if is_resource(leaf):
        return held_resource(leaf)
    overriding = leaf.last_overriding
    return _hold(overriding) if overriding is not None else Held(leaf, "provider", leaf, needs=tuple(leaf.related))


@overload
def open_resource(resource: ConfigurableResourceFactory[T], /) -> OpenResource[T]: ...  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
@overload
def open_resource(resource: R, /) -> OpenResource[R]: ...
def open_resource(resource: Any, /) -> OpenResource[Any]:
    """Open one resource without a container: nested ones first, hooks run, torn down at the end.

    Args:
        resource: The declaration.

    Returns:
        A context manager, for ``with`` and ``async with``, that gives what users of the resource receive: the
        live resource, or what a factory vends.

    Raises:
        TypeError: It is not a resource.
        PlanError | ConfigError | PreflightError: On entering: something is wrong; nothing was opened.

    >>> from resourcekit import ConfigurableResource
    >>> class Cache(ConfigurableResource):
    ...     size: int = 10
    ...
    ...     def setup_for_execution(self):
    ...         self._entries = {}
    >>> with open_resource(Cache(size=3)) as cache:
    ...     cache.size, cache._entries
    (3, {})
    """
    if not is_resource(resource):
        raise TypeError(f"open_resource() wants a resource, not a {type(resource).__name__}")
    return OpenResource(resource)
