"""The requests behind buttons, kept so that buttons work after a restart of the bot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Text, bindparam, cast, func, insert, select

from bot.errors import RequestForgotten, RequestOutOfReach, RequestUnreadable, describe
from bot.inference.requests import Request
from bot.request_ids import add_words_of, words_of
from bot.storage.batches import Batches
from bot.storage.conversations import Conversations, conversation_of
from bot.storage.database import FAILURES, Database, Values
from bot.storage.deletions import insert_unless_deleted, let_nobody_delete
from bot.storage.encryption import Cipher, cipher_of
from bot.storage.erasures import any_erased, asked_now, let_nobody_erase
from bot.storage.expiry import Expiry
from bot.storage.forum_posts import ForumPosts
from bot.storage.guesses import Guesses
from bot.storage.maintenance import MaintenanceTable
from bot.storage.opening import open_database
from bot.storage.opt_outs import OptOuts
from bot.storage.own_languages import OwnLanguagesTable
from bot.storage.personal.personal_data import PersonalData
from bot.storage.processes import Processes
from bot.storage.quota_uses import QuotaUses
from bot.storage.retention import is_kept
from bot.storage.rotation import Rotation
from bot.storage.server_settings import ServerSettingsTable
from bot.storage.steady_clock import SteadyClock
from bot.storage.tables import REQUESTS, WORDS_IN_REQUESTS
from bot.storage.translations import Translations
from bot.tasks import kept_requests

log = logging.getLogger(__name__)

_INSERT = insert_unless_deleted(REQUESTS)
_INSERT_WORDS = insert(WORDS_IN_REQUESTS).values(request_id=bindparam("request"), person=bindparam("whose"))
_WORDS = select(func.aggregate_strings(cast(WORDS_IN_REQUESTS.c.person, Text), ",")).where(
    WORDS_IN_REQUESTS.c.request_id == REQUESTS.c.id
)
_FIND = select(REQUESTS.c.kind, REQUESTS.c.content, REQUESTS.c.person, _WORDS.scalar_subquery().label("words")).where(
    REQUESTS.c.id == bindparam("id"), is_kept(REQUESTS)
)


class RequestStore:
    """Requests that are kept for 30 days, in a database that any number of coroutines and processes may use at once.

    If the database fails, answers have no buttons, and those that are there say so; answers still arrive.

    Args:
        kinds: by the name of a task, the adapter of its requests to JSON; reading validates.
        now: returns the time, in seconds since 1970.
    """

    def __init__(self, database: Database, kinds: Mapping[str, TypeAdapter[Any]], now: Callable[[], float]) -> None:
        self.database = database
        self.rotation = Rotation(database, cipher_of(database.events.dialect))
        self._kinds = kinds
        self._names = kept_requests()
        self._now = now
        self.expiry = Expiry(database, now)
        self.processes = Processes(database)
        self.opt_outs = OptOuts(database)
        self.own_languages = OwnLanguagesTable(database)
        self.batches = Batches(database, now)
        self.conversations = Conversations(database, self.processes.leases, self.opt_outs, now)
        self.server_settings = ServerSettingsTable(database, now)
        self.translations = Translations(database, now)
        self.personal_data = PersonalData(database, self.processes.writing, now)
        self.quota_uses = QuotaUses(database)
        self.forum_posts = ForumPosts(database, now)
        self.maintenance = MaintenanceTable(database)
        self.guesses = Guesses(database)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        path: Path | None,
        url: str | None = None,
        *,
        keys: Sequence[str] = (),
        now: Callable[[], float] | None = None,
    ) -> AsyncIterator[RequestStore]:
        """Open the store in a database (see `open_database`).

        Args:
            keys: encrypt people's texts (see `Cipher`).
            now: returns the time, in seconds since 1970; a `SteadyClock` if it is None.

        Raises:
            SettingsError: the PostgreSQL database can't be used.
        """
        kinds = await asyncio.to_thread(_kinds)
        async with open_database(path, url, Cipher(keys)) as database:
            store = cls(database, kinds, now or SteadyClock())
            try:
                yield store
            finally:
                store.expiry.stop()  # if it still runs, because a bot was not closed
                await store.processes.close()

    async def keep(self, request: Request[object], *, person: int, guild_id: int | None = None) -> str:
        """Keep a request, unless its conversation or everything of a person was deleted meanwhile; return an id anyway.

        If it can't be kept, or not in a moment, the id is empty: no button could find it.

        Those are the one who asked, and the others whose words it holds (`bot.request_ids.words_of`).

        Args:
            person: the one who asked, by Discord's id.
            guild_id: of the server that they asked in.
        """
        kind = self._names[type(request)]
        identity = secrets.token_urlsafe(12)
        content = self._kinds[kind].dump_json(request).decode()
        channel_id, conversation = conversation_of(request)
        asked = asked_now()
        values: Values = {
            "id": identity,
            "person": person,
            "kind": kind,
            "content": content,
            "created": self._now(),
            "channel_id": channel_id,
            "guild_id": guild_id,
            "conversation": conversation,
            "asked": asked,
        }
        # Of a conversation's request the list is complete, so that one without it is known to be of an earlier version.
        words = words_of.get() - {person} if channel_id is None else words_of.get() | {person}

        def work(connection: Connection) -> None:
            let_nobody_erase(connection, words | {person})
            if channel_id is not None:
                let_nobody_delete(connection, channel_id)
            if words and any_erased(connection, words, asked):
                return
            if connection.execute(_INSERT, values).rowcount and words:
                connection.execute(_INSERT_WORDS, [{"request": identity, "whose": one} for one in sorted(words)])

        async def write() -> None:
            if words or self.database.dialect != "sqlite":
                await self.database.transaction(work)
            else:  # one statement checks and writes, which takes half as long, and on SQLite nobody comes between
                await self.database.run(_INSERT, values)

        try:
            await self.database.patience.wait(write())
        except FAILURES as error:
            log.warning("a request cannot be kept: %s", describe(error))
            return ""
        return identity

    async def find(self, identity: str) -> Request[object]:
        """Return the request that was kept under an id.

        Raises:
            RequestForgotten: it is not kept (any more), or it can't be read.
            RequestOutOfReach: the database can't be used.
            RequestUnreadable: its key is missing.
            InvalidRequest: this version no longer answers such a request.
        """
        values: Values = {"id": identity, "now": self._now()}
        try:
            # Somebody has pressed a button: they would rather wait than press again.
            for row in await self.database.patience.wait(self.database.rows(_FIND, values), anyway=True):
                # What is made of it holds their words as well, whoever asks for it.
                add_words_of([row.person, *(map(int, row.words.split(",")) if row.words else ())])
                if row.content is None:
                    raise RequestUnreadable
                request: Request[object] = self._kinds[row.kind].validate_json(row.content)
                return request
        except FAILURES as error:
            log.warning("a request that was kept cannot be looked up: %s", describe(error))
            raise RequestOutOfReach from error
        except (KeyError, ValidationError) as error:
            log.warning("a request that was kept cannot be read: %s", describe(error))
        raise RequestForgotten


@cache  # the first time takes 20 ms
def _kinds() -> Mapping[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(kind) for kind, name in kept_requests().items()}
