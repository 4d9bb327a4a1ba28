"""How the cells of a file are separated and quoted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

DELIMITERS = (",", ";", "\t", "|")
WRITER_END = "\r\n"
"""Of each row that `csv.writer` writes. It quotes a carriage return or a line feed only if its own rows end with it."""
_SAMPLE = 200
"""Records that are enough to tell a delimiter."""


@dataclass(frozen=True)
class Dialect:
    """The marks of a file with cells.

    Attributes:
        quotes_all: whether each cell stands in quotation marks, even if it need not.
        line_end: behind each record.
    """

    delimiter: str = ","
    quotes_all: bool = False
    line_end: str = "\n"

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments of `csv.reader`. Strict, so that what is not well-formed is reported."""
        return {"delimiter": self.delimiter, "strict": True}

    @property
    def writing(self) -> dict[str, Any]:
        """Arguments of `csv.writer`, whose rows end with `WRITER_END`."""
        quoting = csv.QUOTE_ALL if self.quotes_all else csv.QUOTE_MINIMAL
        return {"delimiter": self.delimiter, "lineterminator": WRITER_END, "quoting": quoting}


def dialect_of(lines: Sequence[str], delimiter: str | None = None) -> Dialect:
    """Return the dialect of a file.

    Args:
        lines: with their line breaks.
        delimiter: if it is known.
    """
    delimiter = delimiter or max(DELIMITERS, key=lambda one: _agreement(lines, one))
    return Dialect(delimiter, _quotes_all(lines, delimiter), line_end_of(lines))


def line_end_of(lines: Sequence[str]) -> str:
    """Return how most lines end."""
    ends = Counter(line[len(line.rstrip("\r\n")) :] for line in lines[:_SAMPLE])
    del ends[""]
    return ends.most_common(1)[0][0][-2:] if ends else "\n"


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Return how well a delimiter explains the first records: the share that has as many cells as most, and how many.

    A delimiter that divides no record explains nothing.
    """
    counts = Counter(map(len, _records(lines, Dialect(delimiter))))
    [(cells, records)] = counts.most_common(1) or [(1, 0)]
    return (records / counts.total(), cells) if cells > 1 else (0.0, 0)


def _quotes_all(lines: Sequence[str], delimiter: str) -> bool:
    first = [line for line in lines[:_SAMPLE] if line.strip()]
    mark = f'"{delimiter}"'
    one_cell = all(line.startswith('"') and line.rstrip("\r\n").endswith('"') for line in first)
    return bool(first) and one_cell and (mark in first[0] or delimiter not in first[0])


def _records(lines: Sequence[str], dialect: Dialect) -> Iterator[list[str]]:
    reader = csv.reader(lines, **dialect.reading)
    try:
        yield from islice((cells for cells in reader if cells), _SAMPLE)
    except csv.Error:
        yield []  # which speaks against the delimiter
