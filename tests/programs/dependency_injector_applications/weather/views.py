"""The views; `request`, `g` and `current_app` are proxies, which raise outside of a request."""

from dependency_injector.wiring import Provide, inject
from flask import Response, current_app, g, jsonify, request, session  # noqa: F401

from .containers import Container
from .services import Forecasts


@inject
def index(
    forecasts: Forecasts = Provide[Container.forecasts],
    days: int = Provide[Container.config.default.days.as_int()],
) -> Response:
    asked = int(request.args.get("days", days))
    return jsonify(days=asked, forecast=forecasts.tell(asked))
