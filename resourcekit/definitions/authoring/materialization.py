"""`materialize`: running assets, each after those it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from resourcekit.definitions.authoring.assets import AssetDefinition, asset_graph
from resourcekit.definitions.execution.layers import Resources
from resourcekit.definitions.execution.pipelines import Config, Pipeline, Settings
from resourcekit.definitions.model.asset_keys import AssetKey
from resourcekit.definitions.model.progress import Progress
from resourcekit.definitions.model.results import ExecutionResult

__all__ = ("Selection", "amaterialize", "materialize")

Selection = str | AssetKey | AssetDefinition[..., Any] | Iterable[str | AssetKey | AssetDefinition[..., Any]]
"""What chooses assets."""


def materialize(
    assets: Iterable[AssetDefinition[..., Any]],
    *,
    resources: Resources | None = None,
    config: Config | None = None,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
    selection: Selection | None = None,
    raise_on_error: bool = True,
    max_concurrent: int = 1,
    progress: Progress = None,
) -> ExecutionResult:
    """Run assets, each after those it needs, in one run of exactly the resources they ask for.

    Nothing opens until everything checks: every parameter, key and type, then the whole config.

    Args:
        assets: The assets.
        resources: A dict of resources, factories, plain values and providers by key, or a container. The key
            ``io_manager`` keeps the values; without it they stay in memory.
        config: An overlay for this run, as for a container's ``run(config=...)``.
        tags: Words of yours for the run; contexts, hooks and the result have them.
        run_id: The run's identifier; made up when it is not given.
        selection: Which of the assets: themselves, their keys, or ``"*report"`` (with all it needs), ``"+report"``,
            ``"orders*"``, ``"group:shop"``. The values of others are loaded from where they are kept.
        raise_on_error: False gives a failed result in place of an exception, and goes on with the assets that do
            not need a failed one.
        max_concurrent: How many may run at once: async ones as tasks, sync ones in threads. One that works with a
            resource whose class has ``threads=False``, an SQLite connection perhaps, stays in this thread.
        progress: False shows nothing; a function is called with each `StepEvent`; otherwise a live display on a
            terminal where rich is installed, else log lines.

    Returns:
        The result: what became of each asset, and its value.

    Raises:
        DefinitionError: Assets and resources do not fit together; all that is wrong is told.
        PlanError | ConfigError | PreflightError: The resources cannot be set up; nothing was opened.
        Exception: What the first asset that failed has raised; of several at once, an `ExecutionError`. What became of
            all, until then, is its ``execution_result``.
        RunStateError: It needs an event loop and one is running here: use `amaterialize`.

    >>> from resourcekit import ResourceParam, asset
    >>> @asset
    ... def page(url: ResourceParam[str]) -> str:
    ...     return f"<a href={url}>"
    >>> materialize([page], resources={"url": "https://api.example.com"}).output_for(page)
    '<a href=https://api.example.com>'
    """
    pipeline = Pipeline("materialize", asset_graph(assets, "materialize()"), [("resources", resources)], selection)
    return pipeline.execute(
        Settings(
            config=config,
            tags=tags,
            run_id=run_id,
            raise_on_error=raise_on_error,
            max_concurrent=max_concurrent,
            progress=progress,
        )
    )


async def amaterialize(
    assets: Iterable[AssetDefinition[..., Any]],
    *,
    resources: Resources | None = None,
    config: Config | None = None,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
    selection: Selection | None = None,
    raise_on_error: bool = True,
    max_concurrent: int = 1,
    progress: Progress = None,
) -> ExecutionResult:
    """`materialize` from async code, in its event loop: asyncio's or trio's.

    Args:
        assets: As for `materialize`, and so are the others.
        resources: The same.
        config: The same.
        tags: The same.
        run_id: The same.
        selection: The same.
        raise_on_error: The same.
        max_concurrent: The same.
        progress: The same.

    Returns:
        The result.

    Raises:
        Exception: As `materialize`.

    >>> import anyio
    >>> from resourcekit import asset
    >>> @asset
    ... async def answer() -> int:
    ...     return 42
    >>> async def main():
    ...     result = await amaterialize([answer])
    ...     return result.output_for(answer)
    >>> anyio.run(main)
    42
    """
    pipeline = Pipeline("materialize", asset_graph(assets, "amaterialize()"), [("resources", resources)], selection)
    return await pipeline.aexecute(
        Settings(
            config=config,
            tags=tags,
            run_id=run_id,
            raise_on_error=raise_on_error,
            max_concurrent=max_concurrent,
            progress=progress,
        )
    )
