"""`/models`: which checkpoints are there, and what are they made of?"""

from __future__ import annotations

import asyncio

import discord
from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.acknowledgement import defer
from bot.replies.checkpoints.card import detail
from bot.replies.checkpoints.choice import NONE_THERE, checkpoint_choices, chosen_among, handle_of
from bot.replies.checkpoints.overview import options, overview
from bot.replies.components.buttons import Action, view_of
from bot.replies.components.press import Component, Press
from bot.replies.pending import Edit, edit_for_good
from bot.replies.reply import Reply

LOOK_INTO = Action("models", later("Look into a checkpoint"))
"""Its detail is a task of the checkpoint, or its name if it has none."""
MENU_ID = "glassbox:models"


class CheckpointMenu(Component[discord.ui.Select[discord.ui.View]], template=MENU_ID):
    """A menu of checkpoints."""

    action = LOOK_INTO.name

    @property
    def detail(self) -> str:
        return self.item.values[0]


class Models(Cog):
    """`/models`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.add_dynamic_items(CheckpointMenu)
        bot.handle(LOOK_INTO, self.look_into, feature="models")

    @app_commands.command()
    @app_commands.describe(checkpoint="Which one to look into, down to its layers (all of them if left out)")
    async def models(self, interaction: Interaction, checkpoint: str | None = None) -> None:
        """Which checkpoints are there, what are they for, and what are they made of?"""
        checkpoints = self.backend.status().checkpoints
        chosen = None if checkpoint is None else handle_of(chosen_among(checkpoints, checkpoint))
        if not checkpoints:
            raise InvalidRequest(str(NONE_THERE))
        await defer(interaction, thinking=True)
        if chosen is not None:
            await self._show_detail(interaction, chosen)
            return
        descriptions = await asyncio.gather(*(self.backend.describe(handle_of(one)) for one in checkpoints))
        menu = discord.ui.Select[discord.ui.View](
            custom_id=MENU_ID, placeholder=LOOK_INTO.label, options=options(descriptions)
        )
        await show(interaction, overview(descriptions), view_of({}, [CheckpointMenu(menu)]))

    async def look_into(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Show a checkpoint in detail to the person who has chosen it."""
        await defer(interaction, thinking=True, ephemeral=True)
        await self._show_detail(interaction, press.detail)

    async def _show_detail(self, interaction: Interaction, name: str) -> None:
        await show(interaction, detail(await self.backend.describe(name)))

    @models.autocomplete("checkpoint")
    async def checkpoints(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return checkpoint_choices(typed, self.backend.status().checkpoints)


async def show(interaction: Interaction, reply: Reply, view: discord.ui.View | None = None) -> None:
    """Show a reply as the deferred response."""

    async def content() -> Edit:
        return {"embed": reply.embed, "attachments": reply.files(), "view": view}

    await edit_for_good(interaction, content)


setup = Models.setup
