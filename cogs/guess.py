"""`/guess`: what will the model say?"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from typing import Annotated, TypeVar

import discord
from discord import app_commands

from bot.checkpoint_option import CheckpointOfCommand
from bot.client import Cog, Glassbox, Interaction
from bot.errors import RequestForgotten, RequestOutOfReach, describe
from bot.inference.requests import LabelScore, Request
from bot.replies.acknowledgement import NO_MENTIONS, defer
from bot.replies.checkpoints import choosing
from bot.replies.components.buttons import Button, view_of
from bot.replies.components.press import Press
from bot.replies.guess_counts import Counts, GuessCounts
from bot.replies.guessing import GUESS, GuessButton, counted, render, revealed
from bot.replies.pending import until_accepted
from bot.replies.work.offer import SHOW_WORK
from bot.storage.database import FAILURES
from bot.storage.guesses import GAVE_UP
from bot.tasks.complete import CompleteRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.guess import TASKS, GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import USUAL_LABELS, ZeroShotRequest
from bot.text.label_list import parse_labels

T = TypeVar("T")
log = logging.getLogger(__name__)


def asked(command: str, text: str, labels: str) -> Request[object]:
    """Return the request of a command whose answer is guessed; of a text only the likeliest next token."""
    match command:
        case "zeroshot":
            return ZeroShotRequest(text, parse_labels(labels))
        case "fill":
            return FillRequest(text)
        case "generate":
            return GenerateRequest(text, 1, top_p=0.01)
        case "complete":
            return CompleteRequest(text, max_new_tokens=1, temperature=0)
        case _:
            return SentimentRequest(text)


class Guess(Cog):
    """`/guess`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._store = bot.store
        self._counts = GuessCounts()
        bot.add_dynamic_items(GuessButton)
        bot.handle(GUESS, self.take, kept=GuessRequest)

    @app_commands.command()
    @app_commands.choices(command=[app_commands.Choice(name=f"/{name}", value=name) for name in TASKS])
    @app_commands.describe(
        text="What the model answers; for /generate and /complete, what its next token follows",
        command="Which command's answer to guess (/sentiment if left out)",
        labels=f"For /zeroshot: 2 to 20 labels ({USUAL_LABELS} if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def guess(
        self,
        interaction: Interaction,
        text: str,
        command: str = "sentiment",
        labels: str = USUAL_LABELS,
        checkpoint: Annotated[str | None, CheckpointOfCommand()] = None,
    ) -> None:
        """What will the model say? Guess a label, a word or a token before it does"""
        await interaction.client.access.check(command, interaction)
        name = await self.delivery.checkpoints.name(interaction, command, checkpoint)
        request = GuessRequest.of(replace(asked(command, text, labels), checkpoint=name))
        await self.delivery.answer(interaction, request, render)

    async def take(self, interaction: Interaction, press: Press[GuessRequest, int]) -> None:
        """Take somebody's guess, count it, and show them the answer, and nobody else.

        Raises:
            RequestForgotten: the press is forged.
            RequestOutOfReach: the database can't be used.
        """
        request, chosen = press.request, press.detail
        if not GAVE_UP <= chosen < len(request.options):
            raise RequestForgotten
        await defer(interaction)
        kept = await _reached(self._store.guesses.guess(press.request_id, interaction.user.id, chosen))
        await self._show_counts(interaction, press)
        work = _work(request)
        identity = await self._store.keep(work, person=interaction.user.id, guild_id=interaction.guild_id)
        view = view_of({Button(SHOW_WORK, work): identity} if identity else {})
        shown = revealed(request, kept, again=kept != chosen)
        send = partial(interaction.followup.send, embed=shown, ephemeral=True, allowed_mentions=NO_MENTIONS)
        await until_accepted(lambda: send(view=view or discord.utils.MISSING))

    async def _show_counts(self, interaction: Interaction, press: Press[GuessRequest, int]) -> None:
        embeds = [] if interaction.message is None else interaction.message.embeds
        if not embeds:  # moderators can hide them, and the answer opens all the same
            return

        async def edit(counts: Counts) -> None:
            embed = counted(embeds[0], press.request, counts)
            await until_accepted(lambda: interaction.edit_original_response(embed=embed, allowed_mentions=NO_MENTIONS))

        await self._counts.show(press.request_id, lambda: _reached(self._store.guesses.counts(press.request_id)), edit)


async def _reached(guesses: Awaitable[T]) -> T:
    """Wait for the database; raise `RequestOutOfReach` if it can't be used."""
    try:
        return await guesses
    except FAILURES as error:
        log.warning("a guess cannot be kept: %s", describe(error))
        raise RequestOutOfReach from error


def _work(request: GuessRequest) -> WorkRequest:
    """Return the request that opens the answer."""
    best = request.options[request.right]
    headline = () if request.is_about_tokens else (LabelScore(best.label, best.probability),)
    return replace(WorkRequest.of(request.about, (), headline), checkpoint=request.checkpoint)


setup = Guess.setup
