"""Files become tables. A row that cannot be read is reported with its number, and never dropped."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeAlias

from bot.batches.dialects import Dialect, dialect_of, line_end_of
from bot.batches.encodings import decode
from bot.batches.formats import MOST_COLUMNS, MOST_ROWS, Format
from bot.batches.header import free, is_header, unnamed
from bot.batches.table import Row, Table
from bot.errors import InvalidRequest
from bot.locales.lists import sentences
from bot.locales.message import _, later, plural
from bot.locales.values import later_whole
from bot.text.characters import whole_characters

NOT_QUOTED = later("The quotation marks of this row are not well-formed.")
NOT_JSON = later("This line is not a JSON object.")
LONG_CELL = later("A cell of this row is too long to be read.")
TEXT_COLUMN = "text"


@dataclass(frozen=True)
class Malformed:
    """The first line of a record that is not well-formed, and why it is not."""

    line: str
    fault: str


Record: TypeAlias = list[str] | Malformed


def read_table(content: bytes, kind: Format, header: bool | None = None) -> Table:
    """Read a file.

    Args:
        header: whether its first row names the columns; None to find out.

    Raises:
        InvalidRequest: it is not a text, or has too many rows or columns, or none.
    """
    text, encoding = decode(content)
    lines = list(io.StringIO(text, newline=""))
    match kind:
        case Format.JSON_LINES:
            columns, rows = _json_rows(lines)
            return Table(kind, encoding, Dialect(line_end=line_end_of(lines)), columns, True, _checked(rows))
        case Format.TEXT:
            rows = [Row(number, (line.rstrip("\r\n"),)) for number, line in enumerate(lines, 1)]
            dialect = Dialect(line_end=line_end_of(lines))
            return Table(kind, encoding, dialect, (TEXT_COLUMN,), False, _checked(rows))
    dialect = dialect_of(lines, "\t" if kind is Format.TSV else None)
    return _cells_table(kind, encoding, dialect, lines, header)


def _cells_table(kind: Format, encoding: Any, dialect: Dialect, lines: Sequence[str], header: bool | None) -> Table:
    records = _records(lines, dialect)
    before, first = _until_cells(records)
    if first is None:
        raise InvalidRequest(later("There is no row in the file. Attach one with a text in each row."))
    if len(first) > MOST_COLUMNS:
        raise InvalidRequest(
            later(
                "The file has {number} columns, and I can read {most_columns} at most.",
                number=later_whole(len(first)),
                most_columns=MOST_COLUMNS,
            )
        )
    named = is_header(first) if header is None else header
    columns = (
        tuple(unnamed(first))
        if named
        else tuple(_("column {number}", number=number) for number in range(1, len(first) + 1))
    )
    # What stands before the header cannot be read, and is told all the same.
    numbered = list(enumerate(before, 1))
    following = enumerate(records, len(before) + 2)
    own = [] if named else [(len(before) + 1, first)]
    limited = islice(chain((one for one in numbered if one[1]), own, following), MOST_ROWS + 1)
    rows = [_row(number, record, len(columns), dialect) for number, record in limited]
    return Table(kind, encoding, dialect, columns, named, _checked(rows))


def _until_cells(records: Iterator[Record]) -> tuple[list[Record], list[str] | None]:
    """Return the blank and malformed records at the start of a file, and the first one with cells."""
    before: list[Record] = []
    for record in islice(records, MOST_ROWS + 1):
        if record and not isinstance(record, Malformed):
            return before, record
        before.append(record)
    return before, None


def _records(lines: Sequence[str], dialect: Dialect) -> Iterator[Record]:
    """Yield the cells of each record; of one that is not well-formed, its first line.

    An open quotation mark would otherwise swallow everything behind it.
    """
    start = 0
    while start < len(lines):
        # Not `islice`, which would walk over all lines before.
        reader = csv.reader(map(lines.__getitem__, range(start, len(lines))), **dialect.reading)
        read = 0
        try:
            for cells in reader:
                read = reader.line_num
                yield cells
            return
        except csv.Error as error:
            fault = LONG_CELL if "field limit" in str(error) else NOT_QUOTED
            yield Malformed(lines[start + read].rstrip("\r\n"), str(fault))
            start += read + 1


def _row(number: int, record: Record, columns: int, dialect: Dialect) -> Row:
    if isinstance(record, Malformed):
        return Row(number, (record.line, *[""] * (columns - 1)), record.fault, raw=record.line)
    if not record:
        return Row(number, (), is_blank=True)
    cells = tuple(record[:columns]) + ("",) * (columns - len(record))
    fault = ""
    if len(record) != columns:
        fault = plural(
            "This row has one cell instead of {columns}.",
            "This row has {count} cells instead of {columns}.",
            len(record),
            columns=columns,
        )
        if len(record) > columns:
            others = _("The others are: {cells}", cells=_written(record[columns:], dialect))
            fault = sentences(fault, others)
    return Row(number, cells, fault)


def _written(cells: Sequence[str], dialect: Dialect) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=dialect.delimiter, lineterminator="").writerow(cells)
    return line.getvalue()


def _json_rows(lines: Sequence[str]) -> tuple[tuple[str, ...], list[Row]]:
    parsed = [_json_object(line) for line in lines[: MOST_ROWS + 1]]
    fields = tuple(dict.fromkeys(chain.from_iterable(one for one in parsed if one is not None)))
    if not fields:
        raise InvalidRequest(later('I found no JSON object in the file. Each line must be one, such as {"text": "…"}.'))
    if len(fields) > MOST_COLUMNS:
        raise InvalidRequest(
            later(
                "The file has {number} fields, and I can read {most_columns} at most.",
                number=later_whole(len(fields)),
                most_columns=MOST_COLUMNS,
            )
        )
    columns: list[str] = []
    for field in fields:
        columns.append(free(whole_characters(field), columns))
    rows = []
    for number, (line, one) in enumerate(zip(lines, parsed, strict=False), 1):
        raw = line.rstrip("\r\n")
        if one is None:
            rows.append(Row(number, (), str(NOT_JSON) if raw.strip() else "", raw, is_blank=not raw.strip()))
        else:
            rows.append(Row(number, tuple(one.get(field, "") for field in fields), raw=raw))
    return tuple(columns), rows


def _json_object(line: str) -> dict[str, str] | None:
    """Return the fields of a JSON object as texts; None if a line is none, or too deeply nested."""
    try:
        found = json.loads(line)
        return {name: _as_text(one) for name, one in found.items()} if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return None


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _checked(rows: list[Row]) -> list[Row]:
    while rows and rows[-1].is_blank:
        rows.pop()  # a line break behind the last row is no row
    if len(rows) > MOST_ROWS:
        raise InvalidRequest(
            later(
                "The file has more than {most_rows} rows, and I can answer {most_rows} at once. Please attach a part "
                "of it.",
                most_rows=later_whole(MOST_ROWS),
            )
        )
    if not any(not row.is_blank for row in rows):
        raise InvalidRequest(later("There is no row in the file. Attach one with a text in each row."))
    return rows
