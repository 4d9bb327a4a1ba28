"""Which column of a file holds the texts."""

from __future__ import annotations

from bot.batches.table import Table
from bot.errors import InvalidRequest, and_more, echoed
from bot.locales.marks import later_in_quotes
from bot.locales.message import later
from bot.locales.values import later_joined

USUAL = frozenset({
    "text", "texts", "message", "messages", "content", "body", "comment", "comments", "review", "reviews", "sentence",
    "sentences", "tweet", "post", "question", "description", "feedback", "utterance", "prompt",
})  # fmt: skip
"""Names of a column that holds the texts, if it is the only one with such a name."""
_SAMPLE = 200
_NAMED = 12
"""Columns that a sentence names."""


def find_column(table: Table, name: str, option: str = "column") -> str:
    """Return the column that somebody has named, whatever the case of its letters.

    Raises:
        InvalidRequest: there is none; names those that there are.
    """
    wanted = name.strip()
    for same in (str, str.casefold):
        for column in table.columns:
            if same(column) == same(wanted):
                return column
    known = [later_in_quotes(echoed(column)) for column in table.columns[:_NAMED]]
    if len(table.columns) > _NAMED:
        known.append(and_more(len(table.columns) - _NAMED))
    raise InvalidRequest(
        later(
            # Translators: {names} is a list of quoted names, such as “id”, “text” and 3 more.
            "The file has no column “{name}”. `{option}` can be {names}.",
            name=echoed(wanted),
            option=option,
            names=later_joined(known),
        )
    )


def obvious_column(table: Table) -> str | None:
    """Return the column that anybody would choose; None if there are several."""
    if len(table.columns) == 1:
        return table.columns[0]
    usual = [column for column in table.columns if column.strip().casefold() in USUAL]
    if len(usual) == 1:
        return usual[0]
    wordy = [column for column in table.columns if _has_sentences(table, column)]
    return wordy[0] if len(wordy) == 1 and not usual else None


def _has_sentences(table: Table, column: str) -> bool:
    index = table.columns.index(column)
    cells = [row.cells[index] for row in table.rows[:_SAMPLE] if row.cells and row.cells[index].strip()]
    words = [len(cell.split()) for cell in cells]
    return bool(words) and sum(words) / len(words) >= 3
