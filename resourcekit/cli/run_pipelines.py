"""`resourcekit run` of assets, jobs and `Definitions`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from rich.text import Text

from resourcekit.base.errors import (
    ConfigError,
    DefinitionError,
    PlanError,
    PreflightError,
    Problem,
    UnknownKeyError,
    did_you_mean,
    listed,
)
from resourcekit.cli.choosing import Chosen, choose, with_config
from resourcekit.cli.output import show, tell
from resourcekit.cli.output_masking import masked, secrets_of
from resourcekit.cli.targets import Target, assets_of, container_in, containers_at, definitions_in, has_container
from resourcekit.cli.user_errors import CommandError, is_from_user_code, print_traceback, says_all
from resourcekit.definitions import AssetDefinition, Definitions, ExecutionResult, JobDefinition
from resourcekit.definitions.execution.pipelines import Pipeline, Settings

__all__ = ("chosen_from", "execute", "home_of", "prepared", "resources_of")


def chosen_from(target: Target, arguments: Sequence[str], *, is_at_home: bool) -> tuple[Target, list[str]]:
    """What of a target is executed: a job of `Definitions`, or an asset or job in those that hold it.

    Args:
        target: An asset, a job, or `Definitions`.
        arguments: The name of a job of the `Definitions`, and the steps to select.
        is_at_home: An asset or job is executed with the one `Definitions` of its module that hold it.

    Returns:
        The job or `Definitions`, and the steps to select.

    Raises:
        CommandError: There is no such job, or it must be said which.
    """
    found, selection = target.found, list(arguments)
    if isinstance(found, Definitions):
        return _of_definitions(target, found, selection)
    holding = _holding(target) if is_at_home else None
    if isinstance(found, AssetDefinition):
        home = assets_of(target.module) if holding is None else holding
        return attrs.evolve(target, found=home), [*selection, f"*{found.key}"]
    return (target if holding is None else attrs.evolve(target, found=holding.get_job_def(found.name))), selection


def _of_definitions(target: Target, found: Definitions, selection: list[str]) -> tuple[Target, list[str]]:
    """The job that the first argument names, or the only thing there is; else the assets."""
    jobs, name = found.jobs, selection[0] if selection else None
    if name in jobs and name not in {str(each.key) for each in found.assets}:
        return attrs.evolve(target, found=jobs[name]), selection[1:]
    if found.assets or not jobs:
        return target, selection
    if name is not None:
        raise CommandError(f"{target.text} has no job {name!r}; {did_you_mean(name, jobs)}")
    if len(jobs) > 1:
        raise CommandError(f"{target.text} has {len(jobs)} jobs, say which: {listed(list(jobs))}")
    return attrs.evolve(target, found=next(iter(jobs.values()))), selection


def _holding(target: Target) -> Definitions | None:
    """The one `Definitions` of the module that hold what is run."""
    found = target.found

    def holds(each: Definitions) -> bool:
        if isinstance(found, AssetDefinition):
            return found in each.assets
        return found.name in each.jobs and each.jobs[found.name].graph is found.graph

    holding = [each for each in definitions_in(target.module).values() if holds(each)]
    return holding[0] if len(holding) == 1 else None


def _has_own_resources(found: object) -> bool:
    """Whether what is run says itself where its resources are from."""
    if isinstance(found, Definitions):
        return found.resources is not None
    return isinstance(found, JobDefinition) and (found.resource_defs is not None or found.below is not None)


def home_of(target: Target, container: str | None, env: str | None) -> Target | None:
    """Where the resources are from: the container that was said, else the module's; None where it has its own.

    Args:
        target: What is executed.
        container: The container's TARGET, if one was said.
        env: The environment, if one was said: then the module's go before its own.
    """
    if container is not None:
        return containers_at(container)
    if env is None and (_has_own_resources(target.found) or not has_container(target.module)):
        return None
    return container_in(target.module, target.module.__name__)


def resources_of(target: Target, env: str | None, config: Sequence[Path]) -> Chosen:
    """The containers that assets or a job would be executed with, to be inspected.

    Args:
        target: An asset, a job, or `Definitions`.
        env: The environment's name.
        config: Overlay files.

    Raises:
        CommandError: There is no such environment, or resources or overlays do not fit.
    """
    if not isinstance(target.found, Definitions):
        target = chosen_from(target, (), is_at_home=env is None)[0]
    home = home_of(target, None, env)
    if home is not None:
        chosen = choose(home, env, config)
        return attrs.evolve(chosen, target=target, of_steps=partial(_problems, target))
    container = prepared(target, (), container=None, config=config).layers().container
    name = str(container.declarative_parent.__name__)
    return Chosen({name: container}, None, name, target, of_steps=lambda container: _problems(target, None))


def _problems(target: Target, container: Any) -> tuple[Problem, ...]:
    """What is wrong between the steps and their resources."""
    found = target.found
    try:
        if isinstance(found, JobDefinition):
            return found.check(resources=container)
        pipeline: Pipeline = found._pipeline(container, None)
        of_jobs = [problem for job in found.jobs.values() for problem in job.check(resources=container)]
        return tuple(dict.fromkeys([*pipeline.check(), *of_jobs]))
    except DefinitionError as error:
        raise CommandError(str(error)) from None


def prepared(target: Target, selection: Sequence[str], *, container: Any, config: Sequence[Path]) -> Pipeline:
    """Assets or a job, with all of its resources as one container.

    Args:
        target: A job or `Definitions`.
        selection: Which of the steps, as for `materialize`; empty for all.
        container: What gives the resources; None where what is run says so itself.
        config: Overlay files that are to be laid over them.

    Raises:
        CommandError: The resources, or an overlay file, do not fit.
    """
    pipeline: Pipeline = target.found._pipeline(container, list(selection) or None)
    try:
        layers = pipeline.layers()
    except DefinitionError as error:
        raise CommandError(str(error)) from None
    return attrs.evolve(pipeline, made=layers.configured(with_config(layers.container, config)))


def execute(target: Target, pipeline: Pipeline, container: Any, *, is_concurrent: bool, is_quiet: bool) -> int:
    """Execute assets or a job, and show what became of it.

    Args:
        target: What was asked for.
        pipeline: Its steps.
        container: Its resources.
        is_concurrent: Set them up beside one another.
        is_quiet: Show neither progress nor result.

    Returns:
        The exit code.

    Raises:
        CommandError: The selection, or the resources, do not fit.
        PlanError | ConfigError | PreflightError: The resources cannot be set up; nothing was opened.
    """
    settings = Settings(
        tags=getattr(target.found, "tags", None),
        raise_on_error=False,
        progress=False if is_quiet else None,
        is_concurrent_start=is_concurrent,
    )
    try:
        result = pipeline.execute(settings)
    except (DefinitionError, UnknownKeyError) as error:
        if is_from_user_code(error):
            raise
        raise CommandError(str(error)) from None
    of_steps = {id(step.error) for step in result.steps.values()}
    for each in result.errors:
        if isinstance(each, PlanError | ConfigError | PreflightError) and id(each) not in of_steps:
            raise each
    _tell(result, secrets_of(container) if result.errors else (), is_quiet=is_quiet)
    return 0 if result.success else 1


def _tell(result: ExecutionResult, secrets: Sequence[str], *, is_quiet: bool) -> None:
    """Show what was raised, and the result; what teardowns raised beside it is in the log."""
    attached = [
        each for error in result.errors for each in getattr(getattr(error, "teardown_errors", None), "exceptions", ())
    ]
    for each in result.errors:
        if any(each is other for other in attached):
            continue
        if not says_all(each):
            print_traceback(each, secrets, told=result.errors)
        elif is_quiet:  # Else the result says it.
            tell(masked(f"error: {each}", secrets), style="bold red")
    if not is_quiet:
        show(Text(masked(str(result), secrets)), to_stderr=True)  # Markup in what is raised stays text.
