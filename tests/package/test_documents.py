"""Every code block in README.md and docs/, and every example in a docstring, runs as a test.

A Markdown page is one test: its blocks share one namespace, as if pasted into one module. A block whose first line is
`# name.ext` is a file: it is written to the working directory (a temporary one); a Python file is then imported, and
TOML, JSON and YAML are parsed. All `test_*.py` of a page are run by pytest at its end. A docstring is one test too.
"""

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from unittest import mock

import pytest
import yaml
from sybil import Document, Example, Region
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILE_NAME = re.compile(r"# (?P<name>[\w-]+\.\w+)\n")


def write_block(example: Example) -> str | None:
    """Write a block that begins with a file name to that file; return the name, or None if it has none."""
    found = FILE_NAME.match(example.parsed)
    if found is None:
        return None
    Path(found["name"]).write_text(example.parsed, encoding="utf-8")
    return found["name"]


def evaluate_file(example: Example) -> None:
    """Write a Python block to the file that it names; import it, unless it holds tests: those run at the end."""
    name = write_block(example)
    assert name is not None
    if not name.startswith("test_"):
        importlib.invalidate_caches()
        importlib.import_module(Path(name).stem)


def run_tests(names: list[str]) -> None:
    """Run test files as a user does."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *names]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def evaluate_data(load: Callable[[str], object]) -> Callable[[Example], None]:
    """Make the evaluator of a data block: it must parse, and is written to the file that it names."""

    def evaluate(example: Example) -> None:
        load(example.parsed)
        write_block(example)

    return evaluate


def python_blocks(document: Document) -> Iterable[Region]:
    """Find Python blocks and `>>>` sessions; the blocks that name a file are handled as files."""
    for region in PythonCodeBlockParser()(document):
        if isinstance(region.parsed, str) and FILE_NAME.match(region.parsed):
            region.evaluator = evaluate_file
        yield region


DATA_BLOCKS = [
    CodeBlockParser(language, evaluate_data(load))
    for language, load in {"toml": tomllib.loads, "json": json.loads, "yaml": yaml.safe_load}.items()
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A fresh module to run examples in, in an empty directory; environment and imports are as before afterwards."""
    module = types.ModuleType("example")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with mock.patch.dict(os.environ):
        yield module
    for name, loaded in list(sys.modules.items()):
        if str(getattr(loaded, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path, workplace: types.ModuleType) -> None:
    """What a page shows works, block after block, in an empty directory."""
    document = Document.parse(str(page), python_blocks, *DATA_BLOCKS, SkipParser())
    document.namespace = workplace.__dict__
    for example in document:
        example.evaluate()
    tests = sorted(map(str, Path().glob("test_*.py")))
    if tests:
        run_tests(tests)


def test_readme_links() -> None:
    """README's links into the project lead to files that are there."""
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def docstring_examples() -> Iterator[object]:
    """Yield one parameter set for each docstring of the package that holds examples: the module and its line."""
    spec = importlib.util.find_spec("resourcekit")
    for package in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(package).rglob("*.py")):
            module = ".".join(path.relative_to(Path(package).parent).with_suffix("").parts).removesuffix(".__init__")
            source = path.read_text(encoding="utf-8")
            for start, _, text in PythonDocStringDocument.extract_docstrings(source):
                if ">>>" in text:
                    line = source.count("\n", 0, start) + 1
                    yield pytest.param(path, module, line, text, id=f"{module}:{line}")


@pytest.mark.parametrize(("path", "module", "line", "text"), list(docstring_examples()))
def test_docstring(path: Path, module: str, line: int, text: str, workplace: types.ModuleType) -> None:
    """The example in a docstring gives what it shows; it may use its module's names without importing them."""
    names = dict(vars(importlib.import_module(module)))
    # Examples run as a user's file does: without the module's own `from __future__ import annotations`.
    names.pop("annotations", None)
    vars(workplace).update({name: value for name, value in names.items() if not name.startswith("__")})
    document = Document("\n" * (line - 1) + text, str(path))
    document.namespace = workplace.__dict__
    for region in DocTestParser()(document):
        document.add(region)
    for example in document:
        example.evaluate()
