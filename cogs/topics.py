"""`/topics`: what has a channel been about over time?"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from discord import app_commands

from bot.channels.access import Chosen
from bot.channels.history import FEWEST, MOST
from bot.channels.message import ChannelMessage
from bot.channels.topics import Judged, label_of, topics_of
from bot.checkpoint_option import CheckpointOption
from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.pictures.stacked_shares import MOST_KINDS
from bot.replies.channels.channel_option import ChannelOption
from bot.replies.channels.facts import check_enough
from bot.replies.channels.showing import show
from bot.replies.channels.surveys import Surveys
from bot.replies.channels.topics import render, title_of
from bot.replies.checkpoints import choosing
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from bot.text.accepted import checked_range
from bot.text.label_list import parse_labels

USUAL = 200


class Topics(Cog):
    """`/topics`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._surveys = Surveys(bot, "topics")

    @app_commands.command()
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.describe(
        labels="2 to 8 labels with commas between them, such as: sports, politics, food",
        channel="Whose topics to draw, if you may read it (this channel if left out)",
        messages="How many of the last messages to look at, 50 to 2,000 (200 if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def topics(
        self,
        interaction: Interaction,
        labels: str,
        channel: app_commands.Transform[Chosen, ChannelOption] | None = None,
        messages: int = USUAL,
        checkpoint: Annotated[str | None, CheckpointOption("zeroshot")] = None,
    ) -> None:
        """What has a channel been about over time? The share of each of your labels"""
        checked_range(messages, FEWEST, MOST, "messages")
        chosen = checked_labels(labels)
        name = await self.delivery.checkpoints.name(interaction, "zeroshot", checkpoint)
        judged: list[Judged] = []

        def take(message: ChannelMessage, result: ZeroShotResult) -> None:
            judged.append(Judged(message.when, label_of(result.scores)))

        async with (
            interaction.client.quotas.use(interaction.guild_id, interaction.user),
            self._surveys.of(interaction, channel) as place,
        ):
            make = partial(ZeroShotRequest, labels=chosen, checkpoint=name)
            facts = await self._surveys.run(
                place, title_of(place.names), messages, make, take, lambda result: result.truncated
            )
            if facts is None:
                return
            check_enough(facts)
            found = await asyncio.to_thread(topics_of, judged, chosen)
            await show(interaction, render(place.names, found, facts), interaction.client.studio)


def checked_labels(labels: str) -> tuple[str, ...]:
    """Return the labels in a text; raise `InvalidRequest` if there are too few or too many, or one cannot be used."""
    chosen = ZeroShotRequest("Are these labels?", parse_labels(labels)).labels
    if len(chosen) > MOST_KINDS:
        raise InvalidRequest(
            later(
                "A picture has colours for {most_kinds} labels, and you gave {number}. Please leave some out.",
                most_kinds=MOST_KINDS,
                number=len(chosen),
            )
        )
    return chosen


setup = Topics.setup
