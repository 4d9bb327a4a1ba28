"""`/generate`: how does a text go on?"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.replies.delivery import Delivery
from bot.replies.results.generate import CONTINUE, REGENERATE, preview, render
from bot.tasks.generate import GenerateRequest


class Generate(commands.Cog):
    """`/generate`."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    @app_commands.command()
    @app_commands.describe(
        prompt="What to continue, for example: In this course, we will teach you how to",
        max_new_tokens="How long it may become, in tokens (about ¾ of a word each), 1 to 512 (60 if left out)",
        num_return_sequences="How many continuations, 1 to 4 (1 if left out)",
        temperature="Below 1 safer, above 1 wilder, 0.05 to 2 (0.8 if left out)",
        top_p="Draw only from the likeliest tokens that together have this probability, to 1 (0.95 if left out)",
        seed="A number; the same seed gives the same text again",
    )
    async def generate(
        self,
        interaction: discord.Interaction[Glassbox],
        prompt: str,
        max_new_tokens: int = GenerateRequest.max_new_tokens,
        num_return_sequences: int = GenerateRequest.num_return_sequences,
        temperature: float = GenerateRequest.temperature,
        top_p: float = GenerateRequest.top_p,
        seed: int | None = None,
    ) -> None:
        """How does a text go on? One or more continuations of a prompt"""
        request = GenerateRequest(prompt, max_new_tokens, num_return_sequences, temperature, top_p, seed)
        await self.go_on(interaction, request)

    async def regenerate(self, interaction: discord.Interaction[Glassbox], request: GenerateRequest) -> None:
        """Another text for the same prompt, for whoever wants one."""
        await self.go_on(interaction, request.again())

    async def go_on(self, interaction: discord.Interaction[Glassbox], request: GenerateRequest) -> None:
        """Answer a request, showing the text as it is written."""
        await self.delivery.answer(interaction, request, render, preview)


async def setup(bot: Glassbox) -> None:
    cog = Generate(bot.delivery)
    await bot.add_cog(cog)
    bot.handle(REGENERATE, cog.regenerate)
    bot.handle(CONTINUE, cog.go_on)
