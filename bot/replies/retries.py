"""Calls to Discord, repeated until it accepts them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.errors import describe
from bot.replies.discord_errors import outcome_of, retry_after

log = logging.getLogger(__name__)

TRY_SECONDS = 60.0
"""How long a try may take. discord.py itself waits as long as a rate limit asks, even for a day."""


async def until_accepted(call: Callable[[], Awaitable[object]], *, tries: int, pause: float) -> None:
    """Repeat an idempotent call until Discord has accepted it.

    Args:
        tries: at most; discord.py makes up to five requests for each.
        pause: seconds after the first try. Each later one is twice as long, and none is shorter than Discord asks for.

    Raises:
        Exception: the error of the last try, or the first one that no other try can help.
    """
    for further in reversed(range(tries)):
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await call()
        except Exception as error:
            if not further or not outcome_of(error).is_retryable:
                raise
            log.info("Discord has not taken something yet: %s", describe(error))
            await asyncio.sleep(max(pause, retry_after(error)))
            pause *= 2
        else:
            return
