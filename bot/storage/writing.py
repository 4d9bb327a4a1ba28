"""The texts that are being written, so that a process finds and stops one of another process."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, true, update

from bot.errors import AlreadyEnded, SomebodyElses, Unanswered, describe
from bot.locales.message import later
from bot.storage.database import FAILURES, Database
from bot.storage.heartbeat import Heartbeat, is_alive
from bot.storage.tables import WRITING
from bot.storage.upserts import insert_into

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks for presses of Stop that other processes have received. A text shows its button later."""
STOP_SECONDS = 1.5
"""How long a press may take to find its text: Discord wants an acknowledgement within three seconds."""
NOT_FOUND_OUT = later("I could not find out who writes this answer, and the failure has been logged. Please try again.")

_MINE = WRITING.c.process == bindparam("mine")
_THIS = WRITING.c.id == bindparam("text")
_WHOSE = select(WRITING.c.person).where(_THIS, ~_MINE, is_alive(WRITING.c.process))
_STOP = update(WRITING).where(_THIS).values(stopped=True)
_STOPPED = select(WRITING.c.id).where(_MINE, WRITING.c.stopped == true())
_END = delete(WRITING).where(_THIS, _MINE)


@dataclass(frozen=True)
class Text:
    """A text that this process writes.

    Attributes:
        person: who may stop it.
        stop: ends it; the text so far becomes the answer.
    """

    person: int
    stop: Callable[[], None]


class Writing:
    """The texts that are being written, in this process and in others.

    Only texts that take longer than `LOOK_SECONDS` reach the database; no text waits for it.
    """

    def __init__(self, database: Database, heartbeat: Heartbeat) -> None:
        self._database = database
        self._heartbeat = heartbeat
        begin = insert_into(WRITING, database.dialect).values(
            id=bindparam("text"), process=heartbeat.process, person=bindparam("person"), stopped=False
        )
        self._begin = begin.on_conflict_do_nothing()
        self._texts: dict[str, Text] = {}
        self._told: set[str] = set()
        self._has_ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._context = contextvars.copy_context()

    def begin(self, identity: str, text: Text) -> None:
        """Let a text be found.

        Args:
            identity: of the request behind its Stop button.
        """
        self._texts[identity] = text
        if self._task is None or self._task.done():
            self._task = self._context.run(asyncio.get_running_loop().create_task, self._look())

    def end(self, identity: str) -> None:
        """Forget a text, if it is there."""
        self._texts.pop(identity, None)
        if identity in self._told:
            self._has_ended.set()

    def stop_all(self, person: int) -> None:
        """Stop all texts that this process writes for a person."""
        for text in list(self._texts.values()):
            if text.person == person:
                text.stop()

    async def stop(self, identity: str, person: int) -> None:
        """Stop a text, wherever it is written; the text so far becomes the answer.

        Raises:
            AlreadyEnded: nobody writes it.
            SomebodyElses: another person has asked for it.
            Unanswered: the database can't be used.
        """
        if (text := self._texts.get(identity)) is not None:
            if text.person != person:
                raise SomebodyElses
            text.stop()
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._stop_elsewhere(identity, person)
        except FAILURES as error:
            log.warning("a text of another process cannot be stopped: %s", describe(error))
            raise Unanswered(NOT_FOUND_OUT) from error

    async def close(self) -> None:
        """Look for presses no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stop_elsewhere(self, identity: str, person: int) -> None:
        values = {"text": identity, "mine": self._heartbeat.process}
        asked = [row.person for row in await self._database.rows(_WHOSE, values)]
        if not asked:
            raise AlreadyEnded
        if asked != [person]:
            raise SomebodyElses
        if not await self._database.run(_STOP, {"text": identity}):
            raise AlreadyEnded

    async def _look(self) -> None:
        """Tell the other processes about this one's texts, and stop those that they were asked to stop."""
        while self._texts or self._told:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._has_ended.wait()
            self._has_ended.clear()
            try:
                await self._tell()
                await self._stop_those_that_were_told()
            except FAILURES as error:
                log.warning("other processes cannot stop this one's texts: %s", describe(error))

    async def _stop_those_that_were_told(self) -> None:
        if self._told:
            for row in await self._database.rows(_STOPPED, {"mine": self._heartbeat.process}):
                if (text := self._texts.get(row.id)) is not None:
                    text.stop()

    async def _tell(self) -> None:
        for identity in self._told.difference(self._texts):
            await self._database.run(_END, {"text": identity, "mine": self._heartbeat.process})
            self._told.discard(identity)
            self._heartbeat.end()
        for identity, text in list(self._texts.items()):
            if identity not in self._told:
                await self._heartbeat.begin()
                try:
                    await self._database.run(self._begin, {"text": identity, "person": text.person})
                except BaseException:
                    self._heartbeat.end()
                    raise
                self._told.add(identity)
