"""The last messages of a channel as a text."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import discord

from bot.errors import InvalidRequest, Unanswered, describe
from bot.inference.requests import Request
from bot.locales.message import Message, later
from bot.replies.message_text import with_names
from bot.request_ids import add_words_of
from bot.tasks.prompts.speakers import line_of

log = logging.getLogger(__name__)

FEWEST, MOST = 2, 100
READ_SECONDS = 60.0
"""How long reading may take. discord.py itself waits as long as a rate limit asks."""
INSTEAD = later("Give me a `text` or a `file` instead.")
_WRITTEN = (discord.MessageType.default, discord.MessageType.reply)
"""Neither system messages ("Alice has joined") nor answers to commands."""


def check_access(interaction: discord.Interaction) -> None:
    """Raise `InvalidRequest` unless both the person and the bot may read the message history of the channel."""
    if interaction.guild_id is None:
        if not interaction.context.dm_channel:
            raise InvalidRequest(
                later("I am not in this conversation, so I cannot read its messages. {instead}", instead=INSTEAD)
            )
        return
    if interaction.client.get_guild(interaction.guild_id) is None:
        raise InvalidRequest(
            later(
                "I am not on this server, so I cannot read its messages. Give me a `text` or a `file` instead, or have "
                "me added to the server."
            )
        )
    if not may_read(interaction.permissions):
        raise InvalidRequest(
            later(
                "You may not read the earlier messages of this channel, so I do not summarise them. {instead}",
                instead=INSTEAD,
            )
        )
    if not may_read(interaction.app_permissions):
        raise InvalidRequest(
            later(
                "I may not read the earlier messages of this channel. Somebody who manages it can allow me View "
                "Channel and Read Message History."
            )
        )


def check_reader(interaction: discord.Interaction, request: Request[Any]) -> None:
    """Raise `InvalidRequest` unless the person may read the messages, if any, that an answer was made from."""
    if request.quotes_channel and interaction.guild_id is not None and not may_read(interaction.permissions):
        raise InvalidRequest(
            later(
                "This was made of earlier messages of this channel, and you may not read them, so I do not show them. "
                "Ask about a text of your own."
            )
        )


def may_read(permissions: discord.Permissions) -> bool:
    """Return whether permissions in a channel are enough to read its earlier messages."""
    return permissions.view_channel and permissions.read_message_history


async def last_messages(interaction: discord.Interaction, number: int) -> list[str]:
    """Return the last messages that people have written in the channel, the oldest first, each as one line.

    Messages of bots and messages without words are left out.

    Args:
        interaction: has passed `check_access`.
        number: the most messages.

    Raises:
        InvalidRequest: there are none, or Discord does not show their contents.
        Unanswered: Discord is in trouble.
    """
    channel = interaction.channel
    if not isinstance(channel, discord.abc.Messageable):
        raise InvalidRequest(later("I cannot read messages here. {instead}", instead=INSTEAD))
    try:
        async with asyncio.timeout(READ_SECONDS):
            history = [message async for message in channel.history(limit=MOST)]
    except discord.Forbidden:
        raise InvalidRequest(later("Discord does not let me read messages here. {instead}", instead=INSTEAD)) from None
    except Exception as error:  # see `bot.replies.discord_errors`
        log.info("messages could not be read: %s", describe(error))
        raise Unanswered(
            later("Discord does not give me the messages just now. Try again in a moment, or give me a `text`.")
        ) from error
    found = [message for message in history if not message.author.bot and message.type in _WRITTEN]
    # One line each, after its writer's name, so that no message can imitate another one.
    read = [(message.author, text) for message in found if (text := _text(message))][:number]
    if not read:
        raise InvalidRequest(_nothing_found(found))
    add_words_of(author.id for author, _text_of in read)
    return [line_of(author.display_name, text) for author, text in reversed(read)]


def _text(message: discord.Message) -> str:
    """Return the text of a message, with names instead of ids."""
    return with_names(message.content, message).strip()


def _nothing_found(messages: list[discord.Message]) -> Message:
    # Without the intent, Discord sends messages without their contents and attachments.
    if any(not message.attachments and not message.stickers for message in messages):
        return later(
            "Discord does not show me what people write here. Whoever runs this bot can turn on the Message Content "
            "Intent in its settings at Discord. {instead}",
            instead=INSTEAD,
        )
    return later("I found no messages with words here. {instead}", instead=INSTEAD)
