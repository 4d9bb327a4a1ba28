"""How far a file is, and how long the rest takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

RECENT_SECONDS = 20.0
"""The speed is that of the last so many seconds."""
FIRST_SECONDS = 1.0
"""No speed is told before."""


@dataclass(frozen=True)
class Progress:
    """A moment of a file's answering.

    Attributes:
        done: rows that are answered, or cannot be.
        faults: those that cannot be.
        rate: rows a second, lately; None if that is not known yet.
        seconds_left: None if that is not known yet.
    """

    rows: int
    done: int
    faults: int
    rate: float | None = None
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.done / self.rows if self.rows else 1.0


@dataclass
class Meter:
    """Measures the speed. Long texts take longer, so the time that is left follows from their characters.

    Args:
        costs: by the index of the row.
        clock: in seconds.
    """

    costs: Mapping[int, int]
    clock: Callable[[], float]
    done: int = 0
    faults: int = 0
    _cost_done: int = 0
    _seen: deque[tuple[float, int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._total = sum(self.costs.values())

    def begin(self) -> None:
        """Start the clock."""
        self._seen.append((self.clock(), self.done, self._cost_done))

    def note(self, index: int, *, fault: bool) -> None:
        """Count a row as done."""
        self.done += 1
        self.faults += fault
        self._cost_done += self.costs[index]

    def progress(self) -> Progress:
        """Return how far it is now."""
        now = self.clock()
        if not self._seen or now - self._seen[-1][0] >= FIRST_SECONDS / 4:
            self._seen.append((now, self.done, self._cost_done))
        while len(self._seen) > 2 and now - self._seen[0][0] > RECENT_SECONDS:
            self._seen.popleft()
        then, done, cost = self._seen[0]
        seconds = now - then
        if seconds < FIRST_SECONDS or self.done == done:
            return Progress(len(self.costs), self.done, self.faults)
        speed = (self._cost_done - cost) / seconds
        left = (self._total - self._cost_done) / speed if speed else None
        return Progress(len(self.costs), self.done, self.faults, (self.done - done) / seconds, left)
