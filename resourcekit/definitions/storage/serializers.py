"""How values become files: pickle, JSON, Parquet, or what you write yourself."""

from __future__ import annotations

import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from importlib import import_module
from importlib.util import find_spec
from math import isfinite
from types import ModuleType
from typing import IO, Any, ClassVar, Final

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_queries import accepts
from resourcekit.annotations.annotation_structure import split, union_members
from resourcekit.base.errors import DefinitionError, did_you_mean, kind_in_words
from resourcekit.definitions.storage.roundtrip import first_change

__all__ = ("JsonSerializer", "ParquetSerializer", "PickleSerializer", "Serializer", "refused", "serializers_of")


class Serializer(ABC):
    """Writes values to files and reads them back: subclass it for a format of your own.

    >>> class Text(Serializer):
    ...     suffix = ".txt"
    ...
    ...     def accepts(self, value):
    ...         return isinstance(value, str)
    ...
    ...     def dump(self, value, file, annotation):
    ...         file.write(value.encode())
    ...
    ...     def load(self, file, annotation):
    ...         return file.read().decode()
    >>> Text().accepts("tea")
    True
    """

    suffix: ClassVar[str] = ""
    """What the names of its files end with."""

    def accepts(self, value: object) -> bool:
        """Whether it can write *value*; asked where there are several. True, unless you say otherwise."""
        return True

    def refuses(self, annotation: Any) -> bool:
        """Whether no value that a step annotated so returns can be written; asked before anything opens.

        Args:
            annotation: What the step says it returns; never Any, nor None. False, unless you say otherwise.
        """
        return False

    @abstractmethod
    def dump(self, value: Any, file: IO[bytes], annotation: Any) -> None:
        """Write a value.

        Args:
            value: The value.
            file: A new file, open for writing; what is in it counts only if nothing is raised.
            annotation: What the step says it returns.

        Raises:
            Exception: It cannot be written: TypeError, ValueError, what you like.
        """

    @abstractmethod
    def load(self, file: IO[bytes], annotation: Any) -> Any:
        """Read a value.

        Args:
            file: The file, open for reading.
            annotation: What to give: what the step says it returns where that suits the parameter, else what the
                parameter says it takes; Any where neither says anything.

        Returns:
            The value.
        """


class PickleSerializer(Serializer):
    """Python's own format: any value, to be read by the same code. Read only files you trust.

    >>> PickleSerializer().suffix
    ''
    """

    def refuses(self, annotation: Any) -> bool:
        """Whether it says that it returns a generator, a coroutine or a module, which pickle never takes."""
        return all(split(each)[0] in _NO_DATA for each in union_members(annotation))

    def dump(self, value: Any, file: IO[bytes], annotation: Any) -> None:
        """Write a value."""
        pickle.dump(value, file, protocol=4)

    def load(self, file: IO[bytes], annotation: Any) -> Any:
        """Read a value."""
        return pickle.load(file)


class JsonSerializer(Serializer):
    """JSON: plain data; and tuples, sets, attrs classes, dataclasses, dates and enums where the step is annotated so.

    A value is written only if it can be read back as it was: plain data always can, the rest if the step says that it
    returns it, ``-> list[Order]``.

    >>> JsonSerializer().accepts({"tea": [1, 2.5, None]}), JsonSerializer().accepts((1, 2))
    (True, False)
    """

    suffix: ClassVar[str] = ".json"

    def accepts(self, value: object) -> bool:
        """Whether JSON gives back exactly *value*, whatever annotation it is read with."""
        plain: Any = value
        if type(value) is list:
            return all(map(self.accepts, plain))
        if type(value) is dict:
            return all(type(key) is str and self.accepts(item) for key, item in plain.items())
        return value is None or type(value) in (str, int, bool) or (type(value) is float and isfinite(plain))

    def refuses(self, annotation: Any) -> bool:
        """Whether JSON cannot be read as *annotation*, as it cannot as `object`, which says nothing of the value."""
        members = [each for each in union_members(annotation) if each is not type(None)]
        return annotation is not Any and not all(map(_is_structured, members))

    def dump(self, value: Any, file: IO[bytes], annotation: Any) -> None:
        """Write a value.

        Raises:
            ValueError: Read back as *annotation* it would be another.
            TypeError: It has something that JSON has no words for.
        """
        text = json.dumps(_converter().unstructure(value), ensure_ascii=False, allow_nan=False)
        if not self.accepts(value) or annotation is not Any:
            _check_comes_back(value, text, annotation)
        file.write(text.encode())

    def load(self, file: IO[bytes], annotation: Any) -> Any:
        """Read a value as *annotation*; plain data where that is Any."""
        return _parsed(file.read(), annotation)


_NO_DATA: Final = (Generator, AsyncGenerator, Coroutine, ModuleType)


def _is_structured(annotation: Any) -> bool:
    """Whether JSON data can be read as an annotation."""
    from cattrs.errors import StructureHandlerNotFoundError

    try:
        _converter().get_structure_hook(annotation)
    except StructureHandlerNotFoundError:
        return False
    except Exception:  # A name that is not there yet, perhaps: the value will tell.
        return True
    return True


def _parsed(text: str | bytes, annotation: Any) -> Any:
    data = json.loads(text)
    return data if annotation is Any else _converter().structure(data, annotation)


def _check_comes_back(value: Any, text: str, annotation: Any) -> None:
    """Refuse what JSON text does not give back as it was.

    Raises:
        ValueError: It does not.
    """
    wanted = "without a return annotation" if annotation is Any else f"as {type_name(annotation)}"
    try:
        found = _parsed(text, annotation)
    except Exception as error:
        raise ValueError(f"read back {wanted}, it would be refused") from error
    change = first_change(value, found)
    if change is not None:
        raise ValueError(f"read back {wanted}, it would have {change}")


def _converter() -> Any:
    from cattrs.preconf.json import make_converter

    return make_converter()


_FRAMES: Final = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "Table"}
_MARK: Final = b"resourcekit"


class ParquetSerializer(Serializer):
    """Parquet, by pyarrow: data frames of pandas and polars, and pyarrow's tables.

    A frame is read as what the parameter is annotated with, else as what was written.

    >>> ParquetSerializer().accepts([1, 2])
    False
    """

    suffix: ClassVar[str] = ".parquet"

    def accepts(self, value: object) -> bool:
        """Whether *value* is a data frame, and pyarrow is installed."""
        return _library(type(value)) is not None and find_spec("pyarrow") is not None

    def refuses(self, annotation: Any) -> bool:
        """Whether it is a built-in type or a generator, which no data frame is."""
        members = [split(each)[0] for each in union_members(annotation)]
        is_built_in = [getattr(each, "__module__", None) == "builtins" and each is not object for each in members]
        return all(each or member in _NO_DATA for each, member in zip(is_built_in, members, strict=True))

    def dump(self, value: Any, file: IO[bytes], annotation: Any) -> None:
        """Write a data frame."""
        library = _library(type(value))
        pyarrow = import_module("pyarrow")
        if library == "pandas":
            table = pyarrow.Table.from_pandas(value)
        elif library == "polars":
            table = value.to_arrow()
        elif library == "pyarrow":
            table = value
        else:
            raise TypeError(f"Parquet holds data frames of pandas or polars, or pyarrow's tables, "
                            f"not {kind_in_words(value)}")  # fmt: skip
        marked = table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: library.encode()})
        import_module("pyarrow.parquet").write_table(marked, file)

    def load(self, file: IO[bytes], annotation: Any) -> Any:
        """Read a data frame."""
        table = import_module("pyarrow.parquet").read_table(file)
        metadata = dict(table.schema.metadata or {})
        written = metadata.pop(_MARK, b"pandas" if b"pandas" in metadata else b"pyarrow").decode()
        library = _library(annotation) or written
        if library == "pandas":
            return table.to_pandas()
        if library == "polars":
            return import_module("polars").from_arrow(table)
        return table.replace_schema_metadata(metadata or None)


def _library(cls: Any) -> str | None:
    """Whose data frame a class is."""
    for base in getattr(cls, "__mro__", ()):
        library: str = base.__module__.partition(".")[0]
        if _FRAMES.get(library) == base.__name__:
            return library
    return None


_NAMED: Final[dict[str, tuple[type[Serializer], ...]]] = {
    "pickle": (PickleSerializer,),
    "json": (JsonSerializer,),
    "parquet": (ParquetSerializer,),
    "auto": (ParquetSerializer, JsonSerializer, PickleSerializer),
}


_PLAIN: Final = (str, int, float, bool, list, dict)


def refused(serializers: Sequence[Serializer], annotation: Any) -> Serializer | None:
    """The serializer that is sure to refuse a step's value for its annotation; None where none is.

    Of several, plain data goes to the first that accepts it: it is refused if that one refuses the annotation.

    Args:
        serializers: Those of a store.
        annotation: What the step says it returns.
    """
    if all(each.refuses(annotation) for each in serializers):
        return serializers[0]
    members = [each for each in union_members(annotation) if each is not complex]  # It is no int, though one fits.
    plain = [kind for kind in _PLAIN if any(accepts(each, kind) for each in members)]
    first = (next((each for each in serializers if each.accepts(kind())), None) for kind in plain)
    return next((each for each in first if each is not None and each.refuses(annotation)), None)


def serializers_of(given: str | Serializer | Sequence[Serializer]) -> tuple[Serializer, ...]:
    """The serializers that a name, a serializer or a list of them stands for.

    Args:
        given: What the user gave.

    Raises:
        DefinitionError: There is none of that name, the list is empty, or one needs a library that is not installed.
    """
    if isinstance(given, str):
        if given not in _NAMED:
            raise DefinitionError(f"there is no serializer {given!r}; {did_you_mean(given, _NAMED)}")
        if given == "parquet" and find_spec("pyarrow") is None:
            raise DefinitionError("serializer 'parquet' needs pyarrow: pip install 'resourcekit[parquet]'")
        return tuple(cls() for cls in _NAMED[given])
    found = (given,) if isinstance(given, Serializer) else tuple(given)
    if not found:
        raise DefinitionError("serializer wants a name, a Serializer or a list of them, not an empty list")
    return found
