"""The Django project, by Django's test client."""

from typing import Any
from unittest import mock

import pytest

pytest.importorskip("django")

import django
from django.conf import settings
from django.test import Client

from . import garden
from .garden.services import Beds


@pytest.fixture(scope="module")
def client() -> Any:
    """A client of the project, which is set up once in a process."""
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=f"{garden.__name__}.urls",
            INSTALLED_APPS=[f"{garden.__name__}.web.apps.WebConfig"],
            ALLOWED_HOSTS=["testserver"],
            SECRET_KEY="of a test",
            BED_SIZE=2,
        )
        django.setup()
    yield Client()
    garden.container.unwire()


def test_views(client: Any) -> None:
    """A function and a class of views get the service and an option made of Django's settings."""
    assert client.get("/").json() == {"title": "garden", "plants": ["leek", "kale"]}
    assert client.get("/size").json() == {"size": 2}


def test_a_mock(client: Any) -> None:
    """The service is overridden by a mock for one request."""
    with garden.container.beds.override(mock.Mock(spec=Beds, **{"plants.return_value": ["rose"]})):
        assert client.get("/").json()["plants"] == ["rose"]
    assert client.get("/").json()["plants"] == ["leek", "kale"]
