"""`ResourceContainer`: a declarative container of dependency-injector's, whose keys may be resources."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, overload

from dependency_injector import containers, providers

from resourcekit.assembly import Assembly, Recipe, derived_providers, instance_providers
from resourcekit.config.overlay import Overlay
from resourcekit.operations import Operations, Override, effective
from resourcekit.providers import ResourceProvider, ValueProvider, as_provider, check_key, value
from resourcekit.wiring import wire

__all__ = ("ResourceContainer", "value")

C = TypeVar("C", bound="ResourceContainer")


@cache
def reserved_names() -> frozenset[str]:
    """The names a key cannot have: what containers, their classes and dependency-injector's have already."""
    plain = containers.DynamicContainer()
    names = {*dir(containers.DeclarativeContainer), *dir(plain), *dir(Operations), "of"}
    return frozenset(name for name in names if not name.startswith("_"))


class Namespace(dict[str, Any]):
    """The body of a container class: wraps each resource as it is assigned, so that later lines refer to providers."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._wrapped: dict[int, object] = {}

    def __setitem__(self, key: str, content: Any) -> None:
        if key.startswith("__"):
            super().__setitem__(key, content)
            return
        provider = self._wrapped.get(id(content)) or as_provider(key, content, self.get("__qualname__", self._name))
        if isinstance(provider, providers.Provider) and not isinstance(provider, providers.Self):
            check_key(key, self._name, reserved_names())
        if provider is not content:
            self._wrapped[id(content)] = provider  # One resource under two keys is one thing.
        super().__setitem__(key, provider)


class ContainerInstance(Operations, containers.DynamicContainer):
    """What calling a container class gives."""

    def __init__(self) -> None:
        super().__init__()
        self._entered = []
        self._assembly = Assembly(type(self).__name__, self.providers)

    def __setattr__(self, name: str, content: Any) -> None:
        assembly: Assembly | None = self.__dict__.get("_assembly")
        if assembly is None or name.startswith("_"):
            super().__setattr__(name, content)
            return
        provider = as_provider(name, content, assembly.name)
        if isinstance(provider, providers.Provider) and not isinstance(provider, providers.Self) and name != "parent":
            self._put(name, provider)
            assembly.recipe += (("set", (name, content)),)
        else:
            super().__setattr__(name, provider)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._assembly.changed()

    def _put(self, key: str, provider: Any) -> None:
        check_key(key, self._assembly.name, reserved_names())
        former = self.providers.get(key)
        if former is not None and former is not provider:
            self._assembly.alias(former, key)
        super().__setattr__(key, provider)
        self._assembly.changed()

    def _take(self, cls: Any, assembly: Assembly, found: Mapping[str, Any], memo: dict[int, Any]) -> None:
        """Become an instance of *cls* with these providers."""
        assembly.providers = self.providers
        self._assembly = assembly
        self.provider_type = cls.provider_type
        self.wiring_config = deepcopy(cls.wiring_config)
        self.declarative_parent = cls
        own = providers.deepcopy(cls.__self__, memo)
        own.set_container(self)
        object.__setattr__(self, "__self__", own)
        for name in own.alt_names:
            containers.DynamicContainer.__setattr__(self, name, own)
        for key, provider in found.items():
            self._put(key, provider)

    def _derive(self, changes: Mapping[str, object], overlay: Overlay | None) -> Any:
        mine = self._assembly
        is_override = overlay is None
        step: tuple[str, Any] = ("override", dict(changes)) if is_override else ("config", overlay)
        assembly = Assembly(
            mine.name,
            {},
            overlays=mine.overlays if overlay is None else (*mine.overlays, overlay),
            listeners=mine.listeners if is_override else list(mine.listeners),
            recipe=(*mine.recipe, step),
        )
        if is_override:
            assembly.origin = mine.origin or mine
            assembly.app = type(mine.app)(mine.app)
        found = derived_providers(assembly, mine, changes, is_shared=is_override)
        derived = type(self)()
        derived._take(self.declarative_parent, assembly, found, {})
        return derived

    def override(self, overriding: Any = None, /, **resources: Any) -> Any:
        """See `ResourceContainer.override`."""
        if overriding is not None:
            self._assembly.changed()
            return super().override(overriding)
        return Override(self, effective(self)._derive(resources, None))

    def wire(
        self,
        modules: Any = None,
        packages: Any = None,
        from_package: Any = None,
        keep_cache: Any = None,
        warn_unresolved: bool = False,
    ) -> None:
        """Wire modules and packages, as dependency-injector does; markers of every class of the MRO are resolved.

        Raises:
            InjectionError: A marker names a key that the container does not have.
        """
        wire(
            self,
            self.declarative_parent.history() if self.declarative_parent is not None else [],
            modules=modules,
            packages=packages,
            from_package=from_package,
            keep_cache=keep_cache,
            warn_unresolved=warn_unresolved,
        )

    def __deepcopy__(self, memo: Any) -> Any:
        copied = memo.get(id(self))
        if copied is None:
            copied = memo[id(self)] = type(self)()
            assembly = Assembly(
                self._assembly.name, {}, overlays=self._assembly.overlays, recipe=self._assembly.recipe,
                aliases=dict(self._assembly.aliases), kept=list(self._assembly.kept),
            )  # fmt: skip
            found = instance_providers(assembly, _keys_of(self.providers), {}, memo)
            for key, provider in self.providers.items():
                if key in found:
                    assembly.alias(provider, key)
            copied._take(self.declarative_parent, assembly, found, memo)
        return copied

    def __getattr__(self, name: str) -> Any:
        parent = self.__dict__.get("declarative_parent")
        if parent is not None and not name.startswith("__"):
            for base in parent.__mro__:  # a method or constant of the user's container class
                if name in base.__dict__ and base is not containers.DeclarativeContainer:
                    found = base.__dict__[name]
                    return found.__get__(self, parent) if hasattr(type(found), "__get__") else found
        known = ", ".join(self.__dict__.get("providers", {}))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}; its keys: {known}", name=name, obj=self)

    def __reduce__(self) -> Any:
        return _remade, (self.declarative_parent, self._assembly.recipe)

    def __repr__(self) -> str:
        return f"<{self._assembly.name} container: {', '.join(_keys_of(self.providers))}>"


def _keys_of(known: Mapping[str, Any]) -> dict[str, Any]:
    return {key: provider for key, provider in known.items() if not isinstance(provider, providers.Self)}


def _remade(cls: Any, recipe: Recipe) -> Any:
    """An instance made again by its recipe: what unpickling does."""
    made = cls
    for step, content in recipe:
        if step == "of":
            made = _class_of(made, content)
        elif step == "new":
            made = made(**content)
        elif step == "set":
            setattr(made, *content)
        else:
            overlay, changes = (content, {}) if step == "config" else (None, content)
            made = made._derive(changes, overlay)
    return made


if TYPE_CHECKING:
    _DeclarativeMeta = type  # The stubs leave it out, and as Any it would take the types of every key away.
else:
    _DeclarativeMeta = containers.DeclarativeContainerMetaClass


class ContainerMeta(_DeclarativeMeta):
    """The metaclass of `ResourceContainer`."""

    if TYPE_CHECKING:
        providers: dict[str, Any]
        cls_providers: dict[str, Any]
        __history__: list[tuple[str, Any]]

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **_options: Any) -> dict[str, object]:
        return Namespace(name)

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> ContainerMeta:
        made = super().__new__(cls, name, bases, dict(namespace), **options)
        type.__setattr__(made, "__history__", list(made.cls_providers.items()))
        made._collect()
        return made

    def _collect(cls) -> None:
        """The first class of the MRO that defines a key wins; the order is that of first declaration, bases first."""
        bases = [base for base in cls.__mro__ if isinstance(base, ContainerMeta)]
        known = {key: None for base in reversed(bases) for key in base.cls_providers}
        found = {key: next(base.cls_providers[key] for base in bases if key in base.cls_providers) for key in known}
        type.__setattr__(cls, "providers", found)

    def history(cls) -> list[tuple[str, Any]]:
        """Every provider that a class of the MRO ever had, with its key."""
        return [entry for base in cls.__mro__ if isinstance(base, ContainerMeta) for entry in base.__history__]

    def __setattr__(cls, name: str, content: Any) -> None:
        provider = content if name.startswith("__") else as_provider(name, content, cls.__name__)
        super().__setattr__(name, provider)
        if isinstance(provider, providers.Provider) and not name.startswith("__"):
            check_key(name, cls.__name__, reserved_names())
            cls.__history__.append((name, provider))
            cls._collect_all()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        cls._collect_all()

    def _collect_all(cls) -> None:
        cls._collect()
        for subclass in cast("list[ContainerMeta]", cls.__subclasses__()):
            subclass._collect_all()

    def __instancecheck__(cls, instance: Any) -> bool:
        parent = getattr(type(instance), "__IS_CONTAINER__", False) and instance.declarative_parent
        return isinstance(parent, type) and issubclass(parent, cls)


class ResourceContainer(Operations, containers.DeclarativeContainer, metaclass=ContainerMeta):
    """A container: one declaration per resource, in a class body, wired by name.

    Subclass it per environment: a key that is redefined takes the place of the inherited one everywhere. An
    instance is independent of any other; nothing is read or opened before a run, or ``with container:``.

    Args:
        **resources: Keys to replace in this instance, as if the body had said so.

    Raises:
        UnknownKeyError: A keyword is no key.
        DefinitionError: A key or what it holds is wrong.

    >>> from resourcekit import ConfigurableResource
    >>> class Database(ConfigurableResource):
    ...     host: str
    >>> class Orders(ConfigurableResource):
    ...     database: Database
    >>> class Base(ResourceContainer):
    ...     database = Database(host="localhost")
    ...     orders = Orders(database=database)
    >>> class Prod(Base):
    ...     database = Database(host="db-1")
    >>> with Prod().run() as resources:
    ...     resources.orders.database.host
    'db-1'
    """

    if TYPE_CHECKING:

        def __new__(cls, **resources: Any) -> Self: ...

        # The base's would let every misspelled key pass.
        __getattr__: None  # type: ignore[assignment, misc]  # pyright: ignore[reportIncompatibleMethodOverride]

        # By keywords, of an instance; dependency-injector's own form takes a container.
        override: ClassVar[_Overriding]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]

    else:
        instance_type = ContainerInstance

        def __new__(cls, **resources):
            ours = {key: new for key, new in resources.items() if _is_replaced_at_once(cls.providers.get(key))}
            theirs = {key: new for key, new in resources.items() if key not in ours}
            assembly = Assembly(cls.__name__, {}, recipe=(("new", dict(resources)),))
            for key, provider in reversed(cls.history()):
                assembly.alias(provider, key)
                if isinstance(provider, ResourceProvider):
                    assembly.alias(provider._resource, key)
            memo = {}
            found = instance_providers(assembly, cls.providers, ours, memo)
            instance = cls.instance_type()
            instance._take(cls, assembly, found, memo)
            if cls.auto_load_config:
                instance.load_config()
            instance.override_providers(**theirs)
            instance.apply_container_providers_overridings()
            if instance.is_auto_wiring_enabled():
                instance.wire()
            return instance

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> UntypedContainer:
        """A container from a dictionary, as Dagster's guide writes them.

        Args:
            resources: Resources, providers and plain values by key.

        Returns:
            A container; its keys are not known to a type checker.

        Raises:
            DefinitionError: A key or what it holds is wrong.

        >>> app = ResourceContainer.of({"url": "https://api.example.com"})
        >>> with app.run() as resources:
        ...     resources.url
        'https://api.example.com'
        """
        made: Any = _class_of(cls, resources)()
        recipe = made._assembly.recipe
        made._assembly.recipe = (("of", dict(resources)), *recipe)
        made._made_from = cls
        return made  # type: ignore[no-any-return]


def _is_replaced_at_once(provider: Any) -> bool:
    return provider is None or isinstance(provider, ResourceProvider | ValueProvider)


def _class_of(cls: Any, resources: Mapping[str, Any]) -> Any:
    namespace = Namespace(cls.__name__)
    for key, content in resources.items():
        check_key(key, f"{cls.__name__}.of", reserved_names())
        provider = as_provider(key, content, cls.__name__)
        namespace[key] = provider if isinstance(provider, providers.Provider) else ValueProvider(content)
    return ContainerMeta(cls.__name__, (cls,), namespace)


class UntypedContainer(ResourceContainer):
    """A container whose keys are not known to a type checker."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]


if TYPE_CHECKING:

    class _ClassOverride:
        def __call__(self, overriding: containers.Container | type[containers.Container], /) -> None: ...

    class _InstanceOverride(Generic[C]):
        @overload
        def __call__(self, overriding: containers.Container | type[containers.Container], /) -> None: ...
        @overload
        def __call__(self, /, **resources: Any) -> Override[C]: ...
        def __call__(self, overriding: Any = None, /, **resources: Any) -> Any: ...

    class _Overriding:
        @overload
        def __get__(self, instance: None, owner: Any = None, /) -> _ClassOverride: ...
        @overload
        def __get__(self, instance: C, owner: Any = None, /) -> _InstanceOverride[C]: ...
        def __get__(self, instance: Any, owner: Any = None, /) -> Any: ...
