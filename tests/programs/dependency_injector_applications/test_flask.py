"""The Flask applications, by Flask's test client."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

pytest.importorskip("flask")

from .library.application import create_app as create_library
from .weather import services, views
from .weather.application import create_app as create_weather


@pytest.fixture
def weather() -> Iterator[Any]:
    """The weather application, unwired afterwards."""
    app = create_weather()
    yield app
    app.container.unwire()


@pytest.fixture
def library() -> Iterator[Any]:
    """The library, which shows one title."""
    app = create_library(limit=1)
    yield app
    app.container.unwire()


def test_a_request_with_a_mock(weather: Any) -> None:
    """A provider that is overridden by a mock gives it to the view, through the service."""
    station = mock.Mock(spec=services.Station)
    station.temperatures.return_value = [25, 3]
    with weather.container.station.override(station):
        found = weather.test_client().get("/?days=2").json
    assert found == {"days": 2, "forecast": [{"day": 0, "sky": "warm"}, {"day": 1, "sky": "cold"}]}
    station.temperatures.assert_called_once_with(2)


def test_a_default_from_the_configuration(weather: Any) -> None:
    """A view's argument is an option of the configuration, read from its file."""
    with weather.container.override(station=mock.Mock(**{"temperatures.return_value": []})):
        assert weather.test_client().get("/").json == {"days": 3, "forecast": []}
    weather.container.config.default.days.from_value("4")
    with weather.container.override(station=mock.Mock(**{"temperatures.return_value": []})):
        assert weather.test_client().get("/").json["days"] == 4


def test_the_real_service(weather: Any) -> None:
    """Without a mock the view has the real service, made of the configuration."""
    weather.testing = True
    with pytest.raises(ConnectionError, match="harbour cannot be reached"):
        weather.test_client().get("/")


def test_two_applications_one_after_the_other() -> None:
    """The views belong to the application that was made last, until it is unwired."""
    first, second = create_weather(), create_weather()
    second.container.config.default.days.from_value("9")
    with second.container.station.override(mock.Mock(**{"temperatures.return_value": []})):
        assert first.test_client().get("/").json["days"] == 9
    second.container.unwire()
    with first.test_request_context("/"), pytest.raises(TypeError):
        views.index()


def test_blueprints(library: Any) -> None:
    """Views in the modules of a wired package get the service, a function and a method alike."""
    client = library.test_client()
    assert client.get("/books?text=a").json == ["Emma"]
    assert client.get("/count").json == 2
    with library.container.override(titles=["Middlemarch"]):
        assert client.get("/books?text=march").json == ["Middlemarch"]
    assert client.get("/books?text=march").json == []
