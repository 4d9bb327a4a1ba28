"""Tables become files again: the same format, dialect, columns and order, with the answers as further columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.batches.answers import as_text
from bot.batches.dialects import WRITER_END
from bot.batches.formats import Format
from bot.batches.formulas import guarded, is_formula
from bot.batches.header import free
from bot.batches.outcomes import Outcome
from bot.batches.table import Row, Table
from bot.locales.message import later

ERROR = "error"
NOT_REACHED = later("This row was not reached before the end.")


@dataclass(frozen=True)
class Written:
    """A file that goes back.

    Attributes:
        guarded: how many cells begin with a mark that says they are no formula.
    """

    content: bytes
    guarded: int


def write_table(table: Table, names: Sequence[str], outcomes: Mapping[int, Outcome]) -> Written:
    """Write a table with the answers.

    Args:
        names: of the answer columns, without the one for errors. One that the table has already gets a number.
        outcomes: by the index of the row. A row without one was not reached.
    """
    taken = list(table.columns)
    for name in (*names, ERROR):
        taken.append(free(name, taken))
    added = taken[len(table.columns) :]
    if table.format is Format.JSON_LINES:
        objects = (_json_line(table, row, added, _outcome(row, outcomes.get(i))) for i, row in enumerate(table.rows))
        end = table.dialect.line_end
        return Written(table.encoding.encode("".join(f"{line}{end}" for line in objects)), 0)
    formulas = 0
    lines: list[str] = []
    writer = csv.writer(_Lines(lines.append), **table.dialect.writing)
    for cells in _records(table, added, outcomes):
        formulas += sum(map(is_formula, cells))
        writer.writerow(list(map(guarded, cells)))
    text = "".join(line.removesuffix(WRITER_END) + table.dialect.line_end for line in lines)
    return Written(table.encoding.encode(text), formulas)


@dataclass(frozen=True)
class _Lines:
    """A file for `csv.writer`, which writes a row at once."""

    write: Callable[[str], object]


def _records(table: Table, added: Sequence[str], outcomes: Mapping[int, Outcome]) -> Iterator[tuple[str, ...]]:
    if table.has_header or table.format is Format.TEXT:
        yield (*table.columns, *added)
    empty = ("",) * (len(added) - 1)
    for index, row in enumerate(table.rows):
        if row.is_blank:
            yield ()
            continue
        outcome = _outcome(row, outcomes.get(index))
        answers = tuple(map(as_text, outcome.values)) or empty
        yield (*row.cells, *answers, outcome.error)


def _outcome(row: Row, outcome: Outcome | None) -> Outcome:
    if row.fault:
        return Outcome(error=row.fault)
    return Outcome(error=str(NOT_REACHED)) if outcome is None else outcome


def _json_line(table: Table, row: Row, added: Sequence[str], outcome: Outcome) -> str:
    if row.is_blank:
        return row.raw
    *names, error = added
    values = outcome.values or (None,) * len(names)
    answers = dict(zip(added, (*values, outcome.error or None), strict=True))
    if not row.cells:  # no object, so it becomes a part of one
        answers = {"line": row.raw, error: outcome.error}
        return json.dumps(answers, ensure_ascii=False)
    # The line itself is copied, because reading and writing would change its numbers.
    inside = row.raw.strip()[:-1].rstrip()
    comma = "" if inside == "{" else ", "
    return f"{inside}{comma}{json.dumps(answers, ensure_ascii=False)[1:]}"
