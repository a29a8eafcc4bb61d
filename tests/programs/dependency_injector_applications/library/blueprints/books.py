"""Books: a function and a class of views."""

from dependency_injector.wiring import Provide, inject
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from ..services import Catalogue

blueprint = Blueprint("books", __name__)


@blueprint.get("/books")
@inject
def search(catalogue: Catalogue = Provide["catalogue"]) -> ResponseReturnValue:
    return jsonify(catalogue.find(request.args["text"]))


class Count(MethodView):
    """How many there are."""

    @inject
    def get(self, catalogue: Catalogue = Provide["catalogue"]) -> ResponseReturnValue:
        return jsonify(len(catalogue.titles))


blueprint.add_url_rule("/count", view_func=Count.as_view("count"))
