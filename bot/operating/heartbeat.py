"""The heartbeat of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NoReturn

from prometheus_client import CollectorRegistry

from bot.operating.meter import PrometheusMeter

EVERY_SECONDS = 0.5
UNHEALTHY_SECONDS = 2.0
"""A lag with which interactions go unacknowledged: Discord waits three seconds."""
SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Heartbeat:
    """Measures how late the event loop is, twice a second.

    Args:
        now: seconds by a clock that nobody sets.
    """

    def __init__(self, registry: CollectorRegistry, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._observe = PrometheusMeter(registry).histogram(
            "glassbox_event_loop_lag_seconds", "How late a timer of the event loop is.", (), SECONDS
        )
        self._last = 0.0
        self._due: float | None = None

    async def beat(self) -> NoReturn:
        """Measure until this is cancelled."""
        while True:
            self._due = self._now() + EVERY_SECONDS
            await asyncio.sleep(EVERY_SECONDS)
            self._last = max(0.0, self._now() - self._due)
            self._observe((self._last,))

    @property
    def lag(self) -> float:
        """Seconds by which the last beat was late, or by which the next one already is."""
        overdue = 0.0 if self._due is None else self._now() - self._due
        return max(self._last, overdue)

    @property
    def is_healthy(self) -> bool:
        """Whether the event loop keeps up."""
        return self.lag < UNHEALTHY_SECONDS
