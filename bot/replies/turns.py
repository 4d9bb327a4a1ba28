"""Of several turns of a message's pages, the newest is the one that counts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Turns:
    """Turns that are under way, at most one for each message."""

    def __init__(self) -> None:
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def take(self, message: int, turning: Coroutine[Any, Any, None]) -> None:
        """Turn a page. An earlier turn of the same message that is still under way is given up.

        Args:
            message: its id.
        """
        task = asyncio.create_task(turning)
        earlier, self._under_way[message] = self._under_way.get(message), task
        if earlier is not None:
            earlier.cancel()
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
            if self._under_way.get(message) is task:  # a newer one may be over already
                del self._under_way[message]
        if not task.cancelled():
            task.result()  # its error
