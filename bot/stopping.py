"""SIGINT (Ctrl-C) and SIGTERM, as an event that can be waited for."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that a signal to stop sets. As long as the body runs, further signals do no harm.

    Handlers of `signal.signal`, because unlike a loop's they are there on Windows too, and what was there before can
    be put back: `asyncio.run` has its own handler.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def until_stopped(stop: asyncio.Event, work: asyncio.Task[None]) -> None:
    """Wait for the signal, or for the end of the work, whose error is raised."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if work.done():
        work.result()
