"""`/models`: which checkpoints are there, and what are they made of?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.inference.status import CheckpointStatus
from bot.replies.acknowledgement import defer
from bot.replies.checkpoints.card import detail
from bot.replies.checkpoints.overview import options, overview
from bot.replies.checkpoints.state import commands as commands_of
from bot.replies.components.autocompletion import LONGEST_NAME, MOST_CHOICES
from bot.replies.components.buttons import Action, view_of
from bot.replies.components.press import Component, Press
from bot.replies.formatting.text import fit, visible
from bot.replies.pending import edit_for_good
from bot.replies.reply import Reply
from bot.text.characters import identity

UNKNOWN = "I have no checkpoint of that name. Choose one of those that are offered while you type."
LOOK_INTO = Action("models", "Look into a checkpoint")
"""Its detail is a task of the checkpoint."""
MENU_ID = "glassbox:models"


class CheckpointMenu(Component[discord.ui.Select[discord.ui.View]], template=MENU_ID):
    """A menu of checkpoints."""

    action = LOOK_INTO.name

    @classmethod
    def of(cls, offered: list[discord.SelectOption]) -> CheckpointMenu:
        """Make a menu."""
        return cls(discord.ui.Select(custom_id=MENU_ID, placeholder=LOOK_INTO.label, options=offered))

    @property
    def detail(self) -> str:
        return self.item.values[0]


class Models(Cog):
    """`/models`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.add_dynamic_items(CheckpointMenu)
        bot.handle(LOOK_INTO, self.look_into)

    @app_commands.command()
    @app_commands.describe(checkpoint="Which one to look into, down to its layers (all of them if left out)")
    async def models(self, interaction: Interaction, checkpoint: str | None = None) -> None:
        """Which checkpoints are there, what are they for, and what are they made of?"""
        task = None if checkpoint is None else self._task_of(checkpoint)
        await defer(interaction, thinking=True)
        if task is not None:
            await self._show_detail(interaction, task)
            return
        tasks = [one.tasks[0] for one in self.backend.status().checkpoints]
        descriptions = await asyncio.gather(*map(self.backend.describe, tasks))
        await show(interaction, overview(descriptions), view_of({}, [CheckpointMenu.of(options(descriptions))]))

    async def look_into(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Show a checkpoint in detail, to the person who has chosen it."""
        await defer(interaction, thinking=True, ephemeral=True)
        await self._show_detail(interaction, press.detail)

    async def _show_detail(self, interaction: Interaction, task: str) -> None:
        await show(interaction, detail(await self.backend.describe(task)))

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
        """Return a task of a checkpoint that was named by a command, by its name, or by a unique part of its name."""
        checkpoints = self.backend.status().checkpoints
        wanted = identity(typed).removeprefix("/")
        exact = [one for one in checkpoints if wanted in (*one.tasks, identity(one.name))]
        found = exact or [one for one in checkpoints if wanted and _matches(one, wanted)]
        if not found or (len(found) > 1 and not exact):
            raise InvalidRequest(UNKNOWN)
        return found[0].tasks[0]


async def show(interaction: Interaction, reply: Reply, view: discord.ui.View | None = None) -> None:
    """Show a reply as the deferred response."""

    async def content() -> Mapping[str, Any]:
        return {"embed": reply.embed, "attachments": reply.files(), "view": view}

    await edit_for_good(interaction, content)


def _matches(checkpoint: CheckpointStatus, typed: str) -> bool:
    """Whether a typed text matches a checkpoint."""
    typed = identity(typed).removeprefix("/")
    return any(typed in identity(word) for word in (checkpoint.name, *checkpoint.tasks))


setup = Models.setup
