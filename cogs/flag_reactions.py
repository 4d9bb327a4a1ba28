"""Flags under messages translate them, in servers that want it."""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import describe
from bot.flags.deletions import Deletions
from bot.flags.menu import CHOOSE, Choice, LanguageMenu, chosen
from bot.flags.translator import FlagTranslator
from bot.replies.components.press import Press
from bot.servers.features import MessageFeature
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)


class Flags(Cog):
    """Translations under flags."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._servers = bot.servers
        self._translations = bot.translations
        self._translator = FlagTranslator(bot)
        self._deletions = Deletions(bot.translations, bot.http.delete_message)
        bot.add_dynamic_items(LanguageMenu)
        bot.handle(CHOOSE, self.choose, feature=MessageFeature.REACTIONS)

    async def cog_unload(self) -> None:
        self._deletions.stop()

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        self._deletions.start()

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        await self._translator.answer(payload)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._withdraw(payload.guild_id, payload.message_id)

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self._withdraw(payload.guild_id, *payload.message_ids)

    async def choose(self, interaction: Interaction, press: Press[None, Choice]) -> None:
        """Translate into the language that somebody has chosen."""
        await self._translator.choose(interaction, chosen(press.detail, interaction))

    async def _withdraw(self, guild_id: int | None, *message_ids: int) -> None:
        """Delete the translations of messages that were deleted."""
        if not (await self._servers.settings(guild_id)).reactions.translate:
            return
        try:
            for message_id in message_ids:
                await self._translations.withdraw(message_id)
        except FAILURES as error:
            log.warning("the translation of a deleted message stays: %s", describe(error))


setup = Flags.setup
