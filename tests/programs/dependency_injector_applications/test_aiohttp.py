"""The aiohttp application, by aiohttp's test client."""

import asyncio
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("aiohttp")

from aiohttp.test_utils import TestClient, TestServer

from .trains.application import CONTAINER, create_app
from .trains.services import Timetable


def answers(app: Any, *paths: str) -> list[Any]:
    """What the application answers to each path."""

    async def ask() -> list[Any]:
        async with TestClient(TestServer(app)) as client:
            return [await (await client.get(path)).json() for path in paths]

    return asyncio.run(ask())


def test_requests_with_a_mock() -> None:
    """A handler gets the service with the mock in it, and defaults from the configuration."""
    app = create_app()
    timetable = mock.AsyncMock(spec=Timetable)
    timetable.departures.return_value = ["10:05"]
    with app[CONTAINER].timetable.override(timetable):
        found = answers(app, "/", "/?station=Malm&limit=1")
    assert found == [{"limit": 10, "trains": ["Lund: 10:05"]}, {"limit": 1, "trains": ["Malm: 10:05"]}]
    assert [call.args for call in timetable.departures.await_args_list] == [("Lund", 10), ("Malm", 1)]
    app[CONTAINER].unwire()


def test_a_class_of_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method of a view gets what it asks for; the configuration's file reads a variable."""
    monkeypatch.setenv("TIMETABLE_KEY", "k-4711")
    app = create_app()
    assert answers(app, "/key") == ["k-4711"]
    app[CONTAINER].unwire()
