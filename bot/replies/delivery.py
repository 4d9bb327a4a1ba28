"""How a reply reaches the person who asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp
import discord

from bot.errors import ShuttingDown, describe
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.replies.notice import notice
from bot.replies.reply import Reply

RequestT = TypeVar("RequestT", bound=Request[Any])
ResultT = TypeVar("ResultT")
Interaction = discord.Interaction[Any]

log = logging.getLogger(__name__)

NOTICE_SECONDS = 2.0
"""Between two edits of a notice; Discord allows about one a second."""
INVALID_WEBHOOK_TOKEN = 50027
"""Discord's code for an interaction that has expired."""
FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError)
"""Discord refuses something, or cannot be reached."""
WITHDRAWN = "I could not answer this."
"""Seen for a moment, or for good where Discord does not delete it."""
NO_MENTIONS = discord.AllowedMentions.none()


async def answer(
    interaction: Interaction, backend: Backend, request: RequestT, render: Callable[[RequestT, Answer[Any]], Reply]
) -> None:
    """Have a request answered, and show the answer as the response to an interaction.

    While the checkpoint is not loaded, the response says how far it is. When the interaction is gone (somebody deleted
    the message, or its token has expired), the request is given up.

    Raises:
        GlassboxError: it is not accepted (before anything is public), or it could not be answered.
        discord.HTTPException: Discord does not take the reply.
        OSError: Discord cannot be reached.
    """
    backend.model_state(request)
    answering = backend.submit(request, person=interaction.user.id)
    async with _given_up_at_end(answering):
        await interaction.response.defer(thinking=True)
        await _wait(interaction, backend, request, answering)
        reply = render(request, answering.result())
        await interaction.edit_original_response(
            content=None, embed=reply.embed, attachments=reply.files(), allowed_mentions=NO_MENTIONS
        )


async def tell(interaction: Interaction, sentence: str) -> None:
    """Tell a sentence to the person who asked, and to nobody else. One who cannot be reached is left alone.

    A response that was deferred in public is withdrawn first: follow-ups of it would be public too.
    """
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(sentence, ephemeral=True, allowed_mentions=NO_MENTIONS)
            return
        if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
            await _withdraw(interaction)
        await interaction.followup.send(sentence, ephemeral=True, allowed_mentions=NO_MENTIONS)
    except FAILURES as error:
        log.info("somebody could not be told what went wrong: %s", describe(error))


async def _withdraw(interaction: Interaction) -> None:
    """Delete a deferred response. As long as it is "thinking", the next follow-up would take its place instead."""
    with contextlib.suppress(*FAILURES):
        await interaction.edit_original_response(content=WITHDRAWN, allowed_mentions=NO_MENTIONS)
        await interaction.delete_original_response()


@contextlib.asynccontextmanager
async def _given_up_at_end(answering: asyncio.Task[Any]) -> AsyncIterator[None]:
    """Let nobody wait for an answer that cannot be delivered: an interaction that is gone, or a cancelled caller."""
    try:
        yield
    except discord.HTTPException as error:
        if not _is_gone(error):
            raise
        log.info("an interaction is gone: %s", describe(error))
    finally:
        answering.cancel()


async def _wait(
    interaction: Interaction, backend: Backend, request: Request[Any], answering: asyncio.Task[Answer[ResultT]]
) -> None:
    """Wait for the answer, and tell meanwhile how far its checkpoint is."""
    shown = None
    while not answering.done() and (text := notice(backend.model_state(request))) is not None:
        if text != shown:
            shown = text
            await _show_notice(interaction, text)
        await asyncio.wait((answering,), timeout=NOTICE_SECONDS)
    await asyncio.wait((answering,))
    if answering.cancelled():
        raise ShuttingDown


async def _show_notice(interaction: Interaction, text: str) -> None:
    try:
        await interaction.edit_original_response(content=text, allowed_mentions=NO_MENTIONS)
    except FAILURES as error:
        if isinstance(error, discord.HTTPException) and _is_gone(error):
            raise
        # The answer matters more than the notice.
        log.info("a notice could not be shown: %s", describe(error))


def _is_gone(error: discord.HTTPException) -> bool:
    """Whether the interaction has expired, or somebody has deleted its response."""
    return isinstance(error, discord.NotFound) or error.code == INVALID_WEBHOOK_TOKEN
