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

from bot.conversations import NOT_DELETED, Conversations, conversation_of
from bot.conversations import TABLE as CONVERSATIONS_TABLE
from bot.conversations import TRIGGERS as CONVERSATIONS_TRIGGERS
from bot.errors import RequestForgotten, describe
from bot.inference.requests import Request
from bot.tasks import all_tasks, task_names

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a request is kept."""

_TABLE = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY,
    person INTEGER NOT NULL,  -- whose request it is, by Discord's id
    kind TEXT NOT NULL,       -- the task's name
    content TEXT NOT NULL,    -- the request's fields, in JSON
    created REAL NOT NULL     -- in seconds since 1970
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_by_age ON requests (created);
"""
_INSERT = f"INSERT INTO requests SELECT ?, ?, ?, ?, ? WHERE {NOT_DELETED}"


class RequestStore:
    """Keeps requests for 30 days, in a SQLite database. Any number of coroutines may use it at once.

    Nothing here may keep an answer from anybody: what cannot be kept is logged, and its buttons say that it is
    forgotten.

    Args:
        connection: to a database that has the tables.
        kinds: how requests become JSON and back, by the name of their task; reading validates.
        now: the time, in seconds since 1970.

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
        """The store in a file, which is made where there is none.

        Args:
            path: of the file; None keeps everything in memory, until the store is closed. So does a file that cannot
                be used.
        """
        kinds = await asyncio.to_thread(_kinds)
        connection = await _connected(path)
        try:
            yield cls(connection, kinds, now)
        finally:
            await connection.close()

    async def keep(self, request: Request[Any], *, person: int) -> str:
        """Keep a request, and return the id that it is found by.

        One of a conversation that was deleted meanwhile is not kept, and not found.

        Args:
            request: of one of the bot's tasks.
            person: whose it is.
        """
        kind = self._names[type(request)]
        identity = secrets.token_urlsafe(12)
        content = self._kinds[kind].dump_json(request).decode()
        try:
            await self._run("DELETE FROM requests WHERE created < ?", self._now() - KEPT_SECONDS)
            await self._run(_INSERT, identity, person, kind, content, self._now(), *conversation_of(request))
        except sqlite3.Error as error:
            log.warning("a request cannot be kept: %s", describe(error))
        return identity

    async def find(self, identity: str) -> Request[Any]:
        """The request that was kept under an id.

        Raises:
            RequestForgotten: there is none (any more), or it cannot be read.
            InvalidRequest: it is one that is not answered any more.
        """
        try:
            found = await self._connection.execute_fetchall(
                "SELECT kind, content FROM requests WHERE id = ? AND created >= ?",
                (identity, self._now() - KEPT_SECONDS),
            )
            for kind, content in found:
                request: Request[Any] = self._kinds[kind].validate_json(content)
                return request
        except (sqlite3.Error, KeyError, ValidationError) as error:
            log.warning("a request that was kept cannot be read: %s", describe(error))
        raise RequestForgotten

    async def _run(self, statement: str, *values: Any) -> None:
        async with self._connection.execute(statement, values):
            pass


def _kinds() -> dict[str, TypeAdapter[Any]]:
    return {task.name: TypeAdapter(task.request) for task in all_tasks()}


async def _connected(path: Path | None) -> aiosqlite.Connection:
    """A connection to a database that has the tables; in memory where the file cannot be used."""
    if path is not None:
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            return await _prepared(str(path))
        except (sqlite3.Error, OSError) as error:
            log.warning("requests cannot be kept beyond a restart: %s", describe(error))
    return await _prepared(":memory:")


async def _prepared(path: str) -> aiosqlite.Connection:
    # Without transactions of its own, so that statements of several coroutines don't share one.
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        # Readers and a second process need not wait for writers, and a crash may cost the last requests, not the file.
        # What is deleted is overwritten where it stood, not only given free.
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"
        await connection.executescript(f"{pragmas} {_TABLE} {CONVERSATIONS_TABLE} {CONVERSATIONS_TRIGGERS}")
    except BaseException:
        await connection.close()
        raise
    return connection
