"""Simulated people in a closed loop: each asks, waits for the answer, and asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.benchmark.lag import event_loop_lag
from bot.benchmark.turn import Turn
from bot.errors import GlassboxError
from bot.inference.requests import Request

Ask = Callable[[Request[Any], int], Awaitable[object]]
"""Have one request of one person answered."""


async def closed_loop(ask: Ask, requests: Sequence[Request[Any]], users: int) -> Turn:
    """Have all requests answered, by so many people who have one request each at any time.

    The time runs until the last answer, so what is slow to drain counts.
    """
    supply = iter(requests)
    latencies: list[float] = []
    failures = 0

    async def user(person: int) -> None:
        nonlocal failures
        for request in supply:
            began = time.perf_counter()
            try:
                await ask(request, person)
            except GlassboxError:
                failures += 1
            else:
                latencies.append(time.perf_counter() - began)

    async with event_loop_lag() as lags:
        began = time.perf_counter()
        await asyncio.gather(*(user(person) for person in range(users)))
        seconds = time.perf_counter() - began
    return Turn(len(requests), seconds, tuple(latencies), tuple(lags), failures=failures)
