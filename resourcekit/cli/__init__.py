"""The command line: see before you run. It needs the extra ``cli``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ("main",)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit code.

    Args:
        arguments: What follows the program's name; ``sys.argv`` by default.

    Raises:
        SystemExit: Always: 0 is good, 1 says that something is wrong with the program, 2 with the command.
    """
    missing = [name for name in ("cyclopts", "rich", "dotenv") if find_spec(name) is None]
    if missing:
        print("the command line needs its extra: pip install 'resourcekit[cli]'", file=sys.stderr)
        sys.exit(2)
    from resourcekit.cli.commands import invoke

    sys.exit(invoke(sys.argv[1:] if arguments is None else arguments))
