"""`ResourceContainer`: a declarative container of dependency-injector's, whose keys may be resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NoReturn, Self, TypeVar, cast, overload

from dependency_injector import containers, providers

from resourcekit.base.errors import DefinitionError, RunStateError, kind_in_words
from resourcekit.base.settings import ContainerSettings
from resourcekit.container.instance import OPERATIONS, ContainerInstance, is_key, no_attribute, reserved_names
from resourcekit.container.methods import Operations, operations
from resourcekit.container.overrides import Override
from resourcekit.container.providers import ResourceProvider, ValueProvider, as_provider, check_key, value
from resourcekit.container.state import (
    Assembly,
    alias_all,
    check_replacements,
    given_containers,
    instance_providers,
    note_takers,
)
from resourcekit.declarations.values import is_resource

__all__ = ("ResourceContainer", "value")

C = TypeVar("C", bound="ResourceContainer")


class Namespace(dict[str, Any]):
    """The body of a container class: wraps each resource as it is assigned, so that later lines refer to providers."""

    def __init__(self, name: str, bases: tuple[type, ...]) -> None:
        super().__init__()
        self._name = name
        self._inherited = {key for base in bases for key in getattr(base, "providers", ())}
        self._operations = OPERATIONS if any(isinstance(base, ContainerMeta) for base in bases) else ()
        self._wrapped: dict[int, object] = {}
        self.history: list[tuple[str, Any]] = []

    def __setitem__(self, key: str, content: Any) -> None:
        owner = self.get("__qualname__", self._name)
        if key.startswith("__"):
            _refuse_special(owner, key, content)
            super().__setitem__(key, content)
            return
        in_place = key in self._inherited or is_key(self.get(key))
        provider = self._wrapped.get(id(content)) or as_provider(key, content, owner, is_key=in_place)
        if is_key(provider) or key in self._operations:
            check_key(key, self._name, reserved_names(), provider)
        if isinstance(provider, ResourceProvider):
            self._wrapped[id(content)] = provider  # One resource under two keys is one thing.
            provider.name(key, owner, self.get("__module__"))
        if is_key(provider):
            self.history.append((key, provider))
        super().__setitem__(key, provider)

    # A dictionary's own would put what they are given in past `__setitem__`: ``vars().update(...)`` in a class body,
    # and what `types.new_class` calls with the namespace.

    def update(self, *others: Any, **more: Any) -> None:
        """Assign each, as lines of the body would."""
        for key, content in dict(*others, **more).items():
            self[key] = content

    def setdefault(self, key: str, default: Any = None, /) -> Any:
        """Assign *default*, unless the body has the name."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, others: Any, /) -> Self:  # type: ignore[override, misc]
        self.update(others)
        return self


_SPECIAL: Final = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
"""The special methods of a class, which Python calls on the class itself."""


def _refuse_special(owner: str, name: str, content: object) -> None:
    """Refuse a special method: an instance's type is not the container class, so that Python would not call it.

    Raises:
        DefinitionError: It is one.
    """
    if isinstance(content, FunctionType) and name.endswith("__") and name not in _SPECIAL:
        raise DefinitionError(
            f"{owner}.{name} would never be called: an instance has the special methods of every container; give the "
            "method a name of its own, and what is to be opened and closed to a resource's hooks"
        )


if TYPE_CHECKING:
    _DeclarativeMeta = type  # The stubs leave it out, and as Any it would take the types of every key away.
else:
    _DeclarativeMeta = containers.DeclarativeContainerMetaClass


_KEPT_BY_CLASS: Final = frozenset({"cls_providers", "containers", "inherited_providers", "providers"})
"""What dependency-injector keeps in a container class: no key can have these names."""


class ContainerMeta(_DeclarativeMeta):
    """The metaclass of `ResourceContainer`."""

    if TYPE_CHECKING:
        providers: dict[str, Any]
        cls_providers: dict[str, Any]
        __history__: list[tuple[str, Any]]

    __settings__ = ContainerSettings()  # Of a class without any in its MRO.

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **_options: Any) -> dict[str, object]:
        return Namespace(name, bases)

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> ContainerMeta:
        body = namespace if isinstance(namespace, Namespace) else Namespace(name, bases)
        if body is not namespace:  # Made without a body: type(Base)("Prod", (Base,), {...}).
            for key, content in namespace.items():
                body[key] = content
        settings = {each: options.pop(each) for each in ContainerSettings.names() & options.keys()}
        if options:
            raise ContainerSettings.unknown(name, options)
        made = super().__new__(cls, name, bases, dict(body))
        if "wiring_config" not in body and any(isinstance(base, ContainerMeta) for base in bases):
            type.__delattr__(made, "wiring_config")  # dependency-injector gives each class an empty one.
        type.__setattr__(made, "__history__", body.history)
        type.__setattr__(made, "__settings__", made.__settings__.changed(name, settings))
        made._collect()
        return made

    def _collect(cls) -> None:
        """The first class of the MRO that defines a key wins; the order is that of first declaration, bases first.

        Raises:
            DefinitionError: Something else hides a key.
        """
        bases = cls._containers()
        known = {key: None for base in reversed(bases) for key in base.cls_providers if key != "__self__"}
        found = {key: next(base.cls_providers[key] for base in bases if key in base.cls_providers) for key in known}
        for key, provider in found.items():
            hiding = next(base for base in cls.__mro__ if key in base.__dict__)
            if hiding.__dict__[key] is not provider:
                raise DefinitionError(
                    f"{cls.__name__}: key {key!r} is hidden by {hiding.__name__}.{key}, which is no key; rename one"
                )
        type.__setattr__(cls, "providers", found)

    def _containers(cls) -> list[Any]:
        return [base for base in cls.__mro__ if isinstance(base, type(containers.DeclarativeContainer))]

    def history(cls) -> list[tuple[str, Any]]:
        """Every provider that a class of the MRO ever had, with its key, in the order of declaration, bases first."""
        each = ((base, base.__dict__.get("__history__")) for base in reversed(cls._containers()))
        return [entry for base, mine in each for entry in (mine if mine is not None else base.cls_providers.items())]

    def __setattr__(cls, name: str, content: Any) -> None:
        if name in _KEPT_BY_CLASS and isinstance(content, dict):  # cloudpickle sets all that it finds in a class.
            type.__setattr__(cls, name, content)
            for key in content if name == "cls_providers" else ():
                type.__setattr__(cls, key, content[key])
            return
        is_private = name.startswith("__")
        provider = content if is_private else as_provider(name, content, cls.__name__, is_key=name in cls.providers)
        if is_key(provider) and not is_private:
            if cls.__dict__.get(name) is provider:
                return
            check_key(name, cls.__name__, reserved_names(), provider)
        super().__setattr__(name, provider)
        if is_key(provider) and not is_private:
            cls.__history__.append((name, provider))
            cls._collect_all()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        cls._collect_all()

    def _collect_all(cls) -> None:
        cls._collect()
        for subclass in cast("list[ContainerMeta]", cls.__subclasses__()):
            subclass._collect_all()

    if TYPE_CHECKING:
        pass  # A __getattr__ would let every name pass.
    else:

        def __getattr__(cls, name):
            if not name.startswith("_") and hasattr(ContainerInstance, name):
                raise AttributeError(f"{cls.__name__}.{name} is for an instance: write {cls.__name__}().{name}")
            raise no_attribute(cls, cls.__name__, name)


class ResourceContainer(Operations, containers.DeclarativeContainer, metaclass=ContainerMeta):
    """A container: one declaration per resource, in a class body, wired by name.

    Subclass it per environment: a key that is redefined takes the place of the inherited one everywhere. An
    instance is independent of any other; nothing is read or opened before a run, or ``with container:``.
    A subclass inherits the class keywords.

    Class keywords:
        concurrent: Start the app-scoped resources concurrently; ``start(concurrent=...)`` may say otherwise.
        setup_timeout: How long each set-up hook may take, in seconds, of resource classes that do not say; an async
            hook is cancelled then, a blocking one fails when it returns. None (the default): any time.
        teardown_timeout: The same for each teardown hook.
        start_timeout: How long starting the app-scoped resources may take in all.
        slow_start: After how many seconds a start that is not done is logged, with what it waits for; 10 by
            default, None: never.

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

        def __init_subclass__(
            cls,
            *,
            concurrent: bool = False,
            setup_timeout: float | None = None,
            teardown_timeout: float | None = None,
            start_timeout: float | None = None,
            slow_start: float | None = 10.0,
        ) -> None: ...

        # The base's would let every misspelled key pass.
        __getattr__: None  # type: ignore[assignment, misc]  # pyright: ignore[reportIncompatibleMethodOverride]

        # By keywords, of an instance; dependency-injector's own form takes a container.
        override: ClassVar[_Overriding]  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]

    else:
        instance_type = ContainerInstance

        def __new__(cls, **resources):
            check_replacements(cls.__name__, resources)
            ours = {key: new for key, new in resources.items() if _is_replaced_at_once(cls.providers.get(key), new)}
            theirs = {key: new for key, new in resources.items() if key not in ours}
            recipe = (("new", (cls, dict(resources))),)
            assembly = Assembly(cls.__name__, {}, recipe=recipe, settings=cls.__settings__)
            assembly.shared = given_containers(resources)
            for key, provider in cls.history():
                alias_all(assembly, provider, key)
            memo = {}
            found = instance_providers(assembly, cls.providers, ours, memo)
            instance = cls.instance_type._empty()
            instance._take(cls, assembly, found, memo)
            note_takers(instance, resources)
            if cls.auto_load_config:
                for configuration in _copied(instance, memo, providers.Configuration):
                    configuration.load()
            instance.override_providers(**theirs)
            nested = [*_copied(instance, memo, providers.Container)]
            for each in nested:
                each.apply_overridings()
            # What is nested first: where both wire a module, the markers are the outer container's.
            own = (each.container for each in nested if all(each.container is not one for one in assembly.shared))
            for each in (*own, instance):
                if (each.wiring_config.modules or each.wiring_config.packages) and each.is_auto_wiring_enabled():
                    each.wire()
            return instance

        @classmethod
        def override(cls, overriding=None, /, **resources):
            """dependency-injector's own form on the class: *overriding* for every instance made from now on."""
            if resources or not containers.is_container(overriding):
                name = cls.__name__
                raise RunStateError(
                    f"{name}.override() of the class takes one container, for every instance; for resources write "
                    f"{name}().override(...), or derive a class"
                )
            return super().override(overriding)

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
        if not isinstance(resources, Mapping):
            raise DefinitionError(f"{cls.__name__}.of() takes a mapping of keys, not {kind_in_words(resources)}")
        namespace = Namespace(cls.__name__, (cls,))
        for key, content in resources.items():
            provider = as_provider(key, content, cls.__name__, is_key=True)
            check_key(key, f"{cls.__name__}.of", reserved_names(), provider)
            namespace[key] = provider
        made: Any = ContainerMeta(cls.__name__, (cls,), namespace)()
        made._assembly.recipe = (("of", (cls, dict(resources))),)
        return cast("UntypedContainer", made)


def _refusing(name: str, function: Any) -> Any:
    """What an instance's method is on the class: it says so, when it is called."""

    def refuse(cls: type, /, *_args: object, **_kwargs: object) -> NoReturn:
        raise RunStateError(f"{cls.__name__}.{name}() is for an instance: write {cls.__name__}().{name}(...)")

    update_wrapper(refuse, function)
    return classmethod(refuse)


for _name, _function in operations().items():
    type.__setattr__(ResourceContainer, _name, _refusing(_name, _function))


def _copied(instance: ContainerInstance, memo: Mapping[int, Any], kind: type) -> Iterator[Any]:
    """The providers of this kind that are *instance*'s own; those of a container that it was given are that one's."""
    copied = {id(each) for original, each in memo.items() if isinstance(each, kind) and id(each) != original}
    if copied:  # This is a walk over every provider.
        found: Iterator[Any] = instance.traverse(types=[kind])
        yield from (each for each in found if id(each) in copied)


def _is_replaced_at_once(provider: Any, new: object) -> bool:
    """Whether a keyword makes a new provider; others of dependency-injector's are overridden, as it does itself."""
    return (
        provider is None
        or isinstance(provider, ResourceProvider | ValueProvider | providers.Container)
        or is_resource(new)
    )


class UntypedContainer(ResourceContainer):
    """A container whose keys are not known to a type checker."""

    if TYPE_CHECKING:
        # The base lets no unknown name pass, this one every name.
        def __getattr__(self, name: str) -> Any: ...  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]


if TYPE_CHECKING:

    class _ClassOverride:
        def __call__(self, overriding: containers.Container | type[containers.Container], /) -> None: ...

    class _InstanceOverride(Generic[C]):
        @overload
        def __call__(self, overriding: containers.Container | type[containers.Container], /) -> None: ...
        @overload
        def __call__(self, /, *, everywhere: bool = False, **resources: Any) -> Override[C]: ...
        def __call__(self, overriding: Any = None, /, *, everywhere: bool = False, **resources: Any) -> Any: ...

    class _Overriding:
        @overload
        def __get__(self, instance: None, owner: Any = None, /) -> _ClassOverride: ...
        @overload
        def __get__(self, instance: C, owner: Any = None, /) -> _InstanceOverride[C]: ...
        def __get__(self, instance: Any, owner: Any = None, /) -> Any: ...
