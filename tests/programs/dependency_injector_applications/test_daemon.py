"""The daemon."""

import asyncio
import logging
from unittest import mock

import pytest

from .daemon.containers import Container
from .daemon.monitors import Http, Monitor


@pytest.fixture
def container() -> Container:
    """A container with a configuration of its own."""
    config = {"log": {"name": "daemon"}, "monitors": {"shop": {"url": "/shop"}, "mail": {"url": "/mail"}}}
    return Container(config=config)


def test_one_monitor(container: Container) -> None:
    """A monitor is made of its part of the configuration and of the mock in the client's place."""
    http = mock.AsyncMock(spec=Http, **{"status.return_value": 200})
    with container.http.override(http):
        monitor = container.shop()
        asyncio.run(monitor.check())
    assert monitor.seen == [200]
    http.status.assert_awaited_once_with("/shop")


def test_the_dispatcher(container: Container) -> None:
    """Both monitors are replaced at once; the dispatcher runs them until it is stopped."""

    async def run() -> None:
        dispatcher = container.dispatcher()
        mail.check.side_effect = dispatcher.stopped.set
        await asyncio.wait_for(dispatcher.run(), 60)

    shop, mail = mock.AsyncMock(spec=Monitor), mock.AsyncMock(spec=Monitor)
    with container.override_providers(shop=shop, mail=mail):
        asyncio.run(run())
    assert shop.check.await_count == mail.check.await_count == 1
    assert isinstance(container.dispatcher().monitors[0], Monitor)


def test_resources(container: Container) -> None:
    """`init_resources` and `shutdown_resources` are dependency-injector's own."""
    container.init_resources()
    assert container.logging() is logging.getLogger("daemon")
    container.shutdown_resources()
