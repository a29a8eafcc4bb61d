"""How a resource class spells its fields: `field`, `Field`, `secret` and `state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import attrs

from resourcekit.errors import DefinitionError
from resourcekit.secrets import mask

__all__ = ("Field", "field", "secret", "state")

METADATA: Final = "resourcekit"


def is_factory(default: object) -> bool:
    """Whether a field's default is one that is made anew for each resource."""
    return isinstance(default, cast("type", attrs.Factory))  # attrs' stub calls it a function


@attrs.frozen
class FieldOptions:
    """What resourcekit keeps of a field in attrs' metadata."""

    secret: bool = False
    description: str | None = None


@attrs.frozen
class State:
    """Private state, declared for the type checker: what `state` gives."""

    default: object
    factory: Callable[[], object] | None

    def make(self) -> object:
        """A value for one resource."""
        return self.default if self.factory is None else self.factory()


def field(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    converter: Any = None,
    validator: Any = None,
    repr: Any = True,  # attrs' name
    alias: str | None = None,
    init: bool = True,
    description: str | None = None,
    secret: bool = False,
    metadata: Mapping[Any, Any] | None = None,
) -> Any:
    """A field of a resource, where the annotation and a default do not say enough.

    ``@name.default`` and ``@name.validator`` work as on `attrs.field`.

    Args:
        default: The value when none is given; it is checked against the annotation.
        factory: Makes the default, anew for each resource; give it in place of *default*.
        converter: As in attrs; runs on real values only, once for each.
        validator: As in attrs; one, or a list.
        repr: As in attrs: False hides the field, a callable shows its value.
        alias: The name in the constructor and in overlays, when it is not the attribute's.
        init: False keeps the field out of the constructor.
        description: What it is, for reports.
        secret: Never show the value in any output.
        metadata: As in attrs.

    Returns:
        An `attrs.field`.

    Raises:
        ValueError: Both *default* and *factory* are given.

    >>> from resourcekit import ConfigurableResource
    >>> class Api(ConfigurableResource):
    ...     retries: int = field(default=3, validator=attrs.validators.ge(0), description="attempts after the first")
    >>> Api().retries
    3
    """
    return attrs.field(
        default=default,
        factory=factory,
        converter=converter,
        validator=validator,
        repr=mask if secret else repr,
        alias=alias,
        init=init,
        metadata={**(metadata or {}), METADATA: FieldOptions(secret, description)},
    )


def secret(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    converter: Any = None,
    validator: Any = None,
    alias: str | None = None,
    description: str | None = None,
    metadata: Mapping[Any, Any] | None = None,
) -> Any:
    """A field whose value never appears in any output: required, unless it has a default.

    Args:
        default: As in `field`.
        factory: As in `field`.
        converter: As in `field`.
        validator: As in `field`; what it says of the value is not shown.
        alias: As in `field`.
        description: As in `field`.
        metadata: As in attrs.

    Returns:
        An `attrs.field`.

    >>> from resourcekit import ConfigurableResource
    >>> class Api(ConfigurableResource):
    ...     token: str = secret()
    >>> Api(token="hunter2")
    Api(token='***')
    """
    return field(
        default=default,
        factory=factory,
        converter=converter,
        validator=validator,
        alias=alias,
        description=description,
        secret=True,
        metadata=metadata,
    )


def Field(  # noqa: N802  # the guide's name
    default: Any = attrs.NOTHING,
    *,
    default_factory: Callable[[], Any] | None = None,
    description: str | None = None,
    alias: str | None = None,
    exclude: bool = False,
) -> Any:
    """`field` under the name and with the arguments that Dagster's guide uses.

    Args:
        default: The value when none is given; ``...`` means required, as in pydantic.
        default_factory: Makes the default, anew for each resource.
        description: What the field is, for reports.
        alias: The name in the constructor and in overlays.
        exclude: True makes the field a `secret`.

    Returns:
        An `attrs.field`.

    >>> from resourcekit import ConfigurableResource
    >>> class Database(ConfigurableResource):
    ...     password: str = Field(exclude=True)
    >>> Database(password="hunter2")
    Database(password='***')
    """
    return field(
        default=attrs.NOTHING if default is ... else default,
        factory=default_factory,
        description=description,
        alias=alias,
        secret=exclude,
    )


def state(*, default: Any = None, factory: Callable[[], Any] | None = None, init: Literal[False] = False) -> Any:
    """Private state of a resource, declared for the type checker: ``_pool: Pool = state()``.

    It is no field: it is not in the constructor, not compared, not shown, and never carried from a
    declaration to a live resource.

    Args:
        default: The value each resource starts with.
        factory: Makes the value, anew for each resource; give it in place of *default*.
        init: Always False; it tells type checkers that the constructor does not take it.

    Returns:
        A marker that the resource class takes away.

    Raises:
        DefinitionError: *default* is mutable, or both are given.

    >>> from resourcekit import ConfigurableResource
    >>> class Cache(ConfigurableResource):
    ...     _entries: dict[str, int] = state(factory=dict)
    >>> Cache()._entries
    {}
    """
    if isinstance(default, list | dict | set) or init:
        raise DefinitionError("state(default=...) would be shared by every resource; use state(factory=...)")
    if default is not None and factory is not None:
        raise DefinitionError("state() takes a default or a factory, not both")
    return State(default, factory)
