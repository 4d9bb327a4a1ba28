"""People who write at a pace: each thinks, asks, reads the answer, and thinks again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from bot.benchmark.load import Ask
from bot.errors import GlassboxError
from bot.inference.requests import Request


@dataclass(frozen=True)
class Aim:
    """What people expect, and how long they are watched.

    Attributes:
        pace: seconds from an answer to the next request of the same person, on average.
        within: seconds in which 95 of 100 answers must come.
        seconds: how long people ask, in one run.
    """

    pace: float = 60.0
    within: float = 2.0
    seconds: float = 60.0

    def requests(self, people: int) -> int:
        """Return how many requests so many people have in a run at the very most (beyond six standard deviations)."""
        mean = people * self.seconds / self.pace
        return math.ceil(mean + 6 * math.sqrt(mean)) + 10


@dataclass(frozen=True)
class PacedRun:
    """The requests of some people.

    Attributes:
        seconds: how long people asked.
        latencies: seconds of each answered request.
        unanswered: requests that were refused, or whose answer had not come `Aim.within` seconds after the end.
    """

    people: int
    seconds: float
    latencies: tuple[float, ...]
    unanswered: int

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.seconds

    @property
    def under_way(self) -> float:
        """Return how many requests were under way at a time, on average (Little's law)."""
        return sum(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the seconds within which so many of 100 were answered; infinity if that many were not."""
        waits = [*sorted(self.latencies), *[math.inf] * self.unanswered]
        return waits[max(0, math.ceil(len(waits) * percent / 100) - 1)] if waits else 0.0


async def paced(ask: Ask, requests: Iterable[Request[object]], people: int, aim: Aim, seed: int = 0) -> PacedRun:
    """Have people ask for `aim.seconds`, each at the pace. How long they think is exponentially distributed.

    So from the first second on, they ask as people do who have been there for long. Answers that come late are not
    waited for longer than `aim.within`, and are cancelled.

    Args:
        requests: enough of them, see `Aim.requests`.
    """
    supply, state = iter(requests), random.Random(seed)
    asked, latencies = 0, list[float]()

    async def person(number: int) -> None:
        nonlocal asked
        left = aim.seconds
        while (thinks := state.expovariate(1 / aim.pace)) <= left:
            await asyncio.sleep(thinks)
            asked += 1
            began = time.perf_counter()
            try:
                await ask(next(supply), number)
            except GlassboxError:
                pass
            else:
                latencies.append(time.perf_counter() - began)
            left -= thinks + time.perf_counter() - began

    crowd = [asyncio.create_task(person(number)) for number in range(people)]
    done, late = await asyncio.wait(crowd, timeout=aim.seconds + aim.within)
    for one in late:
        one.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for one in done:
        one.result()
    return PacedRun(people, aim.seconds, tuple(latencies), asked - len(latencies))
