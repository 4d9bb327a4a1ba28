"""How late the event loop is: a ticker that ought to wake every few milliseconds, and measures when it does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

INTERVAL = 0.005


@contextlib.asynccontextmanager
async def event_loop_lag() -> AsyncIterator[list[float]]:
    """Tick while the body runs; the list receives how many seconds late each tick was."""
    lags: list[float] = []
    ticker = asyncio.create_task(_tick(lags))
    try:
        yield lags
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


async def _tick(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + INTERVAL
        await asyncio.sleep(INTERVAL)
        lags.append(max(0.0, time.perf_counter() - due))
