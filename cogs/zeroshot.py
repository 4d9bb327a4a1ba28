"""`/zeroshot`: which of these labels fits a text?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.zeroshot import render
from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.label_list import parse_labels


class ZeroShot(Cog):
    """`/zeroshot`."""

    @app_commands.command()
    @app_commands.describe(
        text="What to judge, for example: This movie was so inspiring!",
        labels="2 to 20 labels with commas between them, such as: sports, politics, food",
        multi_label="Whether several labels may fit; each is then judged on its own (no if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def zeroshot(
        self,
        interaction: Interaction,
        text: str,
        labels: str,
        multi_label: bool = False,
        checkpoint: Checkpoint = None,
    ) -> None:
        """Which of your labels fits a text?"""
        request = ZeroShotRequest(text, parse_labels(labels), multi_label, checkpoint=checkpoint)
        await self.delivery.answer(interaction, request, render)


setup = ZeroShot.setup
