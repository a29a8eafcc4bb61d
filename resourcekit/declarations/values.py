"""What is inside a field value: one walk for finding, reading and copying."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Final

from resourcekit.annotations.annotation_queries import element_annotation
from resourcekit.annotations.class_kinds import field_names, is_deferred

__all__ = (
    "SCALARS",
    "Position",
    "copied",
    "has_parts",
    "hides_deferred",
    "holds",
    "holds_dagster_variable",
    "is_dagster_resource",
    "is_resource",
    "leaves",
    "leaves_of",
    "rebuild",
)

Position = tuple[str | int, ...]
"""Where a leaf stands in a field value: ``(0,)`` in a list, ``("eu",)`` in a dict."""

SCALARS: Final = frozenset({str, int, float, bool, bytes, type(None)})
_SEQUENCES: Final = frozenset({list, tuple, set, frozenset})

DEFERRED: Final = 1
RESOURCE: Final = 2


def is_resource(value: object) -> bool:
    """Whether *value* is a resource: its type decides, not what a mock says of itself."""
    return hasattr(type(value), "__resourcekit__")


def holds(value: Any) -> int:
    """Which kinds of leaf *value* holds: the sum of DEFERRED and RESOURCE, 0 for a plain value."""
    kind = type(value)
    if kind in SCALARS:
        return 0
    if kind in _SEQUENCES:
        return _any_of(value)
    if kind is dict:
        return _any_of(value.values())
    if hasattr(kind, "__resourcekit__"):
        return RESOURCE
    return DEFERRED if is_deferred(value) else 0


def _any_of(values: Any) -> int:
    found = 0
    for value in values:
        found |= holds(value)
    return found


def hides_deferred(value: Any) -> bool:
    """Whether *value* holds one that is not there yet, or a resource, where no run looks for it."""
    kind = type(value)
    if kind in SCALARS or is_deferred(value) or is_resource(value):
        return False
    if kind is dict:
        return any(map(holds, value)) or any(map(hides_deferred, value.values()))
    if kind in _SEQUENCES:
        return any(map(hides_deferred, value))
    if isinstance(value, list | tuple | set | frozenset | dict | deque | MappingProxyType):
        return any(map(holds, value.values() if isinstance(value, dict | MappingProxyType) else value))
    # A resource or a provider in an object of the user's is the user's own; an EnvVar would stay one for ever.
    return any(getattr(type(getattr(value, name, None)), "__deferred__", False) for name in field_names(kind))


def has_parts(value: object) -> bool:
    """Whether `leaves` and `rebuild` look into *value*: a list, tuple, set or dict, but none of the user's own kind."""
    kind = type(value)
    return kind in _SEQUENCES or kind is dict


def holds_dagster_variable(value: Any) -> bool:
    """Whether *value* is an `EnvVar` of Dagster's, or holds one: a text or number, of which the content is a name."""
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind in SCALARS or id(item) in seen:
            continue
        seen.add(id(item))
        if issubclass(kind, dict | MappingProxyType):  # By its true type: a lazy object is not asked for its class.
            waiting += item.values()
        elif issubclass(kind, list | tuple | set | frozenset | deque):
            waiting += item
        elif _is_of_dagster(kind, ("EnvVar", "IntEnvVar")):
            return True
    return False


def is_dagster_resource(value: object) -> bool:
    """Whether *value* is a resource of Dagster's own: only Dagster runs its hooks."""
    return _is_of_dagster(type(value), ("ConfigurableResourceFactory", "ResourceDefinition"))


def _is_of_dagster(kind: type, names: tuple[str, ...]) -> bool:
    """Whether a type is one of Dagster's, or derives from one; without importing Dagster."""
    return any(base.__name__ in names and base.__module__.partition(".")[0] == "dagster" for base in kind.__mro__)


def leaves(value: Any, annotation: object, position: Position = ()) -> Iterator[tuple[Position, object, object]]:
    """Every leaf that is deferred or a resource, with where it stands and the type wanted there; *value* holds one."""
    if has_parts(value):
        for key, item in _items(value):
            if holds(item):
                yield from leaves(item, element_annotation(annotation, value, key), (*position, key))
    else:
        yield position, value, annotation


def leaves_of(value: Any) -> list[Any]:
    """The leaves of `leaves`, by themselves."""
    return [leaf for _, leaf, _ in leaves(value, Any)] if has_parts(value) else [value]


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items()) if type(value) is dict else enumerate(value)


Leaf = Callable[[object, object, Position], object]


def rebuild(value: Any, annotation: object, leaf: Leaf, position: Position = ()) -> object:
    """A copy of *value* with each leaf replaced by ``leaf(leaf, annotation, position)``.

    Lists, tuples, sets and dicts are copied, recursively; every other value is a leaf.
    """
    kind = type(value)
    if kind in _SEQUENCES:
        items = (
            rebuild(item, element_annotation(annotation, value, index), leaf, (*position, index))
            for index, item in enumerate(value)
        )
        return kind(items)
    if kind is dict:
        return {
            key: rebuild(item, element_annotation(annotation, value, key), leaf, (*position, key))
            for key, item in value.items()
        }
    return leaf(value, annotation, position)


def copied(value: Any) -> object:
    """*value* with its lists, dicts and sets copied, recursively; other values are shared."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind in _SEQUENCES:
        return kind([copied(item) for item in value])
    if kind is dict:
        return {key: copied(item) for key, item in value.items()}
    return value
