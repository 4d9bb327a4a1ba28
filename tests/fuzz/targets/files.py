"""Files of rows: CSV, TSV, JSON lines, text."""

from __future__ import annotations

import codecs
import csv
import io
import json

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
    content = write_table(table, ["answer"], answers).content
    # Encodings and delimiters are guessed, and could be guessed otherwise with a column more.
    name = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else table.encoding.name
    lines = list(io.StringIO(content.decode(name).removeprefix("\ufeff"), newline=""))
    if table.format is Format.JSON_LINES:
        objects = [json.loads(line) for line in lines if line.strip()]
        assert len(objects) == table.asked
        assert all("answer" in one or "error" in one for one in objects)
        return
    records = [record for record in csv.reader(lines, **table.dialect.reading) if record]
    if table.has_header or table.format is Format.TEXT:
        del records[0]
    ours = [tuple(map(guarded, row.cells)) for row in table.rows if not row.is_blank]
    assert [tuple(record[: len(table.columns)]) for record in records] == ours
    assert not any(is_formula(cell) for record in records for cell in record)


def names(choices: Choices) -> None:
    """A file's name and type are those of a format, or are refused."""
    accepted(lambda: format_of(choices.text(), choices.text() if choices.flag() else None), refusals=InvalidRequest)
    cell = choices.text()
    assert not is_formula(guarded(cell))


TARGETS = by_name(tables, names)
