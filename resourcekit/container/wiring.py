"""Wiring with dependency-injector's markers: every class of the MRO is known, nothing of ours is left unresolved."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec, resolve_name
from types import ModuleType, SimpleNamespace
from typing import Any

from dependency_injector import providers, wiring

from resourcekit.base.errors import DefinitionError
from resourcekit.container.providers import ResourceProvider
from resourcekit.container.state import flat, keys_of
from resourcekit.container.unresolved_markers import container_classes, is_library, mark_unresolved, restore_markers
from resourcekit.container.wired_modules import wired_modules

__all__ = ("unwire", "wire")


class _Standing(providers.Provider[Any]):
    """A key of dependency-injector's own in the container that stands for the wired one where it is called."""

    def __init__(self, container: Any, key: str) -> None:
        self._container = container
        self._key = key
        super().__init__()

    @property
    def _current(self) -> Any:
        found = self._container
        for name in self._key.split("."):
            found = getattr(found, name)  # A container's attributes are an override's, inside its block.
        return found

    @property
    def related(self) -> Iterator[Any]:
        """The provider itself, for `Closing`."""
        yield self._current
        yield from super().related

    def _provide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._current(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._current, name)


def _standing(container: Any, key: str, provider: Any) -> Any:
    """What is wired for a key: our providers know of overrides by themselves, and a configuration has its options."""
    is_wired_itself = isinstance(provider, ResourceProvider | providers.Configuration | providers.Container)
    return provider if is_wired_itself else _Standing(container, key)


class _View:
    """A container as dependency-injector's `wire` sees it: with each provider that a class of its MRO ever had."""

    def __init__(self, container: Any) -> None:
        declared = container.declarative_parent
        mine = flat(keys_of(container.providers))
        theirs = [entry for key, each in declared.history() for entry in flat({key: each}).items()]
        pairs = [
            (each, _standing(container, key, mine[key]))
            for key, each in theirs
            if key in mine and not isinstance(each, providers.Container)
        ]
        pairs += [(base.__self__, container.__self__) for base in container_classes(declared)]
        self.providers = {str(place): here for place, (_, here) in enumerate(pairs)}
        self.declarative_parent = SimpleNamespace(
            providers={str(place): there for place, (there, _) in enumerate(pairs)}, __self__=declared.__self__
        )
        self.__self__ = container.__self__
        self._container = container

    def __getattr__(self, name: str) -> Any:
        if name not in self._container.providers:
            raise AttributeError(name)  # A method of the container is no key.
        return _standing(self._container, name, getattr(self._container, name))


def wire(
    container: Any,
    modules: Iterable[ModuleType | str] | None,
    packages: Iterable[ModuleType | str] | None,
    from_package: str | None,
    *,
    keep_cache: bool | None,
    warn_unresolved: bool,
) -> None:
    """Wire *container*, as dependency-injector does; the arguments are those of ``DynamicContainer.wire``."""
    config = container.wiring_config
    starts = _packages(container) if from_package is None else [from_package]
    named_modules = config.modules if modules is None else modules
    named_packages = config.packages if packages is None else packages
    found_modules = [_imported(each, starts, container) for each in named_modules]
    found_packages = [_imported(each, starts, container) for each in named_packages]
    wired = wired_modules(found_modules, found_packages)
    if not wired:
        return
    view: Any = _View(container)
    wiring.wire(
        container=view,
        modules=wired,
        keep_cache=config.keep_cache if keep_cache is None else keep_cache,
        warn_unresolved=warn_unresolved or config.warn_unresolved,
    )
    container.wired_to_modules.extend(found_modules)
    container.wired_to_packages.extend(found_packages)
    for module in wired:
        mark_unresolved(module, container)


def unwire(container: Any) -> None:
    """Take the wiring of the modules and packages away that *container* was wired to, whoever else wired them."""
    wired = [container.wired_to_modules, container.wired_to_packages]
    wiring.unwire(modules=wired_modules(*wired))
    for module in wired_modules(*wired):  # anew: the markers are back
        restore_markers(module)
    for each in wired:
        each.clear()


def _packages(container: Any) -> list[str]:
    """The packages where relative names of `wiring_config` may begin, the first that has the module counts.

    They are those of the container's class and of its bases up to the one that says `wiring_config`.
    """
    if container.wiring_config.from_package is not None:
        return [container.wiring_config.from_package]
    classes = container_classes(container.declarative_parent)
    said = next(place for place, base in enumerate(classes) if "wiring_config" in vars(base))
    modules = [sys.modules.get(base.__module__) for base in classes[: said + 1] if not is_library(base)]
    packages = [getattr(module, "__package__", None) for module in modules]
    return [package for package in dict.fromkeys(packages) if package]


def _imported(name: ModuleType | str, starts: list[str], container: Any) -> ModuleType:
    """A module by its name; a relative name begins in the first of the packages *starts* that has it.

    Raises:
        DefinitionError: A relative name has nowhere to begin.
        ImportError: There is no such module, or importing it fails.
    """
    if not isinstance(name, str):
        return name
    if not name.startswith("."):
        return import_module(name)
    if not starts:
        owner = container.declarative_parent.__name__
        raise DefinitionError(
            f"{owner} cannot wire {name!r}: the name is relative, and the code it is in belongs to no package; write "
            "the full name, or say from_package=..."
        )
    return import_module(name, next((package for package in starts if _has(package, name)), starts[0]))


def _has(package: str, name: str) -> bool:
    try:
        full_name = resolve_name(name, package)
        return full_name in sys.modules or find_spec(full_name) is not None
    except ImportError:  # The package itself is not there, or has no such parent.
        return False
