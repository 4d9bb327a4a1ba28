"""Which forum a command or a component is about, and whether the person may manage it."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.errors import InvalidRequest, SomebodyElses
from bot.locales.message import later

Interaction = discord.Interaction[Any]

WHICH = later("Which forum? Use this in one of its posts, or choose it with the option `forum`.")
NOT_ALLOWED = later(
    "You need the permission **Manage Channels** in {forum} for that. Ask somebody who manages this server."
)
UNSEEN = later("This forum was deleted, or I do not see it any more.")


class ForumTransformer(app_commands.Transformer):
    """A forum as an option. Media channels are left out, because Discord's description of options knows none."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return [discord.ChannelType.forum]

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Any:
        return value.resolve() or value  # `chosen` refuses it, because discord.py would hide the sentence


ForumOption = app_commands.Transform[Any, ForumTransformer] | None


def chosen(interaction: Interaction, forum: Any | None) -> discord.ForumChannel:
    """Return the forum of an option, or the one that a command was used in; raise `GlassboxError` if that won't do."""
    if forum is None and isinstance(interaction.channel, discord.Thread):
        parent = interaction.channel.parent
        forum = parent if isinstance(parent, discord.ForumChannel) else None
    if forum is None:
        raise InvalidRequest(WHICH)
    if not isinstance(forum, discord.ForumChannel):
        raise InvalidRequest(UNSEEN)
    return checked(interaction, forum)


def pressed_forum(interaction: Interaction, forum_id: int) -> discord.ForumChannel:
    """Return the forum behind a component; raise `GlassboxError` if the person may not manage it."""
    forum = None if interaction.guild is None else interaction.guild.get_channel(forum_id)
    if not isinstance(forum, discord.ForumChannel):
        raise InvalidRequest(UNSEEN)
    return checked(interaction, forum)


def checked(interaction: Interaction, forum: discord.ForumChannel) -> discord.ForumChannel:
    """Return a forum if the person may manage it, and read its posts; raise `SomebodyElses` if not."""
    # Discord checks the command, but an administrator may have allowed it to others, and components outlive a role.
    member = interaction.user
    theirs = forum.permissions_for(member) if isinstance(member, discord.Member) else discord.Permissions.none()
    if not (theirs.manage_channels and theirs.view_channel and theirs.read_message_history):
        raise SomebodyElses(NOT_ALLOWED.filled(forum=forum.mention))
    return forum
