"""`/generate`: how does a text continue?"""

from __future__ import annotations

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.replies.checkpoints import choosing
from bot.replies.components.press import Press
from bot.replies.results.generate import CONTINUE, REGENERATE, preview, render
from bot.replies.sharing import still_shareable
from bot.tasks.generate import GenerateRequest


class Generate(Cog):
    """`/generate`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.handle(REGENERATE, self.regenerate, kept=GenerateRequest)
        bot.handle(CONTINUE, self.go_on, kept=GenerateRequest)

    @app_commands.command()
    @app_commands.describe(
        prompt="What to continue, for example: In this course, we will teach you how to",
        max_new_tokens="How many tokens at most (about ¾ of a word each), 1 to 512 (60 if left out)",
        num_return_sequences="How many continuations, 1 to 4 (1 if left out)",
        temperature="Below 1 safer, above 1 wilder, 0.05 to 2 (0.8 if left out)",
        top_p="Only the likeliest tokens that together have this probability, 0.01 to 1 (0.95)",
        seed="A number; the same seed gives the same text again",
        checkpoint=choosing.ABOUT,
    )
    async def generate(
        self,
        interaction: Interaction,
        prompt: str,
        max_new_tokens: int = GenerateRequest.max_new_tokens,
        num_return_sequences: int = GenerateRequest.num_return_sequences,
        temperature: float = GenerateRequest.temperature,
        top_p: float = GenerateRequest.top_p,
        seed: int | None = None,
        checkpoint: Checkpoint = None,
    ) -> None:
        """How does a text continue? One or more continuations of a prompt"""
        request = GenerateRequest(
            prompt, max_new_tokens, num_return_sequences, temperature, top_p, seed, checkpoint=checkpoint
        )
        await self.delivery.answer(interaction, request, render, preview)

    async def regenerate(self, interaction: Interaction, press: Press[GenerateRequest, None]) -> None:
        """Generate another text for the same prompt."""
        await self._another(interaction, press.request.again())

    async def go_on(self, interaction: Interaction, press: Press[GenerateRequest, None]) -> None:
        """Continue a text."""
        await self._another(interaction, press.request)

    async def _another(self, interaction: Interaction, request: GenerateRequest) -> None:
        shown = still_shareable(interaction, render)
        await self.delivery.answer(interaction, request, shown, preview)


setup = Generate.setup
