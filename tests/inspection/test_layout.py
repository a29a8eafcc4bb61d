"""Where boxes and lines of a graph's pictures go: seen through the boxes and lines of its SVG."""

import random
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import ConfigurableResource, ResourceContainer, field, ref

BOX = re.compile(r'translate\(([-\d.]+) ([-\d.]+)\)"><title>.*?</title><rect width="([\d.]+)" height="([\d.]+)"')


class Node(ConfigurableResource):
    needs: list["Node"] = field(factory=list)


def boxes(graph):
    """The boxes of a graph's picture by name: left, top, width, height."""
    found = [tuple(map(float, numbers)) for numbers in BOX.findall(graph.svg())]
    return dict(zip([entry.name for entry in graph.entries], found, strict=True))


def container(needs):
    """A container of resources by what each needs."""
    return ResourceContainer.of({name: Node(needs=[ref(each) for each in below]) for name, below in needs.items()})


def layered(*sizes):
    """Layers of so many resources, each of which needs three of the layer below."""
    draw = random.Random(3)
    layers = [[f"layer{number}_{index}" for index in range(size)] for number, size in enumerate(sizes)]
    below = [[], *layers]
    return {
        name: draw.sample(below[number], min(3, len(below[number])))
        for number, names in enumerate(layers)
        for name in names
    }


def is_apart(one, other):
    """Whether two boxes do not lie upon one another."""
    (x, y, width, height), (u, v, w, h) = one, other
    return x + width <= u or u + w <= x or y + height <= v or v + h <= y


@given(st.integers(1, 12).flatmap(lambda size: st.lists(st.sets(st.integers(0, size)), min_size=size, max_size=size)))
def test_what_is_needed_stands_on_the_left(needs):
    """Whatever needs what, every box stands right of all that it needs, and none lies upon another."""
    names = {f"n{place}": [f"n{each}" for each in below if each < place] for place, below in enumerate(needs)}
    found = boxes(container(names).graph())
    assert all(is_apart(*pair) for pair in combinations(found.values(), 2))
    for name, below in names.items():
        for each in below:
            assert found[each][0] + found[each][2] < found[name][0]


@pytest.mark.parametrize("sizes", [(1, 120), (8, 30, 80, 160, 220, 220, 180, 102), (300, 1), (300,), (40, 40)])
def test_a_tall_layer_is_no_needle(sizes):
    """Where many resources stand on the same level, they are put side by side: the picture is as wide as a screen."""
    needs = layered(*sizes)
    found = boxes(container(needs).graph())
    right = max(x + width for x, _, width, _ in found.values())
    bottom = max(y + height for _, y, _, height in found.values())
    assert 0.4 < right / bottom < 4
    for name, below in needs.items():
        assert all(found[each][0] + found[each][2] < found[name][0] for each in below)


def test_a_circle_is_seen():
    """The line that closes a circle leads back below the boxes, and inside the picture."""
    graph = container({"a": ["b"], "b": ["a"]}).graph()
    found, svg = boxes(graph), graph.svg()
    paths = [[float(each) for each in re.findall(r"-?[\d.]+", path)] for path in re.findall(r'<path d="([^"]+)"', svg)]
    back = next(numbers for numbers in paths if numbers[0] > numbers[-2])
    lowest = 0.25 * back[1] + 0.75 * back[3]
    bottom = max(y + height for _, y, _, height in found.values())
    assert bottom < lowest <= float(re.search(r'viewBox="\S+ (\S+) \S+ (\S+)"', svg)[2])
