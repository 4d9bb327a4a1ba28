"""What each part of a text, and each pair of parts, adds to a number: Shapley values and interactions.

A coalition is the text of some parts only. Its value is the command's own number for that text, so the values of all
parts sum to the difference between the whole text and no text.

Sources: Shapley: A value for n-person games, 1953; sampled as by Castro, Gómez, Tejada: Polynomial calculation of the
Shapley value based on sampling, 2009; pairs as by Bordt, von Luxburg: From Shapley Values to Generalized Additive
Models and back, 2023, arXiv:2209.04012.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from bot.inference.operations import OperationCall, TaskRun
from bot.inference.side_by_side import behind, side_by_side
from bot.tasks.scores import Floats
from bot.tasks.work.units import Units

Coalition: TypeAlias = tuple[int, ...]
"""Indices of the parts that a text keeps, in order."""
Value: TypeAlias = Callable[[str], TaskRun[Floats]]
"""Runs a command on a text and returns the numbers to explain, (numbers,)."""

FEWEST_PAIRS = 4
"""Of an order and its reverse: standard errors of fewer say little."""
MOST_PAIRS = 32
AT_ONCE = 64
"""Texts whose rows are made at the same time, between which a cancelled request ends."""


@dataclass(frozen=True)
class Shares:
    """What each part adds."""

    values: Floats
    """(parts, numbers)."""
    errors: Floats | None
    """Standard errors, of the same shape; None if the values are exact."""
    orders: int
    """That were averaged; 0 if the values are exact."""
    add_up: bool = True
    """Whether the shares sum to the difference."""


@dataclass(eq=False)
class Table:
    """The values of coalitions, computed once each."""

    units: Units
    value: Value
    known: dict[Coalition, Floats] = field(default_factory=dict, init=False)
    tokens: int = field(default=0, init=False)
    """That were read so far."""

    @property
    def whole(self) -> Coalition:
        """All parts."""
        return tuple(range(len(self.units)))

    @property
    def start(self) -> Floats:
        """The numbers without any part."""
        return self.known[()]

    @property
    def end(self) -> Floats:
        """The numbers with all parts."""
        return self.known[self.whole]

    def fill(self, coalitions: Iterable[Coalition]) -> TaskRun[None]:
        """Compute the values that are still missing."""
        missing = [one for one in dict.fromkeys(coalitions) if one not in self.known]
        for first in range(0, len(missing), AT_ONCE):
            part = missing[first : first + AT_ONCE]
            runs = [self.value(self.units.text(one)) for one in part]
            # A person waits for these, too, but they are many.
            found = yield from behind(side_by_side(runs), self._count)
            self.known |= dict(zip(part, found, strict=True))

    def _count(self, call: OperationCall) -> None:
        self.tokens += sum(row.tokens for row in call.rows)

    def fill_all(self) -> TaskRun[None]:
        """Compute the values of all coalitions, of which there are two to the power of the parts."""
        everyone = self.whole
        yield from self.fill(one for size in range(len(everyone) + 1) for one in combinations(everyone, size))

    @property
    def is_full(self) -> bool:
        """Whether all values are known."""
        return len(self.known) == 1 << len(self.units)


def exact(table: Table) -> Shares:
    """Return the Shapley values of a full table."""
    parts = len(table.units)
    values = np.zeros((parts, len(table.start)))
    for coalition, value in table.known.items():
        size = len(coalition)
        joining, leaving = _weight(size - 1, parts), _weight(size, parts)
        inside = set(coalition)
        for index in range(parts):
            values[index] += value * joining if index in inside else -value * leaving
    return Shares(values, None, 0)


def _weight(others: int, parts: int) -> float:
    """Return the share of the orders in which given others come before a part, and the rest after it."""
    if not 0 <= others < parts:
        return 0.0
    return 1 / (parts * math.comb(parts - 1, others))


def left_out(table: Table) -> TaskRun[Shares]:
    """Return what is lost without each part: fewer texts than any order has pairs, but nothing adds up."""
    rests = [tuple(other for other in table.whole if other != one) for one in table.whole]
    yield from table.fill([table.whole, *rests])
    return Shares(np.array([table.end - table.known[rest] for rest in rests]), None, 0, add_up=False)


def sampled(table: Table, pairs: int, seed: int = 0) -> TaskRun[Shares]:
    """Average over random orders, each with its reverse, because both err in opposite directions."""
    parts, draws = len(table.units), random.Random(seed)  # people see the same numbers every time
    orders = [draws.sample(range(parts), parts) for _ in range(pairs)]
    both = [order for one in orders for order in (one, one[::-1])]
    yield from table.fill(tuple(sorted(order[:size])) for order in both for size in range(parts + 1))
    found = np.array([_along(table, order) for order in both]).reshape(pairs, 2, parts, -1).mean(axis=1)
    errors = found.std(axis=0, ddof=1) / math.sqrt(pairs) if pairs > 1 else None
    return Shares(found.mean(axis=0), errors, 2 * pairs)


def _along(table: Table, order: Sequence[int]) -> Floats:
    """Return what each part adds when the parts join in an order, (parts, numbers)."""
    added = np.zeros((len(order), len(table.start)))
    before = table.start
    for size, index in enumerate(order, 1):
        after = table.known[tuple(sorted(order[:size]))]
        added[index] = after - before
        before = after
    return added


def interactions(table: Table, shares: Shares, number: int = 0) -> Floats:
    """Return what each part adds alone, and what each pair adds beyond that, of a full table.

    Args:
        shares: exact Shapley values. Each is the part's own share and half of the shares of its pairs.
        number: the index of the number that is explained.

    Returns:
        (parts, parts), symmetric; the diagonal and one triangle sum to the difference.
    """
    parts = len(table.units)
    found = np.zeros((parts, parts))
    values = {one: float(value[number]) for one, value in table.known.items()}
    for first, second in combinations(range(parts), 2):
        rest = [index for index in range(parts) if index not in (first, second)]
        total = 0.0
        for size in range(parts - 1):
            weight = 1 / ((parts - 1) * math.comb(parts - 2, size))
            for others in combinations(rest, size):
                total += weight * _together(values, others, first, second)
        found[first, second] = found[second, first] = total
    own: Any = shares.values[:, number] - found.sum(axis=1) / 2
    return found + np.diag(own)


def _together(values: dict[Coalition, float], others: Coalition, first: int, second: int) -> float:
    """Return by how much more two parts add together than each by itself, next to others."""
    with_first, with_second = (tuple(sorted((*others, one))) for one in (first, second))
    both = tuple(sorted((*others, first, second)))
    return values[both] - values[with_first] - values[with_second] + values[others]
