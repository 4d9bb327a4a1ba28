"""Edits of the same message, of which only the newest counts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class LatestOnly:
    """Runs at most one edit of each message."""

    def __init__(self) -> None:
        self._running: dict[int, asyncio.Task[None]] = {}

    async def run(self, message_id: int, edit: Coroutine[object, None, None]) -> None:
        """Edit a message, and cancel an earlier edit of it that still runs.

        Raises:
            Exception: whatever the edit raises.
        """
        task = asyncio.create_task(edit)
        earlier, self._running[message_id] = self._running.get(message_id), task
        if earlier is not None:
            earlier.cancel()
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
            if self._running.get(message_id) is task:  # a newer one may even have ended
                del self._running[message_id]
        if not task.cancelled():
            task.result()
