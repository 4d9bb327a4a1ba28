"""How often tags were right, with an interval that says how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.forums.record import PostRecord, TagRecord, TagState

Z = 1.959963984540054
"""The quantile of the normal distribution for 95 %."""


@dataclass(frozen=True)
class Share:
    """A share of some cases.

    Attributes:
        hits: cases that count.
        cases: all of them.
    """

    hits: int
    cases: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None without cases."""
        return self.hits / self.cases if self.cases else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the true share, 0 to 1.

        Source: Wilson: Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927). Unlike the
        normal approximation it is honest with few cases, and with shares near 0 and 1.
        """
        if not self.cases:
            return 0.0, 1.0
        share, n = self.hits / self.cases, self.cases
        middle = share + Z * Z / (2 * n)
        reach = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)

    def __add__(self, other: Share) -> Share:
        return Share(self.hits + other.hits, self.cases + other.cases)


@dataclass(frozen=True)
class TagTally:
    """How a tag has done.

    Attributes:
        precision: of the decided suggestions, those that stand.
        recall: of the tags that posts have, those that were suggested or would have been.
        open: proposals that nobody has decided.
    """

    precision: Share = Share(0, 0)
    recall: Share = Share(0, 0)
    open: int = 0

    @property
    def has_no_cases(self) -> bool:
        """Whether nothing is known of it yet."""
        return not self.precision.cases and not self.recall.cases

    def __add__(self, other: TagTally) -> TagTally:
        return TagTally(self.precision + other.precision, self.recall + other.recall, self.open + other.open)


def tally(records: Iterable[PostRecord]) -> Mapping[int, TagTally]:
    """Count how each tag has done in some posts.

    A tag that the bot has applied is right as long as nobody removes it, and a proposed one if somebody accepts it. A
    tag that people have chosen counts as found if its score has reached the threshold, whoever was first.
    """
    found: dict[int, TagTally] = {}
    for record in records:
        for tag, one in record.tags.items():
            found[tag] = found.get(tag, TagTally()) + _counted(one)
    return found


def _counted(one: TagRecord) -> TagTally:
    match one.state:
        case TagState.PROPOSED:
            return TagTally(open=1)
        case TagState.APPLIED:
            return TagTally(Share(1, 1), Share(1, 1))
        case TagState.REJECTED:
            return TagTally(Share(0, 1))
        case TagState.CHOSEN if one.score is not None:  # otherwise it was made after the post was judged
            return TagTally(recall=Share(int(one.fits), 1))
        case _:
            return TagTally()
