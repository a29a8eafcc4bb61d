"""Overlays: config laid over declarations, from a mapping or a file, before it is known what it fits."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from typing import Any

import attrs

from resourcekit.base.errors import DefinitionError, kind_in_words
from resourcekit.declarations.deferred import EnvVar, FileVar
from resourcekit.declarations.values import copied, holds_dagster_variable

__all__ = ("Config", "Overlaid", "Overlay", "stand_ins")

Config = Mapping[str, Any] | str | os.PathLike[str]
"""What an overlay is given as: values by key and field, or the path of a file."""


@attrs.frozen(eq=False, repr=False)
class Overlay:
    """One layer of config.

    Args:
        tree: Values by key and field; keys may be dotted, values nested.
        source: Where it is from, in words that may be shown.
        replaced: The keys that were replaced before it was laid: what it has for them would do nothing. None: it is
            laid as late as it is placed.
    """

    tree: Mapping[str, object] = attrs.field(repr=False)
    source: str
    replaced: Container[str] | None = None

    @classmethod
    def of(cls, config: Config, source: str) -> Overlay:
        """The overlay of a mapping, or of a TOML, JSON or YAML file.

        Args:
            config: The mapping, or the file's path.
            source: What to call a mapping.

        Raises:
            OverlayFileError: The file cannot be read, or is malformed.
            DefinitionError: *config* is neither a mapping with text keys nor a path, or holds itself, or an `EnvVar` of
                Dagster's.

        >>> Overlay.of({"database": {"port": 5433}}, "run(config=...)").tree
        {'database': {'port': 5433}}
        """
        if isinstance(config, str) and _is_content(config):
            raise DefinitionError(
                "config is a mapping of keys to fields, or the path of a file; not the text of one: parse it, "
                "as with json.loads, and give the mapping"
            )
        if isinstance(config, str | os.PathLike):
            from resourcekit.config.overlay_files import load_overlay

            return cls(load_overlay(config), f"overlay {os.fspath(config)}")
        if not _is_tree(config):
            raise DefinitionError(
                f"config is a mapping of keys to fields, or the path of a file; not {kind_in_words(config)}"
            )
        try:
            tree = {key: copied(value) for key, value in config.items()}
            is_dagsters = holds_dagster_variable(tree)
        except RecursionError:
            pass
        else:
            if is_dagsters:
                raise DefinitionError(
                    f"{source} holds an EnvVar of Dagster's, which nothing would read here; "
                    "import EnvVar from resourcekit, it takes the same name"
                )
            return cls(tree, source)
        raise DefinitionError("config is nested too deeply, or holds itself")


def _is_content(path: str) -> bool:
    """Whether a text is what stands in a file, which may be secret, not the path of one."""
    return "\n" in path or path.lstrip().startswith("{")


def _is_tree(config: object) -> bool:
    return isinstance(config, Mapping) and all(isinstance(key, str) for key in config)


@attrs.frozen(eq=False, repr=False)
class Overlaid:
    """A value an overlay has for one field, and which overlay."""

    value: object = attrs.field(repr=False)
    source: str


def stand_ins(value: object) -> object:
    """*value* with every ``{env = "X"}`` and ``{file = "..."}`` replaced by an `EnvVar` or `FileVar`.

    >>> stand_ins({"size": {"env": "POOL_SIZE", "default": 5}})
    {'size': EnvVar('POOL_SIZE', default=...)}
    """
    if isinstance(value, Mapping):
        names = set(value)
        if names in ({"env"}, {"env", "default"}) and isinstance(value["env"], str):
            return EnvVar(value["env"], **({"default": value["default"]} if "default" in value else {}))
        if names in ({"file"}, {"file", "limit"}) and isinstance(value["file"], str):
            return FileVar(value["file"], **({"limit": value["limit"]} if "limit" in value else {}))
        return {key: stand_ins(item) for key, item in value.items()}
    return [stand_ins(item) for item in value] if isinstance(value, list) else value
