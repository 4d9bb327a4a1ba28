"""`/zeroshot`: which of these labels fits a text?"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.replies.delivery import Delivery
from bot.replies.results.zeroshot import render
from bot.tasks.zeroshot import ZeroShotRequest, parse_labels


class ZeroShot(commands.Cog):
    """`/zeroshot`."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @app_commands.command()
    @app_commands.describe(
        text="What to judge, for example: This movie was so inspiring!",
        labels="2 to 20 labels with commas between them, for example: sports, politics, entertainment",
        multi_label="Whether several labels may fit; each is then judged on its own (no if left out)",
    )
    async def zeroshot(
        self, interaction: discord.Interaction[Glassbox], text: str, labels: str, multi_label: bool = False
    ) -> None:
        """Which of your labels fits a text?"""
        await self.delivery.answer(interaction, ZeroShotRequest(text, parse_labels(labels), multi_label), render)


async def setup(bot: Glassbox) -> None:
    await bot.add_cog(ZeroShot(bot.delivery))
