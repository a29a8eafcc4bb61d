"""Who takes part: the contenders whose packages are installed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import attrs

from benchmarks.contenders.base import Contender
from benchmarks.results import is_installed

__all__ = ("LIBRARIES", "Field", "contenders")

_MODULES: Final = (
    "by_hand",
    "ours",
    "dishka",
    "wireup",
    "diwire",
    "modern_di",
    "svcs",
    "that_depends",
    "dependency_injector",
    "dagster",
    "converters",
)
_DISTRIBUTIONS: Final = {
    "dishka": "dishka",
    "wireup": "wireup",
    "diwire": "diwire",
    "modern_di": "modern-di",
    "svcs": "svcs",
    "that_depends": "that-depends",
    "dagster": "dagster",
    "converters": "pydantic",
}
LIBRARIES: Final = ("anyio", "attrs", "cattrs", "dependency-injector", *_DISTRIBUTIONS.values())
"""What a result depends on."""


@attrs.frozen
class Field:
    """Who takes part.

    Args:
        present: The contenders, the baseline first.
        missing: The packages that are not installed here.
    """

    present: tuple[Contender, ...]
    missing: tuple[str, ...]


def contenders() -> Field:
    """Every contender whose package is installed."""
    missing = tuple(name for name in _DISTRIBUTIONS.values() if not is_installed(name))
    modules = [import_module(f"benchmarks.contenders.{name}") for name in _MODULES
               if _DISTRIBUTIONS.get(name) not in missing]  # fmt: skip
    return Field(tuple(each for module in modules for each in module.CONTENDERS), missing)
