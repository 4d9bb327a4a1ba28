"""`/mood`: how has a channel felt over time?"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from discord import app_commands

from bot.channels.access import Chosen
from bot.channels.history import FEWEST, MOST
from bot.channels.message import ChannelMessage
from bot.channels.mood import Felt, mood_of
from bot.channels.valence import valence
from bot.checkpoint_option import CheckpointOption
from bot.client import Cog, Glassbox, Interaction
from bot.replies.channels.channel_option import ChannelOption
from bot.replies.channels.facts import check_enough
from bot.replies.channels.mood import render, title_of
from bot.replies.channels.showing import show
from bot.replies.channels.surveys import Surveys
from bot.replies.checkpoints import choosing
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.text.accepted import checked_range

USUAL = 500


class Mood(Cog):
    """`/mood`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._surveys = Surveys(bot, "mood")

    @app_commands.command()
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.describe(
        channel="Whose mood to draw, if you may read it (this channel if left out)",
        messages="How many of the last messages to look at, 50 to 2,000 (500 if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def mood(
        self,
        interaction: Interaction,
        channel: app_commands.Transform[Chosen, ChannelOption] | None = None,
        messages: int = USUAL,
        checkpoint: Annotated[str | None, CheckpointOption("sentiment")] = None,
    ) -> None:
        """How has a channel felt over time? A picture of its mood; nobody is singled out"""
        checked_range(messages, FEWEST, MOST, "messages")
        name = await self.delivery.checkpoints.name(interaction, "sentiment", checkpoint)
        felt: list[Felt] = []

        def take(message: ChannelMessage, result: SentimentResult) -> None:
            felt.append(Felt(message.id, message.when, message.writer, valence(result.scores)))

        async with (
            interaction.client.quotas.use(interaction.guild_id, interaction.user),
            self._surveys.of(interaction, channel) as place,
        ):
            make = partial(SentimentRequest, checkpoint=name)
            facts = await self._surveys.run(
                place, title_of(place.names), messages, make, take, lambda result: result.truncated
            )
            if facts is None:
                return
            check_enough(facts)
            found = await asyncio.to_thread(mood_of, felt)
            await show(interaction, render(place.names, found, facts), interaction.client.studio)


setup = Mood.setup
