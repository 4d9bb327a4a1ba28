"""Two contenders that answer the same texts in turn, one text at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.inference.requests import Request
from tests.bench.contender import Contender
from tests.bench.run import Run, joined

NORMAL_95 = 1.96


@dataclass(frozen=True)
class Pairing:
    """The same texts, answered by two contenders.

    Attributes:
        ratios: our latency divided by theirs, of each text that both have answered with the same work.
    """

    ours: Run
    theirs: Run
    ratios: tuple[float, ...]


async def alternate(ours: Contender, theirs: Contender, requests: Sequence[Request[object]]) -> Pairing:
    """Have both answer each request before the next one; they take turns at being first."""
    # A machine's speed drifts by more than the difference to be measured. Within a second it hardly does, so the median
    # of the texts' ratios is known far better than two medians of latencies.
    pairs: list[tuple[Run, Run]] = []
    for number, request in enumerate(requests):
        if number % 2:
            their_run = await theirs.run([request])
            pairs.append((await ours.run([request]), their_run))
        else:
            our_run = await ours.run([request])
            pairs.append((our_run, await theirs.run([request])))
    return Pairing(
        joined([one for one, _ in pairs]),
        joined([other for _, other in pairs]),
        tuple(one.latencies[0] / other.latencies[0] for one, other in pairs if _comparable(one, other)),
    )


def _comparable(one: Run, other: Run) -> bool:
    """Return whether both have answered, and sampled texts are of equal length."""
    return bool(one.latencies and other.latencies) and one.tokens == other.tokens


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the median, for any distribution: two of the sorted values.

    With fewer than six values, it spans all of them and is less certain.

    Source: Conover: Practical Nonparametric Statistics, 1999, confidence interval for a quantile.
    """
    ordered = sorted(values)
    outside = max(0, math.floor(len(ordered) / 2 - NORMAL_95 * math.sqrt(len(ordered)) / 2))
    return ordered[outside], ordered[-1 - outside]
