"""The ids of the registered commands, with which Discord makes their names clickable."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

from discord import app_commands

from bot.errors import describe

log = logging.getLogger(__name__)

FETCH_SECONDS = 1.5
"""How long a reader waits for the ids. Without them, a name is plain text."""
AGAIN_SECONDS = 300.0
"""Between two fetches: commands are registered anew when the bot is updated."""


class CommandIds:
    """The ids of the commands that are registered for all servers. They are fetched when somebody reads them."""

    def __init__(self, tree: app_commands.CommandTree[Any]) -> None:
        self._tree = tree
        self._ids: dict[str, int] = {}
        self._fetched = -math.inf

    async def look(self) -> None:
        """Fetch the ids if that was long ago. If Discord does not answer, the last ones are used."""
        now = asyncio.get_running_loop().time()
        if now - self._fetched < AGAIN_SECONDS:
            return
        self._fetched = now
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                commands = await self._tree.fetch_commands()
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("the ids of the commands cannot be fetched: %s", describe(error))
            return
        self._ids = {command.name: command.id for command in commands if command.type.value == 1}

    def mention(self, name: str) -> str:
        """Return Markdown that shows a command's name, to click on if its id is known."""
        identity = self._ids.get(name.partition(" ")[0])
        return f"`/{name}`" if identity is None else f"</{name}:{identity}>"
