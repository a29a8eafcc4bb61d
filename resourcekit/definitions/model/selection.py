"""Which steps of a graph a caller means: names, assets, ``"*report"``, ``"orders+"``, ``"group:shop"``."""

from __future__ import annotations

import re
from typing import Any, Final

from resourcekit.base.errors import DefinitionError, did_you_mean
from resourcekit.definitions.model.asset_keys import AssetKey, as_asset_key
from resourcekit.definitions.model.step_graph import StepGraph
from resourcekit.definitions.model.steps import Step, as_list

__all__ = ("select",)

_CLAUSE: Final = re.compile(r"(?P<above>\*|\+*)(?P<name>[^*+]+)(?P<below>\*|\+*)")


def select(graph: StepGraph, selection: Any) -> tuple[str, ...]:
    """The names of the chosen steps, in the order they were declared.

    Args:
        graph: The graph.
        selection: A step, a key, a name, or several; None means all. Before a name, ``*`` adds all that it needs and
            ``+`` one level of it; behind it, all or one level of what needs it.

    Raises:
        DefinitionError: Something is no step of the graph.
    """
    if selection is None:
        return tuple(graph.nodes)
    single = isinstance(selection, str | Step | AssetKey)
    chosen: set[str] = set()
    for clause in [selection] if single else as_list(selection, "selection", "assets or their names"):
        chosen |= _meant(graph, clause)
    return tuple(name for name in graph.nodes if name in chosen)


def _meant(graph: StepGraph, clause: Any) -> set[str]:
    if isinstance(clause, str):
        return _written(graph, clause)
    if isinstance(clause, Step) and not hasattr(clause, "key"):
        return {_known(graph, clause.name)}
    return {_known(graph, str(as_asset_key(clause, "selection")))}


def _written(graph: StepGraph, clause: str) -> set[str]:
    if clause == "*":
        return set(graph.nodes)
    if clause.startswith("group:"):
        return _group(graph, clause.removeprefix("group:"))
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        raise DefinitionError(f"selection {clause!r} cannot be read: write 'report', '*report', '+report' or 'orders*'")
    names = {_known(graph, found["name"])}
    above = graph.upstream(names, _levels(found["above"])) if found["above"] else names
    below = graph.downstream(names, _levels(found["below"])) if found["below"] else names
    return {*above, *below}


def _levels(mark: str) -> int | None:
    return None if mark == "*" else len(mark)


def _known(graph: StepGraph, name: str) -> str:
    if name not in graph.nodes:
        several = [part for part in re.split(r"[,\s]+", name) if part in graph.nodes]
        advice = f"write a list, {several}" if several else did_you_mean(name, graph.nodes)
        raise DefinitionError(f"selection: there is no step {name!r}; {advice}")
    return name


def _group(graph: StepGraph, group: str) -> set[str]:
    groups = {name: getattr(node.step, "group_name", None) for name, node in graph.nodes.items()}
    found = {name for name, its in groups.items() if its == group}
    if not found:
        known = sorted({its for its in groups.values() if its})
        raise DefinitionError(f"selection: there is no group {group!r}; {did_you_mean(group, known)}")
    return found
