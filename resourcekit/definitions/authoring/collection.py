"""`Definitions`: assets, jobs and the resources they share, in one place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from importlib import import_module
from typing import Any, Self

from resourcekit.base.caller import caller_frame
from resourcekit.base.errors import DefinitionError, Problem, did_you_mean, kind_in_words
from resourcekit.base.import_paths import imported, pickled_by_value, unpickled
from resourcekit.definitions.authoring.assets import AssetDefinition, asset_graph
from resourcekit.definitions.authoring.jobs import JobDefinition
from resourcekit.definitions.authoring.materialization import Selection
from resourcekit.definitions.execution.layers import Resources, layered, single_definition
from resourcekit.definitions.execution.pipelines import Config, Pipeline, Settings
from resourcekit.definitions.model.asset_keys import AssetKey, as_asset_key
from resourcekit.definitions.model.progress import Progress
from resourcekit.definitions.model.results import ExecutionResult
from resourcekit.definitions.model.steps import as_list

__all__ = ("Definitions", "definitions")


class Definitions:
    """Assets, jobs and the resources they share.

    Args:
        assets: The assets.
        jobs: The jobs.
        resources: A dict of resources by key, or a container: for all of them. A job's own go before these.

    Raises:
        DefinitionError: Something is no asset or job, two have the same name, or a key or what it holds is wrong.

    >>> from resourcekit import ResourceParam, asset
    >>> @asset
    ... def page(url: ResourceParam[str]) -> str:
    ...     return f"<a href={url}>"
    >>> defs = Definitions(assets=[page], resources={"url": "https://api.example.com"})
    >>> defs.materialize().output_for(page)
    '<a href=https://api.example.com>'
    """

    def __init__(
        self,
        assets: Iterable[AssetDefinition[..., Any]] = (),
        jobs: Iterable[JobDefinition] = (),
        resources: Resources | None = None,
    ) -> None:
        self.assets = tuple(as_list(assets or (), "Definitions(assets=...)", "assets"))
        self.resources = resources
        self._graph = asset_graph(self.assets, "Definitions(assets=...)")
        self._jobs = _by_name(jobs or ())
        layered([("Definitions(resources=...)", resources)])
        frame = caller_frame()
        self._module: str | None = None if frame is None else frame.f_globals.get("__name__")

    def __copy__(self) -> Self:
        return self  # As a module's function is.

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> Any:
        names = vars(sys.modules.get(self._module or "", object))
        for name in [name for name, each in names.items() if each is self]:
            if imported(self._module, name) is self:
                return _imported, (self._module, name)
        state = (self.assets, tuple(self._jobs.values()), self.resources)
        return _arrived, (pickled_by_value(state, "these Definitions"),)

    @property
    def jobs(self) -> dict[str, JobDefinition]:
        """The jobs by name, each with these resources below its own."""
        return {name: job.bound(self.resources) for name, job in self._jobs.items()}

    def get_job_def(self, name: str) -> JobDefinition:
        """A job, with these resources below its own.

        Args:
            name: Its name.

        Returns:
            The job; run it with its ``execute_in_process``.

        Raises:
            DefinitionError: There is no such job.

        >>> from resourcekit import job
        >>> @job
        ... def nightly(): ...
        >>> Definitions(jobs=[nightly]).get_job_def("nightly").execute_in_process().success
        True
        """
        if name not in self._jobs:
            raise DefinitionError(f"there is no job {name!r}; {did_you_mean(name, self._jobs)}")
        return self._jobs[name].bound(self.resources)

    def check(self) -> tuple[Problem, ...]:
        """Everything that is wrong between assets, jobs and resources; nothing is opened, no variable is read.

        Returns:
            The problems; empty when all fits together.

        >>> from resourcekit import ResourceParam, asset
        >>> @asset
        ... def page(url: ResourceParam[str]) -> str:
        ...     return url
        >>> print(*Definitions(assets=[page], resources={"uri": "x"}).check())  # doctest: +ELLIPSIS
        page(url): resources has no key 'url'; 'uri' holds str [unknown-resource]
            ...
            hint:      did you mean uri?
        """
        found = list(self._pipeline(None, None).check())
        for job in self.jobs.values():
            found += job.check()
        return tuple(found)

    def _pipeline(self, resources: Resources | None, selection: Any) -> Pipeline:
        levels = [("Definitions(resources=...)", self.resources), ("resources", resources)]
        return Pipeline("materialize", self._graph, levels, selection)

    def materialize(
        self,
        selection: Selection | None = None,
        *,
        resources: Resources | None = None,
        config: Config | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        raise_on_error: bool = True,
        max_concurrent: int = 1,
        progress: Progress = None,
    ) -> ExecutionResult:
        """Run the assets, as `resourcekit.materialize` does.

        Args:
            selection: Which of them; None means all.
            resources: A dict or container that goes before these resources.
            config: As for `resourcekit.materialize`, and so are the others.
            tags: The same.
            run_id: The same.
            raise_on_error: The same.
            max_concurrent: The same.
            progress: The same.

        Returns:
            The result.

        Raises:
            Exception: As `resourcekit.materialize`.
        """
        return self._pipeline(resources, selection).execute(
            Settings(config=config, tags=tags, run_id=run_id, raise_on_error=raise_on_error,
                     max_concurrent=max_concurrent, progress=progress)
        )  # fmt: skip

    async def amaterialize(
        self,
        selection: Selection | None = None,
        *,
        resources: Resources | None = None,
        config: Config | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        raise_on_error: bool = True,
        max_concurrent: int = 1,
        progress: Progress = None,
    ) -> ExecutionResult:
        """`materialize` from async code, in its event loop.

        Args:
            selection: As for `materialize`, and so are the others.
            resources: The same.
            config: The same.
            tags: The same.
            run_id: The same.
            raise_on_error: The same.
            max_concurrent: The same.
            progress: The same.

        Returns:
            The result.
        """
        return await self._pipeline(resources, selection).aexecute(
            Settings(config=config, tags=tags, run_id=run_id, raise_on_error=raise_on_error,
                     max_concurrent=max_concurrent, progress=progress)
        )  # fmt: skip

    def load_asset_value(
        self,
        asset: AssetDefinition[..., Any] | AssetKey | str,
        *,
        python_type: Any = Any,
        resources: Resources | None = None,
    ) -> Any:
        """The value of an asset, from where an earlier execution has kept it.

        Args:
            asset: The asset, or its key.
            python_type: What the IO manager is told that is wanted.
            resources: A dict or container that goes before these resources.

        Returns:
            The value.

        Raises:
            DefinitionError: There is no such asset, or no IO manager keeps its value.
            NotStoredError: It is not kept.
            RunStateError: It needs an event loop and one is running here: use `aload_asset_value`.

        >>> from resourcekit import InMemoryIOManager, asset
        >>> @asset
        ... def answer() -> int:
        ...     return 42
        >>> defs = Definitions(assets=[answer], resources={"io_manager": InMemoryIOManager()})
        >>> defs.materialize().success
        True
        >>> defs.load_asset_value("answer")
        42
        """
        key = self._key(asset)
        return self._pipeline(resources, key).load(key, python_type)

    async def aload_asset_value(
        self,
        asset: AssetDefinition[..., Any] | AssetKey | str,
        *,
        python_type: Any = Any,
        resources: Resources | None = None,
    ) -> Any:
        """`load_asset_value` from async code, in its event loop.

        Args:
            asset: As for `load_asset_value`, and so are the others.
            python_type: The same.
            resources: The same.

        Returns:
            The value.
        """
        key = self._key(asset)
        return await self._pipeline(resources, key).aload(key, python_type)

    def _key(self, asset: object) -> str:
        key = str(as_asset_key(asset, "load_asset_value()"))
        if key not in self._graph.nodes:
            raise DefinitionError(f"there is no asset {key!r}; {did_you_mean(key, self._graph.nodes)}")
        return key

    @classmethod
    def merge(cls, *parts: Definitions) -> Definitions:
        """Several `Definitions` as one.

        Args:
            *parts: They may share resources: the same object under the same key.

        Returns:
            New `Definitions`.

        Raises:
            DefinitionError: Two have different resources under one key, or different assets or jobs of one name.

        >>> Definitions.merge(Definitions(), Definitions(resources={"url": "x"})).resources
        {'url': 'x'}
        """
        given: list[Any] = [part.resources for part in parts if part.resources is not None]
        resources = given[0] if given and all(each is given[0] for each in given) else None
        if given and resources is None:
            if not all(isinstance(each, Mapping) for each in given):
                raise DefinitionError("Definitions.merge() takes dicts of resources, or one container for all")
            resources = single_definition("Definitions.merge()", given)
        assets = {id(each): each for part in parts for each in part.assets}
        jobs = {id(each): each for part in parts for each in part._jobs.values()}
        return cls(assets.values(), jobs.values(), resources)

    def __repr__(self) -> str:
        return f"<Definitions: {len(self.assets)} assets, {len(self._jobs)} jobs>"


def _imported(module: str, name: str) -> Any:
    """The `Definitions` of a module: what they are pickled as."""
    return getattr(import_module(module), name)


def _arrived(sent: Any) -> Definitions:
    """`Definitions` that have no import path, made of what was sent."""
    return Definitions(*unpickled(sent))


def _by_name(jobs: Iterable[Any]) -> dict[str, JobDefinition]:
    found: dict[str, JobDefinition] = {}
    for job in as_list(jobs, "Definitions(jobs=...)", "jobs"):
        if not isinstance(job, JobDefinition):
            given = getattr(job, "__name__", None) or kind_in_words(job)
            raise DefinitionError(f"Definitions(jobs=...) wants jobs, not {given}; decorate a function with @job")
        if found.setdefault(job.name, job) is not job:
            raise DefinitionError(f"Definitions has two jobs called {job.name!r}; give one another name")
    return found


def definitions(function: Callable[[], Definitions], /) -> Callable[[], Definitions]:
    """Mark the function that makes a module's `Definitions`; it is called once, when they are first asked for.

    Args:
        function: A function without parameters.

    Returns:
        A function that gives the same `Definitions` each time.

    Raises:
        DefinitionError: On a call: it gives something else.

    >>> @definitions
    ... def shop():
    ...     return Definitions(resources={"url": "https://api.example.com"})
    >>> shop() is shop()
    True
    """
    made = cache(lambda: _checked(function(), function.__name__))
    giving = wraps(function)(lambda: made())
    vars(giving)["__resourcekit_definitions__"] = True  # How the command line knows it.
    return giving


def _checked(found: object, name: str) -> Definitions:
    if not isinstance(found, Definitions):
        raise DefinitionError(f"@definitions {name} gives {kind_in_words(found)}: return Definitions(...)")
    return found
