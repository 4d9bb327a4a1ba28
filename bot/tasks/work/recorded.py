"""A summary that was generated before, from its stored token ids."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import InvalidRequest
from bot.inference.operations import TaskRun
from bot.tasks.summarization.summarizers import PartSummary, Summarizer, SummaryRow
from bot.tasks.work.written import WRITTEN_BY_ANOTHER


class Recorded:
    """A summariser that computes nothing: it returns texts that were generated before, round by round."""

    def __init__(self, summarizer: Summarizer, texts: Sequence[tuple[int, ...]]) -> None:
        self._summarizer = summarizer
        self._left = list(texts)
        self.room = summarizer.room
        self.general = summarizer.general

    def count(self, text: str) -> int:
        return self._summarizer.count(text)

    def row(self, part: str, most: int) -> SummaryRow:
        return self._summarizer.row(part, most)

    def read(self, row: SummaryRow, ids: Sequence[int]) -> PartSummary:
        return self._summarizer.read(row, ids)

    def write(self, rows: Sequence[SummaryRow], *, alone: bool = False) -> TaskRun[list[PartSummary]]:
        """Return the next texts.

        Raises:
            InvalidRequest: there are fewer, so another checkpoint has written them.
        """
        yield from ()  # a generator, as its caller expects, that calls no operation
        taken, self._left = self._left[: len(rows)], self._left[len(rows) :]
        if len(taken) < len(rows):
            raise InvalidRequest(WRITTEN_BY_ANOTHER)
        found = [self.read(row, ids) for row, ids in zip(rows, taken, strict=True)]
        if not self._left:  # the last round, perhaps because somebody had stopped it
            for row in rows:
                row.stop()
        return found

    def check_all_was_said(self) -> None:
        """Raise `InvalidRequest` if there are more texts than rounds have taken."""
        if self._left:
            raise InvalidRequest(WRITTEN_BY_ANOTHER)
