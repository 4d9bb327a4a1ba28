"""Where a message is answered: in its channel, or in a thread that begins with it."""

from __future__ import annotations

import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator

import discord

from bot.errors import DiscordAvoided, describe
from bot.locales.message import _
from bot.replies.formatting.text import fit
from bot.replies.interaction_record import InteractionRecord
from bot.replies.message_delivery import MessageReply
from bot.replies.messages import may_read
from bot.replies.pending import until_accepted
from bot.text.characters import visible

log = logging.getLogger(__name__)

LONGEST_NAME = 80
"""UTF-16 units of a thread's name. Discord allows 100."""
ALREADY_BEGUN = 160004
"""Discord's code for a thread that is to begin with a message which has one."""
EVERYTHING = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""What an answer may need. The bot has it in direct messages."""


def permissions_in(message: discord.Message) -> discord.Permissions:
    """Return what the bot may do in the channel of a message, as far as that is known."""
    channel = message.channel
    me: discord.Member | None = getattr(message.guild, "me", None)
    if me is None or isinstance(channel, discord.PartialMessageable):
        return EVERYTHING
    try:
        return channel.permissions_for(me)
    except discord.ClientException:  # a thread whose channel is not known
        return EVERYTHING


def may_read_earlier(message: discord.Message) -> bool:
    """Return whether the author of a message may read the earlier ones of its channel; False if that is not known."""
    if message.guild is None:
        return True
    author, channel = message.author, message.channel
    if not isinstance(author, discord.Member) or isinstance(channel, discord.PartialMessageable):
        return False
    try:
        return may_read(channel.permissions_for(author))
    except discord.ClientException:  # a thread whose channel is not known
        return False


def may_write(message: discord.Message, permissions: discord.Permissions) -> bool:
    """Return whether the bot may answer in the channel of a message."""
    in_thread = isinstance(message.channel, discord.Thread)
    may_send = permissions.send_messages_in_threads if in_thread else permissions.send_messages
    return permissions.view_channel and may_send


def may_begin_thread(message: discord.Message, permissions: discord.Permissions) -> bool:
    """Return whether the bot may answer a message in a thread of its own."""
    return (
        isinstance(message.channel, discord.TextChannel)
        and permissions.create_public_threads
        and permissions.send_messages_in_threads
        and permissions.read_message_history
    )


def place_of(
    message: discord.Message, permissions: discord.Permissions, record: InteractionRecord, *, thread: str | None
) -> MessageReply:
    """Return where a message is answered.

    Args:
        thread: the text that names a thread of its own; None to answer in its channel.
    """
    files, as_reply = permissions.attach_files, permissions.read_message_history
    if thread is not None:
        return ThreadReply(message, thread, files=files, record=record)
    return MessageReply(message, asker=message.author, as_reply=as_reply, files=files, record=record)


class ThreadReply(MessageReply):
    """An answer in a thread that begins with the message. If there can be none, the answer is a reply.

    Attributes:
        thread: None until it has begun.
        is_thread_refused: whether Discord has said that the bot may begin none there.
    """

    def __init__(self, message: discord.Message, name: str, *, files: bool, record: InteractionRecord) -> None:
        super().__init__(message, asker=message.author, files=files, record=record)
        self.thread: discord.Thread | None = None
        self.is_thread_refused = False
        self._message = message
        author = thread_name(message.author.display_name)
        # Translators: the name of a thread.
        self._name = thread_name(name) or thread_name(_("A conversation with {name}", name=author))

    @contextlib.asynccontextmanager
    async def opened(self, timers: contextvars.Context) -> AsyncIterator[None]:
        """Begin the thread, and type there. See `MessageReply`."""
        if self.sent is None and self.thread is None:
            try:
                self.thread = await self._begun()
            except Exception as error:  # see `bot.replies.discord_errors`
                log.info("a thread could not be begun: %s", describe(error))
                self.is_thread_refused = isinstance(error, (discord.Forbidden, DiscordAvoided))
            else:
                self.type_no_longer()
                self.move(self.thread)
        async with super().opened(timers):
            yield

    async def _begun(self) -> discord.Thread:
        """Begin the thread, or find it if it was begun and the receipt was lost; raise as `until_accepted` does."""
        threads: list[discord.Thread] = []

        async def begin() -> None:
            try:
                threads.append(await self._message.create_thread(name=self._name))
            except discord.HTTPException as error:
                guild = self._message.guild
                if error.code != ALREADY_BEGUN or guild is None:
                    raise
                found = guild.get_thread(self._message.id) or await guild.fetch_channel(self._message.id)
                if not isinstance(found, discord.Thread):
                    raise
                threads.append(found)

        await until_accepted(begin)
        return threads[-1]


def thread_name(text: str) -> str:
    """Return the beginning of a text as the name of a thread."""
    return fit(" ".join(visible(text).split()), LONGEST_NAME, str)[0]
