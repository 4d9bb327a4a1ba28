"""Who answers which file: each has one process at a time, and another one if that dies."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.errors import describe
from bot.storage.batches import Batches
from bot.storage.database import FAILURES
from bot.storage.leases import Leases

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4
"""Files that a process answers at once; the others wait for their turn."""
LOOK_SECONDS = 5.0
"""Between two looks for files that nobody answers."""
ASKING_SECONDS = 3_600.0
"""A file whose person does not answer a question is deleted after this time."""
KEPT_SECONDS = 24 * 3_600.0
"""A file that cannot be answered or given back in this time is deleted."""


class Office:
    """The files that this process answers.

    Args:
        answer: answers a file, by its id, until it was given back and deleted; hears by the event that somebody wants
            it as it is. Cancelling it leaves the rest to another process.
        timers: the context in which it waits (see `Delivery`).
    """

    def __init__(
        self,
        batches: Batches,
        leases: Leases,
        answer: Callable[[str, asyncio.Event], Coroutine[Any, Any, None]],
        timers: contextvars.Context,
    ) -> None:
        self._batches = batches
        self._leases = leases
        self._answer = answer
        self._timers = timers
        # Not that of an interaction, whose end a file outlives.
        self._context = contextvars.copy_context()
        self._stops: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._beginning = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look for files that nobody answers, now and again and again."""
        self._looking = self._timers.run(asyncio.get_running_loop().create_task, self._look_on())

    async def close(self) -> None:
        """Leave all files to other processes, or to this one after its restart."""
        tasks = [task for task in (self._looking, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def begin(self, identity: str) -> bool:
        """Answer a file, unless another process does; return False if it has to wait for its turn.

        Raises:
            FAILURES: the database can't be used.
        """
        async with self._beginning:
            if identity in self._tasks:
                return True
            if len(self._tasks) >= MOST_AT_ONCE:
                return False
            if await self._leases.take(_lease(identity)):
                self._stops[identity] = asyncio.Event()
                task = self._context.run(asyncio.get_running_loop().create_task, self._run(identity))
                self._tasks[identity] = task
            return True

    def stop(self, identity: str) -> None:
        """Stop a file if this process answers it. Others hear of it from the database."""
        if (stop := self._stops.get(identity)) is not None:
            stop.set()

    async def look(self) -> None:
        """Begin what nobody answers, and delete what is too old; raise `FAILURES`."""
        await self._batches.expire(ASKING_SECONDS, KEPT_SECONDS)
        for kept in await self._batches.begun():
            if not await self.begin(kept.id):
                return

    async def _look_on(self) -> None:
        while True:
            try:
                await self.look()
            except FAILURES as error:
                log.warning("files cannot be looked for: %s", describe(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _run(self, identity: str) -> None:
        try:
            await self._answer(identity, self._stops[identity])
        except FAILURES as error:
            log.warning("a file cannot be answered now: %s", describe(error))
        except Exception as error:
            log.error("a file cannot be answered: %s", describe(error))
            with contextlib.suppress(*FAILURES):
                await self._batches.remove(identity)
        finally:
            del self._tasks[identity], self._stops[identity]
            await self._leases.give_back(_lease(identity))


def _lease(identity: str) -> str:
    return f"batch {identity}"
