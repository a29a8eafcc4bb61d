"""Wiring with dependency-injector's markers: every class of the MRO is known, and nothing of ours is left unresolved."""

from __future__ import annotations

from typing import Any

from dependency_injector import wiring
from dependency_injector.containers import DynamicContainer

from resourcekit.errors import InjectionError, did_you_mean

__all__ = ("WiringView", "wire")


class _Known:
    """A container as `dependency_injector.wiring` wants to see one: providers by name, and its own provider."""

    def __init__(self, providers: dict[str, Any], own: Any) -> None:
        self.providers = providers
        self.__self__ = own


class WiringView(DynamicContainer):
    """A container under more names: one for each provider that a class of its MRO ever had under a key."""

    def __init__(self, container: Any, history: list[tuple[str, Any]]) -> None:
        super().__init__()
        mine = {key: each for key, each in container.providers.items() if key in container.declarative_parent.providers}
        theirs = {key: container.declarative_parent.providers[key] for key in mine}
        for number, (key, provider) in enumerate(history):
            if key in mine:
                theirs[f"{key}@{number}"] = provider
                mine[f"{key}@{number}"] = mine[key]
        object.__setattr__(self, "providers", mine)
        self._container = container
        self._real_parent = container.declarative_parent
        self.wiring_config = container.wiring_config
        self.declarative_parent = _Known(theirs, container.declarative_parent.__self__)
        self.__self__ = container.__self__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)


def wire(container: Any, history: list[tuple[str, Any]], **options: Any) -> None:
    """Wire *container*, as dependency-injector does.

    Args:
        container: The instance.
        history: Every provider that its classes ever had, with the key.
        **options: As for ``DynamicContainer.wire``.

    Raises:
        InjectionError: A marker names a key that the container does not have.
    """
    view = WiringView(container, history)
    DynamicContainer.wire(view, **options)
    container.wired_to_modules.extend(view.wired_to_modules)
    container.wired_to_packages.extend(view.wired_to_packages)
    for module in view.wired_to_modules:
        _check(container, module)
    for package in view.wired_to_packages:
        for module in wiring._fetch_modules(package):  # type: ignore[no-untyped-call]  # without annotations
            _check(container, module)


def _check(container: Any, module: Any) -> None:
    """Refuse what would pass a marker in the place of an object."""
    for function in wiring._patched_registry.get_callables_from_module(module):
        patched = wiring._patched_registry.get_callable(function)
        for name, marker in patched.reference_injections.items():
            provider = marker.provider
            if name not in patched.injections and isinstance(provider, str) and provider != "<container>":
                raise InjectionError(
                    function.__qualname__,
                    name,
                    f"its marker names {provider!r}, which {container.declarative_parent.__name__} does not have",
                    did_you_mean(provider, container.providers),
                )
