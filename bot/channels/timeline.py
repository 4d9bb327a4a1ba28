"""A period in equal parts, whose length is one that people have a word for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from bot.locales.numbers import month, short_day

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 7 * 86_400
LENGTHS: tuple[int, ...] = (
    *(10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, WEEK, 2 * WEEK, 4 * WEEK, 8 * WEEK, 13 * WEEK),
    *(26 * WEEK, 52 * WEEK),
)
"""Seconds of a part."""
FEWEST, MOST = 6, 24
"""Parts of a period, if its messages suffice."""
MESSAGES_A_PART = 10
"""On average, so that a part says something."""
_MONDAY = 4 * DAY  # 1970 began on a Thursday


@dataclass(frozen=True)
class Timeline:
    """The parts of a period.

    Attributes:
        start: of the first part, in seconds since 1970.
        length: of each part, in seconds.
        parts: how many.
    """

    start: float
    length: int
    parts: int

    @classmethod
    def of(cls, times: Sequence[float]) -> Timeline:
        """Return the timeline of some moments: as many parts as their number allows, but no more than `MOST`."""
        first, last = min(times), max(times)
        most = min(MOST, max(FEWEST, len(times) // MESSAGES_A_PART))
        for length in LENGTHS:
            start = _aligned(first, length)
            parts = int((last - start) // length) + 1
            if parts <= most:
                break
        else:  # decades in one channel: Discord is younger
            length = math.ceil((last - first + 1) / most)
            start, parts = first, most
        return cls(start, length, parts)

    @property
    def end(self) -> float:
        """The end of the last part."""
        return self.start + self.parts * self.length

    def part_of(self, times: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return the numbers of the parts that some moments are in."""
        part: npt.NDArray[np.int64] = np.floor((times - self.start) / self.length).astype(np.int64)
        return np.clip(part, 0, self.parts - 1)

    def share(self, when: float) -> float:
        """Return a moment as a share of the whole: 0 is the start, 1 the end."""
        return (when - self.start) / (self.end - self.start)

    @property
    def borders(self) -> list[float]:
        """The starts of all parts, and the end of the last one."""
        return [self.start + index * self.length for index in range(self.parts + 1)]

    def label(self, when: float) -> str:
        """Write a moment, in UTC, as exactly as the timeline needs."""
        moment = datetime.fromtimestamp(when, UTC)
        date = short_day(moment)
        if self.length < MINUTE:
            return f"{moment:%H:%M:%S}"
        if self.end - self.start <= DAY:
            return f"{moment:%H:%M}"
        if self.length < DAY:
            return f"{date} {moment:%H:%M}" if self.end - self.start <= 3 * DAY else date
        return date if self.end - self.start <= 300 * DAY else month(moment)


def _aligned(when: float, length: int) -> float:
    """Return the last multiple of a length before a moment; weeks begin on Mondays, in UTC."""
    shift = _MONDAY if length % WEEK == 0 else 0
    return (when - shift) // length * length + shift
