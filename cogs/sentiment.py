"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from discord import app_commands

from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.sentiment import render
from bot.tasks.sentiment import SentimentRequest

Choices = list[app_commands.Choice[str]]


class Sentiment(Cog):
    """`/sentiment`."""

    @app_commands.command()
    @app_commands.describe(text="What to judge, for example: I love to hate this course", checkpoint=choosing.ABOUT)
    async def sentiment(self, interaction: Interaction, text: str, checkpoint: str | None = None) -> None:
        """How does a text feel? Every label with its probability"""
        await self.delivery.answer(interaction, SentimentRequest(text, checkpoint=checkpoint), render)

    @sentiment.autocomplete("checkpoint")
    async def checkpoints(self, interaction: Interaction, typed: str) -> Choices:
        return await self.delivery.checkpoints.completions(interaction, "sentiment", typed)


setup = Sentiment.setup
