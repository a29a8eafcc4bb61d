"""How a resource class spells its fields: `field`, `Field`, `secret` and `state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

import attrs

from resourcekit.base.errors import DefinitionError
from resourcekit.base.masking import mask

__all__ = ("Field", "ResourceDependency", "field", "secret", "state")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K")
V = TypeVar("V")
Method = TypeVar("Method", bound=Callable[..., Any])

METADATA: Final = "resourcekit"


if TYPE_CHECKING:
    from resourcekit.declarations.deferred import Deferred

    _Validator = Callable[[Any, attrs.Attribute[Any], Any], Any]

    class _SecretOptions(TypedDict, total=False):
        converter: Any
        validator: _Validator | list[_Validator] | tuple[_Validator, ...] | None
        alias: str | None
        description: str | None
        metadata: Mapping[Any, Any] | None

    class _FieldOptions(_SecretOptions, total=False):
        repr: bool | Callable[[Any], str]
        init: bool
        secret: bool

    class _GuideOptions(TypedDict, total=False):
        description: str | None
        alias: str | None
        exclude: bool

    class _Required(Any):  # type: ignore[misc]  # fits every annotation, and pyright knows its methods
        """A field without a default, as the rest of the class body sees it."""

        def validator(self, method: Method, /) -> Method: ...
        def default(self, method: Method, /) -> Method: ...

    class Vends(Protocol[T_co]):
        """A `ConfigurableResourceFactory`, which a module further down defines."""

        def __vended__(self) -> T_co: ...

    class ResourceDependency(Generic[T]):
        """A field that receives what a factory vends."""

        @overload
        def __get__(self, instance: None, owner: Any = None, /) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any = None, /) -> T: ...
        def __get__(self, instance: object, owner: Any = None, /) -> Any: ...
        def __set__(self, instance: object, value: T | Vends[T], /) -> None: ...
else:

    class ResourceDependency:
        """The annotation of a field that receives what a factory vends: ``ResourceDependency[Client]``.

        Such a field takes a `ConfigurableResourceFactory` of Client, or a Client.

        >>> from resourcekit import ConfigurableResource, ConfigurableResourceFactory, open_resource
        >>> class Client: ...
        >>> class Clients(ConfigurableResourceFactory[Client]):
        ...     def create_resource(self):
        ...         return Client()
        >>> class Uploader(ConfigurableResource):
        ...     client: ResourceDependency[Client]
        >>> with open_resource(Uploader(client=Clients())) as uploader:
        ...     type(uploader.client).__name__
        'Client'
        """

        def __class_getitem__(cls, vended):
            return Annotated[vended, cls]


def is_factory(default: object) -> bool:
    """Whether a field's default is one that is made anew for each resource."""
    return isinstance(default, cast("type", attrs.Factory))  # attrs' stub calls it a function


@attrs.frozen(eq=False, repr=False)
class FieldOptions:
    """What resourcekit keeps of a field in attrs' metadata."""

    secret: bool = False
    description: str | None = None


@attrs.frozen(eq=False, repr=False)
class State:
    """Private state, declared for the type checker: what `state` gives."""

    default: object = attrs.field(repr=False)
    factory: Callable[[], object] | None

    def make(self) -> object:
        """A value for one resource."""
        return self.default if self.factory is None else self.factory()


# The forms for list, set and dict tell pyright's strict mode what is in them.
@overload
def field(*, default: Deferred, **options: Unpack[_FieldOptions]) -> Any: ...
@overload
def field(*, default: Vends[T], **options: Unpack[_FieldOptions]) -> ResourceDependency[T]: ...
@overload
def field(*, default: T, **options: Unpack[_FieldOptions]) -> T: ...
@overload
def field(*, factory: type[list[T]], **options: Unpack[_FieldOptions]) -> list[T]: ...
@overload
def field(*, factory: type[set[T]], **options: Unpack[_FieldOptions]) -> set[T]: ...
@overload
def field(*, factory: type[dict[K, V]], **options: Unpack[_FieldOptions]) -> dict[K, V]: ...
@overload
def field(*, factory: Callable[[], T], **options: Unpack[_FieldOptions]) -> T: ...
@overload
def field(**options: Unpack[_FieldOptions]) -> _Required: ...
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
    return _field(
        FieldOptions(secret, description),
        metadata,
        default=default,
        factory=factory,
        converter=converter,
        validator=validator,
        repr=repr,
        alias=alias,
        init=init,
    )


@overload
def secret(*, default: T, **options: Unpack[_SecretOptions]) -> T: ...
@overload
def secret(*, factory: Callable[[], T], **options: Unpack[_SecretOptions]) -> T: ...
@overload
def secret(**options: Unpack[_SecretOptions]) -> _Required: ...
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
    return _field(
        FieldOptions(True, description),
        metadata,
        default=default,
        factory=factory,
        converter=converter,
        validator=validator,
        alias=alias,
    )


@overload
def Field(*, default: T, **options: Unpack[_GuideOptions]) -> T: ...
@overload
def Field(*, default_factory: type[list[T]], **options: Unpack[_GuideOptions]) -> list[T]: ...
@overload
def Field(*, default_factory: type[set[T]], **options: Unpack[_GuideOptions]) -> set[T]: ...
@overload
def Field(*, default_factory: type[dict[K, V]], **options: Unpack[_GuideOptions]) -> dict[K, V]: ...
@overload
def Field(*, default_factory: Callable[[], T], **options: Unpack[_GuideOptions]) -> T: ...
@overload
def Field(required: EllipsisType = ..., /, **options: Unpack[_GuideOptions]) -> _Required: ...
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
    given = attrs.NOTHING if default is ... else default
    return _field(FieldOptions(exclude, description), None, default=given, factory=default_factory, alias=alias)


def _field(options: FieldOptions, metadata: Mapping[Any, Any] | None, **rest: Any) -> Any:
    """An `attrs.field` that keeps our options in its metadata."""
    if options.secret:
        rest["repr"] = mask
    return attrs.field(**rest, metadata={**(metadata or {}), METADATA: options})


# The type of `init` keeps private state out of the constructor.
@overload
def state(*, default: T, init: Literal[False] = False) -> T: ...
@overload
def state(*, factory: type[list[T]], init: Literal[False] = False) -> list[T]: ...
@overload
def state(*, factory: type[set[T]], init: Literal[False] = False) -> set[T]: ...
@overload
def state(*, factory: type[dict[K, V]], init: Literal[False] = False) -> dict[K, V]: ...
@overload
def state(*, factory: Callable[[], T], init: Literal[False] = False) -> T: ...
@overload
def state(*, init: Literal[False] = False) -> Any: ...
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
