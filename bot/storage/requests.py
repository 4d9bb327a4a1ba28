"""The requests behind buttons, kept so that buttons work after a restart of the bot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiosqlite
from pydantic import TypeAdapter, ValidationError

from bot.errors import RequestForgotten, describe
from bot.inference.requests import Request
from bot.storage.conversations import NOT_DELETED, Conversations, conversation_of
from bot.storage.database import connect, run
from bot.tasks import all_tasks, task_names

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a request is kept."""

_INSERT = f"""
INSERT INTO requests (id, person, kind, content, created, channel_id) SELECT ?, ?, ?, ?, ?, ? WHERE {NOT_DELETED}
"""


class RequestStore:
    """Requests that are kept for 30 days, in a SQLite database that any number of coroutines may use at once.

    If the database fails, buttons say that their request is forgotten; answers still arrive.

    Args:
        kinds: by the name of a task, the adapter of its requests to JSON; reading validates.
        now: returns the time, in seconds since 1970.
    """

    def __init__(
        self, connection: aiosqlite.Connection, kinds: Mapping[str, TypeAdapter[Any]], now: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._kinds = kinds
        self._names = task_names()
        self._now = now
        self.conversations = Conversations(connection, now)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path | None, *, now: Callable[[], float] = time.time) -> AsyncIterator[RequestStore]:
        """Open the store in a file; in memory if the path is None or the file can't be used."""
        kinds = await asyncio.to_thread(_kinds)
        connection = await connect(path)
        try:
            yield cls(connection, kinds, now)
        finally:
            await connection.close()

    async def keep(self, request: Request[object], *, person: int) -> str:
        """Keep a request, unless its conversation was deleted meanwhile; return an id in any case.

        Args:
            person: the one who asked, by Discord's id.
        """
        kind = self._names[type(request)]
        identity = secrets.token_urlsafe(12)
        content = self._kinds[kind].dump_json(request).decode()
        channel_id, conversation = conversation_of(request)
        now = self._now()
        try:
            await run(self._connection, "DELETE FROM requests WHERE created < ?", now - KEPT_SECONDS)
            await run(
                self._connection, _INSERT, identity, person, kind, content, now, channel_id, channel_id, conversation
            )
        except sqlite3.Error as error:
            log.warning("a request cannot be kept: %s", describe(error))
        return identity

    async def find(self, identity: str) -> Request[object]:
        """Return the request that was kept under an id.

        Raises:
            RequestForgotten: it is not kept (any more), or it can't be read.
            InvalidRequest: this version no longer answers such a request.
        """
        try:
            found = await self._connection.execute_fetchall(
                "SELECT kind, content FROM requests WHERE id = ? AND created >= ?",
                (identity, self._now() - KEPT_SECONDS),
            )
            for kind, content in found:
                request: Request[object] = self._kinds[kind].validate_json(content)
                return request
        except (sqlite3.Error, KeyError, ValidationError) as error:
            log.warning("a request that was kept cannot be read: %s", describe(error))
        raise RequestForgotten


def _kinds() -> dict[str, TypeAdapter[Any]]:
    return {task.name: TypeAdapter(task.request) for task in all_tasks()}
