"""What the keywords of a class statement say, of a resource class and of a container class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Self, TypeVar

import attrs

from resourcekit.base.errors import DefinitionError, did_you_mean, kind_in_words

__all__ = ("ContainerSettings", "ResourceSettings")


S = TypeVar("S", bound="_Settings")


class _Settings:
    @classmethod
    def names(cls) -> frozenset[str]:
        """The keywords."""
        return frozenset(each.name for each in attrs.fields(cls))  # type: ignore[arg-type]

    @classmethod
    def unknown(cls, where: str, others: Iterable[str]) -> DefinitionError:
        """The error of class keywords that nobody takes."""
        name = next(iter(others))
        return DefinitionError(f"class {where}: there is no class keyword {name!r}; {did_you_mean(name, cls.names())}")

    def changed(self, where: str, changes: Mapping[str, Any]) -> Self:
        """The same settings with other values.

        Raises:
            DefinitionError: A value is of no use.
        """
        if not changes:
            return self
        known = attrs.fields_dict(type(self))  # type: ignore[arg-type]
        for name, given in changes.items():
            known[name].metadata["check"](f"class {where}: {name}", given)
        made: Self = _changed(self, tuple(changes.items()))
        return made


@lru_cache
def _changed(settings: S, changes: tuple[tuple[str, Any], ...]) -> S:
    """The same object for the same settings: many classes say no more than where they live."""
    return attrs.evolve(settings, **dict(changes))  # type: ignore[misc]


def _check_scope(what: str, given: object) -> None:
    if given not in ("run", "app"):
        raise DefinitionError(f"{what} is 'run' or 'app', not {given!r}")


def _check_flag(what: str, given: object) -> None:
    if not isinstance(given, bool):
        raise DefinitionError(f"{what} is True or False, not {kind_in_words(given)}")


def _check_seconds(what: str, given: object) -> None:
    if given is None:
        return
    from numbers import Real  # for the few who set a time

    if isinstance(given, bool) or not isinstance(given, Real):
        raise DefinitionError(f"{what} is a number of seconds, or None for any time, not {kind_in_words(given)}")
    if not 0 < float(given) < math.inf:
        raise DefinitionError(f"{what} is a number of seconds above 0, or None for any time, not {given}")


def _setting(default: Any, check: Any) -> Any:
    return attrs.field(default=default, metadata={"check": check})


@attrs.frozen(eq=False, repr=False)
class ResourceSettings(_Settings):
    """The keywords of a resource class.

    Args:
        scope: ``"run"``: set up once per run; ``"app"``: once per entered container.
        threads: Whether a concurrent start may call its hooks in a thread or task of their own.
        setup_timeout: How long each set-up hook may take, in seconds; None: as its container says.
        teardown_timeout: The same for each teardown hook.
    """

    scope: str = _setting("run", _check_scope)
    threads: bool = _setting(True, _check_flag)
    setup_timeout: float | None = _setting(None, _check_seconds)
    teardown_timeout: float | None = _setting(None, _check_seconds)


@attrs.frozen(eq=False, repr=False)
class ContainerSettings(_Settings):
    """The keywords of a container class.

    Args:
        concurrent: Whether its app-scoped resources start concurrently.
        setup_timeout: How long each set-up hook may take, in seconds, of classes that do not say; None: any time.
        teardown_timeout: The same for each teardown hook.
        start_timeout: How long the whole start may take.
        slow_start: After how many seconds a start that is not done yet is logged; None: never.
    """

    concurrent: bool = _setting(False, _check_flag)
    setup_timeout: float | None = _setting(None, _check_seconds)
    teardown_timeout: float | None = _setting(None, _check_seconds)
    start_timeout: float | None = _setting(None, _check_seconds)
    slow_start: float | None = _setting(10.0, _check_seconds)
