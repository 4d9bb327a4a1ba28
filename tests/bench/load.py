"""The closed loop, with the event loop's lag."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from bot.benchmark import load
from bot.benchmark.load import Ask
from bot.inference.requests import Request
from tests.bench.run import Run

INTERVAL = 0.005


async def closed_loop(ask: Ask, requests: Sequence[Request[object]], users: int) -> Run:
    """Ask all requests, as `bot.benchmark.load.closed_loop` does, and watch the event loop."""
    async with event_loop_lag() as lags:
        run = await load.closed_loop(ask, requests, users)
    return Run(**vars(run), lags=tuple(lags))


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
