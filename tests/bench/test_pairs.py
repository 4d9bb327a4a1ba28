"""A lone user and a direct call answer the same texts in turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from bot.tasks.sentiment import SentimentRequest
from tests.bench.pairs import alternate, median_interval
from tests.bench.run import Run

REQUESTS = [SentimentRequest(f"Message {number}") for number in range(6)]


class Timed:
    """Somebody who takes so long for each text as is written down, and notes when it was asked."""

    users = 1
    parallel = False

    def __init__(self, seconds: Sequence[float], tokens: Sequence[int | None] = (None,) * 6, *, asked: list[Any]):
        self._seconds, self._tokens, self._asked = seconds, tokens, asked

    async def run(self, requests: Sequence[Any]) -> Run:
        [request] = requests
        self._asked.append((self, request))
        index = REQUESTS.index(request)
        if self._seconds[index] == 0:
            return Run(1, 1.0, failures=1)
        return Run(1, self._seconds[index], (self._seconds[index],), tokens=self._tokens[index])

    async def aclose(self) -> None:
        pass


async def test_each_text_is_asked_of_both_before_the_next() -> None:
    asked: list[Any] = []
    ours = Timed([2.0, 4.0, 6.0, 8.0, 10.0, 12.0], asked=asked)
    theirs = Timed([1.0, 2.0, 3.0, 4.0, 5.0, 12.0], asked=asked)

    pairing = await alternate(ours, theirs, REQUESTS)

    assert [request for _, request in asked] == [request for request in REQUESTS for _ in range(2)]
    assert [who is ours for who, _ in asked[::2]] == [True, False] * 3, "who is first changes"
    assert pairing.ratios == (2.0, 2.0, 2.0, 2.0, 2.0, 1.0)
    assert pairing.ours == Run(6, 42.0, (2.0, 4.0, 6.0, 8.0, 10.0, 12.0))
    assert pairing.theirs.seconds == 27.0


async def test_only_the_same_work_is_compared() -> None:
    ours = Timed([1.0] * 6, [5, 5, 5, 5, 5, 5], asked=[])
    theirs = Timed([2.0, 2.0, 0.0, 2.0, 2.0, 2.0], [5, 4, 5, 5, 5, 5], asked=[])

    pairing = await alternate(ours, theirs, REQUESTS)

    assert pairing.ratios == (0.5,) * 4
    assert pairing.theirs.failures == 1
    assert pairing.ours.tokens == 30


def test_the_interval_holds_the_median_in_about_95_of_100_cases() -> None:
    state = random.Random(0)
    held = 0
    for _ in range(1_000):
        low, high = median_interval([state.lognormvariate(0, 0.3) for _ in range(40)])
        held += low <= 1 <= high
    assert 930 <= held <= 985


def test_few_values_are_all_of_the_interval() -> None:
    assert median_interval([3.0]) == (3.0, 3.0)
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    low, high = median_interval(range(100))
    assert (low, high) == pytest.approx((40, 59), abs=1)
