"""`FilesystemIOManager`: values as files, each replaced at once or not at all."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts
from resourcekit.annotations.checks import Check
from resourcekit.base.errors import kind_in_words, shortened
from resourcekit.declarations.fields import field
from resourcekit.declarations.record import raw_values
from resourcekit.declarations.values import holds
from resourcekit.definitions.model.failures import NotReadableError, NotStorableError, NotStoredError
from resourcekit.definitions.model.step_contexts import InputContext, OutputContext
from resourcekit.definitions.storage.file_paths import FilePaths, is_file
from resourcekit.definitions.storage.file_writing import replace_file
from resourcekit.definitions.storage.io_managers import ConfigurableIOManagerFactory, IOManager
from resourcekit.definitions.storage.serializers import (
    JsonSerializer,
    PickleSerializer,
    Serializer,
    refused,
    serializers_of,
)

__all__ = ("FileStore", "FilesystemIOManager", "refusal")

_DEFAULT: Final = Path(".resourcekit", "storage")


class FileStore(IOManager):
    """The IO manager that `FilesystemIOManager` makes: an asset's value is the file of its key's parts.

    An op's value is at ``<run id>/<step>/<output>``. What a key has that a path must not have, ``..`` or a slash in a
    part, is escaped: nothing is ever written outside the directory. A dot in a last part is escaped too where it could
    begin a suffix: ``report`` in JSON and ``report.json`` are two files.

    Args:
        base_dir: The directory.
        serializers: What reads and writes; of several, the first that accepts a value writes it.

    >>> from pathlib import Path
    >>> FileStore(Path("store"), serializers_of("json")).path(("shop", "..")).as_posix()
    'store/shop/%2E%2E'
    """

    def __init__(self, base_dir: Path, serializers: Sequence[Serializer]) -> None:
        self.base_dir = base_dir
        self.serializers = tuple(serializers)
        self._paths = FilePaths(base_dir)

    def path(self, identifier: Sequence[str]) -> Path:
        """Where the value is kept that has this identifier, without the serializer's suffix.

        Args:
            identifier: As the context's `get_identifier` gives it.
        """
        return self._paths.base(identifier)

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Write a value: the file that was there is replaced when the new one is complete.

        Args:
            context: Whose value it is; the file's path goes into its metadata.
            obj: The value.

        Raises:
            NotStorableError: It cannot be written; the file that was there is as it was.
            OSError: The disk is full, the directory cannot be written to, or the like.
        """
        serializer = self._serializer(obj, context)
        identifier = context.get_identifier()
        path = self._paths.for_writing(identifier, serializer)
        _check_place(path, str(context))
        replace_file(path, self.base_dir, lambda file: _dump(serializer, obj, file, context))
        for other, _ in self._files(identifier):
            if other != path:
                other.unlink(missing_ok=True)  # Of another serializer, and older.
        context.add_output_metadata({"path": str(path.resolve())})

    def load_input(self, context: InputContext) -> Any:
        """Read a value.

        Args:
            context: Whose value is wanted, and as what.

        Returns:
            The value.

        Raises:
            NotStoredError: There is no such file.
            NotReadableError: It cannot be read.
        """
        what = str(context.upstream_output)
        path, serializer = self._found(context.get_identifier()) or self._missing(context)
        with path.open("rb") as file:
            try:
                return _load(serializer, file, context)
            except Exception as error:
                reason = f"{path} cannot be read by {type(serializer).__name__}: {type(error).__name__}"
                raise NotReadableError(what, reason, "run it again, or read it as what it was written") from error

    def _serializer(self, obj: Any, context: OutputContext) -> Serializer:
        """What writes a value: the only one, else the first that accepts it."""
        fitting = self.serializers
        if len(fitting) > 1:
            fitting = tuple(each for each in fitting if each.accepts(obj))
        if not fitting:
            reason = f"none of its serializers accepts {kind_in_words(obj)}"
            raise NotStorableError(str(context), reason, "add PickleSerializer() as the last")
        return fitting[0]

    def _found(self, identifier: Sequence[str]) -> tuple[Path, Serializer] | None:
        """The newest file of a value; one of an earlier version of resourcekit where there is no other."""
        before = ((path, each) for each in self.serializers for path in self._paths.written_before(identifier, each))
        for files in (self._files(identifier), before):
            found = max(files, key=lambda each: each[0].stat().st_mtime_ns, default=None)
            if found is not None:
                return found
        return None

    def _missing(self, context: InputContext) -> NoReturn:
        path = self.path(context.get_identifier())
        path = path.with_name(path.name + self.serializers[0].suffix)
        hint = f"run {context.upstream_output.step_key!r} with this IO manager first"
        if is_file(path):
            hint += "; the file there is of another key or serializer"
        raise NotStoredError(str(context.upstream_output), str(path), hint)

    def _files(self, identifier: Sequence[str]) -> Iterator[tuple[Path, Serializer]]:
        for serializer in self.serializers:
            for path in self._paths.written(identifier, serializer):
                yield path, serializer

    def __repr__(self) -> str:
        return f"<FileStore {self.base_dir}>"


def _dump(serializer: Serializer, value: Any, file: IO[bytes], context: OutputContext) -> None:
    try:
        serializer.dump(value, file, context.annotation)
    except OSError:
        raise  # The disk's, not the value's.
    except Exception as error:
        reason = f"{type(serializer).__name__} cannot write {kind_in_words(value)}: {error}"
        raise NotStorableError(str(context), reason, _way_out(serializer)) from error


def _way_out(serializer: Serializer) -> str:
    """What to do about a value that a serializer cannot write."""
    memory = "or keep it in memory, with io_manager_key and an InMemoryIOManager"
    if isinstance(serializer, PickleSerializer):
        return f"return plain data, {memory}"
    if isinstance(serializer, JsonSerializer):
        return "return plain data, annotate the step with what it returns, or use serializer='auto'"
    return "return what it writes, or use serializer='pickle'"


def _load(serializer: Serializer, file: IO[bytes], context: InputContext) -> Any:
    """Read a value as what it was written, if that is what the parameter takes; else as what the parameter takes."""
    unattached: Any = None  # The check looks at the value alone.
    wanted, written = context.annotation, context.upstream_output.annotation
    if written is not Any and accepts(wanted, written):
        value = serializer.load(file, written)
        if wanted is Any or Check(wanted).matches(None, unattached, value):
            return value
        file.seek(0)
    return serializer.load(file, wanted)


def _check_place(path: Path, what: str) -> None:
    """Make the folder of a file, and refuse what can be none.

    Raises:
        NotStorableError: Another value's file or folder is in the way, or a name is too long.
        OSError: The folder cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_directory = path.is_dir()
    except (FileExistsError, NotADirectoryError) as error:
        reason = f"{path.parent} cannot be a directory, a file of that name is in the way"
        raise NotStorableError(what, reason, "an asset's key cannot begin with another's whole key here") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        reason = "a part of its key is too long for the name of a file here"
        raise NotStorableError(shortened(what), reason, "give it a shorter key") from error
    if is_directory:
        reason = f"{path} is a directory, of assets whose keys begin with this one"
        raise NotStorableError(what, reason, "give it another key")


def refusal(keeper: object, annotation: Any) -> str | None:
    """Why files cannot keep what a step says it returns, as far as that is known before it runs; None where they may.

    Args:
        keeper: An IO manager, or the declaration of one.
        annotation: What the step says it returns.
    """
    given: Any = keeper.serializers if isinstance(keeper, FileStore) else None
    if isinstance(keeper, FilesystemIOManager):
        given = raw_values(keeper)["serializer"]
    if annotation is Any or given is None or holds(given):
        return None
    serializer = refused(serializers_of(given), annotation)
    return None if serializer is None else f"{type(serializer).__name__} cannot keep a value of {type_name(annotation)}"


def _check_base_dir(_manager: object, _attribute: object, base_dir: object) -> None:
    if base_dir == "":
        raise ValueError("it is empty: give a directory, '.' for the one that the program runs in")


class FilesystemIOManager(ConfigurableIOManagerFactory[FileStore]):
    """Keeps the values of steps as files; its users receive a `FileStore`.

    Args:
        base_dir: The directory, made when it is not there; ``.resourcekit/storage`` when it is not given. ``~`` at its
            beginning is the user's home.
        serializer: ``"pickle"``; ``"json"``; ``"parquet"`` (data frames, by pyarrow); ``"auto"``, which takes Parquet
            for data frames, JSON for plain data and pickle for the rest; a `Serializer` of your own; or a list of
            them, of which the first that accepts a value writes it.

    >>> import tempfile
    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def orders() -> list[str]:
    ...     return ["tea"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = FilesystemIOManager(base_dir=folder, serializer="json")
    ...     result = materialize([orders], resources={"io_manager": files})
    ...     Path(folder, "orders.json").read_text()
    '["tea"]'
    """

    base_dir: Path | str | None = field(default=None, validator=_check_base_dir)
    serializer: str | Serializer | Sequence[Serializer] = "pickle"

    def create_io_manager(self, context: object) -> FileStore:
        """The IO manager.

        Args:
            context: Not used; None will do.

        Returns:
            What reads and writes the files.

        Raises:
            DefinitionError: The serializer is none, or needs a library that is not installed.
            OSError: The directory cannot be made.
        """
        base_dir = _DEFAULT if self.base_dir is None else Path(self.base_dir).expanduser()
        try:
            base_dir.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            reason = "base_dir must be a directory, and a file is in its place"
            raise type(error)(error.errno, reason, str(base_dir)) from None
        return FileStore(base_dir, serializers_of(self.serializer))
