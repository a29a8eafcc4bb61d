"""Forks of this very process, in places where what is open is not the current run, or a loop has to be asked."""

import contextvars
import os

import pytest

from resourcekit import ConfigurableResource, ResourceContainer, RunStateError
from tests.forked import in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


class Late(ConfigurableResource):
    """Is set up after a fork of its own."""

    def setup_for_execution(self):
        told.append("late")


told: list[str] = []


class Splitting(ConfigurableResource):
    """Returns twice: once in the parent, once in a child that does not know of the run."""

    def setup_for_execution(self):
        pids.append(contextvars.Context().run(os.fork))


pids: list[int] = []


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_hook_that_forks_in_another_context():
    """The child sets nothing more up, and its error says that the run is the parent's."""
    pids.clear()
    told.clear()
    try:
        with ResourceContainer.of({"splitting": Splitting(), "late": Late()}).run(report=True):
            assert pids[0]
    except RunStateError as error:
        os._exit(0 if pids == [0] and "forked" in str(error) and told == [] else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 0
    assert told == ["late"]


class Streaming(ConfigurableResource):
    """Has an asynchronous generator open."""

    async def yield_for_execution(self):
        try:
            yield
        finally:
            ended.append(os.getpid())


ended: list[int] = []


@pytest.mark.anyio
async def test_an_async_generator_in_a_loop_that_goes_on_in_the_child():
    """Neither asyncio nor trio closes the parent's generators in the child."""
    ended.clear()
    async with ResourceContainer.of({"streaming": Streaming()}).run():
        assert in_child(lambda: ended) == []
    assert ended == [os.getpid()]
