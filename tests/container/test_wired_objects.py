"""A wired module may hold anything: wiring touches its functions, classes and markers, and nothing else."""

import sys

import pytest
from dependency_injector import containers, providers

from resourcekit import ConfigurableResource, ResourceContainer


class Database(ConfigurableResource):
    host: str = "localhost"


class App(ResourceContainer):
    database = Database()


class Untouchable:
    """Raises whatever is asked of it, as a lazy object does outside of its request."""

    def __getattribute__(self, name):
        raise RuntimeError(f"asked for {name}")

    def __eq__(self, other):
        raise RuntimeError("compared")

    def __hash__(self):
        raise RuntimeError("hashed")

    def __bool__(self):
        raise RuntimeError("taken for a truth value")

    def __repr__(self):
        raise RuntimeError("shown")

    def __set_name__(self, owner, name):
        """Nothing: Python calls it for what a class body holds."""


class Descriptor:
    """An attribute of a class that opens something when it is read, as those of some ORMs do."""

    def __get__(self, instance, owner):
        raise RuntimeError("read")


class Lazy:
    """Loads when it is asked for its class, as Django's `SimpleLazyObject` does."""

    loaded = False

    @property
    def __class__(self):
        Lazy.loaded = True
        raise RuntimeError("loaded")


SOURCE = """
    from unittest import mock
    from tests.container.test_wired_objects import App, Descriptor, Lazy, Untouchable

    untouchable = Untouchable()
    descriptor = Descriptor()
    lazy = Lazy()
    anything = mock.MagicMock()
    call = mock.call
    text, nothing, numbers = "text", None, [1, 2]
    later: Untouchable() = 3

    def __getattr__(name):
        raise RuntimeError(f"asked for {name}")

    def __dir__():
        raise RuntimeError("listed")

    class Refusing(type):
        def __getattr__(cls, name):
            raise RuntimeError(f"asked for {name}")

    class View(metaclass=Refusing):
        untouchable = Untouchable()
        descriptor = Descriptor()
        lazy = Lazy()
        anything = mock.Mock()
        made = Provider["database"]

        @property
        def read(self):
            raise RuntimeError("read")

        @inject
        def index(self, database=Provide["database"]):
            return database

        @classmethod
        def of_class(cls, database=Provide["database"]):
            return database

        @staticmethod
        @inject
        def static(database=Provide[App.database]):
            return database

    @inject
    def index(database=Provide["database"]):
        return database
"""


def wired_results(module):
    """What each wired function of the module gives."""
    view = module.View
    return [module.index(), view().index(), view.of_class(), view.static(), view.made()]


@pytest.mark.parametrize("options", [{"modules": ["web.views"]}, {"packages": ["web"]}])
def test_a_module_with_objects_that_raise(package, options):
    """A module with lazy objects, mocks, descriptors and a `__getattr__` is wired and unwired without touching them."""
    views = package("web.views", web__views=SOURCE)
    app = App()
    app.wire(**options)
    app.wire(**options)
    with app.run() as resources:
        assert wired_results(views) == [resources.database] * 5
    app.unwire()
    assert views.index().provider == "database"
    assert views.View().index().provider == "database"
    assert type(vars(views.View)["made"]).__name__ == "Provider"
    assert not Lazy.loaded
    assert vars(views)["anything"].mock_calls == []


def test_a_lazy_object_beside_a_marker_that_is_unresolved(package):
    """Looking for markers that nothing has resolved touches them no more than wiring does."""
    views = package("web.views", web__views=SOURCE + "\n    @inject\n    def lost(it=Provide['lost']): ...\n")
    app = App()
    app.wire(modules=[views])
    with pytest.raises(TypeError, match="lost"):
        views.lost()


def test_werkzeug_and_django(package):
    """`flask.request`, `flask.g`, Django's settings and lazy texts in a module are left alone."""
    pytest.importorskip("flask")
    pytest.importorskip("django")
    views = package(
        "web.views",
        web__views="""
            from django.conf import settings
            from django.utils.functional import SimpleLazyObject
            from django.utils.translation import gettext_lazy
            from flask import current_app, g, request, session

            user = SimpleLazyObject(lambda: 1 / 0)
            title = gettext_lazy("title")

            @inject
            def index(database=Provide["database"]):
                return database
        """,
    )
    app = App()
    app.wire(modules=[views])
    with app.run() as resources:
        assert views.index() is resources.database
    app.unwire()


def test_wired_after_and_before_a_plain_container(package):
    """A plain container of dependency-injector's wires the same module, before and after ours."""

    class Plain(containers.DeclarativeContainer):
        answer = providers.Object(42)

    views = package(
        "views",
        views="""
            class View:
                @inject
                def index(self, answer=Provide["answer"], database=Provide["database"]):
                    return answer, database
        """,
    )
    for order in ((Plain(), App()), (App(), Plain())):
        for container in order:
            container.wire(modules=[views])
        app = next(each for each in order if isinstance(each, App))
        with app.run() as resources:
            assert views.View().index() == (42, resources.database)
        app.unwire()


def test_what_a_class_inherits(package):
    """Functions that a class inherits are wired: of its own module in the base, of another module in the class."""
    package("elsewhere", elsewhere="class Far:\n    def far(self, it=Provide['database']): return it\n")
    views = package(
        "views",
        views="""
            import elsewhere

            class Base(elsewhere.Far):
                @inject
                def near(self, it=Provide["database"]):
                    return it

                @classmethod
                def of_class(cls, it=Provide["database"]):
                    return cls, it

                def hidden(self, it=Provide["database"]):
                    return it

            class View(Base):
                hidden = None
        """,
    )
    app = App()
    app.wire(modules=[views])
    with app.run() as resources:
        view = views.View()
        assert [view.near(), view.far(), views.Base().hidden()] == [resources.database] * 3
        assert view.of_class() == (views.View, resources.database)
        assert view.hidden is None
    assert {*vars(views.View)}.isdisjoint({"near", "of_class"})
    assert sys.modules["elsewhere"].Far().far().provider == "database"


def test_markers_in_annotations_of_attributes(package):
    """`Annotated[..., Provide[...]]` of a module's or a class's attribute gives it the object."""
    views = package(
        "views",
        views="""
            from typing import Annotated

            answer: Annotated[int, "a note", Provide["answer"]]
            plain: Annotated[int, "a note"] = 1

            class View:
                answer: Annotated[int, Provide["answer"]]
        """,
    )
    app = ResourceContainer.of({"answer": 42})
    app.wire(modules=[views])
    assert (views.answer, views.View.answer, views.plain) == (42, 42, 1)
    app.unwire()
    assert views.answer.provider == "answer"
