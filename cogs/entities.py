"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.entities import render
from bot.tasks.entities import EntitiesRequest


class Entities(Cog):
    """`/entities`."""

    @app_commands.command()
    @app_commands.describe(
        text="What to look through, such as: I am Sylvain, and I work at Hugging Face.",
        checkpoint=choosing.ABOUT,
    )
    async def entities(self, interaction: Interaction, text: str, checkpoint: Checkpoint = None) -> None:
        """Which people, places and organisations does a text name?"""
        await self.delivery.answer(interaction, EntitiesRequest(text, checkpoint=checkpoint), render)


setup = Entities.setup
