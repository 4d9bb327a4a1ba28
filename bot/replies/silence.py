"""Places that are left alone for a while, because Discord refuses there what the bot does by itself."""

from __future__ import annotations

import asyncio

import discord
from cachetools import TTLCache

from bot.errors import DiscordAvoided

SILENT_SECONDS = 300.0
"""Discord shuts out a bot that tries again and again what it may not."""
MOST_PLACES = 10_000


class Silence:
    """The places that this process leaves alone, by the ids of channels, on the event loop's clock."""

    def __init__(self) -> None:
        self._places: TTLCache[int, None] = TTLCache(MOST_PLACES, SILENT_SECONDS, _now)

    def __contains__(self, channel_id: int) -> bool:
        """Whether a place is left alone."""
        return channel_id in self._places

    def begin(self, channel_id: int) -> None:
        """Leave a place alone for a while."""
        self._places[channel_id] = None

    def hear(self, channel_id: int, error: Exception) -> None:
        """Leave a place alone for a while if the error of a call there says that it would be refused again."""
        if isinstance(error, (discord.Forbidden, DiscordAvoided)):
            self.begin(channel_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
