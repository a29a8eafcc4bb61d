"""Generated code that can be read: tracebacks and debuggers show its source."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

__all__ = ("GENERATED", "execute")

GENERATED: Final = "resourcekit "
"""How the names of generated code begin, which stand in the place of a file's."""

_NUMBERS: Final = count(1)


class _Loader:
    """Gives the source to whoever asks by the namespace, through `linecache`; it is gone when the code is."""

    def __init__(self, source: str) -> None:
        self._source = source

    def get_source(self, _name: str) -> str:
        """The source."""
        return self._source


def execute(kind: str, source: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Run generated source.

    Args:
        kind: What it is, in a word.
        source: The source.
        names: What it may use.

    Returns:
        The namespace it has run in.
    """
    filename = f"{GENERATED}{kind} {next(_NUMBERS)}"
    namespace = {**names, "__name__": filename, "__loader__": _Loader(source)}
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)
    return namespace
