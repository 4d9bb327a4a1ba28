"""Simulated people in a closed loop: each asks, waits for the answer, and asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.errors import GlassboxError
from bot.inference.requests import Request

Ask = Callable[[Request[object], int], Awaitable[int | None]]
"""Gets the answer to a request of the person with this number; returns the generated tokens if it counts them."""


@dataclass(frozen=True)
class Run:
    """A number of requests, answered by one contender.

    Attributes:
        seconds: from the first request to the last answer, so a slow drain counts.
        latencies: seconds of each answered request; empty if all answers come at once.
        tokens: how many were generated; None if the contender doesn't count them.
        failures: requests that were not answered.
    """

    requests: int
    seconds: float
    latencies: tuple[float, ...] = ()
    tokens: int | None = None
    failures: int = 0

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return (self.requests - self.failures) / self.seconds

    @property
    def token_rate(self) -> float | None:
        """Generated tokens per second."""
        return None if self.tokens is None else self.tokens / self.seconds


async def closed_loop(ask: Ask, requests: Sequence[Request[object]], users: int) -> Run:
    """Ask all requests; each user has one request under way at any time."""
    supply = iter(requests)
    latencies: list[float] = []
    counts: list[int | None] = []

    async def user(person: int) -> None:
        for request in supply:
            began = time.perf_counter()
            try:
                counts.append(await ask(request, person))
            except GlassboxError:
                continue
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(user, range(users)))
    seconds = time.perf_counter() - began
    counted = [tokens for tokens in counts if tokens is not None]
    tokens = sum(counted) if counted else None
    return Run(len(requests), seconds, tuple(latencies), tokens, len(requests) - len(latencies))
