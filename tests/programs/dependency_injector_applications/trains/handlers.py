"""The handlers."""

from aiohttp import web
from dependency_injector.wiring import Provide, inject

from .containers import Container
from .services import Departures


@inject
async def index(
    request: web.Request,
    departures: Departures = Provide[Container.departures],
    station: str = Provide[Container.config.default.station],
    limit: int = Provide[Container.config.default.limit.as_int()],
) -> web.Response:
    station = request.query.get("station", station)
    limit = int(request.query.get("limit", limit))
    return web.json_response({"limit": limit, "trains": await departures.next(station, limit)})


class Keys(web.View):
    """A view of the configuration."""

    @inject
    async def get(self, key: str = Provide["config.timetable.key"]) -> web.Response:
        return web.json_response(key)
