"""Leaving a run or an app that is left already, or was never entered."""

import pytest

from resourcekit import ConfigurableResource, ResourceContainer, RunStateError

LEFT: list[str] = []


class Clock(ConfigurableResource):
    """Notes its teardown."""

    def teardown_after_execution(self):
        LEFT.append("run")


class Shared(ConfigurableResource, scope="app"):
    """The same for the app."""

    def teardown_after_execution(self):
        LEFT.append("app")


class App(ResourceContainer):
    clock = Clock()
    shared = Shared()


BLOCKS = pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: App().run("clock"), r"this run is not open: it has ended already \((success|failed)\)"),
        (lambda: App().run("clock", report=True), r"this run is not open: it has ended already \((success|failed)\)"),
        (App, "this container is not started"),
    ],
    ids=["generated", "machine", "app"],
)


async def left(block, is_async, error=None):
    """Leave a block by hand."""
    arguments = (None if error is None else type(error), error, None)
    if is_async:
        await block.__aexit__(*arguments)
    else:
        block.__exit__(*arguments)


@BLOCKS
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("first", [None, LookupError()], ids=["success", "failure"])
@pytest.mark.anyio
async def test_leaving_twice(make, told, is_async, first):
    """The second time is an error that says so, and tears nothing down again; where an exception is on its way, that
    goes on, and is not hidden by ours."""
    LEFT.clear()
    block = make()
    await block.__aenter__() if is_async else block.__enter__()
    await left(block, is_async, first)
    assert len(LEFT) == 1
    with pytest.raises(RunStateError, match=told):
        await left(block, is_async)
    await left(block, is_async, ValueError())
    assert len(LEFT) == 1


@BLOCKS
@pytest.mark.anyio
async def test_leaving_what_was_never_entered(make, told):
    """It is an error that says so."""
    told = told if "container" in told else "this run is not open: it was never opened"
    with pytest.raises(RunStateError, match=told):
        make().__exit__(None, None, None)
    with pytest.raises(RunStateError, match=told):
        await make().__aexit__(None, None, None)
    make().__exit__(ValueError, ValueError(), None)
