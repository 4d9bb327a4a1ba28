"""`/entities`: which names are in a text, and of what?"""

from __future__ import annotations

from discord import app_commands

from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.entities import render
from bot.tasks.entities import EntitiesRequest

Choices = list[app_commands.Choice[str]]


class Entities(Cog):
    """`/entities`."""

    @app_commands.command()
    @app_commands.describe(
        text="What to look through, for example: My name is Sylvain and I work at Hugging Face in Brooklyn.",
        checkpoint=choosing.ABOUT,
    )
    async def entities(self, interaction: Interaction, text: str, checkpoint: str | None = None) -> None:
        """Which people, places and organisations does a text name?"""
        await self.delivery.answer(interaction, EntitiesRequest(text, checkpoint=checkpoint), render)

    @entities.autocomplete("checkpoint")
    async def checkpoints(self, interaction: Interaction, typed: str) -> Choices:
        return await self.delivery.checkpoints.completions(interaction, "entities", typed)


setup = Entities.setup
