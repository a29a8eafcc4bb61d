"""The layers, read off the source, and their picture.

`python -m tests.package.layers` draws docs/pictures/layers.svg.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from resourcekit.inspection.records import GraphData, GraphEntry, Need
from resourcekit.inspection.render.picture import svg

PACKAGE = "resourcekit"
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "layers.svg"

# The layers are the folders, in this order: a module imports its own folder and those before it.
LAYERS = (
    "base",
    "annotations",
    "declarations",
    "config",
    "planning",
    "lifecycle",
    "lifecycle.fast",
    "run",
    "injection",
    "inspection",
    "inspection.render",
    "container",
    "definitions.model",
    "definitions.storage",
    "definitions.execution",
    "definitions.authoring",
    "definitions",
    "testing",
    "integrations",
    "cli",
)
FRONT = {"", "__main__"}  # `resourcekit/__init__.py` and `python -m resourcekit`


@dataclass(frozen=True)
class Import:
    """One import statement's target, as a full dotted name."""

    target: str
    line: int
    typing_only: bool


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name below the package ("" for the package itself), its tree and imports."""

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[Import, ...]


def read_imports(node: ast.AST, package: str, typing_only: bool = False) -> Iterator[Import]:
    """Find the imports in a tree; `package` is what a leading dot stands for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, typing_only)
        elif isinstance(child, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join(parents[: len(parents) - child.level + 1]) if child.level else ""
            origin = ".".join(part for part in (base, child.module) if part)
            for alias in child.names:
                yield Import(f"{origin}.{alias.name}", child.lineno, typing_only)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for inner in child.body:
                yield from read_imports(ast.Module([inner], []), package, typing_only=True)
            yield from read_imports(ast.Module(child.orelse, []), package, typing_only)
        else:
            yield from read_imports(child, package, typing_only)


@cache
def modules() -> dict[str, Module]:
    """Read every source file of the package, found without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None, f"{PACKAGE} is not installed"
    found = {}
    for root in map(Path, spec.submodule_search_locations or ()):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts).removesuffix("__init__").removesuffix(".")
            package = ".".join((PACKAGE, *parts[:-1]))
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            found[name] = Module(name, path, tree, tuple(read_imports(tree, package)))
    return found


def layer_of(name: str) -> str | None:
    """Look up the layer of a module: the innermost folder of the list that it is in; None if it is in none."""
    while name and name not in LAYERS:
        name = name.rpartition(".")[0]
    return name or None


def own_module(target: str) -> str | None:
    """Turn an imported dotted name into the name of our module it comes from; None for other people's."""
    if target != PACKAGE and not target.startswith(PACKAGE + "."):
        return None
    name = target.removeprefix(PACKAGE).removeprefix(".")
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name


def own_imports() -> Iterator[tuple[Module, Import, str]]:
    """Pair each of our modules with the own modules it imports; the package's front door is left out."""
    for module in modules().values():
        for imported in module.imports:
            target = own_module(imported.target)
            if module.name and target is not None and target != module.name:
                yield module, imported, target


def place(module: Module, line: int) -> str:
    """Say where a finding is."""
    return f"{module.path}:{line}"


def place_in_order(name: str) -> int:
    """Tell how far down a module's layer is; the front is below all."""
    layer = layer_of(name)
    return len(LAYERS) if layer is None else LAYERS.index(layer)


def arrows() -> dict[str, set[str]]:
    """Map each layer to the layers above that its modules import."""
    found: dict[str, set[str]] = {layer: set() for layer in LAYERS}
    for module, _, target in own_imports():
        importer, imported = layer_of(module.name), layer_of(target)
        if importer is not None and imported is not None and LAYERS.index(imported) < LAYERS.index(importer):
            found[importer].add(imported)
    return found


def picture() -> str:
    """Draw the layers with the arrows that no longer path implies."""
    needs = arrows()
    reach: dict[str, set[str]] = {}
    for layer in LAYERS:
        reach[layer] = needs[layer].union(*(reach[need] for need in needs[layer]))
    direct = {
        layer: [each for each in LAYERS if each in needs[layer] and not any(each in reach[one] for one in needs[layer])]
        for layer in LAYERS
    }
    entries = tuple(_entry(layer, direct) for layer in LAYERS)
    return svg(GraphData("the layers", entries))


def _entry(layer: str, direct: dict[str, list[str]]) -> GraphEntry:
    count = sum(layer_of(name) == layer and name != layer for name in modules())
    return GraphEntry(
        name=layer,
        keys=(layer,),
        kind="resource",
        owner=f"{count} module{'' if count == 1 else 's'}" if count else "the public names",
        module=PACKAGE,
        doc=None,
        scope=None,
        is_async=False,
        hooks=(),
        vends=None,
        fields=(),
        needs=tuple(Need(each, None) for each in direct[layer]),
        used_by=tuple(each for each in LAYERS if layer in direct[each]),
        declared=None,
        level=None,
        is_replacement=False,
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
