"""How long the bot keeps what is asked in a server."""

from __future__ import annotations

from pydantic import Field

from bot.servers.topics.topic import Topic

DAY = 24 * 3600.0
MOST_DAYS = 30


class RetentionSettings(Topic):
    """How long requests and conversations are kept.

    Attributes:
        days: None for the bot's own 30 days, which are the most.
    """

    days: int | None = Field(None, ge=1, le=MOST_DAYS)

    @property
    def seconds(self) -> float | None:
        """The same in seconds."""
        return None if self.days is None else self.days * DAY
