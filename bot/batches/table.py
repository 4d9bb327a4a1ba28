"""A file as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.batches.dialects import Dialect
from bot.batches.encodings import Encoding
from bot.batches.formats import Format


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        number: in the file, from 1; the header counts, as in a spreadsheet.
        cells: as many as the table has columns; a missing one is empty.
        fault: why it cannot be answered; empty if it can.
        raw: the line of JSON, or the line that is not well-formed.
        is_blank: whether it is an empty line between others, which is written back as it is.
    """

    number: int
    cells: tuple[str, ...]
    fault: str = ""
    raw: str = ""
    is_blank: bool = False


@dataclass(frozen=True)
class Table:
    """The rows of a file, and all that it takes to write them back.

    Attributes:
        columns: their names; made up where the file has no header.
        has_header: whether the first record names the columns.
    """

    format: Format
    encoding: Encoding
    dialect: Dialect
    columns: tuple[str, ...]
    has_header: bool
    rows: Sequence[Row]

    @property
    def asked(self) -> int:
        """How many rows are not blank."""
        return sum(not row.is_blank for row in self.rows)

    def texts(self, column: str) -> list[str]:
        """Return a column's cell of each row."""
        index = self.columns.index(column)
        return [row.cells[index] if row.cells else "" for row in self.rows]
