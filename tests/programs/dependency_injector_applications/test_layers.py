"""The applications whose layout is one container, several, or packages that know nothing of one another."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from dependency_injector.wiring import Provide, inject

from .letters.containers import Adapters, PaperAdapters, UseCases, Welcome
from .studio import layers, packages, single
from .studio.services import Pictures, Report, Store, Tokens, Users


@inject
def main(
    users: Users = Provide[single.Container.users],
    tokens: Tokens = Provide[single.Container.tokens],
    pictures: Pictures = Provide[single.Container.pictures],
) -> tuple[Any, ...]:
    return users.find("ada"), tokens.seconds, pictures.add(3, b""), users.database is pictures.database


@inject
def main_of_layers(
    users: Users = Provide[layers.Application.services.users],
    tokens: Tokens = Provide[layers.Application.services.tokens],
    pictures: Pictures = Provide["services.pictures"],
) -> tuple[Any, ...]:
    return users.find("ada"), tokens.seconds, pictures.add(3, b""), users.database is pictures.database


@pytest.fixture(params=[(single.Container, main), (layers.Application, main_of_layers)], ids=["single", "layers"])
def studio(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """The container and the program of each layout."""
    made, program = request.param
    container = made()
    container.wire(modules=[sys.modules[__name__]])
    yield container, program
    container.unwire()
    getattr(container, "gateways", container).database().close()


def test_a_program(studio: tuple[Any, Any]) -> None:
    """The program gets services made of one database, with options of a file."""
    container, program = studio
    container.init_resources()
    assert program() == (3, 3600, "3.png", True)
    assert program() == (3, 3600, "3.png", True)
    container.shutdown_resources()


def test_another_configuration_and_another_store(studio: tuple[Any, Any]) -> None:
    """The configuration and a gateway are changed from outside, in whichever container they are."""
    container, program = studio
    container.config.tokens.seconds.from_value("5")
    store = Store("", "")
    with getattr(container, "gateways", container).store.override(store):
        assert program()[1] == 5
    assert store.kept == {"3.png": b""}


def test_decoupled_packages() -> None:
    """Each package gets what it depends on from the application, and the same objects as the others."""
    app = packages.Application()
    app.check_dependencies()
    app.picture_package.pictures().add(1, b"")
    report: Report = app.report_package.report()
    assert report.write("ada") == {"user": 3, "pictures": 1}
    assert report is app.report_package.report()
    assert report.users.database is report.pictures.database is app.database()
    app.database().close()


def test_adapters_that_are_given_at_the_start() -> None:
    """A use case's container takes a container of adapters, of one kind or another."""
    welcome: Welcome = UseCases(adapters=Adapters()).welcome()
    assert welcome("ada") == "sent to ada"
    assert UseCases(adapters=PaperAdapters()).welcome()("ada") == "written to ada"
