"""What has happened in the last hour, minute by minute, in a memory that does not grow."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MINUTES = 60
SHORTEST, LONGEST = 0.005, 900.0
"""Seconds of an answer. Discord forgets an interaction after 15 minutes."""
ACCURACY = 0.05
"""How far a quantile may be off, as a share of itself."""
_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_BINS = math.ceil(math.log(LONGEST / SHORTEST) / math.log(_GROWTH)) + 1
_MIDDLES = SHORTEST * _GROWTH ** np.arange(_BINS) * (1 - ACCURACY)
MOST_KINDS = 100
"""Kinds of errors that are told apart: classes of exceptions, of which there are few."""
OTHERS = "others"


@dataclass(frozen=True)
class Failures:
    """The errors of one kind in the last hour.

    Attributes:
        last: when the last one was, in seconds since 1970.
    """

    kind: str
    number: int
    last: float


@dataclass(frozen=True)
class Latencies:
    """How long people waited for their answers, by minute, the oldest first; NaN for a minute without answers.

    Attributes:
        p50: seconds; half of the answers were quicker.
        p95: seconds; one in twenty was slower.
        answers: their number.
        overall: p50 and p95 of the whole hour.
    """

    p50: tuple[float, ...]
    p95: tuple[float, ...]
    answers: tuple[int, ...]
    overall: tuple[float, float]


class LastHour:
    """Histograms of answering times and counts of errors, one for each of the last 60 minutes.

    The bins grow by a constant factor, so that every quantile is within 5 % of the true one, as in DDSketch (Masson,
    Rim, Lee 2019, arXiv:1908.10693); 60 of them take 66 kB.

    Args:
        now: seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._counts: npt.NDArray[np.int64] = np.zeros((MINUTES, _BINS), dtype=np.int64)
        self._minute = int(now() // 60)
        self._errors: list[Counter[str]] = [Counter() for _ in range(MINUTES)]
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()  # a database fails on a thread of its own

    def answered(self, seconds: float) -> None:
        """Count an answer."""
        exponent = math.log(max(seconds, SHORTEST) / SHORTEST) / math.log(_GROWTH)
        with self._lock:
            self._counts[self._turn(), min(math.ceil(exponent), _BINS - 1)] += 1

    def failed(self, kind: str) -> None:
        """Count an error.

        Args:
            kind: the name of its class, or another word of ours; never somebody's text.
        """
        with self._lock:
            errors = self._errors[self._turn()]
            if kind not in self._last and len(self._last) >= MOST_KINDS:
                kind = OTHERS
            errors[kind] += 1
            self._last[kind] = self._now()

    @property
    def latencies(self) -> Latencies:
        """The answering times, the current minute last."""
        with self._lock:
            row = self._turn()
            counts = np.roll(self._counts, -row - 1, axis=0)
        p50, p95 = ([_quantile(minute, share) for minute in counts] for share in (0.5, 0.95))
        whole = counts.sum(axis=0)
        answers = tuple(int(number) for number in counts.sum(axis=1))
        return Latencies(tuple(p50), tuple(p95), answers, (_quantile(whole, 0.5), _quantile(whole, 0.95)))

    @property
    def failures(self) -> list[Failures]:
        """The errors, the most frequent first."""
        with self._lock:
            self._turn()
            total = _kinds(self._errors)
            return [Failures(kind, number, self._last[kind]) for kind, number in total.most_common()]

    def _turn(self) -> int:
        """Empty the minutes that are over an hour old, and return the row of the current one."""
        minute = int(self._now() // 60)
        for passed in range(self._minute + 1, min(minute, self._minute + MINUTES) + 1):
            # After a long pause each row is emptied once, whichever minute it was.
            self._counts[passed % MINUTES] = 0
            self._errors[passed % MINUTES].clear()
        if minute > self._minute:
            self._minute = minute
            kept = _kinds(self._errors)
            self._last = {kind: last for kind, last in self._last.items() if kind in kept}
        return self._minute % MINUTES


def _kinds(errors: list[Counter[str]]) -> Counter[str]:
    return sum(errors, Counter())


def _quantile(counts: npt.NDArray[np.int64], share: float) -> float:
    """Return a quantile of a histogram; NaN if it is empty."""
    total = int(counts.sum())
    if not total:
        return math.nan
    rank = math.ceil(share * total)  # the nearest one: of two answers, p95 is the slower
    return float(_MIDDLES[int(np.searchsorted(np.cumsum(counts), rank))])
