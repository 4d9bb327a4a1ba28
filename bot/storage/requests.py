"""The requests behind the buttons under answers, so that the buttons outlive a restart of the bot."""

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
from bot.storage.database import connect
from bot.tasks import all_tasks, task_names

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a request is kept."""

_INSERT = f"""
INSERT INTO requests (id, person, kind, content, created, channel_id) SELECT ?, ?, ?, ?, ?, ? WHERE {NOT_DELETED}
"""


class RequestStore:
    """Requests that are kept for 30 days, in a SQLite database. Any number of coroutines may use it at once.

    A failing database costs nobody an answer: the failure is logged, and buttons say that their request is forgotten.

    Args:
        connection: from `bot.storage.database.connect`.
        kinds: how requests become JSON and back, by the name of their task; reading validates.
        now: returns the time, in seconds since 1970.

    Attributes:
        conversations: what was said with `/chat`, in the same database.
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
        """Open the store in a file, which is made if there is none.

        Args:
            path: of the file; None keeps everything in memory until the store is closed, and so does a file that
                cannot be used.
        """
        kinds = await asyncio.to_thread(_kinds)
        connection = await connect(path)
        try:
            yield cls(connection, kinds, now)
        finally:
            await connection.close()

    async def keep(self, request: Request[object], *, person: int) -> str:
        """Keep a request, and return the id to find it by.

        A request of a conversation that was deleted meanwhile is not kept, and not found.

        Args:
            request: of one of the bot's tasks.
            person: the one who asked, by Discord's id.
        """
        kind = self._names[type(request)]
        identity = secrets.token_urlsafe(12)
        content = self._kinds[kind].dump_json(request).decode()
        channel_id, conversation = conversation_of(request)
        now = self._now()
        try:
            await self._run("DELETE FROM requests WHERE created < ?", now - KEPT_SECONDS)
            await self._run(_INSERT, identity, person, kind, content, now, channel_id, channel_id, conversation)
        except sqlite3.Error as error:
            log.warning("a request cannot be kept: %s", describe(error))
        return identity

    async def find(self, identity: str) -> Request[object]:
        """Return the request that was kept under an id.

        Raises:
            RequestForgotten: there is none (any more), or it cannot be read.
            InvalidRequest: such a request is not answered any more.
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

    async def _run(self, statement: str, *values: float | str | None) -> None:
        async with self._connection.execute(statement, values):
            pass


def _kinds() -> dict[str, TypeAdapter[Any]]:
    return {task.name: TypeAdapter(task.request) for task in all_tasks()}
