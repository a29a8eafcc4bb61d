"""What is measured: frozen declarations."""

from __future__ import annotations

from typing import Final

import attrs

from benchmarks.graphs import Graph, chain, fan, layered, layers

__all__ = (
    "CRITICAL_PATH",
    "SCENARIOS",
    "START",
    "WAIT",
    "Scenario",
    "scope_graphs",
    "startup_graph",
    "startup_sizes",
)


@attrs.frozen
class Scenario:
    """One question.

    Args:
        code: What ``--only`` calls it.
        title: The heading of its table.
        baseline: What 1.00 is.
    """

    code: str
    title: str
    baseline: str


SCENARIOS: Final = {
    each.code: each
    for each in (
        Scenario("S1", "A run: every resource set up, in order, and torn down", "by hand with `ExitStack`"),
        Scenario("S2", "The same with async hooks", "by hand with `AsyncExitStack`"),
        Scenario("garbage", "What a run of ten resources leaves to the cyclic collector", ""),
        Scenario("S3", "A call with three live objects injected", "a closure that passes them"),
        Scenario("S4", "Getting an object that exists", "`table[cls]`, a dict"),
        Scenario("S6", "Start-up of an application, by the number of singletons", "plain constructor calls"),
        Scenario("S7", "Start-up of 20 resources that wait 50 ms each", "the critical path"),
        Scenario("S8", "Import in a fresh process", "`import attrs`"),
        Scenario("S9", "Ten typed fields from text", "a call per field"),
        Scenario("soak", "A long life, and many runs at once", ""),
        Scenario("S11", "A run of three resources in an override of one of them", "by hand, with a fake"),
        Scenario("S10", "Declaring a class of three fields, and constructing one", "attrs with validators"),
    )
}

_SETTINGS: Final = 3


def scope_graphs(*, quick: bool) -> tuple[Graph, ...]:
    """The graphs of S1 and S2."""
    if quick:
        return (chain(1), layered(10))
    some = tuple(shape(size) for size in (10, 50) for shape in (chain, fan, layered))
    return (chain(1), *some, chain(10, _SETTINGS))


def startup_sizes(*, quick: bool) -> tuple[int, ...]:
    """How many singletons S6 has."""
    return (10, 100) if quick else (10, 100, 1000, 5000)


def startup_graph(size: int) -> Graph:
    """The graph of S6: ten layers, no root."""
    return layers(10, size // 10, 3, is_rooted=False)


START: Final = layers(4, 5, 2)
"""The graph of S7; its root does not wait."""

WAIT: Final = 0.05
"""Seconds that each of the others waits."""

CRITICAL_PATH: Final = 4 * WAIT
"""The longest way through them, in seconds."""
