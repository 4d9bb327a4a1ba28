"""How a reply reaches the person who asked."""

from __future__ import annotations

import asyncio
import contextlib
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
from bot.replies.faults import is_gone
from bot.replies.formatting.text import fit
from bot.replies.pending import PendingReply
from bot.replies.reply import Reply
from bot.replies.retries import until_taken
from bot.replies.work.offer import with_work
from bot.storage import RequestStore

RequestT = TypeVar("RequestT", bound=Request[Any])
Interaction = discord.Interaction[Any]

log = logging.getLogger(__name__)

WITHDRAWN = "I could not answer this."
"""Seen for a moment, or for good where Discord does not delete it."""
LONGEST_SENTENCE = 2_000
"""Units of a message. Sentences are shorter; one that is not is cut rather than refused."""


class ResponseKind(Enum):
    """How an interaction is answered."""

    PUBLIC = "with a new message for everybody"
    EPHEMERAL = "with a new message that only one person sees"
    EDIT = "by an edit of the message with the component"


class Delivery:
    """Has requests answered, and shows the answers as responses to interactions.

    Answers of commands that can be opened get a button that does so.

    Args:
        backend: answers the requests.
        store: keeps those that have buttons.
        studio: draws the pictures of the answers.
    """

    def __init__(self, backend: Backend, store: RequestStore, studio: Studio) -> None:
        self._backend = backend
        self._store = store
        self._studio = studio
        self._under_way: dict[str, PendingReply] = {}

    async def answer(
        self,
        interaction: Interaction,
        request: RequestT,
        render: Callable[[RequestT, Answer[Any]], Reply],
        preview: Callable[[RequestT, Any], Reply] | None = None,
        *,
        kind: ResponseKind = ResponseKind.PUBLIC,
        kept: Mapping[Request[Any], str] | None = None,
    ) -> Answer[Any] | None:
        """Have a request answered, and show the answer as the response to an interaction.

        While the checkpoint is not loaded, the response says how far it is. Whoever has deferred it already, in public,
        may have had to wait for something else first. When the interaction is gone (somebody
        deleted the message, or its token has expired), the request is given up.

        Args:
            interaction: of a command or a button.
            render: shows the answer.
            preview: shows a result that is not complete yet. With one, the response is edited as the answer is
                written, and has a button that ends it early.
            kind: how the interaction is answered.
            kept: requests that the store has already, with their ids.

        Returns:
            The answer; None where the interaction was gone before there was one.

        Raises:
            GlassboxError: it is not accepted (before anything is public), or it could not be answered.
            discord.HTTPException: Discord does not take the reply.
            Exception: Discord cannot be reached, or its answers cannot be read (see `bot.replies.faults`).
        """
        answer: Answer[Any] | None = None
        answering = self._backend.submit(request, person=interaction.user.id)
        async with _given_up_at_end(answering):
            await _defer(interaction, kind)
            reply = PendingReply(interaction, self._store, self._studio, request, answering, kept or {})
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
        """Show an answer as it is written, and when it is complete."""
        with contextlib.ExitStack() as until_shown:
            if preview is not None and not reply.answering.done():
                until_shown.enter_context(self._stoppable(await reply.id_of(request), reply))
                await reply.show_progress(lambda result: preview(request, result))
            answer = await reply.wait()
            # The work of a long text has thousands of numbers to write down.
            rendered = await asyncio.to_thread(render, request, answer)
            await reply.show_last(with_work(rendered, request, answer.result))
        return answer

    def stop(self, identity: str, person: int) -> None:
        """End an answer that is being written, with what there is so far.

        Args:
            identity: of its request, as its button has it.
            person: who wants it to end.

        Raises:
            AlreadyEnded: there is no such answer any more.
            SomebodyElses: somebody else asked for it.
        """
        reply = self._under_way.get(identity)
        if reply is None:
            raise AlreadyEnded
        if reply.person != person:
            raise SomebodyElses
        reply.answering.stop()

    @contextlib.contextmanager
    def _stoppable(self, identity: str, reply: PendingReply) -> Iterator[None]:
        self._under_way[identity] = reply
        try:
            yield
        finally:
            del self._under_way[identity]


async def _defer(interaction: Interaction, kind: ResponseKind) -> None:
    await defer(interaction, thinking=kind is not ResponseKind.EDIT, ephemeral=kind is ResponseKind.EPHEMERAL)


async def tell(interaction: Interaction, sentence: str) -> None:
    """Tell a sentence to the person who asked, and to nobody else. One who cannot be reached is left alone.

    A response that was deferred as a new message is withdrawn first: follow-ups of it would be as public as it is.
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


async def _withdraw(interaction: Interaction) -> None:
    """Delete a deferred response. As long as it is "thinking", the next follow-up would take its place instead.

    It is deleted also where it could not be edited before: nobody should wait for it.
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
    await until_taken(call, tries=pending.TRIES, pause=pending.RETRY_SECONDS)


@contextlib.asynccontextmanager
async def _notice_taken_back(reply: PendingReply, kind: ResponseKind) -> AsyncIterator[None]:
    """Let no message promise an answer that does not come. One that was made for the answer is withdrawn whole."""
    try:
        yield
    except BaseException:
        if kind is ResponseKind.EDIT:
            await reply.take_back_notice()
        raise


@contextlib.asynccontextmanager
async def _given_up_at_end(answering: Answering[Any]) -> AsyncIterator[None]:
    """Let nobody wait for an answer that cannot be delivered: an interaction that is gone, or a cancelled caller."""
    try:
        yield
    except Exception as error:
        if not is_gone(error):
            raise
        log.info("an interaction is gone: %s", describe(error))
    finally:
        answering.cancel()
