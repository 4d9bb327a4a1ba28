"""A picture of a channel in the making: reads its messages, judges them, and shows in the message how far it is."""

from __future__ import annotations

import asyncio
import contextvars
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import discord

from bot.channels.access import Readable
from bot.channels.history import Reading, counted_messages, read_messages
from bot.channels.judging import Judging, requests_of
from bot.channels.message import ChannelMessage
from bot.endings import GONE
from bot.errors import Unanswered
from bot.inference.answering import Loading
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.inference.timers import wait_at_most
from bot.locales.message import later
from bot.replies.acknowledgement import NO_MENTIONS
from bot.replies.channels.progress import judging, progress_embed, reading
from bot.replies.components.buttons import STOP, RequestButton
from bot.replies.discord_errors import is_gone
from bot.replies.interaction_record import record_of
from bot.replies.pending import EDIT_TIMEOUT, seconds_left
from bot.storage.opt_outs import OptOuts
from bot.storage.writing import Text, Writing

ResultT = TypeVar("ResultT")

FIRST_SECONDS = 1.0
"""Before the first progress: a quick picture needs none."""
EVERY_SECONDS = 2.5
"""Between two edits."""
NOTHING_JUDGED = later(
    "You have stopped this before there was enough to draw. Ask again, perhaps for fewer `messages`."
)
TOO_LATE = later(
    "I did not get far before Discord's time for an answer was up. Ask for fewer `messages`, or try later."
)
NOT_JUDGED = later(
    "None of the messages could be judged, and the failures have been logged. Please try again in a moment."
)


@dataclass(frozen=True)
class Facts:
    """How a picture came about.

    Attributes:
        looked_at: messages that were read, whoever wrote them.
        judged: messages that are in the picture.
        failed: messages that could not be judged.
        truncated: messages that the model did not read to their end.
        is_cut: whether Discord gave fewer messages than were asked for in time.
        is_stopped: whether somebody stopped it.
        is_late: whether Discord's time for an answer was up.
        first: when the first message was written, and `last` the last one, in seconds since 1970.
        sample: one of the answers.
        seconds: that the judging took.
    """

    looked_at: int
    judged: int
    failed: int
    truncated: int
    is_cut: bool
    is_stopped: bool
    is_late: bool
    first: float
    last: float
    sample: Answer[Any]
    seconds: float


@dataclass(frozen=True)
class Tools:
    """What a survey needs of the bot."""

    backend: Backend
    opt_outs: OptOuts
    writing: Writing
    timers: contextvars.Context


@dataclass
class Survey(Generic[ResultT]):
    """The making of one picture. The interaction is deferred.

    Args:
        title: of the picture.
        number: of messages to look at.
        make: the request about a text.
        take: is given each message and its result.
        is_truncated: whether a result is about a part of its text.
    """

    interaction: discord.Interaction[Any]
    tools: Tools
    channel: Readable
    title: str
    number: int
    make: Callable[[str], Request[ResultT]]
    take: Callable[[ChannelMessage, ResultT], None]
    is_truncated: Callable[[ResultT], bool]
    _reading: Reading = field(default_factory=Reading, init=False)
    _judging: Judging[ResultT] | None = field(default=None, init=False)
    _counted: Sequence[ChannelMessage] = field(default=(), init=False)
    _truncated: int = field(default=0, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _is_late: bool = field(default=False, init=False)
    _began: float = field(default=0.0, init=False)

    async def run(self) -> Facts | None:
        """Return how it came about when everything has been given to `take`; None if the interaction is gone.

        Raises:
            GlassboxError: there is nothing to draw, and why.
        """
        identity = secrets.token_urlsafe(12)
        work = asyncio.create_task(self._work())
        self.tools.writing.begin(identity, Text(self.interaction.user.id, self._stop))
        try:
            await self._show_progress(work, identity)
            return await work
        except discord.HTTPException as error:
            if not is_gone(error):
                raise
            record_of(self.interaction).end(GONE, error)
            return None
        finally:
            self.tools.writing.end(identity)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(self) -> Facts:
        asked_at = discord.Object(self.interaction.id)
        await read_messages(self.channel, self.number, asked_at, self._reading, lambda: not self._is_stopped)
        self._counted = await counted_messages(self._reading.found, self.tools.opt_outs)
        self._reading.found.clear()
        requests = requests_of(self.make, [message.text for message in self._counted])
        self._judging = Judging(
            self.tools.backend, self.interaction.user.id, requests, self._take_one, self.tools.timers
        )
        self._began = time.perf_counter()
        if not self._is_stopped:
            await self._judging.run()
        return self._facts(self._judging)

    def _take_one(self, index: int, answer: Answer[ResultT]) -> None:
        self._truncated += self.is_truncated(answer.result)
        self.take(self._counted[index], answer.result)

    def _facts(self, judging: Judging[ResultT]) -> Facts:
        if judging.sample is None:
            if self._is_stopped:
                raise Unanswered(str(NOTHING_JUDGED))
            raise Unanswered(str(TOO_LATE if self._is_late else NOT_JUDGED))
        return Facts(
            self._reading.looked_at,
            judging.answered,
            judging.failed,
            self._truncated,
            self._reading.is_cut,
            self._is_stopped,
            self._is_late,
            self._counted[0].when,
            self._counted[-1].when,
            judging.sample,
            time.perf_counter() - self._began,
        )

    def _stop(self) -> None:
        """End with what there is."""
        self._is_stopped = True
        if self._judging is not None:
            self._judging.stop()

    async def _show_progress(self, work: asyncio.Task[Facts], identity: str) -> None:
        """Show how far it is until it is done, or until Discord's time is up."""
        pause, shown = FIRST_SECONDS, None
        while not await wait_at_most(work, pause, self.tools.timers):
            if not self._is_late and seconds_left(self.interaction) <= 0:
                self._is_late = True
                self._reading.is_cut |= self._judging is None
                if self._judging is not None:
                    self._judging.stop()
            pause = EVERY_SECONDS
            embed = self._progress()
            if shown != embed:
                shown = embed
                await self._edit(embed, identity)

    def _progress(self) -> discord.Embed:
        if self._judging is None:
            done = self._reading.looked_at
            return progress_embed(self.title, reading(done, self.number), done, self.number)
        done = self._judging.answered + self._judging.failed
        seconds = time.perf_counter() - self._began
        number = len(self._counted)
        return progress_embed(self.title, judging(done, number), done, number, seconds, self._loading())

    def _loading(self) -> Loading | None:
        answering = None if self._judging is None or self._judging.answered else self._judging.first
        return None if answering is None else answering.state.loading

    async def _edit(self, embed: discord.Embed, identity: str) -> None:
        view = discord.ui.View(timeout=None)
        custom_id = f"glassbox:{STOP.name}:{identity}"
        view.add_item(RequestButton(discord.ui.Button(label=STOP.label, style=STOP.style, custom_id=custom_id)))
        try:
            async with asyncio.timeout(EDIT_TIMEOUT):
                await self.interaction.edit_original_response(embed=embed, view=view, allowed_mentions=NO_MENTIONS)
        except Exception as error:  # the picture matters more than its progress
            if is_gone(error):
                raise
