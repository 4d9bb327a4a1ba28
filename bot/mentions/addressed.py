"""Which messages are addressed to the bot, and what they say."""

from __future__ import annotations

import discord
import regex

from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.message_text import NO_TEXT, read_message, text_files, text_of, with_names

WRITTEN = (discord.MessageType.default, discord.MessageType.reply)
"""Messages that somebody has written; not those of the system, nor answers to commands."""
UNSEEN_REPLY = later(
    "Discord does not show me this reply, because it is to the answer of a command. Please mention me in it."
)


def is_addressed(message: discord.Message, me: discord.abc.Snowflake, *, reads_along: bool) -> bool:
    """Return whether a message asks the bot for an answer.

    So does one that mentions the bot itself (not everyone, and not one of its roles), a reply that notifies it, any
    direct message, and, if the bot can read it, what people write into a thread that the bot has begun, unless they
    write it to each other. Webhooks are never answered, nor is the bot itself.

    Args:
        reads_along: whether Discord shows the bot the contents of all messages.
    """
    author = message.author
    if author.id == me.id or author.system or message.webhook_id is not None or message.type not in WRITTEN:
        return False
    if message.guild is None:  # a server that is not known (yet) is none either
        return not author.bot and getattr(message.channel, "guild_id", None) is None
    if mentions(message, me):
        return True
    in_own_thread = isinstance(message.channel, discord.Thread) and message.channel.owner_id == me.id
    return reads_along and in_own_thread and not author.bot and not message.mentions and not _replies_to_others(message)


def mentions(message: discord.Message, who: discord.abc.Snowflake) -> bool:
    """Return whether a message mentions somebody, or is a reply that notifies them."""
    return any(one.id == who.id for one in message.mentions)


async def question_of(message: discord.Message, me: discord.abc.Snowflake) -> str | None:
    """Return what a message says to the bot, with names for mentions and with its text files; None if it is empty.

    Raises:
        InvalidRequest: the bot can read nothing in it, and it is not empty.
    """
    if not _bare(text_of(message), me) and not text_files(message):
        if message.attachments or message.stickers:
            raise InvalidRequest(NO_TEXT)
        if _is_unseen(message):
            raise InvalidRequest(UNSEEN_REPLY)
        return None
    return with_names(_bare(await read_message(message), me), message)


def spoken(message: discord.Message, me: discord.abc.Snowflake) -> str:
    """Return what a message's author has written themselves, as people see it."""
    return with_names(_bare(message.content, me), message)


def _bare(text: str, me: discord.abc.Snowflake) -> str:
    """Drop mentions of the bot from both ends of a text. One in the middle is part of a sentence."""
    mention = rf"<@!?{me.id}>"
    return str(regex.sub(rf"^(?:\s|{mention}[,:]?)+|(?:\s|{mention})+$", "", text))


def _replies_to_others(message: discord.Message) -> bool:
    # A reply to the bot that does not notify it is still one to the bot.
    replied = None if message.reference is None else message.reference.resolved
    return isinstance(replied, discord.Message) and replied.author.id != getattr(message.channel, "owner_id", None)


def _is_unseen(message: discord.Message) -> bool:
    """Return whether Discord may have hidden the contents although the reply notifies the bot."""
    replied = None if message.reference is None else message.reference.resolved
    return not message.content and isinstance(replied, discord.Message) and replied.interaction_metadata is not None
