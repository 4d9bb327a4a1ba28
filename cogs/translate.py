"""`/translate`: the same in another language."""

from __future__ import annotations

import asyncio

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.errors import GlassboxError
from bot.inference.backend import Backend
from bot.inference.languages.pairs import LanguagePairs
from bot.replies.components.autocompletion import language_choices
from bot.replies.delivery import Delivery
from bot.replies.results.translate import FROM, render
from bot.tasks.translate import TranslateRequest

USUAL_SOURCE = "en"
"""What most texts are in, and so what few want to translate into where they do not say from which language."""

Choices = list[app_commands.Choice[str]]


class Translate(commands.Cog):
    """`/translate`."""

    def __init__(self, backend: Backend, delivery: Delivery) -> None:
        self.backend = backend
        self.delivery = delivery

    @app_commands.command()
    @app_commands.rename(target="to", source="from")
    @app_commands.describe(
        text="What to translate, for example: I love apples.",
        target="Into which language",
        source="From which language (found out from the text if left out)",
    )
    async def translate(
        self, interaction: discord.Interaction[Glassbox], text: str, target: str, source: str | None = None
    ) -> None:
        """Translate a text into another language"""
        await self.answer(interaction, TranslateRequest(text, target, source))

    async def answer(self, interaction: discord.Interaction[Glassbox], request: TranslateRequest) -> None:
        """Answer a request, also one whose language somebody has corrected with a button."""
        if (known := self.backend.task_state("translate").languages) is not None:
            request.check(known)
        await self.delivery.answer(interaction, request, render)

    @translate.autocomplete("target")
    async def targets(self, interaction: discord.Interaction[Glassbox], typed: str) -> Choices:
        known = self._languages()
        source = getattr(interaction.namespace, "from", None)
        codes = None if known is None else known.into(source or None) or known.into()
        return await asyncio.to_thread(language_choices, typed, codes, None if source else USUAL_SOURCE)

    @translate.autocomplete("source")
    async def sources(self, interaction: discord.Interaction[Glassbox], typed: str) -> Choices:
        known = self._languages()
        codes = None if known is None else known.sources(interaction.namespace.to) or known.sources()
        return await asyncio.to_thread(language_choices, typed, codes)

    def _languages(self) -> LanguagePairs | None:
        try:
            return self.backend.task_state("translate").languages
        except GlassboxError:  # no checkpoint is set: whoever sends the command is told
            return None


async def setup(bot: Glassbox) -> None:
    cog = Translate(bot.backend, bot.delivery)
    await bot.add_cog(cog)
    bot.handle(FROM, cog.answer)
