"""One measurement: what was done, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Padding:
    """What the device has computed.

    Attributes:
        batches: forward passes; each step of a generation is one.
        rows: sequences in them.
        waste: the share of padding among all tokens that were computed, 0 to 1.
    """

    batches: int
    rows: int
    waste: float

    @property
    def mean_batch(self) -> float:
        return self.rows / max(1, self.batches)


@dataclass(frozen=True)
class Turn:
    """A number of requests, answered by one contender.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: seconds of each request that was answered; empty where answers come all at once.
        lags: how many seconds late the event loop was, at each tick.
        tokens: how many were generated; None where none are.
        failures: requests that were not answered.
        padding: None where nobody counts it.
    """

    requests: int
    seconds: float
    latencies: tuple[float, ...] = ()
    lags: tuple[float, ...] = ()
    tokens: int | None = None
    failures: int = 0
    padding: Padding | None = None

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return (self.requests - self.failures) / self.seconds

    @property
    def token_rate(self) -> float | None:
        """Generated tokens a second."""
        return None if self.tokens is None else self.tokens / self.seconds


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value that so many per cent are below; None where there are no values."""
    return float(np.percentile(values, percent)) if values else None
