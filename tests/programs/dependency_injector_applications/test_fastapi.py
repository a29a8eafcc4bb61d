"""The FastAPI applications, by FastAPI's test client."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from fastapi.testclient import TestClient

from .exchange.application import app as exchange
from .exchange.services import Bank
from .tasks.application import create_app as create_tasks
from .tasks.repositories import Tasks


@pytest.fixture
def tasks() -> Iterator[Any]:
    """A client of the task list, with a database of its own."""
    app = create_tasks()
    with TestClient(app) as client:
        yield client
    app.state.container.database().engine.dispose()
    app.state.container.unwire()


def test_a_request_with_a_mock() -> None:
    """A provider that is overridden by a mock gives it to the endpoint, through the service."""
    bank = mock.AsyncMock(spec=Bank)
    bank.rate.return_value = 10.5
    with exchange.state.container.bank.override(bank), TestClient(exchange) as client:
        assert client.get("/change?amount=2").json() == {"currency": "SEK", "amount": 21.0}
        assert client.get("/change?amount=2&currency=DKK").json()["currency"] == "DKK"
    assert [call.args for call in bank.rate.await_args_list] == [("SEK",), ("DKK",)]


def test_annotated_endpoints_and_threads() -> None:
    """Markers in `Annotated` are resolved too, in an endpoint that runs in a thread as well."""
    client = TestClient(exchange)
    assert client.get("/annotated").json() == client.get("/in-a-thread").json() == "https://bank.example"


def test_markers_are_no_parameters_of_the_api() -> None:
    """The OpenAPI page has the endpoint's own parameters only."""
    parameters = exchange.openapi()["paths"]["/change"]["get"]["parameters"]
    assert [each["name"] for each in parameters] == ["amount", "currency"]


def test_a_row_lives_from_request_to_request(tasks: TestClient) -> None:
    """The singleton database is one for all requests; each has sessions of its own."""
    assert tasks.get("/tasks").json() == []
    assert tasks.post("/tasks?title=write").json() == {"id": 1, "title": "write", "done": False}
    tasks.post("/tasks?title=read")
    assert tasks.post("/tasks/1/done").json()["done"] is True
    assert [task["title"] for task in tasks.get("/tasks").json()] == ["read"]


def test_a_missing_row(tasks: TestClient) -> None:
    """What the repository does not find is a 404."""
    assert tasks.post("/tasks/7/done").status_code == 404


def test_a_mocked_repository(tasks: TestClient) -> None:
    """The repository is overridden for the service and the endpoints at once."""
    container = tasks.app.state.container  # type: ignore[attr-defined]
    fake = mock.Mock(spec=Tasks)
    fake.all.return_value = [mock.Mock(id=3, title="sleep", done=False)]
    with container.tasks.override(fake):
        assert [task["title"] for task in tasks.get("/tasks").json()] == ["sleep"]
    assert tasks.get("/tasks").json() == []


def test_each_application_has_a_database_of_its_own(tasks: TestClient) -> None:
    """A second container shares nothing with the first."""
    tasks.post("/tasks?title=write")
    app = create_tasks()
    with TestClient(app) as client:
        assert client.get("/tasks").json() == []
    app.state.container.database().engine.dispose()
