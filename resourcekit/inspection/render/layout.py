"""Where each box and line of a picture goes: columns in the order of set-up, few crossings, straight lines.

The method is Sugiyama's: layers, a place in each by the barycentre of the neighbours, coordinates by least squares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import attrs

__all__ = ("Box", "Layout", "arrange", "dip")

_ROW_GAP: Final = 16.0
_COLUMN_GAP: Final = 72.0
_BEND_HEIGHT: Final = 2.0
_BEND_GAP: Final = 4.0
_MOST_BENDS: Final = 20_000  # Above, long lines go straight: ordering them would take longer than it is worth.
_SWEEPS: Final = 8
_TALL: Final = 16
"""So many boxes in a column are never too many."""

_NEEDLE: Final = 3
"""So many times as many boxes in a column as there are columns are a picture that no screen has the height for."""

_ASPECT: Final = 1.2
"""The square of a column's most boxes by the number of all: makes the whole about as wide as a screen."""

Edge = tuple[str, str]


@attrs.frozen
class Box:
    """A box: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


@attrs.frozen
class Layout:
    """A finished layout.

    Args:
        boxes: By name.
        lines: For each edge, the points it goes through, from what is needed to what needs it.
        width: Of the whole.
        height: Of the whole.
    """

    boxes: Mapping[str, Box]
    lines: Mapping[Edge, tuple[tuple[float, float], ...]]
    width: float
    height: float


def arrange(sizes: Mapping[str, tuple[float, float]], edges: Iterable[Edge]) -> Layout:
    """Lay out boxes.

    Args:
        sizes: Width and height of each, by name, in the order of declaration.
        edges: Pairs of what is needed and what needs it; circles are allowed.

    >>> layout = arrange({"a": (40, 20), "b": (40, 20)}, [("a", "b")])
    >>> layout.boxes["b"].x > layout.boxes["a"].x
    True
    """
    known = [(source, target) for source, target in dict.fromkeys(edges) if source != target]
    linked = {name for edge in known for name in edge}
    drawing = _Drawing({name: size for name, size in sizes.items() if name in linked}, known)
    alone = {name: size for name, size in sizes.items() if name not in linked}
    return _with_loners(drawing.finish(), alone)


class _Drawing:
    """The layers while they are ordered and placed; a long edge has a bend in each layer that it crosses."""

    def __init__(self, sizes: Mapping[str, tuple[float, float]], edges: Sequence[Edge]) -> None:
        self.names = list(sizes)
        self.sizes = [sizes[name] for name in self.names]
        number = {name: index for index, name in enumerate(self.names)}
        self.edges = edges
        pairs = [(number[source], number[target]) for source, target in edges]
        self.layer = _narrowed(_layers(len(self.names), pairs), pairs)
        self.chains = self._bend(pairs)
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for item, layer in enumerate(self.layer):
            self.layers[layer].append(item)
        self.before: list[list[int]] = [[] for _ in self.layer]
        self.after: list[list[int]] = [[] for _ in self.layer]
        for left, right in dict.fromkeys(pair for chain in self.chains for pair in pairwise(chain)):
            if abs(self.layer[left] - self.layer[right]) == 1:
                self.after[left].append(right)
                self.before[right].append(left)

    def _bend(self, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
        """Each edge as a chain of items in neighbouring layers; those of one source share their way, as a trunk."""
        farthest: dict[int, int] = {}
        for source, target in pairs:
            farthest[source] = max(farthest.get(source, 0), self.layer[target])
        spans = sum(max(0, last - self.layer[source] - 1) for source, last in farthest.items())
        trunks: dict[int, list[int]] = {}
        for source, last in farthest.items() if spans <= _MOST_BENDS else ():
            between = range(self.layer[source] + 1, last)
            trunks[source] = list(range(len(self.layer), len(self.layer) + len(between)))
            self.layer += between
            self.sizes += [(0.0, _BEND_HEIGHT)] * len(between)
        return [
            [source, *trunks.get(source, [])[: max(0, self.layer[target] - self.layer[source] - 1)], target]
            for source, target in pairs
        ]

    def finish(self) -> Layout:
        """Order the layers, place everything, and draw the lines."""
        self._order()
        ys = self._heights()
        lefts, widths = self._columns()
        boxes = {}
        for item, name in enumerate(self.names):
            height = self.sizes[item][1]
            boxes[name] = Box(lefts[self.layer[item]], ys[item] - height / 2, widths[self.layer[item]], height)
        lines = {
            edge: self._line(chain, lefts, widths, ys) for edge, chain in zip(self.edges, self.chains, strict=True)
        }
        right = max((box.x + box.width for box in boxes.values()), default=0.0)
        bottom = max((box.y + box.height for box in boxes.values()), default=0.0)
        bottom = max([bottom, *(_lowest(points) for points in lines.values())])
        return Layout(boxes, lines, right, bottom)

    def _order(self) -> None:
        place = {item: float(index) for layer in self.layers for index, item in enumerate(layer)}
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            neighbours = self.before if forward else self.after
            for layer in self.layers if forward else reversed(self.layers):
                wish = {item: _mean([place[each] for each in neighbours[item]], place[item]) for item in layer}
                layer.sort(key=wish.__getitem__)
                place |= {item: float(index) for index, item in enumerate(layer)}

    def _heights(self) -> list[float]:
        """The middle of each item: as near to its neighbours as the order in its layer lets it."""
        ys = [0.0] * len(self.layer)
        for layer in self.layers:
            _spread(layer, lambda item: 0.0, self.sizes, ys)
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            sides = (self.before, self.after) if sweep >= _SWEEPS - 2 else ((self.before if forward else self.after),)
            for layer in self.layers if forward else list(reversed(self.layers)):

                def wish(item: int, sides: tuple[list[list[int]], ...] = sides) -> float:
                    return _mean([ys[each] for side in sides for each in side[item]], ys[item])

                _spread(layer, wish, self.sizes, ys)
        top = min((ys[item] - self.sizes[item][1] / 2 for item in range(len(ys))), default=0.0)
        return [y - top for y in ys]

    def _columns(self) -> tuple[list[float], list[float]]:
        widths = [max((self.sizes[item][0] for item in layer), default=0.0) for layer in self.layers]
        lefts = [sum(widths[:index]) + _COLUMN_GAP * index for index in range(len(widths))]
        return lefts, widths

    def _line(
        self, chain: Sequence[int], lefts: Sequence[float], widths: Sequence[float], ys: Sequence[float]
    ) -> tuple[tuple[float, float], ...]:
        source, *bends, target = chain
        points = [(lefts[self.layer[source]] + widths[self.layer[source]], ys[source])]
        for bend in bends:  # It crosses the column in a straight line.
            left = lefts[self.layer[bend]]
            points += [(left, ys[bend]), (left + widths[self.layer[bend]], ys[bend])]
        return (*points, (lefts[self.layer[target]], ys[target]))


def dip(start: float, end: float) -> float:
    """How far below its ends the control points of a line lie that leads back, from the right to the left."""
    return 60 + (start - end) / 6


def _lowest(points: Sequence[tuple[float, float]]) -> float:
    """How far down a line reaches: a cubic curve goes three quarters of the way to its control points."""
    (x, y), *_, (end_x, end_y) = points
    return max(y, end_y) + (0.75 * dip(x, end_x) if end_x < x else 0.0)


def _layers(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """One more than the deepest that each needs; what closes a circle does not count."""
    needs: list[list[int]] = [[] for _ in range(count)]
    for source, target in pairs:
        needs[target].append(source)
    depth = [-1] * count
    for start in range(count):
        waiting = [(start, False)]
        seen = set()
        while waiting:
            item, is_done = waiting.pop()
            if is_done:
                depth[item] = 1 + max((depth[need] for need in needs[item]), default=-1)
            elif depth[item] < 0 and item not in seen:
                seen.add(item)
                waiting += [(item, True), *((need, False) for need in needs[item])]
    return depth


def _narrowed(layer: list[int], pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Layers of which none is so tall that the whole is a needle: those that are become several, side by side.

    Neighbours of a layer are dealt out to its parts, so that each part spans the whole height.
    """
    most = max(_TALL, round(math.sqrt(_ASPECT * len(layer))))
    layers: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for item, number in enumerate(layer):
        layers[number].append(item)
    tallest = max(map(len, layers), default=0)
    if tallest <= max(most, _NEEDLE * len(layers)):
        return layer
    _sort_by_neighbours(layers, pairs)
    narrowed, first = list(layer), 0
    for items in layers:
        parts = math.ceil(len(items) / most)
        for place, item in enumerate(items):
            narrowed[item] = first + place % parts
        first += parts
    return narrowed


def _sort_by_neighbours(layers: Sequence[list[int]], pairs: Sequence[tuple[int, int]]) -> None:
    """Order each layer by where in theirs the neighbours of its items stand."""
    neighbours: dict[int, list[int]] = {item: [] for layer in layers for item in layer}
    for source, target in pairs:
        neighbours[source].append(target)
        neighbours[target].append(source)
    place = {item: index / len(layer) for layer in layers for index, item in enumerate(layer)}
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wish = {item: _mean([place[each] for each in neighbours[item]], place[item]) for item in layer}
            layer.sort(key=wish.__getitem__)
            place |= {item: index / len(layer) for index, item in enumerate(layer)}


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _spread(
    layer: Sequence[int], wish: Callable[[int], float], sizes: Sequence[tuple[float, float]], ys: list[float]
) -> None:
    """Place a layer's items in order, as near to their wishes as the gaps allow: least squares, by pooling."""
    offset, offsets = 0.0, []
    for before, item in zip([None, *layer], layer, strict=False):
        if before is not None:
            is_bends = sizes[before][0] == sizes[item][0] == 0.0
            offset += (sizes[before][1] + sizes[item][1]) / 2 + (_BEND_GAP if is_bends else _ROW_GAP)
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # The sum of the wishes, and how many share it.
    for item, shift in zip(layer, offsets, strict=True):
        pools.append((wish(item) - shift, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            (total, count), (more, others) = pools[-2], pools.pop()
            pools[-1] = (total + more, count + others)
    places = [total / count for total, count in pools for _ in range(count)]
    for item, place, shift in zip(layer, places, offsets, strict=True):
        ys[item] = place + shift


def _with_loners(layout: Layout, sizes: Mapping[str, tuple[float, float]]) -> Layout:
    """The layout with what nobody needs, and needs nobody, in rows below it."""
    boxes = dict(layout.boxes)
    area = sum((width + 2 * _ROW_GAP) * (height + _ROW_GAP) for width, height in sizes.values())
    most = max(layout.width, 900.0, math.sqrt(2 * area))
    x, y, right = 0.0, layout.height + (3 * _ROW_GAP if boxes else 0.0), layout.width
    height = 0.0
    for name, (width, tall) in sizes.items():
        if x and x + width > most:
            x, y, height = 0.0, y + height + _ROW_GAP, 0.0
        boxes[name] = Box(x, y, width, tall)
        x, height, right = x + width + 2 * _ROW_GAP, max(height, tall), max(right, x + width)
    return Layout(boxes, layout.lines, right, y + height if sizes else layout.height)
