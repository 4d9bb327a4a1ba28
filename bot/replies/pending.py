"""A response that is still changing: a notice, then the answer as it is written, then the whole answer."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import aiohttp
import discord
from asyncio_throttle import Throttler

from bot.errors import DeadlinePassed, ShuttingDown, describe
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from bot.replies.buttons import STOP, Offer, view_of
from bot.replies.notice import notice
from bot.replies.reply import Reply
from bot.storage import RequestStore

log = logging.getLogger(__name__)

NOTICE_SECONDS = 2.0
"""Between two edits of a notice; Discord allows about one a second."""
EDIT_SECONDS = 1.25
"""Between two edits of an answer that is being written. With the last one, which does not wait for its turn, these are
five in five seconds, which is what Discord allows."""
LOOK_SECONDS = 0.2
"""Between two looks at whether there is something new to show."""
LAST_SECONDS = 14 * 60.0
"""After this time an answer is ended with what there is: Discord forgets interactions after 15 minutes."""
ENDING_SECONDS = 20.0
"""How long that may take."""
TRIES = 3
"""How often the last edit is tried, by discord.py itself up to five times each."""
RETRY_SECONDS = 2.0
INVALID_WEBHOOK_TOKEN = 50027
"""Discord's code for an interaction that has expired."""
TOO_MANY_REQUESTS = 429
FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError)
"""Discord refuses something, or cannot be reached."""
NO_MENTIONS = discord.AllowedMentions.none()


class PendingReply:
    """The response to an interaction, from its deferral to the whole answer.

    Its edits raise only where the interaction is gone, except for the last one.

    Args:
        interaction: whose response was deferred.
        backend: has accepted the request.
        store: keeps what is behind the buttons.
        studio: draws the pictures.
        answering: the task that answers the request.
        kept: requests that the store has already, with their ids.
    """

    def __init__(
        self,
        interaction: discord.Interaction[Any],
        backend: Backend,
        store: RequestStore,
        studio: Studio,
        request: Request[Any],
        answering: asyncio.Task[Answer[Any]],
        kept: Mapping[Request[Any], str],
    ) -> None:
        self.answering = answering
        self.person = interaction.user.id
        self._interaction = interaction
        self._backend = backend
        self._store = store
        self._studio = studio
        self._request = request
        self._identities = dict(kept)
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + LAST_SECONDS

    async def identity(self, request: Request[Any]) -> str:
        """The id under which a request is kept, for the buttons of this response."""
        if request not in self._identities:
            self._identities[request] = await self._store.keep(request, person=self.person)
        return self._identities[request]

    async def show_notices(self) -> None:
        """Tell how far the checkpoint is, until it is loaded."""
        shown = None
        while self._is_under_way() and (text := notice(self._backend.model_state(self._request))) is not None:
            if text != shown:
                shown = text
                await self._try_to_edit(content=text)
            await self._wait_or(asyncio.sleep(NOTICE_SECONDS))

    async def show_progress(self, preview: Callable[[Any], Reply]) -> None:
        """Show the answer as it is written, with a button that stops it, until it is complete.

        The newest text is shown at every turn, so no edit waits in a line. An answer that is there before the first
        turn is not shown before it is complete.
        """
        throttler = Throttler(1, EDIT_SECONDS, LOOK_SECONDS)
        await self._wait_or(throttler.acquire())  # the first turn went to the deferral
        shown = None
        while (reply := await self._news(preview, shown, throttler)) is not None:
            if await self._try_to_edit(**await self._content(reply, [Offer(STOP, self._request)])):
                shown = reply

    async def wait(self) -> Answer[Any]:
        """The answer; ended early where the interaction would be forgotten.

        Raises:
            GlassboxError: it could not be answered.
        """
        await self._wait_or(asyncio.sleep(self._seconds_left()))
        if not self.answering.done():
            self._backend.stop(self.answering)
            await self._wait_or(asyncio.sleep(ENDING_SECONDS))
        if not self.answering.done():
            raise DeadlinePassed(LAST_SECONDS)
        if self.answering.cancelled():
            raise ShuttingDown
        return self.answering.result()

    async def show_last(self, reply: Reply) -> None:
        """Show the whole answer. Where Discord is in trouble, this is tried again.

        Raises:
            discord.HTTPException: Discord does not take it.
            OSError: Discord cannot be reached.
        """
        picture = await self._picture(reply)
        for further in reversed(range(TRIES)):
            try:
                content = await self._content(reply, reply.offers, picture)
                await self._interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **content)
            except FAILURES as error:
                if not further or not _may_pass(error):
                    raise
                log.info("an answer could not be shown yet: %s", describe(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _news(self, preview: Callable[[Any], Reply], shown: Reply | None, throttler: Throttler) -> Reply | None:
        """Wait for something that is not shown yet, and for a turn to show it; the newest then. None at the end."""
        has_turn = False
        while self._is_under_way():
            try:
                result = await self._backend.partial(self.answering)
                reply = None if result is None else preview(result)
            except Exception as error:  # the answer matters more than the way there
                log.error("an answer cannot be shown before it is complete: %s", describe(error))
                return None
            if reply in (None, shown):
                await self._wait_or(asyncio.sleep(LOOK_SECONDS))
            elif has_turn:
                return reply
            else:
                await self._wait_or(throttler.acquire())
                has_turn = True
        return None

    async def _wait_or(self, other: Coroutine[Any, Any, None]) -> None:
        """Wait for the answer, or for something else that takes time, whichever comes first.

        That has a context of its own: a simulated Discord, as in the playground, recognises the bot's timers by
        theirs, and holds them back as long as the bot has something to do.
        """
        waiting = contextvars.Context().run(self._loop.create_task, other)
        try:
            await asyncio.wait((waiting, self.answering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def _content(self, reply: Reply, offers: Iterable[Offer], picture: Picture | None = None) -> dict[str, Any]:
        """The arguments of an edit."""
        pages = reply.pages
        turning = () if pages is None else pages.items(await self.identity(pages.request))
        view = view_of({offer: await self.identity(offer.request) for offer in offers}, turning)
        embed, files = reply.with_picture(picture)
        return {"content": None, "embed": embed, "attachments": files, "view": view}

    async def _picture(self, reply: Reply) -> Picture | None:
        """What a reply has to draw; None where there is nothing, or it cannot be drawn."""
        if reply.drawing is None:
            return None
        try:
            return await self._studio.draw(reply.drawing.draw)
        except Exception as error:  # the numbers matter more than their picture
            log.error("a picture cannot be drawn: %s", describe(error))
            return None

    async def _try_to_edit(self, **content: Any) -> bool:
        """Edit the response; whether Discord has taken it."""
        try:
            await self._interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **content)
        except FAILURES as error:
            if isinstance(error, discord.HTTPException) and is_gone(error):
                raise
            # The answer matters more than what is shown on the way to it.
            log.info("a response could not be edited: %s", describe(error))
            return False
        return True

    def _is_under_way(self) -> bool:
        return not self.answering.done() and self._seconds_left() > 0

    def _seconds_left(self) -> float:
        return max(0.0, self._ends - self._loop.time())


def is_gone(error: discord.HTTPException) -> bool:
    """Whether an interaction has expired, or somebody has deleted its response."""
    return isinstance(error, discord.NotFound) or error.code == INVALID_WEBHOOK_TOKEN


def _may_pass(error: Exception) -> bool:
    """Whether Discord may take next time what it has not taken now."""
    if isinstance(error, discord.HTTPException):
        return error.status >= 500 or error.status == TOO_MANY_REQUESTS
    return True
