"""What the library, and hooks by its loggers, log while a command runs: on standard error, secrets masked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from resourcekit.cli.output import tell
from resourcekit.cli.output_masking import masked
from resourcekit.cli.user_errors import print_traceback
from resourcekit.declarations.context import LOGGER

__all__ = ("logs_told",)


class _Telling(logging.Handler):
    """Tells warnings and errors."""

    def __init__(self, secrets: Callable[[], Sequence[str]]) -> None:
        super().__init__(logging.WARNING)
        self._secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        secrets = self._secrets()
        tell(masked(record.getMessage(), secrets))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:  # What it came beside surfaces, and is told then.
            print_traceback(error, secrets, told=[error.__context__] if error.__context__ is not None else ())


@contextmanager
def logs_told(secrets: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Tell what is logged while the block runs, where the user's code has not said what becomes of it.

    Args:
        secrets: Gives what must not be shown; it is asked where there is something to tell.
    """
    if LOGGER.hasHandlers():
        yield
        return
    handler = _Telling(secrets)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
