"""The settings of all servers, remembered for a moment, and beyond that if the database fails."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import Callable, Collection

from cachetools import LRUCache, TTLCache
from pydantic import ValidationError

from bot.errors import SettingsUnknown, describe
from bot.servers.settings import ServerSettings
from bot.storage.database import FAILURES
from bot.storage.server_settings import ServerSettingsTable

log = logging.getLogger(__name__)

MOST_REMEMBERED = 4_096
"""Servers whose settings are at hand."""
REMEMBERED_SECONDS = 2.0
"""How long another process may still use settings after they were changed."""
PATIENCE_SECONDS = 1.0
"""How long a slow database is waited for if the settings are known from before. Discord waits three seconds."""
ACCESS = "access"
"""The topic without which nothing is certain."""
MOST_KNOWN = 100_000
"""Servers whose last document is known if the database fails."""


class Servers:
    """What servers have set.

    Every process reads a server's document anew when it is `REMEMBERED_SECONDS` old, once for all who ask meanwhile.
    If the database fails, or does not answer at once, the last document that this process has read holds; it has read
    all of them at its start.
    """

    def __init__(self, table: ServerSettingsTable, *, seconds: float = REMEMBERED_SECONDS) -> None:
        self.table = table
        self._fresh: TTLCache[int, ServerSettings] = TTLCache(MOST_REMEMBERED, seconds, _now)
        self._known: LRUCache[int, str | None] = LRUCache(MOST_KNOWN)
        self._all_known = False
        self._reading: dict[int, asyncio.Task[ServerSettings]] = {}
        # Servers that have changed something while their document was being read.
        self._outdated: set[int] = set()
        # A read serves everybody who waits for it, so it outlives the interaction that began it.
        self._context = contextvars.copy_context()

    async def load(self, most: int = MOST_KNOWN) -> None:
        """Read the documents of all servers, in case that the database fails later. If it fails now, it is logged."""
        try:
            documents = await self.table.all(most)
        except FAILURES as error:
            log.warning("what servers have set cannot be read: %s", describe(error))
            return
        for guild_id, content in documents:
            self._known.setdefault(guild_id, content)
        self._all_known = len(documents) < most

    async def settings(self, guild_id: int | None) -> ServerSettings:
        """Return what a server has set; the defaults if it has set nothing, or there is no server.

        If it can't be known, the defaults hold, which allow nothing that a server must switch on. Whatever a server can
        prohibit asks `certain`.
        """
        try:
            return await self.certain(guild_id)
        except SettingsUnknown:
            return ServerSettings()

    async def certain(self, guild_id: int | None) -> ServerSettings:
        """Return what a server has set, and never the defaults because of a failure.

        Raises:
            SettingsUnknown: the database fails, and did when this process started; or the access rules can't be read.
        """
        if guild_id is None:
            return ServerSettings()
        if (known := self._fresh.get(guild_id)) is not None:
            return known
        if (reading := self._reading.get(guild_id)) is None:
            reading = self._context.run(asyncio.get_running_loop().create_task, self._read(guild_id))
            self._reading[guild_id] = reading
            reading.add_done_callback(lambda task: self._has_read(guild_id, task))
        await asyncio.wait((reading,), timeout=PATIENCE_SECONDS)
        if reading.done() and (error := reading.exception()) is None:
            return reading.result()
        if reading.done() and isinstance(error, SettingsUnknown):
            raise SettingsUnknown
        return self._last(guild_id)

    def last_known(self, guild_id: int | None) -> ServerSettings:
        """Return what a server had set when this process looked last, without a look; the defaults if it never has."""
        if guild_id is None or (guild_id not in self._fresh and self._known.get(guild_id) is None):
            return ServerSettings()
        try:
            return self._fresh.get(guild_id) or self._last(guild_id)
        except SettingsUnknown:
            return ServerSettings()

    async def allowed_checkpoints(self, guild_id: int | None) -> tuple[str, ...] | None:
        """Return the checkpoints that a server lets people choose; None for all. Raises like `certain`."""
        return (await self.certain(guild_id)).checkpoints.allowed

    async def wants_privacy(self, guild_id: int) -> bool:
        """Return whether only the person who asks sees the answers in a server."""
        return (await self.settings(guild_id)).answers.private

    async def change(self, guild_id: int, change: Callable[[ServerSettings], ServerSettings]) -> ServerSettings:
        """Change what a server has set, and return all of it.

        Raises:
            FAILURES: the database can't be used, and nothing has changed.
            SettingsUnknown: the access rules can't be read, and nothing has changed.
        """

        def changed(known: str | None) -> tuple[str, float | None]:
            settings = change(_parsed(known))
            return settings.model_dump_json(), settings.retention.seconds

        content = await self.table.change(guild_id, changed)
        # A read that is under way may have begun before the change.
        if guild_id in self._reading:
            self._outdated.add(guild_id)
        return self._note(guild_id, content)

    async def left(self, guild_id: int) -> None:
        """Note that the bot is not in a server any more; raise `FAILURES`."""
        await self.table.left(guild_id)

    async def joined(self, guild_id: int) -> None:
        """Note that the bot is in a server (again); raise `FAILURES`."""
        await self.table.joined(guild_id)

    async def catch_up(self, present: Collection[int], is_ours: Callable[[int], bool]) -> None:
        """Note which servers the bot has left, and which it has joined again, while it was not connected.

        Args:
            present: the ids of the servers that it is in, as far as they are this process's.
            is_ours: whether a server is this process's.

        Raises:
            FAILURES: the database can't be used.
        """
        for guild_id, is_left in (await self.table.whereabouts()).items():
            if is_ours(guild_id) and is_left is (guild_id in present):
                await (self.joined if is_left else self.left)(guild_id)

    async def _read(self, guild_id: int) -> ServerSettings:
        found = await self.table.find(guild_id)
        if guild_id in self._outdated:
            return self._last(guild_id)
        return self._note(guild_id, None if found is None else found[0])

    def _has_read(self, guild_id: int, task: asyncio.Task[ServerSettings]) -> None:
        if self._reading.get(guild_id) is task:
            del self._reading[guild_id]
            self._outdated.discard(guild_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("what a server has set cannot be read: %s", describe(error))

    def _note(self, guild_id: int, content: str | None) -> ServerSettings:
        self._known[guild_id] = content
        self._fresh[guild_id] = settings = _parsed(content)
        return settings

    def _last(self, guild_id: int) -> ServerSettings:
        if guild_id not in self._known and not self._all_known:
            raise SettingsUnknown
        return _parsed(self._known.get(guild_id))


def _parsed(content: str | None) -> ServerSettings:
    """Read a document. A topic that this version cannot read has its defaults, unless it says what is prohibited.

    Raises:
        SettingsUnknown: the access rules can't be read.
    """
    try:
        return ServerSettings.model_validate_json(content or "{}")
    except ValidationError as error:  # its text holds what people wrote
        log.warning("not all of what a server has set can be read: %s", describe(error))
        faulty = {str(fault["loc"][0]) if fault["loc"] else ACCESS for fault in error.errors(include_input=False)}
    if ACCESS in faulty:
        raise SettingsUnknown
    topics = json.loads(content or "{}")
    return ServerSettings.model_validate({name: value for name, value in topics.items() if name not in faulty})


def _now() -> float:
    return asyncio.get_running_loop().time()
