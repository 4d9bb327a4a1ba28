"""SIGINT (Ctrl-C) and SIGTERM, as an event that can be waited for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from types import FrameType
from typing import NoReturn

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


async def until_stopped(stop: asyncio.Event, *work: asyncio.Task[None]) -> None:
    """Wait for the signal, or for the end of any of the work, whose error is raised."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((*work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for one in work:
        if one.done():
            one.result()


@contextlib.asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run something beside the body, and end it with the body."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def end_within(seconds: float, status: int) -> None:
    """End this process at the latest in so many seconds, whatever hangs in it then."""
    timer = threading.Timer(seconds, _end_late, (seconds, status))
    timer.daemon = True
    timer.start()


def _end_late(seconds: float, status: int) -> NoReturn:
    logging.getLogger(__name__).error("the stop has taken %.0f seconds: the process ends as it is", seconds)
    end_process(status)


def end_process(status: int) -> NoReturn:
    """End this process at once, and wait for none of its threads. What was logged and printed is written."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status)
