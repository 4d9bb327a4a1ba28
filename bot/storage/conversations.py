"""The conversations with `/chat`, so that the model can read what was said before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Connection, bindparam, delete, select

from bot.errors import Refused, Unanswered, describe
from bot.inference.requests import Request
from bot.request_ids import add_words_of, words_of
from bot.storage.database import FAILURES, Database, Values
from bot.storage.deletions import (
    CHANNEL,
    NEWEST,
    delete_conversation,
    delete_exchange,
    delete_requests_since,
    insert_unless_deleted,
    let_nobody_delete,
)
from bot.storage.erasures import asked_now, let_nobody_erase
from bot.storage.leases import Leases
from bot.storage.opt_outs import OptOuts, ReadAlong
from bot.storage.retention import is_kept
from bot.storage.tables import EXCHANGES
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from bot.tasks.work.request import WorkRequest

log = logging.getLogger(__name__)

Notify = Callable[[], Awaitable[object]]
FORGET_SECONDS = 2.0
"""How long a deletion may take that somebody has asked for: Discord wants an acknowledgement within three seconds."""
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
    select(EXCHANGES.c.person, EXCHANGES.c.speaker, EXCHANGES.c.message, EXCHANGES.c.answer)
    .where(EXCHANGES.c.channel_id == CHANNEL, is_kept(EXCHANGES))
    .order_by(EXCHANGES.c.number.desc())
    .limit(MOST_EXCHANGES)
)
_OF_MESSAGES = select(EXCHANGES.c.channel_id, EXCHANGES.c.number).where(
    EXCHANGES.c.question.in_(bindparam("questions", expanding=True))
)


@dataclass
class Turn:
    """A person's turn to speak in a channel.

    Attributes:
        conversation: the number of the deletion that the conversation began with (see `ChatRequest`).
        newest: the number of the last deletion.
        history: the exchanges in it that the person's answer may be based on, oldest first.
        began: when, in seconds since 1970.
    """

    conversation: int = 0
    newest: int = 0
    history: tuple[Exchange, ...] = ()
    began: float = 0.0

    def begin_anew(self) -> None:
        """Join the conversation that began with the last deletion (see `Conversations.forget`)."""
        self.conversation, self.history = self.newest, ()


class Conversations:
    """The last exchanges of each channel, kept for 30 days. If the database fails, answers still arrive."""

    def __init__(self, database: Database, leases: Leases, opt_outs: OptOuts, now: Callable[[], float]) -> None:
        self._database = database
        self._leases = leases
        self._opt_outs = opt_outs
        self._now = now
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[int] = Counter()
        self._turns: dict[int, Turn] = {}

    def is_busy(self, channel_id: int) -> bool:
        """Return whether somebody is being answered in a channel or waits for their turn."""
        return self._waiting[channel_id] > 0

    @contextlib.asynccontextmanager
    async def turn(
        self, channel_id: int, while_waiting: Notify | None = None, *, person: int | None = None
    ) -> AsyncIterator[Turn]:
        """Wait for a turn to speak in a channel: one person at a time, and in each process in the order of asking.

        Several processes can serve one conversation: during a restart or a change of the number of shards, and for
        good if a person asks in several servers where only they see the answers.

        Args:
            while_waiting: called if others come first, as soon as this person is in line; once for this process, and
                once for others.
            person: whose turn it is, by Discord's id: others who have opted out of being read along are not in its
                history. None if nobody is answered.

        Raises:
            Refused: too many are waiting already.
        """
        async with self._alone(channel_id, while_waiting), self._leases.held(f"chat {channel_id}", while_waiting):
            turn, others = Turn(began=self._now()), words_of.get()
            self._turns[channel_id] = turn
            try:
                await self._read(turn, channel_id, person)
                yield turn
            finally:
                del self._turns[channel_id]
                words_of.set(others)

    async def keep(
        self,
        turn: Turn,
        channel_id: int,
        person: int,
        exchange: Exchange,
        *,
        guild_id: int | None = None,
        question: int | None = None,
    ) -> None:
        """Keep the exchange of a turn, and forget the oldest ones.

        It is not kept if the conversation was deleted meanwhile, or everything of the person.

        Args:
            question: the id of the message that was answered; None for a command.
        """
        values: Values = {
            "channel_id": channel_id,
            "person": person,
            "speaker": _storable(exchange.speaker),
            "message": _storable(exchange.message),
            "answer": _storable(exchange.answer),
            "created": self._now(),
            "guild_id": guild_id,
            "question": question,
            "conversation": turn.conversation,
            "asked": asked_now(),
        }

        def work(connection: Connection) -> None:
            let_nobody_erase(connection, (person,))
            # Two that trim the same exchanges could each wait for the other.
            let_nobody_delete(connection, channel_id, alone=True)
            connection.execute(_INSERT, values)
            connection.execute(_TRIM, values)

        try:
            # The next person in the channel waits for this.
            await self._database.patience.wait(self._database.transaction(work))
        except FAILURES as error:
            log.warning("a conversation cannot be kept: %s", describe(error))

    async def forget(self, channel_id: int) -> None:
        """Delete the conversation of a channel, and the requests behind its buttons: kept ones, and any still to come.

        Raises:
            Unanswered: the database cannot be used.
        """
        try:
            deletion = self._database.transaction(
                lambda connection: delete_conversation(connection, channel_id, self._now())
            )
            number = await self._database.patience.wait(deletion, FORGET_SECONDS, anyway=True)
        except FAILURES as error:
            log.error("a conversation cannot be forgotten: %s", describe(error))
            raise Unanswered(
                "I could not delete the conversation, and the failure has been logged. Please try again in a minute."
            ) from error
        if channel_id in self._turns:
            self._turns[channel_id].newest = number

    async def forget_messages(self, questions: Collection[int]) -> None:
        """Delete the exchanges that answered messages, and the requests that may repeat them. Errors are only logged.

        Waits for answers under way in the same conversations, because they may repeat them too.
        """
        try:
            for row in await self._of_messages(questions):
                async with contextlib.AsyncExitStack() as taken:
                    with contextlib.suppress(Refused):  # many are waiting: some of their buttons may be kept later
                        await taken.enter_async_context(self.turn(row.channel_id))
                    await self._database.transaction(
                        partial(delete_exchange, channel_id=row.channel_id, number=row.number)
                    )
        except FAILURES as error:
            log.error("an exchange cannot be forgotten: %s", describe(error))

    async def forget_turn(self, turn: Turn, channel_id: int) -> None:
        """Delete the requests that were kept during a turn that nobody wants answered. Errors are only logged."""
        try:
            await self._database.transaction(partial(delete_requests_since, channel_id=channel_id, since=turn.began))
        except FAILURES as error:
            log.error("a turn cannot be forgotten: %s", describe(error))

    async def _of_messages(self, questions: Collection[int]) -> Sequence[Any]:
        return await self._database.connected(
            lambda connection: connection.execute(_OF_MESSAGES, {"questions": list(questions)}).all()
        )

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

    async def _read(self, turn: Turn, channel_id: int, person: int | None) -> None:
        async def read() -> tuple[int, Sequence[Any]]:
            # The number first: a deletion between the two statements is a later one.
            [[number]] = await self._database.rows(NEWEST, {"channel_id": channel_id})
            return number, await self._database.rows(_HISTORY, {"channel_id": channel_id, "now": self._now()})

        try:
            turn.conversation, found = await self._database.patience.wait(read(), anyway=True)
        except FAILURES as error:
            log.warning("a conversation cannot be read: %s", describe(error))
        else:
            silent = await self._silent({row.person for row in found} - {person})
            # A text whose key is missing reads as None.
            heard = [
                row
                for row in reversed(found)
                if row.person not in silent and None not in (row.speaker, row.message, row.answer)
            ]
            add_words_of(row.person for row in heard)
            turn.history = tuple(Exchange(row.speaker, row.message, row.answer) for row in heard)

    async def _silent(self, others: Collection[int]) -> Collection[int]:
        """Return those of some people whose lines the model must not read for somebody else."""
        if not others:
            return others
        try:
            return await self._database.patience.wait(self._opt_outs.among(others, ReadAlong.CHAT), anyway=True)
        except FAILURES as error:
            log.warning("it is not known who has opted out: %s", describe(error))
            return others


def _storable(text: str) -> str:
    """Replace what databases don't take in a text: halves of surrogate pairs, and for PostgreSQL the character NUL."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def conversation_of(request: Request[object]) -> tuple[int | None, int | None]:
    """Return the channel and the number of the conversation that a request belongs to, or None and None."""
    about = request.about if isinstance(request, WorkRequest) else request
    return (about.channel_id, about.conversation) if isinstance(about, ChatRequest) else (None, None)
