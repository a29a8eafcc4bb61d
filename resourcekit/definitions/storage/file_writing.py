"""Writing a file whole or not at all, and sweeping what killed writers have left.

A writer has its unfinished file in the store's own folder, with a name that tells the host and the process, and holds a
lock on it from before the first byte until the file is in its place. The operating system drops the lock when the
process is gone, however it went. A sweeper removes only a file whose lock it has itself, and only of its own host: the
locks of other hosts may not be seen from here. Where there are no locks, nothing is swept.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

if sys.platform != "win32":
    import fcntl

__all__ = ("replace_file",)

_HAS_LOCKS: Final = sys.platform != "win32"
_UNFINISHED: Final = re.compile(r"\.[0-9a-f]{32}\.\d+\.(?P<boot>[0-9a-f]+)\.(?P<host>[\w-]*)\.tmp")


def replace_file(path: Path, base_dir: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a new file, and put it in the place of *path* when it is complete.

    Args:
        path: The file; its folder must be there.
        base_dir: The store's folder, where the unfinished file is.
        write: Writes the content.

    Raises:
        OSError: The disk is full, a folder cannot be written to, or the like; it names *path*.
        Exception: What *write* raises; the old file is as it was.
    """
    is_one_disk = path.parent.stat().st_dev == base_dir.stat().st_dev  # Files are renamed within a disk only.
    folder = base_dir if is_one_disk and os.access(base_dir, os.W_OK) else path.parent
    _sweep(folder)
    temporary = folder / _unfinished_name()
    try:
        with _opened(temporary) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if _HAS_LOCKS:
                temporary.replace(path)  # Before the lock is gone, and a sweeper could take the file.
        if not _HAS_LOCKS:
            temporary.replace(path)  # Windows does not rename an open file.
    except BaseException as error:
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # What the user knows.
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Create a file and lock it; a sweeper that came between the two has removed it, so that it is made again."""
    while True:
        with path.open("xb") as file:
            if _lock(file.fileno(), is_waiting=True) and not path.exists():
                continue
            yield file
            return


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of writers of this host that are gone."""
    with os.scandir(folder) as entries:
        found = [entry.path for entry in entries if _is_from_here(entry.name) and entry.is_file(follow_symlinks=False)]
    for path in found:
        with suppress(OSError):  # Finished or swept by now, or another user's.
            descriptor = os.open(path, os.O_RDONLY)
            try:
                if _lock(descriptor, is_waiting=False):
                    os.unlink(path)
            finally:
                os.close(descriptor)


def _lock(descriptor: int, *, is_waiting: bool) -> bool:
    """Take the lock of a file; return whether there is one and it was to be had."""
    if sys.platform == "win32":
        return False
    else:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if is_waiting else fcntl.LOCK_NB))
        except OSError:
            return False
        return True


def _unfinished_name() -> str:
    """Return a new name: no key's file has it, for the letters behind a dot would be escaped."""
    return f".{uuid4().hex}.{os.getpid()}.{_boot()}.{_host()}.tmp"


def _is_from_here(name: str) -> bool:
    """Return whether a name is that of an unfinished file whose lock can be seen from here."""
    found = _UNFINISHED.fullmatch(name)
    return found is not None and (found["host"] == _host() or found["boot"] == _boot() != "0")


@cache
def _host() -> str:
    return re.sub(r"[^\w-]", "-", platform.node(), flags=re.ASCII)[:64]


@cache
def _boot() -> str:
    """Return what the containers of one machine share, whatever their host names; ``0`` where it is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "") or "0"
    except OSError:
        return "0"
