"""The application: it configures and wires the container."""

from django.apps import AppConfig
from django.conf import settings

from .. import container


class WebConfig(AppConfig):
    name = "tests.programs.dependency_injector_applications.garden.web"

    def ready(self) -> None:
        container.config.from_dict({"BED_SIZE": settings.BED_SIZE})
        container.wire(modules=[".views"], from_package=self.name)
