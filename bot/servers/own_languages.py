"""The languages that people have chosen, at hand: nobody waits for the database before they are answered."""

from __future__ import annotations

import asyncio
import contextvars
import logging

from cachetools import LRUCache, TTLCache

from bot.errors import describe
from bot.storage.database import FAILURES
from bot.storage.own_languages import OwnLanguagesTable

log = logging.getLogger(__name__)

MOST_KNOWN = 100_000
"""People whose choice is at hand."""
FRESH_SECONDS = 60.0
"""How long this process believes a choice before it looks whether another one has changed it."""


class OwnLanguages:
    """What people have chosen, as this process knows it.

    It reads all choices at its start. Whoever asks afterwards is answered at once with what is known, and what is older
    than `FRESH_SECONDS` is read again meanwhile. So a choice that was made in another process holds from the second
    interaction on; and if the database fails, the last known ones hold.
    """

    def __init__(self, table: OwnLanguagesTable) -> None:
        self._table = table
        self._known: LRUCache[int, str | None] = LRUCache(MOST_KNOWN)
        self._fresh: TTLCache[int, bool] = TTLCache(MOST_KNOWN, FRESH_SECONDS, _now)
        self._reading: dict[int, asyncio.Task[None]] = {}
        # A read outlives the interaction that began it.
        self._context = contextvars.copy_context()

    async def load(self) -> None:
        """Read what all people have chosen. If the database fails, it is logged."""
        try:
            found = await self._table.all(MOST_KNOWN)
        except FAILURES as error:
            log.warning("the languages that people have chosen cannot be read: %s", describe(error))
            return
        self._known.update(found)

    def of(self, person: int) -> str | None:
        """Return the locale that a person has chosen; None if they have chosen none, or it is not known."""
        if person not in self._fresh and person not in self._reading:
            self._fresh[person] = True
            loop = asyncio.get_running_loop()
            self._reading[person] = task = self._context.run(loop.create_task, self._read(person))
            task.add_done_callback(lambda task: self._has_read(person, task))
        return self._known.get(person)

    async def choose(self, person: int, locale: str | None) -> None:
        """Keep what a person has chosen; None for what Discord says. Raises `FAILURES`."""
        await self._table.choose(person, locale)
        self.note(person, locale)

    def note(self, person: int, locale: str | None) -> None:
        """Take over what is in the database now."""
        # A read that is under way may have begun before the change.
        if (reading := self._reading.pop(person, None)) is not None:
            reading.cancel()
        self._known[person], self._fresh[person] = locale, True

    async def _read(self, person: int) -> None:
        self._known[person] = await self._table.find(person)

    def _has_read(self, person: int, task: asyncio.Task[None]) -> None:
        if self._reading.get(person) is task:
            del self._reading[person]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("the language that somebody has chosen cannot be read: %s", describe(error))


def _now() -> float:
    return asyncio.get_running_loop().time()
