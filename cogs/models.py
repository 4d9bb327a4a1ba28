"""`/models`: which checkpoints are there, and what are they made of?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox, tell_failure
from bot.errors import InvalidRequest
from bot.inference.backend import Backend
from bot.inference.status import CheckpointStatus
from bot.replies.acknowledgement import defer
from bot.replies.checkpoints.card import detail
from bot.replies.checkpoints.overview import options, overview
from bot.replies.checkpoints.state import commands as commands_of
from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.components.buttons import view_of
from bot.replies.components.items import Counted
from bot.replies.formatting.text import fit, visible
from bot.replies.pending import edit_for_good
from bot.replies.reply import Reply
from bot.text.characters import identity

Interaction = discord.Interaction[Glassbox]

UNKNOWN = "I have no checkpoint of that name. Choose one of those that are offered while you type."


class CheckpointMenu(Counted, discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=r"glassbox:models"):
    """Choose a checkpoint, and see it in detail. The message has all that it needs, so it works after a restart."""

    @classmethod
    def of(cls, offered: list[discord.SelectOption]) -> CheckpointMenu:
        """A new menu."""
        return cls(
            discord.ui.Select(custom_id="glassbox:models", placeholder="Look into a checkpoint", options=offered)
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> CheckpointMenu:
        assert isinstance(item, discord.ui.Select)
        return cls(item)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        try:
            await defer(interaction, thinking=True, ephemeral=True)
            await show_detail(interaction, self.item.values[0])
        except Exception as error:
            await tell_failure(interaction, "the menu of /models", error)


class Models(commands.Cog):
    """`/models`."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @app_commands.command()
    @app_commands.describe(checkpoint="Which one to look into, down to its layers (all of them if left out)")
    async def models(self, interaction: Interaction, checkpoint: str | None = None) -> None:
        """Which checkpoints are there, what are they for, and what are they made of?"""
        task = None if checkpoint is None else self._task_of(checkpoint)
        await defer(interaction, thinking=True)
        if task is not None:
            await show_detail(interaction, task)
            return
        tasks = [one.tasks[0] for one in self.backend.status().checkpoints]
        descriptions = await asyncio.gather(*map(self.backend.describe, tasks))
        await show(interaction, overview(descriptions), view_of({}, [CheckpointMenu.of(options(descriptions))]))

    @models.autocomplete("checkpoint")
    async def checkpoints(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        offered = [one for one in self.backend.status().checkpoints if _matches(one, typed)]
        return [
            app_commands.Choice(
                name=fit(f"{one.name} ({commands_of(one)})", LONGEST_NAME, visible)[0], value=one.tasks[0]
            )
            for one in offered[:MOST_CHOICES]
        ]

    def _task_of(self, typed: str) -> str:
        """A task of the checkpoint that somebody means: by a command, by its name, or by a part of its name only."""
        checkpoints = self.backend.status().checkpoints
        wanted = identity(typed).removeprefix("/")
        exact = [one for one in checkpoints if wanted in (*one.tasks, identity(one.name))]
        found = exact or [one for one in checkpoints if wanted and _matches(one, wanted)]
        if not found or (len(found) > 1 and not exact):
            raise InvalidRequest(UNKNOWN)
        return found[0].tasks[0]


async def show_detail(interaction: Interaction, task: str) -> None:
    """Show a task's checkpoint as a deferred response."""
    await show(interaction, detail(await interaction.client.backend.describe(task)))


async def show(interaction: Interaction, reply: Reply, view: discord.ui.View | None = None) -> None:
    """Show a reply as a deferred response."""

    async def content() -> Mapping[str, Any]:
        return {"embed": reply.embed, "attachments": reply.files(), "view": view}

    await edit_for_good(interaction, content)


def _matches(checkpoint: CheckpointStatus, typed: str) -> bool:
    """Whether somebody who has typed this may mean a checkpoint."""
    typed = identity(typed).removeprefix("/")
    return any(typed in identity(word) for word in (checkpoint.name, *checkpoint.tasks))


async def setup(bot: Glassbox) -> None:
    bot.add_dynamic_items(CheckpointMenu)
    await bot.add_cog(Models(bot.backend))
