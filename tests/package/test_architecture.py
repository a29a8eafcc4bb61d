"""The layers, read off the source: what may import what, what a bare import may load, what must have a docstring.

The layers are the folders, see docs/architecture.md. Imports inside functions count like those at the top: a late
import saves start-up time, it does not change who depends on whom.
"""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from resourcekit.base.drawing import RENDERERS
from tests.package.layers import (
    FRONT,
    PACKAGE,
    PICTURE,
    Module,
    layer_of,
    modules,
    own_imports,
    picture,
    place,
    place_in_order,
)

# Third-party packages that only some of our modules may import.
RESERVED = {
    "dependency_injector": {"container"},
    "cattrs": {"config", "definitions.storage.serializers"},
}
# The module that reads annotations, and how one is asked what it is built of.
READER = "annotations.annotation_structure"
READS_ANNOTATIONS = {"get_args", "get_origin", "get_type_hints", "__args__", "__origin__", "__value__", "__supertype__"}
# What must not be loaded until something needs it.
HEAVY = {"anyio", "asyncio", "cattrs", "concurrent", "dependency_injector", "fastapi", "pydantic", "yaml"}


def upward_imports(typing_only: bool) -> list[str]:
    """Describe each import of a layer below the importer's."""
    return [
        f"{place(module, imported.line)}: {layer_of(module.name)} imports {target}"
        for module, imported, target in own_imports()
        if imported.typing_only is typing_only and place_in_order(target) > place_in_order(module.name)
    ]


def test_every_module_is_in_a_layer() -> None:
    """A module stands in one of the folders; beside them there is only the front."""
    assert {name for name in modules() if layer_of(name) is None} == FRONT


def test_imports_go_down_the_layers() -> None:
    """A module imports its own folder and the folders before it, never one after."""
    assert upward_imports(typing_only=False) == []


def test_typing_imports_go_down_too() -> None:
    """An import under TYPE_CHECKING is a dependency like any other: move the type, or use a Protocol."""
    assert upward_imports(typing_only=True) == []


def test_the_door_upward_leads_to_what_draws() -> None:
    """The only names of a later layer in the package are those of renderers, in one table, and each is there."""
    for module, function in RENDERERS.values():
        assert module.startswith(f"{PACKAGE}.inspection.render.")
        assert callable(getattr(importlib.import_module(module), function))


def test_module_names_are_unique() -> None:
    """No two modules have one name; those of `integrations` bear the names of other people's packages."""
    named: dict[str, list[str]] = {}
    for module in modules().values():
        if module.path.stem not in ("__init__", "__main__") and layer_of(module.name) != "integrations":
            named.setdefault(module.path.stem, []).append(module.name)
    assert [names for names in named.values() if len(names) > 1] == []


def test_the_picture_of_the_layers_is_drawn_anew() -> None:
    """The picture in docs/architecture.md shows the layers as they are: `python -m tests.package.layers` draws it."""
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_the_page_names_files_that_are_there() -> None:
    """Every file that docs/architecture.md sends a reader to is where it says."""
    page = (PICTURE.parents[1] / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)`", page))
    package = modules()[""].path.parent
    roots = (package, package.parent, PICTURE.parents[2])
    assert len(named) > 30
    assert [name for name in sorted(named) if not any((root / name).exists() for root in roots)] == []


def test_no_module_imports_the_package_itself() -> None:
    """Inside the package a name is imported from the module that defines it, not from the lazy front door."""
    assert [place(module, imported.line) for module, imported, target in own_imports() if target == ""] == []


def test_no_import_circles() -> None:
    """No circle of imports, within a row either, late and typing-only imports included."""
    graph: dict[str, set[str]] = {}
    for module, _, target in own_imports():
        graph.setdefault(module.name, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import circle: " + " -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize("library", RESERVED)
def test_reserved_libraries(library: str) -> None:
    """A library that shapes a layer is imported in that layer only."""
    strangers = [
        place(module, imported.line)
        for module in modules().values()
        for imported in module.imports
        if imported.target.split(".")[0] == library and not RESERVED[library] & {module.name, layer_of(module.name)}
    ]
    assert strangers == [], f"only {', '.join(sorted(RESERVED[library]))} may import {library}"


def names_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Find every name that a module says: a variable, an attribute, an import, or the text of `getattr`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.alias):
            yield node.name, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def test_one_module_reads_annotations() -> None:
    """Only one module asks `typing` how an annotation is built; all others go by the form that it gives."""
    askers = {
        name: [place(module, line) for said, line in names_in(module.tree) if said in READS_ANNOTATIONS]
        for name, module in modules().items()
    }
    assert askers[READER], f"{READER} reads no annotations: name the module that does"
    assert [found for name, found in askers.items() if found and name != READER] == []


def modules_loaded_by(program: str) -> set[str]:
    """Run a program in a fresh interpreter, and tell what it has loaded."""
    root = modules()[""].path.parent.parent  # -I knows no PYTHONPATH
    lines = [
        "import json, sys",
        f"sys.path.insert(0, {str(root)!r})",
        "before = {*sys.modules}",
        program,
        "print(json.dumps([*({*sys.modules} - before)]))",
    ]
    done = subprocess.run([sys.executable, "-I", "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import resourcekit",
        "from resourcekit import ConfigurableResource, EnvVar, FileVar, field, secret, state",
        "from resourcekit import ConfigurableResource\nclass Database(ConfigurableResource): host: str",
    ],
)
def test_import_budget(statement: str) -> None:
    """Importing resourcekit, and declaring a resource class, load attrs and the standard library's cheap part only."""
    loaded = {name.split(".")[0] for name in modules_loaded_by(statement)}
    third_party = loaded - sys.stdlib_module_names - {PACKAGE}
    assert loaded & HEAVY == set()
    assert third_party <= {"attr", "attrs"}


def test_a_container_loads_without_what_runs_it() -> None:
    """Declaring a container, and making an instance, load nothing that only its first run needs."""
    program = """
from resourcekit import ConfigurableResource, ResourceContainer
class Database(ConfigurableResource): host: str = "localhost"
class App(ResourceContainer): database = Database()
App()
"""
    late = {"config.resolution", "planning.plan", "injection.filling", "lifecycle.machine", "run.run"}
    assert modules_loaded_by(program).isdisjoint(f"{PACKAGE}.{name}" for name in late)


def documented_nodes(module: Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield what must have a docstring: the module, its public classes and functions, and their public methods."""
    yield module.tree
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            yield from (item for item in node.body if needs_docstring(item))
        elif needs_docstring(node):
            yield node


def needs_docstring(node: ast.stmt) -> bool:
    """Tell a public function from private ones, overload signatures, property setters and overriding methods."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
        return False
    marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return not marks & {"overload", "override", "setter", "deleter"}


def test_docstrings() -> None:
    """Every module, public class, function and method says what it is for."""
    bare = [
        place(module, getattr(node, "lineno", 1)) + f" {getattr(node, 'name', 'module')}"
        for module in modules().values()
        for node in documented_nodes(module)
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_every_test_states_a_behaviour() -> None:
    """Each test's docstring tells, in the user's words, what must hold."""
    bare = [
        f"{path}:{node.lineno} {node.name}"
        for path in sorted(Path(__file__).parents[1].rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert bare == []
