"""Delivery of answers to the people who asked."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from typing import Any, TypeVar

import discord

from bot.errors import AlreadyEnded, SomebodyElses, describe
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.pictures.studio import Studio
from bot.replies import pending
from bot.replies.acknowledgement import NO_MENTIONS, acknowledgement, defer, respond
from bot.replies.discord_errors import is_gone
from bot.replies.formatting.text import fit
from bot.replies.pending import PendingReply
from bot.replies.reply import Reply
from bot.replies.retries import until_accepted
from bot.replies.work.offer import with_work
from bot.storage import RequestStore

RequestT = TypeVar("RequestT", bound=Request[Any])


log = logging.getLogger(__name__)

WITHDRAWN = "I could not answer this."
"""Seen for a moment, or for good if Discord does not delete the message."""
LONGEST_SENTENCE = 2_000
"""UTF-16 units of a message. A longer sentence is cut rather than refused."""


class ResponseKind(Enum):
    """How an interaction is answered."""

    PUBLIC = "with a new message for everybody"
    EPHEMERAL = "with a new message that only one person sees"
    EDIT = "by an edit of the message with the component"

    @classmethod
    def of_view(cls, interaction: discord.Interaction) -> ResponseKind:
        """Return how to show somebody another view: their own message is edited, others get an ephemeral copy."""
        message = interaction.message
        if message is None or message.flags.ephemeral:
            return cls.EDIT
        asked = message.interaction_metadata
        return cls.EDIT if asked is not None and asked.user.id == interaction.user.id else cls.EPHEMERAL


class Delivery:
    """Answers interactions: submits requests, and shows their answers.

    Args:
        store: keeps the requests behind buttons.
        studio: draws the pictures.
    """

    def __init__(self, backend: Backend, store: RequestStore, studio: Studio) -> None:
        self._backend = backend
        self._store = store
        self._studio = studio
        # Edits are paced by timers of the bot, not of an interaction: simcord, in which the tests and the playground
        # run, holds back those of an interaction's context for as long as the bot is busy.
        self._timers = contextvars.copy_context()
        self._stoppable: dict[str, PendingReply] = {}

    async def answer(
        self,
        interaction: discord.Interaction,
        request: RequestT,
        render: Callable[[RequestT, Answer[Any]], Reply],
        preview: Callable[[RequestT, Any], Reply] | None = None,
        *,
        kind: ResponseKind = ResponseKind.PUBLIC,
        kept: Mapping[Request[Any], str] | None = None,
    ) -> Answer[Any] | None:
        """Answer an interaction with the answer to a request.

        While the checkpoint is loaded, the response says how far it is. If the interaction is gone (somebody has
        deleted the message, or its token has expired), the request is given up. A caller that had to wait may already
        have deferred the response.

        Args:
            interaction: of a command or a component.
            render: shows the answer.
            preview: shows a partial result. With it, the response is edited while the text is generated, and has a
                button that stops it.
            kept: requests that the store has already, with their ids.

        Returns:
            The answer; None if the interaction was gone first.

        Raises:
            GlassboxError: it is not accepted (before anything is public), or it could not be answered.
            discord.HTTPException: Discord does not accept the reply.
            Exception: Discord cannot be reached, or its responses cannot be read (see `bot.replies.discord_errors`).
        """
        answer: Answer[Any] | None = None
        answering = self._backend.submit(request, person=interaction.user.id)
        async with _given_up_at_end(answering):
            await defer(
                interaction,
                thinking=kind is not ResponseKind.EDIT,
                ephemeral=kind is ResponseKind.EPHEMERAL,
            )
            reply = PendingReply(interaction, self._store, self._studio, request, answering, kept or {}, self._timers)
            async with _notice_taken_back(reply, kind):
                await reply.show_notices()
                answer = await self._shown(reply, request, render, preview)
        return answer

    async def _shown(
        self,
        reply: PendingReply,
        request: RequestT,
        render: Callable[[RequestT, Answer[Any]], Reply],
        preview: Callable[[RequestT, Any], Reply] | None,
    ) -> Answer[Any]:
        """Show an answer while it is generated, and when it is complete."""
        with contextlib.ExitStack() as until_shown:
            if preview is not None and not reply.answering.done():
                until_shown.enter_context(self._stopped_by_button(await reply.id_of(request), reply))
                await reply.show_progress(partial(preview, request))
            answer = await reply.wait()
            # On a thread, because the explanation of a long text holds thousands of numbers.
            rendered = await asyncio.to_thread(render, request, answer)
            await reply.show_last(with_work(rendered, request, answer.result))
        return answer

    def stop(self, request_id: str, person: int) -> None:
        """End the generation of a text; the text so far becomes the answer.

        Args:
            request_id: as the button has it.
            person: wants it to end.

        Raises:
            AlreadyEnded: no such text is being generated.
            SomebodyElses: another person has asked for it.
        """
        reply = self._stoppable.get(request_id)
        if reply is None:
            raise AlreadyEnded
        if reply.person != person:
            raise SomebodyElses
        reply.answering.stop()

    @contextlib.contextmanager
    def _stopped_by_button(self, request_id: str, reply: PendingReply) -> Iterator[None]:
        self._stoppable[request_id] = reply
        try:
            yield
        finally:
            del self._stoppable[request_id]


async def tell(interaction: discord.Interaction, sentence: str) -> None:
    """Send a sentence to the person behind an interaction, and to nobody else. Errors are only logged.

    A response that was deferred as a new message is withdrawn first: its follow-ups would be as public as it is.
    """
    sentence = fit(sentence, LONGEST_SENTENCE, str)[0]
    try:
        acknowledged = acknowledgement(interaction)
        if acknowledged is None:
            await respond(interaction, sentence, ephemeral=True)
            return
        if acknowledged is discord.InteractionResponseType.deferred_channel_message:
            await _withdraw(interaction)
        await _insist(lambda: interaction.followup.send(sentence, ephemeral=True, allowed_mentions=NO_MENTIONS))
    except Exception as error:
        log.info("somebody could not be told what went wrong: %s", describe(error))


async def _withdraw(interaction: discord.Interaction) -> None:
    """Delete a deferred response, even if it cannot be edited first.

    It is edited first because the next follow-up would replace a response that is still "thinking".
    """
    edited = partial(
        interaction.edit_original_response,
        content=WITHDRAWN, embed=None, attachments=[], view=None, allowed_mentions=NO_MENTIONS,
    )  # fmt: skip
    for call in (edited, interaction.delete_original_response):
        try:
            await _insist(call)
        except Exception as error:
            log.info("a response could not be withdrawn: %s", describe(error))


async def _insist(call: Callable[[], Awaitable[object]]) -> None:
    await until_accepted(call, tries=pending.TRIES, pause=pending.RETRY_SECONDS)


@contextlib.asynccontextmanager
async def _notice_taken_back(reply: PendingReply, kind: ResponseKind) -> AsyncIterator[None]:
    """Leave no notice in an edited message if no answer comes. A new message is withdrawn as a whole (see `tell`)."""
    try:
        yield
    except BaseException:
        if kind is ResponseKind.EDIT:
            await reply.take_back_notice()
        raise


@contextlib.asynccontextmanager
async def _given_up_at_end(answering: Answering[Any]) -> AsyncIterator[None]:
    """Give up an answer that cannot be delivered, because the interaction is gone or the caller was cancelled."""
    try:
        yield
    except Exception as error:
        if not is_gone(error):
            raise
        log.info("an interaction is gone: %s", describe(error))
    finally:
        answering.cancel()
