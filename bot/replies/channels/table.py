"""The numbers of a picture as a CSV file. It holds no texts and no people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bot.replies.formatting.text import visible
from bot.replies.reply import TextFile

_FORMULA = "=+-@\t\r"


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> TextFile:
    """Write a table. Spreadsheets read no formula in the header, which may hold somebody's words."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_plain(one) for one in header])
    writer.writerows(rows)
    return TextFile(name, file.getvalue())


def moment(when: float) -> str:
    """Write a moment as ISO 8601, in UTC."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decimal(value: float | None) -> str:
    """Write a number with four digits; nothing for None."""
    return "" if value is None else f"{value + 0.0:.4f}"


def _plain(text: str) -> str:
    shown = " ".join(visible(text).split())
    return f"'{shown}" if shown.startswith(tuple(_FORMULA)) else shown
