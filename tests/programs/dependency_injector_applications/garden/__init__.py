"""A Django project: its container is made with the project, and the application wires its views when it is ready."""

from .containers import Container

container = Container()
