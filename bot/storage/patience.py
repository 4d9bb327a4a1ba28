"""How long an answer waits for the database: a moment, and not at all while others wait in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

MOMENT_SECONDS = 1.0
"""Discord waits three seconds for an acknowledgement, and several things are looked up before it."""


class Patience:
    """The patience of those who wait for an answer, all together.

    A database that is locked, far away or hanging lets one of them wait for a moment. The next ones do not wait until
    that call has come back, one way or the other: otherwise each answer would take as many moments as it has calls.
    """

    def __init__(self) -> None:
        self._late: set[asyncio.Task[Any]] = set()

    @property
    def is_lost(self) -> bool:
        """Whether somebody has waited in vain, and what they waited for has not come back yet."""
        return bool(self._late)

    async def wait(self, work: Coroutine[Any, Any, T], seconds: float = MOMENT_SECONDS, *, anyway: bool = False) -> T:
        """Wait for some work with the database. What comes too late goes on, and nobody hears of it.

        Args:
            anyway: begin and wait even if others wait in vain, because somebody has asked for exactly this.

        Raises:
            TimeoutError: it takes too long, or was not begun.
            FAILURES: the database can't be used.
        """
        if self._late and not anyway:
            work.close()
            raise TimeoutError
        task = asyncio.create_task(work)
        try:
            await asyncio.wait((task,), timeout=seconds)
        finally:  # also if the one who waits is cancelled
            if not task.done():
                self._late.add(task)
                task.add_done_callback(self._came_back)
        if not task.done():
            raise TimeoutError
        return task.result()

    def _came_back(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # which was logged when it came too late
