"""`/translate`: the same in another language."""

from __future__ import annotations

import asyncio

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.errors import GlassboxError
from bot.inference.languages.lookup import find_language
from bot.inference.languages.pairs import LanguagePairs
from bot.replies.checkpoints import choosing
from bot.replies.components.autocompletion import language_choices
from bot.replies.components.press import Press
from bot.replies.delivery import ResponseKind
from bot.replies.results.translate import FROM, render
from bot.replies.sharing import still_shareable
from bot.servers.languages import default_language
from bot.tasks.translate import TranslateRequest

USUAL_SOURCE = "en"
"""Most texts are English, so it is an unlikely target as long as no source is named."""
Choices = list[app_commands.Choice[str]]


class Translate(Cog):
    """`/translate`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._servers = bot.servers
        bot.handle(FROM, self.correct, kept=TranslateRequest)

    @app_commands.command()
    @app_commands.rename(target="to", source="from")
    @app_commands.describe(
        text="What to translate, for example: I love apples.",
        target="Into which language (if left out, yours or the server's)",
        source="From which language (found out from the text if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def translate(
        self,
        interaction: Interaction,
        text: str,
        target: str | None = None,
        source: str | None = None,
        checkpoint: Checkpoint = None,
    ) -> None:
        """Translate a text into another language"""
        if target is None:
            settings = await self._servers.settings(interaction.guild_id)
            from_code = None if source is None else find_language(source).code
            known, own = self.backend.languages("translate"), interaction.client.own_languages.of(interaction.user.id)
            target = default_language(interaction, settings, known, from_code, own)
        name = await self.delivery.checkpoints.name(interaction, "translate", checkpoint)
        await self._answer(interaction, TranslateRequest(text, target, source, checkpoint=name))

    async def correct(self, interaction: Interaction, press: Press[TranslateRequest, None]) -> None:
        """Translate again, from the language of the button. A private translation is replaced, and stays private."""
        message = interaction.message
        is_private = message is not None and message.flags.ephemeral
        await self._answer(interaction, press.request, ResponseKind.EDIT if is_private else ResponseKind.PUBLIC)

    async def _answer(
        self, interaction: Interaction, request: TranslateRequest, kind: ResponseKind = ResponseKind.PUBLIC
    ) -> None:
        if (known := self.backend.languages(request.checkpoint or "translate")) is not None:
            request.check(known)
        shown = still_shareable(interaction, render) if kind is ResponseKind.EDIT else render
        await self.delivery.answer(interaction, request, shown, kind=kind)

    @translate.autocomplete("target")
    async def targets(self, interaction: Interaction, typed: str) -> Choices:
        known = await self._languages(interaction)
        source = getattr(interaction.namespace, "from", None)
        codes = None if known is None else known.into(source or None) or known.into()
        return await asyncio.to_thread(language_choices, typed, codes, None if source else USUAL_SOURCE)

    @translate.autocomplete("source")
    async def sources(self, interaction: Interaction, typed: str) -> Choices:
        known = await self._languages(interaction)
        codes = None if known is None else known.sources(interaction.namespace.to) or known.sources()
        return await asyncio.to_thread(language_choices, typed, codes)

    async def _languages(self, interaction: Interaction) -> LanguagePairs | None:
        """Return the pairs of the checkpoint that is chosen so far."""
        try:
            chosen = interaction.namespace.checkpoint
            name = await self.delivery.checkpoints.name(interaction, "translate", chosen)
            return self.backend.languages(name or "translate")
        except GlassboxError:  # no checkpoint is set; the command itself will say so
            return None


setup = Translate.setup
