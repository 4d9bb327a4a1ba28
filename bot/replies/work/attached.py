"""What only the attached file has room for."""

from __future__ import annotations

from dataclasses import dataclass

from bot.replies.reply import Draft
from bot.replies.work.blocks import Table


@dataclass(frozen=True)
class Attached:
    """A wide table: the page has a sentence on it, and the file has the table.

    Attributes:
        said: the sentence.
        titles: of the columns.
        rows: a cell for each title.
    """

    said: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self, draft: Draft, room: int) -> str:
        """The sentence. It says that there is a file, so nothing else needs to."""
        return draft.fit(self.said, room)

    def plain(self) -> str:
        """The table."""
        return f"{self.said}\n{Table(self.titles, self.rows).plain()}"
