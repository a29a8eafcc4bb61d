"""What a TARGET means: ``package.module:object`` or ``path/to/file.py:object``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeGuard, TypeVar

import attrs

from resourcekit.cli.faults import CommandError, UserCodeError
from resourcekit.container import ContainerMeta, ResourceContainer
from resourcekit.environments import Environments
from resourcekit.errors import ResourceKitError, did_you_mean, listed, nearest
from resourcekit.injection.function import MARK, function_spec

__all__ = (
    "Chosen",
    "Target",
    "assets_of",
    "callable_at",
    "choose",
    "container_in",
    "containers_at",
    "definitions_in",
    "has_container",
    "is_pipeline",
    "with_config",
)

M = TypeVar("M")

Container = Any
"""A container instance: its keys are the user's."""


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


@attrs.frozen
class Chosen:
    """The containers that a command is about.

    Args:
        containers: By environment; by the container's name where there are no environments.
        environments: The object that knows them, where there is one.
        current: The one that was chosen; None where that cannot be told.
        target: Where they are from.
    """

    containers: Mapping[str, Container]
    environments: Environments[Any] | None
    current: str | None
    target: Target

    @property
    def container(self) -> Container:
        """The one container that was chosen.

        Raises:
            CommandError: None was.
        """
        if self.current is None:
            names = ", ".join(self.containers)
            assert self.environments is not None
            raise CommandError(f"which environment? Set {self.environments.variable}, or add --env: one of {names}")
        return self.containers[self.current]


def containers_at(text: str) -> Target:
    """The container, class of one, or `Environments` at a TARGET.

    Args:
        text: The TARGET.

    Raises:
        CommandError: There is none, or several.
        UserCodeError: The user's code raised.
    """
    module, name = _load(text)
    if name is None:
        return container_in(module, text)
    found = _attribute(module, name, text)
    if not _is_container(found):
        raise CommandError(f"{text} is no container: it is {_kind(found)}; give a container or Environments")
    return Target(text, module, found)


def container_in(module: ModuleType, text: str) -> Target:
    """The one container of a module: its Environments, else its instance, else its class.

    Args:
        module: The module.
        text: What to call it.

    Raises:
        CommandError: There is none, or several.
    """
    kinds = (_environments, _instances, _classes)
    candidates: dict[str, Any] = next((found for kind in kinds if (found := kind(module))), {})
    return Target(text, module, _only(candidates, text, "container, or Environments"))


def choose(target: Target, env: str | None, config: Sequence[Path]) -> Chosen:
    """The containers of a target, one of them chosen, with overlays laid over all.

    Args:
        target: The target.
        env: The environment's name; by default what the variable says.
        config: Overlay files, the strongest last.

    Raises:
        CommandError: There is no such environment, or an overlay file cannot be read.
        UserCodeError: Making a container raised.
    """
    found = target.found
    if not isinstance(found, Environments):
        if env is not None:
            raise CommandError(f"--env {env}: {target.text} is one container, not Environments")
        container = _made(found, target.text) if isinstance(found, ContainerMeta) else found
        name = str(container.declarative_parent.__name__)
        return Chosen({name: with_config(container, config)}, None, name, target)
    if env is not None and env not in found.containers:
        raise CommandError(f"no environment {env!r}; {did_you_mean(env, found.containers)}")
    each = {name: with_config(_made(found.__getitem__, target.text, name), config) for name in found}
    return Chosen(each, found, env or _named_by_variable(found), target)


def _named_by_variable(environments: Environments[Any]) -> str | None:
    variable = environments.variable
    named = os.environ.get(variable) if variable is not None else None
    if named and named not in environments.containers:
        raise CommandError(f"variable {variable} names no environment; there is: {listed(list(environments))}")
    return named or environments.default


def _made(make: Callable[..., Any], text: str, *arguments: str) -> Container:
    try:
        return make(*arguments)
    except Exception as error:
        raise UserCodeError(error, f"making the container of {text}", 2) from error


def with_config(container: Container, config: Sequence[Path]) -> Container:
    """A container with overlay files laid over it, the strongest last.

    Raises:
        CommandError: One cannot be read.
    """
    for file in config:
        try:
            container = container.with_config(file)
        except ResourceKitError as error:
            raise CommandError(str(error)) from None
    return container


def callable_at(text: str) -> Target:
    """The function, or other thing that can be run, at a TARGET.

    Raises:
        CommandError: There is none, or several.
        UserCodeError: The user's code raised.
    """
    module, name = _load(text)
    if name is not None:
        found = _definitions_given(_attribute(module, name, text), text)
        if _is_container(found) or not (callable(found) or is_pipeline(found)):
            raise CommandError(f"{text} is no function: it is {_kind(found)}")
        return Target(text, module, found)
    jobs = _of_kind(module, "JobDefinition")
    candidates = definitions_in(module) or {**dict(_functions(module)), **jobs}
    if not candidates and _of_kind(module, "AssetDefinition"):
        candidates = {"assets": assets_of(module)}
    return Target(text, module, _only(candidates, text, "function that asks for resources"))


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
    """What a function with `@definitions` gives; anything else as it is."""
    if not (inspect.isfunction(found) and hasattr(found, "__resourcekit_definitions__")):
        return found
    try:
        return found()
    except Exception as error:
        raise UserCodeError(error, f"making the Definitions of {text}", 2) from error


def assets_of(module: ModuleType) -> Any:
    """The `Definitions` of a module's assets, without resources."""
    from resourcekit.definitions import Definitions

    return Definitions(assets=tuple(_of_kind(module, "AssetDefinition").values()))


def has_container(module: ModuleType) -> bool:
    """Whether a module has a container, a class of one, or Environments."""
    return any(kind(module) for kind in (_environments, _instances, _classes))


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions of a module that ask for resources."""
    for name, found in vars(module).items():
        if inspect.isfunction(found) and found.__module__ == module.__name__ and not name.startswith("_"):
            try:
                asks = hasattr(found, MARK) or bool(function_spec(found).reading.wishes)
            except ResourceKitError:
                asks = True  # What is wrong with it is told when it is run.
            if asks:
                yield name, found


# Loading


def _load(text: str) -> tuple[ModuleType, str | None]:
    """The module of a TARGET, and the name of the object."""
    place, colon, name = text.rpartition(":")
    if not colon or name.endswith(".py") or os.sep in name:  # The colon is a part of the path.
        place, name = text, ""
    if not place:
        raise CommandError(f"{text!r} is no target: write package.module:object or path/to/file.py:object")
    module = _load_file(place) if place.endswith(".py") or os.sep in place else _load_module(place)
    return module, name or None


def _load_file(path: str) -> ModuleType:
    file = Path(path).resolve()
    if not file.is_file():
        beside = [each.name for each in file.parent.glob("*.py")] if file.parent.is_dir() else []
        near = nearest(file.name, beside)
        hint = f"; did you mean {Path(path).with_name(near)}?" if near else f" (here is {Path.cwd()})"
        raise CommandError(f"no file {path}{hint}")
    name, root = file.stem, file.parent
    while (root / "__init__.py").is_file():  # A module of a package is imported as one.
        name, root = f"{root.name}.{name}", root.parent
    _first_on_path(str(root))
    if "." in name:
        return _load_module(name.removesuffix(".__init__"))
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    spec = importlib.util.spec_from_file_location(name if known is None else f"{name}_target", file)
    if spec is None or spec.loader is None:
        raise CommandError(f"{path} is no Python file: its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        _running(partial(spec.loader.exec_module, module), path)
    except UserCodeError:
        del sys.modules[spec.name]
        raise
    return module


def _load_module(name: str) -> ModuleType:
    _first_on_path(os.getcwd())
    if not all(part.isidentifier() for part in name.split(".")):
        raise CommandError(f"{name!r} is no module: write package.module:object or path/to/file.py:object")
    try:
        return _running(partial(importlib.import_module, name), name)
    except UserCodeError as error:
        missing = error.error.name if isinstance(error.error, ModuleNotFoundError) else None
        if missing is not None and f"{name}.".startswith(f"{missing}."):
            raise CommandError(f"no module {missing!r} in {os.getcwd()} or what is installed") from None
        raise


def _first_on_path(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _running(load: Callable[[], M], text: str) -> M:
    try:
        return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserCodeError(error, f"importing {text}", 2) from error


# Finding


def _attribute(module: ModuleType, name: str, text: str) -> Any:
    found: Any = module
    for part in name.split("."):
        known = list(vars(found)) if hasattr(found, "__dict__") else []
        if part not in known and not hasattr(found, part):
            public = [each for each in known if not each.startswith("_")]
            raise CommandError(f"{text}: there is no {part!r}; {did_you_mean(part, public)}")
        found = getattr(found, part)
    return found


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


def _only(candidates: Mapping[str, Any], text: str, what: str) -> Any:
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if not candidates:
        raise CommandError(f"{text} has no {what}; write {text}:object")
    names = [f"{text}:{name}" for name in candidates]
    raise CommandError(f"{text} has {len(candidates)} of them, say which: {listed(names)}")


def _kind(found: object) -> str:
    return f"a class, {found.__name__}" if isinstance(found, type) else f"of type {type(found).__name__}"
