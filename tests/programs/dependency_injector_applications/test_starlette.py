"""The Starlette application, by Starlette's test client."""

from starlette.testclient import TestClient

from .board import containers


def test_resources_live_as_long_as_the_application() -> None:
    """`providers.Resource`, sync and async, is opened and closed by dependency-injector's own lifespan."""
    container = containers.Container()
    container.wire(modules=[containers])
    with TestClient(container.app()) as client:
        assert sorted(container.events()) == ["connected", "open"]
        assert sorted(client.get("/").json()) == ["connected", "open"]
    assert sorted(container.events()[2:]) == ["closed", "disconnected"]
    container.unwire()
