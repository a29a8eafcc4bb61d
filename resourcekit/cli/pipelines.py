"""`resourcekit run` of assets, jobs and `Definitions`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from resourcekit.cli.faults import CommandError, is_from_user_code, print_traceback
from resourcekit.cli.output import show
from resourcekit.cli.targets import Target, assets_of
from resourcekit.cli.watching import Watch
from resourcekit.container import ResourceContainer
from resourcekit.definitions import AssetDefinition, Definitions, ExecutionResult, JobDefinition
from resourcekit.errors import DefinitionError, UnknownKeyError

__all__ = ("execute", "has_own_resources")


def has_own_resources(found: object) -> bool:
    """Whether what is run says itself where its resources are from."""
    if isinstance(found, Definitions):
        return found.resources is not None
    return isinstance(found, JobDefinition) and (found.resource_defs is not None or found.below is not None)


def execute(
    target: Target,
    selection: Sequence[str],
    *,
    container: Any,
    config: Sequence[Path],
    is_quiet: bool,
) -> tuple[int, Watch | None]:
    """Execute assets or a job.

    Args:
        target: An asset, a job, or `Definitions`.
        selection: Which of the steps, as for `materialize`; empty for all.
        container: What gives the resources; None where what is run says so itself.
        config: Overlay files, where there is no container that has them already.
        is_quiet: Show neither progress nor result.

    Returns:
        The exit code, and who watched; None where there was no container to listen to.

    Raises:
        CommandError: The selection, or the resources, do not fit.
        PlanError | ConfigError | PreflightError: The resources cannot be set up; nothing was opened.
    """
    if len(config) > 1:
        raise CommandError("give one --config, or a container with --container that they are laid over")
    found, chosen = target.found, list(selection)
    if isinstance(found, AssetDefinition):
        found, chosen = assets_of(target.module), [*chosen, f"*{target.found.key}"]
    watched = container if container is not None else getattr(found, "resources", None)
    watch = Watch(watched, is_quiet=True) if isinstance(watched, ResourceContainer) else None
    run = found.execute_in_process if isinstance(found, JobDefinition) else found.materialize
    try:
        with watch or nullcontext():
            result: ExecutionResult = run(
                resources=container,
                config=config[0] if config else None,
                selection=chosen or None,
                raise_on_error=False,
                progress=False if is_quiet else None,
            )
    except (DefinitionError, UnknownKeyError) as error:
        if is_from_user_code(error):
            raise
        raise CommandError(str(error)) from None
    for raised in result.errors:
        print_traceback(raised)
    if not is_quiet:
        show(result, to_stderr=True)
    return (0 if result.success else 1), watch
