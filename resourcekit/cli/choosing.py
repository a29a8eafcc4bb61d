"""Which container a command is about: of a TARGET's environments the one that is chosen, with its overlays."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from resourcekit.base.errors import Problem, ResourceKitError, did_you_mean
from resourcekit.cli.targets import Target
from resourcekit.cli.user_errors import CommandError, UserCodeError
from resourcekit.container.declarative import ContainerMeta
from resourcekit.container.environments import Environments

__all__ = ("Chosen", "choose", "with_config")

Container = Any
"""A container instance: its keys are the user's."""


@attrs.frozen
class Chosen:
    """The containers that a command is about.

    Args:
        containers: By environment; by the container's name where there are no environments.
        environments: The object that knows them, where there is one.
        current: The one that was chosen; None where that cannot be told.
        target: Where they are from.
        misnamed: What is wrong with the value of the variable that chooses, if anything is.
        of_steps: What is wrong between a container and the steps that it is for.
    """

    containers: Mapping[str, Container]
    environments: Environments[Any] | None
    current: str | None
    target: Target
    misnamed: str | None = None
    of_steps: Callable[[Container], tuple[Problem, ...]] = lambda container: ()

    @property
    def container(self) -> Container:
        """The one container that was chosen.

        Raises:
            CommandError: None was.
        """
        if self.current is None:
            variable = None if self.environments is None else self.environments.variable
            unset = f"which environment? Set {variable}, or add --env: one of {', '.join(self.containers)}"
            raise CommandError(self.misnamed or unset)
        return self.containers[self.current]

    def named(self, name: str) -> Container:
        """The container of an environment.

        Raises:
            CommandError: There is no such environment, or there are none at all.
        """
        if self.environments is None:
            raise CommandError(f"{self.target.text} is one container, not Environments: it has no environment {name!r}")
        if name not in self.containers:
            raise CommandError(f"no environment {name!r}; {did_you_mean(name, self.containers)}")
        return self.containers[name]


def choose(target: Target, env: str | None, config: Sequence[Path]) -> Chosen:
    """The containers of a target, one of them chosen, with overlays laid over all.

    Args:
        target: The target.
        env: The environment's name; by default what the variable says.
        config: Overlay files, the strongest last.

    Raises:
        CommandError: There is no such environment, or an overlay file cannot be read.
        UserCodeError: Making a container raised.
    """
    found = target.found
    if isinstance(found, Environments):
        each = {name: with_config(_made(found.__getitem__, target.text, name), config) for name in found}
        named = (os.environ.get(found.variable) if found.variable is not None else None) or found.default
        misnamed = None if env else _misnamed(found, named)
        chosen = Chosen(each, found, env or (None if misnamed else named), target, misnamed)
    else:
        container = with_config(_made(found, target.text) if isinstance(found, ContainerMeta) else found, config)
        name = str(container.declarative_parent.__name__)
        chosen = Chosen({name: container}, None, name, target)
    if env is not None:
        chosen.named(env)
    return chosen


def _misnamed(environments: Environments[Any], named: str | None) -> str | None:
    """What to say of a variable that names none of the environments; not what it says."""
    if named is None or named in environments.containers:
        return None
    return f"variable {environments.variable} names no environment; {did_you_mean(named, environments.containers)}"


def _made(make: Callable[..., Any], text: str, *arguments: str) -> Container:
    try:
        return make(*arguments)
    except Exception as error:
        raise UserCodeError(error, f"making the container of {text}", 2) from error


def with_config(container: Container, config: Sequence[Path]) -> Container:
    """A container with overlay files laid over it, the strongest last.

    Raises:
        CommandError: One cannot be read.
    """
    for file in config:
        try:
            container = container.with_config(file)
        except ResourceKitError as error:
            raise CommandError(str(error)) from None
    return container
