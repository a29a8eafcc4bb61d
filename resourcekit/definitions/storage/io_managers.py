"""IO managers: what keeps the values of steps, and gives them to others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from resourcekit.declarations.fields import field, state
from resourcekit.declarations.resource_classes import ConfigurableResource, ConfigurableResourceFactory
from resourcekit.definitions.model.failures import NotStoredError
from resourcekit.definitions.model.step_contexts import InputContext, OutputContext

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)

__all__ = (
    "ConfigurableIOManager",
    "ConfigurableIOManagerFactory",
    "IOManager",
    "InMemoryIOManager",
    "is_io_manager",
)


class IOManager(ABC):
    """What an IO manager does, for those that are no resources themselves but made by a factory.

    >>> class Nowhere(IOManager):
    ...     def handle_output(self, context, obj): ...
    ...     def load_input(self, context):
    ...         return None
    """

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> Any:
        """Keep a step's value; sync or async.

        Args:
            context: Whose value it is.
            obj: The value.
        """

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """Give a value that was kept; sync or async.

        Args:
            context: Whose value is wanted, and by whom.

        Returns:
            The value.
        """


def is_io_manager(thing: object) -> bool:
    """Whether an object, or the instances of a class, can keep values."""
    return all(callable(getattr(thing, name, None)) for name in ("handle_output", "load_input"))


class ConfigurableIOManager(ConfigurableResource, IOManager):
    """An IO manager that is a resource: subclass it, give it fields, and define the two methods.

    >>> from resourcekit import asset, materialize
    >>> class Lists(ConfigurableIOManager):
    ...     prefix: str
    ...
    ...     def handle_output(self, context, obj):
    ...         print(self.prefix, context.asset_key, obj)
    ...
    ...     def load_input(self, context):
    ...         return []
    >>> @asset
    ... def orders() -> list[str]:
    ...     return ["tea"]
    >>> materialize([orders], resources={"io_manager": Lists(prefix="kept:")}).success
    kept: orders ['tea']
    True
    """


class ConfigurableIOManagerFactory(ConfigurableResourceFactory[T_co]):
    """A resource that makes an IO manager, or another object: its users receive what `create_io_manager` gives.

    >>> class Nowhere(ConfigurableIOManagerFactory):
    ...     def create_io_manager(self, context) -> InMemoryIOManager:
    ...         return InMemoryIOManager()
    >>> type(Nowhere().create_io_manager(None)).__name__
    'InMemoryIOManager'
    """

    if TYPE_CHECKING:

        def create_io_manager(self, *args: Any, **kwargs: Any) -> Any: ...

    else:

        def __init_subclass__(cls, **options):
            # Under the name by which a run knows it, before the hooks are read; so it may also yield, or be async.
            made = cls.__dict__.get("create_io_manager")
            if made is not None and "create_resource" not in cls.__dict__:
                cls.create_resource = made
            super().__init_subclass__(**options)

        @abstractmethod
        def create_io_manager(self, context):
            """Make the IO manager.

            Args:
                context: The `RunContext`; an override may leave the parameter out.

            Returns:
                What users receive; or be a generator that yields it once and then cleans up.

            >>> class Nowhere(ConfigurableIOManagerFactory):
            ...     def create_io_manager(self):
            ...         return InMemoryIOManager()
            >>> Nowhere().create_io_manager().values == {}
            True
            """


class _Values(MutableMapping[tuple[str, ...], Any]):
    """Values by key. No dict, which every run would copy: the runs of one declaration share it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Any] = {}

    def __getitem__(self, key: tuple[str, ...]) -> Any:
        return self._kept[key]

    def __setitem__(self, key: tuple[str, ...], kept: Any) -> None:
        self._kept[key] = kept

    def __delitem__(self, key: tuple[str, ...]) -> None:
        del self._kept[key]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


class InMemoryIOManager(ConfigurableIOManager):
    """Keeps values in memory: what an execution uses that has no key ``io_manager``.

    Give one to several executions, and the later ones find what the earlier ones kept of their assets.

    Args:
        values: The value of each asset by the parts of its key; shared by all runs of this declaration.

    >>> from resourcekit import asset, materialize
    >>> @asset
    ... def orders() -> list[str]:
    ...     return ["tea"]
    >>> memory = InMemoryIOManager()
    >>> materialize([orders], resources={"io_manager": memory}).success
    True
    >>> memory.values["orders",]
    ['tea']
    """

    values: MutableMapping[tuple[str, ...], Any] = field(factory=_Values, repr=False)
    _own: dict[tuple[str, ...], Any] = state(factory=dict)

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Keep *obj*: an asset's for later executions too, an op's for this one.

        Args:
            context: Whose value it is.
            obj: The value.
        """
        # This run's own first: another that runs at the same time must not change what this one reads.
        self._own[context.get_identifier()] = obj
        if context.has_asset_key:
            self.values[context.get_identifier()] = obj

    def load_input(self, context: InputContext) -> Any:
        """The very object that was kept.

        Args:
            context: Whose value is wanted.

        Returns:
            The value.

        Raises:
            NotStoredError: It was not kept here.
        """
        identifier = context.get_identifier()
        for kept in (self._own, self.values):
            if identifier in kept:
                return kept[identifier]
        what = context.upstream_output
        hint = f"run {what.step_key!r} in the same execution, or give an IO manager that stores, under 'io_manager'"
        raise NotStoredError(str(what), "this process's memory", hint)
