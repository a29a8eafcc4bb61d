"""One source, three worlds: the same resources and bodies in a sync run, on asyncio and on trio."""

import inspect
from collections.abc import Callable
from typing import Any

import anyio

from resourcekit import ConfigurableResource
from resourcekit.run.current import current_run

WORLDS = ("sync", "asyncio", "trio")
PHASES = ("setup_for_execution", "create_resource", "teardown_after_execution", "yield_for_execution")


def made_async(function: Any) -> Any:
    """The async twin of a hook: the same steps, with a pause of the event loop before each."""
    if inspect.isgeneratorfunction(function):

        async def generator(self: Any, context: Any) -> Any:
            inner = function(self, context)
            await anyio.sleep(0)
            for item in inner:
                try:
                    yield item
                except BaseException as error:
                    await anyio.sleep(0)
                    for again in _thrown(inner, error):
                        yield again
                else:
                    await anyio.sleep(0)

        return generator

    async def coroutine(self: Any, context: Any) -> Any:
        await anyio.sleep(0)
        return function(self, context)

    return coroutine


def _thrown(inner: Any, error: BaseException) -> Any:
    try:
        again = inner.throw(error)
    except StopIteration:
        return
    yield again


def in_world(world: str, cls: type[ConfigurableResource]) -> Any:
    """*cls* itself for the sync world, a subclass with async hooks for the others."""
    if world == "sync":
        return cls
    hooks = {name: made_async(vars(cls)[name]) for name in PHASES if name in vars(cls)}
    return type(cls)(cls.__name__, (cls,), hooks)


def run_in(world: str, manager: Any, body: Callable[[Any], object]) -> object:
    """Call *body* with what *manager* gives, in a world; gives what comes out, an exception too.

    Whatever that is, the context's current run is afterwards what it was before.
    """

    def main() -> object:
        try:
            with manager as given:
                return body(given)
        except BaseException as error:
            return error

    came: list[object] = []  # Not as what the task gives: asyncio looks at that.

    async def amain() -> None:
        before = current_run()
        try:
            async with manager as given:
                came.append(body(given))
        except BaseException as error:  # Here: neither loop lets all of them through.
            came.append(error)
        finally:
            assert current_run() is before

    before = current_run()
    if world == "sync":
        came.append(main())
    else:
        anyio.run(amain, backend=world)
    assert current_run() is before
    return came[-1]
