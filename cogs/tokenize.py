"""`/tokenize`: what does a model read?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Glassbox, tell_failure
from bot.errors import InvalidRequest
from bot.inference.backend import Backend
from bot.replies.checkpoints import checkpoint_choices, task_of
from bot.replies.delivery import Delivery
from bot.replies.tokenize import render
from bot.tasks.text import MAX_CHARACTERS
from bot.tasks.tokenize import TokenizeRequest

FORM = "glassbox-tokenize:"
"""How a form's custom id begins; the task follows, whose checkpoint is meant."""
FIELD = "texts"


def texts_form(task: str) -> discord.ui.Modal:
    """Asks for several texts. Its custom id says all, so the client keeps no trace of it.

    Args:
        task: whose checkpoint is meant.
    """
    form = discord.ui.Modal(title="Texts to tokenize", custom_id=FORM + task)
    form.add_item(
        discord.ui.Label(
            text="One text on each line",
            description="Together they are the batch that a model would get.",
            component=discord.ui.TextInput(
                style=discord.TextStyle.paragraph,
                placeholder="apples are sour.\nWe have promises to keep.",
                max_length=MAX_CHARACTERS,
                custom_id=FIELD,
            ),
        )
    )
    form.stop()  # discord.py keeps those that it waits for
    return form


def written_in(components: Iterable[Mapping[str, Any]]) -> str:
    """What was written into the form's field, which stands inside a label."""
    for label in components:
        field = label.get("component", {})
        if field.get("custom_id") == FIELD:
            return str(field["value"])
    return ""


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
            await interaction.response.send_modal(texts_form(task))
            return
        await self.delivery.answer(interaction, TokenizeRequest.of_lines(texts, task), render)

    @tokenize.autocomplete("checkpoint")
    async def checkpoints(
        self, interaction: discord.Interaction[Glassbox], typed: str
    ) -> list[app_commands.Choice[str]]:
        return checkpoint_choices(typed, self.backend.status().checkpoints)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Glassbox]) -> None:
        """Answer a form, also one that was opened before a restart."""
        data: Mapping[str, Any] = interaction.data or {}
        if interaction.type is not discord.InteractionType.modal_submit or not data["custom_id"].startswith(FORM):
            return
        try:
            task = self._task(data["custom_id"].removeprefix(FORM))
            request = TokenizeRequest.of_lines(written_in(data["components"]), task)
            await self.delivery.answer(interaction, request, render)
        except Exception as error:
            await tell_failure(interaction, "the form of /tokenize", error)

    def _task(self, chosen: str | None) -> str:
        checkpoints = self.backend.status().checkpoints
        if not checkpoints:
            raise InvalidRequest("No checkpoint is set, so there is no tokenizer to ask.")
        tasks = [task for one in checkpoints for task in one.tasks]
        return task_of(chosen or (TokenizeRequest.task if TokenizeRequest.task in tasks else None), checkpoints)


async def setup(bot: Glassbox) -> None:
    await bot.add_cog(Tokenize(bot.backend, bot.delivery))
