"""Makes the application."""

from sanic import Sanic

from . import handlers
from .containers import Container


def create_app(name: str) -> Sanic:
    app: Sanic = Sanic(name, configure_logging=False)
    app.ctx.container = Container()
    app.add_route(handlers.index, "/")
    return app
