"""The contenders, one module each."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import attrs

from benchmarks.contenders.base import Contender

__all__ = ("DISTRIBUTIONS", "Field", "contenders")

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
DISTRIBUTIONS: Final = {
    "dishka": "dishka",
    "wireup": "wireup",
    "diwire": "diwire",
    "modern_di": "modern-di",
    "svcs": "svcs",
    "that_depends": "that-depends",
    "dagster": "dagster",
    "converters": "pydantic",
}


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
    missing = tuple(name for name in DISTRIBUTIONS.values() if not _is_installed(name))
    modules = [import_module(f"benchmarks.contenders.{name}") for name in _MODULES
               if DISTRIBUTIONS.get(name) not in missing]  # fmt: skip
    return Field(tuple(each for module in modules for each in module.CONTENDERS), missing)


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
