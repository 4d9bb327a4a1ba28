"""What became of the people who asked while something was wrong."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Tally:
    """Counts of one fault. Everybody who asks must be answered once, or be told to try again.

    Attributes:
        tried: how often the fault was made.
        asked: requests of people.
        once, twice: requests that had one final answer, and those that had more.
        told: requests that ended with a sentence that says what to do.
        lost: requests that ended with neither; and whatever else must not be gone, such as a database.
    """

    tried: int = 0
    asked: int = 0
    once: int = 0
    twice: int = 0
    told: int = 0
    lost: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))

    @property
    def is_good(self) -> bool:
        """Whether something was tried, and nobody was answered twice, forgotten, or counted wrongly."""
        accounted = self.once + self.twice + self.told + self.lost
        return self.tried > 0 and not self.twice and not self.lost and accounted >= self.asked
