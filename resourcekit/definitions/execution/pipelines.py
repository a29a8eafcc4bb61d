"""Steps and their resources, ready to be executed: what `materialize`, jobs and `Definitions` share."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

import attrs

from resourcekit.base.errors import DefinitionError, Problem, RunStateError, kind_in_words
from resourcekit.definitions.execution.binding import Binding, bind
from resourcekit.definitions.execution.engine import execute, execute_async, load, load_async
from resourcekit.definitions.execution.layers import Layers, Resources, layered, single_definition
from resourcekit.definitions.execution.step_execution import Execution
from resourcekit.definitions.execution.step_overlays import check_config
from resourcekit.definitions.model.progress import Progress, shown
from resourcekit.definitions.model.results import ExecutionResult
from resourcekit.definitions.model.selection import select
from resourcekit.definitions.model.step_graph import StepGraph
from resourcekit.definitions.storage.io_managers import is_io_manager
from resourcekit.injection.matching import held_at
from resourcekit.lifecycle.outcome import put
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.container_runs import ContainerBlueprint
from resourcekit.run.run import Run

__all__ = ("Config", "Pipeline", "Settings")

Config = Mapping[str, Any] | str | os.PathLike[str]


@attrs.frozen(eq=False, kw_only=True)
class Settings:
    """What a caller says of one execution, whatever is executed."""

    config: Config | None = None
    tags: Mapping[str, str] | None = None
    run_id: str | None = None
    raise_on_error: bool = True
    max_concurrent: int = 1
    progress: Progress = None
    is_concurrent_start: bool = False

    def __attrs_post_init__(self) -> None:
        limit: object = self.max_concurrent
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise DefinitionError(f"max_concurrent={limit!r}: give how many steps may run at once, 1 or more")
        shows: object = self.progress
        if shows is not None and not isinstance(shows, bool) and not callable(shows):
            raise DefinitionError(f"progress wants True, False or a function, not {kind_in_words(shows)}")


@attrs.frozen(eq=False)
class Pipeline:
    """Steps to execute, and where their resources come from.

    Args:
        name: The job's name; for assets, ``"materialize"``.
        graph: The steps.
        levels: Who gave resources, the weakest first.
        selection: Which of the steps.
        kind: ``"job"``, or nothing.
        made: Its resources, where they have been put together already.
    """

    name: str
    graph: StepGraph
    levels: Sequence[tuple[str, Resources | None]]
    selection: Any = None
    kind: str = ""
    made: Layers | None = None

    @property
    def title(self) -> str:
        """What to call it in messages."""
        return f"{self.kind} {self.name!r}" if self.kind else self.name

    @contextmanager
    def _blueprint(self) -> Iterator[ContainerBlueprint]:
        """What runs are opened from."""
        with self.layers().entered() as container:
            yield container._assembly.blueprint()

    def layers(self) -> Layers:
        """All resources as one container: those that assets bring along, then the levels.

        Raises:
            DefinitionError: Two places have different resources under one key, or one is wrong.
        """
        if self.made is not None:
            return self.made
        brought = [node.step.options.resource_defs for node in self.graph.nodes.values()]
        own = single_definition(self.title, [each for each in brought if each])
        for where, given in self.levels if own else ():
            known = given if isinstance(given, Mapping) else getattr(given, "providers", {})
            for key in own.keys() & known.keys():
                if known[key] is not own[key]:
                    raise DefinitionError(
                        f"{self.title}: key {key!r} has two different resources, in resource_defs of an asset and in "
                        f"{where}; give both places the same object, or another key to one of them"
                    )
        return layered([("resource_defs", own or None), *self.levels])

    def check(self) -> tuple[Problem, ...]:
        """Everything that is wrong between the steps and their resources; nothing is opened."""
        with self._blueprint() as blueprint:
            return bind(self.graph, select(self.graph, self.selection), blueprint).problems

    @contextmanager
    def _prepared(self, settings: Settings) -> Iterator[Execution]:
        with self._blueprint() as blueprint:
            chosen = select(self.graph, self.selection)
            binding = bind(self.graph, chosen, blueprint, settings.config)
            if binding.problems:
                raise _problems_error(self.title, binding.problems)
            check_config(settings.config, blueprint, binding.keys)
            run = _run(blueprint, binding.keys, settings)
            with shown(settings.progress, self.title, len(chosen)) as tell:
                stops = settings.raise_on_error
                yield Execution(self.name, self.graph, binding, blueprint, run, tell, stops=stops)

    def execute(self, settings: Settings) -> ExecutionResult:
        """Execute it from sync code; in an event loop of its own, where it needs one.

        Raises:
            RunStateError: It needs an event loop, and one is running here.
            Exception: What went wrong, if the settings say so.
        """
        with self._prepared(settings) as execution:
            reason = _needs_loop(execution, settings)
            self._refuse_loop(reason)
            try:
                if reason is None:
                    execute(execution)
                else:
                    _in_loop(partial(execute_async, execution, settings.max_concurrent))
            except BaseException as error:
                if _is_raised(error, execution, settings):
                    raise
                return execution.result(error)
            return execution.result(None)

    async def aexecute(self, settings: Settings) -> ExecutionResult:
        """`execute` from async code, in the caller's event loop."""
        with self._prepared(settings) as execution:
            try:
                await execute_async(execution, settings.max_concurrent)
            except BaseException as error:
                if _is_raised(error, execution, settings):
                    raise
                return execution.result(error)
            return execution.result(None)

    def _refuse_loop(self, reason: str | None) -> None:
        """Refuse to go on where an event loop is needed and one is running here.

        Raises:
            RunStateError: It is so.
        """
        if reason is not None and _is_in_loop():
            raise RunStateError(
                f"{self.title} needs an event loop for {reason}, and this code runs in one: use the async form, "
                "`await amaterialize(...)`, `await job.aexecute_in_process(...)`, `await defs.aload_asset_value(...)`"
            )

    def load(self, name: str, annotation: Any) -> Any:
        """The value of one step, from where an earlier execution has kept it.

        Raises:
            DefinitionError: Nothing keeps it.
            RunStateError: It needs an event loop, and one is running here.
        """
        with self._loading(name) as execution:
            machine = execution.load(self.graph.nodes[name], name="", annotation=annotation)
            reason = _async_resource(execution)
            self._refuse_loop(reason)
            if reason is None:
                return load(execution, machine)
            return _in_loop(partial(load_async, execution, machine))

    async def aload(self, name: str, annotation: Any) -> Any:
        """`load` from async code."""
        with self._loading(name) as execution:
            return await load_async(execution, execution.load(self.graph.nodes[name], name="", annotation=annotation))

    @contextmanager
    def _loading(self, name: str) -> Iterator[Execution]:
        step = self.graph.nodes[name].step
        key = step.options.io_manager_key
        with self._blueprint() as blueprint:
            if key not in blueprint.graph.keys:
                raise DefinitionError(
                    f"nothing keeps the value of {step}: there is no resource {key!r}, and memory is of one execution"
                )
            binding = Binding({}, (key,), ())
            run = _run(blueprint, binding.keys, Settings())
            yield Execution(self.name, self.graph, binding, blueprint, run, lambda event: None, stops=True)


def _run(blueprint: ContainerBlueprint, keys: tuple[str, ...], settings: Settings) -> Run[Any]:
    """A run of exactly *keys*: none, where there is none."""
    tags, run_id, is_concurrent = settings.tags, settings.run_id, settings.is_concurrent_start
    return blueprint.run(keys, settings.config, tags=tags, run_id=run_id, is_concurrent=is_concurrent, is_timed=False)


def _is_raised(error: BaseException, execution: Execution, settings: Settings) -> bool:
    """Whether the caller gets an error raised; then it has what the execution did until it came."""
    if isinstance(error, Exception) and not settings.raise_on_error:
        return False
    put(error, "execution_result", execution.result(error))
    return True


def _problems_error(name: str, problems: Sequence[Problem]) -> DefinitionError:
    """The error of definitions that cannot be executed."""
    count = len(problems)
    lines = "\n".join(str(problem) for problem in problems).replace("\n", "\n  ")
    head = f"{name} has {count} problem{'s' if count > 1 else ''}, nothing was opened"
    return DefinitionError(f"{head}\n  {lines}", problems)


def _needs_loop(execution: Execution, settings: Settings) -> str | None:
    """Why an execution needs an event loop, in words; None where it does not."""
    steps = execution.binding.steps
    if settings.max_concurrent > 1 and len(steps) > 1:
        return f"max_concurrent={settings.max_concurrent}"
    for bound in steps.values():
        if bound.node.step.is_async:
            return f"async {bound.node.step}"
    return _async_resource(execution)


def _async_resource(execution: Execution) -> str | None:
    """Which of the resources needs an event loop, in words; None where none does."""
    plan = execution.blueprint.plan(execution.binding.keys)
    waiting = next(plan.sync_problems(plan.steps), None)
    if waiting is not None:
        return f"async resource {waiting.where!r}"
    for key in execution.binding.keys:
        if _keeps_async(execution.blueprint, key):
            return f"async IO manager {key!r}"
    return None


def _keeps_async(blueprint: Blueprint, key: str) -> bool:
    """Whether a key holds an IO manager with an async method, as far as that is known before it is up."""
    held = held_at(blueprint, key)
    kind = type(held.content) if held.kind == "value" else held.offers
    return is_io_manager(kind) and any(
        iscoroutinefunction(getattr(kind, name)) for name in ("handle_output", "load_input")
    )


def _in_loop(function: Callable[[], Awaitable[Any]]) -> Any:
    """Run an async function in an event loop of its own."""
    import anyio

    return anyio.run(function)


def _is_in_loop() -> bool:
    from anyio import get_current_task

    try:
        get_current_task()
    except RuntimeError:
        return False
    return True
