"""One measurement: what was done, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import chain

import numpy as np


@dataclass(frozen=True)
class Padding:
    """What the device has computed.

    Attributes:
        batches: forward passes; each step of a generation is one.
        rows: sequences in them.
        tokens: of the rows, without padding.
        padded_tokens: with it.
    """

    batches: int
    rows: int
    tokens: int
    padded_tokens: int

    @property
    def mean_batch(self) -> float:
        """Rows in a batch, on average."""
        return self.rows / max(1, self.batches)

    @property
    def waste(self) -> float:
        """The share of padding among all tokens that were computed, 0 to 1."""
        return 1 - self.tokens / self.padded_tokens if self.padded_tokens else 0.0


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


def joined(turns: Sequence[Turn]) -> Turn:
    """Turns of one contender, one after the other, as a single one."""
    tokens = [turn.tokens for turn in turns if turn.tokens is not None]
    padding = [turn.padding for turn in turns if turn.padding is not None]
    return Turn(
        requests=sum(turn.requests for turn in turns),
        seconds=sum(turn.seconds for turn in turns),
        latencies=tuple(chain.from_iterable(turn.latencies for turn in turns)),
        lags=tuple(chain.from_iterable(turn.lags for turn in turns)),
        tokens=sum(tokens) if tokens else None,
        failures=sum(turn.failures for turn in turns),
        padding=Padding(*map(sum, zip(*map(astuple, padding), strict=True))) if padding else None,
    )


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value that so many per cent are below; None where there are no values."""
    return float(np.percentile(values, percent)) if values else None
