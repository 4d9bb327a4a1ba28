"""The line of new posts: a few at a time, and no server waits for another one's flood."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import discord

AT_ONCE = 4
"""Posts that are judged at the same time: enough to fill batches, and few enough for Discord's rate limits."""
MOST_WAITING = 1_000
"""Posts in line. Each is small, and a server that gets more at once is being raided."""

Judge = Callable[[discord.Thread], Awaitable[None]]


class Line:
    """Posts that wait to be judged. Servers take turns.

    Args:
        judge: judges a post; must not raise.
    """

    def __init__(self, judge: Judge, *, at_once: int = AT_ONCE, most: int = MOST_WAITING) -> None:
        self._judge = judge
        self._at_once = at_once
        self._most = most
        self._waiting: OrderedDict[int, deque[discord.Thread]] = OrderedDict()
        self._known: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._known)

    def join(self, thread: discord.Thread) -> bool:
        """Put a post in line, unless it is there already; return whether there is room."""
        if thread.id in self._known:
            return True
        if len(self._known) >= self._most:
            return False
        self._known.add(thread.id)
        self._waiting.setdefault(thread.guild.id, deque()).append(thread)
        if len(self._tasks) < self._at_once:
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    def close(self) -> None:
        """Leave everything that is not published. The next process takes it up."""
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()

    async def _work(self) -> None:
        while self._waiting:
            thread = self._next()
            try:
                await self._judge(thread)
            finally:
                self._known.discard(thread.id)

    def _next(self) -> discord.Thread:
        """Take the first post of the server whose turn it is; the server then goes to the end."""
        guild, threads = self._waiting.popitem(last=False)
        thread = threads.popleft()
        if threads:
            self._waiting[guild] = threads
        return thread
