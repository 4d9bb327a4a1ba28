"""Stopping this process: by SIGINT (Ctrl-C) and SIGTERM, and for good."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from types import FrameType
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_SECONDS = 0.5
"""Signals that are closer together are one: Ctrl-C reaches a process from its terminal, and perhaps from its parent."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def stop_signals(*, second_ends: bool = False) -> Iterator[asyncio.Event]:
    """Yield an event that a signal to stop sets.

    Args:
        second_ends: whether another signal ends the process at once, with status 128 and the signal's number.
            Otherwise further signals do no harm while the body runs.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    first: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.perf_counter()
        first = now if first is None else first
        if second_ends and now - first > SAME_SECONDS:
            log.warning("told to stop once more: the process ends as it is")
            end_process(128 + number)
        loop.call_soon_threadsafe(stop.set)

    # Not `loop.add_signal_handler`: Windows has none, and the handler of `asyncio.run` must be restored.
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def until_stopped(stop: asyncio.Event, *work: asyncio.Task[None]) -> None:
    """Wait for the signal or for the end of any of the work; raise its error."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((*work, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    for one in work:
        if one.done():
            one.result()


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run a coroutine while the body runs, and cancel it at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def end_within(seconds: float, status: int) -> None:
    """End this process after some seconds at the latest, even if something hangs."""
    timer = threading.Timer(seconds, _end_late, (seconds, status))
    timer.daemon = True
    timer.start()


def _end_late(seconds: float, status: int) -> NoReturn:
    log.error("the stop has taken %.0f seconds: the process ends as it is", seconds)
    end_process(status)


def end_process(status: int) -> NoReturn:
    """Flush the log and the output, and end this process at once, without waiting for its threads."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status)
