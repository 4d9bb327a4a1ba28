"""What the monitor of a bot process has written down, and what it shows."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.growth import Growth, growth

SETTLED = 2_000
"""Interactions after which caches have filled: those of results and of kernels for each shape of a batch."""


@dataclass(frozen=True)
class Held:
    """What a process holds when nobody asks.

    Attributes:
        tasks: how many of each coroutine.
        files: descriptors that are no connections.
    """

    threads: int
    tasks: Counter[str]
    files: int
    connections: int

    @classmethod
    def of(cls, sample: Mapping[str, Any]) -> Held:
        """Read a sample."""
        return cls(len(sample["threads"]), Counter(sample["tasks"]), sample["files"], sample["connections"])

    def leaks_since(self, before: Held) -> list[str]:
        """Return what there is more of than there was before. Idle connections come and go."""
        leaks = [
            f"{what}: {getattr(before, what)} → {getattr(self, what)}"
            for what in ("threads", "files")
            if getattr(self, what) > getattr(before, what)
        ]
        more = self.tasks - before.tasks
        return [*leaks, *(f"tasks: {number} more of {name}" for name, number in more.items())]


class Samples:
    """The lines of a monitor's file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[dict[str, Any]]:
        """Read the samples so far, one for each second."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def held(self) -> Held:
        """Return what the latest sample says."""
        return Held.of(self.all()[-1])


def lags_of(samples: Sequence[dict[str, Any]]) -> list[float]:
    """Return how late the event loop was, in milliseconds, in ascending order."""
    return sorted(lag for one in samples for lag in one["lags"])


def longest_collection(samples: Sequence[dict[str, Any]]) -> float:
    """Return how long garbage collection has held up everything, in milliseconds."""
    return max([0.0, *(float(pause) for one in samples for pause in one["pauses"])])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of sorted values do not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]


def memory_growth(samples: Sequence[dict[str, Any]]) -> Growth:
    """Judge the growth of memory by interactions: from `SETTLED` on if there were twice as many, otherwise of all."""
    points = [(sum(one["ended"].values()), one["memory"]) for one in samples]
    if points[-1][0] >= 2 * SETTLED:
        points = [(ended, memory) for ended, memory in points if ended >= SETTLED]
    first = points[0][0]
    return growth([(ended - first, memory) for ended, memory in points])


def busiest(samples: Sequence[dict[str, Any]], most: int = 8) -> list[tuple[str, int]]:
    """Return what the event loop was doing while it was late, with how often that was seen."""
    return Counter(what for one in samples for what in one["during"]).most_common(most)


def median(values: Sequence[float]) -> float:
    """Return the median; 0 for no values."""
    return statistics.median(values) if values else 0.0
