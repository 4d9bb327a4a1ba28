"""What the bot asks Discord to be told of."""

from __future__ import annotations

import discord


def intents_of(*, mentions: bool, message_content: bool) -> discord.Intents:
    """Return the bot's intents.

    Args:
        mentions: whether it hears of messages. Without `message_content`, only direct messages and messages that
            mention it come with their content.
        message_content: whether the application has the privileged intent of that name.
    """
    return discord.Intents(
        guilds=True,
        guild_messages=mentions,
        dm_messages=mentions,
        guild_reactions=True,
        message_content=message_content,
    )
