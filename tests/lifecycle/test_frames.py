"""A run that has ended keeps nothing of a body that failed: no frame, and no cycle, unless the body itself has the run
(whose report has the error)."""

import gc
from weakref import ref

import pytest
from dependency_injector import providers

from resourcekit import ConfigurableResource, ResourceContainer

LOCALS: list[ref[object]] = []


class Keeping(ConfigurableResource):
    """Keeps its context."""

    def setup_for_execution(self, context):
        self._context = context

    def teardown_after_execution(self, context): ...


class Yielding(ConfigurableResource):
    """The same with a generator."""

    def yield_for_execution(self, context):
        self._context = context
        yield


class SharedKeeping(Keeping, scope="app"):
    """The same for the app."""


class App(ResourceContainer):
    keeping = Keeping()
    yielding = Yielding()
    shared = SharedKeeping()


class Local:
    """A local variable of a body."""


def body(keeping: Keeping, yielding: Yielding):
    """Fails."""
    local = Local()
    LOCALS.append(ref(local))
    raise LookupError


async def abody(keeping: Keeping, yielding: Yielding):
    """Fails as well."""
    body(keeping, yielding)


def in_block(make):
    """The body in a block."""
    with make() as given:
        body(given, given)


async def in_async_block(make):
    """The body in an async block."""
    async with make() as given:
        body(given, given)


app = App()
SYNC = {
    "run": lambda: in_block(app.run),
    "machine": lambda: in_block(lambda: app.run(report=True)),
    "app": lambda: in_block(lambda: app),
    "call": lambda: app.call(body),
    "inject": app.inject(body),
}
ASYNC = {
    "run": lambda: in_async_block(app.run),
    "machine": lambda: in_async_block(lambda: app.run(report=True)),
    "app": lambda: in_async_block(lambda: app),
    "acall": lambda: app.acall(abody),
    "inject": app.inject(abody),
}


@pytest.fixture(autouse=True)
def uncollected():
    """Nothing is collected but by counting."""
    gc.collect()
    gc.disable()
    LOCALS.clear()
    yield
    gc.enable()


@pytest.mark.parametrize("way", SYNC)
def test_a_body_that_fails(way):
    """Its variables go when its exception does."""
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            SYNC[way]()
        del caught
        assert [each() for each in LOCALS] == [None] * len(LOCALS)


def test_a_body_that_fails_in_a_run_of_nested_containers():
    """The views of nested containers let go of it as well."""

    class Outer(ResourceContainer):
        inner = providers.Container(App)

    outer = Outer()
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            fail_inside(outer)
        del caught
        assert [each() for each in LOCALS] == [None] * len(LOCALS)


def fail_inside(outer):
    """A body that holds a view, and one of a nested container."""
    with outer.run() as resources:
        inner = resources.inner
        body(inner.keeping, inner.yielding)


@pytest.mark.parametrize("way", ASYNC)
@pytest.mark.anyio
async def test_an_async_body_that_fails(way):
    """The same in async code."""
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            await ASYNC[way]()
        del caught
        assert [each() for each in LOCALS] == [None] * len(LOCALS)
