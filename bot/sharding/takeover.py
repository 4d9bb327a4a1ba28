"""Answers to the interactions of processes that have died, as far as their people may still have them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord

from bot.errors import UNEXPECTED, GlassboxError, Refused, describe
from bot.locales.choice import locale_for
from bot.locales.current import write_in
from bot.locales.message import later
from bot.pending_interactions import Arrival, PendingInteractions
from bot.replies.acknowledgement import Kind, expect
from bot.replies.delivery import tell
from bot.sharding.standing import Standing
from bot.storage.database import FAILURES
from bot.storage.processes import Processes
from bot.storage.unanswered import LAST_SECONDS, MOST_AT_ONCE, Abandoned

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Between two looks for dead processes."""
AGAIN_SECONDS = 0.2
"""Before the next look if one has found as many interactions as it may take. They do not come all at once, because the
queue of requests is bounded."""
SWEEP_SECONDS = 60.0
"""Between two removals of what dead processes have left behind."""
MOST_TRIES = 10
"""An interaction that more processes have died of is not answered: it may be what kills them. With three, one of fifty
was given up when processes were killed every three seconds: they had only died beside it."""

PRIVATE_NOW = later(
    "This server has set that answers are private since you asked. Please ask again: only you will see it."
)


class Takeover:
    """Looks for interactions that a process has acknowledged and not answered before it died, and answers them here.

    Args:
        standing: says what their people may do now.
        wants_privacy: whether a server, by its id, wants that only the person who asks sees an answer.
        make: an interaction of a payload.
    """

    def __init__(
        self,
        processes: Processes,
        pending: PendingInteractions,
        standing: Standing,
        wants_privacy: Callable[[int], Awaitable[bool]],
        make: Callable[[Mapping[str, Any]], discord.Interaction],
    ) -> None:
        self._processes = processes
        self._pending = pending
        self._standing = standing
        self._wants_privacy = wants_privacy
        self._make = make
        self._unsettled: list[tuple[int, Arrival]] = []
        self._ends = asyncio.Event()

    async def run(self) -> None:
        """Look until `end` is called."""
        loop = asyncio.get_running_loop()
        swept = loop.time() - SWEEP_SECONDS
        while not self._ends.is_set():
            pause = LOOK_SECONDS
            try:
                if await self.look() == MOST_AT_ONCE:
                    pause = AGAIN_SECONDS
                if loop.time() - swept >= SWEEP_SECONDS:
                    await self._processes.sweep()
                    swept = loop.time()
            except FAILURES as error:
                log.warning("other processes cannot be looked after: %s", describe(error))
            await _wait(self._ends, pause)

    def end(self) -> None:
        """Take nothing more over, because this process stops."""
        self._ends.set()

    async def look(self) -> int:
        """Take over what is there, and return how many interactions; raise `FAILURES`."""
        for interaction, arrival in self._unsettled:
            if not arrival.has_begun:  # no command or component of this version answers it
                self._processes.unanswered.answered(interaction)
        self._unsettled.clear()
        claimed = await self._processes.unanswered.claim()
        await asyncio.gather(*map(self._answer, claimed))
        return len(claimed)

    async def _answer(self, abandoned: Abandoned) -> None:
        kind = Kind(abandoned.acknowledged)
        write_in(locale_for(abandoned.payload.get("locale")))
        if abandoned.age > LAST_SECONDS:
            self._processes.unanswered.answered(abandoned.id)
        elif abandoned.tries > MOST_TRIES:
            log.error("an interaction is given up, because %d processes have died of it", abandoned.tries)
            await self._give_up(abandoned, kind, str(UNEXPECTED))
        else:
            await self._go_on(abandoned, kind)

    async def _go_on(self, abandoned: Abandoned, kind: Kind) -> None:
        try:
            payload = await self._standing.renewed(abandoned.payload)
            await self._check_privacy(payload, kind)
        except GlassboxError as error:
            log.info("an interaction of a process that has died is refused: %s", describe(error))
            await self._give_up(abandoned, kind, error.sentence)
            return
        log.info("an interaction of a process that has died is answered here")
        self._unsettled.append((abandoned.id, self._pending.answer_again(payload, kind)))

    async def _check_privacy(self, payload: Mapping[str, Any], kind: Kind) -> None:
        """Raise `Refused` if everybody would see an answer that the server wants to be private by now."""
        guild_id = int(payload.get("guild_id") or 0)
        if kind is not Kind.deferred_channel_message or not guild_id or not await self._wants_privacy(guild_id):
            return
        interaction = self._make(payload)
        try:
            # "Thinking" is as public as it was begun.
            is_private = (await interaction.original_response()).flags.ephemeral
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("it is not known who sees an answer: %s", describe(error))
            is_private = False
        if not is_private:
            raise Refused(PRIVATE_NOW)

    async def _give_up(self, abandoned: Abandoned, kind: Kind, sentence: str) -> None:
        interaction = self._make(abandoned.payload)
        expect(interaction, _keep_nothing, kind)
        await tell(interaction, sentence)
        self._processes.unanswered.answered(abandoned.id)


async def _keep_nothing(kind: Kind) -> None:
    """Do nothing: the interaction is kept."""


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, for some seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
