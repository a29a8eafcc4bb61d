"""`resourcekit run`: a function in a run of its own, watched while it starts."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from cyclopts import App

from resourcekit.annotations.annotation_structure import function_annotations
from resourcekit.base.errors import ConfigError, InjectionError, PlanError, PreflightError
from resourcekit.cli.logs import logs_told
from resourcekit.cli.output import Lines, as_json, problem_lines, show, tell, written
from resourcekit.cli.output_masking import secrets_of
from resourcekit.cli.target_containers import containers_of
from resourcekit.cli.targets import Target, callable_at, container_in, containers_at, is_pipeline
from resourcekit.cli.user_errors import CommandError, UserCodeError, is_from_user_code
from resourcekit.cli.watching import Watch
from resourcekit.injection.filling import per_call
from resourcekit.injection.wrappers import acalled, called
from resourcekit.lifecycle.report import RunReport

__all__ = ("Asked", "run")


@attrs.frozen
class Asked:
    """What `resourcekit run` is asked for.

    Args:
        target: The TARGET of a function, a job or assets.
        arguments: Its arguments, as text.
        container: The container's TARGET; by default that of the function's module.
        env: The environment.
        config: Overlay files.
        is_concurrent: Resources are set up beside one another.
        is_quiet: Neither progress nor report is shown.
    """

    target: str
    arguments: Sequence[str]
    container: str | None = None
    env: str | None = None
    config: Sequence[Path] = ()
    is_concurrent: bool = False
    is_quiet: bool = False


def run(asked: Asked, reports: Sequence[Path]) -> int:
    """Run the function, the job or the assets at a target.

    Args:
        asked: What is asked for.
        reports: Files for the report; the suffix says the form.

    Returns:
        The exit code.

    Raises:
        CommandError: The command cannot be done as it is written.
        UserCodeError: The user's code raised.
    """
    forms = {file: _form(file) for file in reports}
    found = callable_at(asked.target)
    if is_pipeline(found.found):
        watched, do = _execution(found, asked)
        watch = Watch(watched, is_quiet=True)  # It has a progress and a result of its own.
    else:
        home = containers_at(asked.container) if asked.container is not None else _beside(found)
        watched = containers_of(home, asked.env, asked.config).container
        given = _parsed(watched, found, asked.arguments)
        if given is None:  # It was asked for its help.
            return 0
        call = functools.partial(_result, watched, found.found, *given, is_concurrent=asked.is_concurrent)
        watch, do = Watch(watched, is_quiet=asked.is_quiet), functools.partial(_called, watched, found, call)
    try:
        with watch, logs_told(functools.partial(secrets_of, watched)):
            return do()
    except (PlanError, ConfigError, PreflightError) as error:
        if is_from_user_code(error):
            raise UserCodeError(error, f"running {found.text}", 1, secrets_of(watched)) from error
        return _told(error)
    finally:
        watch.tell()
        for file, form in forms.items():
            written(form(watch.report), file)


def _execution(found: Target, asked: Asked) -> tuple[Any, Callable[[], int]]:
    """The resources of assets or a job, and how to execute them.

    They are those of the container that was said, else their own, else the module's.
    """
    from resourcekit.cli.run_pipelines import chosen_from, execute, home_of, prepared

    is_at_home = asked.container is None and asked.env is None
    found, selection = chosen_from(found, asked.arguments, is_at_home=is_at_home)
    home = home_of(found, asked.container, asked.env)
    given = None if home is None else containers_of(home, asked.env, ()).container
    pipeline = prepared(found, selection, container=given, config=asked.config)
    resources, options = pipeline.layers().container, {"is_concurrent": asked.is_concurrent, "is_quiet": asked.is_quiet}
    return resources, functools.partial(execute, found, pipeline, resources, **options)


def _beside(found: Target) -> Target:
    """The container in a function's module."""
    name = found.text.rpartition(":")[0] or found.text
    return container_in(found.module, name, "say with --container which has its resources")


def _parsed(
    container: Any, found: Target, arguments: Sequence[str]
) -> tuple[tuple[Any, ...], Mapping[str, Any]] | None:
    """The function's own arguments; None where its help was asked for.

    Raises:
        CycloptsError: They do not fit.
    """
    taken: list[tuple[tuple[Any, ...], Mapping[str, Any]]] = []

    def take(*args: Any, **kwargs: Any) -> None:
        taken.append((args, kwargs))

    name = getattr(found.found, "__name__", found.text)
    parser = App(
        name=f"resourcekit run {found.text}",
        help=inspect.getdoc(found.found) or name,
        help_format="plaintext",
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        default_command=_with_signature(take, container.inject(found.found)),
    )
    parser(list(arguments), exit_on_error=False, print_error=False)
    return taken[0] if taken else None


def _with_signature(take: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """*take* with the signature of a function, its annotations read."""
    signature = inspect.signature(function)
    hints = function_annotations(inspect.unwrap(function))
    parameters = [
        each.replace(annotation=hints.get(name, each.annotation)) for name, each in signature.parameters.items()
    ]
    functools.update_wrapper(take, function)
    vars(take)["__signature__"] = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    take.__annotations__ = {each.name: each.annotation for each in parameters}
    return take


def _called(container: Any, found: Target, call: Callable[[], Any]) -> int:
    """Call the function, show what it gives, and say the exit code."""
    try:
        result = call()
    except (PlanError, ConfigError, PreflightError):
        raise
    except Exception as error:
        if isinstance(error, InjectionError) and not is_from_user_code(error):
            raise CommandError(str(error)) from None
        raise UserCodeError(error, f"running {found.text}", 1, secrets_of(container)) from error
    if result is not None:
        print(result)
    return 0


def _told(error: PlanError | ConfigError | PreflightError) -> int:
    show(Lines(tuple(problem_lines(error.problems))), to_stderr=True)
    count = len(error.problems)
    tell(f"error: {count} problem{'' if count == 1 else 's'}, nothing was opened", style="bold red")
    return 1


def _result(
    container: Any,
    function: Callable[..., Any],
    given: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    is_concurrent: bool,
) -> Any:
    """What the function gives; in an async run where it, or what it asks for, is async."""
    fill = per_call(container._blueprint, is_concurrent=is_concurrent)
    if not inspect.iscoroutinefunction(inspect.unwrap(function)):
        try:
            return called(function, fill, given, named)
        except PlanError as error:  # Nothing was opened.
            if any(problem.code != "async-in-sync" for problem in error.problems):
                raise
    return asyncio.run(acalled(function, fill, given, named))


# The report


def _form(file: Path) -> Callable[[RunReport], str]:
    form = next((form for suffix, form in _FORMS.items() if file.name.endswith(suffix)), None)
    if form is None:
        raise CommandError(f"--report {file}: its suffix says the form, one of {', '.join(_FORMS)}")
    return form


_FORMS: Final[Mapping[str, Callable[[RunReport], str]]] = {
    ".html": lambda report: report.timeline.html(),
    ".trace.json": lambda report: as_json(report.timeline.trace_events()),
    ".json": lambda report: as_json({**report.to_dict(), "timeline": report.timeline.to_dict()}),
}
