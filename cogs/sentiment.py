"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.replies.delivery import Delivery
from bot.replies.results.sentiment import render
from bot.tasks.sentiment import SentimentRequest


class Sentiment(commands.Cog):
    """`/sentiment`."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @app_commands.command()
    @app_commands.describe(text="What to judge, for example: I love to hate this course")
    async def sentiment(self, interaction: discord.Interaction[Glassbox], text: str) -> None:
        """How does a text feel? Every label with its probability"""
        await self.delivery.answer(interaction, SentimentRequest(text), render)


async def setup(bot: Glassbox) -> None:
    await bot.add_cog(Sentiment(bot.delivery))
