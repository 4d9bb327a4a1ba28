"""What is told about an answered file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.batches.outcomes import Outcome
from bot.batches.plan import Command, Options
from bot.batches.table import Table

MOST_FAULTS = 5
"""Rows that a summary names."""


@dataclass(frozen=True)
class Fault:
    """A row without an answer, by its number in the file."""

    row: int
    why: str


@dataclass(frozen=True)
class Summary:
    """An answered file in numbers.

    Attributes:
        answered, faulty, unreached: numbers of rows, which together are all that are not blank.
        faults: the first ones that are faulty.
        counts: what was answered how often, the most frequent first; intervals of similarities in their order.
        truncated: how many texts were too long to be read to their ends.
    """

    rows: int
    answered: int
    faulty: int
    unreached: int
    faults: tuple[Fault, ...]
    counts: tuple[tuple[str, int], ...]
    truncated: int

    @property
    def is_whole(self) -> bool:
        """Whether all rows were reached."""
        return not self.unreached


def summarised(table: Table, options: Options, outcomes: Mapping[int, Outcome]) -> Summary:
    """Count the outcomes of a table's rows."""
    asked = [index for index, row in enumerate(table.rows) if not row.is_blank]
    known = [(index, outcomes[index]) for index in asked if index in outcomes]
    faulty = [(index, one) for index, one in known if one.error]
    counts = Counter(name for _, one in known for name in one.counted)
    return Summary(
        len(asked),
        len(known) - len(faulty),
        len(faulty),
        len(asked) - len(known),
        tuple(Fault(table.rows[index].number, one.error) for index, one in faulty[:MOST_FAULTS]),
        tuple(_ordered(options, counts)),
        sum(one.truncated for _, one in known),
    )


def _ordered(options: Options, counts: Counter[str]) -> Sequence[tuple[str, int]]:
    if options.command is not Command.SIMILARITY:
        return counts.most_common()
    return sorted(counts.items(), key=lambda item: "" if item[0].startswith("below") else item[0])
