"""Which file holds which value: no two keys, and no two serializers, ever share one."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

from resourcekit.definitions.storage.serializers import JsonSerializer, ParquetSerializer, PickleSerializer, Serializer

__all__ = ("FilePaths", "is_file")

_UNSAFE: Final = re.compile(r'[%/\\:*?"<>|\x00-\x1f\x7f]')
_NUMBERED: Final = r"\d+(?=\.|\Z)"
_AMBIGUOUS_DOT: Final = re.compile(rf"\.(?!{_NUMBERED})")
"""A dot in a key that may begin a serializer's suffix: every one but those of ``v1.2`` and ``2024.05.31``."""
_PLAIN_SUFFIX: Final = re.compile(rf"(?:\.(?!{_NUMBERED}).*)?", re.DOTALL)
_BUILT_IN: Final = (PickleSerializer, JsonSerializer, ParquetSerializer)
_CLAIMS: Final = ".serializers"


class FilePaths:
    """The files of a store, by identifier and serializer.

    The path is ``<key><suffix>``. A dot in a key's last part is escaped where it could begin a suffix, so that
    ``report.json`` is not the file of ``report`` in JSON. A suffix belongs to one serializer class of the store, known
    by its name: the built-in ones have theirs, another is noted in a folder ``.serializers`` when it first writes.
    The files of any other class have its name in theirs, ``<key>%<class><suffix>``. A percent sign before a letter or
    a tilde is never in an escaped key.

    On a file system that does not tell upper from lower case, a key whose file would be that of another has a digest
    in its name, ``<key>%~<digest><suffix>``.

    Files that were written before these rules are found, and left where they are.

    Args:
        base_dir: The store's directory.
    """

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir

    def base(self, identifier: Sequence[str]) -> Path:
        """Return the path of a value without a suffix, as long as no look-alike is in its way."""
        return self.base_dir.joinpath(*map(_escaped, identifier[:-1]), _escaped_name(identifier[-1]))

    def for_writing(self, identifier: Sequence[str], serializer: Serializer) -> Path:
        """Return where a value is to be written.

        Raises:
            OSError: The store cannot be read or written to.
        """
        if not self._may_be_plain(serializer, is_writing=True):
            return self._path(identifier, _tag(serializer))
        path = self._path(identifier, serializer.suffix)
        _make_way(path, serializer)
        return path

    def written(self, identifier: Sequence[str], serializer: Serializer) -> Iterator[Path]:
        """Yield the files that a serializer has written for a value."""
        yield from filter(is_file, [self._path(identifier, _tag(serializer))])
        if self._may_be_plain(serializer):
            path = self._path(identifier, serializer.suffix)
            if is_file(path) and not _is_anothers(path, serializer):
                yield path

    def written_before(self, identifier: Sequence[str], serializer: Serializer) -> Iterator[Path]:
        """Yield the files that a serializer may have written for a value when the rules were others."""
        candidates = []
        if self._owner(serializer.suffix) is None and not self._may_be_plain(serializer):
            candidates.append(self._path(identifier, serializer.suffix))
        old = self.base_dir.joinpath(*map(_escaped, identifier))
        if old.name != _escaped_name(identifier[-1]):
            candidates.append(old.with_name(old.name + serializer.suffix))
        for path in filter(is_file, candidates):
            if type(serializer) not in _BUILT_IN or _is_pickle(path) == (type(serializer) is PickleSerializer):
                yield path

    def _path(self, identifier: Sequence[str], ending: str) -> Path:
        """Return the path with that ending, past the look-alikes that are there."""
        folder = self.base_dir
        for part in map(_escaped, identifier[:-1]):
            folder /= part + _mark_of_lookalike(folder, part)
        name = _escaped_name(identifier[-1])
        return folder / (name + _mark_of_lookalike(folder, name + ending) + ending)

    def _may_be_plain(self, serializer: Serializer, *, is_writing: bool = False) -> bool:
        """Return whether a serializer's files have nothing but its suffix; a writer claims it where it is free."""
        suffix, name = serializer.suffix, type(serializer).__name__
        if not _PLAIN_SUFFIX.fullmatch(suffix):
            return False
        owner = self._owner(suffix)
        if owner is None and is_writing and self._may_claim(serializer):
            self._claim(suffix, name)
            owner = self._owner(suffix)
        if owner is not None:
            return owner == name
        return type(serializer) in _BUILT_IN or not _is_built_in(suffix)

    def _may_claim(self, serializer: Serializer) -> bool:
        """Return whether a suffix is to be noted: that of a built-in serializer only in a store without any file."""
        if type(serializer) in _BUILT_IN:
            return False
        return not _is_built_in(serializer.suffix) or _entries(self.base_dir) <= {_CLAIMS}

    def _claim(self, suffix: str, owner: str) -> None:
        """Note whose a suffix is: a folder with a folder in it, which only one writer can rename into its place."""
        claims = self.base_dir / _CLAIMS
        new = claims / f".{uuid4().hex}"
        (new / owner).mkdir(parents=True)
        try:
            new.rename(self._claim_of(suffix))
        except OSError:  # Another was faster.
            (new / owner).rmdir()
            new.rmdir()

    def _owner(self, suffix: str) -> str | None:
        """Return the name of the class that has claimed a suffix."""
        return next(iter(_entries(self._claim_of(suffix))), None)

    def _claim_of(self, suffix: str) -> Path:
        return self.base_dir / _CLAIMS / f"suffix{_escaped(suffix)}"


def _escaped(part: str) -> str:
    """Return a part of a key as a name in a directory, whatever is in it; two parts never share one."""
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", part)
    return safe if safe.strip(".") and safe.casefold() != _CLAIMS else safe.replace(".", "%2E")


def _escaped_name(part: str) -> str:
    """Return the last part of a key as the beginning of a file's name: what follows can be told from it."""
    return _AMBIGUOUS_DOT.sub("%2E", _escaped(part))


def _tag(serializer: Serializer) -> str:
    """Return the ending of a file whose suffix is another serializer's."""
    between = "" if serializer.suffix.startswith(".") or not serializer.suffix else "%"
    return f"%{type(serializer).__name__}{between}{serializer.suffix}"


def _entries(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _is_built_in(suffix: str) -> bool:
    return any(suffix == cls.suffix for cls in _BUILT_IN)


def _mark_of_lookalike(folder: Path, name: str) -> str:
    """Return what to add to a name where the file system takes it for that of another entry; nothing elsewhere."""
    swapped = name.swapcase()
    if not os.path.lexists(folder / name) or not os.path.lexists(folder / swapped):
        return ""  # It is free; or upper and lower case are told apart.
    if name in os.listdir(folder):
        return ""
    return f"%~{sha256(name.encode(errors='surrogatepass')).hexdigest()[:12]}"


def is_file(path: Path) -> bool:
    """Return whether there is a file; False where its name is too long for one.

    Raises:
        OSError: It cannot be looked for.
    """
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _is_pickle(path: Path) -> bool:
    """Return whether a file begins as those of `PickleSerializer` do, and no JSON and no Parquet."""
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def _is_anothers(path: Path, serializer: Serializer) -> bool:
    """Return whether a file is a pickle, of a key with this suffix in it, where JSON or Parquet is expected."""
    return type(serializer) in (JsonSerializer, ParquetSerializer) and _is_pickle(path)


def _make_way(path: Path, serializer: Serializer) -> None:
    """Move the file of another key, written before the rules of today, to where it is looked for now."""
    if is_file(path) and _is_anothers(path, serializer):
        moved = path.with_name(_AMBIGUOUS_DOT.sub("%2E", path.name))
        if not os.path.lexists(moved):
            path.rename(moved)
