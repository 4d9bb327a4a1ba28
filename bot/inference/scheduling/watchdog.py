"""Notices threads that hang: those without a heartbeat for too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

CHECKS = 8
"""Checks within the time after which something hangs."""


@dataclass(frozen=True)
class _Seen:
    heartbeat: Hashable
    silent: float


class Watchdog:
    """Compares heartbeats.

    Args:
        seconds: a thread hangs after this long without a heartbeat.
        clock: returns seconds.

    Attributes:
        every: seconds between two checks.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.every = seconds / CHECKS
        self._clock = clock
        self._checked = clock()
        self._seen: dict[Hashable, _Seen] = {}

    def check(self, heartbeats: Mapping[Hashable, Hashable]) -> list[Hashable]:
        """Return the hanging ones of all that run.

        Args:
            heartbeats: each changes with the progress of its thread.
        """
        now = self._clock()
        # A late check counts no more than two: after the machine has slept, everything would seem to hang.
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
