"""Reading small regular files whole: never a pipe, a device or a file without end, which would not come back."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

__all__ = ("ONE_MIB", "FileTooLargeError", "NotRegularFileError", "read_regular_file")

ONE_MIB: Final = 1024 * 1024
_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Without O_NONBLOCK, opening a pipe waits for its writer. Windows has no such flag, and needs O_BINARY.
_FLAGS: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"))


class NotRegularFileError(OSError):
    """A path leads to something that is not a regular file."""


class FileTooLargeError(OSError):
    """A file holds more than its reader takes."""


def read_regular_file(path: str, limit: int) -> bytes:
    """Return what is in the regular file at *path*; symbolic links are followed.

    Args:
        path: The file.
        limit: The most bytes that it may hold.

    Raises:
        NotRegularFileError: It is a pipe, a socket or a device.
        FileTooLargeError: It holds more than *limit* bytes, whatever size it says it has.
        IsADirectoryError: It is a directory.
        OSError: It cannot be opened or read.
        ValueError: The path has a NUL character, or is no text the system can take.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     read_regular_file(file.name, ONE_MIB)
    b''
    """
    _check_regular(os.stat(path), path)  # Opening a device may already do something.
    descriptor = os.open(path, _FLAGS)
    try:
        found = os.fstat(descriptor)
        _check_regular(found, path)  # Another file may have taken its place.
        if found.st_size > limit:
            raise _too_large(path, limit)
        return _read(descriptor, path, limit)
    finally:
        os.close(descriptor)


def _check_regular(found: os.stat_result, path: str) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
    raise NotRegularFileError(errno.EINVAL, f"it is {kind}, not a regular file", path)


def _read(descriptor: int, path: str, limit: int) -> bytes:
    """All that is left to read; files of /proc do not tell their size beforehand."""
    parts: list[bytes] = []
    left = limit + 1
    while left > 0:
        part = os.read(descriptor, min(left, ONE_MIB))
        if not part:
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    raise _too_large(path, limit)


def _too_large(path: str, limit: int) -> FileTooLargeError:
    return FileTooLargeError(errno.EFBIG, f"it holds more than {_size(limit)}", path)


def _size(number: int) -> str:
    return f"{number // ONE_MIB} MiB" if number % ONE_MIB == 0 else f"{number} bytes"
