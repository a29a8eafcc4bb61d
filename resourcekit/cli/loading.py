"""The module of a TARGET, imported as the user's own program would, and what stands in it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from resourcekit.base.errors import did_you_mean, nearest
from resourcekit.cli.user_errors import CommandError, UserCodeError

__all__ = ("attribute", "load")

M = TypeVar("M")


def load(text: str) -> tuple[ModuleType, str | None]:
    """The module of a TARGET, and the name of the object.

    Raises:
        CommandError: There is no such module or file.
        UserCodeError: Importing it raised.
    """
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


def attribute(module: ModuleType, name: str, text: str) -> Any:
    """What stands at a dotted name in a module.

    Raises:
        CommandError: Nothing does.
    """
    found: Any = module
    for part in name.split("."):
        known = list(vars(found)) if hasattr(found, "__dict__") else []
        if part not in known and not hasattr(found, part):
            raise CommandError(f"{text}: there is no {part!r}; {_advice(part, found, known)}")
        found = getattr(found, part)
    return found


def _advice(name: str, holder: Any, known: Iterable[str]) -> str:
    """The nearest name; else what there is, without what is only imported."""
    public = [each for each in known if not each.startswith("_")]
    if nearest(name, public) is not None:
        return did_you_mean(name, public)
    return did_you_mean(name, [each for each in public if not _is_imported(vars(holder)[each], holder)])


def _is_imported(found: object, holder: Any) -> bool:
    if isinstance(found, type) or inspect.isroutine(found):
        return found.__module__ != getattr(holder, "__name__", None)
    return isinstance(found, ModuleType)
