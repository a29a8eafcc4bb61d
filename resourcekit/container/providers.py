"""Our providers, and copying what refers to providers: dependency-injector's own extension points."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar, cast

from dependency_injector import providers

from resourcekit.annotations.class_kinds import is_resource_class
from resourcekit.base.errors import DefinitionError, NoActiveRunError, NotLiveError, kind_in_words
from resourcekit.base.import_paths import imported, is_pickled_by_value
from resourcekit.declarations.construction import relinked
from resourcekit.declarations.deferred import Deferred, ReadContext, Reference
from resourcekit.declarations.record import linked_values, record_of, spec_of
from resourcekit.declarations.resource_classes import ConfigurableResourceFactory
from resourcekit.declarations.values import holds_dagster_variable, is_dagster_resource, is_resource, leaves_of
from resourcekit.run.cache_epoch import changed

__all__ = ("ResourceProvider", "ValueProvider", "as_provider", "check_key", "is_replaced", "value")

T = TypeVar("T")

_NO_KEYS: Final[Mapping[str, Any]] = {}
_OPTIONS: Final = (providers.ConfigurationOption, providers.TypedConfigurationOption)


class _Changes:
    """The last time a provider of ours was overridden: what was made before is made anew."""

    latest = object()

    def happened(self) -> None:
        self.latest = object()
        changed()


overridings: Final = _Changes()


class ResourceProvider(providers.Provider[Any]):
    """The provider of a resource in a container: called, it gives the live object of the current run or app scope.

    Args:
        resource: The declaration.
        scope: How long it lives, where it took the place of another.
        is_replacement: Whether it did by an override.
    """

    __slots__ = ("_is_replacement", "_key", "_module", "_owner", "_resource", "_scope")

    __IS_CONTAINER__ = False  # dependency-injector asks every provider of a body; `__getattr__` would have to answer.

    def __init__(self, resource: Any = None, *, scope: str | None = None, is_replacement: bool = False) -> None:
        self._resource = resource
        self._scope = scope
        self._is_replacement = is_replacement
        self._key = ""
        self._owner = ""
        self._module: str | None = None
        super().__init__()

    def name(self, key: str, owner: str, module: str | None = None) -> None:
        """Remember the key and container it was first assigned to, for messages, and the module of its body."""
        if not self._key:
            self._key, self._owner = key, owner
        self._module = self._module or module

    def shell(self) -> ResourceProvider:
        """A copy without its resource, which is filled in when what it refers to has been copied."""
        copied = type(self)(None, scope=self._scope, is_replacement=self._is_replacement)
        copied.name(self._key, self._owner)
        return copied

    def __deepcopy__(self, memo: Any) -> ResourceProvider:
        copy_all([self], memo, lambda thing: thing, {})
        copied: ResourceProvider = memo[id(self)]
        return copied

    @property
    def related(self) -> Iterator[Any]:
        """The providers its resource refers to, and those that override it: for `traverse` and wiring."""
        yield from _children_of_resource(self._resource, set())
        yield from super().related

    def override(self, provider: Any) -> Any:
        """Override it as any provider; what is given takes this one's scope. The next run honours it."""
        if not isinstance(provider, ResourceProvider):
            provider = as_replacement(self._key, provider, self, self._owner)
        context: Any = super().override(provider)
        overridings.happened()
        return context

    def reset_last_overriding(self) -> None:
        """Take the last overriding back."""
        super().reset_last_overriding()
        overridings.happened()

    def reset_override(self) -> None:
        """Take every overriding back."""
        super().reset_override()
        overridings.happened()

    def _provide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return live_object(self, self._key, self._owner)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        raise NotLiveError(self._owner or "container", self._key, name)

    def __reduce__(self) -> Any:
        if not is_pickled_by_value():
            raise TypeError(f"the provider of {self._key or 'a resource'!r} cannot be pickled; send the container")
        declaring = imported(self._module, self._owner)
        if getattr(declaring, "cls_providers", {}).get(self._key) is self:
            return _declared, (declaring, self._key)
        return _restored, (self._resource, self._scope, self._is_replacement, self._key, self._owner, self.overridden)

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._key}: {self._resource!r}>"


def _declared(container: Any, key: str) -> Any:
    """The provider that a container class declares under a key: what it is pickled as, with the class by value."""
    return container.cls_providers[key]


def _restored(
    resource: Any, scope: str | None, is_replacement: bool, key: str, owner: str, overridden: Iterable[Any]
) -> ResourceProvider:
    """A provider made again, of a container class that is pickled by value."""
    made = ResourceProvider(resource, scope=scope, is_replacement=is_replacement)
    made.name(key, owner)
    for each in overridden:
        made.override(each)
    return made


class ConfiguredValue(Deferred):
    """An option of a `providers.Configuration` in a field: config like any other, read before anything opens."""

    def __init__(self, option: Any) -> None:
        self.option = option

    def read(self, context: ReadContext) -> object:
        """The option's value: None when it is not set."""
        self._untyped.reset_cache()  # A copied option does not hear of values that its configuration gets later.
        return self.option()

    def describe(self) -> str:
        """``option NAME``."""
        return f"option {self._untyped.get_name()}"

    @property
    def _untyped(self) -> Any:
        return self.option.option if isinstance(self.option, providers.TypedConfigurationOption) else self.option


class ValueProvider(providers.Object[Any]):
    """The provider of a plain value under a key: made by `value`."""

    stands_for: Any = Any
    """The type that users of the key expect, where an override put the value in a resource's place."""
    _is_replacement = False

    def __deepcopy__(self, memo: Any) -> Any:
        copied: Any = super().__deepcopy__(memo)
        copied.stands_for, copied._is_replacement = self.stands_for, self._is_replacement
        return copied

    def __str__(self) -> str:
        return f"<{type(self).__name__} of {kind_in_words(self.provides)}>"  # The value may be a secret.


class Provided(ConfigurableResourceFactory[Any]):
    """A plain provider in a resource's place: called once in the scope of the key, like any resource."""

    made: Any

    def create_resource(self) -> Any:
        """What the provider gave this run."""
        return self.made


def value(item: T, /) -> T:
    """Make a plain value a key of a container.

    Args:
        item: The value; users receive it as it is.

    Returns:
        A provider, typed as the value.

    >>> from resourcekit import ResourceContainer
    >>> class App(ResourceContainer):
    ...     url = value("https://api.example.com")
    >>> with App().run() as resources:
    ...     resources.url
    'https://api.example.com'
    """
    return cast("T", ValueProvider(item))


def live_object(provider: Any, key: str, owner: str) -> Any:
    """What users receive of a key's resource, in the current run or a started app.

    Raises:
        NoActiveRunError: It is live in none.
    """
    from resourcekit.run.app import open_runs  # loaded by the run, if there is one

    for session in open_runs():
        if not session._blueprint.owns(provider):
            continue
        held = session._blueprint.hold(provider)
        if session._is_doubted:
            session._refuse_overridden(held)
        found = session._live(held)
        if found is not None:
            return found.exposed
        if held.kind != "resource":  # The container of this run has another thing under the provider's key.
            return held.content() if held.kind == "provider" else held.content
    raise NoActiveRunError(key or "resource", owner or "its container")


def scope_of(provider: Any) -> str | None:
    """How long what a provider of ours gives lives."""
    if isinstance(provider, ResourceProvider):
        return provider._scope or str(spec_of(provider._resource).scope)
    return None


def is_replaced(provider: Any) -> bool:
    """Whether an override, of a container or of the provider itself, has put something in the place of a key's."""
    is_ours = isinstance(provider, ResourceProvider | ValueProvider)
    return is_ours and (provider._is_replacement or bool(provider.overridden))


def as_provider(key: str, content: Any, owner: str, *, is_key: bool = False) -> Any:
    """What a container keeps for what a body, a call or an assignment gives it under *key*.

    Resources are wrapped; providers are kept; anything else is given back as it is, unless *is_key* says that it
    takes a key's place: then it is a plain value.

    Raises:
        DefinitionError: It is a class, list or dict of resources, a container, or a method in a key's place.
    """
    if is_resource(content):
        provider: Any = ResourceProvider(content)
    elif isinstance(content, providers.Self):
        return content
    elif isinstance(content, providers.Provider):
        provider = content
    else:
        _refuse_misspelled(key, content, owner, is_key=is_key)
        return ValueProvider(content) if is_key else content
    if isinstance(provider, ResourceProvider):
        provider.name(key, owner)
    return provider


def _refuse_misspelled(key: str, content: Any, owner: str, *, is_key: bool) -> None:
    """Refuse what was surely meant to be something else, with the right spelling."""
    where, kind = f"{owner}.{key}", type(content).__name__
    if isinstance(content, type) and is_resource_class(content):
        if is_key or content.__qualname__ != where:  # The latter is a class statement in the body.
            raise DefinitionError(f"{where} is the class {content.__name__}: write {key} = {content.__name__}(...)")
    elif getattr(type(content), "__IS_CONTAINER__", False) and not isinstance(content, type):
        name = getattr(content.declarative_parent, "__name__", "Container")
        raise DefinitionError(f"{where} is a container: write {key} = providers.Container({name})")
    elif is_dagster_resource(content):
        raise DefinitionError(
            f"{where} is a resource of Dagster's, whose hooks only Dagster runs: write its class with resourcekit's "
            "ConfigurableResource, or open it in a ConfigurableResourceFactory, by dagster.build_resources"
        )
    elif is_key and holds_dagster_variable(content):
        raise DefinitionError(
            f"{where} is an EnvVar of Dagster's, which nothing would read here; import EnvVar from resourcekit, "
            "and give it to a field of a resource"
        )
    elif isinstance(content, list | tuple | set | dict) and _holds_resources(content):
        raise DefinitionError(
            f"{where} is a bare {kind} of resources: give it to a field of a resource that holds a {kind}, "
            f"or give each resource a key of its own; providers.List and providers.Dict make a {kind} of keys"
        )
    elif is_key and isinstance(content, Deferred):
        raise DefinitionError(f"{where} is {content!r}, which has no value: give it to a field of a resource")
    elif is_key and hasattr(type(content), "__get__"):
        raise DefinitionError(
            f"{where} is {kind_in_words(content)}, it cannot take the place of a key; value(...) makes it a value"
        )


def _holds_resources(content: Any) -> bool:
    items = content.values() if isinstance(content, dict) else content
    return any(is_resource(item) or isinstance(item, ResourceProvider) for item in items)


def as_replacement(key: str, content: Any, replaced: Any, owner: str) -> Any:
    """What takes a key's place in an override: in a resource's place it takes its scope as well.

    Raises:
        DefinitionError: As `as_provider`.
    """
    provider = as_provider(key, content, owner, is_key=True)
    if isinstance(provider, ValueProvider) and isinstance(replaced, ResourceProvider | ValueProvider):
        standing = ValueProvider(provider.provides)
        if isinstance(replaced, ValueProvider):
            standing.stands_for, standing._is_replacement = replaced.stands_for, replaced._is_replacement
        else:
            standing.stands_for, standing._is_replacement = spec_of(replaced._resource).vended, True
        return standing
    if isinstance(provider, ResourceProvider):
        resource = provider._resource
    elif not isinstance(replaced, ResourceProvider):
        return providers.Object(content) if isinstance(provider, ValueProvider) else provider
    else:
        resource = Provided(made=provider)
    new = ResourceProvider(resource, scope=scope_of(replaced), is_replacement=True)
    new.name(key, owner)
    return new


def check_key(key: object, owner: str, reserved: Container[str], content: object = None) -> None:
    """Refuse what cannot be a key.

    Args:
        key: The name.
        owner: The container's name, for messages.
        reserved: The names that every container has.
        content: The provider it is to have: what a run gives cannot be private, a plain provider may.

    Raises:
        DefinitionError: It is no identifier, a keyword, private, or the name of something a container has.
    """
    if not isinstance(key, str) or not key.isidentifier():
        proposal = "".join(char if char.isalnum() else "_" for char in str(key)).strip("_") or "resource"
        raise DefinitionError(f"{owner}: {key!r} cannot be a key, it is no identifier; call it {proposal!r}")
    if keyword.iskeyword(key):
        raise DefinitionError(f"{owner}: {key!r} cannot be a key, it is a keyword; call it {key + '_resource'!r}")
    if key.startswith("__") or (key.startswith("_") and isinstance(content, ResourceProvider | ValueProvider)):
        raise DefinitionError(
            f"{owner}: {key!r} cannot be a key, it begins with an underscore; call it {key.strip('_') or 'resource'!r}"
        )
    if key in reserved:
        proposal = key + ("_" if key.startswith("_") else "_resource")
        raise DefinitionError(
            f"{owner}: {key!r} cannot be a key, every container has an attribute of that name; call it {proposal!r} "
            '(the page "Coming from dependency-injector" lists these names)'
        )


def _children_of_resource(resource: Any, seen: set[int]) -> Iterator[Any]:
    """The providers that a resource refers to, in its own fields and in those of resources nested inline."""
    waiting = [resource]
    while waiting:
        for thing in direct_children(waiting.pop()):
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if is_resource(thing):
                waiting.append(thing)
            else:
                yield thing


def direct_children(thing: Any, keys: Mapping[str, Any] = _NO_KEYS) -> Iterator[Any]:
    """What a resource or provider refers to directly: resources and providers, those of *keys* by `ref` too."""
    if isinstance(thing, ResourceProvider):
        yield thing._resource
        if thing.last_overriding is not None:  # Asking for all of them takes a lock.
            yield from thing.overridden
    elif is_resource(thing):
        for leaf in _leaves(thing):
            if not isinstance(leaf, Deferred):
                yield leaf
            elif isinstance(leaf, ConfiguredValue):
                yield leaf.option
            elif isinstance(leaf, Reference) and leaf.key in keys:
                yield keys[leaf.key]
    elif isinstance(thing, providers.ConfigurationOption):
        yield thing._get_root()
    else:
        yield from thing.related


def _leaves(resource: Any) -> Iterator[Any]:
    """Everything in a resource's fields that is a resource or has no value yet."""
    return (leaf for _, value in linked_values(resource) for leaf in leaves_of(value))


def _copied_leaf(leaf: Any, shells: dict[int, ResourceProvider], memo: dict[int, Any], keys: Mapping[str, Any]) -> Any:
    """The copy of what a field refers to: a resource with a key by its provider, an option as a source of config."""
    if isinstance(leaf, Reference):
        return memo.get(id(keys[leaf.key]), leaf) if leaf.key in keys else leaf
    if id(leaf) in shells:
        return shells[id(leaf)]
    if isinstance(leaf, ConfiguredValue):
        return ConfiguredValue(memo[id(leaf.option)])
    copied = memo.get(id(leaf), leaf)
    return ConfiguredValue(copied) if isinstance(copied, _OPTIONS) else copied


def postorder(roots: Iterable[Any], children: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """Everything *roots* refer to and they themselves, what is referred to first; without recursion."""
    order: list[Any] = []
    seen: set[int] = set()
    waiting = [(root, False) for root in reversed(list(roots))]
    while waiting:
        thing, is_done = waiting.pop()
        if is_done:
            order.append(thing)
        elif id(thing) not in seen:
            seen.add(id(thing))
            waiting.append((thing, True))
            waiting += [(child, False) for child in children(thing) if id(child) not in seen]
    return order


def copy_all(
    roots: Iterable[Any],
    memo: dict[int, Any],
    winner: Callable[[Any], Any],
    keys: Mapping[str, Any],
    *,
    copies_resources: bool = True,
) -> None:
    """Copy providers, and the resources they hold, into *memo*.

    Args:
        roots: The providers.
        memo: Copies by the id of the original, as deepcopy keeps them; what it has already is not copied.
        winner: The provider that stands for a given one in the container: itself, unless its key was redefined.
        keys: The container's keys: a `ref` to one is bound to it, also where the container is nested in another.
        copies_resources: Whether a resource that needs nothing is copied as well. An instance has its own, since a
            class may be nested in one container twice; an override keeps what it was given.
    """
    standing: dict[int, Any] = {}  # What stands for another.

    def children(thing: Any) -> Iterable[Any]:
        found = winner(thing)
        if found is not thing:
            standing[id(thing)] = found
            return (found,)
        return () if id(thing) in memo else direct_children(thing, keys)

    order = postorder(roots, children)
    # Our own first, empty: a reference to one never waits for its copy.
    fill = [thing for thing in order if isinstance(thing, ResourceProvider)]
    fill = [thing for thing in fill if id(thing) not in standing and id(thing) not in memo]
    memo.update((id(thing), thing.shell()) for thing in fill)
    shells = {id(thing._resource): memo[id(thing)] for thing in fill}

    def leaf(thing: object) -> object:
        return _copied_leaf(thing, shells, memo, keys)

    for thing in order:
        if id(thing) in memo:
            continue
        if id(thing) in standing:
            found = standing[id(thing)]
            if id(found) not in memo:
                raise DefinitionError(f"{type(found).__name__} provider needs itself through redefined keys")
            memo[id(thing)] = memo[id(found)]
        elif is_resource(thing):
            memo[id(thing)] = relinked(thing, leaf) if copies_resources or record_of(thing).linked else thing
        else:
            providers.deepcopy(thing, memo)
    for thing in fill:
        copied = memo[id(thing)]
        copied._resource = memo.get(id(thing._resource), thing._resource)
        if thing.last_overriding is not None:
            thing._copy_overridings(copied, memo)
