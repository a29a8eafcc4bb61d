"""The application, made when it is imported, as uvicorn wants it."""

from fastapi import FastAPI

from . import endpoints
from .containers import Container


def create_app() -> FastAPI:
    app = FastAPI()
    app.state.container = Container()
    app.include_router(endpoints.router)
    return app


app = create_app()
