"""The message that somebody replies to, for the model to know what is meant."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import discord

from bot.errors import describe
from bot.replies.message_text import text_of, with_names
from bot.replies.results.chat import FORGET
from bot.request_ids import add_words_of
from bot.storage.database import FAILURES
from bot.storage.opt_outs import OptOuts, ReadAlong
from bot.tasks.prompts.speakers import speaker_name

log = logging.getLogger(__name__)

MOST_QUOTED = 2_000
"""Characters of the message that somebody replies to."""


@dataclass(frozen=True)
class Quote:
    """What stands before a question.

    Attributes:
        by_another: whether another person has written it, in whose words no exchange may be kept.
    """

    text: str
    by_another: bool


async def quote_of(message: discord.Message, me: discord.abc.Snowflake, opt_outs: OptOuts) -> Quote | None:
    """Return a quotation of the message that another one replies to.

    Nothing is quoted that the conversation has already: the bot's own answers in it. Nor what somebody else wrote who
    does not want the bot to read along, or if that is not known.
    """
    replied = None if message.reference is None else message.reference.resolved
    if not isinstance(replied, discord.Message) or is_answer(replied, me):
        return None
    author = replied.author
    by_another = not author.bot and author.id != message.author.id
    if by_another and await _is_silent(author.id, opt_outs):
        return None
    lines = with_names(text_of(replied), replied)[:MOST_QUOTED].splitlines()
    if not any(map(str.strip, lines)):
        return None
    if by_another:
        add_words_of([author.id])
    # Each line behind a mark, so that none looks like the question, or like another person's.
    quoted = "\n".join(f"> {line}" for line in lines)
    return Quote(f"{speaker_name(author.display_name)} wrote:\n{quoted}", by_another)


def is_answer(message: discord.Message, me: discord.abc.Snowflake) -> bool:
    """Return whether a message is an answer of the bot's in a conversation, complete with its buttons."""
    if message.author.id != me.id:
        return False
    buttons = (one for row in message.components for one in getattr(row, "children", ()))
    return any((getattr(one, "custom_id", None) or "").startswith(f"glassbox:{FORGET.name}:") for one in buttons)


async def _is_silent(person: int, opt_outs: OptOuts) -> bool:
    try:
        return bool(await opt_outs.among([person], ReadAlong.CHAT))
    except FAILURES as error:
        log.warning("it is not known who has opted out: %s", describe(error))
        return True
