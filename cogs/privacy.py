"""`/privacy`: what is kept about a person, what the bot may read, and how to change both."""

from __future__ import annotations

import io
import logging

import discord
from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest, Unanswered, describe
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.replies.acknowledgement import acknowledgement, defer, send_modal
from bot.replies.components.modals import Submission
from bot.replies.components.press import Press
from bot.replies.pending import Edit, edit_for_good
from bot.replies.privacy.controls import (
    ASK_TO_ERASE,
    ERASE,
    EXPORT,
    FORGET_CHOICES,
    OPT_OUT,
    SHOW,
    SURE,
    OptOutButton,
    PrivacyButton,
    Wish,
    erase_modal,
)
from bot.replies.privacy.page import PrivacyPage, erased
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

FEATURE = "privacy"
FILE = "glassbox-data.json"
NOT_SURE = later(
    "Nothing was deleted, because “Delete everything about me” was not ticked. Press the button again to delete it."
)
NOT_SAVED = later(
    "I could not save that, and the failure has been logged. Your choice is as it was. Please try again in a minute."
)


class Privacy(Cog):
    """`/privacy`. Only the person who asks sees it, and everything is about them."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._data = bot.personal_data
        self._opt_outs = bot.opt_outs
        bot.add_dynamic_items(PrivacyButton, OptOutButton)
        bot.handle(SHOW, self.show, feature=FEATURE)
        bot.handle(EXPORT, self.export, feature=FEATURE)
        bot.handle(ASK_TO_ERASE, self.ask_to_erase, feature=FEATURE)
        bot.handle(ERASE, self.erase, feature=FEATURE, modal=True)
        bot.handle(OPT_OUT, self.opt_out, feature=FEATURE)

    @app_commands.command()
    async def privacy(self, interaction: Interaction) -> None:
        """What I keep about you: see it, take it along, delete it, opt out of being read"""
        await defer(interaction, thinking=True, ephemeral=True)  # never in place of the page that "Try it" is on
        await self._show(interaction)

    async def show(self, interaction: Interaction, press: Press[None, None]) -> None:
        """Show the page in a new message."""
        await defer(interaction, thinking=True, ephemeral=True)
        await self._show(interaction)

    async def export(self, interaction: Interaction, press: Press[None, None]) -> None:
        """Send what is kept as a file."""
        await defer(interaction, thinking=True, ephemeral=True)
        export = await self._data.export(interaction.user.id, interaction.id)
        said = _("This is what I keep about you, as JSON: any text editor opens it.")
        if export.left_out:
            left_out = plural(
                "There was no room for {number} of the oldest entries, which /privacy counts as well.",
                "There was no room for {number} of the oldest entries, which /privacy counts as well.",
                export.left_out,
                number=whole(export.left_out),
            )
            said = f"{said} {left_out}"

        async def content() -> Edit:
            return {"content": said, "attachments": [discord.File(io.BytesIO(export.data), FILE)]}

        await edit_for_good(interaction, content)

    async def ask_to_erase(self, interaction: Interaction, press: Press[None, None]) -> None:
        """Ask whether somebody is sure."""
        await send_modal(interaction, erase_modal())

    async def erase(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Delete everything about somebody who is sure."""
        if SURE not in press.detail.ticked:
            raise InvalidRequest(NOT_SURE)
        await self._defer(interaction)
        done = await self._data.erase(
            interaction.user.id, interaction.id, on_request=FORGET_CHOICES in press.detail.ticked
        )
        interaction.client.own_languages.note(interaction.user.id, None)
        await self._show(interaction, erased(done))

    async def opt_out(self, interaction: Interaction, press: Press[None, Wish]) -> None:
        """Opt somebody out of something, or in again."""
        wish = press.detail
        await self._defer(interaction)
        try:
            await self._opt_outs.set(interaction.user.id, wish.what, wish.out)
        except FAILURES as error:
            log.warning("an opt-out cannot be saved: %s", describe(error))
            raise Unanswered(NOT_SAVED) from None
        await self._show(interaction)

    async def _show(self, interaction: Interaction, notice: str = "") -> None:
        """Show the page as the response, or in its place if it is shown already."""
        await self._defer(interaction)
        person = interaction.user.id
        held = await self._data.held(person, interaction.id)
        try:
            out = await self._opt_outs.of(person)
        except FAILURES as error:
            log.warning("opt-outs cannot be read: %s", describe(error))
            raise Unanswered(
                later("I could not look up what you have opted out of. Please try again in a minute.")
            ) from None
        page = PrivacyPage(held, out, self._data.is_encrypted, notice)

        async def content() -> Edit:
            return {"view": page.layout()}

        await edit_for_good(interaction, content)

    async def _defer(self, interaction: Interaction) -> None:
        """Acknowledge an interaction, whose answer only one person may see: an edit only of what only they see."""
        if acknowledgement(interaction) is None:
            message = interaction.message
            is_theirs = message is not None and message.flags.ephemeral
            await defer(interaction, thinking=not is_theirs, ephemeral=True)


setup = Privacy.setup
