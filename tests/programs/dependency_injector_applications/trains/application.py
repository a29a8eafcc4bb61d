"""Makes the application."""

from aiohttp import web

from . import handlers
from .containers import Container

CONTAINER = web.AppKey("container", Container)


def create_app() -> web.Application:
    app = web.Application()
    app[CONTAINER] = Container()
    app.add_routes([web.get("/", handlers.index), web.view("/key", handlers.Keys)])
    return app
