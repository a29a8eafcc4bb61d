"""Makes the application."""

from flask import Flask

from . import views
from .containers import Container


def create_app() -> Flask:
    app = Flask(__name__)
    app.container = Container()  # type: ignore[attr-defined]
    app.add_url_rule("/", "index", views.index)
    return app
