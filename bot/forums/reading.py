"""The text of a post: its title, and its first message if Discord shows it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import discord

from bot.errors import describe
from bot.forums.question import text_of_post
from bot.replies.message_text import text_of, with_names
from bot.replies.pending import until_accepted

log = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between looks for the first message: Discord creates it after its thread."""
READ_SECONDS = 60.0
"""How long reading may take. discord.py itself waits as long as a rate limit asks."""


@dataclass(frozen=True)
class PostText:
    """What the model reads of a post.

    Attributes:
        has_message: whether the first message is in it.
    """

    text: str
    has_message: bool


async def read_post(thread: discord.Thread, *, reads_messages: bool, is_new: bool = False) -> PostText:
    """Read a post. If its first message can't be read, its title is all.

    Args:
        reads_messages: whether the bot has the Message Content intent.
        is_new: wait for the first message.
    """
    message = await first_message(thread, is_new=is_new) if reads_messages else None
    words = "" if message is None else with_names(text_of(message), message)
    return PostText(text_of_post(thread.name, words), bool(words))


async def first_message(thread: discord.Thread, *, is_new: bool = False) -> discord.Message | None:
    """Return the first message of a post; None if it was deleted, or Discord does not give it."""
    found: list[discord.Message] = []

    async def fetch() -> None:
        found.append(await thread.fetch_message(thread.id))  # it has the thread's own id

    try:
        async with asyncio.timeout(READ_SECONDS):
            for pause in (*(PAUSES if is_new else ()), None):
                try:
                    await until_accepted(fetch)
                    return found[-1]
                except discord.NotFound:
                    if pause is not None:
                        await asyncio.sleep(pause)
    except Exception as error:  # see `bot.replies.discord_errors`
        log.info("the first message of a post cannot be read: %s", describe(error))
    return None
