"""A response that is still changing: a notice, then the answer as it is written, then the whole answer."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any

import discord
from asyncio_throttle import Throttler

from bot.errors import DeadlinePassed, ShuttingDown, describe
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from bot.replies.acknowledgement import NO_MENTIONS
from bot.replies.components.buttons import STOP, Offer, view_of
from bot.replies.faults import is_gone
from bot.replies.interaction_age import age
from bot.replies.notice import notice
from bot.replies.reply import Reply
from bot.replies.retries import until_taken
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
"""At this age of its interaction an answer is ended with what there is: Discord forgets it after 15 minutes."""
ENDING_SECONDS = 20.0
"""How long that may take."""
EDIT_TIMEOUT = 15.0
"""How long an edit on the way to the answer may take: the answer does not wait longer for it."""
TRIES = 5
"""How often the last edit is tried, by discord.py itself up to five times each."""
RETRY_SECONDS = 2.0
"""Before the second try; each later pause is twice as long."""


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
        self._has_notice = False

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
                self._has_notice = True  # even where the edit fails: perhaps only its receipt was lost
                await self._try_to_edit(content=text)
            await self._wait_or(asyncio.sleep(NOTICE_SECONDS))

    async def take_back_notice(self) -> None:
        """Leave the message as it was before the notices, because no answer takes their place."""
        if self._has_notice:
            try:
                await edit_for_good(self._interaction, _no_notice)
            except Exception as error:  # what has gone wrong before is what people are told
                log.info("a notice could not be taken back: %s", describe(error))

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
            Exception: Discord cannot be reached, or its answers cannot be read (see `bot.replies.faults`).
        """
        picture = await self._picture(reply)
        await edit_for_good(self._interaction, lambda: self._content(reply, reply.offers, picture))

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
            async with asyncio.timeout(EDIT_TIMEOUT):
                await self._interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **content)
        except Exception as error:
            if is_gone(error):
                raise
            # The answer matters more than what is shown on the way to it.
            log.info("a response could not be edited: %s", describe(error))
            return False
        return True

    def _is_under_way(self) -> bool:
        return not self.answering.done() and self._seconds_left() > 0

    def _seconds_left(self) -> float:
        return seconds_left(self._interaction)


def seconds_left(interaction: discord.Interaction[Any]) -> float:
    """For how long something may still be waited for, before an interaction has to be answered."""
    return max(0.0, LAST_SECONDS - age(interaction))


async def edit_for_good(
    interaction: discord.Interaction[Any], content: Callable[[], Awaitable[Mapping[str, Any]]]
) -> None:
    """Edit a response, however often that has to be tried.

    Args:
        content: makes the arguments, for each try: files can be sent once.

    Raises:
        Exception: as `until_taken`.
    """

    prepared = [await content()]  # here, where nobody takes an error of ours for Discord's

    async def edit() -> None:
        arguments = prepared.pop() if prepared else await content()
        await interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **arguments)

    await until_taken(edit, tries=TRIES, pause=RETRY_SECONDS)


async def _no_notice() -> Mapping[str, Any]:
    return {"content": None}
