"""Packages written for a test of wiring: imported from files, and taken away again, wiring and all."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from resourcekit import ResourceContainer

HEAD = """\
from dependency_injector import containers, providers
from dependency_injector.wiring import Closing, Provide, Provider, inject
from resourcekit import ConfigurableResource, ResourceContainer
"""
Write = Callable[..., ModuleType]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package of modules by their dotted names, and imports one of them."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(imported: str, **sources: str) -> ModuleType:
        for name, source in sources.items():
            *folders, last = name.split("__")
            folder = tmp_path
            for each in folders:
                folder /= each
                folder.mkdir(exist_ok=True)
                (folder / "__init__.py").touch()
            (folder / f"{last}.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        invalidate_caches()
        return import_module(imported)

    yield write
    made = {name: sys.modules[name] for name in set(sys.modules) - before if _is_of(sys.modules[name], tmp_path)}
    app = ResourceContainer.of({})
    app.wire(modules=[*made.values()])
    app.unwire()  # dependency-injector knows wired functions by the name of their module, for ever.
    for name in made:
        del sys.modules[name]


def _is_of(module: ModuleType, folder: Path) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))
