"""Repeats the checks."""

import asyncio

from .monitors import Monitor


class Dispatcher:
    """Runs every monitor in turn until it is stopped."""

    def __init__(self, monitors: list[Monitor]) -> None:
        self.monitors = monitors
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        while not self.stopped.is_set():
            await asyncio.gather(*(monitor.check() for monitor in self.monitors))
            await asyncio.sleep(0)
