"""`/tokenize`: what does a model read?"""

from __future__ import annotations

import discord
from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.locales.message import _, later
from bot.replies.acknowledgement import send_modal
from bot.replies.components.buttons import Action
from bot.replies.components.modals import Submission, text_modal
from bot.replies.components.press import Press
from bot.replies.results.tokenize import render
from bot.tasks.tokenize import TokenizeRequest
from bot.text.accepted import MAX_CHARACTERS

MODAL = Action("tokenize", later("Texts to tokenize"))
"""Its option is the checkpoint with the tokenizer, or a task for the one that is set for it."""


def texts_modal(checkpoint: str | None) -> discord.ui.Modal:
    """Make a modal for several texts, for the tokenizer of a checkpoint."""
    return text_modal(
        MODAL,
        checkpoint or TokenizeRequest.task,
        label=_("One text on each line"),
        about=_("Together they are the batch that a model would get."),
        # Translators: two short texts, each in a line.
        placeholder=_("apples are sour.\nWe have promises to keep."),
        most=MAX_CHARACTERS,
    )


class Tokenize(Cog):
    """`/tokenize`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.handle(MODAL, self.submit, feature="tokenize", modal=True)

    @app_commands.command()
    @app_commands.describe(
        texts="What to cut into tokens, such as: apples are sour (if left out, a form opens)",
        checkpoint="Whose tokenizer: a name, or a command (that of /sentiment if left out)",
    )
    async def tokenize(self, interaction: Interaction, texts: str | None = None, checkpoint: Checkpoint = None) -> None:
        """What does a model read? Tokens, ids, attention mask and padding of texts"""
        name = await self.delivery.checkpoints.name(interaction, "tokenize", checkpoint)
        if texts is None:
            await send_modal(interaction, texts_modal(name))
            return
        await self.delivery.answer(interaction, TokenizeRequest.of_lines(texts, name), render)

    async def submit(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Tokenise the texts in a modal."""
        request = TokenizeRequest.of_lines(press.detail.text, press.detail.options or None)
        await self.delivery.answer(interaction, request, render)


setup = Tokenize.setup
