"""Deletes what has been kept long enough, once an hour. Reads hide it from the very second."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from discord.ext import tasks
from sqlalchemy import Column, Delete, bindparam, delete, func, select, union_all

from bot.errors import describe
from bot.storage.database import FAILURES, Database
from bot.storage.retention import AFTER_LEAVING_SECONDS, EXPIRED_IN_SERVERS, LONG_GONE, forget_server
from bot.storage.retention import KEPT_SECONDS as KEPT_SECONDS
from bot.storage.tables import DELETIONS, ERASURES, EXCHANGES, FORUM_POSTS, QUOTA_USES, REQUESTS, TRANSLATIONS

log = logging.getLogger(__name__)

QUOTA_SECONDS = 7 * 24 * 3600.0
"""The longest period of a quota."""
FORUM_SECONDS = 180 * 24 * 3600.0
"""How long it is kept which tags a post of a forum got. That has neither texts nor people in it."""
AGES = (
    *((table.c.created, KEPT_SECONDS) for table in (REQUESTS, EXCHANGES, DELETIONS, ERASURES, TRANSLATIONS)),
    (QUOTA_USES.c.used, QUOTA_SECONDS),
    (FORUM_POSTS.c.created, FORUM_SECONDS),
)
"""The columns that say since when a row is kept, in seconds since 1970, and for how many seconds it is."""

DISTRUSTED_SECONDS = 10 * 24 * 3600.0
"""If nothing was kept for so long when a bot starts, its clock may be wrong: it deletes nothing in the first hour."""
EVERY, JITTER = timedelta(hours=1), 0.2
_NEWEST = union_all(select(func.max(REQUESTS.c.created)), select(func.max(EXCHANGES.c.created)))
AT_ONCE = 1_000
"""The most rows of one statement, so that nobody waits long for it."""


class Expiry:
    """The periodic deletion of a database's old rows. Several processes may do it at once."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._statements = tuple((_delete(column), seconds) for column, seconds in AGES)
        self._loop: tasks.Loop[Callable[[], Coroutine[Any, Any, None]]] | None = None
        self._has_begun = False

    def start(self) -> None:
        """Begin now, and again about every hour until `stop`."""
        self.stop()
        # A new one each time, because a loop that is still ending can't be started.
        self._loop = tasks.loop(seconds=EVERY.total_seconds())(self._periodically)
        self._loop.start()

    def stop(self) -> None:
        """End it after the statement that is running."""
        if self._loop is not None:
            self._loop.cancel()
            self._loop = None

    async def expire(self) -> None:
        """Delete what is too old. If the database fails, it is tried again the next time."""
        try:
            for statement, seconds in self._statements:
                before = self._now() - seconds
                while await self._database.run(statement, {"before": before}) == AT_ONCE:
                    pass
            for statement in EXPIRED_IN_SERVERS:
                while await self._database.run(statement, {"now": self._now()}):
                    pass
            await self._forget_servers(self._now() - AFTER_LEAVING_SECONDS)
        except FAILURES as error:
            log.warning("what is too old cannot be deleted: %s", describe(error))

    async def _forget_servers(self, before: float) -> None:
        """Delete everything of the servers that the bot left too long ago."""
        for row in await self._database.rows(LONG_GONE, {"before": before}):
            await self._database.transaction(partial(forget_server, guild_id=row.guild_id, before=before))

    async def _is_distrusted(self) -> bool:
        """Return whether the clock may be ahead, because nothing was kept lately."""
        try:
            newest = [row[0] for row in await self._database.rows(_NEWEST) if row[0] is not None]
        except FAILURES:
            return False  # then nothing can be deleted either
        gap = self._now() - max(newest, default=self._now())
        if gap > DISTRUSTED_SECONDS:
            log.warning("nothing was kept for %.0f days: if the clock is wrong, set it within the hour", gap / 86_400)
        return gap > DISTRUSTED_SECONDS

    async def _periodically(self) -> None:
        is_first, self._has_begun = not self._has_begun, True
        if not (is_first and await self._is_distrusted()):
            await self.expire()
        # Processes that were started together drift apart.
        if self._loop is not None:
            self._loop.change_interval(seconds=EVERY.total_seconds() * random.uniform(1 - JITTER, 1 + JITTER))


def _delete(column: Column[float]) -> Delete:
    """Return the statement that deletes up to `AT_ONCE` rows of a column's table that are older than `before`."""
    [key] = column.table.primary_key
    # Rows that another process is deleting are skipped: waiting for each other's, both could wait for ever.
    oldest = (
        select(key)
        .where(column < bindparam("before", type_=column.type))
        .order_by(column)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return delete(column.table).where(key.in_(oldest))
