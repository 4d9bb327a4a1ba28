"""Calls to Discord that are made again where it, or the way to it, is in trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.errors import describe
from bot.replies.faults import fault_of, seconds_asked_for

log = logging.getLogger(__name__)

TRY_SECONDS = 60.0
"""How long one try may take: discord.py waits for as long as a rate limit asks, be it a day."""


async def until_taken(call: Callable[[], Awaitable[object]], *, tries: int, pause: float) -> None:
    """Make a call that does the same however often it is made, until Discord has taken it.

    Args:
        tries: how often at most; discord.py by itself makes each of them up to five times.
        pause: seconds after the first try; each later pause is twice as long, and none is shorter than Discord asks
            for.

    Raises:
        Exception: the last try's error, or the first that no other try can help.
    """
    for further in reversed(range(tries)):
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await call()
        except Exception as error:
            if not further or not fault_of(error).may_pass:
                raise
            log.info("Discord has not taken something yet: %s", describe(error))
            await asyncio.sleep(max(pause, seconds_asked_for(error)))
            pause *= 2
        else:
            return
