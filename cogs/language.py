"""`/language`: the language that the bot writes to somebody in."""

from __future__ import annotations

import logging

from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import Unanswered, describe
from bot.locales.message import _
from bot.locales.offered import offered
from bot.replies.acknowledgement import defer, respond_with
from bot.replies.components.press import Press
from bot.replies.language.page import CHOOSE, LanguageMenu, LanguagePage
from bot.replies.pending import Edit, edit_for_good
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

FEATURE = "language"


class Language(Cog):
    """`/language`. Only the person who asks sees it, and it holds everywhere."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._bot = bot
        bot.add_dynamic_items(LanguageMenu)
        bot.handle(CHOOSE, self.choose, feature=FEATURE)

    @app_commands.command()
    async def language(self, interaction: Interaction) -> None:
        """The language that I write to you in"""
        await respond_with(interaction, self._page(interaction).layout())

    async def choose(self, interaction: Interaction, press: Press[None, str | None]) -> None:
        """Keep the language that somebody has chosen, and show the page in it."""
        chosen = press.detail if press.detail in offered() else None  # a forged one, or one of another version
        await defer(interaction)
        try:
            await self._bot.own_languages.choose(interaction.user.id, chosen)
        except FAILURES as error:
            log.warning("a language cannot be saved: %s", describe(error))
            await self._show(interaction)  # a menu shows what was chosen in it until it is drawn anew
            raise Unanswered(
                _(
                    "I could not save that, and the failure has been logged. The language is as it was. Please try "
                    "again in a minute."
                )
            ) from None
        self._bot.speech.answer(interaction)
        await self._show(interaction)

    async def _show(self, interaction: Interaction) -> None:
        async def content() -> Edit:
            return {"view": self._page(interaction).layout()}

        await edit_for_good(interaction, content)

    def _page(self, interaction: Interaction) -> LanguagePage:
        return LanguagePage(self._bot.own_languages.of(interaction.user.id), interaction.locale.value)


setup = Language.setup
