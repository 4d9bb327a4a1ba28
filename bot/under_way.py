"""The interactions that are being answered just now."""

from __future__ import annotations

import asyncio
from typing import Any

import discord

from bot.replies.interaction_age import age


class UnderWay:
    """Counts interactions from the moment when discord.py hands them over until they have been answered or refused.

    Every way by which one comes in begins here: `Tree.interaction_check` for commands, `Counted` for buttons and menus,
    `Glassbox.on_interaction` for forms. discord.py gives each interaction a task of its own, whose end is the end.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, interaction: discord.Interaction[Any]) -> None:
        """Count an interaction, until the task that runs now has ended; its time counts from now on, too."""
        age(interaction)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answered(self, seconds: float) -> bool:
        """Wait until all are answered, for so many seconds at most; whether they are."""
        await asyncio.sleep(0)  # a task that was only just created has not begun yet
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            return False
        return True
