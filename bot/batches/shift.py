"""One file in the hands of one process: its rows are answered, shown, kept, and given back."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import discord

from bot.batches import rendering
from bot.batches.components import GIVE_UP, START, STOP, buttons_view
from bot.batches.formats import answered_name
from bot.batches.job import Job, job_as_json, outcomes_as_json
from bot.batches.packing import packed
from bot.batches.post import Content, Post, Unseen
from bot.batches.results import answer_names
from bot.batches.running import BatchRun
from bot.batches.summary import Summary, summarised
from bot.batches.table import Table
from bot.batches.writing import write_table
from bot.errors import UNEXPECTED, ModelUnavailable, describe
from bot.inference.backend import Backend
from bot.inference.status import Phase
from bot.inference.timers import wait_at_most
from bot.locales.message import _
from bot.pictures.picture import Picture
from bot.pictures.studio import Studio
from bot.replies.discord_errors import outcome_of
from bot.stopping import beside
from bot.storage.batches import Batches, BatchState
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

EDIT_SECONDS, LATER_EDIT_SECONDS, LATER = 2.5, 5.0, 60.0
"""Between two edits: in the first `LATER` seconds, and later."""
MARGIN_SECONDS = 120.0
"""A file that is done so long before the response can no longer be edited has time enough."""
AGAIN_SECONDS = 30.0
"""Between two tries to give a file back while Discord is in trouble."""
MOST_TRIES = 5
"""A file that so many processes have begun without answering a row is given back: it may be what kills them."""


@dataclass(frozen=True)
class Tools:
    """What all files need.

    Attributes:
        now: returns the time, in seconds since 1970.
        timers: the context in which edits are paced (see `Delivery`).
    """

    client: discord.Client
    backend: Backend
    batches: Batches
    studio: Studio
    now: Callable[[], float]
    timers: contextvars.Context


@dataclass(eq=False)
class Shift:
    """A file, from its first row in this process to its end.

    Attributes:
        stop: set when its person wants it as it is.
        problem: a sentence why no more rows may be answered; empty if they may.
    """

    tools: Tools
    identity: str
    job: Job
    table: Table
    run: BatchRun
    post: Post
    stop: asyncio.Event
    problem: str = ""

    async def work(self) -> None:
        """Answer the rows, and give the file back. Cancelling this leaves the rest to another process."""
        try:
            done = self.problem or self.stop.is_set() or self.job.tries > MOST_TRIES
            problem = self.problem if done else await self._answer_rows()
            if problem is None:
                await self._keep()  # what was answered while the question was on its way
                return
            await self._give_back(problem)
        except Unseen:
            log.info("a file is given up: it was deleted, or its message was")
        await self._remove()

    async def _answer_rows(self) -> str | None:
        """Answer rows until all are done or somebody stops it.

        Returns:
            A sentence why it ends early; None if its person is asked whether it should go on.
        """
        began = time.perf_counter()
        async with beside(self.run.run()) as running, beside(self.stop.wait()) as stopped:
            await self._show_progress()
            while not running.done():
                pause = EDIT_SECONDS if time.perf_counter() - began < LATER else LATER_EDIT_SECONDS
                await self._wait(pause, running, stopped)
                await self._keep()
                if self.stop.is_set() or await self._is_stopped():
                    break
                if not running.done():
                    if self._must_ask():
                        await self._ask()
                        return None
                    if not await self._show_progress():
                        break
            else:
                return _problem(running)
        return ""

    async def _wait(self, seconds: float, *tasks: asyncio.Task[Any]) -> None:
        """Wait until one of the tasks is done, for some seconds at most."""
        ended = asyncio.create_task(asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
        try:
            await wait_at_most(ended, seconds, self.tools.timers)
        finally:
            ended.cancel()

    async def _remove(self) -> None:
        """Delete everything of the file; if the database fails, later, or it would be given back twice."""
        while True:
            try:
                await self.tools.batches.remove(self.identity)
            except FAILURES as error:
                log.warning("a file cannot be deleted yet: %s", describe(error))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _keep(self) -> None:
        """Keep the rows that are done. If the database fails, they are kept the next time."""
        fresh = self.run.take_fresh()
        if not fresh:
            return
        try:
            await self.tools.batches.keep(self.identity, min(fresh), await asyncio.to_thread(outcomes_as_json, fresh))
            if self.job.tries:
                self.job = replace(self.job, tries=0)
                await self._change(BatchState.RUNNING)
        except FAILURES as error:
            log.warning("answers of a file cannot be kept yet: %s", describe(error))
            self.run.put_back(fresh)

    async def _is_stopped(self) -> bool:
        """Return whether its person has stopped it, perhaps in another process.

        Raises:
            Unseen: it was deleted, with everything of its person.
        """
        try:
            kept = await self.tools.batches.find(self.identity)
        except FAILURES as error:
            log.warning("a file cannot be looked at: %s", describe(error))
            return False
        if kept is None:
            raise Unseen
        return kept.state is BatchState.STOPPING

    async def _show_progress(self) -> bool:
        """Show how far it is; return False if it can be shown nowhere any more."""
        content = self._progress()
        if self.post.must_move:
            if not await self.post.move(content):
                return False
            self.job = replace(self.job, place=self.post.place)
            await self._change(BatchState.RUNNING)
        else:
            await self.post.try_to_show(content)
        return True

    def _progress(self) -> Content:
        progress = self.run.progress
        embed = rendering.working(self.job, progress, notice=self._notice(progress.seconds_left, progress.done))
        return Content(embed, buttons_view(self.identity, STOP))

    def _notice(self, seconds_left: float | None, done: int) -> str:
        if self.post.place.message_id is None and self._exceeds(seconds_left):
            return str(rendering.GOES_ON_PRIVATELY if self.post.place.channel_id is None else rendering.GOES_ON_HERE)
        return _("The model is being loaded first.") if not done and self._is_loading() else ""

    def _is_loading(self) -> bool:
        task, chosen = self.job.options.command.value, self.job.options.checkpoint
        checkpoints = self.tools.backend.status().checkpoints
        mine = [one for one in checkpoints if (task in one.tasks if chosen is None else one.name == chosen)]
        return any(one.phase in (Phase.FETCHING, Phase.LOADING) for one in mine)

    def _exceeds(self, seconds_left: float | None) -> bool:
        """Return whether the response cannot be edited for as long as the file takes."""
        left = self.post.place.until - self.tools.now() - MARGIN_SECONDS
        return seconds_left is not None and seconds_left > left

    def _must_ask(self) -> bool:
        place, confirmed = self.post.place, self.job.confirmed
        is_bounded = place.channel_id is None and place.message_id is None and not confirmed
        return is_bounded and self._exceeds(self.run.progress.seconds_left)

    async def _ask(self) -> None:
        """Ask whether it should go on, although it takes longer than can be shown here."""
        await self._change(BatchState.ASKING)
        embed = rendering.asking_to_start(self.job, self.run.progress)
        await self.post.try_to_show(Content(embed, buttons_view(self.identity, START, GIVE_UP)))

    async def _change(self, state: BatchState) -> None:
        try:
            await self.tools.batches.change(self.identity, state, job_as_json(self.job))
        except FAILURES as error:
            log.warning("a file cannot be kept as it is now: %s", describe(error))

    async def _give_back(self, problem: str) -> None:
        """Show the end, with the file.

        Raises:
            Unseen: nobody sees it.
        """
        summary = summarised(self.table, self.job.options, self.run.outcomes)
        if problem and not summary.answered:
            await self._show(Content(rendering.failed(self.job, problem)))
            return
        names = answer_names(self.job.options)
        written = await asyncio.to_thread(write_table, self.table, names, self.run.outcomes)
        name = answered_name(self.job.name, self.table.format)
        file = await asyncio.to_thread(packed, name, written.content)
        seconds = self.tools.now() - self.job.begun
        note = "\n".join(filter(None, (problem, file.note)))
        embed = rendering.finished(self.job, summary, seconds, written.guarded, note)
        picture = await self._chart(summary)
        if picture is not None:
            embed.set_image(url=f"attachment://{rendering.CHART}")
        await self._show(Content(embed, None, partial(_files, picture, file.name, file.content)))

    async def _show(self, content: Content) -> None:
        """Show the end, for as long as it takes Discord to accept it."""
        while True:
            if self.post.must_move and await self.post.move(content):
                return
            try:
                await self.post.show(content)
            except Unseen:
                raise
            except Exception as error:
                log.warning("a file could not be given back: %s", describe(error))
                if not outcome_of(error).is_retryable:
                    # Perhaps the bot may write in this channel no longer.
                    await self.post.move(content)
                    return
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return

    async def _chart(self, summary: Summary) -> Picture | None:
        drawing = rendering.chart(self.job.options, summary)
        try:
            return None if drawing is None else await self.tools.studio.draw(drawing.draw)
        except Exception as error:  # the file matters more than its chart
            log.error("a chart cannot be drawn: %s", describe(error))
            return None


def _problem(running: asyncio.Task[None]) -> str:
    try:
        running.result()
    except ModelUnavailable as error:
        return error.sentence
    except Exception as error:
        log.error("the rows of a file cannot be answered: %s", describe(error))
        return str(UNEXPECTED)
    return ""


def _files(picture: Picture | None, name: str, content: bytes | None) -> Sequence[discord.File]:
    chart = [] if picture is None else [discord.File(io.BytesIO(picture.png), rendering.CHART, description=picture.alt)]
    return chart if content is None else [*chart, discord.File(io.BytesIO(content), name)]
