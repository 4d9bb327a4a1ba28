"""The last messages that people have written in a channel, without those who do not want that."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import discord

from bot.channels.access import NOT_ME, Readable
from bot.channels.message import ChannelMessage
from bot.errors import InvalidRequest, Unanswered, describe
from bot.locales.message import Message, later, later_plural
from bot.locales.values import later_whole
from bot.storage.database import FAILURES
from bot.storage.opt_outs import OptOuts, ReadAlong
from bot.text.accepted import has_words
from bot.text.characters import visible

log = logging.getLogger(__name__)

FEWEST, MOST = 50, 2_000
"""Messages that a person may ask for."""
ENOUGH = 20
"""Messages with words, below which there is nothing to draw."""
ENOUGH_PEOPLE = 2
READ_SECONDS = 120.0
"""How long reading may take: 2,000 messages are 20 pages, and Discord allows about one a second."""
PAGE = 100
TOO_FEW_PEOPLE = later(
    "Only one person has written there lately. A picture of that would be one of a person, and I make none of people."
)
OPT_OUTS_UNKNOWN = later(
    "I cannot look up at the moment who does not want their messages to be counted, so I count nobody's. Please "
    "try again in a minute."
)
NOT_GIVEN = later("Discord does not give me the messages just now. Please try again in a moment.")
_WRITTEN = (discord.MessageType.default, discord.MessageType.reply)
"""Neither system messages ("Alice has joined") nor answers to commands."""
_CUSTOM_EMOJI = re.compile(r"<a?(:\w+:)\d+>")


@dataclass
class Reading:
    """What was read so far.

    Attributes:
        looked_at: messages, whoever wrote them.
        is_cut: whether the time was up before all had been read.
    """

    found: list[discord.Message] = field(default_factory=list)
    looked_at: int = 0
    is_cut: bool = False


async def read_messages(
    channel: Readable, number: int, before: discord.abc.Snowflake, reading: Reading, goes_on: Callable[[], bool]
) -> None:
    """Read the last messages of a channel, the newest first. Rate limits are waited for.

    Args:
        before: what is newer is not read, such as the answer itself.
        reading: filled meanwhile.
        goes_on: whether anybody still wants more.

    Raises:
        InvalidRequest: the bot may not read them.
        Unanswered: Discord is in trouble.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for message in channel.history(limit=number, before=before):
                reading.looked_at += 1
                if is_written(message):
                    reading.found.append(message)
                if reading.looked_at % PAGE == 0 and not goes_on():
                    return
    except discord.Forbidden:
        raise InvalidRequest(NOT_ME) from None
    except TimeoutError:
        reading.is_cut = True
    except Exception as error:  # see `bot.replies.discord_errors`
        log.info("messages could not be read: %s", describe(error))
        raise Unanswered(NOT_GIVEN) from error


def is_written(message: discord.Message) -> bool:
    """Return whether a person has written a message: no bot, no webhook, and not Discord itself."""
    return not message.author.bot and message.webhook_id is None and message.type in _WRITTEN


async def counted_messages(found: Iterable[discord.Message], opt_outs: OptOuts) -> list[ChannelMessage]:
    """Return the messages with words of people who have not opted out, the oldest first.

    Raises:
        Unanswered: who has opted out is not known.
        InvalidRequest: there are too few messages, or they are all of one person.
    """
    messages = list(found)
    try:
        out = await opt_outs.among((message.author.id for message in messages), ReadAlong.MOODS)
    except FAILURES as error:
        log.warning("who has opted out of moods is unknown: %s", describe(error))
        raise Unanswered(OPT_OUTS_UNKNOWN) from error
    writers: dict[int, int] = {}
    counted: list[ChannelMessage] = []
    for message in sorted(messages, key=lambda one: one.id):
        if message.author.id in out or not has_words(text := _text(message)):
            continue
        writer = writers.setdefault(message.author.id, len(writers))
        counted.append(ChannelMessage(message.id, message.created_at.timestamp(), text, writer))
    if len(counted) < ENOUGH:
        raise InvalidRequest(_too_few(len(counted)))
    if len(writers) < ENOUGH_PEOPLE:
        raise InvalidRequest(TOO_FEW_PEOPLE)
    return counted


def _too_few(number: int) -> Message:
    hint = later(
        "Try again when more has been written, or ask for more `messages` (up to {most}) if there are earlier ones.",
        most=later_whole(MOST),
    )
    if not number:
        return later(
            "I found no message with words there, and a picture needs {enough}. {hint}", enough=ENOUGH, hint=hint
        )
    return later_plural(
        "I found 1 message with words there, and a picture needs {enough}. {hint}",
        "I found {count} messages with words there, and a picture needs {enough}. {hint}",
        number,
        enough=ENOUGH,
        hint=hint,
    )


def _text(message: discord.Message) -> str:
    """Return the text of a message, with names instead of ids."""
    return visible(_CUSTOM_EMOJI.sub(r"\1", message.clean_content)).strip()
