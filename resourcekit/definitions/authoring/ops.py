"""`op`: a function that is a step of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar, overload

from resourcekit.definitions.execution.direct import call_directly
from resourcekit.definitions.model.asset_keys import check_name
from resourcekit.definitions.model.composition import composing
from resourcekit.definitions.model.retry import RetryPolicy
from resourcekit.definitions.model.step_contexts import ExecutionContext, OpExecutionContext
from resourcekit.definitions.model.steps import Step, StepOptions, name_of

__all__ = ("OpDefinition", "op")

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class OpDefinition(Step[P, R_co]):
    """An op: what `op` makes of a function. Called, it is the function; called in a job, it is added to that.

    Args:
        function: The function.
        name: The op's name.
        options: What every step may be given.

    >>> @op
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(21)
    42
    """

    kind: ClassVar[str] = "op"
    context_type: ClassVar[type[ExecutionContext]] = OpExecutionContext

    def __init__(self, function: Callable[P, R_co], name: str, options: StepOptions) -> None:
        super().__init__(function, name, options)
        self._alias: str | None = None
        self._original: OpDefinition[P, R_co] = self

    def __reduce__(self) -> Any:
        return super().__reduce__() if self._alias is None else (_aliased, (self._original, self._alias))

    # In a job, resources and context are left out.
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> R_co: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        composition = composing.get()
        if composition is not None:
            return composition.add(self, args, kwargs, self._alias)
        return call_directly(self, args, kwargs)

    def alias(self, name: str) -> OpDefinition[P, R_co]:
        """The same op under another name in a job.

        Args:
            name: What the step is called.

        Returns:
            An op.

        Raises:
            DefinitionError: It cannot be a name.

        >>> from resourcekit import job
        >>> @op
        ... def one() -> int:
        ...     return 1
        >>> @job
        ... def twice():
        ...     one.alias("first")()
        ...     one.alias("second")()
        >>> list(twice.execute_in_process().steps)
        ['first', 'second']
        """
        renamed = OpDefinition[P, R_co](self.function, self.name, self.options)
        renamed._original = self._original
        renamed._alias = check_name(name, "an op")
        return renamed


def _aliased(original: OpDefinition[..., Any], alias: str) -> OpDefinition[..., Any]:
    """An op under its alias: what one is pickled as."""
    return original.alias(alias)


class _Decorator(Protocol):
    """What ``op(...)`` with options gives: it keeps the function's types."""

    def __call__(self, function: Callable[P, R], /) -> OpDefinition[P, R]: ...


@overload
def op(function: Callable[P, R], /) -> OpDefinition[P, R]: ...
@overload
def op(
    *,
    name: str | None = None,
    io_manager_key: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    retry_policy: RetryPolicy | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> _Decorator: ...
def op(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    io_manager_key: str | None = None,
    required_resource_keys: Iterable[str] | None = None,
    retry_policy: RetryPolicy | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Make an op of a function: a step of jobs.

    A parameter annotated with a resource class, or with ``ResourceParam[...]``, receives the resource of its name;
    one called ``context`` the `OpExecutionContext`; any other what the job gives it.

    Args:
        function: The function, sync or async.
        name: The op's name; the function's, when it is not given.
        io_manager_key: The resource that keeps its value for the ops that need it.
        required_resource_keys: Resources for ``context.resources``, where no parameter asks for any.
        retry_policy: How often it is run again when it fails.
        description: What it does; the docstring, when it is not given.
        tags: Words of yours.
        metadata: What IO managers may want to know of its value.

    Returns:
        An `OpDefinition`, callable as the function; or, with options, a decorator.

    Raises:
        DefinitionError: An argument is wrong.
        InjectionError: A parameter asks for a factory, not for what it vends.

    >>> from resourcekit import ResourceParam, job
    >>> @op
    ... def greet(word: ResourceParam[str]) -> str:
    ...     return f"{word}!"
    >>> @job(resource_defs={"word": "hello"})
    ... def greeting():
    ...     greet()
    >>> greeting.execute_in_process().output_for(greet)
    'hello!'
    """
    options = StepOptions(
        description=description,
        io_manager_key=io_manager_key,
        required_resource_keys=required_resource_keys,
        retry_policy=retry_policy,
        tags=tags,
        metadata=metadata,
    )

    def decorate(function: Any) -> OpDefinition[..., Any]:
        return OpDefinition(function, name_of(function, name, "op"), options)

    return decorate if function is None else decorate(function)
