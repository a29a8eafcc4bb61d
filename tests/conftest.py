"""Fixtures that all tests share, and Hypothesis' settings."""

import gc
import os

import hypothesis
import pytest

from tests import forked
from tests.shop import Shop
from tests.wired import package  # noqa: F401  # a fixture

# Deadlines, of one example and of making ten, measure the machine, not the code. In CI the same examples run every
# time; at home new ones are tried.
UNTIMED = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("default", **UNTIMED)
hypothesis.settings.register_profile("ci", **UNTIMED, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_collection_finish() -> None:
    """Spare the collector of cycles what was imported: many tests make it look at all there is."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def frozen_heap() -> None:
    """The same once more, for modules that collect in every test: others have imported things meanwhile."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """End the process that others were forked from."""
    forked.stop()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loops that every `@pytest.mark.anyio` test runs on."""
    return str(request.param)


@pytest.fixture
def shop() -> Shop:
    """A shop of its own for each test."""
    return Shop()
