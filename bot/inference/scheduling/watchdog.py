"""Notices threads that hang: those without a heartbeat for too long.

A clock alone would be wrong after the machine has slept or the process was paused, because everything would seem to
hang. So the watchdog adds up the time between its own checks, and a late check counts no more than two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

CHECKS = 8
"""Within the time after which something hangs."""


@dataclass(frozen=True)
class _Seen:
    heartbeat: Hashable
    silent: float


class Watchdog:
    """Compares heartbeats.

    Args:
        seconds: without a heartbeat, after which something hangs.
        clock: returns seconds.

    Attributes:
        every: how many seconds there should be between two checks.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.every = seconds / CHECKS
        self._clock = clock
        self._checked = clock()
        self._seen: dict[Hashable, _Seen] = {}

    def check(self, heartbeats: Mapping[Hashable, Hashable]) -> list[Hashable]:
        """Return what hangs.

        Args:
            heartbeats: by what is running; each changes whenever it makes progress.
        """
        now = self._clock()
        passed, self._checked = min(now - self._checked, 2 * self.every), now
        self._seen = {what: self._at(what, heartbeat, passed) for what, heartbeat in heartbeats.items()}
        return [what for what, seen in self._seen.items() if seen.silent >= self.seconds]

    @property
    def silence(self) -> float:
        """The longest time in seconds without a heartbeat, at the last check."""
        return max((seen.silent for seen in self._seen.values()), default=0.0)

    def _at(self, what: Hashable, heartbeat: Hashable, passed: float) -> _Seen:
        before = self._seen.get(what)
        silent = before.silent + passed if before is not None and before.heartbeat == heartbeat else 0.0
        return _Seen(heartbeat, silent)
