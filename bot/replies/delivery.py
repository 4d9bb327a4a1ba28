"""Delivery of answers to the people who asked."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import discord

from bot.endings import GONE
from bot.errors import describe
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request, Result
from bot.inference.together import Together
from bot.locales.message import later
from bot.pictures.studio import Studio
from bot.replies.acknowledgement import NO_MENTIONS, acknowledgement, is_answered_privately, respond
from bot.replies.checkpoints.choosing import Allowed, Choosing
from bot.replies.destination import Destination, InteractionResponse
from bot.replies.formatting.text import fit_markdown
from bot.replies.pending import EDIT_SECONDS, PendingReply, until_accepted
from bot.replies.reply import Reply
from bot.replies.work.offer import with_work
from bot.storage import RequestStore
from bot.storage.writing import Text
from bot.tasks.compare import CompareRequest
from bot.tasks.work.request import WorkRequest

RequestT = TypeVar("RequestT", bound=Request[Result])
# A request's class decides its result's, which the type system cannot say.
Render: TypeAlias = Callable[[RequestT, Answer[Any]], Reply]
Preview: TypeAlias = Callable[[RequestT, Any], Reply]

log = logging.getLogger(__name__)

WITHDRAWN = later("I could not answer this.")
"""Seen for a moment, or for good if Discord does not delete the message."""
LONGEST_SENTENCE = 2_000
"""UTF-16 units of a message. A longer sentence is cut rather than refused."""
ACCEPTANCE_SECONDS = 1.5
"""How long a deferral waits for a refusal, which only one person should see. Discord wants it within three seconds."""
EDIT_SECONDS_OF_ALL = 0.05
"""Between two edits of any messages while texts are written, on average. Discord allows a bot 50 calls a second of all
kinds; only those that belong to interactions are not counted."""


class ResponseKind(Enum):
    """How an interaction is answered."""

    PUBLIC = "with a new message for everybody"
    EPHEMERAL = "with a new message that only one person sees"
    EDIT = "by an edit of the message with the component"

    @classmethod
    def of_view(cls, interaction: discord.Interaction) -> ResponseKind:
        """Return how to show another view: an edit for the person who asked, an ephemeral message for others.

        Also for that person if the server has wanted private answers since.
        """
        message = interaction.message
        if message is None or message.flags.ephemeral:
            return cls.EDIT
        if is_answered_privately(interaction):
            return cls.EPHEMERAL
        asked = message.interaction_metadata
        return cls.EDIT if asked is not None and asked.user.id == interaction.user.id else cls.EPHEMERAL


class Quota(Protocol):
    """A limit of the requests of one person that is shared by several processes."""

    def request_of(self, person: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Count a request until the end of the body; entering raises `TooManyRequests` beyond the limit."""


class ServerQuota(Protocol):
    """How many answers a server allows its members."""

    def use(self, guild_id: int | None, member: Any) -> contextlib.AbstractAsyncContextManager[None]:
        """Count an answer, unless the body raises; entering raises `QuotaUsedUp` if there have been too many."""


class Delivery:
    """Submits requests, and shows their answers.

    Attributes:
        timers: the context in which whatever is repeated runs.
    """

    def __init__(
        self,
        backend: Backend,
        store: RequestStore,
        studio: Studio,
        quota: Quota | None = None,
        allowed_checkpoints: Allowed | None = None,
        server_quota: ServerQuota | None = None,
    ) -> None:
        self.checkpoints = Choosing(backend, allowed_checkpoints)
        self._quota = quota
        self._server_quota = server_quota
        self._backend = backend
        self._store = store
        self._studio = studio
        # simcord, which tests and playground run on, holds back timers of an interaction's context while the bot is
        # busy. So edits are paced in a context of the bot's own.
        self.timers = contextvars.copy_context()
        self._messages = 0

    async def answer(
        self,
        interaction: discord.Interaction,
        request: RequestT,
        render: Render[RequestT],
        preview: Preview[RequestT] | None = None,
        *,
        kind: ResponseKind = ResponseKind.PUBLIC,
        kept: Mapping[Request[object], str] | None = None,
    ) -> Answer[Any] | None:
        """Submit a request, and answer an interaction with its answer. A caller may already have deferred it.

        If the interaction is gone (its message was deleted, or its token has expired), the request is cancelled.

        Args:
            interaction: of a command or a component.
            preview: renders a partial result. With it, the response shows the text while it is generated, with a button
                that stops it.
            kept: requests that the store has already, with their ids.

        Returns:
            The answer; None if the interaction was gone first.

        Raises:
            InvalidRequest: the checkpoint that it names may not be chosen here.
            GlassboxError: it is refused (before anything is public), or it could not be answered.
            discord.HTTPException: Discord does not accept the reply.
            Exception: Discord cannot be reached, or its responses cannot be read (see `bot.replies.discord_errors`).
        """
        request = await self.checkpoints.settled(interaction, request)
        destination = InteractionResponse(
            interaction, new=kind is not ResponseKind.EDIT, ephemeral=kind is ResponseKind.EPHEMERAL
        )
        return await self.answer_at(destination, request, render, preview, kept=kept)

    async def answer_at(
        self,
        destination: Destination,
        request: RequestT,
        render: Render[RequestT],
        preview: Preview[RequestT] | None = None,
        *,
        kept: Mapping[Request[object], str] | None = None,
    ) -> Answer[Any] | None:
        """Submit a request, and show its answer somewhere. See `answer`.

        If nothing can be shown there any more, the request is cancelled, and the answer is None.
        """
        answer: Answer[Any] | None = None
        async with contextlib.AsyncExitStack() as at_end:
            person = destination.asker.id
            parts = request.parts if isinstance(request, CompareRequest) else ()
            if self._quota is not None:
                for _ in parts or (request,):
                    await at_end.enter_async_context(self._quota.request_of(person))
            if self._server_quota is not None and not isinstance(request, WorkRequest):  # opening an answer is free
                for _ in parts or (request,):
                    await at_end.enter_async_context(self._server_quota.use(destination.guild_id, destination.asker))
            answering: Answering[Any] = (
                Together.submit(self._backend, parts, person=person, context=self.timers)
                if parts
                else self._backend.submit(request, person=person)
            )
            await at_end.enter_async_context(_cancelled_at_end(answering, destination))
            await answering.accepted(ACCEPTANCE_SECONDS)
            await at_end.enter_async_context(destination.opened(self.timers))
            reply = PendingReply(
                destination,
                self._store,
                self._studio,
                request,
                answering,
                dict(kept or {}),
                self.timers,
                self._slowness if destination.is_rate_limited_with_others else lambda: 1.0,
            )
            async with _without_notice_on_failure(reply):
                await reply.show_notices()
                answer = await self._shown(reply, request, render, preview)
        return answer

    def _slowness(self) -> float:
        return max(1.0, self._messages * EDIT_SECONDS_OF_ALL / EDIT_SECONDS)

    async def _shown(
        self, reply: PendingReply, request: RequestT, render: Render[RequestT], preview: Preview[RequestT] | None
    ) -> Answer[Any]:
        """Show an answer while it is generated, and when it is complete."""
        with contextlib.ExitStack() as at_end:
            if preview is not None and not reply.answering.done():
                writing = self._store.processes.writing
                at_end.callback(writing.end, reply.stop_id)
                writing.begin(reply.stop_id, Text(reply.destination.asker.id, reply.answering.stop))
                at_end.enter_context(self._counted(reply.destination))
                await reply.show_progress(partial(preview, request))
            answer = await reply.wait()
            # On a thread, because the explanation of a long text has thousands of numbers.
            rendered = await asyncio.to_thread(render, request, answer)
            await reply.show_last(with_work(rendered, request, answer))
            reply.destination.record.answered_by(answer)
            return answer

    @contextlib.contextmanager
    def _counted(self, destination: Destination) -> Iterator[None]:
        """Count a text that is shown as it is written, if Discord counts its edits too."""
        self._messages += destination.is_rate_limited_with_others
        try:
            yield
        finally:
            self._messages -= destination.is_rate_limited_with_others


async def tell(interaction: discord.Interaction, sentence: str, *, at_once: bool = False) -> None:
    """Send a sentence to the person behind an interaction, and to nobody else. Errors are only logged.

    Args:
        at_once: whether one call has to do, because the process ends: others may see the sentence as well.
    """
    sentence = fit_markdown(sentence, LONGEST_SENTENCE)
    try:
        acknowledged = acknowledgement(interaction)
        if acknowledged is None:
            await respond(interaction, sentence, ephemeral=True)
            return
        if acknowledged is discord.InteractionResponseType.deferred_channel_message:
            if at_once:
                await until_accepted(partial(interaction.edit_original_response, **_only(sentence)))
                return
            # The first follow-up would take its place, and be as public as it is.
            await _withdraw(interaction)
        await until_accepted(lambda: interaction.followup.send(sentence, ephemeral=True, allowed_mentions=NO_MENTIONS))
    except Exception as error:
        log.info("somebody could not be told what went wrong: %s", describe(error))


async def _withdraw(interaction: discord.Interaction) -> None:
    """Delete a deferred response. The edit before it ends "thinking"; otherwise the next follow-up would replace it."""
    edited = partial(interaction.edit_original_response, **_only(str(WITHDRAWN)))
    for call in (edited, interaction.delete_original_response):
        try:
            await until_accepted(call)
        except Exception as error:
            log.info("a response could not be withdrawn: %s", describe(error))


def _only(sentence: str) -> dict[str, Any]:
    """Return the arguments for an edit that leaves nothing but a sentence."""
    return {"content": sentence, "embed": None, "attachments": [], "view": None, "allowed_mentions": NO_MENTIONS}


@contextlib.asynccontextmanager
async def _without_notice_on_failure(reply: PendingReply) -> AsyncIterator[None]:
    """Remove a notice from an edited message if no answer comes. `tell` withdraws a new message as a whole."""
    try:
        yield
    except BaseException:
        if reply.destination.was_there:
            await reply.take_back_notice()
        raise


@contextlib.asynccontextmanager
async def _cancelled_at_end(answering: Answering[object], destination: Destination) -> AsyncIterator[None]:
    """Cancel an answer that can't be delivered, because its place is gone or the caller was cancelled."""
    try:
        yield
    except Exception as error:
        if not destination.is_gone(error):
            raise
        log.info("the place of an answer is gone: %s", describe(error))
        destination.record.end(GONE, error)
    finally:
        answering.cancel()
