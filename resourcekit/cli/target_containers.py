"""The containers of whatever a TARGET is: those of a program, or those that assets and jobs are executed with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resourcekit.cli.choosing import Chosen, choose
from resourcekit.cli.targets import Target, is_pipeline

__all__ = ("containers_of",)


def containers_of(target: Target, env: str | None, config: Sequence[Path]) -> Chosen:
    """The containers of a target, one of them chosen, with overlays laid over all.

    Args:
        target: A container, `Environments`, `Definitions`, a job or an asset.
        env: The environment's name; by default what the variable says.
        config: Overlay files, the strongest last.

    Raises:
        CommandError: There is no such environment, or an overlay file or the resources are wrong.
        UserCodeError: Making a container raised.
    """
    if is_pipeline(target.found):
        from resourcekit.cli.run_pipelines import resources_of  # The user's module has loaded what this needs.

        return resources_of(target, env, config)
    return choose(target, env, config)
