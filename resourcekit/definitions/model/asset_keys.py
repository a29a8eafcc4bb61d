"""`AssetKey`: what an asset is called, and the spellings that stand for one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import attrs

from resourcekit.base.errors import DefinitionError, kind_in_words

__all__ = ("AssetKey", "as_asset_key", "check_name")

_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_SPLIT: Final = re.compile(r"(?<!\\)/")


@attrs.frozen(init=False, order=True)
class AssetKey:
    """The key of an asset: one or more parts, ``shop/orders``.

    Args:
        path: The parts, or a single one.

    Raises:
        DefinitionError: There is no part, or one is no text or empty.

    >>> AssetKey(["shop", "orders"])
    AssetKey('shop/orders')
    >>> AssetKey("orders").path
    ('orders',)
    """

    path: tuple[str, ...]

    def __init__(self, path: str | Sequence[str]) -> None:
        parts: tuple[Any, ...] = (path,) if isinstance(path, str) else tuple(path)
        if not parts or not all(isinstance(part, str) and part for part in parts):
            raise DefinitionError(f"AssetKey wants text, or a list of texts, none of them empty; not {path!r}")
        self.__attrs_init__(parts)  # pyright: ignore[reportAttributeAccessIssue]

    @classmethod
    def from_user_string(cls, text: str) -> AssetKey:
        r"""The key that *text* spells: its parts with slashes between them, ``\/`` for a slash in a part.

        >>> AssetKey.from_user_string("shop/orders").path
        ('shop', 'orders')
        """
        return cls([part.replace("\\/", "/") for part in _SPLIT.split(text)])

    def to_user_string(self) -> str:
        """The key as text, as `from_user_string` reads it.

        >>> AssetKey(["shop", "orders"]).to_user_string()
        'shop/orders'
        """
        return "/".join(part.replace("/", "\\/") for part in self.path)

    @property
    def name(self) -> str:
        """The last part: the parameter name that asks for the asset."""
        return self.path[-1]

    def __str__(self) -> str:
        return self.to_user_string()

    def __repr__(self) -> str:
        return f"AssetKey({self.to_user_string()!r})"


def as_asset_key(reference: Any, where: str) -> AssetKey:
    """The key that a user's reference to an asset means: a key, its text, its parts, or the asset itself.

    Args:
        reference: The reference.
        where: What it was given to, for the message.

    Raises:
        DefinitionError: It is something else.
    """
    if isinstance(reference, AssetKey):
        return reference
    if isinstance(reference, str) and reference:
        return AssetKey.from_user_string(reference)
    key = getattr(reference, "key", None)
    if isinstance(key, AssetKey):
        return key
    if isinstance(reference, list | tuple):
        return AssetKey(reference)
    hint = "; decorate it with @asset" if callable(reference) else ""
    given = getattr(reference, "__name__", None) or kind_in_words(reference)
    raise DefinitionError(f"{where} wants assets or their keys, such as 'orders', not {given}{hint}")


def check_name(name: object, what: str) -> str:
    """Give *name* back if it can be the name of an asset, op or job.

    Args:
        name: The name.
        what: What is to have it, for the message.

    Raises:
        DefinitionError: It cannot.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    proposal = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_") or what
    raise DefinitionError(f"{name!r} cannot name {what}: letters, digits and underscores can; call it {proposal!r}")
