"""One measurement of a contender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import chain

from bot.benchmark import load


@dataclass(frozen=True)
class Padding:
    """The device's work.

    Attributes:
        batches: forward passes; each decode step is one.
        tokens: of the rows, without padding.
    """

    batches: int
    rows: int
    tokens: int
    padded_tokens: int

    @property
    def mean_batch(self) -> float:
        """Return the mean number of rows in a batch."""
        return self.rows / max(1, self.batches)

    @property
    def waste(self) -> float:
        """Return the share of padding among all computed tokens, 0 to 1."""
        return 1 - self.tokens / self.padded_tokens if self.padded_tokens else 0.0


@dataclass(frozen=True)
class Run(load.Run):
    """A number of requests, answered by one contender, with details for developers.

    Attributes:
        lags: how many seconds late the event loop was, at each tick.
        padding: None if the contender doesn't count it.
    """

    lags: tuple[float, ...] = ()
    padding: Padding | None = None


def joined(runs: Sequence[Run]) -> Run:
    """Merge consecutive runs of one contender into one."""
    tokens = [run.tokens for run in runs if run.tokens is not None]
    padding = [run.padding for run in runs if run.padding is not None]
    return Run(
        requests=sum(run.requests for run in runs),
        seconds=sum(run.seconds for run in runs),
        latencies=tuple(chain.from_iterable(run.latencies for run in runs)),
        tokens=sum(tokens) if tokens else None,
        failures=sum(run.failures for run in runs),
        lags=tuple(chain.from_iterable(run.lags for run in runs)),
        padding=Padding(*map(sum, zip(*map(astuple, padding), strict=True))) if padding else None,
    )
