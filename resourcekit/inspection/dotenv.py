"""A ``.env.example`` of what a container reads, and the text that each default is read back from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from os import PathLike, fspath
from typing import Any
from uuid import UUID

from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.class_kinds import field_names, is_structured
from resourcekit.base.masking import printable
from resourcekit.config.library_types import library_type
from resourcekit.inspection.records import EnvEntry

__all__ = ("as_text", "dotenv")

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]*")


def dotenv(container: str, entries: Iterable[EnvEntry]) -> str:
    """The variables of a container as a file that python-dotenv, Docker Compose and shells read.

    A required variable is there with an empty value, to be filled in; an optional one is a comment with its default.
    Files are told in comments. A secret's default is left out.
    """
    lines = [f"# {container}: what it reads, for a copy named .env", ""]
    for entry in entries:
        lines += [f"# {line}" for line in _comments(entry)]
        lines += [*_assignment(entry), ""]
    return "\n".join(map(printable, lines[:-1])) + "\n"


def _comments(entry: EnvEntry) -> Iterator[str]:
    if entry.description:
        yield " ".join(entry.description.split())
    facts = [
        ", ".join(entry.types),
        "required" if entry.required else "optional",
        "secret" if entry.secret else "",
        f"only in {', '.join(entry.environments)}" if entry.environments else "",
    ]
    yield f"{', '.join(filter(None, facts))}; for {', '.join(entry.used_by)}"


def _assignment(entry: EnvEntry) -> Iterator[str]:
    if entry.kind != "variable":
        yield f"# {entry.kind}: {entry.name}"
    elif entry.required:
        yield f"{entry.name}="
    else:
        default = next((read.default for read in entry.reads if not read.required), None)
        text = None if entry.secret else as_text(default)
        yield f"# {entry.name}={'' if text is None else _quoted(text)}"


def _quoted(text: str) -> str:
    """A default as a line has it; nothing where it has control characters that cannot be written there."""
    if _PLAIN.fullmatch(text):
        return text
    if printable(text, keep="\n") != text:
        return ""
    if "'" not in text and "\n" not in text and "\\" not in text:
        return f"'{text}'"  # Nothing is expanded in single quotes.
    inner = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'


def as_text(value: Any) -> str | None:
    """The text of a variable that is read back as *value*, or None where no text is known to be.

    >>> as_text(True), as_text(["a", "b"]), as_text({"size": 1})
    ('true', '["a", "b"]', '{"size": 1}')
    """
    known = library_type(form_of(type(value)))
    if known is not None:
        return known.text(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str | PathLike):
        return fspath(value) if isinstance(value, PathLike) else value
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, int | float | Decimal | UUID) and not isinstance(value, bool):
        return str(value)
    plain = _plain(value)
    return None if plain is _NO_TEXT else "" if plain is None else json.dumps(plain, ensure_ascii=False)


_NO_TEXT: Any = object()


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _plain(value: Any) -> Any:
    """The value as JSON has it; `_NO_TEXT` where it has none."""
    if value is None or isinstance(value, bool | int | float):
        return value
    is_textual = isinstance(value, _TEXTUAL) or library_type(form_of(type(value))) is not None
    if is_textual:
        text = as_text(value)
        return _NO_TEXT if text is None else text
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item) for item in value]
        return _NO_TEXT if _NO_TEXT in items else items
    fields = _fields(value)
    if fields is not None:
        inner = {str(key): _plain(item) for key, item in fields.items()}
        return _NO_TEXT if _NO_TEXT in inner.values() else inner
    return _NO_TEXT


_TEXTUAL = (str, bytes, Enum, PathLike, timedelta, date, time, Decimal, UUID)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if not is_structured(type(value)):
        return None
    return {alias: getattr(value, name) for name, alias in field_names(type(value), init=True).items()}
