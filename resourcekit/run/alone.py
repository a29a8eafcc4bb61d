"""One resource by itself: a run without a container."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from resourcekit.base.errors import kind_in_words
from resourcekit.declarations.resource_classes import ConfigurableResource, ConfigurableResourceFactory
from resourcekit.declarations.values import is_resource
from resourcekit.lifecycle.report import RunReport
from resourcekit.planning.nodes import Held, build_graph, held_resource
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.run import Run

__all__ = ("OpenResource", "open_resource")

R = TypeVar("R", bound=ConfigurableResource)
T = TypeVar("T")


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
        exposed: T = self._run._exposed(self._run._keys[0])[1]
        return exposed


def _hold(leaf: Any) -> Held:
    """What a resource or provider is where there is no container."""
    if is_resource(leaf):
        return held_resource(leaf)
    overriding = leaf.last_overriding
    return _hold(overriding) if overriding is not None else Held(leaf, "provider", leaf, needs=tuple(leaf.related))


# The first form is the narrower one: a factory opens as what it vends, not as itself.
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
        raise TypeError(f"open_resource() wants a resource, not {kind_in_words(resource)}")
    return OpenResource(resource)
