"""The conversations with `/chat`, so that the model can read what was said before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from sqlalchemy import Connection, delete, select

from bot.errors import Refused, Unanswered, describe
from bot.inference.requests import Request
from bot.storage.database import FAILURES, Database, Values
from bot.storage.deletions import CHANNEL, NEWEST, delete_conversation, insert_unless_deleted, let_nobody_delete
from bot.storage.leases import Leases
from bot.storage.retention import is_kept
from bot.storage.tables import EXCHANGES
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest

log = logging.getLogger(__name__)

Notify = Callable[[], Awaitable[object]]
MOST_WAITING = 6
"""How many people may wait for their turn in one channel, including the one who is being answered."""

_INSERT = insert_unless_deleted(EXCHANGES)
_OLDEST = (
    select(EXCHANGES.c.number)
    .where(EXCHANGES.c.channel_id == CHANNEL)
    .order_by(EXCHANGES.c.number.desc())
    .limit(1)
    .offset(MOST_EXCHANGES)
    .scalar_subquery()
)
_TRIM = delete(EXCHANGES).where(EXCHANGES.c.channel_id == CHANNEL, EXCHANGES.c.number <= _OLDEST)
_HISTORY = (
    select(EXCHANGES.c.speaker, EXCHANGES.c.message, EXCHANGES.c.answer)
    .where(EXCHANGES.c.channel_id == CHANNEL, is_kept(EXCHANGES))
    .order_by(EXCHANGES.c.number.desc())
    .limit(MOST_EXCHANGES)
)


@dataclass
class Turn:
    """A person's turn to speak in a channel.

    Attributes:
        conversation: the number of the deletion that the conversation began with (see `ChatRequest`).
        newest: the number of the last deletion.
        history: the exchanges in it, oldest first.
    """

    conversation: int = 0
    newest: int = 0
    history: tuple[Exchange, ...] = ()

    def begin_anew(self) -> None:
        """Join the conversation that began with the last deletion (see `Conversations.forget`)."""
        self.conversation, self.history = self.newest, ()


class Conversations:
    """The last exchanges of each channel, kept for 30 days. If the database fails, answers still arrive."""

    def __init__(self, database: Database, leases: Leases, now: Callable[[], float]) -> None:
        self._database = database
        self._leases = leases
        self._now = now
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[int] = Counter()
        self._turns: dict[int, Turn] = {}

    def is_busy(self, channel_id: int) -> bool:
        """Return whether somebody is being answered in a channel or waits for their turn."""
        return self._waiting[channel_id] > 0

    @contextlib.asynccontextmanager
    async def turn(self, channel_id: int, while_waiting: Notify | None = None) -> AsyncIterator[Turn]:
        """Wait for a turn to speak in a channel: one person at a time, and in each process in the order of asking.

        Several processes can serve one conversation: during a restart or a change of the number of shards, and for
        good if a person asks in several servers where only they see the answers.

        Args:
            while_waiting: called if others come first, as soon as this person is in line; once for this process, and
                once for others.

        Raises:
            Refused: too many are waiting already.
        """
        async with self._alone(channel_id, while_waiting), self._leases.held(f"chat {channel_id}", while_waiting):
            turn = self._turns[channel_id] = Turn()
            try:
                await self._read(turn, channel_id)
                yield turn
            finally:
                del self._turns[channel_id]

    async def keep(
        self, turn: Turn, channel_id: int, person: int, exchange: Exchange, *, guild_id: int | None = None
    ) -> None:
        """Keep the exchange of a turn, unless the conversation was deleted meanwhile, and forget the oldest ones."""
        values: Values = {
            "channel_id": channel_id,
            "person": person,
            "speaker": _storable(exchange.speaker),
            "message": _storable(exchange.message),
            "answer": _storable(exchange.answer),
            "created": self._now(),
            "guild_id": guild_id,
            "conversation": turn.conversation,
        }

        def work(connection: Connection) -> None:
            # Two that trim the same exchanges could each wait for the other.
            let_nobody_delete(connection, channel_id, alone=True)
            connection.execute(_INSERT, values)
            connection.execute(_TRIM, values)

        try:
            await self._database.transaction(work)
        except FAILURES as error:
            log.warning("a conversation cannot be kept: %s", describe(error))

    async def forget(self, channel_id: int) -> None:
        """Delete the conversation of a channel, and the requests behind its buttons: kept ones, and any still to come.

        Raises:
            Unanswered: the database cannot be used.
        """
        try:
            number = await self._database.transaction(
                lambda connection: delete_conversation(connection, channel_id, self._now())
            )
        except FAILURES as error:
            log.error("a conversation cannot be forgotten: %s", describe(error))
            raise Unanswered("I could not delete the conversation, and the failure has been logged.") from error
        if channel_id in self._turns:
            self._turns[channel_id].newest = number

    @contextlib.asynccontextmanager
    async def _alone(self, channel_id: int, while_waiting: Notify | None) -> AsyncIterator[None]:
        others = self._waiting[channel_id]
        if others >= MOST_WAITING:
            raise Refused("Several messages are already waiting for an answer here. Please try again in a moment.")
        lock = self._locks.setdefault(channel_id, asyncio.Lock())
        self._waiting[channel_id] += 1
        # A task, so that people who come during `while_waiting` don't get ahead.
        acquired = asyncio.create_task(lock.acquire())
        try:
            if others and while_waiting is not None:
                await while_waiting()
            await acquired
            yield
        finally:
            if not acquired.cancel() and not acquired.cancelled():
                lock.release()
            self._waiting[channel_id] -= 1
            if not self._waiting[channel_id]:
                del self._waiting[channel_id]

    async def _read(self, turn: Turn, channel_id: int) -> None:
        # The number first: a deletion between the two statements is a later one.
        try:
            [[turn.conversation]] = await self._database.rows(NEWEST, {"channel_id": channel_id})
            found = await self._database.rows(_HISTORY, {"channel_id": channel_id, "now": self._now()})
        except FAILURES as error:
            log.warning("a conversation cannot be read: %s", describe(error))
        else:
            turn.history = tuple(Exchange(*row) for row in reversed(found))


def _storable(text: str) -> str:
    """Replace what databases don't take in a text: halves of surrogate pairs, and for PostgreSQL the character NUL."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def conversation_of(request: Request[object]) -> tuple[int | None, int | None]:
    """Return the channel and the number of the conversation that a request belongs to, or None and None."""
    about = request.about if isinstance(request, WorkRequest) else request
    return (about.channel_id, about.conversation) if isinstance(about, ChatRequest) else (None, None)
