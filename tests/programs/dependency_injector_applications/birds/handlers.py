"""The handlers."""

from dependency_injector.wiring import Provide, inject
from sanic.request import Request
from sanic.response import HTTPResponse, json

from .containers import Container
from .services import Sightings


@inject
async def index(
    request: Request,
    sightings: Sightings = Provide[Container.sightings],
    default: str = Provide[Container.config.place],
) -> HTTPResponse:
    place = request.args.get("place", default)
    return json({"place": place, "birds": await sightings.of(place)})
