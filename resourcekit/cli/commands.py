"""The commands: their arguments, and which inspection each one shows."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.text import Text

from resourcekit.base.errors import Problem, UnknownKeyError
from resourcekit.base.masking import printable
from resourcekit.cli import doctor as examination
from resourcekit.cli import running
from resourcekit.cli.choosing import Chosen
from resourcekit.cli.options import DEFAULT, ENV_SUFFIXES, FLAG, GRAPH_SUFFIXES, ONE, Common, Output, TargetText
from resourcekit.cli.output import as_json, format_of, show, tell, written
from resourcekit.cli.reports import as_github, as_sarif, as_text, found_json, is_warning
from resourcekit.cli.user_errors import CommandError, UserCodeError, print_traceback
from resourcekit.inspection.container_graph import EnvironmentGraphs
from resourcekit.inspection.difference import compare
from resourcekit.inspection.env import ContainerEnv, joined
from resourcekit.inspection.explanation import UnknownFieldError

__all__ = ("app", "invoke")

_HELP: Final = (
    "See before you run: what a container opens, in which order, and from which variables.\n\n"
    "TARGET is package.module:object or path/to/file.py:object, a container class, an instance, Environments or "
    "Definitions; the object may be left out where a module has one only."
)

app = App(
    name="resourcekit",
    help=_HELP,
    version=lambda: version("resourcekit"),
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `invoke` says that it was interrupted.
)
app.register_install_completion_command(help="Install completion for your shell.")


@app.command(usage="Usage: resourcekit check [OPTIONS] TARGET [KEY ...]")
def check(
    target: TargetText,
    /,
    *keys: str,
    all_: Annotated[bool, FLAG, Parameter(name="--all")] = False,
    wiring: Annotated[bool, FLAG] = False,
    format: Literal["text", "json", "github", "sarif"] = "text",
    common: Common = DEFAULT,
) -> int:
    """Tell every problem at once; nothing is opened. Exit code 1 where a run would not start.

    Args:
        target: A container, Environments or Definitions.
        keys: Check what these need; all by default.
        all_: Check every environment.
        wiring: Leave variables and files unread.
        format: For people, scripts, GitHub's annotations, or code scanners.
        common: What every command takes.
    """
    chosen = common.chosen(target)
    if all_ and common.env is not None:
        raise CommandError("--all and --env exclude each other")
    containers = _all_of(chosen) if all_ else {chosen.current: chosen.container}
    found: dict[str, tuple[Problem, ...]] = {}
    for name, container in containers.items():
        of_steps = () if keys else chosen.of_steps(container)
        found[str(name)] = (*_checked(container, keys, environment=not wiring, warnings=True), *of_steps)
    forms: dict[str, Callable[[], Any]] = {
        "text": lambda: as_text(found),
        "json": lambda: found_json(found),
        "github": lambda: as_github(found),
        "sarif": lambda: as_sarif(found, chosen.target.file),
    }
    form = forms[format]()
    if format == "text":
        show(form)
    elif form:  # GitHub's is empty where nothing is wrong.
        written(form, None)
    return 0 if all(is_warning(problem) for problems in found.values() for problem in problems) else 1


@app.command(usage="Usage: resourcekit plan [OPTIONS] TARGET [KEY ...]")
def plan(target: TargetText, /, *keys: str, format: Literal["text", "json"] = "text", common: Common = DEFAULT) -> int:
    """Show what a run would set up: order, hooks, scope, config sources, and what can start together.

    Args:
        target: A container, Environments or Definitions.
        keys: What is asked for; all by default.
        format: For people or scripts.
        common: What every command takes.
    """
    container = common.chosen(target).container
    made = _known(partial(container.plan, *keys))
    return _shown(made, format)


@app.command(usage="Usage: resourcekit graph [OPTIONS] TARGET [KEY ...]")
def graph(
    target: TargetText,
    /,
    *keys: str,
    format: Literal["text", "json", "mermaid", "dot", "svg", "html"] | None = None,
    output: Output = None,
    common: Common = DEFAULT,
) -> int:
    """Show what needs what. As html it is one page, with all environments, that needs no network.

    Args:
        target: A container, Environments or Definitions.
        keys: Show these and what they need; all by default.
        format: html is a page to look around in; by default what the suffix of the output file says, else text.
        output: Write to this file.
        common: What every command takes.
    """
    form = format_of(output, format, GRAPH_SUFFIXES)
    chosen = common.chosen(target)
    if form == "html":
        graphs = {name: _known(partial(container.graph, *keys)) for name, container in _all_of(chosen).items()}
        written(EnvironmentGraphs(graphs).html(chosen.current), output)
        return 0
    drawn = _known(partial(chosen.container.graph, *keys))
    if form == "text" and output is None:
        return _shown(drawn, form)
    forms: dict[str, Callable[[], str]] = {
        "text": lambda: str(drawn),
        "json": lambda: as_json(drawn.to_dict()),
        "mermaid": drawn.mermaid,
        "dot": drawn.dot,
        "svg": drawn.svg,
    }
    written(forms[form](), output)
    return 0


@app.command
def env(
    target: TargetText,
    /,
    *,
    format: Literal["text", "json", "dotenv", "markdown", "json-schema"] | None = None,
    output: Output = None,
    common: Common = DEFAULT,
) -> int:
    """Show every variable and file that is read: type, default, who needs it, set or missing; never a value.

    Args:
        target: A container, Environments or Definitions; of Environments all are shown, unless --env says which.
        format: dotenv is an .env.example, markdown a table, json-schema a schema for overlay files; by default what
            the suffix of the output file says, else text.
        output: Write to this file.
        common: What every command takes.
    """
    form = format_of(output, format, ENV_SUFFIXES)
    chosen = common.chosen(target)
    read = _env_of_all(chosen) if chosen.environments is not None and common.env is None else chosen.container.env()
    if form == "text" and output is None:
        return _shown(read, form)
    forms: dict[str, Callable[[], str]] = {
        "text": lambda: str(read),
        "json": lambda: as_json(read.to_dict()),
        "dotenv": read.dotenv,
        "markdown": read.markdown,
        "json-schema": lambda: as_json(read.json_schema()),
    }
    written(forms[form](), output)
    return 0


def _env_of_all(chosen: Chosen) -> ContainerEnv:
    environments = chosen.environments
    assert environments is not None
    each = {name: container.env() for name, container in _all_of(chosen).items()}
    return joined("all environments", each, environments.variable, environments.default)


@app.command
def diff(
    target: TargetText,
    left: str,
    right: str,
    /,
    *,
    exit_code: Annotated[bool, FLAG] = False,
    format: Literal["text", "json"] = "text",
    common: Common = DEFAULT,
) -> int:
    """Show what differs between two environments, by resource and field; secrets are compared and not shown.

    Args:
        target: Environments.
        left: One environment.
        right: The other.
        exit_code: Exit with 1 where they differ.
        format: For people or scripts.
        common: What every command takes.
    """
    if common.env is not None:
        raise CommandError("diff compares the two environments that follow the target: leave --env out")
    chosen = common.chosen(target)
    one, other = (chosen.named(name).graph() for name in (left, right))
    difference = compare(left, one, right, other)
    _shown(difference, format)
    return 1 if exit_code and difference else 0


@app.command
def explain(
    target: TargetText, where: str, /, *, format: Literal["text", "json"] = "text", common: Common = DEFAULT
) -> int:
    """Show where a value comes from: overlay, declaration, variable, default; what won and what lost.

    Args:
        target: A container, Environments or Definitions.
        where: A field, database.port, a part of one, database.pool.size, or a whole resource, database.
        format: For people or scripts.
        common: What every command takes.
    """
    container = common.chosen(target).container
    return _shown(_known(partial(container.explain, where)), format)


@app.command(usage="Usage: resourcekit run [OPTIONS] TARGET [ARGUMENT ...]")
def run(
    target: TargetText,
    /,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    container: TargetText | None = None,
    concurrent: Annotated[bool, FLAG] = False,
    report: Annotated[tuple[Path, ...], ONE] = (),
    quiet: Annotated[bool, FLAG] = False,
    common: Common = DEFAULT,
) -> int:
    """Run a function, a job or assets with the resources they ask for; a function's other parameters are arguments.

    Args:
        target: A function, a job, an asset or Definitions; it may be left out where a module has one only.
        arguments: The function's own, after -- also those spelt like options of this command; of assets, which.
        container: Where its resources are from, as a TARGET; by default the container in the function's module.
        concurrent: Set each resource up as soon as what it needs is up, beside others.
        report: Write when each phase began and ended: .html, .json, or .trace.json for Chrome and Perfetto.
        quiet: Show no progress and no report.
        common: What every command takes.
    """
    common.load()
    asked = running.Asked(
        str(target),
        arguments,
        container=None if container is None else str(container),
        env=common.env,
        config=common.config,
        is_concurrent=concurrent,
        is_quiet=quiet,
    )
    return running.run(asked, report)


@app.command(usage="Usage: resourcekit doctor [OPTIONS] TARGET [KEY ...]")
def doctor(
    target: TargetText,
    /,
    *keys: str,
    together: Annotated[bool, FLAG] = False,
    format: Literal["text", "json"] = "text",
    common: Common = DEFAULT,
) -> int:
    """Start each resource for real, run its check_health hook, tear it down; tell times and root causes.

    Args:
        target: A container, Environments or Definitions.
        keys: Start these only, with what they need.
        together: Start all in one run, as the program would, not one by one.
        format: For people or scripts.
        common: What every command takes.
    """
    container = common.chosen(target).container
    problems = _checked(container, keys)
    if problems:
        show(as_text({container.declarative_parent.__name__: problems}))
        tell("nothing was started")
        return 1
    result = examination.examine(container, keys, together=together)
    _shown(result, format)
    return 0 if result.is_well else 1


def _all_of(chosen: Chosen) -> Mapping[str, Any]:
    """The containers of all environments, with a word on a variable that names none of them."""
    if chosen.misnamed is not None:
        tell(f"warning: {chosen.misnamed}", style="yellow")
    return chosen.containers


def _checked(container: Any, keys: tuple[str, ...], **options: bool) -> tuple[Problem, ...]:
    problems: tuple[Problem, ...] = _known(partial(container.check, *keys, **options))
    return problems


def _known(ask: Callable[[], Any]) -> Any:
    """What *ask* gives, its keys being the user's."""
    try:
        return ask()
    except (UnknownKeyError, UnknownFieldError) as error:
        raise CommandError(str(error)) from None


def _shown(thing: Any, format: str) -> int:
    if format == "json":
        written(as_json(thing.to_dict()), None)
    else:
        show(thing)
    return 0


def invoke(arguments: Sequence[str]) -> int:
    """Do what a command line says, and give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    try:
        code = app(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (CommandError, CycloptsError) as error:
        show(Text.assemble(("error: ", "bold red"), printable(str(error), keep="\n\t")), to_stderr=True)
        return 2
    except UserCodeError as error:
        print_traceback(error.error, error.secrets)
        tell(f"error: {error.doing} failed", style="bold red")
        return error.code
    except OSError as error:  # Of the output: what the user's code and files raise is told already.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # `... | head` has seen enough.
            tell(f"error: the output cannot be written: {error.strerror}", style="bold red")
        return 1
    except KeyboardInterrupt:
        tell("interrupted", style="yellow")
        return 130
    return code if isinstance(code, int) else 0
