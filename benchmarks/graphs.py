"""The dependency graphs that are measured: frozen data, drawn up by pure functions."""

from __future__ import annotations

import attrs

__all__ = ("Graph", "chain", "fan", "layered", "layers")


@attrs.frozen
class Graph:
    """Which resource needs which.

    Args:
        name: What the tables call it.
        needs: For each resource the numbers of those it needs, all smaller than its own. The last one is the root,
            which reaches every other.
        settings: How many constant fields each resource has beside its dependencies.
    """

    name: str
    needs: tuple[tuple[int, ...], ...]
    settings: int = 0

    @property
    def size(self) -> int:
        """How many resources there are."""
        return len(self.needs)

    @property
    def root(self) -> int:
        """The number of the root."""
        return self.size - 1


def chain(size: int, settings: int = 0) -> Graph:
    """Each needs the one before."""
    suffix = f", {settings} settings each" if settings else ""
    return Graph(f"chain of {size}{suffix}", tuple((number - 1,) if number else () for number in range(size)), settings)


def fan(size: int) -> Graph:
    """The root needs all others, which need nothing."""
    return Graph(f"fan of {size}", (*((),) * (size - 1), tuple(range(size - 1))))


def layered(size: int) -> Graph:
    """Layers about as wide as there are layers; each resource needs up to three of the layer before."""
    width = max(2, round((size - 1) ** 0.5))
    reach = min(3, width)
    needs: list[tuple[int, ...]] = []
    for number in range(size - 1):
        layer, place = divmod(number, width)
        before = [(layer - 1) * width + (place + step) % width for step in range(reach)] if layer else []
        needs.append(tuple(sorted(before)))
    return Graph(f"layered, {size}", _rooted(needs))


def layers(depth: int, width: int, reach: int, *, is_rooted: bool = True) -> Graph:
    """*depth* layers of *width*, each resource needing *reach* of the layer before; a root on the last layer."""
    needs: list[tuple[int, ...]] = []
    for number in range(depth * width):
        layer, place = divmod(number, width)
        before = {(layer - 1) * width + (place + step) % width for step in range(reach)} if layer else set()
        needs.append(tuple(sorted(before)))
    return Graph(f"{depth} layers of {width}", _rooted(needs) if is_rooted else tuple(needs))


def _rooted(needs: list[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """With a root that needs every resource which no other needs."""
    needed = {number for each in needs for number in each}
    return (*needs, tuple(number for number in range(len(needs)) if number not in needed))
