"""The settings of all servers, remembered for a moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cachetools import TTLCache
from pydantic import ValidationError

from bot.errors import describe
from bot.servers.settings import ServerSettings
from bot.storage.database import FAILURES
from bot.storage.server_settings import ServerSettingsTable

log = logging.getLogger(__name__)

MOST_REMEMBERED = 4_096
REMEMBERED_SECONDS = 5.0
"""How long another process may still use settings after they were changed."""


class Servers:
    """What servers have set."""

    def __init__(self, table: ServerSettingsTable, *, seconds: float = REMEMBERED_SECONDS) -> None:
        self.table = table
        self._remembered: TTLCache[int, ServerSettings] = TTLCache(MOST_REMEMBERED, seconds, _now)

    async def settings(self, guild_id: int | None) -> ServerSettings:
        """Return what a server has set; the defaults if it has set nothing, or there is no server.

        If the database fails, the defaults hold, which allow nothing that a server must switch on.
        """
        if guild_id is None:
            return ServerSettings()
        if (known := self._remembered.get(guild_id)) is not None:
            return known
        try:
            found = await self.table.find(guild_id)
        except FAILURES as error:
            log.warning("what a server has set cannot be read: %s", describe(error))
            return ServerSettings()
        self._remembered[guild_id] = settings = _read(None if found is None else found[0])
        return settings

    async def change(self, guild_id: int, change: Callable[[ServerSettings], ServerSettings]) -> ServerSettings:
        """Change what a server has set, and return all of it.

        Raises:
            FAILURES: the database can't be used, and nothing has changed.
        """
        content = await self.table.change(guild_id, lambda known: change(_read(known)).model_dump_json())
        self._remembered[guild_id] = settings = _read(content)
        return settings

    async def left(self, guild_id: int) -> None:
        """Note that the bot is not in a server any more; raise `FAILURES`."""
        self._remembered.pop(guild_id, None)
        await self.table.left(guild_id)


def _read(content: str | None) -> ServerSettings:
    if content is None:
        return ServerSettings()
    try:
        return ServerSettings.model_validate_json(content)
    except ValidationError as error:  # its text holds what people wrote
        log.warning("what a server has set cannot be read: %s", describe(error))
        return ServerSettings()


def _now() -> float:
    return asyncio.get_running_loop().time()
