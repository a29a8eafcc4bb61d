"""Executing steps: what one step does, as a generator of calls, and what an execution knows while it goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Any, Final

import attrs

from resourcekit.annotations.annotation_queries import element_annotation
from resourcekit.base.errors import DefinitionError, kind_in_words
from resourcekit.definitions.execution.binding import Binding, BoundStep
from resourcekit.definitions.execution.keeping import Keeping, received, stays
from resourcekit.definitions.execution.step_calls import Call, Pause, StepMachine
from resourcekit.definitions.model.failures import ExecutionError, NotStoredError
from resourcekit.definitions.model.outputs import Output
from resourcekit.definitions.model.progress import StepEvent, StepListener
from resourcekit.definitions.model.results import ExecutionResult, StepResult
from resourcekit.definitions.model.step_contexts import ExecutionContext, StepResources
from resourcekit.definitions.model.step_graph import Constant, Node, Schedule, Source, StepGraph, Upstream
from resourcekit.injection.matching import check_value
from resourcekit.lifecycle.outcome import note
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.run import Run

__all__ = ("Execution",)

_HERE: Final = os.path.dirname(__file__)
_OURS: Final = (__file__, *(os.path.join(_HERE, name) for name in ("step_calls.py", "engine.py", "keeping.py")))


class Execution:
    """What is known of one execution while it goes on.

    Args:
        name: The job's name.
        graph: The steps.
        binding: Where everything comes from that they take.
        blueprint: The container's.
        run: The run that sets up the resources.
        tell: Hears of every step.
        stops: Whether the first failure ends it.
    """

    def __init__(
        self,
        name: str,
        graph: StepGraph,
        binding: Binding,
        blueprint: Blueprint,
        run: Run[Any],
        tell: StepListener,
        *,
        stops: bool,
    ) -> None:
        self.name = name
        self.graph = graph
        self.binding = binding
        self.run = run
        self.schedule = Schedule(graph, binding.steps)
        self.blueprint = blueprint
        self._tell = tell
        self._stops = stops
        self._live: Any = None
        self._keeping = Keeping(blueprint, run)
        self._metadata: dict[str, dict[str, Any]] = {}
        self._results: dict[str, StepResult] = {}
        self._outputs: dict[str, Any] = {}
        self._failed: list[Exception] = []

    def begin(self, live: Any) -> None:
        """The resources are up."""
        self._live = live

    def step(self, name: str) -> StepMachine:
        """All that one step does: its tries, its result, its events."""
        bound = self.binding.steps[name]
        started = perf_counter()
        self._event(name, "started")
        policy = bound.node.step.options.retry_policy
        attempt = 0
        while True:
            attempt += 1
            try:
                yield from self._tried(bound, attempt)
            except Exception as error:
                if policy is None or not policy.allows(attempt, error):
                    self._fail(bound.node, error, attempt, perf_counter() - started)
                    return
                wait = policy.wait_before(attempt)
                self._event(name, "retrying", error=error, reason=f"retry {attempt} in {wait:g} s")
                yield Pause(wait)
            else:
                self._succeed(bound.node, attempt, perf_counter() - started)
                return

    def _tried(self, bound: BoundStep, attempt: int) -> StepMachine:
        """One try: fill the parameters, call the function, keep its value."""
        node = bound.node
        found: dict[str, Any] = {}
        arguments = dict(bound.defaults)
        for filled in bound.filled:
            found[filled.key] = yield from received(self._live, self.blueprint, filled.key)
            if filled.wish is not None:
                arguments[filled.wish.name] = found[filled.key]
                check_value(node.step.spec.name, filled.wish, found[filled.key])
        for parameter, source in node.inputs.items():
            annotation = bound.annotations.get(parameter, Any)
            arguments[parameter] = yield from self._input(bound, parameter, source, annotation)
        context = self._context(bound, found, attempt)
        if bound.context is not None:
            arguments[bound.context] = context
        given = yield Call(partial(node.step.function, **arguments), str(node.step), stays(self.blueprint, found))
        yield from self._keep(bound, given, context)

    def _context(self, bound: BoundStep, resources: Mapping[str, Any], attempt: int) -> ExecutionContext:
        step = bound.node.step
        key = getattr(step, "key", None)
        extra: dict[str, Any] = {} if key is None else {"asset_key": key}
        return step.context_type(
            step=bound.node.name,
            run_id=self.run.run_id,
            tags=self.run.tags,
            resources=StepResources(str(step), resources),
            job_name=self.name if key is None else None,
            retry_number=attempt - 1,
            **extra,
        )

    def _input(self, bound: BoundStep, parameter: str, source: Source, annotation: Any) -> StepMachine:
        """The value of one parameter, of which its annotation is told to the IO manager."""
        if isinstance(source, Constant):
            return source.value
        if isinstance(source, Upstream):
            upstream = self.graph.nodes[source.step]
            if upstream.step.gives_nothing:
                return None  # Only an op's: it is waited for.
            return (yield from self.load(upstream, name=parameter, step_key=bound.node.name, annotation=annotation))
        values: list[Any] = []
        for place, part in enumerate(source.parts):
            of_part = element_annotation(annotation, values, place)
            values.append((yield from self._input(bound, parameter, part, of_part)))
        return values

    def load(self, upstream: Node, **what: Any) -> StepMachine:
        """The kept value of one step.

        Args:
            upstream: The step.
            **what: Who needs it and as what: arguments of the `InputContext`.
        """
        try:
            return (yield from self._keeping.load(self._live, upstream, **what))
        except NotStoredError as error:
            ended = self._results.get(upstream.name)
            if ended is None or not ended.success or ended.gives_value:
                raise
            hint = f"it was run, and gave no value: return one, or only wait for it, deps=[{upstream.step.name!r}]"
            raise NotStoredError(error.what, error.where, hint) from None

    def _keep(self, bound: BoundStep, given: Any, context: ExecutionContext) -> StepMachine:
        """Give the value of a step to its IO manager, unless it gives none."""
        node = bound.node
        told = dict(given.metadata) if isinstance(given, Output) else {}
        value = given.value if isinstance(given, Output) else given
        output = self._keeping.output_context(node)
        if node.step.gives_nothing:
            _check_nothing(node, value)
        elif value is not attrs.NOTHING:
            yield from self._keeping.store(self._live, node, value, output)
            self._outputs[node.name] = value
        self._metadata[node.name] = {**context.output_metadata, **told, **output.metadata}

    def _succeed(self, node: Node, attempts: int, duration: float) -> None:
        self._results[node.name] = StepResult(
            name=node.name,
            kind=node.step.kind,
            status="success",
            attempts=attempts,
            duration=duration,
            metadata=self._metadata[node.name],
            gives_value=node.name in self._outputs,
        )
        self.schedule.finish(node.name)
        self._event(node.name, "finished", duration=duration)

    def _fail(self, node: Node, error: Exception, attempts: int, duration: float) -> None:
        error.__traceback__ = _outside(error.__traceback__)
        place = f", defined at {node.step.location}" if node.step.location else ""
        note(error, f"resourcekit: {node.step} failed{place}")
        self._failed.append(error)
        self._results[node.name] = StepResult(
            name=node.name,
            kind=node.step.kind,
            status="failed",
            error=error,
            attempts=attempts,
            duration=duration,
        )
        self.schedule.finish(node.name, failed=True, stop=self._stops)
        self._event(node.name, "failed", duration=duration, error=error)

    def tell_skipped(self) -> None:
        """Tell of the steps that were skipped since it was last asked."""
        for name, reason in self.schedule.skipped.items():
            if name not in self._results:
                kind = self.graph.nodes[name].step.kind
                self._results[name] = StepResult(name=name, kind=kind, status="skipped", reason=reason)
                self._event(name, "skipped", reason=reason)

    def end(self) -> None:
        """All is done.

        Raises:
            Exception: What a step raised, or an `ExecutionError` of several.
        """
        self.tell_skipped()
        if len(self._failed) == 1:
            raise self._failed[0]
        if self._failed:
            raise ExecutionError(self._failed)

    def result(self, final: BaseException | None) -> ExecutionResult:
        """What the execution did.

        Args:
            final: What left the run: a failed step's error, one of a resource, or an interrupt.
        """
        steps = dict(self._results)
        reason = "the resources were not set up" if self._live is None else f"interrupted by {type(final).__name__}"
        for name in self.binding.steps:
            if name not in steps:
                kind = self.graph.nodes[name].step.kind
                steps[name] = StepResult(name=name, kind=kind, status="skipped", reason=reason)
        return ExecutionResult(
            name=self.name,
            run_id=self.run.run_id,
            tags=self.run.tags,
            steps={name: steps[name] for name in self.binding.steps},
            errors=_all_errors(self._failed, final),
            outputs=self._outputs,
        )

    def _event(self, name: str, status: Any, **details: Any) -> None:
        self._tell(
            StepEvent(
                run_id=self.run.run_id,
                step=name,
                status=status,
                number=len(self._results),
                total=len(self.binding.steps),
                **details,
            )
        )


def _check_nothing(node: Node, value: object) -> None:
    """Refuse a value of a step that says it has none: nothing would keep it.

    Raises:
        DefinitionError: There is one.
    """
    if value is not None and value is not attrs.NOTHING:
        raise DefinitionError(
            f"{node.step} says that it returns None, and returned {kind_in_words(value)}: correct its annotation"
        )


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without our own frames at its beginning, where there are any others."""
    outside = trace
    while outside is not None and outside.tb_frame.f_code.co_filename in _OURS:
        outside = outside.tb_next
    return outside or trace


def _all_errors(failed: Sequence[Exception], final: BaseException | None) -> tuple[BaseException, ...]:
    """Every error of an execution: of its steps, of what surfaced, of teardowns that were attached to it."""
    found: list[BaseException] = list(failed)
    if final is not None:
        if not isinstance(final, ExecutionError) and not any(final is error for error in found):
            found.append(final)
        attached = getattr(final, "teardown_errors", None)
        found += getattr(attached, "exceptions", ())
    return tuple(found)
