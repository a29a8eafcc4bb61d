"""Runs with nothing of their own: a class for the keys of each, whose methods are the generated code itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from resourcekit.lifecycle.fast.compiled import Compiled
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.cache_epoch import keep, latest
from resourcekit.run.run import Run

__all__ = ("PlainRuns",)

_METHODS: Final = {False: ("__enter__", "__exit__"), True: ("__aenter__", "__aexit__")}


class _PlainRun(Run[Any]):
    """What is the same in all of them; what they are opened from is of their class, and costs none of them anything."""

    _learns: PlainRuns

    def _ready(self, is_async: bool) -> Compiled | None:
        seen = latest()
        code = super()._ready(is_async)
        # Who holds anything gives it back when it ends; a Selector chooses anew.
        if code is not None and not self._held and not self._blueprint.graph.branches:
            keep(self._learns, [code], seen, in_overrides=True)
        return code


class PlainRuns:
    """The runs of some keys that have no config, tags or identifier of their own.

    While nothing changes, entering one calls its generated code and nothing else.

    Args:
        blueprint: What they are opened from.
        keys: The keys asked for; None means all.
    """

    def __init__(self, blueprint: Blueprint, keys: tuple[str, ...] | None) -> None:
        made = {"_blueprint": blueprint, "_asked": keys, "_learns": self, "__init__": object.__init__}
        self.make: Any = type(Run.__name__, (_PlainRun,), made)

    def take(self, codes: Sequence[Compiled]) -> None:
        """Have the runs' methods be generated code."""
        for code in codes:
            for name, function in zip(_METHODS[code.is_async], (code.entering, code.leaving), strict=True):
                setattr(self.make, name, function)

    def forget(self) -> None:
        """Have the runs look again whether their code still holds."""
        for name in (name for names in _METHODS.values() for name in names if name in vars(self.make)):
            delattr(self.make, name)
