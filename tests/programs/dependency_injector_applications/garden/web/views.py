"""The views, a function and a class; the lazy objects are Django's."""

from dependency_injector.wiring import Provide, inject
from django.conf import settings  # noqa: F401
from django.http import HttpRequest, JsonResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from django.views import View

from ..containers import Container
from ..services import Beds

TITLE = gettext_lazy("garden")
LATER = SimpleLazyObject(lambda: 1 / 0)


@inject
def index(request: HttpRequest, beds: Beds = Provide[Container.beds]) -> JsonResponse:
    return JsonResponse({"title": str(TITLE), "plants": beds.plants()})


class Size(View):
    """How large a bed is."""

    @inject
    def get(self, request: HttpRequest, size: int = Provide[Container.config.BED_SIZE]) -> JsonResponse:
        return JsonResponse({"size": size})
