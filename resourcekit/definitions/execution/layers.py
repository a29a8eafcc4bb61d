"""Where resources come from: dicts and containers, one laid over another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Final

import attrs

from resourcekit.base.errors import DefinitionError, kind_in_words
from resourcekit.container.declarative import ContainerMeta, ResourceContainer, value
from resourcekit.container.instance import ContainerInstance
from resourcekit.container.overrides import Override
from resourcekit.container.providers import check_key
from resourcekit.declarations.values import is_resource
from resourcekit.run.active_overrides import Changes, effective

__all__ = ("Layers", "Resources", "layered", "single_definition")

Resources = Mapping[str, Any] | ResourceContainer | type[ResourceContainer]
"""What goes wherever resources are given: a dict, a container, or a container class."""


@attrs.frozen(eq=False)
class Layers:
    """Resources from several places as one container.

    Args:
        below: The caller's container, or one made of what was given.
        changes: What is laid over it; None for nothing.
        replacing: What stands for all that, with config of its own.
    """

    below: Any
    changes: Changes | None = None
    replacing: Any = None

    def configured(self, container: Any) -> Layers:
        """The same, with *container* in the place of `container`, which it was made of."""
        return attrs.evolve(self, replacing=container)

    @property
    def container(self) -> Any:
        """The container, with what is overridden here."""
        if self.replacing is not None:
            return self.replacing
        standing = effective(self.below)
        return standing if self.changes is None else standing._laid(self.changes)

    @contextmanager
    def entered(self) -> Iterator[Any]:
        """The container, seen here in the place of the caller's."""
        with nullcontext() if self.changes is None else Override(self.below, self.changes):
            yield effective(self.below) if self.replacing is None else self.replacing


def layered(levels: Sequence[tuple[str, Resources | None]]) -> Layers:
    """Lay dicts and containers over one another.

    A dict, or a container class, replaces keys of what is below it and adds its own. A container instance that is
    given above others stands for itself: it may be started, and have config of its own.

    Args:
        levels: What was given and where, the weakest first.

    Raises:
        DefinitionError: Something is neither dict nor container, or a key or what it holds is wrong.
    """
    standing: Any = None
    made: Any = None
    changes: dict[str, Any] = {}
    for where, each in levels:
        given: object = each
        if given is None:
            continue
        if isinstance(given, ContainerInstance):
            standing, changes = given, {}
        elif isinstance(given, ContainerMeta):
            standing, made, changes = _class_over(standing, given), None, {}
        elif not isinstance(given, Mapping):
            raise DefinitionError(
                f"{where} wants a dict of resources by key, or a ResourceContainer, not {kind_in_words(given)}"
            )
        elif isinstance(standing, ContainerInstance):
            changes |= given
        else:
            made = (standing or _Resources).of(given)
            standing = made.declarative_parent
    if isinstance(standing, ContainerInstance):
        return _overridden(standing, changes) if changes else Layers(standing)
    if made is None:
        made = _empty() if standing is None else standing()
    return Layers(made)


_Resources: Final[Any] = ContainerMeta("resources", (ResourceContainer,), {})
"""What a dict makes a container of: messages call it by its name."""


@cache
def _empty() -> Any:
    """What has no key at all."""
    return _Resources()


def _class_over(below: Any, given: Any) -> Any:
    """A container class with the keys of both, those of *given* first."""
    if below is None or isinstance(below, ContainerInstance) or issubclass(given, below):
        return given
    if issubclass(below, given):
        return below.of(given.providers).declarative_parent
    return ContainerMeta(given.__name__, (given, below), {})


def _overridden(container: Any, changes: Mapping[str, Any]) -> Layers:
    """An instance with other resources: what it has is replaced as an override does, the rest is added."""
    known = effective(container).providers
    given: dict[str, Any] = {}
    for key, new in changes.items():
        if key not in known and "." not in str(key):
            check_key(key, "resources", ())
            is_kept = is_resource(new) or getattr(type(new), "__IS_PROVIDER__", False)
            new = new if is_kept else value(new)
        given[key] = new
    laid = Changes(given, may_add=True)
    effective(container)._laid(laid)  # What is wrong with it is wrong at once.
    return Layers(container, laid)


def single_definition(where: str, maps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several dicts of resources as one, in which nothing stands against anything else.

    Args:
        where: What they are given to, for the message.
        maps: The dicts.

    Raises:
        DefinitionError: Two have different objects under one key.
    """
    found: dict[str, Any] = {}
    for resources in maps:
        for key, resource in resources.items():
            if found.setdefault(key, resource) is not resource:
                raise DefinitionError(
                    f"{where}: key {key!r} has two different resources; give both places the same object, or "
                    "another key to one of them"
                )
    return found
