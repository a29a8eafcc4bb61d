"""The library that a row's program runs with: resourcekit, and Dagster too where it is installed."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dagster_rows.libraries import Library, ResourceKit

pytest.register_assert_rewrite("tests.dagster_rows.expected")

# Whatever Dagster warns of is for Dagster to mend.
DAGSTER = pytest.param("dagster", marks=pytest.mark.filterwarnings("ignore"))
LIBRARIES = ["resourcekit", *([DAGSTER] if importlib.util.find_spec("dagster") else [])]


@pytest.fixture(scope="session")
def dagster_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Dagster, in a home of its own, with its telemetry off."""
    home = tmp_path_factory.mktemp("dagster_home")
    Path(home, "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        from tests.dagster_rows.dagster_library import Dagster

        library = Dagster()
        yield library
        library.instance.dispose()


@pytest.fixture(params=LIBRARIES)
def dg(request: pytest.FixtureRequest) -> Library:
    """The library under test."""
    return ResourceKit() if request.param == "resourcekit" else request.getfixturevalue("dagster_library")
