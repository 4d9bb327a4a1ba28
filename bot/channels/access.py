"""Whose messages may be read: a channel that both the person who asks and the bot may read, at this very moment."""

from __future__ import annotations

import logging
from typing import Any, TypeAlias

import discord
from discord import app_commands

from bot.errors import InvalidRequest, Unanswered, describe
from bot.locales.message import later

log = logging.getLogger(__name__)

Readable: TypeAlias = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
Chosen: TypeAlias = app_commands.AppCommandChannel | app_commands.AppCommandThread
"""An option of a command, with the permissions that the person has there by Discord's own reckoning."""

NO_SERVER = later(
    "This is for channels of servers. A picture of a direct message or a group would be one of a person or two, "
    "and I make none of people. Please use it in a server's channel."
)
NOT_HERE = later(
    "I am not on this server, so I cannot read its messages. Somebody with the permission Manage Server can add "
    "me: my profile has a button for that."
)
NO_CONTENT = later(
    "Discord does not show me what people write, because this bot runs without the Message Content intent. "
    "Whoever runs it can turn the intent on in the Developer Portal, under Bot, and set MESSAGE_CONTENT=true."
)
NOT_YOU = later(
    "You may not read the earlier messages of that channel, so I do not look at them for you. Choose another "
    "`channel`, or ask somebody who manages that one."
)
NOT_ME = later(
    "I may not read the earlier messages of that channel. Somebody who manages it can allow me View Channel and "
    "Read Message History."
)
NOT_IN_THREAD = later("That is a private thread, and you are not in it, so I do not look at its messages for you.")
NO_MESSAGES_THERE = later(
    "That is no channel with messages of its own. Choose a text channel, a voice channel, a thread or a forum's post."
)
UNKNOWN = later("Discord does not tell me just now whether you may read that channel. Please try again in a moment.")


async def readable_channel(interaction: discord.Interaction[Any], chosen: Chosen | None) -> Readable:
    """Return the chosen channel, or the one that a person asks in, if they and the bot may read its messages.

    Raises:
        InvalidRequest: one of them may not, or it is no channel of a server.
        Unanswered: Discord is in trouble.
    """
    guild = _server_of(interaction)
    if chosen is None or chosen.id == interaction.channel_id:
        theirs, here = interaction.permissions, True
    else:
        if chosen.guild_id != guild.id:
            raise InvalidRequest(NOT_YOU)
        theirs, here = chosen.permissions, False
    if not theirs.view_channel or not theirs.read_message_history:
        raise InvalidRequest(NOT_YOU)
    channel = interaction.channel if here else await _resolved(guild, chosen)
    if not isinstance(channel, Readable):
        raise InvalidRequest(NO_MESSAGES_THERE)
    if isinstance(channel, discord.VoiceChannel | discord.StageChannel) and not theirs.connect:
        raise InvalidRequest(NOT_YOU)
    if not here and channel.type is discord.ChannelType.private_thread and not theirs.manage_threads:
        await _check_member(channel, interaction.user)
    _check_bot(interaction.app_permissions if here else channel.permissions_for(guild.me))
    return channel


def _server_of(interaction: discord.Interaction[Any]) -> discord.Guild:
    if interaction.guild_id is None:
        raise InvalidRequest(NO_SERVER)
    guild: discord.Guild | None = interaction.client.get_guild(interaction.guild_id)
    if guild is None:
        raise InvalidRequest(NOT_HERE)
    if not interaction.client.intents.message_content:
        raise InvalidRequest(NO_CONTENT)
    return guild


async def _resolved(guild: discord.Guild, chosen: Chosen | None) -> object:
    """Return a channel as the bot knows it; an archived thread must be asked for."""
    assert chosen is not None
    if (known := guild.get_channel_or_thread(chosen.id)) is not None:
        return known
    try:
        return await chosen.fetch()
    except (discord.Forbidden, discord.NotFound):
        raise InvalidRequest(NOT_ME) from None
    except Exception as error:  # see `bot.replies.discord_errors`
        raise _unknown(error) from error


async def _check_member(thread: object, person: discord.abc.User) -> None:
    """Raise `InvalidRequest` unless somebody is in a private thread: permissions alone do not open it."""
    assert isinstance(thread, discord.Thread)
    try:
        await thread.fetch_member(person.id)
    except discord.NotFound:
        raise InvalidRequest(NOT_IN_THREAD) from None
    except discord.Forbidden:
        raise InvalidRequest(NOT_ME) from None
    except Exception as error:  # see `bot.replies.discord_errors`
        raise _unknown(error) from error


def _check_bot(permissions: discord.Permissions) -> None:
    if not permissions.view_channel or not permissions.read_message_history:
        raise InvalidRequest(NOT_ME)


def _unknown(error: Exception) -> Unanswered:
    log.info("whether somebody may read a channel is unknown: %s", describe(error))
    return Unanswered(UNKNOWN)
