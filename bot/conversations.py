"""What was said in a channel with the bot, so that the model can be told it again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from weakref import WeakValueDictionary

import aiosqlite

from bot.errors import Refused, Unanswered, describe
from bot.tasks.chat import MOST_EXCHANGES, Exchange

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long an exchange is kept."""
MOST_WAITING = 6
"""Who may wait for their turn in one channel, the one who is being answered included."""

TABLE = """
CREATE TABLE IF NOT EXISTS exchanges (
    number INTEGER PRIMARY KEY,
    place INTEGER NOT NULL,   -- the channel, by Discord's id, or a person (see ChatRequest)
    person INTEGER NOT NULL,  -- who has spoken, by Discord's id
    speaker TEXT NOT NULL,    -- their name
    message TEXT NOT NULL,
    answer TEXT NOT NULL,
    created REAL NOT NULL     -- in seconds since 1970
);
CREATE INDEX IF NOT EXISTS exchanges_by_place ON exchanges (place, number);
CREATE INDEX IF NOT EXISTS exchanges_by_age ON exchanges (created);
"""

_TRIM = """
DELETE FROM exchanges WHERE place = ? AND number NOT IN (
    SELECT number FROM exchanges WHERE place = ? ORDER BY number DESC LIMIT ?
)
"""
_FORGET_REQUESTS = """
DELETE FROM requests WHERE kind = 'chat'
    AND CASE WHEN json_valid(content) THEN json_extract(content, '$.place') = ? ELSE TRUE END
"""
_FORGET_WORK = """
DELETE FROM requests WHERE kind = 'work' AND CASE
    WHEN json_valid(content) THEN json_extract(content, '$.task') = 'chat' AND CASE
        WHEN json_valid(json_extract(content, '$.content'))
        THEN json_extract(json_extract(content, '$.content'), '$.place') = ? ELSE TRUE END
    ELSE TRUE END
"""
"""The requests behind buttons hold what was said before them; so do those that open an answer."""


class Turn:
    """One's turn to speak in a channel.

    Attributes:
        history: what was said there before, the oldest first.
        forgotten: set when the conversation is deleted meanwhile.
    """

    def __init__(self, history: tuple[Exchange, ...]) -> None:
        self.history = history
        self.forgotten = False

    def begin_anew(self) -> None:
        """Speak in a new conversation: what was said before has been forgotten."""
        self.history = ()
        self.forgotten = False


class Conversations:
    """Keeps the last exchanges of each channel for 30 days, in the database of `RequestStore`.

    As there, what cannot be kept is logged, and keeps no answer from anybody.

    Args:
        connection: to a database that has the tables.
        now: the time, in seconds since 1970.
    """

    def __init__(self, connection: aiosqlite.Connection, now: Callable[[], float]) -> None:
        self._connection = connection
        self._now = now
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[int] = Counter()
        self._turns: dict[int, Turn] = {}

    def is_busy(self, place: int) -> bool:
        """Whether somebody is being answered in a channel, or waits for it."""
        return self._waiting[place] > 0

    @contextlib.asynccontextmanager
    async def turn(self, place: int) -> AsyncIterator[Turn]:
        """One's turn to speak in a channel: one person at a time, in the order of asking, so that everybody is answered
        with what was said before. Where that is forgotten meanwhile, what is kept for the buttons under the answer is
        too, at the end.

        Raises:
            Refused: too many wait there already.
        """
        async with self._alone(place):
            turn = self._turns[place] = Turn(())
            try:
                turn.history = await self._history(place)
                yield turn
            finally:
                del self._turns[place]
                if turn.forgotten:
                    await self._try_to_forget_requests(place)

    async def keep(self, turn: Turn, place: int, person: int, exchange: Exchange) -> None:
        """Keep what somebody has said in their turn, and the answer. The oldest exchanges are forgotten."""
        if turn.forgotten:
            return
        try:
            await self._run("DELETE FROM exchanges WHERE created < ?", self._now() - KEPT_SECONDS)
            await self._run(
                "INSERT INTO exchanges (place, person, speaker, message, answer, created) VALUES (?, ?, ?, ?, ?, ?)",
                place, person, exchange.speaker, exchange.message, exchange.answer, self._now(),
            )  # fmt: skip
            await self._run(_TRIM, place, place, MOST_EXCHANGES)
        except sqlite3.Error as error:
            log.warning("a conversation cannot be kept: %s", describe(error))

    async def forget(self, place: int) -> None:
        """Delete all that was said in a channel, what is kept for the buttons there included. What is being answered
        just now is not kept.

        Raises:
            Unanswered: the database cannot be used.
        """
        if place in self._turns:
            self._turns[place].forgotten = True
        try:
            await self._run("DELETE FROM exchanges WHERE place = ?", place)
            await self._forget_requests(place)
        except sqlite3.Error as error:
            log.error("a conversation cannot be forgotten: %s", describe(error))
            raise Unanswered("I could not delete the conversation, and the failure has been logged.") from error

    async def _forget_requests(self, place: int) -> None:
        await self._run(_FORGET_REQUESTS, place)
        await self._run(_FORGET_WORK, place)

    async def _try_to_forget_requests(self, place: int) -> None:
        try:
            await self._forget_requests(place)
        except sqlite3.Error as error:
            log.error("the requests of a conversation cannot be forgotten: %s", describe(error))

    @contextlib.asynccontextmanager
    async def _alone(self, place: int) -> AsyncIterator[None]:
        if self._waiting[place] >= MOST_WAITING:
            raise Refused("Several messages are already waiting for an answer here. Please try again in a moment.")
        lock = self._locks.setdefault(place, asyncio.Lock())
        self._waiting[place] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]

    async def _history(self, place: int) -> tuple[Exchange, ...]:
        try:
            found = await self._connection.execute_fetchall(
                "SELECT speaker, message, answer FROM exchanges WHERE place = ? AND created >= ?"
                " ORDER BY number DESC LIMIT ?",
                (place, self._now() - KEPT_SECONDS, MOST_EXCHANGES),
            )
        except sqlite3.Error as error:
            log.warning("a conversation cannot be read: %s", describe(error))
            return ()
        return tuple(Exchange(*row) for row in reversed(list(found)))

    async def _run(self, statement: str, *values: float | str) -> None:
        async with self._connection.execute(statement, values):
            pass
