"""Notices what hangs: work that a thread has in hand, and that shows no sign of life any more.

A clock alone would be wrong after the machine has slept or the process was paused: everything would seem to hang. So
the watchdog adds up the time between its own looks, and a look that comes late counts as little as the next ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

LOOKS = 8
"""In the time after which something is said to hang."""


@dataclass(frozen=True)
class _Seen:
    sign: Hashable
    silent: float


class Watchdog:
    """Looks every now and then at what is in hand.

    Args:
        seconds: without a sign of life until something is said to hang.
        clock: gives seconds.

    Attributes:
        every: how many seconds there should be between two looks.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.every = seconds / LOOKS
        self._clock = clock
        self._looked = clock()
        self._seen: dict[Hashable, _Seen] = {}

    def look(self, in_hand: Mapping[Hashable, Hashable]) -> list[Hashable]:
        """What hangs.

        Args:
            in_hand: what is being done, and a sign of each that changes whenever it gets on.
        """
        now = self._clock()
        passed, self._looked = min(now - self._looked, 2 * self.every), now
        self._seen = {what: self._at(what, sign, passed) for what, sign in in_hand.items()}
        return [what for what, seen in self._seen.items() if seen.silent >= self.seconds]

    @property
    def silence(self) -> float:
        """For how many seconds something had shown no sign of life at the last look."""
        return max((seen.silent for seen in self._seen.values()), default=0.0)

    def _at(self, what: Hashable, sign: Hashable, passed: float) -> _Seen:
        before = self._seen.get(what)
        return _Seen(sign, before.silent + passed if before is not None and before.sign == sign else 0.0)
