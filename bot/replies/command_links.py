"""Clickable names of commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from discord.app_commands import AppCommand

from bot.errors import describe

log = logging.getLogger(__name__)

FETCH_SECONDS = 5.0
"""How long Discord may take to tell the ids of the commands. A name without a link is better than no sentence."""
AGAIN_SECONDS = 60.0
"""After a failure."""


class CommandLinks:
    """The registered commands, asked for once.

    Args:
        fetch: returns them, as `CommandTree.fetch_commands` does.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Sequence[AppCommand]]]) -> None:
        self._fetch = fetch
        self._links: dict[str, str] = {}
        self._lock = asyncio.Lock()
        self._not_before = 0.0

    async def link(self, name: str) -> str:
        """Return a command's name as a link to it, or as code if Discord does not tell its id."""
        async with self._lock:
            if not self._links and asyncio.get_running_loop().time() >= self._not_before:
                await self._read()
        return self._links.get(name, f"`/{name}`")

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._links = {command.name: command.mention for command in await self._fetch()}
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("the ids of the commands are not known: %s", describe(error))
        self._not_before = asyncio.get_running_loop().time() + AGAIN_SECONDS
