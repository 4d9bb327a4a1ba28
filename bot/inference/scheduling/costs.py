"""Recent costs of rows and answers, to estimate waiting times."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bot.inference.scheduling.replicas import AnyOperation

REMEMBERED = 600.0
"""Seconds of device time after which earlier ones count for half."""
LATELY = 8
"""The average covers about this many answers."""


@dataclass
class Recent:
    """How long answers have taken lately: `average` seconds, which is an assumption before the first answer."""

    average: float
    _answers: int = 0

    def note(self, seconds: float) -> None:
        """Add an answer."""
        self._answers += 1
        self.average += (seconds - self.average) / min(LATELY, self._answers)


@dataclass
class _Total:
    seconds: float = 0.0
    tokens: int = 0


class Costs:
    """Device time per token, by operation. Tokens that are still to be generated count too."""

    def __init__(self) -> None:
        self._totals: WeakKeyDictionary[AnyOperation, _Total] = WeakKeyDictionary()

    def note(self, operation: AnyOperation, seconds: float, tokens: int) -> None:
        """Add device time, and the tokens of the rows that were finished in it."""
        total = self._totals.setdefault(operation, _Total())
        total.seconds += seconds
        total.tokens += tokens
        if total.seconds > REMEMBERED:
            total.seconds /= 2
            total.tokens //= 2

    def of(self, operation: AnyOperation, tokens: int) -> float:
        """Return the seconds that so many tokens will take; 0 if none have been computed yet."""
        total = self._totals.get(operation)
        return 0.0 if total is None or not total.tokens else total.seconds / total.tokens * tokens
