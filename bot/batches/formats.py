"""The formats of files that are answered."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.locales.values import later_exact

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 200
LONGEST_NAME = 100
"""Characters of a file's name that are kept."""


class Format(StrEnum):
    """A format. A plain text has a text in each line."""

    CSV = "csv"
    TSV = "tsv"
    JSON_LINES = "json lines"
    TEXT = "text"

    @property
    def ending(self) -> str:
        """Of the file that goes back; a plain text has no room for answers, so it becomes a table."""
        return {Format.TSV: ".tsv", Format.JSON_LINES: ".jsonl"}.get(self, ".csv")


_ENDINGS = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".md": Format.TEXT,
    ".log": Format.TEXT,
}
_TYPES = {
    "text/csv": Format.CSV,
    "text/tab-separated-values": Format.TSV,
    "application/jsonl": Format.JSON_LINES,
    "application/x-ndjson": Format.JSON_LINES,
    "text/plain": Format.TEXT,
}
WANTED = later(
    "I read CSV (.csv), TSV (.tsv), JSON lines (.jsonl) and plain text with a text in each line (.txt). Save your file "
    "as one of these, and attach that."
)


def format_of(name: str, content_type: str | None = None) -> Format:
    """Return the format of a file by its name, or else by the type that Discord has found.

    Raises:
        InvalidRequest: it is none that is answered.
    """
    kind = (content_type or "").partition(";")[0].strip().casefold()
    found = _ENDINGS.get(PurePosixPath(name.casefold()).suffix) or _TYPES.get(kind)
    if found is None:
        raise InvalidRequest(WANTED)
    return found


def check_size(size: int) -> None:
    """Raise `InvalidRequest` if a file has too many bytes."""
    if size > MOST_BYTES:
        raise InvalidRequest(
            later(
                "The file has {size} MB, and I can read {limit} MB at most. Please attach a part of it.",
                size=later_exact(round(size / 1024**2, 1)),
                limit=MOST_BYTES // 1024**2,
            )
        )
    if not size:
        raise InvalidRequest(later("The file is empty. Attach one with a text in each row."))


def answered_name(name: str, kind: Format) -> str:
    """Return the name of the file that goes back: `reviews.csv` → `reviews-answered.csv`."""
    stem = "".join(one if one.isalnum() or one in " -_." else "_" for one in PurePosixPath(name).stem)
    return f"{stem[:LONGEST_NAME].strip(' .') or 'file'}-answered{kind.ending}"
