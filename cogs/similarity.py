"""`/similarity`: how close are texts in meaning?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.results.similarity import render
from bot.tasks.similarity import SimilarityRequest, parse_texts


class Similarity(Cog):
    """`/similarity`."""

    @app_commands.command()
    @app_commands.describe(
        first="A text; or several with | between them, to compare all with each other",
        second="What to compare it with: one text, or several with | between them, for a ranking",
        checkpoint=choosing.ABOUT,
    )
    async def similarity(
        self, interaction: Interaction, first: str, second: str | None = None, checkpoint: Checkpoint = None
    ) -> None:
        """How close are texts in meaning? Cosine similarities of their embeddings"""
        if second is None:
            request = SimilarityRequest(parse_texts(first), ranked=False, checkpoint=checkpoint)
        else:
            request = SimilarityRequest((first, *parse_texts(second)), checkpoint=checkpoint)
        await self.delivery.answer(interaction, request, render)


setup = Similarity.setup
