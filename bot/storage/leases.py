"""What one of several processes has alone: a turn to speak, or the registration of the commands."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy import and_, bindparam, delete, or_

from bot.errors import describe
from bot.storage.clock import DatabaseNow
from bot.storage.database import FAILURES, Database
from bot.storage.heartbeat import ALIVE_SECONDS, BEAT_SECONDS, Heartbeat, is_alive
from bot.storage.tables import LEASES
from bot.storage.upserts import insert_into

log = logging.getLogger(__name__)

Notify = Callable[[], Awaitable[object]]

LOOK_SECONDS = 0.5
"""Between two tries to get what another process has."""
YOUNG_SECONDS = ALIVE_SECONDS - 2 * BEAT_SECONDS
"""Longer than a statement takes, and short enough that no lease of a process that counts as dead is young."""
TAKE_SECONDS = 1.0
"""How long somebody who waits for an acknowledgement waits for the database. Discord waits three seconds."""

_GIVE_BACK = delete(LEASES).where(LEASES.c.name == bindparam("lease"), LEASES.c.process == bindparam("mine"))

_GIVE_ALL_BACK = delete(LEASES).where(LEASES.c.process == bindparam("mine"))


class Leases:
    """Names that at most one process holds. Coroutines of one process must exclude each other by themselves.

    A lease ends when its process gives it back, or dies.
    """

    def __init__(self, database: Database, heartbeat: Heartbeat) -> None:
        self._database = database
        self._heartbeat = heartbeat
        values = {"process": heartbeat.process, "taken": DatabaseNow()}
        take = insert_into(LEASES, database.dialect).values(name=bindparam("lease"), **values)
        # A statement of PostgreSQL may meet a lease that was taken after it began, by a process whose first sign of
        # life it does not see. So a young lease is not free.
        # Nor is one from the future: the clock has been wrong.
        is_old = ~LEASES.c.taken.between(DatabaseNow() - YOUNG_SECONDS, DatabaseNow() + YOUNG_SECONDS)
        free = or_(LEASES.c.process == heartbeat.process, and_(is_old, ~is_alive(LEASES.c.process)))
        self._take = take.on_conflict_do_update(index_elements=["name"], set_=values, where=free)
        self._owed: dict[str, asyncio.Task[None]] = {}
        self._context = contextvars.copy_context()

    async def take(self, name: str) -> bool:
        """Take a lease if no other process has it; return whether it is this process's now.

        Raises:
            FAILURES: the database can't be used.
        """
        await self._heartbeat.begin()
        try:
            taken = await self._database.run(self._take, {"lease": name}) > 0
        except BaseException:
            self._heartbeat.end()
            raise
        if not taken:
            self._heartbeat.end()
        elif (owed := self._owed.pop(name, None)) is not None:
            owed.cancel()
        return taken

    async def take_quickly(self, name: str) -> bool | None:
        """Return whether a lease is this process's now; None if the database fails, or does not answer at once."""
        is_late = False

        async def take() -> bool:
            taken = await self.take(name)
            if taken and is_late:  # nobody waits for it any more
                await self.give_back(name)
            return taken

        try:
            return await self._database.patience.wait(take(), TAKE_SECONDS)
        except FAILURES as error:
            is_late = True
            log.warning("other processes cannot be asked to wait: %s", describe(error))
            return None
        except BaseException:
            is_late = True
            raise

    async def give_back(self, name: str) -> None:
        """Give a lease back; if the database fails, later."""
        try:
            await self._give_back(name)
        except FAILURES as error:
            log.warning("a lease cannot be given back yet: %s", describe(error))
            loop = asyncio.get_running_loop()
            self._owed[name] = self._context.run(loop.create_task, self._give_back_later(name))

    @contextlib.asynccontextmanager
    async def held(
        self, name: str, while_waiting: Callable[[], Awaitable[object]] | None = None
    ) -> AsyncIterator[None]:
        """Hold a lease, waiting for it if another process has it. If the database fails, do without.

        Args:
            while_waiting: called once if another process has it.
        """
        while (is_mine := await self.take_quickly(name)) is False:
            if while_waiting is not None:
                await while_waiting()
                while_waiting = None
            await asyncio.sleep(LOOK_SECONDS)
        try:
            yield
        finally:
            if is_mine:
                await self.give_back(name)

    async def close(self) -> None:
        """Give everything back, because the process ends."""
        tasks = tuple(self._owed.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(*FAILURES):  # otherwise it is free when the process counts as dead
            await self._database.patience.wait(self._database.run(_GIVE_ALL_BACK, {"mine": self._heartbeat.process}))

    async def _give_back(self, name: str) -> None:
        await self._database.run(_GIVE_BACK, {"lease": name, "mine": self._heartbeat.process})
        self._heartbeat.end()

    async def _give_back_later(self, name: str) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(*FAILURES):
                await self._give_back(name)
                del self._owed[name]
                return
