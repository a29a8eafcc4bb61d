"""What a TARGET means: ``package.module:object`` or ``path/to/file.py:object``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, TypeGuard

import attrs

from resourcekit.base.errors import ResourceKitError, kind_in_words, listed
from resourcekit.cli.loading import attribute, load
from resourcekit.cli.user_errors import CommandError, UserCodeError
from resourcekit.container.declarative import ContainerMeta, ResourceContainer
from resourcekit.container.environments import Environments
from resourcekit.injection.function import MARK, function_spec

__all__ = (
    "Target",
    "assets_of",
    "callable_at",
    "container_in",
    "containers_at",
    "definitions_in",
    "has_container",
    "is_pipeline",
)


@attrs.frozen
class Target:
    """What stands at a TARGET.

    Args:
        text: As it was written.
        module: The user's module.
        found: The object.
    """

    text: str
    module: ModuleType
    found: Any

    @property
    def file(self) -> str | None:
        """The module's file."""
        return getattr(self.module, "__file__", None)


def containers_at(text: str) -> Target:
    """What has resources at a TARGET: a container, a class of one, `Environments`, `Definitions`, a job or assets.

    Args:
        text: The TARGET.

    Raises:
        CommandError: There is none, or several.
        UserCodeError: The user's code raised.
    """
    module, name = load(text)
    if name is None:
        return container_in(module, text)
    found = _definitions_given(attribute(module, name, text), text)
    if not (_is_container(found) or is_pipeline(found)):
        raise CommandError(
            f"{text} is no container: it is {_kind(found)}; give a container, Environments or Definitions"
        )
    return Target(text, module, found)


def container_in(module: ModuleType, text: str, advice: str | None = None) -> Target:
    """What has a module's resources: its Environments, else its instance, else its class, else its Definitions.

    Args:
        module: The module.
        text: What to call it.
        advice: What to do where there is none, or are several; by default to write the object behind it.

    Raises:
        CommandError: There is none, or several.
    """
    kinds = (_environments, _instances, _classes, definitions_in)
    candidates: dict[str, Any] = next((found for kind in kinds if (found := kind(module))), {})
    return Target(text, module, _only(candidates, text, "container, or Environments", "containers", advice))


def callable_at(text: str) -> Target:
    """The function, or other thing that can be run, at a TARGET.

    Raises:
        CommandError: There is none, or several.
        UserCodeError: The user's code raised.
    """
    module, name = load(text)
    if name is not None:
        found = _definitions_given(attribute(module, name, text), text)
        if not is_pipeline(found):
            _check_function(found, text)
        return Target(text, module, found)
    jobs = _of_kind(module, "JobDefinition")
    candidates = definitions_in(module) or {**dict(_functions(module)), **jobs}
    if not candidates and _of_kind(module, "AssetDefinition"):
        candidates = {"assets": assets_of(module)}
    return Target(text, module, _only(candidates, text, "function that asks for resources", "things to run"))


def _check_function(found: Any, text: str) -> None:
    """Refuse what cannot be run.

    Raises:
        CommandError: It is no function, or one that does nothing until somebody asks for its values.
    """
    if _is_generator(found):
        raise CommandError(f"{text} is a generator function: `run` calls a function once; give one that loops over it")
    if _is_container(found):
        raise CommandError(
            f"{text} is no function: it is {_kind(found)}; see what it holds with `resourcekit plan {text}`"
        )
    if is_pipeline(found, ("OpDefinition",)):
        raise CommandError(f"{text} is an op: a job calls it; give the job")
    if isinstance(found, type) or not callable(found):
        raise CommandError(f"{text} is no function: it is {_kind(found)}; give a function that asks for resources")


_PIPELINES: Final = ("Definitions", "JobDefinition", "AssetDefinition")


def is_pipeline(found: object, kinds: Sequence[str] = _PIPELINES) -> bool:
    """Whether *found* is of our definitions, which are loaded where the user's module has some."""
    cls = type(found)
    return cls.__module__.startswith("resourcekit.definitions.") and cls.__name__ in kinds


def _of_kind(module: ModuleType, kind: str) -> dict[str, Any]:
    return _distinct({name: each for name, each in vars(module).items() if is_pipeline(each, (kind,))})


def definitions_in(module: ModuleType) -> dict[str, Any]:
    """The `Definitions` of a module by name, with those that its `@definitions` functions give."""
    given = {name: _definitions_given(each, f"{module.__name__}:{name}") for name, each in vars(module).items()}
    return _distinct({name: each for name, each in given.items() if is_pipeline(each, ("Definitions",))})


def _definitions_given(found: Any, text: str) -> Any:
    """What a function with `@definitions` gives, and a list of assets as `Definitions`; anything else as it is."""
    if isinstance(found, list | tuple) and found and all(is_pipeline(each, ("AssetDefinition",)) for each in found):
        return _of_assets(found, text)
    if not (inspect.isfunction(found) and hasattr(found, "__resourcekit_definitions__")):
        return found
    try:
        return found()
    except Exception as error:
        raise UserCodeError(error, f"making the Definitions of {text}", 2) from error


def assets_of(module: ModuleType) -> Any:
    """The `Definitions` of a module's assets, without resources.

    Raises:
        CommandError: Two have the same key.
    """
    return _of_assets(tuple(_of_kind(module, "AssetDefinition").values()), module.__name__)


def _of_assets(assets: Sequence[Any], text: str) -> Any:
    from resourcekit.definitions import Definitions

    try:
        return Definitions(assets=assets)
    except ResourceKitError as error:
        raise CommandError(f"{text}: {error}") from None


def has_container(module: ModuleType) -> bool:
    """Whether a module has a container, a class of one, or Environments."""
    return any(kind(module) for kind in (_environments, _instances, _classes))


def _is_generator(found: Any) -> bool:
    inner = inspect.unwrap(found) if callable(found) else found
    return inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions of a module that ask for resources, and can be run."""
    for name, found in vars(module).items():
        is_own = inspect.isfunction(found) and found.__module__ == module.__name__
        if is_own and not name.startswith("_") and not _is_generator(found):
            try:
                asks = hasattr(found, MARK) or bool(function_spec(found).reading.wishes)
            except ResourceKitError:
                asks = True  # What is wrong with it is told when it is run.
            if asks:
                yield name, found


# Finding


def _is_container(found: object) -> TypeGuard[Any]:
    return isinstance(found, Environments | ContainerMeta | ResourceContainer)


def _environments(module: ModuleType) -> dict[str, Any]:
    return _distinct({name: each for name, each in vars(module).items() if isinstance(each, Environments)})


def _instances(module: ModuleType) -> dict[str, Any]:
    return _distinct({name: each for name, each in vars(module).items() if isinstance(each, ResourceContainer)})


def _classes(module: ModuleType) -> dict[str, Any]:
    return {
        name: each
        for name, each in vars(module).items()
        if isinstance(each, ContainerMeta) and each.__module__ == module.__name__
    }


def _distinct(found: dict[str, Any]) -> dict[str, Any]:
    """One name for each object."""
    return dict({id(each): (name, each) for name, each in found.items()}.values())


def _only(candidates: Mapping[str, Any], text: str, what: str, several: str, advice: str | None = None) -> Any:
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if not candidates:
        raise CommandError(f"{text} has no {what}; {advice or f'write {text}:object'}")
    names = listed([f"{text}:{name}" for name in candidates])
    raise CommandError(f"{text} has {len(candidates)} {several}, {advice or 'say which'}: {names}")


def _kind(found: object) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else kind_in_words(found)
