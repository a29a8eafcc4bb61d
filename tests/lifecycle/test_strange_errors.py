"""Exceptions that are unlike others, StopIteration for one, surface as themselves, and the hooks hear of them."""

import threading

import pytest

from resourcekit import ConfigurableResource, ConfigurableResourceFactory, ResourceContainer, TeardownError
from tests.faults import Abort, Falsy, Halt

OPTIONS = pytest.mark.parametrize("options", [{}, {"report": True}, {"concurrent": True}], ids=str)
STOPS = pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration, GeneratorExit])


class Raising(ConfigurableResource):
    """Raises where it is told to."""

    error: object
    where: str

    def setup_for_execution(self):
        self._reach("set-up")

    def teardown_after_execution(self):
        self._reach("teardown")

    def _reach(self, where):
        if where == self.where:
            raise self.error


class Manager:
    """A context manager that raises."""

    def __init__(self, error, where):
        self.error = error
        self.where = where

    def __enter__(self):
        if self.where == "set-up":
            raise self.error

    def __exit__(self, *_):
        if self.where == "teardown":
            raise self.error


class Managing(ConfigurableResource):
    """Gives that."""

    error: object
    where: str

    def yield_for_execution(self):
        return Manager(self.error, self.where)


class Creating(ConfigurableResourceFactory[object]):
    """Raises when it creates."""

    error: object
    where: str

    def create_resource(self):
        if self.where == "set-up":
            raise self.error

    def teardown_after_execution(self):
        if self.where == "teardown":
            raise self.error


KINDS = pytest.mark.parametrize("resource", [Raising, Managing, Creating])


@KINDS
@STOPS
@OPTIONS
def test_a_set_up_hook_that_raises_what_ends_iterators(resource, kind, options):
    """It surfaces as itself, and the report has it."""
    error = kind("mine")
    run = ResourceContainer.of({"it": resource(error=error, where="set-up")}).run(**options)
    with pytest.raises(kind) as caught, run:
        pass
    assert caught.value is error
    assert run.report.error is error
    assert "of 'it'" in error.__notes__[0]


@KINDS
@STOPS
@OPTIONS
def test_a_teardown_hook_that_raises_what_ends_iterators(resource, kind, options):
    """It is among the teardown errors as itself; beside an error of the body's too."""
    error = kind("mine")
    app = ResourceContainer.of({"it": resource(error=error, where="teardown")})
    run = app.run(**options)
    with pytest.raises((TeardownError, GeneratorExit)) as caught, run:
        pass
    assert run.report.teardown_errors == (error,)
    assert caught.value is error or caught.value.exceptions == (error,)
    run = app.run(**options)
    with pytest.raises(LookupError), run:
        raise LookupError
    assert run.report.teardown_errors == (error,)


@KINDS
@STOPS
@OPTIONS
@pytest.mark.anyio
async def test_hooks_of_async_runs_that_raise_what_ends_iterators(resource, kind, options):
    """The hooks of an async run are reported alike; Python makes a RuntimeError of a StopIteration that leaves a
    coroutine, as `async with` is, with the StopIteration as its cause."""
    error = kind("mine")
    run = ResourceContainer.of({"it": resource(error=error, where="set-up")}).run(**options)
    with pytest.raises(RuntimeError if kind is StopIteration else kind) as caught:
        async with run:
            pass
    assert error in (caught.value, caught.value.__cause__)
    assert run.report.error is error
    run = ResourceContainer.of({"it": resource(error=error, where="teardown")}).run(**options)
    with pytest.raises((TeardownError, GeneratorExit)):
        async with run:
            pass
    assert run.report.teardown_errors == (error,)


HEARD: list[object] = []


class Hearing(ConfigurableResource):
    """Notes what its teardown hears."""

    def teardown_after_execution(self, context):
        HEARD.append(context.exception)


class HearingApp(Hearing, scope="app"):
    """The same for as long as the app."""


class HearingGenerator(ConfigurableResource, scope="app"):
    """The same with a generator."""

    def yield_for_execution(self):
        try:
            yield
        except BaseException as error:
            HEARD.append(error)
            raise
        HEARD.append(None)


@pytest.mark.parametrize("resource", [Hearing, HearingApp, HearingGenerator])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.anyio
async def test_an_error_that_counts_as_false(resource, is_async):
    """Every teardown hears of it, of a run and of an app."""
    HEARD.clear()
    app, error = ResourceContainer.of({"it": resource()}), Falsy()
    block = app.run() if resource is Hearing else app
    with pytest.raises(Falsy) as caught:
        if is_async:
            async with block:
                raise error
        else:
            with block:
                raise error
    assert caught.value is error
    assert [each is error for each in HEARD] == [True]


@pytest.mark.parametrize("kind", [Halt, ValueError])
def test_what_a_concurrent_start_raises_beside_ctrl_c(kind, caplog):
    """Another exception of the same start is the context of the Ctrl-C, and logged, whatever it is."""
    both = threading.Barrier(2, timeout=60)

    class Failing(ConfigurableResource):
        error: object

        def setup_for_execution(self):
            both.wait()
            raise self.error

    other = kind("other")
    app = ResourceContainer.of({"one": Failing(error=KeyboardInterrupt()), "two": Failing(error=other)})
    with pytest.raises(KeyboardInterrupt) as caught, app.run(concurrent=True):
        pass
    context = caught.value.__context__
    assert isinstance(context, BaseExceptionGroup)
    assert context.exceptions == (other,)
    assert [record.exc_info[1] for record in caplog.records] == [other]


@OPTIONS
def test_ctrl_c_that_is_an_error_too(options):
    """A class that is both counts as Ctrl-C: in a teardown it goes before the body's error, and has it as context."""
    run = ResourceContainer.of({"it": Raising(error=Abort(), where="teardown")}).run(**options)
    body = LookupError()
    with pytest.raises(Abort) as caught, run:
        raise body
    assert caught.value.__context__ is body
    assert run.report.error is body
