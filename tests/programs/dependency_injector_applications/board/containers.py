"""The container, the application in it, and what lives as long as it."""

from collections.abc import AsyncIterator, Iterator

from dependency_injector.ext.starlette import Lifespan
from dependency_injector.providers import Factory, List, Resource, Self, Singleton
from dependency_injector.wiring import Provide, inject
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from resourcekit import ResourceContainer


def opened(events: list[str]) -> Iterator[list[str]]:
    events.append("open")
    yield events
    events.append("closed")


async def connected(events: list[str]) -> AsyncIterator[str]:
    events.append("connected")
    yield "connection"
    events.append("disconnected")


@inject
async def index(request: Request, events: list[str] = Provide["file"]) -> JSONResponse:
    return JSONResponse(events)


class Container(ResourceContainer):
    __self__ = Self()
    events = Singleton(list[str])
    lifespan = Singleton(Lifespan, __self__)
    file = Resource(opened, events)
    connection = Resource(connected, events)
    routes = List(Factory(Route, "/", index))
    app = Factory(Starlette, lifespan=lifespan, routes=routes)
