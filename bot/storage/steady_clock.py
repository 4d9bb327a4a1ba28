"""The time of day, for a process that must not be fooled by a clock that jumps."""

from __future__ import annotations

import time
from collections.abc import Callable

SLIP_SECONDS = 60.0
"""A clock that goes this much wrong at once is set right, as time servers do."""
BELIEVED_SECONDS = 3600.0
"""A jump that has lasted so long was none, such as the sleep of a laptop."""


class SteadyClock:
    """Seconds since 1970. What is too old is deleted by it, so it follows a jump of the system's clock late.

    Args:
        wall: the system's clock, in seconds since 1970.
        elapsed: a clock that nobody sets, in seconds.
    """

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._difference = wall() - elapsed()
        self._doubted: tuple[float, float] | None = None

    def __call__(self) -> float:
        """Return the time."""
        elapsed = self._elapsed()
        difference = self._wall() - elapsed
        if abs(difference - self._difference) <= SLIP_SECONDS:
            self._difference, self._doubted = difference, None
        elif self._doubted is None or abs(difference - self._doubted[0]) > SLIP_SECONDS:
            self._doubted = difference, elapsed
        elif elapsed - self._doubted[1] >= BELIEVED_SECONDS:
            self._difference, self._doubted = difference, None
        return elapsed + self._difference
