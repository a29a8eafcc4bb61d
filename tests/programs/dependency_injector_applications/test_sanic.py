"""The Sanic application, by Sanic's test client."""

import asyncio
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("sanic")
pytest.importorskip("sanic_testing")

from sanic import Sanic
from sanic_testing.testing import SanicASGITestClient

from .birds.application import create_app
from .birds.services import Sightings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:sanic", "ignore::DeprecationWarning:httpx")


def answers(app: Any, *paths: str) -> list[Any]:
    """What the application answers to each path."""

    async def ask() -> list[Any]:
        client = SanicASGITestClient(app)
        return [(await client.get(path))[1].json for path in paths]

    return asyncio.run(ask())


def test_requests_with_a_mock() -> None:
    """A handler gets the mock in the service's place, and its default from the configuration."""
    Sanic.test_mode = True
    app = create_app("birds")
    sightings = mock.AsyncMock(spec=Sightings)
    sightings.of.return_value = ["heron"]
    with app.ctx.container.sightings.override(sightings):
        found = answers(app, "/", "/?place=lake")
    assert found == [{"place": "marsh", "birds": ["heron"]}, {"place": "lake", "birds": ["heron"]}]
    assert [call.args for call in sightings.of.await_args_list] == [("marsh",), ("lake",)]
    app.ctx.container.unwire()
