"""What no output may hold: the values of secret fields, also where the user's own code says them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import attrs

from resourcekit.fields import METADATA
from resourcekit.run import preflight
from resourcekit.values import is_resource

__all__ = ("masked", "secrets_of")

_MASK: Final = "***"
_SHORTEST: Final = 3  # What is shorter stands in every other word.
_PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^\s:/@'\"]*):[^\s/@'\"]+(?=@)")


def secrets_of(container: Any, keys: Sequence[str] = ()) -> tuple[str, ...]:
    """The values of a container's secret fields as text, as a run would read them.

    Args:
        container: The container.
        keys: Of these and what they need; none means all.
    """
    drafts = preflight(container._blueprint(), tuple(keys) or None, environ=os.environ, is_async=True).drafts
    found = {text for resource in drafts.values() for text in _secrets(resource)}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))  # None takes another apart that it is a part of.


def masked(text: str, secrets: Sequence[str]) -> str:
    """*text* without the secrets, and without the passwords in its URLs.

    >>> masked("postgresql://app:pw@db/shop refused k3y", ["k3y"])
    'postgresql://app:***@db/shop refused ***'
    """
    for secret in secrets:
        text = text.replace(secret, _MASK)
    return _PASSWORD_IN_URL.sub(rf"\1:{_MASK}", text)


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
            text = leaf.decode(errors="replace") if isinstance(leaf, bytes) else str(leaf)
            yield from (form for form in {text, repr(text)[1:-1]} if len(form) >= _SHORTEST)
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
