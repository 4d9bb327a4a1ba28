"""The option of a command that names a channel with messages of its own."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.channels.access import Chosen

Types = discord.ChannelType
OFFERED = (
    *(Types.text, Types.news, Types.voice, Types.stage_voice),
    *(Types.public_thread, Types.private_thread, Types.news_thread),
)
"""Discord offers these: no categories, and no forums, whose posts are threads."""


class ChannelOption(app_commands.Transformer):
    """Gives the channel as Discord sends it, with the permissions of the person who has chosen it."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return list(OFFERED)

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Chosen:
        chosen: Chosen = value
        return chosen
