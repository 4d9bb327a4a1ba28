"""How closely the parts of a text are weighed, within a number of tokens that may be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bot.inference.operations import TaskRun
from bot.tasks.work.coalitions import FEWEST_PAIRS, MOST_PAIRS, Shares, Table, Value, exact, left_out, sampled
from bot.tasks.work.units import Units, units

Divide: TypeAlias = Callable[[str, int], Units]
"""Divides a text into so many parts at most."""

FIRST_READ = 1_536
"""Tokens that are read for the first picture, by a model of `USUAL_SIZE`."""
USUAL_SIZE = 135_000_000
"""Parameters. Larger models read fewer tokens in the same time."""
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
        return self.shares.add_up and self.shares.errors is None and not self.shares.orders


def within(budget: int, parameters: int) -> int:
    """Return the tokens that a model reads in the time in which one of `USUAL_SIZE` reads those of a budget."""
    return max(int(budget * min(USUAL_SIZE / max(parameters, 1), 1.0)), 1)


def finest(text: str, divide: Divide = units) -> Units:
    """Return the smallest parts that a text is divided into."""
    return divide(text, len(text) + 1)


def weighed(text: str, value: Value, budget: int, spare: int | None = None, divide: Divide = units) -> TaskRun[Weighed]:
    """Weigh the parts of a text: its words, or longer parts if there is too little time for words.

    Args:
        budget: tokens. It is exceeded only for texts of which a few readings take longer.
        spare: for a first look, in which words are left out one by one if orders take too long: the texts that will
            be read besides. None for shares that add up.
        divide: into its words, or into longer parts if there is too little time for words.
    """
    whole = Table(divide(text, 1), value)
    yield from whole.fill([()])
    before = whole.tokens
    yield from whole.fill([whole.whole])
    at_once = max(whole.tokens - before, 1)
    affordable = max(budget // at_once, 1)
    words = finest(text, divide)
    one_by_one = spare is not None and len(words) + 1 + spare <= affordable
    is_short = one_by_one or (spare is None and _orders_of(len(words), affordable)) or _all_fit(len(words), affordable)
    table = Table(words if is_short else divide(text, most_parts(affordable)), value)
    table.known |= {(): whole.known[()], table.whole: whole.known[whole.whole]}
    few = len(table.units) <= FEWEST_PARTS  # eight texts at most, hardly more than one order and its reverse read
    if few or _all_fit(len(table.units), affordable) or (spare is not None and not one_by_one):
        yield from table.fill_all()
        return Weighed(table, exact(table))
    if one_by_one:
        return Weighed(table, (yield from left_out(table)))
    pairs = min(_orders_of(len(table.units), affordable), MOST_PAIRS)
    return Weighed(table, (yield from sampled(table, pairs)))


def most_parts(affordable: int) -> int:
    """Return the number of parts whose coalitions are all affordable."""
    return max(affordable.bit_length(), FEWEST_PARTS)


def _orders_of(parts: int, affordable: int) -> int:
    """Return the pairs of an order and its reverse that are affordable; 0 if they are too few."""
    if _all_fit(parts, affordable):
        return MOST_PAIRS
    pairs = 2 * affordable // max(2 * (parts - 1), 1)
    return pairs if pairs >= FEWEST_PAIRS else 0


def _all_fit(parts: int, affordable: int) -> bool:
    """Return whether all texts with some parts left out are affordable; half of the parts are, on average."""
    return 1 << min(parts, 32) <= 2 * affordable
