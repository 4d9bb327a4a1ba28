"""Timers that run in a context of their own.

simcord, on which tests and playground run, holds back the timers of a bot's own contexts while the bot is busy.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable
from typing import Any


async def wait_at_most(future: asyncio.Future[Any], seconds: float, context: contextvars.Context) -> bool:
    """Wait until a future is done, at most so long; return whether it is. Never cancels it.

    Args:
        context: of the timer.
    """
    if future.done():
        return True
    timer = context.run(asyncio.get_running_loop().create_task, asyncio.sleep(seconds))
    waited: tuple[Awaitable[Any], ...] = (timer, future)
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
    finally:
        timer.cancel()
    return future.done()
