"""How much the devices have computed lately, from totals that only grow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.inference.status import WorkerStatus

EVERY_SECONDS = 30.0
"""Between two samples."""
KEPT_SECONDS = 3600.0


@dataclass(frozen=True)
class Totals:
    """The work of all devices since their start, at a moment by this process's clock."""

    when: float
    batches: int
    rows: int
    tokens: int
    padded_tokens: int
    busy_seconds: float


@dataclass(frozen=True)
class Throughput:
    """The work of some time.

    Attributes:
        seconds: how long a time.
        busy_seconds: of all devices together.
    """

    seconds: float
    batches: int
    rows: int
    tokens: int
    padded_tokens: int
    busy_seconds: float

    @property
    def rows_per_batch(self) -> float | None:
        """The mean size of a batch; None if there was none."""
        return self.rows / self.batches if self.batches else None

    @property
    def tokens_per_second(self) -> float | None:
        """Of a device while it computes; None if none did."""
        return self.tokens / self.busy_seconds if self.busy_seconds > 0 else None

    @property
    def waste(self) -> float | None:
        """The share of padding, 0 to 1; None if nothing was computed."""
        return 1 - self.tokens / self.padded_tokens if self.padded_tokens else None


class Samples:
    """Totals of the last hour, one each half minute at most. They are taken when something happens, by no timer."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._samples: deque[Totals] = deque(maxlen=int(KEPT_SECONDS / EVERY_SECONDS) + 2)

    def take(self, read: Callable[[], WorkerStatus | None]) -> None:
        """Take a sample of what `read` returns, unless the last one is new."""
        now = self._now()
        if self._samples and now - self._samples[-1].when < EVERY_SECONDS:
            return
        if (status := read()) is not None:
            self._samples.append(_totals(status, now))

    def lately(self, status: WorkerStatus) -> Throughput:
        """Return the work of the last hour, or since the first sample."""
        now = self._now()
        while len(self._samples) > 1 and now - self._samples[1].when >= KEPT_SECONDS:
            self._samples.popleft()
        last = _totals(status, now)
        first = self._samples[0] if self._samples else last
        if first.batches > last.batches or first.tokens > last.tokens:  # another machine has begun anew
            self._samples.clear()
            first = Totals(now, 0, 0, 0, 0, 0.0)
        return Throughput(
            now - first.when,
            last.batches - first.batches,
            last.rows - first.rows,
            last.tokens - first.tokens,
            last.padded_tokens - first.padded_tokens,
            last.busy_seconds - first.busy_seconds,
        )


def _totals(status: WorkerStatus, now: float) -> Totals:
    busy = sum(one.busy_seconds for one in status.devices)
    return Totals(now, status.batches, status.rows, status.tokens, status.padded_tokens, busy)
