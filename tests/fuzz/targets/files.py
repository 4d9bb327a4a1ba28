"""Files of rows: CSV, TSV, JSON lines, text."""

from __future__ import annotations

from bot.batches.columns import find_column, obvious_column
from bot.batches.formats import Format, format_of
from bot.batches.formulas import guarded, is_formula
from bot.batches.outcomes import Outcome
from bot.batches.reading import read_table
from bot.batches.table import Table
from bot.batches.writing import write_table
from bot.errors import InvalidRequest
from tests.fuzz.choices import Choices
from tests.fuzz.invariants import accepted
from tests.fuzz.target import by_name


def tables(choices: Choices) -> None:
    """A file is refused by a sentence, or each row has its cells; and what is written back is read as the same rows."""
    kind = choices.one_of([*Format])
    header = choices.one_of((None, True, False))
    content = choices.raw()
    table = accepted(lambda: read_table(content, kind, header), refusals=InvalidRequest)
    if table is None:
        return
    assert len(set(table.columns)) == len(table.columns)
    assert all(len(row.cells) in (0, len(table.columns)) for row in table.rows)
    assert [row.number for row in table.rows] == sorted({row.number for row in table.rows})
    obvious = obvious_column(table)
    assert obvious is None or find_column(table, obvious) == obvious
    assert len(table.texts(table.columns[0])) == len(table.rows)
    accepted(lambda: find_column(table, choices.text()), refusals=InvalidRequest)
    _written_back(table)


def _written_back(table: Table) -> None:
    answers = {index: Outcome(("=1",)) for index in range(len(table.rows))}
    written = write_table(table, ["answer"], answers)
    kind = Format.CSV if table.format is Format.TEXT else table.format
    has_header = table.has_header or table.format is Format.TEXT
    if kind is Format.JSON_LINES:
        again = read_table(written.content, kind)
        assert sum(row.fault != "" for row in again.rows) == 0
        assert again.asked == table.asked
        return
    again = read_table(written.content, kind, has_header)
    assert again.asked == table.asked
    ours = [tuple(map(guarded, row.cells)) for row in table.rows if not row.is_blank]
    theirs = [row.cells[: len(table.columns)] for row in again.rows if not row.is_blank]
    assert theirs == ours
    assert not any(is_formula(cell) for row in again.rows for cell in row.cells)


def names(choices: Choices) -> None:
    """A file's name and type are those of a format, or are refused."""
    accepted(lambda: format_of(choices.text(), choices.text() if choices.flag() else None), refusals=InvalidRequest)
    cell = choices.text()
    assert not is_formula(guarded(cell))


TARGETS = by_name(tables, names)
