"""The conversations with `/chat`, so that the model can read what was said before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import aiosqlite

from bot.errors import Refused, Unanswered, describe
from bot.inference.requests import Request
from bot.storage.database import run
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long exchanges and deletions are kept: longer than any answer takes."""
Notify = Callable[[], Awaitable[object]]
MOST_WAITING = 6
"""How many people may wait for their turn in one channel, including the one who is being answered."""

# A conversation may be deleted while an answer is under way, a button is pressed, or another process writes. So each
# deletion has a number, and each write names the deletion that its conversation began with. One statement checks and
# writes, so no deletion can come between.
NOT_DELETED = "NOT EXISTS (SELECT 1 FROM deletions WHERE channel_id = ? AND number > ?)"
"""Whether the conversation of a channel and a number still exists. True for nulls, which name none."""

_INSERT = f"""
INSERT INTO exchanges (channel_id, person, speaker, message, answer, created)
SELECT ?, ?, ?, ?, ?, ? WHERE {NOT_DELETED}
"""

_TRIM = """
DELETE FROM exchanges WHERE channel_id = ? AND number NOT IN (
    SELECT number FROM exchanges WHERE channel_id = ? ORDER BY number DESC LIMIT ?
)
"""


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

    def __init__(self, connection: aiosqlite.Connection, now: Callable[[], float]) -> None:
        self._connection = connection
        self._now = now
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[int] = Counter()
        self._turns: dict[int, Turn] = {}

    def is_busy(self, channel_id: int) -> bool:
        """Return whether somebody is being answered in a channel or waits for their turn."""
        return self._waiting[channel_id] > 0

    @contextlib.asynccontextmanager
    async def turn(self, channel_id: int, while_waiting: Notify | None = None) -> AsyncIterator[Turn]:
        """Wait for a turn to speak in a channel: one person at a time, in the order of asking.

        Args:
            while_waiting: called once if others come first, as soon as this person is in line.

        Raises:
            Refused: too many are waiting already.
        """
        async with self._alone(channel_id, while_waiting):
            turn = self._turns[channel_id] = Turn()
            try:
                await self._read(turn, channel_id)
                yield turn
            finally:
                del self._turns[channel_id]

    async def keep(self, turn: Turn, channel_id: int, person: int, exchange: Exchange) -> None:
        """Keep the exchange of a turn, unless the conversation was deleted meanwhile, and forget the oldest ones."""
        try:
            await run(self._connection, "DELETE FROM exchanges WHERE created < ?", self._now() - KEPT_SECONDS)
            said = channel_id, person, exchange.speaker, exchange.message, exchange.answer, self._now()
            await run(self._connection, _INSERT, *said, channel_id, turn.conversation)
            await run(self._connection, _TRIM, channel_id, channel_id, MOST_EXCHANGES)
        except sqlite3.Error as error:
            log.warning("a conversation cannot be kept: %s", describe(error))

    async def forget(self, channel_id: int) -> None:
        """Delete the conversation of a channel, and the requests behind its buttons: kept ones, and any still to come.

        Raises:
            Unanswered: the database cannot be used.
        """
        try:
            number = await self._delete(channel_id)
            await run(self._connection, "DELETE FROM deletions WHERE created < ?", self._now() - KEPT_SECONDS)
        except sqlite3.Error as error:
            log.error("a conversation cannot be forgotten: %s", describe(error))
            raise Unanswered("I could not delete the conversation, and the failure has been logged.") from error
        if channel_id in self._turns:
            self._turns[channel_id].newest = number

    async def _delete(self, channel_id: int) -> int:
        """Delete a conversation, and return the number of the deletion, which is also the next conversation's."""
        statement = "INSERT INTO deletions (channel_id, created) VALUES (?, ?)"
        async with self._connection.execute(statement, (channel_id, self._now())) as cursor:
            assert cursor.lastrowid is not None
            return cursor.lastrowid

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
            number = "SELECT coalesce(max(number), 0) FROM deletions WHERE channel_id = ?"
            [[turn.conversation]] = await self._connection.execute_fetchall(number, (channel_id,))
            found = await self._connection.execute_fetchall(
                "SELECT speaker, message, answer FROM exchanges WHERE channel_id = ? AND created >= ?"
                " ORDER BY number DESC LIMIT ?",
                (channel_id, self._now() - KEPT_SECONDS, MOST_EXCHANGES),
            )
        except sqlite3.Error as error:
            log.warning("a conversation cannot be read: %s", describe(error))
        else:
            turn.history = tuple(Exchange(*row) for row in reversed(list(found)))


def conversation_of(request: Request[object]) -> tuple[int | None, int | None]:
    """Return the channel and the number of the conversation that a request belongs to, or None and None."""
    about = request.about if isinstance(request, WorkRequest) else request
    return (about.channel_id, about.conversation) if isinstance(about, ChatRequest) else (None, None)
