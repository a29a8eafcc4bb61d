"""Names that Dagster has and resourcekit has not: whoever writes one is told what to write."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import resourcekit
import resourcekit.definitions

DAGSTERS = (Path(__file__).parent / "dagster_names.txt").read_text().split()
"""What `dir(dagster)` has in 1.13.29, less what it has of the standard library."""

MODULES = ("resourcekit", "resourcekit.definitions")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("AssetIn", "write ins={'orders': 'shop/orders'}"),
        ("multi_asset", "write one asset for each value"),
        ("build_resources", "ResourceContainer.of"),
        ("sensor", "a sensor is not here: keep the resources, and run the assets in Dagster for it"),
        ("ScheduleDefinition", "a schedule is not here"),
        ("StaticPartitionsDefinition", "a partitioned asset is not here"),
        ("TextMetadataValue", "plain values"),
    ],
)
def test_a_name_that_only_dagster_has(module, name, advice):
    """A name of Dagster's, as attribute or imported, is an error that says what to write and which page tells more."""
    with pytest.raises(AttributeError) as caught:
        getattr(importlib.import_module(module), name)
    with pytest.raises(ImportError) as imported:
        exec(f"from {module} import {name}")
    for error in (caught.value, imported.value):
        assert str(error).startswith(f"{module} has no {name} of Dagster's: ")
        assert advice in str(error)
        assert "Coming from Dagster" in str(error)


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_dagsters(module):
    """Whatever Dagster exports is here, or is an error that says what to write: `@dg.resource` and `@dg.graph` too."""
    found = importlib.import_module(module)
    for name in DAGSTERS:
        if name in resourcekit.__all__:
            assert getattr(resourcekit, name) is not None
            continue
        with pytest.raises(AttributeError, match=f"{module} has no {name} of Dagster's: "):
            getattr(found, name)
        with pytest.raises(ImportError, match=f"{module} has no {name} of Dagster's: "):
            exec(f"from {module} import {name}")


def test_no_module_has_a_name_of_dagsters():
    """No module or package of ours is called like what Dagster exports; only `definitions`, which can be called."""
    modules = [each.name for each in pkgutil.walk_packages(resourcekit.__path__, "resourcekit.")]
    taken = [name for name in modules if name.rpartition(".")[2] in DAGSTERS]
    assert taken == ["resourcekit.definitions"]
    assert isinstance(resourcekit.definitions, ModuleType)
    assert callable(resourcekit.definitions)


def test_the_names_are_dagsters():
    """The list of names is that of Dagster itself, where it is installed."""
    dagster = pytest.importorskip("dagster")
    names = {name for name in dir(dagster) if not name.startswith("_")}
    assert set(DAGSTERS) <= names
    others = {name for name in names - set(DAGSTERS) if not hasattr(importlib.import_module("typing"), name)}
    assert others <= {"TypingAny", "TypingTuple", "importlib", "sys", "version"}


def test_a_decorator_of_dagsters_in_a_new_process():
    """`@dg.resource` says what to write, whatever has been imported by then."""
    for name, advice in (("resource", "subclass ConfigurableResourceFactory"), ("graph", "write a @job of ops")):
        program = f"""
import resourcekit as dg
class D(dg.ConfigurableResource): pass
class C(dg.ResourceContainer):
    d = D()
with C().run(): pass
@dg.{name}
def made(): pass
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert f"resourcekit has no {name} of Dagster's: {advice}" in done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_whether_a_name_is_there_can_be_asked(module):
    """`hasattr` and `getattr` with a default work, for Dagster's names and for any."""
    found = importlib.import_module(module)
    for name in ("sensor", "AssetIn", "check", "nothing_of_the_kind", "_private"):
        assert not hasattr(found, name)
        assert getattr(found, name, None) is None
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_the_kind'"):
        found.nothing_of_the_kind  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nothing_of_the_kind'"):
        exec(f"from {module} import nothing_of_the_kind")


def test_names_that_are_here_have_no_such_advice():
    """Nothing that is public here is told to be missing."""
    from resourcekit.base.dagster_names import absent

    for module in (resourcekit, resourcekit.definitions):
        for name in module.__all__:
            assert "of Dagster's" not in str(absent(module, name))
