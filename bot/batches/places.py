"""Where a file is shown: in the response to an interaction, and later perhaps in its channel."""

from __future__ import annotations

import discord

from bot.batches.job import TOKEN_SECONDS, Place
from bot.replies.interaction_age import age


def place_of(interaction: discord.Interaction, now: float, *, private: bool = False) -> Place:
    """Return where an interaction's response is.

    Args:
        now: the time, in seconds since 1970.
        private: whether only one person sees it; a component's message tells by itself.
    """
    until = now + TOKEN_SECONDS - age(interaction)
    private |= interaction.message is not None and interaction.message.flags.ephemeral
    channel_id = interaction.channel_id if not private and _may_write(interaction) else None
    return Place(interaction.application_id, interaction.token, until, channel_id, interaction.guild_id)


def _may_write(interaction: discord.Interaction) -> bool:
    """Return whether the bot may write in the channel without an interaction."""
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    allowed = interaction.app_permissions
    is_thread = isinstance(interaction.channel, discord.Thread)
    may_send = allowed.send_messages_in_threads if is_thread else allowed.send_messages
    is_member = interaction.client.get_guild(interaction.guild_id) is not None
    return is_member and may_send and allowed.view_channel and allowed.embed_links and allowed.attach_files
