"""Two contenders who answer the same texts in turn, one text at a time.

A machine's speed drifts by more than what is to be told apart here. What is asked within the same second meets the same
machine, so each text gives a ratio of its own, and their median is known far better than two medians of latencies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.benchmark.contender import Contender
from bot.benchmark.turn import Turn, joined
from bot.inference.requests import Request

NORMAL_95 = 1.96


@dataclass(frozen=True)
class Pairing:
    """The same texts, answered by two.

    Attributes:
        ratios: our latency divided by theirs, of each text that both have answered with the same work.
    """

    ours: Turn
    theirs: Turn
    ratios: tuple[float, ...]


async def alternate(ours: Contender, theirs: Contender, requests: Sequence[Request[Any]]) -> Pairing:
    """Have both answer each request, before the next one; who is first changes from text to text."""
    pairs: list[tuple[Turn, Turn]] = []
    for number, request in enumerate(requests):
        if number % 2:
            their_turn = await theirs.take_turn([request])
            pairs.append((await ours.take_turn([request]), their_turn))
        else:
            our_turn = await ours.take_turn([request])
            pairs.append((our_turn, await theirs.take_turn([request])))
    return Pairing(
        joined([one for one, _ in pairs]),
        joined([other for _, other in pairs]),
        tuple(one.latencies[0] / other.latencies[0] for one, other in pairs if _comparable(one, other)),
    )


def _comparable(one: Turn, other: Turn) -> bool:
    """Whether both have answered, and sampled texts are of equal length."""
    return bool(one.latencies and other.latencies) and one.tokens == other.tokens


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the median, whatever the distribution: two of the sorted values.

    Below six values it is all of them, and less sure.

    Source: Conover: Practical Nonparametric Statistics, 1999, confidence interval for a quantile.
    """
    ordered = sorted(values)
    outside = max(0, math.floor(len(ordered) / 2 - NORMAL_95 * math.sqrt(len(ordered)) / 2))
    return ordered[outside], ordered[-1 - outside]
