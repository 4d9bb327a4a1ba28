"""The interactions that are being answered."""

from __future__ import annotations

import asyncio

import discord

from bot.operating.interaction_log import InteractionObserver, follow
from bot.replies.interaction_age import age


class PendingInteractions:
    """The interactions from their arrival until they have been answered or refused.

    Commands begin in `Tree.interaction_check`, components in `Component.interaction_check`, and modals in
    `Glassbox.on_interaction`.

    Attributes:
        observer: hears of each.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self.observer: InteractionObserver | None = None

    def begin(self, interaction: discord.Interaction) -> None:
        """Count an interaction until the current task ends."""
        age(interaction)  # notes when it began
        # discord.py runs each interaction in a task of its own.
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        follow(interaction, task, self.observer)

    async def answered(self, seconds: float) -> bool:
        """Wait until all are answered, for some seconds at most; return whether they are."""
        await asyncio.sleep(0)  # for tasks that have just been created
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            return False
        return True
