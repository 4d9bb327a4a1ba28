"""`/fill`: which word was hidden?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.fill import render
from bot.tasks.fill import FillRequest


class Fill(Cog):
    """`/fill`."""

    @app_commands.command()
    @app_commands.describe(
        text="A text with ___ for a hidden word, such as: The capital of France is ___.",
        top_k="How many words to show for each blank, 1 to 10 (5 if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def fill(
        self, interaction: Interaction, text: str, top_k: int = FillRequest.top_k, checkpoint: Checkpoint = None
    ) -> None:
        """Which word was hidden? The likeliest ones with their probabilities"""
        await self.delivery.answer(interaction, FillRequest(text, top_k, checkpoint=checkpoint), render)


setup = Fill.setup
