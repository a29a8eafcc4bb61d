"""What no output may hold: the values of secret fields, also where the user's own code says them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import lru_cache
from html import escape
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import attrs

from resourcekit.declarations.deferred import Deferred, EnvTemplate, ReadContext
from resourcekit.declarations.fields import METADATA
from resourcekit.declarations.values import is_resource
from resourcekit.run.blueprint import preflight

__all__ = ("masked", "secrets_of")

_MASK: Final = "***"
_SHORTEST: Final = 3  # What is shorter stands in every other word.
_SHORTEST_LINE: Final = 8  # Of a secret of several lines: "{" and "END" are lines of many files.
_ARMOUR: Final = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]+-----")
_PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^\s:/@'\"]*):[^\s/@'\"]+(?=@)")


def secrets_of(container: Any, keys: Sequence[str] = ()) -> tuple[str, ...]:
    """The values of a container's secret fields as text, as a run would read them, and what they are read from.

    Args:
        container: The container.
        keys: Of these and what they need; none means all.
    """
    blueprint = container._blueprint()
    drafts = preflight(blueprint, tuple(keys) or None, environ=os.environ, is_async=True).drafts
    started = (blueprint.app.find(node.held) for node in blueprint.graph.nodes)
    resources = [*drafts.values(), *(live.exposed for live in started if live is not None)]
    found = {text for resource in resources if is_resource(resource) for text in _secrets(resource)}
    found |= {text for leaf in container._origins().secret_leaves for text in _source_texts(leaf)}
    return tuple(sorted(found))


def masked(text: str, secrets: Sequence[str]) -> str:
    """*text* without the secrets, and without the passwords in its URLs.

    A secret of three letters or more is found however it is written: as it is, in a repr, in JSON, HTML or a URL, and
    folded over several lines; of a secret of several lines also each longer line by itself.

    >>> masked("postgresql://app:pw@db/shop refused k3y", ["k3y"])
    'postgresql://app:***@db/shop refused ***'
    >>> masked("/?key=k%2F3%25y and k/3%yes", ["k/3%y", "k/3%yes"])
    '/?key=*** and ***'
    """
    shown, end = list[str](), 0
    unfolded, places = _unfolded(text)
    spans = [span for secret in secrets for span in _spans(text, secret, f"{_BLANK}+")]
    for start, until in (span for secret in secrets for span in _spans(unfolded, secret, f"{_BLANK}*")):
        spans.append((places[start], places[until - 1] + 1))
    for start, until in _together(spans):
        shown += [text[end:start], _MASK]
        end = until
    return _PASSWORD_IN_URL.sub(rf"\1:{_MASK}", "".join([*shown, text[end:]]))


def _unfolded(text: str) -> tuple[str, Sequence[int]]:
    """A text without the line breaks at which it may be folded, and where each of its letters was before."""
    parts, places, end = list[str](), list[int](), 0
    for fold in _FOLD.finditer(text):
        parts.append(text[end : fold.start()])
        places += range(end, fold.start())
        end = fold.end()
    return "".join([*parts, text[end:]]), [*places, *range(end, len(text))]


def _together(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, those that overlap as one: secrets may begin or end alike."""
    start = until = 0
    for first, last in sorted(spans):
        if first > until:
            if until:
                yield start, until
            start = first
        until = max(until, last)
    if until:
        yield start, until


def _spans(text: str, secret: str, blank: str) -> Iterator[tuple[int, int]]:
    """Where a secret stands in a text, or a line of it; *blank* is what may stand between two words of it."""
    lines = [line.strip() for line in secret.splitlines()]
    longer = [line for line in lines if len(line) >= _SHORTEST_LINE and not _ARMOUR.fullmatch(line)]
    for part in dict.fromkeys([secret.strip(), *longer]):
        if len(part) >= _SHORTEST:
            yield from (found.span(1) for found in _pattern(part, blank).finditer(text))


_FOLD: Final = re.compile(r"(?:(?<![ \t|│┃])[ \t|│┃]++)?+\n[ \t|│┃\n]*+")
"""Where a text is folded, with the bars of a table or of an exception group at either side."""

_BLANK: Final = r"(?i:[\s|│┃+]|\\+[nrtfv]|\\+x[0-9a-f]{2}|\\+u[0-9a-f]{4}|%(?:25)*[0-9a-f]{2}|&nbsp;|&#x?[0-9a-f]+;)"


@lru_cache(maxsize=1024)
def _pattern(secret: str, blank: str) -> re.Pattern[str]:
    """Finds a secret in all its forms, also where one begins within another."""
    words = ["".join(map(_forms, word)) for word in secret.split()]
    return re.compile(f"(?=({blank.join(words)}))")


@lru_cache(maxsize=1024)
def _forms(letter: str) -> str:
    """A letter as texts write it: as it is, behind backslashes, by its number, in percent signs, as an entity."""
    if letter.isascii() and letter.isalnum():
        return letter
    octets, number = letter.encode(errors="surrogatepass"), ord(letter)
    units = letter.encode("utf-16-be", errors="surrogatepass").hex()
    forms = [
        r"\\+" if letter == "\\" else rf"\\*{re.escape(letter)}",
        "".join(rf"\\+u{units[place : place + 4]}" for place in range(0, len(units), 4)),
        "".join(rf"\\+x{octet:02x}" for octet in octets),
        "".join(rf"%(?:25)*{octet:02x}" for octet in octets),
        rf"\\+U{number:08x}",
        rf"\\+x{number:02x}",
        rf"&#(?:{number}|x{number:x});",
        re.escape(escape(letter)),
        *([r"\\+b"] if letter == "\b" else []),
    ]
    return f"(?i:{'|'.join(forms)})"


# The texts of the secrets


def _source_texts(leaf: Deferred) -> Iterator[str]:
    """What a source of a secret field gives, before it is converted; of a template, also what each variable gives."""
    if isinstance(leaf, EnvTemplate):
        yield from filter(None, map(os.environ.get, leaf.names))
    try:
        yield from _texts(leaf.read(ReadContext(os.environ)))
    except Exception:  # The run could not read it either.
        return


def _secrets(value: Any) -> Iterator[str]:
    """The texts of the secret fields of an object, and of those inside it; a nested resource is asked for itself."""
    for attribute in attrs.fields(type(value)):
        inner = value.__dict__.get(attribute.name) if is_resource(value) else getattr(value, attribute.name, None)
        if getattr(attribute.metadata.get(METADATA), "secret", False):
            yield from _texts(inner)
        else:
            for each in _leaves(inner):
                if attrs.has(type(each)) and not is_resource(each):
                    yield from _secrets(each)


def _texts(value: object) -> Iterator[str]:
    """The texts in which a value may be said."""
    for leaf in _leaves(value):
        if isinstance(leaf, str | bytes | PurePath | int | float | Decimal | UUID) and not isinstance(leaf, bool):
            yield leaf.decode(errors="backslashreplace") if isinstance(leaf, bytes) else str(leaf)
        else:
            yield from (text for name in _field_names(type(leaf)) for text in _texts(getattr(leaf, name, None)))


def _field_names(cls: Any) -> list[str]:
    """The fields of a class of attrs' or of dataclasses', of any other none."""
    return [each.name for each in (attrs.fields(cls) if attrs.has(cls) else fields(cls) if is_dataclass(cls) else ())]


def _leaves(value: object) -> Iterator[object]:
    """What is in a value that holds others."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes | Iterator):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
