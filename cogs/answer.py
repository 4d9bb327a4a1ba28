"""`/answer`: where in a text is the answer to a question?"""

from __future__ import annotations

import discord
from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.attachments import read_text
from bot.replies.checkpoints import choosing
from bot.replies.results.answer import render
from bot.tasks.answer import AnswerRequest


class Answer(Cog):
    """`/answer`."""

    @app_commands.command()
    @app_commands.describe(
        question="What you want to know, for example: Where do I work?",
        context="The text to look in, such as: I am Sylvain, and I work at Hugging Face.",
        file="A text file to look in, instead of the context",
        checkpoint=choosing.ABOUT,
    )
    async def answer(
        self,
        interaction: Interaction,
        question: str,
        context: str | None = None,
        file: discord.Attachment | None = None,
        checkpoint: Checkpoint = None,
    ) -> None:
        """Find the answer to a question in a text"""
        request = AnswerRequest(question, await _text(context, file), checkpoint=checkpoint)
        await self.delivery.answer(interaction, request, render)


async def _text(context: str | None, file: discord.Attachment | None) -> str:
    """Return the written or attached text; raise `InvalidRequest` unless there is one, and only one."""
    if context is not None and file is None:
        return context
    if file is not None and context is None:
        return await read_text(file)
    raise InvalidRequest(later("Give me a text to look in: either write it as `context`, or attach it as `file`."))


setup = Answer.setup
