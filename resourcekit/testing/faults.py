"""Every way in which the hooks of a container can fail, tried one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import attrs

from resourcekit.base.errors import ResourceKitError, kind_in_words
from resourcekit.container.declarative import ContainerMeta, ResourceContainer
from resourcekit.run.active_overrides import effective
from resourcekit.testing.leaks import Leak, LeakError
from resourcekit.testing.trial import BODY, Point, Scenario, points_of, try_out

__all__ = ("Fault", "FaultReport", "InjectedError", "fault_matrix")

Handles = Callable[[], Iterable[Any]]


class InjectedError(ResourceKitError):
    """What `fault_matrix` makes hooks raise, unless it is told otherwise.

    >>> raise InjectedError("injected by fault_matrix()")
    Traceback (most recent call last):
    ...
    resourcekit.testing.faults.InjectedError: injected by fault_matrix()
    """


@attrs.frozen
class FaultReport:
    """What happened when something was made to fail.

    Args:
        fault: What.
        error: The exception that left the run; None where nothing failed.
        leaks: What stayed open, or was closed wrongly.
    """

    fault: Fault
    error: BaseException | None = attrs.field(eq=False)
    leaks: tuple[Leak, ...]


@attrs.frozen(eq=False, repr=False)
class Fault:
    """One point where a run of a container can fail. Made by `fault_matrix`; its text is fit for a test's name.

    Args:
        key: The resource's key or path; empty for the body, and for the run in which nothing fails.
        hook: The hook: one that sets up fails instead of doing its work, one that tears down when it has done it.
            ``"yield_for_execution (exit)"`` is what comes after its yield. ``"body"`` is the body; empty where nothing
            fails.
    """

    key: str
    hook: str
    _scenario: Scenario

    def run(self) -> FaultReport:
        """Open a run of the container that fails at this point, and look at what it leaves.

        Returns:
            What happened.

        Raises:
            PlanError | ConfigError | PreflightError: Something is wrong with the container; nothing was opened.
            BaseException: What a hook, or the body, raised by itself before this point was reached.
        """
        error, leaks = try_out(self._scenario, Point(self.key, self.hook))
        return FaultReport(self, error, leaks)

    def check(self) -> None:
        """`run`, and insist that nothing stays open.

        Raises:
            LeakError: Something did, or was closed wrongly: it says what, and where that is declared.
            PlanError | ConfigError | PreflightError: Something is wrong with the container; nothing was opened.
            BaseException: What a hook, or the body, raised by itself before this point was reached.
        """
        leaks = self.run().leaks
        if leaks:
            raise LeakError(self._when(), leaks)

    def _when(self) -> str:
        if not self.hook:
            return "when nothing fails"
        return f"when {self.hook} of {self.key!r} fails" if self.key else "when the body fails"

    def __str__(self) -> str:
        return ".".join(part for part in (self.key, self.hook) if part) or "nothing fails"

    def __repr__(self) -> str:
        return f"<fault {self}>"


def fault_matrix(
    container: ResourceContainer | type[ResourceContainer],
    /,
    *keys: str,
    error: Callable[[], BaseException] = lambda: InjectedError("injected by fault_matrix()"),
    backend: Literal["sync", "asyncio", "trio"] | None = None,
    concurrent: bool = False,
    body: Callable[[Any], object] | None = None,
    is_open: Callable[[Any], object] | None = None,
    open_handles: Handles | Sequence[Handles] = (),
    grace: float = 1.0,
) -> list[Fault]:
    """Every point where a run of your container can fail: to try each, and see that whatever was opened is closed.

    Making the matrix runs no hook and reads no variable. Each `Fault.check` opens a run of its own, in which one hook
    that sets up raises instead of doing its work, or one that tears down raises when it has done it, or the body
    raises; the first fault of the list is none. Afterwards nothing may be open that was not before: file and socket
    descriptors (on Linux), threads, tasks, what ``is_open`` and ``open_handles`` tell, and what Python warns of
    (ResourceWarning). A hook that is called twice by hand, a resource that is torn down before one that was set up
    after it, and a teardown hook that cannot cope, are told as well.

    Args:
        container: A container, or a container class. App-scoped resources live for each run, also where the
            container is started.
        *keys: The resources wanted, as for ``container.run``; none means all.
        error: Makes the exception: a class without arguments, such as ``KeyboardInterrupt``, or a function.
        backend: ``"sync"``, ``"asyncio"`` or ``"trio"``; None: sync if the plan is, else asyncio.
        concurrent: As for ``container.run``.
        body: Called with the live resources in each run, to use them: some open things at first use. It may be
            async, unless the run is sync.
        is_open: Says whether an object is open; asked, after the run, of each live resource any of whose hooks were
            called, and of what factories vended.
        open_handles: A function, or several, that gives what is open: connections that a pool has handed out, for one.
            What was not there before the run may not be there after it.
        grace: How long threads and tasks may take to end after the run, in seconds.

    Returns:
        The faults, in the order a run reaches them.

    Raises:
        TypeError: *container* is no container.
        UnknownKeyError: A key is not in the container.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Log(ConfigurableResource):
    ...     path: str
    ...
    ...     def setup_for_execution(self):
    ...         self._file = open(self.path)
    ...
    ...     def teardown_after_execution(self):
    ...         self._file.close()
    >>> class App(ResourceContainer):
    ...     log = Log(path="/dev/null")
    >>> for fault in fault_matrix(App):
    ...     fault.check()
    ...     print(fault)
    nothing fails
    log.setup_for_execution
    body
    log.teardown_after_execution
    """
    if isinstance(container, ContainerMeta):
        container = container()
    if not isinstance(container, ResourceContainer):
        raise TypeError(f"fault_matrix() wants a container, not {kind_in_words(container)}")
    assembly = effective(container)._assembly
    blueprint = assembly.blueprint()
    plan = blueprint.plan(keys or None, blueprint.left_out(keys or None))
    scenario = Scenario(
        blueprint=assembly.blueprint,
        keys=keys or None,
        backend=backend or ("asyncio" if plan.is_async else "sync"),
        is_concurrent=concurrent,
        error=error,
        body=body,
        is_open=is_open,
        handles=(open_handles,) if callable(open_handles) else tuple(open_handles),
        grace=grace,
    )
    points = [list(points_of(step)) for step in plan.steps]
    ups = [point for each in points for point in each if not point.is_down]
    downs = [point for each in reversed(points) for point in each if point.is_down]
    return [Fault(each.name, each.phase, scenario) for each in (Point("", ""), *ups, Point("", BODY), *downs)]
