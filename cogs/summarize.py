"""`/summarize`: a long text in short."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.acknowledgement import defer
from bot.replies.attachments import read_text
from bot.replies.checkpoints import choosing
from bot.replies.messages import FEWEST, MOST, check_access, last_messages
from bot.replies.results.summarize import preview, render
from bot.tasks.summarization.summarizers import Length
from bot.tasks.summarize import SummarizeRequest
from bot.text.accepted import checked_range


class Summarize(Cog):
    """`/summarize`."""

    @app_commands.command()
    @app_commands.describe(
        text="What to summarise",
        file="A text file to summarise, in UTF-8",
        messages="Summarise so many of the last messages of this channel, 2 to 100",
        length="How long the summary should be (medium if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def summarize(
        self,
        interaction: Interaction,
        text: str | None = None,
        file: discord.Attachment | None = None,
        messages: int | None = None,
        length: Length = SummarizeRequest.length,
        checkpoint: Checkpoint = None,
    ) -> None:
        """Summarise a text, a file, or the last messages of this channel"""
        if sum(given is not None for given in (text, file, messages)) != 1:
            raise InvalidRequest(
                later("Give me one thing to summarise: a `text`, a `file`, or a number of `messages`.")
            )
        if text is not None:
            request = SummarizeRequest(text, length, checkpoint=checkpoint)
        elif file is not None:
            request = SummarizeRequest(await read_text(file), length, file=file.filename, checkpoint=checkpoint)
        elif messages is not None:
            request = replace(await self._of_messages(interaction, messages, length), checkpoint=checkpoint)
        await self.delivery.answer(interaction, request, render, preview)

    async def _of_messages(self, interaction: Interaction, number: int, length: Length) -> SummarizeRequest:
        checked_range(number, FEWEST, MOST, "messages")
        check_access(interaction)
        await defer(interaction, thinking=True)  # reading may take longer than Discord waits
        lines = await last_messages(interaction, number)
        return SummarizeRequest("\n".join(lines), length, messages=len(lines))


setup = Summarize.setup
