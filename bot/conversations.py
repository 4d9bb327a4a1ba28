"""What was said in a channel with the bot, so that the model can be told it again.

A conversation is deleted while others write to it: answers that are under way, buttons that somebody presses just then,
another process with the same file. So each deletion has a number, and whatever is written names the deletion that its
conversation has begun with (`ChatRequest.conversation`). The statement that writes also looks for a later deletion
(`NOT_DELETED`), so nothing comes between the look and the write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import aiosqlite

from bot.errors import Refused, Unanswered, describe
from bot.inference.requests import Request
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest

log = logging.getLogger(__name__)

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long an exchange is kept, and that there was a deletion: longer than any answer is under way."""
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
CREATE TABLE IF NOT EXISTS deletions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    place INTEGER NOT NULL,
    created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deletions_by_place ON deletions (place, number);
CREATE INDEX IF NOT EXISTS deletions_by_age ON deletions (created);
"""

NOT_DELETED = "NOT EXISTS (SELECT 1 FROM deletions WHERE place = ? AND number > ?)"
"""Of a place and a conversation's number: whether the conversation is still there. True for nulls, which name none."""

_INSERT = f"""
INSERT INTO exchanges (place, person, speaker, message, answer, created)
SELECT ?, ?, ?, ?, ?, ? WHERE {NOT_DELETED}
"""

_TRIM = """
DELETE FROM exchanges WHERE place = ? AND number NOT IN (
    SELECT number FROM exchanges WHERE place = ? ORDER BY number DESC LIMIT ?
)
"""
TRIGGERS = """
CREATE TEMPORARY TRIGGER forget AFTER INSERT ON deletions BEGIN
    DELETE FROM exchanges WHERE place = NEW.place;
    DELETE FROM requests WHERE kind = 'chat'
        AND CASE WHEN json_valid(content) THEN json_extract(content, '$.place') = NEW.place ELSE TRUE END;
    DELETE FROM requests WHERE kind = 'work' AND CASE
        WHEN json_valid(content) THEN json_extract(content, '$.task') = 'chat' AND CASE
            WHEN json_valid(json_extract(content, '$.content'))
            THEN json_extract(json_extract(content, '$.content'), '$.place') = NEW.place ELSE TRUE END
        ELSE TRUE END;
END;
"""
"""With a deletion goes all that was said, in one statement, so that nobody sees a part of it. The requests behind
buttons hold what was said before them; so do those that open an answer. Temporary: the file is other versions', too."""


class Turn:
    """One's turn to speak in a channel.

    Attributes:
        conversation: the number of the deletion that it has begun with (see `ChatRequest`).
        history: what was said in it before, the oldest first.
    """

    def __init__(self) -> None:
        self.conversation = self.newest = 0
        self.history: tuple[Exchange, ...] = ()

    def begin_anew(self) -> None:
        """Speak in the conversation that has begun with the last deletion (see `Conversations.forget`)."""
        self.conversation, self.history = self.newest, ()


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
    async def turn(self, place: int, meanwhile: Callable[[], Awaitable[object]] | None = None) -> AsyncIterator[Turn]:
        """One's turn to speak in a channel: one person at a time, in the order of asking, so that everybody is answered
        with what was said before.

        Args:
            meanwhile: done by whoever has to wait, when they have their place in the line.

        Raises:
            Refused: too many wait there already.
        """
        async with self._alone(place, meanwhile):
            turn = self._turns[place] = Turn()
            try:
                await self._read(turn, place)
                yield turn
            finally:
                del self._turns[place]

    async def keep(self, turn: Turn, place: int, person: int, exchange: Exchange) -> None:
        """Keep what somebody has said in their turn, and the answer, unless the conversation was deleted meanwhile. The
        oldest exchanges are forgotten."""
        try:
            await self._run("DELETE FROM exchanges WHERE created < ?", self._now() - KEPT_SECONDS)
            await self._run(
                _INSERT,
                place, person, exchange.speaker, exchange.message, exchange.answer, self._now(),
                place, turn.conversation,
            )  # fmt: skip
            await self._run(_TRIM, place, place, MOST_EXCHANGES)
        except sqlite3.Error as error:
            log.warning("a conversation cannot be kept: %s", describe(error))

    async def forget(self, place: int) -> None:
        """Delete all that was said in a channel, what is kept for the buttons there included. What is being answered
        just now is not kept either, nor what is kept for its buttons.

        Raises:
            Unanswered: the database cannot be used.
        """
        try:
            number = await self._delete(place)
            await self._run("DELETE FROM deletions WHERE created < ?", self._now() - KEPT_SECONDS)
        except sqlite3.Error as error:
            log.error("a conversation cannot be forgotten: %s", describe(error))
            raise Unanswered("I could not delete the conversation, and the failure has been logged.") from error
        if place in self._turns:
            self._turns[place].newest = number

    async def _delete(self, place: int) -> int:
        """Delete a conversation; gives the deletion's number, which is the next conversation's, too."""
        statement = "INSERT INTO deletions (place, created) VALUES (?, ?)"
        async with self._connection.execute(statement, (place, self._now())) as cursor:
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    @contextlib.asynccontextmanager
    async def _alone(self, place: int, meanwhile: Callable[[], Awaitable[object]] | None) -> AsyncIterator[None]:
        others = self._waiting[place]
        if others >= MOST_WAITING:
            raise Refused("Several messages are already waiting for an answer here. Please try again in a moment.")
        lock = self._locks.setdefault(place, asyncio.Lock())
        self._waiting[place] += 1
        # A task, so that nobody who comes during `meanwhile` gets ahead.
        acquired = asyncio.create_task(lock.acquire())
        try:
            if others and meanwhile is not None:
                await meanwhile()
            await acquired
            yield
        finally:
            if not acquired.cancel() and not acquired.cancelled():
                lock.release()
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]

    async def _read(self, turn: Turn, place: int) -> None:
        """Find out which conversation it is, and then what was said: a deletion between the two is a later one."""
        try:
            number = "SELECT coalesce(max(number), 0) FROM deletions WHERE place = ?"
            [[turn.conversation]] = await self._connection.execute_fetchall(number, (place,))
            found = await self._connection.execute_fetchall(
                "SELECT speaker, message, answer FROM exchanges WHERE place = ? AND created >= ?"
                " ORDER BY number DESC LIMIT ?",
                (place, self._now() - KEPT_SECONDS, MOST_EXCHANGES),
            )
        except sqlite3.Error as error:
            log.warning("a conversation cannot be read: %s", describe(error))
        else:
            turn.history = tuple(Exchange(*row) for row in reversed(list(found)))

    async def _run(self, statement: str, *values: float | str) -> None:
        async with self._connection.execute(statement, values):
            pass


def conversation_of(request: Request[Any]) -> tuple[int | None, int | None]:
    """The place and the number of the conversation that a request shows something of; nulls where it shows none."""
    about = request.about if isinstance(request, WorkRequest) else request
    return (about.place, about.conversation) if isinstance(about, ChatRequest) else (None, None)
