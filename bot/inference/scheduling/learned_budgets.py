"""How many rows fit into a device's memory, learned from passes that did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.inference.operations import AnyRow, Budget
from bot.inference.scheduling.replicas import AnyOperation

PASSES = 32
"""How many passes must fit that use most of a limit, before a larger one is tried. Twice as many after each failure."""
MOST_PASSES = 4096
GROWTH = 1.125
NEAR = 0.75
"""The share of its limit from which a pass shows that the limit fits."""


@dataclass
class _Limit:
    """Padded tokens that fit.

    Attributes:
        safe: the most that has fitted.
        fitted: how many passes near it have fitted in a row.
        wanted: how many must, before it grows.
    """

    tokens: int
    safe: int = 0
    fitted: int = 0
    wanted: int = PASSES


class LearnedBudgets:
    """Shrinks the budgets of operations whose passes ran out of memory, and lets them grow again with care.

    A failure costs everybody in the batch a pass, so it should not happen to each batch. But the memory may only have
    been short for a moment, as when another program used the device.

    Attributes:
        failures: how often the memory has run out.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._limits: dict[AnyOperation, _Limit] = {}

    def of(self, operation: AnyOperation, budget: Budget) -> Budget:
        """Return what is left of an operation's budget.

        Args:
            operation: of the first replica.
        """
        limit = self._limits.get(operation)
        if limit is None:
            return budget
        if limit.tokens >= budget.padded_tokens:
            return budget
        return replace(budget, padded_tokens=limit.tokens)

    def failed(self, operation: AnyOperation, rows: Sequence[AnyRow]) -> None:
        """Learn that rows were too many for one pass."""
        self.failures += 1
        tokens = padded_tokens(rows)
        limit = self._limits.get(operation)
        if limit is None:
            self._limits[operation] = _Limit(max(1, tokens // 2))
            return
        if limit.safe:  # not a part of the batch with which it began
            limit.wanted = min(2 * limit.wanted, MOST_PASSES)
        if tokens <= limit.safe:
            limit.safe = 0
        limit.tokens, limit.fitted = min(limit.tokens, max(1, tokens // 2, limit.safe)), 0

    def fitted(self, operation: AnyOperation, rows: Sequence[AnyRow]) -> None:
        """Learn that rows fitted into one pass."""
        limit = self._limits.get(operation)
        if limit is None or padded_tokens(rows) < NEAR * limit.tokens:
            return
        limit.fitted += 1
        limit.safe = max(limit.safe, padded_tokens(rows))
        if limit.fitted >= limit.wanted:
            limit.tokens, limit.fitted = int(limit.tokens * GROWTH) + 1, 0

    def forget(self, operation: AnyOperation) -> None:
        """Forget an operation."""
        self._limits.pop(operation, None)


def padded_tokens(rows: Sequence[AnyRow]) -> int:
    """Return the tokens of a batch, padding included."""
    return max((row.tokens for row in rows), default=0) * len(rows)
