"""Messages that mention the bot, reply to it, or are written to it directly: `/chat` without the command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import discord
from discord.ext import commands

from bot.client import Cog, Glassbox, ending_for, sentence_for
from bot.endings import GONE
from bot.errors import UNEXPECTED, InvalidRequest, Refused, describe
from bot.inference.requests import Answer
from bot.locales.message import later
from bot.locales.values import later_seconds
from bot.mentions.addressed import is_addressed, question_of, spoken
from bot.mentions.limits import MessageLimits
from bot.mentions.places import (
    ThreadReply,
    may_begin_thread,
    may_read_earlier,
    may_write,
    permissions_in,
    place_of,
)
from bot.mentions.quoting import quote_of
from bot.replies.help.command_ids import CommandIds
from bot.replies.interaction_record import InteractionRecord
from bot.replies.message_delivery import MessageReply
from bot.replies.reply import Reply
from bot.replies.results.chat import preview_reply, render_reply
from bot.replies.turns import turn_in_time
from bot.servers.features import MessageFeature
from bot.servers.prompts import system_prompt
from bot.servers.settings import ServerSettings
from bot.storage.conversations import Turn
from bot.tasks.chat import ChatRequest, ChatResult, Exchange

log = logging.getLogger(__name__)

# Translators: {chat} is the command /chat.
HELP = later(
    "Write something after my name, and I answer. I know what was said to me here before. {chat} does the same."
)
HELP_DIRECTLY = later("Write to me, and I answer. I know what was said to me here before. {chat} does the same.")
PRIVATE = later(
    "On this server only the person who asks sees my answers, and a message cannot do that. Please use {chat}."
)
NO_EMBEDS = later(
    "My answers are embeds, and I may not send any here. Who manages this channel can allow me Embed Links."
)
# Translators: {wait} is such as "20 seconds".
TOO_OFTEN = later("Please wait {wait} before you write to me again.")
GO_ON = later("To go on here, mention me or reply to me.")
GO_ON_FREELY = later("To go on, just write here.")


class Mentions(Cog):
    """Conversations by messages. They are the same as those of `/chat`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self.bot = bot
        self._limits = MessageLimits()
        self._commands = CommandIds(bot.tree)
        self._answering: dict[int, asyncio.Task[object]] = {}
        self._deleted: set[int] = set()

    @property
    def _me(self) -> discord.ClientUser:
        assert self.bot.user is not None
        return self.bot.user

    @property
    def _reads_along(self) -> bool:
        return self.bot.intents.message_content

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a message that is addressed to the bot."""
        if not is_addressed(message, self._me, reads_along=self._reads_along):
            return
        task = self.bot.pending_interactions.count()
        permissions = permissions_in(message)
        if not may_write(message, permissions) or message.channel.id in self._limits.silence:
            return
        settings = await self.bot.servers.settings(None if message.guild is None else message.guild.id)
        if not await self._is_wanted(message, settings):
            return
        self.bot.speech.answer_message(message, settings)
        self._answering[message.id] = task
        try:
            await self._answer(message, permissions, settings)
        finally:
            del self._answering[message.id]

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Forget an exchange whose question was deleted."""
        await self._forget({payload.message_id})

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Forget exchanges whose questions were deleted."""
        await self._forget(payload.message_ids)

    async def _forget(self, questions: set[int]) -> None:
        self.bot.pending_interactions.count()
        for question in self._answering.keys() & questions:
            self._deleted.add(question)
            self._answering[question].cancel()
        await self.bot.conversations.forget_messages(questions)

    async def _is_wanted(self, message: discord.Message, settings: ServerSettings) -> bool:
        """Return whether the server lets the bot answer a message."""
        if message.guild is None:
            return True
        if not settings.chat.mentions or (message.author.bot and not settings.chat.other_bots):
            return False
        allowed = [await self.bot.access.allows(feature, message) for feature in (MessageFeature.MENTIONS, "chat")]
        return all(allowed) and self._limits.admits_author(message)

    async def _answer(
        self, message: discord.Message, permissions: discord.Permissions, settings: ServerSettings
    ) -> None:
        begins_thread = settings.chat.threads and message.reference is None and may_begin_thread(message, permissions)
        begins_thread = begins_thread and message.channel.id not in self._limits.without_threads
        thread = spoken(message, self._me) if begins_thread else None
        reply = place_of(message, permissions, InteractionRecord("message", "chat"), thread=thread)
        self.bot.pending_interactions.begin_message(message, reply.record, reply.age)
        try:
            self._check(message, permissions)
            question = await question_of(message, self._me)
            if question is None or settings.answers.private:
                await self._help(message, reply, settings)
            else:
                await self._converse(message, reply, question)
        except asyncio.CancelledError as error:
            if message.id in self._deleted:
                reply.record.end(GONE, error)
                await reply.withdraw()
            raise
        except Exception as error:
            await self._tell_failure(message, reply, error)
        finally:
            self._deleted.discard(message.id)
            if reply.is_shut_out:
                self._limits.silence.begin(message.channel.id)
            if isinstance(reply, ThreadReply) and reply.is_thread_refused:
                self._limits.without_threads.begin(message.channel.id)

    def _check(self, message: discord.Message, permissions: discord.Permissions) -> None:
        if (wait := self._limits.wait(message)) > 0:
            raise Refused(TOO_OFTEN.filled(wait=later_seconds(wait)))
        if not permissions.embed_links:
            raise InvalidRequest(NO_EMBEDS)

    async def _help(self, message: discord.Message, reply: MessageReply, settings: ServerSettings) -> None:
        if self._limits.may_tell(message):
            in_server = PRIVATE if settings.answers.private else HELP
            text = HELP_DIRECTLY if message.guild is None else in_server
            await self._commands.look()
            await reply.tell(str(text.filled(chat=self._commands.mention("chat"))))

    async def _converse(self, message: discord.Message, reply: MessageReply, question: str) -> None:
        """Answer a question, and keep the exchange in the conversation of its place."""
        # A thread has the id of the message that it begins with.
        channel_id = message.id if isinstance(reply, ThreadReply) else message.channel.id
        quote = await quote_of(message, self._me, self.bot.opt_outs)
        request = ChatRequest(
            question if quote is None else f"{quote.text}\n\n{question}",
            channel_id,
            message.author.display_name,
            system=await system_prompt(self.bot.servers, reply.guild_id, message.channel),
        )
        async with self._turn(message, reply, channel_id) as turn:
            history = turn.history if may_read_earlier(message) else ()
            request = replace(request, history=history, conversation=turn.conversation)
            answer = await self.delivery.answer_at(reply, request, partial(self._render, reply), preview_reply)
            if answer is not None and answer.result.text:
                # A conversation keeps nobody's words but those that were said to the bot.
                said = question if quote is not None and quote.by_another else request.message
                exchange = Exchange(request.speaker, said, answer.result.text)
                await self.bot.conversations.keep(
                    turn, channel_id, reply.asker.id, exchange, guild_id=reply.guild_id, question=message.id
                )

    @contextlib.asynccontextmanager
    async def _turn(self, message: discord.Message, reply: MessageReply, channel_id: int) -> AsyncIterator[Turn]:
        """Wait for the author's turn to speak, typing. If the message is deleted during it, nothing of it stays."""
        conversations = self.bot.conversations

        async def type_while_waiting() -> None:
            reply.type(self.delivery.timers)

        try:
            async with turn_in_time(
                conversations, channel_id, reply.asker.id, reply.seconds_left, type_while_waiting
            ) as turn:
                try:
                    yield turn
                except asyncio.CancelledError:
                    if message.id in self._deleted:
                        await conversations.forget_turn(turn, channel_id)
                    raise
        finally:
            reply.type_no_longer()

    def _render(self, reply: MessageReply, request: ChatRequest, answer: Answer[ChatResult]) -> Reply:
        if not isinstance(reply, ThreadReply) or reply.thread is None:
            return render_reply(request, answer)
        return render_reply(request, answer, str(GO_ON_FREELY if self._reads_along else GO_ON))

    async def _tell_failure(self, message: discord.Message, reply: MessageReply, error: Exception) -> None:
        reply.record.end(ending_for(error), error)
        sentence = sentence_for(error)
        if sentence is None:
            log.error("a message was not answered: %s", describe(error))
        if not reply.is_shut_out and (reply.sent is not None or self._limits.may_tell(message)):
            await reply.tell(sentence or str(UNEXPECTED))


setup = Mentions.setup
