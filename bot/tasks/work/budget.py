"""How closely the parts of a text are weighed, within a number of tokens that may be read."""

from __future__ import annotations

from dataclasses import dataclass

from bot.inference.operations import TaskRun
from bot.tasks.work.coalitions import FEWEST_PAIRS, MOST_PAIRS, Shares, Table, Value, exact, sampled
from bot.tasks.work.units import Units, units, words_of

FIRST_READ = 4_096
"""Tokens that are read for the first picture: about three seconds on two cores for a model of 135 million
parameters."""
MOST_READ = 49_152
"""Tokens that are read for the last one."""
FEWEST_PARTS = 3
"""A text in two parts says little."""


@dataclass(frozen=True)
class Weighed:
    """A text's parts with their shares."""

    table: Table
    shares: Shares

    @property
    def is_exact(self) -> bool:
        """Whether nothing was sampled."""
        return self.shares.errors is None and not self.shares.orders


def weighed(text: str, value: Value, budget: int) -> TaskRun[Weighed]:
    """Weigh the parts of a text: its words, or longer parts if there is too little time for words.

    Args:
        budget: tokens. It is exceeded only for texts of which a few readings take longer.
    """
    whole = Table(units(text, 1), value)
    yield from whole.fill([(), whole.whole])
    at_once = max(whole.tokens, 1)
    affordable = max(budget // at_once, 1)
    words = Units("word", tuple(words_of(text)))
    table = Table(words if _orders_of(len(words), affordable) else units(text, most_parts(affordable)), value)
    table.known |= {(): whole.known[()], table.whole: whole.known[whole.whole]}
    if 2 ** len(table.units) <= 2 * affordable:  # half of the words are left out on average
        yield from table.fill_all()
        return Weighed(table, exact(table))
    pairs = min(max(_orders_of(len(table.units), affordable), 1), MOST_PAIRS)
    return Weighed(table, (yield from sampled(table, pairs)))


def most_parts(affordable: int) -> int:
    """Return the number of parts whose coalitions are all affordable."""
    return max(affordable.bit_length(), FEWEST_PARTS)


def _orders_of(parts: int, affordable: int) -> int:
    """Return the pairs of an order and its reverse that are affordable; 0 if they are too few."""
    if 2 ** min(parts, 32) <= 2 * affordable:
        return MOST_PAIRS
    pairs = 2 * affordable // max(2 * (parts - 1), 1)
    return pairs if pairs >= FEWEST_PAIRS else 0
