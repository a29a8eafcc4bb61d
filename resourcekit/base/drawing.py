"""The one door from data to what draws it: found by name, and loaded when something is drawn.

Data stands in layers above `inspection.render`, and must not import it. `tests/package/test_architecture.py` sees to it
that each entry leads there.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__all__ = ("RENDERERS", "draw")

RENDERERS: Final = {
    "mermaid": ("resourcekit.inspection.render.notations", "mermaid"),
    "dot": ("resourcekit.inspection.render.notations", "dot"),
    "svg": ("resourcekit.inspection.render.picture", "svg"),
    "graph_page": ("resourcekit.inspection.render.page", "graph_page"),
}
"""The module and the function of each form."""


def draw(form: str, *data: Any) -> str:
    """Draw data in a form.

    Args:
        form: A key of `RENDERERS`.
        data: What its function takes.

    Returns:
        The text of the drawing.
    """
    module, function = RENDERERS[form]
    drawn: str = getattr(import_module(module), function)(*data)
    return drawn
