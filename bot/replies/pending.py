"""A reply that still changes: a notice, then the text as it is generated, then the whole answer."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Unpack

import discord
from asyncio_throttle import Throttler

from bot.errors import DeadlinePassed, ShuttingDown, describe
from bot.inference.answering import Answering, Loading
from bot.inference.requests import Answer, Request, Result
from bot.locales.lists import sentences
from bot.locales.message import _, later, plural
from bot.locales.numbers import percent
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from bot.replies.components.buttons import STOP, Button, view_of
from bot.replies.destination import Destination, InteractionResponse
from bot.replies.destination import Edit as Edit  # for its users
from bot.replies.discord_errors import outcome_of, retry_after
from bot.replies.formatting.text import fit
from bot.replies.interaction_age import age
from bot.replies.reply import Reply
from bot.storage import RequestStore

log = logging.getLogger(__name__)

NOTICE_SECONDS = 2.0
"""Between two edits of a notice; Discord allows about one a second."""
NAME_LIMIT = 200
"""UTF-16 units of a checkpoint's name in a notice."""
NOT_KEPT = later("I cannot keep what you asked just now, so buttons are missing here. Ask again later to have them.")
"""Above an answer, which the database never holds up."""
FOLLOWS = later("Your answer follows here by itself.")
EDIT_SECONDS = 1.25
"""Between two edits of an answer that is being generated. The last edit does not wait, which makes five edits in five
seconds: Discord allows no more."""
LOOK_SECONDS = 0.2
"""Between two looks for new text."""
LAST_SECONDS = 14 * 60.0
"""At this age of its interaction, an answer ends with the text so far. Discord forgets it after 15 minutes."""
ENDING_SECONDS = 20.0
"""How long an answer then has to end."""
EDIT_TIMEOUT = 15.0
"""How long an edit may take that shows a notice or a part of the answer. The answer does not wait longer for it."""
TRIES = 5
"""How often the last edit is tried. discord.py itself makes up to five requests for each try."""
TRY_SECONDS = 15.0
"""How long one of these tries may take. discord.py itself waits as long as a rate limit asks, even for a day."""
RETRY_SECONDS = 2.0
"""Before the second try; each later pause is twice as long, and none is shorter than Discord asks for."""


@dataclass(eq=False)
class PendingReply:
    """A reply at its destination, from the first sign of it to the whole answer.

    The last edit raises all errors; the others raise only if the destination is gone.

    Attributes:
        ids: of the requests that the store has already.
        timers: the context in which edits are paced.
        stop_id: names this text for the button that stops it, which works even if nothing can be kept.
        slowness: returns by what factor edits are to be rarer than they could be, because of others.
    """

    destination: Destination
    store: RequestStore
    studio: Studio
    request: Request[object]
    answering: Answering[Result]
    ids: dict[Request[object], str]
    timers: contextvars.Context
    slowness: Callable[[], float] = lambda: 1.0
    has_notice: bool = field(default=False, init=False)
    stop_id: str = field(default_factory=lambda: secrets.token_urlsafe(12), init=False)

    async def id_of(self, request: Request[object]) -> str:
        """Keep a request for the buttons of this response, and return its id; an empty one if it can't be kept."""
        if request not in self.ids:
            self.ids[request] = await self.store.keep(
                request, person=self.destination.asker.id, guild_id=self.destination.guild_id
            )
        return self.ids[request]

    async def show_notices(self) -> None:
        """Show the checkpoint's progress until it is loaded."""
        shown = None
        while self._goes_on() and (loading := self.answering.state.loading) is not None:
            text = loading_notice(loading)
            if text != shown:
                shown = text
                self.has_notice = True  # even if the edit fails: perhaps only its receipt was lost
                await self._try_to_edit(content=text)
            await self.answering.wait(NOTICE_SECONDS)

    async def take_back_notice(self) -> None:
        """Remove the notice from the message, because no answer replaces it."""
        if self.has_notice:
            try:
                await show_for_good(self.destination, _no_notice)
            except Exception as error:  # people are told about the error that came first
                log.info("a notice could not be taken back: %s", describe(error))

    async def show_progress(self, preview: Callable[[Result], Reply]) -> None:
        """Show the newest text at most every `EDIT_SECONDS`, with a button that stops it, until it is complete."""
        throttler = Throttler(1, EDIT_SECONDS, LOOK_SECONDS)
        await self._turn(throttler)  # for the deferral; within the timers' context, whose clock tests may put forward
        await self._turn(throttler)
        shown: Reply | None = None
        newest = None
        while self._goes_on():
            try:
                result = await self.answering.partial()
                reply = shown if result in (None, newest) else await asyncio.to_thread(preview, result)
            except Exception as error:  # the answer matters more than its preview
                log.error("an answer cannot be shown before it is complete: %s", describe(error))
                return
            if reply is None or reply == shown:
                await self.answering.wait(LOOK_SECONDS)
                continue
            stop = view_of({Button(STOP, self.request): self.stop_id})
            if await self._try_to_edit(**_content(reply, stop)):
                shown, newest = reply, result
                self.destination.record.note_first_text(self.destination.age())
            await self._turn(throttler)

    async def wait(self) -> Answer[Result]:
        """Return the answer, stopped before Discord forgets the interaction; raise its `GlassboxError` if it failed."""
        if not await self.answering.wait(self._seconds_left()):
            self.answering.stop()
            if not await self.answering.wait(ENDING_SECONDS):
                raise DeadlinePassed(LAST_SECONDS)
        try:
            return await self.answering
        except asyncio.CancelledError:  # not of this task: to await a done answer suspends nothing
            raise ShuttingDown from None

    async def show_last(self, reply: Reply) -> None:
        """Show the whole answer. If Discord is in trouble, try again.

        Raises:
            discord.HTTPException: Discord does not accept it.
            Exception: Discord cannot be reached, or its responses cannot be read (see `bot.replies.discord_errors`).
        """
        picture = await self._picture(reply)
        # Once, and not for each try.
        ids = {button: await self.id_of(button.request) for button in reply.buttons}
        pages = reply.pages
        opened = "" if pages is None else await self.id_of(pages.request)
        kept = {button: identity for button, identity in ids.items() if identity}
        lacks = len(kept) < len(ids) or (pages is not None and not opened)

        async def content() -> Edit:
            menus = pages.items(opened) if pages is not None and opened else ()
            return _content(reply, view_of(kept, menus), picture, f"-# {NOT_KEPT}" if lacks else None)

        await show_for_good(self.destination, content)

    async def _picture(self, reply: Reply) -> Picture | None:
        """Draw a reply's picture; return None if it has none, or if that fails."""
        if reply.drawing is None:
            return None
        try:
            return await self.studio.draw(reply.drawing.draw)
        except Exception as error:  # the numbers matter more than their picture
            log.error("a picture cannot be drawn: %s", describe(error))
            return None

    async def _try_to_edit(self, **content: Unpack[Edit]) -> bool:
        """Edit the response; return whether Discord has accepted the edit."""
        try:
            async with asyncio.timeout(EDIT_TIMEOUT):
                await self.destination.edit(**content)
        except Exception as error:
            if self.destination.is_gone(error):
                raise
            log.info("a reply could not be edited: %s", describe(error))
            return False
        return True

    async def _turn(self, throttler: Throttler) -> None:
        """Wait for a turn to edit, or for the answer."""
        loop = asyncio.get_running_loop()
        throttler.period = EDIT_SECONDS * self.slowness()
        turn = self.timers.run(loop.create_task, throttler.acquire())
        answered = loop.create_task(self.answering.wait(self._seconds_left()))
        try:
            await asyncio.wait((turn, answered), return_when=asyncio.FIRST_COMPLETED)
        finally:
            turn.cancel()
            answered.cancel()

    def _goes_on(self) -> bool:
        return not self.answering.done() and self._seconds_left() > 0

    def _seconds_left(self) -> float:
        return max(0.0, LAST_SECONDS - self.destination.age())


def loading_notice(loading: Loading) -> str:
    """Return a sentence about a checkpoint's progress, and that the answer follows."""
    return sentences(loading_progress(loading), FOLLOWS)


def loading_progress(loading: Loading) -> str:
    """Return a sentence about a checkpoint's progress."""
    name = fit(loading.checkpoint, NAME_LIMIT)[0]
    if loading.fetching:
        if loading.fraction is None:
            return _("Downloading {name}.", name=name)
        share = percent(math.floor(loading.fraction * 100) / 100, 0)
        # Translators: the name of a checkpoint, and how much of it has arrived, such as "83 %".
        return _("Downloading {name}: {share}.", name=name, share=share)
    if loading.seconds_left is None:
        return _("Loading {name}.", name=name)
    seconds = math.ceil(loading.seconds_left)
    # Translators: the name of a checkpoint. "s" are seconds.
    return plural("Loading {name}: about {count} s left.", "Loading {name}: about {count} s left.", seconds, name=name)


def seconds_left(interaction: discord.Interaction) -> float:
    """Return how many seconds are left before an interaction has to be answered."""
    return max(0.0, LAST_SECONDS - age(interaction))


async def edit_for_good(interaction: discord.Interaction, content: Callable[[], Awaitable[Edit]]) -> None:
    """Edit the response to an interaction. See `show_for_good`."""
    await show_for_good(InteractionResponse(interaction), content)


async def show_for_good(destination: Destination, content: Callable[[], Awaitable[Edit]]) -> None:
    """Edit a reply, and try again until Discord has accepted the edit.

    Args:
        content: makes the arguments for each try, because files can be sent only once.

    Raises:
        Exception: see `until_accepted`.
    """
    prepared = [await content()]  # not within `edit`, where an error of ours would be taken for Discord's

    async def edit() -> None:
        arguments = prepared.pop() if prepared else await content()
        await destination.edit(**arguments)

    await until_accepted(edit)


async def until_accepted(call: Callable[[], Awaitable[object]]) -> None:
    """Repeat an idempotent call until Discord has accepted it, `TRIES` times at most.

    Raises:
        Exception: the error of the last try, or the first one that no other try can help.
    """
    pause = RETRY_SECONDS
    for further in reversed(range(TRIES)):
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await call()
        except Exception as error:
            if not further or not outcome_of(error).is_retryable:
                raise
            log.info("Discord has not taken something yet: %s", describe(error))
            await asyncio.sleep(max(pause, retry_after(error)))
            pause *= 2
        else:
            return


def _content(
    reply: Reply, view: discord.ui.View | None, picture: Picture | None = None, said: str | None = None
) -> Edit:
    """Return the arguments for an edit."""
    embed, files = reply.with_picture(picture)
    return {"content": said, "embed": embed, "attachments": files, "view": view}


async def _no_notice() -> Edit:
    return {"content": None}
