"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.sentiment import render
from bot.tasks.sentiment import SentimentRequest


class Sentiment(Cog):
    """`/sentiment`."""

    @app_commands.command()
    @app_commands.describe(text="What to judge, for example: I love to hate this course", checkpoint=choosing.ABOUT)
    async def sentiment(self, interaction: Interaction, text: str, checkpoint: Checkpoint = None) -> None:
        """How does a text feel? Every label with its probability"""
        await self.delivery.answer(interaction, SentimentRequest(text, checkpoint=checkpoint), render)


setup = Sentiment.setup
