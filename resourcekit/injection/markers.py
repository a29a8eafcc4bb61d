"""What says that a parameter is injected, and what says that another framework fills it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import metadata_of
from resourcekit.base.errors import nothing_injects
from resourcekit.declarations.deferred import Reference, ref

__all__ = ("INJECTED", "ResourceParam", "injected", "is_foreign", "is_marked", "named_key")

T = TypeVar("T")

if TYPE_CHECKING:
    ResourceParam = Annotated[T, "a resource"]
else:

    class ResourceParam:
        """A parameter that is filled with what a key holds, whatever its type: ``url: ResourceParam[str]``.

        Called, it is the guide's spelling of `ref`: ``ResourceParam("database")``.

        >>> ResourceParam("database")
        ref('database')
        """

        def __new__(cls, key):
            return ref(key)

        def __class_getitem__(cls, wanted):
            return Annotated[wanted, cls]

        @staticmethod
        def __get_pydantic_core_schema__(source, handler):
            raise nothing_injects(f"ResourceParam[{type_name(source)}]")


class _Marker:
    def __repr__(self) -> str:
        return "injected()"

    def __reduce__(self) -> str:
        return "INJECTED"


INJECTED: Final = _Marker()


def injected() -> Any:
    """The default of a parameter that is injected, whatever its annotation.

    Returns:
        A marker, typed Any.

    >>> from resourcekit import inject
    >>> @inject
    ... def report(day: str, greeting: str = injected()) -> str:
    ...     return f"{greeting} on {day}"
    >>> report("monday", greeting="hello")
    'hello on monday'
    """
    return INJECTED


def is_marked(annotation: Any) -> bool:
    """Whether ``ResourceParam[...]`` is in it, alone or as a member of a union."""
    return any(each is ResourceParam for each in metadata_of(annotation))


def named_key(annotation: Any, default: object) -> str | None:
    """The key that a parameter names, by ``Annotated[Database, ref("replica")]`` or the default ``ref("replica")``."""
    marks = (default, *getattr(annotation, "__metadata__", ()))
    return next((mark.key for mark in marks if isinstance(mark, Reference)), None)


def is_foreign(marker: object) -> bool:
    """Whether another framework fills the parameter: FastAPI's `Depends`, dependency-injector's `Provide`."""
    kind = type(marker)
    return hasattr(kind, "__IS_MARKER__") or (kind.__module__.startswith("fastapi.") and hasattr(marker, "dependency"))
