"""One container per environment, chosen by a variable."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from resourcekit.base.errors import DefinitionError, UnknownKeyError, did_you_mean
from resourcekit.container.declarative import ContainerMeta, ResourceContainer
from resourcekit.declarations.deferred import EnvVar

if TYPE_CHECKING:
    from resourcekit.inspection.container_graph import EnvironmentGraphs
    from resourcekit.inspection.difference import ContainerDiff
    from resourcekit.inspection.env import ContainerEnv

__all__ = ("Environments",)

C_co = TypeVar("C_co", bound=ResourceContainer, covariant=True)


class Environments(Generic[C_co]):
    """The containers of a program's environments, by name.

    Args:
        variable: The environment variable that chooses.
        default: The environment when the variable is not set, or empty.
        **containers: A container class for each environment.

    Raises:
        DefinitionError: There is no container, one is no container class, the default is none of them, or the
            variable's name is none.

    >>> class Dev(ResourceContainer): ...
    >>> class Prod(Dev): ...
    >>> environments = Environments(dev=Dev, prod=Prod, variable="SURELY_NOT_SET", default="dev")
    >>> environments.current()
    <Dev container: >
    >>> environments["prod"] is environments["prod"]
    True
    """

    def __init__(self, *, variable: str | None = None, default: str | None = None, **containers: type[C_co]) -> None:
        texts: Mapping[str, object] = {"variable": variable, "default": default}
        for name, text in texts.items():
            if text is not None and not isinstance(text, str):
                example = "APP_ENV" if name == "variable" else "dev"
                written = f"{name}={getattr(text, '__name__', type(text).__name__)}"
                raise DefinitionError(
                    f"Environments({written}): give a text, {name}={example!r}; containers are dev=Dev"
                )
        given: Mapping[str, object] = containers
        for name, container in given.items():
            if not isinstance(container, ContainerMeta):
                written = f"{name}={type(container).__name__}"
                raise DefinitionError(f"Environments({written}): give a container class, such as {name}=Prod")
        if not containers:
            raise DefinitionError("Environments() has no container: write Environments(dev=Dev, prod=Prod)")
        if default is not None and default not in containers:
            raise DefinitionError(
                f"Environments has no {default!r} for its default; {did_you_mean(default, containers)}"
            )
        if variable is None and default is None and len(containers) > 1:
            raise DefinitionError("Environments cannot choose: give variable=..., default=..., or both")
        self._source = None if variable is None else EnvVar(variable)
        self.variable = variable
        self.default = default if default is not None or len(containers) > 1 else next(iter(containers))
        self.containers = dict(containers)
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def current(self) -> C_co:
        """The container of the environment that the variable names now, made once.

        Raises:
            UnknownKeyError: The variable names no environment.
            DefinitionError: It is not set, and there is no default.
        """
        name = (None if self._source is None else self._source.get_value()) or self.default
        if name is None:
            known = ", ".join(self.containers)
            raise DefinitionError(f"variable {self.variable} is not set: it chooses the environment, one of {known}")
        return self[name]

    def __getitem__(self, name: str, /) -> C_co:
        """The container of an environment, made once.

        Raises:
            UnknownKeyError: There is no such environment.
        """
        if name not in self.containers:
            where = f"Environments (variable {self.variable})" if self.variable else "Environments"
            raise UnknownKeyError(name, where, self.containers)
        with self._lock:
            if name not in self._made:
                self._made[name] = self.containers[name]()
            made: C_co = self._made[name]
            return made

    def diff(self, left: str, right: str) -> ContainerDiff:
        """What differs between two environments, by resource and field; it reads no variable.

        Args:
            left: The name of one.
            right: The name of the other.

        Returns:
            The differences. Print them; they are false where there is none. No secret is shown.

        Raises:
            UnknownKeyError: There is no such environment.

        >>> class Dev(ResourceContainer): ...
        >>> class Prod(Dev): ...
        >>> print(Environments(dev=Dev, prod=Prod, default="dev").diff("dev", "prod"))
        dev -> prod: 0 of 0 differ
        """
        from resourcekit.inspection.difference import compare

        return compare(left, self[left].graph(), right, self[right].graph())

    def graph(self) -> EnvironmentGraphs:
        """The graph of each environment; its `html()` is one page that switches between them.

        >>> class Dev(ResourceContainer): ...
        >>> print(Environments(dev=Dev).graph())
        dev: graph of Dev: 0 resources
        """
        from resourcekit.inspection.container_graph import EnvironmentGraphs

        return EnvironmentGraphs({name: self[name].graph() for name in self})

    def env(self) -> ContainerEnv:
        """Every variable and file that any environment reads, and the variable that chooses between them; no value.

        >>> class Dev(ResourceContainer): ...
        >>> print(Environments(dev=Dev, variable="SURELY_NOT_SET", default="dev").env())
        environment of Environments: 1 variable
          name            status   type        default  needed by
          SURELY_NOT_SET  default  one of dev  'dev'    the environment
        """
        from resourcekit.inspection.env import joined

        return joined("Environments", {name: self[name].env() for name in self}, self.variable, self.default)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copies: a container pickles as its recipe, and a lock does not."""
        return {name: each for name, each in vars(self).items() if name != "_lock"} | {"_made": dict(self._made)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def __iter__(self) -> Iterator[str]:
        return iter(self.containers)

    def __len__(self) -> int:
        return len(self.containers)

    def __repr__(self) -> str:
        names = ", ".join(f"{name}={container.__name__}" for name, container in self.containers.items())
        return f"Environments({names})"
