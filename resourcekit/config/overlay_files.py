"""Overlay files: read whole, with errors that never show what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from resourcekit.base.errors import ResourceKitError, kind_in_words
from resourcekit.base.regular_files import ONE_MIB, FileTooLargeError, NotRegularFileError, read_regular_file

__all__ = ("OverlayFileError", "SyntaxProblem", "load_overlay", "parse_json")


class OverlayFileError(ResourceKitError, ValueError):
    """A file of configuration cannot be read or is malformed.

    Args:
        path: The file.
        reason: What is wrong; never a piece of the file.
        line: The line, counted from 1, where it is known.
        column: The column, counted from 1, where it is known.

    >>> print(OverlayFileError("prod.toml", "invalid TOML: Unclosed array", 3, 7))
    prod.toml:3:7: invalid TOML: Unclosed array
    """

    def __init__(self, path: str, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(path, reason, line, column)
        self.path = path
        self.reason = reason
        self.line = line
        self.column = column

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return f"{':'.join([self.path, *numbers])}: {self.reason}"


@attrs.frozen
class SyntaxProblem:
    """Why a text is not what its format asks for: data that holds no piece of the text."""

    reason: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.reason
        where = f"line {self.line}" if self.column is None else f"line {self.line}, column {self.column}"
        return f"{self.reason} ({where})"


class _MalformedError(Exception):
    """Carries a SyntaxProblem out of a parser; never leaves this module."""

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.problem = SyntaxProblem(reason, line, column)


def load_overlay(path: str | os.PathLike[str]) -> dict[str, object]:
    r"""Read an overlay: config by key and field, from a TOML, JSON or YAML file.

    Args:
        path: The file; its suffix says the format: ``.toml``, ``.json``, ``.yaml`` or ``.yml``. A regular file of
            at most 1 MiB of UTF-8, a byte order mark is accepted. YAML needs PyYAML: ``pip install
            'resourcekit[yaml]'``.

    Returns:
        The file's top-level table, with the values as the format types them. An empty TOML or YAML file is empty.

    Raises:
        OverlayFileError: The file cannot be read, is not UTF-8, is malformed, has a key twice, has no table at the top,
            or its suffix is unknown.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "prod.toml")
    ...     _ = file.write_text("[database]\nport = 5433\n")
    ...     load_overlay(file)
    {'database': {'port': 5433}}
    """
    name = os.fspath(path)
    parser = _parser(name)
    text = _read(name)
    outcome = _attempt(parser, text)
    if isinstance(outcome, SyntaxProblem):
        raise OverlayFileError(name, outcome.reason, outcome.line, outcome.column)
    if not isinstance(outcome, dict):
        raise OverlayFileError(name, f"the top level must be a table of keys, it is {kind_in_words(outcome)}")
    wrong = sorted({type(key).__name__ for key in outcome if not isinstance(key, str)})
    if wrong:
        raise OverlayFileError(name, f"the keys at the top level must be text, one is of type {wrong[0]}: quote it")
    return outcome


def parse_json(text: str) -> object:
    """The value of a JSON text, or the `SyntaxProblem` that says why it is none; a key twice is one.

    >>> parse_json('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> print(parse_json("[1, 2"))
    invalid JSON: Expecting ',' delimiter (line 1, column 6)
    """
    return _attempt(_from_json, text)


def _attempt(parser: Callable[[str], object], text: str) -> object:
    """What *parser* makes of *text*, or a SyntaxProblem, which refers to no exception that could hold the text."""
    try:
        return parser(text)
    except _MalformedError as error:
        return error.problem
    except RecursionError:
        return SyntaxProblem("nested too deeply")


# Reading


def _read(path: str) -> str:
    """The text of a file; every failure becomes an OverlayFileError outside the except block that saw it."""
    data = _bytes(path)
    if isinstance(data, str):
        raise OverlayFileError(path, data)
    position: int
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a byte order mark the codec counts from behind it.
        position = error.start + len(data) - len(error.object)
    before = data[:position]
    line, column = before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1
    raise OverlayFileError(path, f"not UTF-8: a byte that cannot stand there, byte {position + 1}", line, column)


def _bytes(path: str) -> bytes | str:
    """What is in the file, or why it cannot be read."""
    try:
        return read_regular_file(path, ONE_MIB)
    except (NotRegularFileError, FileTooLargeError) as error:
        return f"cannot be read: {error.strerror}; larger or other config is given as a mapping"
    except FileNotFoundError:
        return "no such file" if os.path.isabs(path) else f"no such file in {os.getcwd()}"
    except IsADirectoryError:
        return "this is a directory, not a file"
    except PermissionError:
        return "no permission to read it"
    except OSError as error:
        return f"cannot be read: {error.strerror or type(error).__name__}"
    except ValueError:
        return "the path has a NUL character, or is no text the system can take"


# Formats


def _parser(path: str) -> Callable[[str], object]:
    """The parser for the file's suffix."""
    suffix = os.path.splitext(path)[1].lower()
    parser = _PARSERS.get(suffix)
    if parser is None:
        what = f"unknown suffix {suffix!r}" if suffix else "no suffix"
        raise OverlayFileError(path, f"{what}; use one of {', '.join(_PARSERS)}")
    if parser is _from_yaml and not _has_yaml():
        raise OverlayFileError(path, "YAML needs PyYAML: pip install 'resourcekit[yaml]'")
    return parser


def _has_yaml() -> bool:
    try:
        import yaml  # noqa: F401
    except ImportError:
        return False
    return True


# The parsers' own messages may quote the text. Whatever stands in quotes, brackets or after a colon is content,
# save the punctuation that a format asks for.
_CONTENT_FREE: Final = re.compile(r"""(?:[^'"(:{\[<]|'[=,:]'|'\]{1,2}'|"[=\]]")*""")


def _quiet(format_name: str, message: str) -> str:
    found = _CONTENT_FREE.match(message)
    said = found[0].strip(" ,") if found else ""
    return f"invalid {format_name}: {said}" if said else f"invalid {format_name}"


_TOML_POSITION: Final = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)\Z")


def _from_toml(text: str) -> object:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
    except ValueError:
        raise _MalformedError("invalid TOML: a number has too many digits") from None
    found = _TOML_POSITION.search(message)
    if found is None or found[1] is None:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    else:
        line, column = int(found[1]), int(found[2])
    raise _MalformedError(_quiet("TOML", message), line, column)


class _DuplicateKeyError(Exception):
    """Carries a JSON key that stands twice to where the text is at hand."""


def _from_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except _DuplicateKeyError as error:
        key = re.escape(json.dumps(error.args[0], ensure_ascii=False))
        lines = [str(text.count("\n", 0, found.start()) + 1) for found in re.finditer(rf"{key}\s*:", text)]
        where = f", see the lines {', '.join(lines[:5])}" if len(lines) > 1 else ""
        raise _MalformedError(f"invalid JSON: an object has the same key twice{where}") from None
    except json.JSONDecodeError as error:
        raise _MalformedError(_quiet("JSON", error.msg), error.lineno, error.colno) from None
    except ValueError:
        raise _MalformedError("invalid JSON: a number has too many digits") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, when no key stands in it twice."""
    table: dict[str, object] = {}
    for key, value in pairs:
        if key in table:
            raise _DuplicateKeyError(key)
        table[key] = value
    return table


def _from_yaml(text: str) -> object:
    import yaml
    from yaml.reader import ReaderError

    try:
        value = _yaml_value(yaml.SafeLoader(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        raise _MalformedError(_quiet("YAML", error.problem or error.context or ""), line, column) from None
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _MalformedError("invalid YAML: a character that YAML does not allow", line, column) from None
    except (_MalformedError, RecursionError):
        raise
    except Exception:  # PyYAML's constructors let anything out for `2024-02-30`, or for `!!bool maybe`.
        raise _MalformedError("invalid YAML: a value that is not of the type it looks like, such as a date") from None
    return {} if value is None else value


def _yaml_value(loader: Any) -> object:
    """The document's value, by the safe rules.

    A key that stands twice, a cycle of aliases and aliases that multiply are refused.
    """
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _refuse_duplicates(root)
        _refuse_multiplied(root)
        loader.deep_construct = True  # A node is whole before it counts as made: an alias to itself is an error.
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _refuse_duplicates(root: Any) -> None:
    """YAML takes the last of two equal keys without a word; a configuration file should not."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        if node.id == "sequence":
            waiting.extend(node.value)
            continue
        keys = set()
        for key, value in node.value:
            name = (key.tag, key.value) if key.id == "scalar" else id(key)
            if name in keys:
                mark = key.start_mark
                raise _MalformedError("invalid YAML: this key is already there", mark.line + 1, mark.column + 1)
            keys.add(name)
            waiting.extend((key, value))


_MOST_SHARED: Final = 100_000
"""How many values aliases may add to those that are written out."""


def _refuse_multiplied(root: Any) -> None:
    """Refuse aliases of aliases that stand for more values than a memory holds; merge keys count as well."""
    weights: dict[int, int] = {}  # How many values each node stands for, by its identity.
    waiting, visited = [root], set()
    while waiting:
        node = waiting[-1]
        parts = _parts(node)
        if id(node) not in visited:
            visited.add(id(node))
            waiting.extend(part for part in parts if id(part) not in visited)
            continue
        waiting.pop()
        weights[id(node)] = 1 + sum(weights.get(id(part), 0) for part in parts)  # A cycle is refused afterwards.
        if weights[id(node)] - len(visited) > _MOST_SHARED:
            mark = node.start_mark
            reason = "invalid YAML: aliases of aliases that stand for too many values, write out what is needed"
            raise _MalformedError(reason, mark.line + 1, mark.column + 1)


def _parts(node: Any) -> list[Any]:
    """The nodes that a node is made of."""
    if node.id == "scalar":
        return []
    return node.value if node.id == "sequence" else [part for pair in node.value for part in pair]


_PARSERS: Final[dict[str, Callable[[str], object]]] = {
    ".toml": _from_toml,
    ".json": _from_json,
    ".yaml": _from_yaml,
    ".yml": _from_yaml,
}
