"""`/chat`: a conversation."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from discord import app_commands

from bot.checkpoint_option import Checkpoint
from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.locales.message import later
from bot.replies.acknowledgement import defer, is_answered_privately, respond
from bot.replies.checkpoints import choosing
from bot.replies.components.press import Press
from bot.replies.messages import may_read
from bot.replies.pending import seconds_left
from bot.replies.results.chat import FORGET, forgotten, preview, render
from bot.replies.turns import turn_in_time
from bot.servers.prompts import system_prompt
from bot.storage.conversations import Turn
from bot.tasks.chat import ChatRequest, Exchange, is_private


class Chat(Cog):
    """`/chat`. Everybody in a channel speaks in the same conversation."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        bot.handle(FORGET, self.forget, kept=ChatRequest)
        self.conversations = bot.conversations

    @app_commands.command()
    @app_commands.describe(
        message="What to say to the model; it knows what was said here with /chat before",
        new="Forget what was said here before, and begin a new conversation (no if left out)",
        temperature="0 always takes the likeliest token, above 1 gets wild, to 2 (0.5 if left out)",
        checkpoint=choosing.ABOUT,
    )
    async def chat(
        self,
        interaction: Interaction,
        message: str | None = None,
        new: bool = False,
        temperature: float = ChatRequest.temperature,
        checkpoint: Checkpoint = None,
    ) -> None:
        """Talk with the model; each channel and thread has a conversation of its own"""
        channel_id = _channel_id(interaction)
        if message is None:
            if not new:
                raise InvalidRequest(later("Write a `message`, or set `new` to True to forget what was said here."))
            await self._forget(interaction, channel_id)
            return
        system = await system_prompt(interaction.client.servers, interaction.guild_id, interaction.channel)
        request = ChatRequest(
            message, channel_id, interaction.user.display_name, temperature=temperature, system=system
        )
        request = replace(request, checkpoint=await self.delivery.checkpoints.name(interaction, "chat", checkpoint))
        async with self._turn(interaction, channel_id) as turn:
            if new:
                await self.conversations.forget(channel_id)
                turn.begin_anew()
            history = turn.history if _may_know(interaction, channel_id) else ()
            request = replace(request, history=history, conversation=turn.conversation)
            answer = await self.delivery.answer(interaction, request, render, preview)
            if answer is not None and answer.result.text:
                exchange = Exchange(request.speaker, request.message, answer.result.text)
                await self.conversations.keep(
                    turn, channel_id, interaction.user.id, exchange, guild_id=interaction.guild_id
                )

    @contextlib.asynccontextmanager
    async def _turn(self, interaction: Interaction, channel_id: int) -> AsyncIterator[Turn]:
        """Wait for this person's turn to speak. See `turn_in_time`."""

        async def defer_while_waiting() -> None:
            # Discord waits three seconds, and a turn may be a minute away.
            await defer(interaction, thinking=True)

        left = partial(seconds_left, interaction)
        async with turn_in_time(self.conversations, channel_id, interaction.user.id, left, defer_while_waiting) as turn:
            yield turn

    async def forget(self, interaction: Interaction, press: Press[ChatRequest, None]) -> None:
        """Forget the conversation that an answer belongs to."""
        await self._forget(interaction, press.request.channel_id)

    async def _forget(self, interaction: Interaction, channel_id: int) -> None:
        await self.conversations.forget(channel_id)
        # Public, because the conversation belongs to everybody in the channel.
        said = forgotten(interaction.user.display_name, channel_id)
        await respond(interaction, said, ephemeral=False)


def _channel_id(interaction: Interaction) -> int:
    """Return the id of the conversation's channel, or minus the person's id if nobody else sees the answers."""
    # A conversation must never repeat to one person what only others could see.
    if interaction.channel_id is None:
        raise InvalidRequest(later("Discord does not tell me which channel this is. Please try again in another one."))
    return -interaction.user.id if _is_seen_by_nobody_else(interaction) else interaction.channel_id


def _may_know(interaction: Interaction, channel_id: int) -> bool:
    """Return whether a person may be told what was said in a conversation before, also where the bot is no member."""
    return is_private(channel_id) or interaction.guild_id is None or may_read(interaction.permissions)


def _is_seen_by_nobody_else(interaction: Interaction) -> bool:
    """Return whether Discord shows the answer only to the person who asks.

    The server may have set that (see `AnswerSettings`). Discord does so in a server that has not added the bot and does
    not let user-installed apps respond publicly.

    Source: https://docs.discord.com/developers/topics/permissions (`USE_EXTERNAL_APPS`)
    """
    if is_answered_privately(interaction):
        return True
    if interaction.guild_id is None or interaction.is_guild_integration():
        return False
    return interaction.is_user_integration() and not interaction.permissions.use_external_apps


setup = Chat.setup
