"""One run of a container in which one hook, or the body, is made to fail; and what it leaves open."""

from __future__ import annotations

import gc
import inspect
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any, Final

import attrs

from resourcekit.base.errors import kind_in_words
from resourcekit.declarations.hooks import Hook
from resourcekit.lifecycle.drivers import Observer
from resourcekit.lifecycle.machine import Call, LiveResource
from resourcekit.planning.plan import Step
from resourcekit.run.blueprint import AppScope, Blueprint
from resourcekit.run.run import Run
from resourcekit.testing.leaks import Leak, Openings, leak_of, warned

__all__ = ("BODY", "Point", "Scenario", "points_of", "try_out")

EXIT: Final = " (exit)"
BODY: Final = "body"
_TEARDOWN: Final = "teardown_after_execution"


@attrs.frozen
class Point:
    """Where a run is made to fail.

    Args:
        name: The resource's key or path; empty for the body.
        phase: The hook, with " (exit)" for what comes after its yield; empty where nothing fails.
    """

    name: str
    phase: str

    @property
    def is_down(self) -> bool:
        """Whether it is on the way down."""
        return self.phase.endswith(EXIT) or self.phase == _TEARDOWN


@attrs.frozen(eq=False)
class Scenario:
    """What every trial of a matrix has in common.

    Args:
        blueprint: Gives the container's.
        keys: What is run; None means all.
        backend: ``"sync"``, or the event loop.
        is_concurrent: Whether resources are set up beside one another.
        error: Makes the exception.
        body: Called with the live resources.
        is_open: Whether an object is open.
        handles: Give what is open.
        grace: How long threads and tasks may take to end, in seconds.
    """

    blueprint: Callable[[], Blueprint]
    keys: tuple[str, ...] | None
    backend: str
    is_concurrent: bool
    error: Callable[[], BaseException]
    body: Callable[[Any], object] | None
    is_open: Callable[[Any], object] | None
    handles: tuple[Callable[[], Iterable[Any]], ...]
    grace: float


def points_of(step: Step) -> Iterator[Point]:
    """Where the hooks of a resource can fail, in the order a run reaches them: on the way up, then on the way down."""
    hooks = step.hooks
    for hook in (hooks.whole,) if hooks.whole is not None else (hooks.setup, hooks.create):
        if hook is not None:
            yield Point(step.name, hook.name)
    for hook in (hooks.whole or hooks.create,):
        if hook is not None and _is_left(hook):
            yield Point(step.name, hook.name + EXIT)
    if hooks.teardown is not None and hooks.whole is None:
        yield Point(step.name, hooks.teardown.name)


def _is_left(hook: Hook) -> bool:
    return hook.wrap is not None or hook.name == "yield_for_execution" or not hook.is_plain


def try_out(scenario: Scenario, point: Point) -> tuple[BaseException | None, tuple[Leak, ...]]:
    """Run a scenario, failing at *point*; gives what surfaced, and what is left open.

    Raises:
        BaseException: What the container's own code raised; nothing can be said then.
    """
    leaks: list[Leak] = []
    with warned(leaks):
        trial = _Trial(scenario, point)
        error = trial.play()
        if error is not None and trial.failed_by_itself(error):
            raise error
        leaks += trial.leaks()
        # Whatever the exceptions and this trial hold on to is to be collected here, with its warnings.
        for each in (error, *trial.errors):
            _let_go(each)
        del trial
    return error, tuple(leaks)


def _let_go(error: BaseException | None) -> None:
    """Clear the frames that an error has come through, with those that called them and have ended."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            _clear(frame)
        error = error.__context__


def _clear(frame: FrameType | None) -> None:
    with suppress(RuntimeError):  # of one that still runs
        while frame is not None:
            frame.clear()
            frame = frame.f_back


class _TriedRun(Run[Any]):
    """A run whose calls a trial sees."""

    _is_compiled = False  # Generated code has no calls to see.
    _trial: _Trial

    @property
    def _observe(self) -> Observer:
        return self._trial.observe


class _Trial:
    """One run, watched from the inside."""

    def __init__(self, scenario: Scenario, point: Point) -> None:
        self._scenario = scenario
        self._point = point
        self._openings = Openings(scenario.handles)
        # With an app scope of its own: what is started in this process is no part of it.
        blueprint = attrs.evolve(scenario.blueprint(), app=AppScope(), listeners=[])
        self._run = _TriedRun(blueprint, scenario.keys)
        self._run._trial = self
        self._run._is_concurrent = scenario.is_concurrent
        self._live: dict[int, LiveResource] = {}
        self._begun: dict[str, tuple[Step, Any]] = {}
        self._by_hand: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, Step] = {}
        self._tasks: list[str] = []
        self._downs: list[str] = []  # The resources in the order in which their teardown began, by whomever.
        self.injected: BaseException | None = None

    def failed_by_itself(self, error: BaseException) -> bool:
        """Whether the container could not be tried: something of its own failed before, or Ctrl-C came."""
        if self.injected is None:
            return self._run.report.outcome != "teardown failed"
        return error is not self.injected and not isinstance(error, Exception)

    @property
    def errors(self) -> tuple[BaseException, ...]:
        """What teardown hooks raised."""
        return self._run.report.teardown_errors

    def play(self) -> BaseException | None:
        """Open and close the run; gives what surfaces."""
        if self._scenario.backend != "sync":
            import anyio

            return anyio.run(self._aplay, backend=self._scenario.backend)
        try:
            with self._run as resources:
                self._body(resources)
        except BaseException as error:
            return error
        return None

    async def _aplay(self) -> BaseException | None:
        import anyio

        before = {task.id for task in anyio.get_running_tasks()}
        surfaced = None
        try:
            async with self._run as resources:
                given = self._body(resources, fails=False)
                if inspect.isawaitable(given):
                    await given
                self._fail(BODY)
        except BaseException as error:
            surfaced = error
        until = monotonic() + self._scenario.grace
        while True:
            left = [task for task in anyio.get_running_tasks() if task.id not in before]
            if not left or monotonic() > until:
                break
            await anyio.sleep(0.01)
        self._tasks = [str(task.name) for task in left]
        return surfaced

    def _body(self, resources: Any, *, fails: bool = True) -> object:
        self._remember()
        given = None if self._scenario.body is None else self._scenario.body(resources)
        if fails:
            self._fail(BODY)
        return given

    def _fail(self, phase: str, name: str = "") -> None:
        if self._point == Point(name, phase) and self.injected is None:
            self.injected = self._scenario.error()
            raise self.injected

    def observe(self, call: Call) -> AbstractContextManager[object]:
        """Put itself between the driver and a hook."""
        scope = self._run._scope
        assert scope is not None, "a hook is called in an open run"
        resource = scope.drafts[id(call.step.node.held.identity)]
        self._count_by_hand(call.step, resource)
        if call.phase not in ("construct", "reset"):
            self._remember()
            function = partial(_looked_up, call.function) if call.is_late else call.function
            call.function, call.is_late = partial(self._called, call, function, resource), False
        return nullcontext()

    def _remember(self) -> None:
        scope = self._run._scope
        assert scope is not None, "it is asked in an open run"
        self._live.update(scope.live)

    def _called(self, call: Call, function: Callable[[], Any], resource: Any) -> Any:
        """Make a call: one that sets up fails before it does anything, one that tears down after it has."""
        step, phase = call.step, call.phase
        is_down = Point(step.name, phase).is_down
        if not is_down:
            self._fail(phase, step.name)
        self._begun[step.name] = (step, resource)
        with nullcontext() if self._scenario.is_concurrent else self._openings.opened_by(step):
            if is_down:
                self._goes_down(step.name)
            given = function()
        if call.is_awaited(given) and self._scenario.backend != "sync":
            return self._awaited(step, phase, given, is_down)
        if is_down:
            self._fail(phase, step.name)
        return given

    async def _awaited(self, step: Step, phase: str, waiting: Any, is_down: bool) -> Any:
        with nullcontext() if self._scenario.is_concurrent else self._openings.opened_by(step):
            given = await waiting
        if is_down:
            self._fail(phase, step.name)
        return given

    def _goes_down(self, name: str) -> None:
        if name not in self._downs:
            self._downs.append(name)

    def _count_by_hand(self, step: Step, resource: Any) -> None:
        """Count the calls of its hooks, also those that are not the run's."""
        if step.hooks.whole is None and step.name not in self._seen:
            self._seen[step.name] = step
            for hook in (step.hooks.setup, step.hooks.teardown):
                if hook is not None:
                    counted = partial(self._counted, (step.name, hook.name), getattr(resource, hook.name))
                    setattr(resource, hook.name, counted)

    def _counted(self, which: tuple[str, str], hook: Callable[..., Any], *args: Any) -> Any:
        self._by_hand[which] += 1
        if which[1] == _TEARDOWN:
            self._goes_down(which[0])
        return hook(*args)

    def leaks(self) -> Iterator[Leak]:
        """What the run has left open, or closed wrongly."""
        gc.collect()
        for (name, hook), count in self._by_hand.items():
            if count > 1:
                yield leak_of(self._seen[name], f"had {hook} called {count} times: the run calls it, nobody else need")
        yield from self._out_of_order()
        for step, resource in self._begun.values():
            yield from self._still_open(step, resource)
        yield from (Leak(f"task {name!r} still runs") for name in self._tasks)
        yield from self._openings.leaks(self._scenario.grace)
        yield from self._failed()

    def _out_of_order(self) -> Iterator[Leak]:
        """Resources that went before one that comes after them; concurrently, before one that needs them."""
        plan = self._run._blueprint.plan(self._run._asked, self._run._left_out)
        steps = {step.name: step for step in plan.steps}
        before = dict(zip(steps, (list(steps)[:place] for place in range(len(steps))), strict=True))
        for place, name in enumerate(self._downs):
            for later in self._downs[place + 1 :]:
                if name in (plan.needs if self._scenario.is_concurrent else before)[later]:
                    yield leak_of(steps[name], f"was torn down before {later!r}, which was set up after it")
                    break

    def _still_open(self, step: Step, resource: Any) -> Iterator[Leak]:
        if self._scenario.is_open is None:
            return
        live = self._live.get(id(step.node.held.identity))
        vended = [] if live is None or live.exposed is resource else [live.exposed]
        if self._scenario.is_open(resource):
            yield leak_of(step, "is still open")
        for each in vended:
            if self._scenario.is_open(each):
                yield leak_of(step, f"vended {kind_in_words(each)} that is still open")

    def _failed(self) -> Iterator[Leak]:
        """Hooks that failed by themselves: a teardown that cannot cope with what happened before."""
        for error in self.errors:
            if error is not self.injected:
                yield Leak(f"a teardown hook raised {type(error).__name__} by itself: {_note(error)}")


def _looked_up(look_up: Callable[[], Callable[[], Any]]) -> Any:
    return look_up()()


def _note(error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    return next((note.removeprefix("resourcekit: ") for note in notes if note.startswith("resourcekit: ")), "")
