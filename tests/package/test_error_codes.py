"""docs/errors.md and the code agree: every problem code and every error class has its entry there, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import resourcekit
from resourcekit import Problem, ResourceKitError
from resourcekit.base.errors import CONFIG_CODES, PLAN_CODES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
STAGED = re.compile(r"^\| (?:`|none: a )(DefinitionError|PlanError|ConfigError|warning)(.*\(#.*)$", re.MULTILINE)
STAGES = {stage: set(re.findall(r"\(#([a-z-]+)\)", line)) for stage, line in STAGED.findall(PAGE)}
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
REPORTERS = {"Problem", "SourceError", "_problem", "_report", "problem"}


def codes_in(tree: ast.AST) -> Iterator[str]:
    """The codes that a module gives to problems: `code="..."`, as argument or default, or the first argument."""
    for node in ast.walk(tree):
        found: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            found = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            found += [argument for argument in node.args if name in REPORTERS]
        elif isinstance(node, ast.FunctionDef):
            plain = zip(node.args.args[::-1], node.args.defaults[::-1], strict=False)
            named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            found = [default for argument, default in (*plain, *named) if argument.arg == "code"]
        for item in found:
            if isinstance(item, ast.Constant) and isinstance(item.value, str) and CODE.fullmatch(item.value):
                yield item.value


def used_codes() -> set[str]:
    """The codes that the package's modules give to problems."""
    package = Path(resourcekit.__file__).parent
    return {code for path in package.rglob("*.py") for code in codes_in(ast.parse(path.read_text(encoding="utf-8")))}


def test_every_code_has_a_section() -> None:
    """A reader who holds a code finds it in docs/errors.md, and the page lists no code that cannot come."""
    assert set(SECTIONS) == used_codes()


def test_every_planned_code_is_used() -> None:
    """The codes that decide which error carries a problem are codes that problems have."""
    assert used_codes() >= PLAN_CODES | CONFIG_CODES


@pytest.mark.parametrize("code", SECTIONS)
def test_a_section_has_cause_example_and_cure(code: str) -> None:
    """Each code's section tells the cause, shows an example that has this code, and says the cure."""
    cause, *examples, cure = re.split(r"```python\n(?=.*?```)", SECTIONS[code].strip(), flags=re.DOTALL)
    assert cause.strip()
    assert any(f'"{code}"' in example for example in (*examples, cure))
    assert "\nCure: " in SECTIONS[code]


def test_the_page_puts_codes_under_the_right_error() -> None:
    """The table of errors and codes says what the library does: a plan's problems are a PlanError's, and so on."""
    for stage, error in (("plan", "PlanError"), ("config", "ConfigError"), ("warning", "warning")):
        documented = {code for code in SECTIONS if Problem(code=code, where="x", message="x").stage == stage}
        assert documented <= STAGES[error]
    assert set(SECTIONS) == set().union(*STAGES.values())


def test_every_error_is_on_the_page() -> None:
    """Each public error class has an entry in docs/errors.md."""
    public = {name: getattr(resourcekit, name) for name in resourcekit.__all__}
    errors = {name for name, item in public.items() if isinstance(item, type) and issubclass(item, ResourceKitError)}
    assert {name for name in errors if f"| `{name}`" not in PAGE and f", `{name}`" not in PAGE} == {"ResourceKitError"}
