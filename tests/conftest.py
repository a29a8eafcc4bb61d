"""Fixtures that all tests share, and Hypothesis' settings."""

import os

import hypothesis
import pytest

from tests.shop import Shop

# A deadline measures the machine, not the code. In CI the same examples run every time; at home new ones are tried.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loops that every `@pytest.mark.anyio` test runs on."""
    return str(request.param)


@pytest.fixture
def shop() -> Shop:
    """A shop of its own for each test."""
    return Shop()
