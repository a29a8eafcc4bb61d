"""The public names and their signatures, frozen in public_api.txt: no name changes by accident.

After a change that is meant, write the file anew with
`RESOURCEKIT_UPDATE_API=1 pytest tests/package/test_public_api.py`, look at its diff, and say in the changelog what
changed.
"""

import ast
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "resourcekit"
SNAPSHOT = Path(__file__).with_name("public_api.txt")
REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"
# The modules that users import.
PUBLIC_MODULES = [PACKAGE, f"{PACKAGE}.definitions", f"{PACKAGE}.testing"]


def describe_value(value: object) -> str:
    """Write a default so that it is the same in every process and Python version."""
    simple = value is None or isinstance(value, bool | int | float | str | bytes | tuple)
    return repr(value) if simple else "..."


def describe_parameter(parameter: inspect.Parameter) -> str:
    """Write one parameter: name, annotation as in the source, default."""
    star = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = star + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {describe_annotation(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        text += f" = {describe_value(parameter.default)}"
    return text


def describe_annotation(annotation: object) -> str:
    """Write an annotation: as in the source where it is a string."""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def describe_signature(function: object) -> str:
    """Write a callable's signature, with the marks for positional-only and keyword-only parameters."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parts: list[str] = []
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    for place, parameter in enumerate(signature.parameters.values()):
        before = kinds[place - 1] if place else None
        if parameter.kind is parameter.KEYWORD_ONLY and before not in {
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        }:
            parts.append("*")
        parts.append(describe_parameter(parameter))
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.kind not in kinds[place + 1 :]:
            parts.append("/")
    result = "" if signature.return_annotation is signature.empty else signature.return_annotation
    return f"({', '.join(parts)})" + (f" -> {describe_annotation(result)}" if result != "" else "")


def describe_member(name: str, member: object) -> str:
    """Write one attribute of a class."""
    kind = type(member).__name__
    function = getattr(member, "__func__", member)
    if inspect.isfunction(function):
        prefix = {"classmethod": "classmethod ", "staticmethod": "staticmethod "}.get(kind, "")
        prefix += "async " if inspect.iscoroutinefunction(function) else ""
        return f"{prefix}{name}{describe_signature(function)}"
    return f"{name}: {'property' if 'property' in kind else 'attribute'}"


def public_members(cls: type) -> dict[str, object]:
    """Collect what a class and those of its bases that are ours define under public names."""
    own = [base for base in reversed(cls.__mro__) if base.__module__.split(".")[0] == PACKAGE]
    return {name: member for base in own for name, member in vars(base).items() if not name.startswith("_")}


def describe(name: str, item: object) -> Iterator[str]:
    """Write one exported name, for a class with its constructor, its bases and its public members."""
    if isinstance(item, type):
        bases = ", ".join(base.__name__ for base in item.__bases__ if base is not object)
        yield f"class {name}({bases})"
        if "__init__" in {
            member for base in item.__mro__[:-1] for member in vars(base) if base.__module__.startswith(PACKAGE)
        }:
            yield f"    __init__{describe_signature(item.__init__)}"
        for member_name, member in sorted(public_members(item).items()):
            yield f"    {describe_member(member_name, member)}"
    elif callable(item):
        prefix = "async def" if inspect.iscoroutinefunction(item) else "def"
        yield f"{prefix} {name}{describe_signature(item)}"
    else:
        yield f"{name}: {type(item).__name__}"


def public_api() -> str:
    """Write the whole public surface."""
    lines: list[str] = []
    for module in map(importlib.import_module, PUBLIC_MODULES):
        lines += ["", f"# {module.__name__}"]
        for name in sorted(module.__all__):
            lines += describe(name, getattr(module, name))
    # An object shown by its address would change with every run.
    return re.sub(r" at 0x[0-9a-f]+", "", "\n".join(lines).strip()) + "\n"


def test_snapshot() -> None:
    """The public names and signatures are those of public_api.txt."""
    if os.environ.get("RESOURCEKIT_UPDATE_API"):
        SNAPSHOT.write_text(public_api(), encoding="utf-8")
    assert SNAPSHOT.exists(), "write it first: RESOURCEKIT_UPDATE_API=1 pytest tests/package/test_public_api.py"
    assert public_api().splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_all_names_load(module: str) -> None:
    """In a fresh process `from module import *` gives exactly `__all__`, which is also what `dir()` offers."""
    program = (
        f"import {module} as module\nfrom {module} import *\n"
        "public = {name for name in list(globals()) if name in module.__all__}\n"
        "assert public == set(module.__all__), set(module.__all__) - public\n"
        "assert len(set(module.__all__)) == len(module.__all__)\n"
        "offered = {name for name in dir(module) if not name.startswith('_')}\n"
        "assert offered == {name for name in module.__all__ if not name.startswith('_')}, offered ^ {*module.__all__}\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def static_names() -> set[str]:
    """List what a type checker sees the package's `__init__` import from our modules."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    typing_only = [each for each in tree.body if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"]
    imports = [node for each in typing_only for node in each.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names if (node.module or "").startswith(PACKAGE)}


def test_type_checkers_see_every_name() -> None:
    """The names that load lazily are those imported under TYPE_CHECKING: type checkers know them all."""
    package = importlib.import_module(PACKAGE)
    assert static_names() == {name for name in package.__all__ if not name.startswith("__")}


def test_unknown_name() -> None:
    """A name that does not exist is an AttributeError like any module's, also for `from resourcekit import ...`."""
    package = importlib.import_module(PACKAGE)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
    with pytest.raises(ImportError, match="no_such_name"):
        exec("from resourcekit import no_such_name")


def test_reference_has_every_name() -> None:
    """Each public name of the package has its entry in docs/reference.md."""
    package = importlib.import_module(PACKAGE)
    entries = set(re.findall(r"^\.\. auto\w+:: (?:resourcekit\.)?(\w+)", REFERENCE.read_text(encoding="utf-8"), re.M))
    assert {name for name in package.__all__ if not name.startswith("__")} - entries == set()
