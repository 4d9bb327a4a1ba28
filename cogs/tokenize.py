"""`/tokenize`: what does a model read?"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox
from bot.errors import InvalidRequest
from bot.inference.backend import Backend
from bot.replies.acknowledgement import open_form
from bot.replies.checkpoints.choice import checkpoint_choices, task_of
from bot.replies.components.modals import text_form
from bot.replies.delivery import Delivery
from bot.replies.results.tokenize import render
from bot.tasks.tokenize import TokenizeRequest
from bot.text.accepted import MAX_CHARACTERS

FORM = "tokenize"
"""The form's name. Its details are the task whose checkpoint is meant."""


def texts_form(task: str) -> discord.ui.Modal:
    """Asks for several texts.

    Args:
        task: whose checkpoint is meant.
    """
    return text_form(
        FORM,
        task,
        title="Texts to tokenize",
        label="One text on each line",
        about="Together they are the batch that a model would get.",
        placeholder="apples are sour.\nWe have promises to keep.",
        most=MAX_CHARACTERS,
    )


class Tokenize(commands.Cog):
    """`/tokenize`."""

    def __init__(self, backend: Backend, delivery: Delivery) -> None:
        self.backend = backend
        self.delivery = delivery

    @app_commands.command()
    @app_commands.describe(
        texts="What to cut into tokens, for example: apples are sour. Leave it out for a form with room for several.",
        checkpoint="Whose tokenizer, by its name or a command that it answers (that of /sentiment if left out)",
    )
    async def tokenize(
        self, interaction: discord.Interaction[Glassbox], texts: str | None = None, checkpoint: str | None = None
    ) -> None:
        """What does a model read? Tokens, ids, attention mask and padding of one or more texts"""
        task = self._task(checkpoint)
        if texts is None:
            await open_form(interaction, texts_form(task))
            return
        await self.delivery.answer(interaction, TokenizeRequest.of_lines(texts, task), render)

    @tokenize.autocomplete("checkpoint")
    async def checkpoints(
        self, interaction: discord.Interaction[Glassbox], typed: str
    ) -> list[app_commands.Choice[str]]:
        return checkpoint_choices(typed, self.backend.status().checkpoints)

    async def answer_form(self, interaction: discord.Interaction[Glassbox], chosen: str, written: str) -> None:
        """The same for what was written into the form, also one that was opened before a restart."""
        await self.delivery.answer(interaction, TokenizeRequest.of_lines(written, self._task(chosen)), render)

    def _task(self, chosen: str | None) -> str:
        checkpoints = self.backend.status().checkpoints
        if not checkpoints:
            raise InvalidRequest("No checkpoint is set, so there is no tokenizer to ask.")
        tasks = [task for one in checkpoints for task in one.tasks]
        return task_of(chosen or (TokenizeRequest.task if TokenizeRequest.task in tasks else None), checkpoints)


async def setup(bot: Glassbox) -> None:
    cog = Tokenize(bot.backend, bot.delivery)
    await bot.add_cog(cog)
    bot.handle_form(FORM, cog.answer_form)
