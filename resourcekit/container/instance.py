"""A container instance: what calling a container class gives, and how it is copied, derived and pickled."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self

import attrs
from dependency_injector import containers, providers

from resourcekit.base.errors import DefinitionError, RunStateError, did_you_mean, kind_in_words
from resourcekit.container.methods import Operations, operations
from resourcekit.container.overrides import Override
from resourcekit.container.providers import ResourceProvider, as_provider, check_key, is_replaced
from resourcekit.container.state import (
    Assembly,
    Recipe,
    as_nested,
    check_nested,
    check_replacements,
    derived_providers,
    flat,
    given_containers,
    instance_providers,
    keys_of,
    native,
    note_takers,
)
from resourcekit.declarations.values import is_resource
from resourcekit.run.active_overrides import Changes, Overrides, effective
from resourcekit.run.cache_epoch import Kept

if TYPE_CHECKING:
    from resourcekit.config.overlay import Overlay

__all__ = ("OPERATIONS", "ContainerInstance", "is_key", "no_attribute", "reserved_names")

_NOTHING: Final[Mapping[str, Any]] = {}


VIEW_NAMES: Final = frozenset({"_asdict", "_classes", "_nested", "_prefix", "_run"})
"""The private attributes of what a run gives."""

OPERATIONS: Final = frozenset({"of", "override", "wire", *operations()})


def is_key(content: object) -> bool:
    """Whether what a body or an assignment has under a name makes a key of it."""
    return isinstance(content, providers.Provider) and not isinstance(content, providers.Self)


@cache
def reserved_names() -> frozenset[str]:
    """The names a key cannot have: what containers, their classes and dependency-injector's have already."""
    plain = containers.DynamicContainer()
    public = {*dir(containers.DeclarativeContainer), *dir(plain), *OPERATIONS}
    private = {*dir(ContainerInstance._empty()), *VIEW_NAMES}
    return frozenset(
        {name for name in public if not name.startswith("_")} | {name for name in private if name.startswith("_")}
    )


def no_attribute(container: Any, called: str, name: str) -> AttributeError:
    """The error of a container, or a class of one, for a name it does not have."""
    keys = keys_of(container.__dict__.get("providers", {}))
    advice = "" if name.startswith("_") else f"; {did_you_mean(name, keys)}"
    return AttributeError(f"{called} has no attribute {name!r}{advice}", name=name, obj=container)


class ContainerInstance(Operations, containers.DynamicContainer):
    """What calling a container class gives."""

    def __init__(self) -> None:
        raise DefinitionError(
            "type(container)() is not how a container is made, since its type is the same for all: call the container "
            "class, Prod(), or container.__class__(), which is that class"
        )

    @classmethod
    def _empty(cls) -> Self:
        """An instance without providers, which `_take` gives it."""
        made = cls.__new__(cls)
        made._begin()
        return made

    def _begin(self) -> None:
        super().__init__()
        self._entered = []
        self._kept, self._plain_runs = Kept(), Kept()
        self._assembly = Assembly(type(self).__name__, self.providers)

    def __setattr__(self, name: str, content: Any) -> None:
        assembly: Assembly | None = self.__dict__.get("_assembly")
        is_private = name.startswith("_") and name not in self.providers
        if assembly is None or (is_private and not (is_resource(content) or is_key(content))):
            super().__setattr__(name, content)
            return
        provider = as_provider(
            name, as_nested(self.providers.get(name), content), assembly.name, is_key=name in self.providers
        )
        is_parent = name == "parent" and not isinstance(provider, ResourceProvider)  # dependency-injector's own
        if is_parent or not is_key(provider):
            super().__setattr__(name, provider)
            return
        check_key(name, assembly.name, reserved_names(), provider)
        former = self.providers.get(name)
        check_nested(f"{assembly.name}.{name}", former, provider)
        if former is not None and former is not provider:
            for key, each in flat({name: former}).items():
                assembly.alias(each, key)
        self._put(name, provider)
        assembly.shared += given_containers({name: content})
        note_takers(self, {name: content})
        assembly.recipe += (("set", (name, content)),)
        assembly.changed()

    def _put(self, key: str, provider: Any) -> None:
        """Set a provider as dependency-injector does; but `__getattr__` gives it, which knows of overrides."""
        super().__setattr__(key, provider)
        object.__delattr__(self, key)

    def __delattr__(self, name: str) -> None:
        if name not in self.providers:
            super().__delattr__(name)
            return
        del self.providers[name]
        self._assembly.recipe += (("delete", name),)
        self._assembly.changed()

    def _take(
        self,
        cls: Any,
        assembly: Assembly,
        found: Mapping[str, Any],
        memo: dict[int, Any],
        shared: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Become an instance of *cls* with these providers; the *shared* ones stay another container's children."""
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
            is_shared = provider is shared.get(key)
            if is_shared:
                self.providers[key] = provider
            else:
                self._put(key, provider)

    def _derive(self, changes: Mapping[str, object], overlay: Overlay | None) -> Any:
        mine = self._assembly
        is_override = overlay is None
        if overlay is not None:
            known = flat(keys_of(self.providers))
            overlay = attrs.evolve(overlay, replaced={key for key, each in known.items() if is_replaced(each)})
        step: tuple[str, Any] = ("override", dict(changes)) if is_override else ("config", overlay)
        assembly = Assembly(
            mine.name,
            {},
            overlays=mine.overlays if overlay is None else (*mine.overlays, overlay),
            listeners=mine.listeners if is_override else list(mine.listeners),
            recipe=(*mine.recipe, step),
            settings=mine.settings,
        )
        if is_override:
            assembly.base = mine
        found = derived_providers(assembly, mine, changes, is_shared=is_override)
        derived = type(self)._empty()
        derived._take(self.declarative_parent, assembly, found, {}, mine.providers)
        return derived

    def _laid(self, changes: Changes, seen: Overrides | None = None) -> Any:
        """Return this container with *changes* laid on, which is kept for the next time.

        Args:
            changes: The changes.
            seen: Who is going to see it in the place of another; None for nobody.
        """
        composed = self._assembly.composed
        known = composed.find(changes, seen)
        if known is not None:
            return known
        new = dict(changes.replacements)
        added = {
            key: new.pop(key)
            for key in changes.replacements
            if changes.may_add and key not in self.providers and "." not in key
        }
        derived = self._derive(new, None)
        for key, content in added.items():
            setattr(derived, key, content)
        derived._assembly.copies.is_altered = False
        derived._assembly.layers = (*self._assembly.layers, changes)
        return composed.keep(changes, derived, seen)

    def override(self, overriding: Any = None, /, *, everywhere: bool = False, **resources: Any) -> Any:
        """Replace resources for a while: for ``with``, ``async with``, and as a decorator of a function.

        Code that holds this container sees the replacements while the override is entered, **in this context**: in
        this thread or task, and in what is started from it with a copy of its context (tasks, `asyncio.to_thread`).
        A thread that has no such copy, of a thread pool, `run_in_executor` or a live server, goes on with the
        original, and opens what that declares: for those, say ``everywhere=True``.

        Overrides nest and stack as those of `unittest.mock.patch` do, and may end in any order: the one that was
        entered last wins, and each end takes its own back. A run that is open already keeps what it was opened with.

        Args:
            overriding: dependency-injector's own form: a container whose providers override this one's, for
                everybody, until ``reset_override``.
            everywhere: Whether every thread and task of the process sees it. An app-scoped key that is replaced then
                lives as long as the override: the first run that needs it opens it. Else it lives for each run.
                Where its hooks are async, enter the override by ``async with``, or before the app is started. (A key of
                this name cannot be overridden.)
            **resources: Resources, providers or plain values (mocks) by the key whose place and scope they take; a
                nested container's keys are dotted, ``**{"storage.db": ...}``.

        Returns:
            A context manager that gives the container as it is with what is overridden by then: any thread may use
            it. None for dependency-injector's form.

        Raises:
            UnknownKeyError: A key is not in the container.
            DefinitionError: What is given cannot take a key's place.
            TypeError: *everywhere* is neither True nor False.

        >>> from resourcekit import ConfigurableResource, ResourceContainer
        >>> class Clock(ConfigurableResource):
        ...     zone: str = "UTC"
        >>> class App(ResourceContainer):
        ...     clock = Clock()
        >>> app = App()
        >>> with app.override(clock=Clock(zone="CET")) as fake, app.run() as resources:
        ...     resources.clock.zone
        'CET'
        """
        if overriding is not None:
            if resources or not containers.is_container(overriding):
                given = type(overriding).__name__
                raise DefinitionError(f"override() takes keys, override(database={given}(...)), or one container")
            return super().override(overriding)
        check_replacements(self._assembly.name, resources)
        if not isinstance(everywhere, bool):
            raise TypeError(f"override(everywhere=...) is True or False, not {kind_in_words(everywhere)}")
        standing = effective(self)
        if standing is not self:
            resources = native(resources, standing.providers, self.providers)
        changes = Changes(resources, is_everywhere=everywhere)
        standing._laid(changes)  # What is wrong with it is wrong at once.
        return Override(self, changes)

    def wire(
        self,
        modules: Any = None,
        packages: Any = None,
        from_package: Any = None,
        keep_cache: Any = None,
        warn_unresolved: bool = False,
    ) -> None:
        """Wire modules and packages, as dependency-injector does; markers of every class of the MRO are resolved.

        Args:
            modules: Modules or their names, relative ones too.
            packages: Packages or their names: every module in them is wired.
            from_package: Where relative names begin; the caller's package unless ``wiring_config`` says otherwise.
            keep_cache: Whether dependency-injector keeps what it knows of signatures.
            warn_unresolved: Whether it warns of every marker that is not this container's.

        A marker of a wired module that no container has resolved is an `InjectionError` where it is used: when the
        function is called, or the attribute is. Nothing in a module is touched but functions, classes and markers.

        Raises:
            DefinitionError: A relative name has no package to begin in.
            ImportError: There is no such module, or importing it fails.

        >>> from resourcekit import ResourceContainer
        >>> ResourceContainer.of({"url": "https://api.example.com"}).wire()
        """
        from resourcekit.container.wiring import wire  # what only those need who wire

        config = self.wiring_config
        if from_package is None and not (config.from_package or config.modules or config.packages):
            from_package = sys._getframe(1).f_globals.get("__package__")  # The caller's, as dependency-injector has it.
        wire(self, modules, packages, from_package, keep_cache=keep_cache, warn_unresolved=warn_unresolved)

    def unwire(self) -> None:
        """Take the wiring of the modules away that this container was wired to, as dependency-injector does.

        The markers in them are markers again, also those that another container had resolved.

        >>> from resourcekit import ResourceContainer
        >>> ResourceContainer.of({"url": "https://api.example.com"}).unwire()
        """
        from resourcekit.container.wiring import unwire  # what only those need who wire

        unwire(self)

    def __deepcopy__(self, memo: Any) -> Any:
        mine = self._assembly
        copied = memo[id(self)] = type(self)._empty()
        assembly = Assembly(
            mine.name,
            {},
            aliases=dict(mine.aliases),
            kept=list(mine.kept),
            overlays=mine.overlays,
            recipe=mine.recipe,
            settings=mine.settings,
        )
        known = keys_of(self.providers)
        found = instance_providers(assembly, known, {}, memo)
        for key, provider in flat(known).items():
            assembly.alias(provider, key)
        copied._take(self.declarative_parent, assembly, found, memo)
        copied.assign_parent(providers.deepcopy(self.parent, memo))
        return copied

    def __getattr__(self, name: str) -> Any:
        parent = self.__dict__.get("declarative_parent")
        if parent is not None and not name.startswith("__"):
            provider = effective(self).providers.get(name)
            if provider is not None:
                return provider
            for base in parent.__mro__:  # a method or constant of the user's container class
                if name in base.__dict__ and base is not containers.DeclarativeContainer:
                    found = base.__dict__[name]
                    return found.__get__(self, parent) if hasattr(type(found), "__get__") else found
        raise no_attribute(self, getattr(parent, "__name__", type(self).__name__), name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The container class, for `super()` in its methods, and for `isinstance`."""
        return self.__dict__.get("declarative_parent") or type(self)

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__, *dir(self.declarative_parent), *self.providers})

    def __reduce__(self) -> Any:
        recipe = self._assembly.portable_recipe()
        known = flat(keys_of(self.providers))
        lost = _overridden_in_place(known, recipe)
        if lost:
            raise RunStateError(
                f"{self._assembly.name} cannot be pickled or copied: {', '.join(lost)} was overridden by "
                "provider.override(), which its recipe does not tell; use container.override(...), or reset it before"
            )
        settings = {key: each() for key, each in known.items() if isinstance(each, providers.Configuration)}
        # dependency-injector refuses an empty table where a configuration is strict.
        return _remade, ((*recipe, ("configured", {key: values for key, values in settings.items() if values})),)

    def __repr__(self) -> str:
        return f"<{self._assembly.name} container: {', '.join(keys_of(self.providers))}>"


def _overridden_in_place(known: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """The keys whose providers are overridden otherwise than *recipe* makes them."""
    changed = {
        key: len(each.overridden)
        for key, each in known.items()
        if not isinstance(each, providers.Configuration | providers.Container) and each.overridden
    }
    made = flat(keys_of(_remade(recipe).providers)) if changed else {}
    return [key for key, count in changed.items() if len(made[key].overridden) != count]


def _remade(recipe: Recipe) -> Any:
    """An instance made again by its recipe: what unpickling does."""
    made: Any = None
    for step, content in recipe:
        if step in ("new", "of"):
            cls, resources = content
            made = cls(**resources) if step == "new" else cls.of(resources)
        elif step == "set":
            setattr(made, *content)
        elif step == "delete":
            delattr(made, content)
        elif step == "configured":
            known = flat(keys_of(made.providers))
            for key, values in content.items():
                known[key].from_dict(values)
        else:
            overlay, changes = (content, {}) if step == "config" else (None, content)
            made = made._derive(changes, overlay)
    return made
