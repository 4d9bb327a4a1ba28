"""How often the bot reacts to messages, so that no flood of them costs it what Discord lets it do."""

from __future__ import annotations

import asyncio
import sys

import discord
from cachetools import TTLCache
from discord.ext.commands import BucketType, CooldownMapping

from bot.replies.silence import Silence

PER_PERSON = (5, 20.0)
"""Messages of one person, and seconds."""
PER_CHANNEL = (12, 20.0)
"""Messages in one channel. Fewer wait there at a time (see `Conversations`)."""
SENTENCES = (2, 20.0)
"""Sentences that are no answers, in one channel."""
BOT_ANSWERS = 4
"""The most answers to other bots in a channel one after the other, without a person who asks anything."""
BOT_SECONDS = 3_600.0
"""After which they are forgotten."""
MOST_CHANNELS = 10_000


class MessageLimits:
    """Counts messages and answers, in this process.

    Attributes:
        silence: channels in which the bot may not write.
        without_threads: those in which it may begin no threads, although its permissions say so.
    """

    def __init__(self) -> None:
        self.silence, self.without_threads = Silence(), Silence()
        self._persons = CooldownMapping[discord.Message].from_cooldown(*PER_PERSON, BucketType.user)
        self._channels = CooldownMapping[discord.Message].from_cooldown(*PER_CHANNEL, BucketType.channel)
        self._sentences = CooldownMapping[discord.Message].from_cooldown(*SENTENCES, BucketType.channel)
        self._bots: TTLCache[int, int] = TTLCache(MOST_CHANNELS, BOT_SECONDS, _now)

    def wait(self, message: discord.Message) -> float:
        """Count a message, and return how many seconds its author has to wait with it; 0 to answer it."""
        now = _now()
        return self._persons.update_rate_limit(message, now) or self._channels.update_rate_limit(message, now) or 0.0

    def may_tell(self, message: discord.Message) -> bool:
        """Count a sentence that is no answer, and return whether it may be said."""
        return not self._sentences.update_rate_limit(message, _now())

    def admits_author(self, message: discord.Message) -> bool:
        """Count an answer if it is one to a bot; return False if there were too many of them."""
        channel_id = message.channel.id
        if not message.author.bot:
            self._bots.pop(channel_id, None)
            return True
        answers = self._bots.get(channel_id, 0)
        if answers >= BOT_ANSWERS:
            return False
        self._bots[channel_id] = answers + 1
        return True


def _now() -> float:
    return asyncio.get_running_loop().time() or sys.float_info.epsilon  # discord.py takes 0 for no time at all
