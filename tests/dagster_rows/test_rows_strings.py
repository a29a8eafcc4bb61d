"""Row 75 where annotations are strings, as in a module that begins with the import below."""

import sys
import types

from tests.dagster_rows.expected import better

MODULE = """
from __future__ import annotations

class Inner(dg.ConfigurableResource):
    x: int

class Outer(dg.ConfigurableResource):
    inner: Inner
"""


@better(ours=(2, 4), dagster=(2, "error: invalid field"))
def test_row_075_string_annotations(dg, monkeypatch):
    """Where annotations are strings, resources nest, and those that are configured at launch too."""
    module = types.ModuleType("module_with_strings")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.dg = dg
    exec(MODULE, vars(module))

    def partial():
        inner = module.Inner.configure_at_launch()
        outer = module.Outer(inner=inner)
        with dg.run({"inner": inner, "outer": outer}, config={"inner": {"x": 4}}) as resources:
            return resources.outer.inner.x

    return dg.live(module.Outer(inner=module.Inner(x=2)), lambda live: live.inner.x), dg.attempt(partial)
