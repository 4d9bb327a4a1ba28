"""What becomes of a row."""

from __future__ import annotations

from dataclasses import dataclass

from bot.batches.answers import Value


@dataclass(frozen=True)
class Outcome:
    """A row's answers, one for each answer column; or why there are none.

    Attributes:
        counted: see `bot.batches.results.Read`.
        truncated: whether the end of its text was not read.
    """

    values: tuple[Value, ...] = ()
    error: str = ""
    counted: tuple[str, ...] = ()
    truncated: bool = False
