"""Asking the model about a post, and waiting for room in the queue."""

from __future__ import annotations

import asyncio

from bot.errors import ConnectionLost, DeadlinePassed, DeviceFailed, NotResponding, QueueFull, Refused
from bot.inference.backend import Backend
from bot.inference.requests import Answer
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult

TRIES = 8
PAUSE_SECONDS, LONGEST_PAUSE = 2.0, 120.0
"""Before the second try; each later pause is twice as long, up to the longest. Together they last some minutes."""


async def judged(
    backend: Backend, request: ZeroShotRequest, person: int, *, background: bool = False
) -> Answer[ZeroShotResult]:
    """Return the answer to a request about a post. Nobody watches, so a full queue is waited for.

    Raises:
        GlassboxError: it could not be answered, or it was refused for minutes.
    """
    pause = PAUSE_SECONDS
    for further in reversed(range(TRIES)):
        try:
            return await backend.submit(request, person=person, background=background)
        except QueueFull as error:
            if not further:
                raise
            wait = max(pause, error.wait)
        except (Refused, DeadlinePassed, NotResponding, DeviceFailed, ConnectionLost):
            if not further:
                raise
            wait = pause
        await asyncio.sleep(min(wait, LONGEST_PAUSE))
        pause *= 2
    raise AssertionError
