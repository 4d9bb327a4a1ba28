"""Files from Discord: taken, asked about, and handed to the office."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import discord

from bot.batches import rendering
from bot.batches.columns import find_column, obvious_column
from bot.batches.components import STOP, buttons_view, columns_view
from bot.batches.downloads import download
from bot.batches.formats import check_size, format_of
from bot.batches.job import Job, job_as_json, read_job, read_outcomes
from bot.batches.office import Office
from bot.batches.places import place_of
from bot.batches.plan import Options
from bot.batches.post import Content, Post, Unseen
from bot.batches.reading import read_table
from bot.batches.running import BatchRun
from bot.batches.shift import Shift, Tools
from bot.errors import UNEXPECTED, AlreadyEnded, InvalidRequest, Refused, SomebodyElses, Unanswered, describe
from bot.locales.current import current_locale, write_in
from bot.locales.message import _, later
from bot.replies.acknowledgement import defer, is_answered_privately
from bot.storage.batches import BatchState, KeptBatch
from bot.storage.database import FAILURES
from bot.text.characters import whole_characters

log = logging.getLogger(__name__)

MOST_IN_A_SERVER = 3
BUSY = later("I am answering a file of yours already. Wait until you have it back, or press Stop under it.")
SERVER_BUSY = later(
    "I am answering {most_in_a_server} files of this server already. Please try again when one of them is done, "
    "or send me yours in a direct message.",
    most_in_a_server=MOST_IN_A_SERVER,
)
NOT_KEPT = later("I cannot keep your file at the moment, and that has been logged. Please try again in a minute.")
NOT_YOURS = later("Only the person who gave me this file may do this.")
ENDED = later("This file is not with me any more, so there is nothing to do about it. Please give it to me again.")
NO_COLUMN = later("The file has no such column any more. Please give it to me again.")
PRIVATE_NOW = later("I go on where only you see it: this server has set that answers are private.")

Recheck = Callable[[KeptBatch, Job, float], Awaitable[str | None]]
"""See `bot.batches.permission.Permission.problem`."""
Check = Callable[[str, discord.Interaction], Awaitable[None]]
"""Raises a `GlassboxError` unless the person behind an interaction may use a command."""


@dataclass(frozen=True)
class Given:
    """What somebody gives with a command.

    Attributes:
        column, second: names of columns, as far as they were named.
        private: whether only that person sees it.
    """

    attachment: discord.Attachment
    options: Options
    header: bool | None
    column: str | None
    second: str | None
    private: bool


class BatchService:
    """Takes files from people, and has them answered.

    Args:
        office: begins files, by their ids.
        check: whether a command may be used, when a file begins that has been asked about.
        recheck: whether it still may, when a process goes on with a file, or begins one that has waited.
    """

    def __init__(self, tools: Tools, office: Office, check: Check, recheck: Recheck) -> None:
        self._tools = tools
        self._check = check
        self._recheck = recheck
        self.office = office

    async def take(self, interaction: discord.Interaction, given: Given) -> None:
        """Take a file: begin, or ask which column is meant.

        Raises:
            GlassboxError: it is not taken; nothing of it is kept.
        """
        kind = format_of(given.attachment.filename, given.attachment.content_type)
        check_size(given.attachment.size)
        await self._check_free(interaction)
        await defer(interaction, thinking=True, ephemeral=given.private)
        content = await download(given.attachment)
        table = await asyncio.to_thread(read_table, content, kind, given.header)
        column = obvious_column(table) if given.column is None else find_column(table, given.column)
        second = None if given.second is None else find_column(table, given.second, "second_column")
        if column is not None and column == second:
            raise InvalidRequest(later("`column` and `second_column` must be two different columns."))
        job = Job(
            interaction.id,
            whole_characters(given.attachment.filename),
            kind,
            given.header,
            given.options,
            table.columns,
            column,
            second,
            place_of(interaction, self._tools.now(), private=given.private or is_answered_privately(interaction)),
            asked_in=interaction.channel_id or 0,
            locale=current_locale(),
        )
        identity = await self._keep(interaction, job, content)
        if identity is not None:
            await self._go_on(identity, job)

    async def choose(self, interaction: discord.Interaction, identity: str, option: int | None) -> None:
        """Begin with the column that was chosen."""
        kept, job = await self._pressed(interaction, identity)
        if kept.state is not BatchState.ASKING:
            await defer(interaction)
            return
        if option is None or option >= len(job.columns) or job.columns[option] == job.second:
            raise InvalidRequest(NO_COLUMN)
        await self._begin(interaction, kept, replace(job, column=job.columns[option]))

    async def start(self, interaction: discord.Interaction, identity: str) -> None:
        """Go on with a file that takes longer than can be shown."""
        kept, job = await self._pressed(interaction, identity)
        if kept.state is not BatchState.ASKING or job.column is None:
            await defer(interaction)
            return
        await self._begin(interaction, kept, replace(job, confirmed=True))

    async def stop(self, interaction: discord.Interaction, identity: str) -> None:
        """Have a file given back as it is."""
        kept, _job = await self._pressed(interaction, identity)
        try:
            await self._tools.batches.stop(kept.id, kept.person)
        except FAILURES as error:
            log.warning("a stop cannot be told to other processes: %s", describe(error))
        self.office.stop(identity)
        await defer(interaction)

    async def give_up(self, interaction: discord.Interaction, identity: str) -> None:
        """Delete a file that has yet to begin, or to go on."""
        kept, job = await self._pressed(interaction, identity)
        await defer(interaction)
        if kept.state is BatchState.ASKING:
            await self._tools.batches.remove(identity)
            embed = rendering.failed(job, _("Cancelled. I have deleted the file."))
            cancelled = replace(job, place=place_of(interaction, self._tools.now()))
            await self._post(kept, cancelled).try_to_show(Content(embed))

    async def answer(self, identity: str, stop: asyncio.Event) -> None:
        """Answer a file in this process (see `Office`); raise `FAILURES`."""
        batches = self._tools.batches
        kept = await batches.find(identity)
        job = None if kept is None else read_job(kept.content)
        if kept is None or kept.state is BatchState.ASKING:
            return
        content = await batches.file(identity)
        if job is None or job.column is None or content is None:  # its key is missing, or another version has kept it
            await batches.remove(identity)
            return
        write_in(job.locale)  # this task may be of another process than the one that was asked
        if kept.state is BatchState.STOPPING:
            stop.set()
        if (problem := await self._recheck(kept, job, self._tools.now())) is None:
            return
        job = replace(job, tries=job.tries + 1, begun=job.begun or self._tools.now())
        await batches.change(identity, BatchState.RUNNING, job_as_json(job))
        post = self._post(kept, job)
        try:
            table = await asyncio.to_thread(read_table, content, job.format, job.header)
            outcomes = await asyncio.to_thread(read_outcomes, await batches.answers(identity))
            # Not the event loop's clock, nor `time.monotonic`, which simcord holds back.
            run = BatchRun(self._tools.backend, kept.person, table, job.plan, outcomes, time.perf_counter)
            await Shift(self._tools, identity, job, table, run, post, stop, problem).work()
        except FAILURES:
            raise
        except Exception:
            # The office gives it up; its person must not wait for ever.
            with contextlib.suppress(Unseen):
                await post.try_to_show(Content(rendering.failed(job, str(UNEXPECTED))))
            raise

    def _post(self, kept: KeptBatch, job: Job) -> Post:
        return Post(self._tools.client, kept.person, job.place, self._tools.now)

    async def _check_free(self, interaction: discord.Interaction) -> None:
        """Raise `Refused` if the person, or the server, has its file already."""
        try:
            mine = await self._tools.batches.of(interaction.user.id)
            if mine is not None and mine.state is BatchState.ASKING:
                await self._tools.batches.remove(mine.id)  # they have thought better of it
                mine = None
            in_server = 0 if interaction.guild_id is None else await self._tools.batches.count(interaction.guild_id)
        except FAILURES as error:
            log.warning("files cannot be counted: %s", describe(error))
            raise Unanswered(NOT_KEPT) from None
        if mine is not None and not _is_of(mine, interaction):
            raise Refused(BUSY)
        if mine is None and in_server >= MOST_IN_A_SERVER:
            raise Refused(SERVER_BUSY)

    async def _keep(self, interaction: discord.Interaction, job: Job, content: bytes) -> str | None:
        """Keep a file; return its id, or None if another process that has died has kept it before."""
        batches = self._tools.batches
        try:
            identity = await batches.add(interaction.user.id, interaction.guild_id, job_as_json(job), content)
            if identity is None:
                mine = await batches.of(interaction.user.id)
                if mine is None or not _is_of(mine, interaction):
                    raise Refused(BUSY)
        except FAILURES as error:
            log.warning("a file cannot be kept: %s", describe(error))
            raise Unanswered(NOT_KEPT) from None
        return identity

    async def _go_on(self, identity: str, job: Job) -> None:
        """Ask for the column, or begin."""
        kept = await self._tools.batches.find(identity)
        if kept is None:
            return
        if job.column is None:
            content = Content(rendering.asking_column(job), columns_view(identity, job.columns))
            try:
                await self._post(kept, job).show(content)
            except Unseen:
                await self._tools.batches.remove(identity)
            return
        await self._tools.batches.change(identity, BatchState.RUNNING, job_as_json(job))
        if not await self.office.begin(identity):
            content = Content(rendering.waiting(job), buttons_view(identity, STOP))
            await self._post(kept, job).try_to_show(content)

    async def _begin(self, interaction: discord.Interaction, kept: KeptBatch, job: Job) -> None:
        await self._check(job.options.command, interaction)
        message = interaction.message
        moves = message is not None and not message.flags.ephemeral and is_answered_privately(interaction)
        await defer(interaction, thinking=moves)
        if moves:
            with contextlib.suppress(Unseen):
                await self._post(kept, job).try_to_show(Content(rendering.failed(job, str(PRIVATE_NOW))))
        # The press has a token of its own, with fifteen minutes.
        await self._go_on(kept.id, replace(job, place=place_of(interaction, self._tools.now(), private=moves)))

    async def _pressed(self, interaction: discord.Interaction, identity: str) -> tuple[KeptBatch, Job]:
        """Return the file of a component; raise unless it is the presser's."""
        try:
            kept = await self._tools.batches.find(identity)
        except FAILURES as error:
            log.warning("a file cannot be looked at: %s", describe(error))
            raise Unanswered(NOT_KEPT) from None
        job = None if kept is None else read_job(kept.content)
        if kept is None or job is None:
            raise AlreadyEnded(ENDED)
        if kept.person != interaction.user.id:
            raise SomebodyElses(NOT_YOURS)
        return kept, job


def _is_of(kept: KeptBatch, interaction: discord.Interaction) -> bool:
    job = read_job(kept.content)
    return job is not None and job.interaction_id == interaction.id
