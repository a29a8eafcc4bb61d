"""`job`: ops, composed by calling them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, NoReturn, Self, cast, overload

from resourcekit.base.errors import DefinitionError, Problem, kind_in_words
from resourcekit.base.import_paths import imported, pickled_by_value, unpickled
from resourcekit.definitions.execution.layers import Resources
from resourcekit.definitions.execution.pipelines import Config, Pipeline, Settings
from resourcekit.definitions.model.asset_keys import check_name
from resourcekit.definitions.model.composition import Composition, composing
from resourcekit.definitions.model.progress import Progress
from resourcekit.definitions.model.results import ExecutionResult
from resourcekit.definitions.model.step_graph import StepGraph

__all__ = ("JobDefinition", "job")


class JobDefinition:
    """A job: what `job` makes of a function that calls ops.

    Args:
        name: The job's name.
        graph: Its ops.
        resource_defs: Its resources: a dict or a container.
        below: The resources of the `Definitions` it is in.
        tags: Words for each of its executions.
        description: What it does.
    """

    def __init__(
        self,
        name: str,
        graph: StepGraph,
        *,
        resource_defs: Resources | None = None,
        below: Resources | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        self.name = name
        self.graph = graph
        self.resource_defs = resource_defs
        self.below = below
        self.tags = dict(tags or {})
        self.description = description or ""

    def bound(self, below: Resources | None) -> JobDefinition:
        """The same job with the resources of `Definitions` below its own."""
        bound = object.__new__(type(self))
        vars(bound).update(vars(self), below=below)
        return bound

    def __copy__(self) -> Self:
        return self  # As a function is.

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> Any:
        named = {name: getattr(self, name, None) for name in ("__module__", "__qualname__", "__name__", "__doc__")}
        found = imported(named["__module__"], str(named["__qualname__"]))
        if found is self:
            return named["__qualname__"]
        if isinstance(found, JobDefinition) and found.graph is self.graph:
            return found.bound, (self.below,)
        resources = {"resource_defs": self.resource_defs, "below": self.below}
        state = {"name": self.name, "graph": self.graph, "tags": self.tags, "description": self.description}
        return _arrived, (pickled_by_value((state | resources, named), f"job {self.name!r}"),)

    def check(self, *, resources: Resources | None = None) -> tuple[Problem, ...]:
        """Everything that is wrong between its ops and its resources; nothing is opened.

        Args:
            resources: As for `execute_in_process`.

        Returns:
            The problems.

        Raises:
            DefinitionError: A key or what it holds is wrong.

        >>> from resourcekit import ResourceParam, op
        >>> @op
        ... def greet(word: ResourceParam[str]): ...
        >>> @job
        ... def greeting():
        ...     greet()
        >>> [problem.code for problem in greeting.check()]
        ['unknown-resource']
        """
        return self._pipeline(resources).check()

    def _pipeline(self, resources: Resources | None, selection: Any = None) -> Pipeline:
        levels = [
            ("Definitions(resources=...)", self.below),
            (f"job {self.name!r}", self.resource_defs),
            ("execute_in_process(resources=...)", resources),
        ]
        return Pipeline(self.name, self.graph, levels, selection, kind="job")

    def execute_in_process(
        self,
        *,
        resources: Resources | None = None,
        config: Config | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        selection: Any = None,
        raise_on_error: bool = True,
        max_concurrent: int = 1,
        progress: Progress = None,
    ) -> ExecutionResult:
        """Run the job, in one run of exactly the resources that its ops ask for.

        Args:
            resources: A dict or container; its keys go before the job's own, and those before the `Definitions`'.
            config: An overlay for this run.
            tags: Words of yours for this run, beside the job's own.
            run_id: The run's identifier; made up when it is not given.
            selection: Which of the ops, as for `materialize`.
            raise_on_error: As for `materialize`.
            max_concurrent: As for `materialize`.
            progress: As for `materialize`.

        Returns:
            The result.

        Raises:
            DefinitionError: Ops and resources do not fit together; all that is wrong is told.
            PlanError | ConfigError | PreflightError: The resources cannot be set up; nothing was opened.
            Exception: What the first op that failed has raised; of several at once, an `ExecutionError`. What became of
                all, until then, is its ``execution_result``.
            RunStateError: It needs an event loop and one is running here: use `aexecute_in_process`.

        >>> from resourcekit import op
        >>> @op
        ... def one() -> int:
        ...     return 1
        >>> @op
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> @job
        ... def adding():
        ...     add(one(), 41)
        >>> adding.execute_in_process().output_for(add)
        42
        """
        return self._pipeline(resources, selection).execute(
            self._settings(config, tags, run_id=run_id, raise_on_error=raise_on_error,
                           max_concurrent=max_concurrent, progress=progress)
        )  # fmt: skip

    async def aexecute_in_process(
        self,
        *,
        resources: Resources | None = None,
        config: Config | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        selection: Any = None,
        raise_on_error: bool = True,
        max_concurrent: int = 1,
        progress: Progress = None,
    ) -> ExecutionResult:
        """`execute_in_process` from async code, in its event loop: asyncio's or trio's.

        Args:
            resources: As for `execute_in_process`, and so are the others.
            config: The same.
            tags: The same.
            run_id: The same.
            selection: The same.
            raise_on_error: The same.
            max_concurrent: The same.
            progress: The same.

        Returns:
            The result.

        >>> import anyio
        >>> from resourcekit import op
        >>> @op
        ... async def one() -> int:
        ...     return 1
        >>> @job
        ... def ones():
        ...     one()
        >>> anyio.run(ones.aexecute_in_process).success
        True
        """
        return await self._pipeline(resources, selection).aexecute(
            self._settings(config, tags, run_id=run_id, raise_on_error=raise_on_error,
                           max_concurrent=max_concurrent, progress=progress)
        )  # fmt: skip

    def _settings(self, config: Config | None, tags: Mapping[str, str] | None, **rest: Any) -> Settings:
        return Settings(config=config, tags={**self.tags, **(tags or {})}, **rest)

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise DefinitionError(f"job {self.name!r} is not called: run it with {self.name}.execute_in_process()")

    def __repr__(self) -> str:
        return f"<job {self.name!r}: {', '.join(self.graph.nodes)}>"


def _arrived(sent: Any) -> JobDefinition:
    """A job that has no import path, made of what was sent."""
    state, named = unpickled(sent)
    made = JobDefinition(**state)
    vars(made).update(named)
    return made


@overload
def job(function: Callable[[], object], /) -> JobDefinition: ...
@overload
def job(
    *,
    name: str | None = None,
    resource_defs: Resources | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> Callable[[Callable[[], object]], JobDefinition]: ...
def job(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    resource_defs: Resources | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> Any:
    """Make a job of a function that calls ops, once, now: each call adds a step.

    An op that is called is given the values of others, or plain values; its resources and context are left out.

    Args:
        function: The function; it takes no parameters.
        name: The job's name; the function's, when it is not given.
        resource_defs: Its resources, a dict or a container: they go before those of its `Definitions`.
        tags: Words for each of its executions.
        description: What it does; the docstring, when it is not given.

    Returns:
        A `JobDefinition`; or, with options, a decorator.

    Raises:
        DefinitionError: The function, or a call in it, is wrong.

    >>> from resourcekit import op
    >>> @op
    ... def load() -> list[str]:
    ...     return ["tea", "milk"]
    >>> @op
    ... def count(items: list[str]) -> int:
    ...     return len(items)
    >>> @job
    ... def counting():
    ...     count(load())
    >>> counting
    <job 'counting': load, count>
    """

    def decorate(function: Any) -> JobDefinition:
        if not inspect.isfunction(function):
            raise DefinitionError(f"@job decorates a function, not {kind_in_words(function)}")
        own = check_name(name or function.__name__, "a job")
        if inspect.signature(function).parameters:
            raise DefinitionError(f"job {own!r} takes parameters: ops take them, and resources give what differs")
        made = JobDefinition(own, _composed(own, function), resource_defs=resource_defs, tags=tags,
                             description=description or inspect.getdoc(function))  # fmt: skip
        update_wrapper(cast("Any", made), function)
        return made

    return decorate if function is None else decorate(function)


def _composed(name: str, function: Callable[[], object]) -> StepGraph:
    """The steps that the function adds."""
    composition = Composition(name)
    token = composing.set(composition)
    try:
        returned = function()
    finally:
        composing.reset(token)
    if inspect.iscoroutine(returned):
        returned.close()
        raise DefinitionError(f"job {name!r} is async: its function only calls ops, which may be async themselves")
    return StepGraph(composition.nodes)
