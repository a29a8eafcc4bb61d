"""Sphinx configuration; built with warnings as errors, `sphinx-build -W docs docs/_build`."""

from importlib.metadata import version as installed_version

from sphinx.pycode import ModuleAnalyzer

project = "resourcekit"
author = copyright = "The resourcekit authors"
release = version = installed_version("resourcekit")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Class signatures: attrs' generated constructors say what a resource takes; the hooks' names are the contract.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Class keywords", "params_style")]

html_theme = "furo"
html_title = f"resourcekit {release}"


def setup(app: object) -> None:
    """Show readers the one signature of `field` and its kin that has every argument; the overloads are for checkers."""
    source = ModuleAnalyzer.for_module("resourcekit.declarations.fields")
    source.analyze()
    source.overloads.clear()
