"""Dagster: nested configurable resources, `build_resources` with an instance that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

import dagster

from benchmarks.contenders.base import Contender, Import, Operation, Prepared, class_operations
from benchmarks.graphs import Graph
from benchmarks.programs import Hooks, Program, resource_class


def _class(graph: Graph, number: int, hooks: Hooks) -> str:
    return resource_class(graph, number, hooks, "dagster.ConfigurableResource", ", context")


class Dagster(Contender):
    """Dagster, with the root alone listed: what is listed itself as well is set up once more."""

    name = "Dagster"
    imports = (Import("import dagster", "dagster"),)

    def scope(self, graph: Graph, hooks: Hooks, opened: ExitStack) -> Prepared | None:
        program = Program(graph, hooks, _class, dagster=dagster)
        made: list[Any] = []
        for cls, needs in zip(program.classes, graph.needs, strict=True):
            made.append(cls(**{f"d{place}": made[need] for place, need in enumerate(needs)}))
        instance = opened.enter_context(dagster.DagsterInstance.ephemeral())

        def operate() -> object:
            with dagster.build_resources({"root": made[graph.root]}, instance=instance) as resources:
                return resources.root

        return Prepared(operate, program)

    def classes(self) -> Mapping[str, Operation]:
        return class_operations(_declared)


def _declared() -> Any:
    class Database(dagster.ConfigurableResource):  # type: ignore[misc, type-arg, unused-ignore]
        host: str
        port: int = 5432
        password: str

    return Database


CONTENDERS: Final = (Dagster(),)
