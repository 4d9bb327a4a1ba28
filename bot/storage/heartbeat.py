"""Signs of life of a bot process, for the others that share its database."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import secrets

from sqlalchemy import Column, ColumnElement, bindparam, delete, exists, literal_column

from bot.errors import describe
from bot.storage.clock import DatabaseNow
from bot.storage.database import FAILURES, Database
from bot.storage.tables import PROCESSES
from bot.storage.upserts import insert_into

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
"""Between two signs of life."""
ALIVE_SECONDS = 10.0
"""A process is dead if its last sign of life is older."""

_END = delete(PROCESSES).where(PROCESSES.c.id == bindparam("id"))


def is_alive(process: Column[str]) -> ColumnElement[bool]:
    """Return the condition that the process in a column is alive."""
    # By name, because in an upsert SQLAlchemy would select the column's table anew, and look at all of its rows.
    here = literal_column(f"{process.table.name}.{process.name}", process.type)
    # A sign of life from the future comes from a clock that has been wrong, and would last until then.
    lately = PROCESSES.c.seen.between(DatabaseNow() - ALIVE_SECONDS, DatabaseNow() + ALIVE_SECONDS)
    return exists().where(PROCESSES.c.id == here, lately)


class Heartbeat:
    """Says that this process is alive, but only while it holds something that others would take over.

    So an idle bot writes nothing.

    Attributes:
        process: a name for this process, drawn at its start.
    """

    def __init__(self, database: Database) -> None:
        self.process = secrets.token_urlsafe(9)
        self._database = database
        beat = insert_into(PROCESSES, database.dialect).values(id=self.process, seen=DatabaseNow())
        self._statement = beat.on_conflict_do_update(index_elements=["id"], set_={"seen": DatabaseNow()})
        self._holding = 0
        self._last = -math.inf
        self._task: asyncio.Task[None] | None = None
        # Not that of an interaction, whose end it would outlive.
        self._context = contextvars.copy_context()

    async def begin(self) -> None:
        """Count something that this process holds; call `end` when it does not hold it any more.

        Raises:
            FAILURES: the database can't be used, and nothing is counted.
        """
        loop = asyncio.get_running_loop()
        self._holding += 1
        try:
            if loop.time() - self._last > BEAT_SECONDS:
                await self._beat()
        except BaseException:
            self._holding -= 1
            raise
        if self._task is None or self._task.done():
            self._task = self._context.run(loop.create_task, self._go_on())

    def end(self) -> None:
        """Hold one thing less."""
        self._holding -= 1

    async def close(self) -> None:
        """Say that this process ends: what it holds is the others' at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._last > -math.inf:
            try:
                await self._database.patience.wait(self._database.run(_END, {"id": self.process}))
            except FAILURES as error:
                log.info("the other processes will notice the end of this one later: %s", describe(error))

    async def _go_on(self) -> None:
        while self._holding:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._beat()
            except FAILURES as error:
                log.warning("other processes cannot be told that this one is alive: %s", describe(error))

    async def _beat(self) -> None:
        # Before the statement: it may take long, and the database has read its clock by its end.
        now = asyncio.get_running_loop().time()
        await self._database.run(self._statement)
        self._last = now
