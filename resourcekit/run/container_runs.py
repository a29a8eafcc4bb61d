"""What the runs of a container are opened from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from resourcekit.config.overlay import Overlay
from resourcekit.run.app import runs_of
from resourcekit.run.blueprint import Blueprint
from resourcekit.run.plain import PlainRuns
from resourcekit.run.run import Run
from resourcekit.run.session import Session

__all__ = ("ContainerBlueprint",)


@attrs.define(eq=False)
class ContainerBlueprint(Blueprint):
    """The blueprint of a container. Its methods spare the container from importing what they need."""

    _plain_runs: dict[tuple[str, ...] | None, PlainRuns] = attrs.field(factory=dict, init=False)

    def plain_run(self, keys: tuple[str, ...] | None) -> Callable[[], Run[Any]]:
        """What makes a run of *keys*, None for all, with nothing of its own, at the least cost."""
        known = self._plain_runs.get(keys)
        if known is None:
            known = self._plain_runs.setdefault(keys, PlainRuns(self, keys))
        make: Callable[[], Run[Any]] = known.make
        return make

    def run(
        self,
        keys: tuple[str, ...] | None,
        config: Any,
        *,
        tags: Mapping[str, str] | None,
        run_id: str | None,
        is_timed: bool,
        is_concurrent: bool,
    ) -> Run[Any]:
        """A run of *keys*, None for all, under an overlay of its own.

        Raises:
            OverlayFileError: The overlay's file cannot be read, or is malformed.
            DefinitionError: *config* is neither a mapping with text keys nor a path.
        """
        run: Run[Any] = Run(self, keys)
        overlays = () if config is None else (Overlay.of(config, "run(config=...)"),)
        run._configure(overlays, tags, run_id, is_timed=is_timed, is_concurrent=is_concurrent)
        return run

    def runs(self) -> Iterator[Session]:
        """The container's runs that are open here, the innermost first, then its started app."""
        return runs_of(self)
