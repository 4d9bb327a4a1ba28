"""The interactions that are being answered."""

from __future__ import annotations

import asyncio

import discord

from bot.replies.interaction_age import age


class PendingInteractions:
    """Counts interactions from their arrival until they have been answered or refused.

    Each begins here: commands in `Tree.interaction_check`, buttons and menus in `Component.interaction_check`, and
    modals in `Glassbox.on_interaction`. discord.py runs each in a task of its own, which ends when it is answered.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def begin(self, interaction: discord.Interaction) -> None:
        """Count an interaction until the current task ends; its age counts from now on."""
        age(interaction)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answered(self, seconds: float) -> bool:
        """Wait for some seconds at most until all are answered; return whether they are."""
        await asyncio.sleep(0)  # a task that has just been created has not begun yet
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            return False
        return True
