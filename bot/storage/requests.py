"""The requests behind buttons, kept so that buttons work after a restart of the bot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, select

from bot.errors import RequestForgotten, RequestUnreadable, describe
from bot.inference.requests import Request
from bot.storage.batches import Batches
from bot.storage.conversations import Conversations, conversation_of
from bot.storage.database import FAILURES, Database, Values
from bot.storage.deletions import insert_unless_deleted, let_nobody_delete
from bot.storage.encryption import Cipher, cipher_of
from bot.storage.expiry import Expiry
from bot.storage.opening import open_database
from bot.storage.opt_outs import OptOuts
from bot.storage.processes import Processes
from bot.storage.retention import is_kept
from bot.storage.rotation import Rotation
from bot.storage.server_settings import ServerSettingsTable
from bot.storage.tables import REQUESTS
from bot.tasks import all_tasks, task_names

log = logging.getLogger(__name__)

_INSERT = insert_unless_deleted(REQUESTS)
_FIND = select(REQUESTS.c.kind, REQUESTS.c.content).where(REQUESTS.c.id == bindparam("id"), is_kept(REQUESTS))


class RequestStore:
    """Requests that are kept for 30 days, in a database that any number of coroutines and processes may use at once.

    If the database fails, buttons say that their request is forgotten; answers still arrive.

    Args:
        kinds: by the name of a task, the adapter of its requests to JSON; reading validates.
        now: returns the time, in seconds since 1970.
    """

    def __init__(self, database: Database, kinds: Mapping[str, TypeAdapter[Any]], now: Callable[[], float]) -> None:
        self.database = database
        self.rotation = Rotation(database, cipher_of(database.events.dialect))
        self._kinds = kinds
        self._names = task_names()
        self._now = now
        self.expiry = Expiry(database, now)
        self.processes = Processes(database)
        self.conversations = Conversations(database, self.processes.leases, now)
        self.server_settings = ServerSettingsTable(database, now)
        self.opt_outs = OptOuts(database)
        self.batches = Batches(database, now)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: Path | None,
        url: str | None = None,
        *,
        keys: Sequence[str] = (),
        now: Callable[[], float] = time.time,
    ) -> AsyncIterator[RequestStore]:
        """Open the store in a database (see `open_database`).

        Args:
            keys: encrypt people's texts (see `Cipher`).

        Raises:
            SettingsError: the PostgreSQL database can't be used.
        """
        kinds = await asyncio.to_thread(_kinds)
        async with open_database(path, url, Cipher(keys)) as database:
            store = cls(database, kinds, now)
            try:
                yield store
            finally:
                await store.processes.close()

    async def keep(self, request: Request[object], *, person: int, guild_id: int | None = None) -> str:
        """Keep a request, unless its conversation was deleted meanwhile; return an id in any case.

        Args:
            person: the one who asked, by Discord's id.
            guild_id: of the server that they asked in.
        """
        kind = self._names[type(request)]
        identity = secrets.token_urlsafe(12)
        content = self._kinds[kind].dump_json(request).decode()
        channel_id, conversation = conversation_of(request)
        values: Values = {
            "id": identity,
            "person": person,
            "kind": kind,
            "content": content,
            "created": self._now(),
            "channel_id": channel_id,
            "guild_id": guild_id,
            "conversation": conversation,
        }

        try:
            if channel_id is None:
                await self.database.run(_INSERT, values)
            else:
                await self.database.transaction(lambda connection: _insert(connection, values, channel_id))
        except FAILURES as error:
            log.warning("a request cannot be kept: %s", describe(error))
        return identity

    async def find(self, identity: str) -> Request[object]:
        """Return the request that was kept under an id.

        Raises:
            RequestForgotten: it is not kept (any more), or it can't be read.
            RequestUnreadable: its key is missing.
            InvalidRequest: this version no longer answers such a request.
        """
        try:
            for row in await self.database.rows(_FIND, {"id": identity, "now": self._now()}):
                if row.content is None:
                    raise RequestUnreadable
                request: Request[object] = self._kinds[row.kind].validate_json(row.content)
                return request
        except (*FAILURES, KeyError, ValidationError) as error:
            log.warning("a request that was kept cannot be read: %s", describe(error))
        raise RequestForgotten


def _insert(connection: Connection, values: Values, channel_id: int) -> None:
    let_nobody_delete(connection, channel_id)
    connection.execute(_INSERT, values)


@cache  # the first time takes 20 ms
def _kinds() -> Mapping[str, TypeAdapter[Any]]:
    return {task.name: TypeAdapter(task.request) for task in all_tasks()}
