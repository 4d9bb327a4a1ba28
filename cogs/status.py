"""`/status`: how the bot is, for whoever runs it; checkpoints to load and unload; maintenance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import discord
from cachetools import TTLCache
from discord import app_commands
from discord.ext import commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import GlassboxError, InvalidRequest, Unanswered, describe
from bot.inference.backend import CheckpointControl
from bot.inference.status import CheckpointStatus
from bot.inference.timers import wait_at_most
from bot.locales.message import Message, _, later
from bot.operating.maintenance import sentence_of
from bot.operating.operators import Operators
from bot.operating.status.components import (
    BEGIN,
    DURATIONS,
    END,
    LOAD,
    SHOW_PAGE,
    UNLOAD,
    CheckpointMenu,
    DurationMenu,
    EndButton,
    Page,
    PageMenu,
    Refresh,
    handle_of,
    page_items,
    reason_modal,
)
from bot.operating.status.measuring import Measuring
from bot.operating.status.overview import overview
from bot.operating.status.pages import (
    ELSEWHERE,
    NAME,
    checkpoints_page,
    maintenance_page,
    progress_sentence,
)
from bot.replies.acknowledgement import NO_MENTIONS, defer, send_modal
from bot.replies.channels.showing import show
from bot.replies.checkpoints.state import name_of
from bot.replies.components.buttons import view_of
from bot.replies.components.modals import Submission
from bot.replies.components.press import Press
from bot.replies.pending import EDIT_TIMEOUT, NOTICE_SECONDS, seconds_left
from bot.replies.reply import Reply
from bot.servers.features import MessageFeature
from bot.storage.database import FAILURES
from bot.storage.maintenance import Notice

log = logging.getLogger(__name__)

FEATURE = "status"
GONE = later("This checkpoint is not set any more. Press Refresh, and choose again.")
NOT_OFFERED = later("This is no length of a maintenance that I know. Choose one from the menu.")
NOT_KEPT = later("The database cannot be used, so nothing has changed. Please try again in a moment.")
GOES_ON = later("It goes on, and Discord's time for this message is up: use `/status` again to see how it ended.")
# Translators: {name} is that of a checkpoint, in bold.
LOADED = later("Loaded {name}.")
UNLOADED = later("Unloaded {name}.")
TOLD_SECONDS, MOST_TOLD = 60.0, 1_024
"""Messages to the bot in one channel are refused once in this time."""

Work = Callable[[str], Awaitable[None]]


class Status(Cog):
    """`/status`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._bot = bot
        self._operators = Operators(bot)
        self._measuring = Measuring(bot)
        self._timers = bot.timers
        self._work: set[asyncio.Task[None]] = set()
        self._told: TTLCache[int, bool] = TTLCache(MOST_TOLD, TOLD_SECONDS)
        bot.add_dynamic_items(PageMenu, Refresh, CheckpointMenu, DurationMenu, EndButton)
        bot.handle(SHOW_PAGE, self.show_page, feature=FEATURE)
        bot.handle(LOAD, self.load, feature=FEATURE)
        bot.handle(UNLOAD, self.unload, feature=FEATURE)
        bot.handle(BEGIN, self.begin, feature=FEATURE, modal=True)
        bot.handle(END, self.end, feature=FEATURE)

    @app_commands.command()
    @app_commands.default_permissions()  # Discord shows it to administrators only; who may use it is checked below
    @app_commands.allowed_installs(guilds=True, users=False)  # an account would have it in its commands everywhere
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    @app_commands.describe(page="What to look at (the overview if left out)")
    async def status(self, interaction: Interaction, page: Page = Page.OVERVIEW) -> None:
        """For whoever runs this bot: devices, queue, latencies, errors, maintenance"""
        await self._operators.check(interaction.user)
        await defer(interaction, thinking=True, ephemeral=True)
        await self._show(interaction, page)

    async def show_page(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Show a page, or the same one anew."""
        await self._operators.check(interaction.user)
        await defer(interaction)
        await self._show(interaction, Page(press.detail) if press.detail in set(Page) else Page.OVERVIEW)

    async def load(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Load a checkpoint, and show its progress."""
        await self._operators.check(interaction.user)
        await self._change(interaction, press.detail, "Loading", LOADED, self._control.load_checkpoint)

    async def unload(self, interaction: Interaction, press: Press[None, str]) -> None:
        """Unload a checkpoint as soon as nobody uses it."""
        await self._operators.check(interaction.user)
        await self._change(interaction, press.detail, "Unloading", UNLOADED, self._control.unload_checkpoint)

    async def begin(self, interaction: Interaction, press: Press[None, str | Submission]) -> None:
        """Ask for the reason of a maintenance; begin it when that is submitted."""
        await self._operators.check(interaction.user)
        submission = press.detail if isinstance(press.detail, Submission) else None
        minutes = _minutes(submission.options if submission is not None else str(press.detail))
        if submission is None:
            await send_modal(interaction, reason_modal(minutes))
            return
        await defer(interaction)
        ends = time.time() + 60 * minutes if minutes else None
        await _kept(self._bot.maintenance.begin(Notice(submission.text.strip(), ends)))
        await self._show(interaction, Page.MAINTENANCE)

    async def end(self, interaction: Interaction, press: Press[None, None]) -> None:
        """End the maintenance."""
        await self._operators.check(interaction.user)
        await defer(interaction)
        await _kept(self._bot.maintenance.end())
        await self._show(interaction, Page.MAINTENANCE)

    @commands.Cog.listener()
    async def on_message_in_maintenance(self, message: discord.Message) -> None:
        """Tell somebody who writes to the bot that there is a maintenance, once in a while for each channel."""
        notice, me = self._bot.maintenance.known, self._bot.user
        is_to_me = message.guild is None or (me is not None and me in message.mentions)
        if notice is None or message.author.bot or not is_to_me or not await self._answers_messages(message):
            return
        if message.channel.id in self._told:
            return
        self._told[message.channel.id] = True
        try:
            await message.channel.send(
                sentence_of(notice, time.time()),
                reference=message.to_reference(fail_if_not_exists=False),  # which `message.reply` does not pass
                mention_author=False,
                allowed_mentions=NO_MENTIONS,
            )
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("somebody could not be told of the maintenance: %s", describe(error))

    async def _answers_messages(self, message: discord.Message) -> bool:
        """Return whether the server lets the bot answer a message at all."""
        if message.guild is None:
            return True
        settings = await self._bot.servers.settings(message.guild.id)
        return settings.chat.mentions and await self._bot.access.allows(MessageFeature.MENTIONS, message)

    async def _show(self, interaction: Interaction, page: Page, said: str = "") -> None:
        match page:
            case Page.OVERVIEW:
                reply = overview(await self._measuring.snapshot())
            case Page.CHECKPOINTS:
                reply = await self._checkpoints(said)
            case Page.MAINTENANCE:
                reply = maintenance_page(await self._bot.maintenance.notice(), time.time())
        await show(interaction, reply, self._bot.studio, self._view(page))

    async def _checkpoints(self, said: str) -> Reply:
        checkpoints = self.backend.status().checkpoints
        descriptions = await asyncio.gather(*(self.backend.describe(handle_of(one)) for one in checkpoints))
        return checkpoints_page(descriptions, isinstance(self.backend, CheckpointControl), said)

    def _view(self, page: Page) -> discord.ui.View | None:
        can_control = isinstance(self.backend, CheckpointControl)
        checkpoints = self.backend.status().checkpoints if can_control else ()
        is_on = self._bot.maintenance.known is not None
        return view_of({}, page_items(page, checkpoints=checkpoints, is_on=is_on))

    @property
    def _control(self) -> CheckpointControl:
        """The backend; raise `InvalidRequest` if it is on another machine."""
        if not isinstance(self.backend, CheckpointControl):
            raise InvalidRequest(ELSEWHERE)
        return self.backend

    async def _change(self, interaction: Interaction, handle: str, verb: str, done: Message, change: Work) -> None:
        """Load or unload a checkpoint, with its progress in the message.

        Args:
            handle: as `handle_of` returns it; may be forged.
            verb: of the progress, and `done` of the end, with the field `name`.
        """
        found = [one for one in self.backend.status().checkpoints if handle_of(one) == handle]
        if not found:
            raise InvalidRequest(GONE)
        await defer(interaction)
        # Not part of this interaction: it goes on if the message is gone.
        work = self._timers.run(asyncio.create_task, _done(change, handle))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        while not await wait_at_most(work, NOTICE_SECONDS, self._timers) and seconds_left(interaction) > 0:
            await self._show_progress(interaction, verb, found[0], handle)
        said = _ending(work, done, found[0]) if work.done() else str(GOES_ON)
        await self._show(interaction, Page.CHECKPOINTS, said)

    async def _show_progress(self, interaction: Interaction, verb: str, one: CheckpointStatus, handle: str) -> None:
        sentence = progress_sentence(verb, one, await self.backend.describe(handle))
        reply = await self._checkpoints(sentence)
        try:
            async with asyncio.timeout(EDIT_TIMEOUT):
                await interaction.edit_original_response(embed=reply.embed, allowed_mentions=NO_MENTIONS)
        except Exception as error:  # the change matters more than its progress
            log.info("the progress of a checkpoint could not be shown: %s", describe(error))


async def _done(change: Work, handle: str) -> None:
    await change(handle)


def _ending(work: asyncio.Task[None], done: Message, one: CheckpointStatus) -> str:
    """Return how a change has ended, in Markdown."""
    error = None if work.cancelled() else work.exception()
    name = f"**{name_of(one, NAME)}**"
    if error is None:
        return str(done.filled(name=name))
    if isinstance(error, GlassboxError):
        return error.sentence
    log.error("a checkpoint could not be changed: %s", describe(error))
    return _("{name} could not be changed, and the failure has been logged.", name=name)


def _minutes(chosen: str) -> int:
    """Return the minutes of an option; raise `InvalidRequest` for one that was never offered."""
    if not chosen.isdecimal() or int(chosen) not in DURATIONS:
        raise InvalidRequest(NOT_OFFERED)
    return int(chosen)


async def _kept(change: Awaitable[None]) -> None:
    try:
        await change
    except FAILURES as error:
        log.warning("a maintenance cannot be kept: %s", describe(error))
        raise Unanswered(NOT_KEPT) from error


setup = Status.setup
