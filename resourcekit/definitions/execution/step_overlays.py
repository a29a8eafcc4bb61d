"""The config that is given to one execution: what it names must be something that the execution uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from resourcekit.base.errors import ConfigError, Problem, did_you_mean
from resourcekit.run.blueprint import Blueprint

__all__ = ("check_config",)

_DAGSTERS: Final = frozenset({"resources", "ops", "execution", "inputs", "loggers"})


def check_config(config: Any, blueprint: Blueprint, keys: tuple[str, ...]) -> None:
    """Refuse config that would change nothing. That of a file may be for other executions too.

    Args:
        config: What the caller gave.
        blueprint: The container's.
        keys: What the execution asks for.

    Raises:
        ConfigError: It has a key that the execution does not use.
    """
    problems = tuple(_problems(config, blueprint, keys)) if isinstance(config, Mapping) else ()
    if problems:
        raise ConfigError(problems)


def _problems(config: Mapping[Any, Any], blueprint: Blueprint, keys: tuple[str, ...]) -> Iterator[Problem]:
    known = {_first(key) for key in blueprint.graph.keys}
    used = {_first(key) for index in blueprint.plan(keys).needed for key in blueprint.graph.nodes[index].keys}
    for key in filter(lambda key: isinstance(key, str), config):
        name = _first(key)
        if name in known and name not in used:
            message = f"nothing in this execution uses {name!r}"
            hint = did_you_mean(name, used)
        elif name in _DAGSTERS - known:
            message = f"{name!r} is a level of Dagster's run config, and no key of a resource"
            example = next(iter(sorted(used)), "shop")
            hint = f"give the fields of each resource by its key, config={{{example!r}: {{...}}}}"
        else:
            continue  # It is used; or a run tells, as of all that is wrong inside.
        yield Problem(code="unknown-key", where=key, message=message, source="config=...", hint=hint)


def _first(key: str) -> str:
    return key.partition(".")[0]
