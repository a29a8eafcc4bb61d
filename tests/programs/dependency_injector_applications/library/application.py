"""Makes the application."""

from flask import Flask

from .blueprints import books
from .containers import Container


def create_app(limit: int) -> Flask:
    container = Container(config={"limit": limit})
    app = Flask(__name__)
    app.container = container  # type: ignore[attr-defined]
    app.register_blueprint(books.blueprint)
    return app
