"""Deletes the translations that a server does not want to keep, also after a restart of the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bot.errors import describe
from bot.replies.discord_errors import outcome_of
from bot.storage.database import FAILURES
from bot.storage.translations import Due, Translations

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks for translations whose time is up."""
DELETE_SECONDS = 30.0
"""How long Discord may take for one; less than another process leaves it alone."""


class Deletions:
    """The translations that are to be deleted.

    Args:
        delete: deletes a message of the bot's, by the ids of its channel and itself.
    """

    def __init__(self, translations: Translations, delete: Callable[[int, int], Awaitable[object]]) -> None:
        self._translations = translations
        self._delete = delete
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> None:
        """Look for them until `stop`, if nothing does yet."""
        if self._task is not None:
            return
        self._task = self._translations.timers.run(asyncio.get_running_loop().create_task, self._run())

    def stop(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                for due in await self._translations.due():
                    await self._try(due)
            except FAILURES as error:
                log.warning("translations cannot be deleted: %s", describe(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _try(self, due: Due) -> None:
        """Delete one. If Discord is in trouble, it is due again in a while."""
        try:
            async with asyncio.timeout(DELETE_SECONDS):
                await self._delete(due.channel_id, due.reply_id)
        except Exception as error:
            if outcome_of(error).is_retryable:
                log.info("a translation cannot be deleted yet: %s", describe(error))
                return
        await self._translations.deleted(due)
