"""Delivery as a message of the bot's own, where nobody has used a command: typing, the text so far, the answer.

Example: `await bot.delivery.answer_at(MessageReply(message, asker=message.author), request, render, preview)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, Unpack

import discord

from bot.errors import DiscordAvoided, describe
from bot.replies.acknowledgement import NO_MENTIONS
from bot.replies.destination import Edit
from bot.replies.discord_errors import Outcome, is_gone, outcome_of
from bot.replies.formatting.text import fit_markdown
from bot.replies.interaction_record import InteractionRecord
from bot.replies.pending import EDIT_TIMEOUT, LAST_SECONDS, until_accepted

log = logging.getLogger(__name__)

TYPING_SECONDS = 8.0
"""Between two signs of typing. Discord shows one for ten seconds."""
LONGEST_SENTENCE = 2_000
"""UTF-16 units of a message."""
UNSEEN = "…"
"""Stands for a moment in a message of which it is not known yet if Discord has it."""


class MessageReply:
    """An answer to a message, as a message of the bot's own that first appears with something in it.

    Args:
        message: the one that is answered.
        asker: who has asked, and may stop the answer: a member, a user, or an object with their id.
        as_reply: whether the answer is a reply to the message. The bot needs the permission to read the channel's
            history for that.
        files: whether the bot may attach files there.
        record: for the log.
    """

    was_there = False
    is_rate_limited_with_others = True

    def __init__(
        self,
        message: discord.Message | discord.PartialMessage,
        *,
        asker: discord.abc.Snowflake,
        as_reply: bool = True,
        files: bool = True,
        record: InteractionRecord | None = None,
    ) -> None:
        self.asker = asker
        self.guild_id = None if message.guild is None else message.guild.id
        self.record = record or InteractionRecord(kind="message")
        self.sent: discord.Message | None = None
        """The answer, as far as Discord has it."""
        self.is_shut_out = False
        """Whether Discord has said that the bot may not write there."""
        self._channel: discord.abc.Messageable = message.channel
        self._reference = message.to_reference(fail_if_not_exists=False) if as_reply else None
        self._may_attach = files
        # Discord makes one message for a nonce, however often it is sent. So sending can be repeated as an edit can.
        self._nonce = secrets.token_hex(12)
        self._is_uncertain = False
        self._typing: asyncio.Task[None] | None = None
        self._began = asyncio.get_running_loop().time()

    def age(self) -> float:
        """Return the seconds since the message was heard."""
        return asyncio.get_running_loop().time() - self._began

    def seconds_left(self) -> float:
        """Return how many seconds are left before the message has to be answered."""
        return max(0.0, LAST_SECONDS - self.age())

    @contextlib.asynccontextmanager
    async def opened(self, timers: contextvars.Context) -> AsyncIterator[None]:
        """Type until the answer begins. See `Destination`."""
        self.record.acknowledged = self.age()
        self.type(timers)
        try:
            yield
        finally:
            self.type_no_longer()

    def type(self, timers: contextvars.Context) -> None:
        """Type until the answer begins, or until `type_no_longer`."""
        if self._typing is None and self.sent is None:
            self._typing = timers.run(asyncio.get_running_loop().create_task, self._type())

    def type_no_longer(self) -> None:
        """Let the sign of typing run out."""
        if self._typing is not None:
            self._typing.cancel()
            self._typing = None

    def move(self, channel: discord.abc.Messageable) -> None:
        """Answer in another channel, where there is nothing to reply to."""
        self._channel, self._reference = channel, None

    async def edit(self, **content: Unpack[Edit]) -> None:
        """Send the message, or edit it. It can be repeated without harm."""
        if not self._may_attach:
            content["attachments"] = []
        with self._noticing():
            if self.sent is None:
                self.type_no_longer()
                whole = not self._is_uncertain
                self.sent = await self._send(content if whole else {"content": UNSEEN})
                if whole:
                    return
            await self.sent.edit(allowed_mentions=NO_MENTIONS, **content)

    async def tell(self, sentence: str) -> None:
        """Say a sentence in place of an answer. Errors are only logged, and nothing is tried twice."""
        sentence = fit_markdown(sentence, LONGEST_SENTENCE)
        try:
            async with asyncio.timeout(EDIT_TIMEOUT):
                await self.edit(content=sentence, embed=None, attachments=[], view=None)
        except Exception as error:
            log.info("somebody could not be told what went wrong: %s", describe(error))

    async def withdraw(self) -> None:
        """Delete the message, if there is one. Errors are only logged."""
        self.type_no_longer()
        try:
            if self._is_uncertain and self.sent is None:
                self.sent = await self._send({"content": UNSEEN})  # the one that is there, if one is
            if self.sent is not None:
                await until_accepted(self.sent.delete)
        except Exception as error:
            log.info("a message could not be withdrawn: %s", describe(error))

    def is_gone(self, error: Exception) -> bool:
        """Return whether the message or its channel was deleted, or the bot may not write there."""
        return is_gone(error) or _is_forbidden(error)

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Notice if Discord forbids something."""
        try:
            yield
        except Exception as error:
            self.is_shut_out |= _is_forbidden(error)
            raise

    async def _send(self, content: Edit) -> discord.Message:
        parts: dict[str, Any] = {
            "content": content.get("content"),
            "embed": content.get("embed"),
            "files": content.get("attachments") or None,
            "view": content.get("view"),
            "reference": self._reference,
        }
        send = partial(self._channel.send, **{name: part for name, part in parts.items() if part is not None})
        try:
            return await send(nonce=self._nonce, allowed_mentions=NO_MENTIONS)
        except BaseException as error:
            # Cancelled or without a receipt: a message with other contents may be there.
            self._is_uncertain |= not isinstance(error, Exception) or outcome_of(error) is Outcome.UNKNOWN
            raise

    async def _type(self) -> None:
        while True:
            try:
                with self._noticing():
                    await self._channel.typing()
            except Exception as error:  # see `bot.replies.discord_errors`
                log.info("typing could not be shown: %s", describe(error))
                return
            await asyncio.sleep(TYPING_SECONDS)


def _is_forbidden(error: Exception) -> bool:
    return isinstance(error, (discord.Forbidden, DiscordAvoided)) and outcome_of(error) is Outcome.REFUSED
