"""Config that is read for run after run: what the same variables gave before is not converted again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from resourcekit.config.overlay import Overlaid, stand_ins
from resourcekit.config.resolution import resolve
from resourcekit.construction import drafted_again
from resourcekit.deferred import Computed, EnvTemplate, EnvVar, is_source
from resourcekit.errors import DefinitionError, Problem
from resourcekit.record import record_of, spec_of
from resourcekit.values import SCALARS, leaves

__all__ = ("ConfigReader",)

_IMMUTABLE: Final = frozenset({"datetime", "decimal", "ipaddress", "pathlib", "uuid"})
"""The modules whose objects never change."""


class ConfigReader:
    """Reads the config of one resource, whenever a run needs it.

    Args:
        declaration: The resource as it was declared.
        name: Its key or path.
        overlaid: What overlays have for it, by field name.
        path: The keys that lead to it, for messages.
    """

    def __init__(self, declaration: Any, name: str, overlaid: Mapping[str, Overlaid], path: tuple[str, ...]) -> None:
        self._declaration = declaration
        self._name = name
        self._overlaid = overlaid
        self._path = path
        self._variables = _variables(declaration, overlaid)
        self._known: tuple[list[str | None], Any] | None = None

    def read(self, environ: Mapping[str, str]) -> tuple[Any, list[Problem]]:
        """The live resource with its config, and what is wrong with that: as `resolve` gives them."""
        if self._variables is None:
            return resolve(self._declaration, self._name, self._overlaid, environ, self._path)
        texts = [environ.get(name) for name in self._variables]
        known = self._known
        if known is not None and known[0] == texts:
            return drafted_again(known[1]), []
        live, problems = resolve(self._declaration, self._name, self._overlaid, environ, self._path)
        if not problems and all(map(_is_plain, _values(live))):
            self._known = (texts, drafted_again(live))
        return live, problems


def _values(live: Any) -> Iterator[object]:
    """The values that were read, or made of such."""
    return (live.__dict__[name] for name in record_of(live).sources)


def _variables(declaration: Any, overlaid: Mapping[str, Overlaid]) -> list[str] | None:
    """The variables that the config of a resource is made of; None where it is made of anything else as well.

    The user's own converters and validators are asked for every run, and so are the user's own sources.
    """
    deferred = record_of(declaration).deferred
    names: list[str] = []
    for field in spec_of(declaration).fields:
        if field.attribute.validator is not None:
            return None
        if field.name not in deferred and field.name not in overlaid:
            continue
        if field.attribute.converter is not None:
            return None
        try:
            value = stand_ins(overlaid[field.name].value) if field.name in overlaid else deferred[field.name]
        except DefinitionError:
            return None
        for _, leaf, _ in leaves(value, Any):
            if type(leaf) is EnvVar:
                names.append(leaf.name)
            elif type(leaf) is EnvTemplate:
                names += leaf.names
            elif is_source(leaf) or isinstance(leaf, Computed):
                return None
    return names


def _is_plain(value: Any) -> bool:
    """Whether a copy of *value* is as good as one that was made anew: nothing in it can be changed."""
    kind = type(value)
    if kind in SCALARS or isinstance(value, Enum) or kind.__module__ in _IMMUTABLE:
        return True
    if kind in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if kind is dict:
        return all(map(_is_plain, value.values()))
    return _is_frozen(kind) and all(map(_is_plain, _parts(value)))


def _is_frozen(kind: Any) -> bool:
    """Whether a class of the user's says that its objects never change."""
    if attrs.has(kind):
        inspect = getattr(attrs, "inspect", None)  # from attrs 25.4 on
        return inspect is not None and bool(inspect(kind).is_frozen)
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))


def _parts(value: Any) -> Iterator[object]:
    names = [each.name for each in attrs.fields(type(value))] if attrs.has(type(value)) else value.__dataclass_fields__
    return (getattr(value, name, None) for name in names)
