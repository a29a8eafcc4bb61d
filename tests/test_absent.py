"""Names that Dagster has and resourcekit has not: whoever writes one is told what to write."""

import importlib

import pytest

import resourcekit
import resourcekit.definitions

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
    from resourcekit.absent import absent

    for module in (resourcekit, resourcekit.definitions):
        for name in module.__all__:
            assert "of Dagster's" not in str(absent(module, name))
