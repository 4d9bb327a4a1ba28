"""`/forum-tags`: tags for the posts of a forum, proposed or applied by a model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest, SettingsUnknown, Unanswered, describe
from bot.forums import components as parts
from bot.forums.changes import NEVER_OFFERED, changed, with_forum, with_tag, without_forum
from bot.forums.choosing import ForumOption, chosen, pressed_forum
from bot.forums.components import COMPONENTS, Pressed
from bot.forums.corrections import Corrections
from bot.forums.decisions import Decisions
from bot.forums.dry_run import POSTS, dry_run
from bot.forums.pages.dry_run import dry_run_reply
from bot.forums.pages.report import report
from bot.forums.pages.setup import setup_page
from bot.forums.pages.tag_modal import submitted, tag_modal
from bot.forums.posts import last_posts
from bot.forums.precision import tally
from bot.forums.publishing import Publisher
from bot.forums.question import Labels
from bot.forums.services import Services
from bot.forums.tagger import Tagger
from bot.locales.message import _, later, plural
from bot.locales.numbers import percent
from bot.replies.acknowledgement import NO_MENTIONS, defer, respond, send_modal
from bot.replies.components.buttons import Action
from bot.replies.components.modals import Submission
from bot.replies.components.press import Press
from bot.replies.discord_errors import is_gone
from bot.replies.pending import Edit, edit_for_good, until_accepted
from bot.replies.reply import Reply
from bot.servers.features import ONES_OWN
from bot.servers.topics.forums import ForumSettings
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

FEATURE = "forum-tags"
NO_TAGS = later(
    "{forum} has no tags with words in them that I could try. Add some in its settings at Discord, under **Tags**."
)
NO_POSTS = later("There are no posts in {forum} yet, so there is nothing to try.")
NOT_SAVED = later("I cannot save that just now, so everything is as it was. Please try again in a moment.")
NOT_READ = later("I cannot read what people have corrected just now. Please try again in a moment.")
RUNNING = later("A dry run of {forum} is under way. Please wait until it has ended.")


Change = Callable[[ForumSettings], ForumSettings]


@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_channels=True)
class ForumTags(Cog, commands.GroupCog, group_name="forum-tags", group_description="Tags for the posts of a forum"):
    """`/forum-tags`, and the posts that it is about."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self.bot = bot
        self._services = Services(
            bot.backend, bot.store, bot.servers, bot.access, bot.standing, bot.intents.message_content
        )
        self._tagger = Tagger(self._services)
        self._corrections = Corrections(self._services)
        self._dry_runs: set[int] = set()
        decisions = Decisions(self._services, Publisher(self._services))
        bot.add_dynamic_items(*COMPONENTS)
        for action in (parts.MODE, parts.THRESHOLD, parts.MOST, parts.LOG):
            bot.handle(action, partial(self.choose, action), feature=FEATURE)
        bot.handle(parts.USE, self.use, feature=FEATURE)
        bot.handle(parts.TAG, self.open_tag, feature=FEATURE)
        bot.handle(parts.SAVE_TAG, self.save_tag, feature=FEATURE, modal=True)
        bot.handle(parts.SETUP, self.press_setup, feature=FEATURE)
        bot.handle(parts.DRY_RUN, self.press_dry_run, feature=FEATURE)
        bot.handle(parts.REPORT, self.press_report, feature=FEATURE)
        # Authors decide about their own posts, and moderators about all, whatever is set about the command.
        for action, decide in (
            (parts.ADD, decisions.add),
            (parts.DISMISS, decisions.dismiss),
            (parts.UNDO, decisions.undo),
        ):
            bot.handle(action, partial(_decide, decide), feature=ONES_OWN)

    async def cog_unload(self) -> None:
        self._tagger.close()

    @app_commands.command(name="setup")
    @app_commands.describe(forum="Which forum (the one that you are in if left out)")
    async def open_setup(self, interaction: Interaction, forum: ForumOption = None) -> None:
        """Set which tags new posts of a forum get, and when"""
        await self._show_setup(interaction, chosen(interaction, forum))

    @app_commands.command(name="dry-run")
    @app_commands.describe(forum="Which forum (the one that you are in if left out)")
    async def dry_run(self, interaction: Interaction, forum: ForumOption = None) -> None:
        """See which tags the last 50 posts would get; nothing is changed"""
        await self._show_dry_run(interaction, chosen(interaction, forum))

    @app_commands.command()
    @app_commands.describe(forum="Which forum (the one that you are in if left out)")
    async def report(self, interaction: Interaction, forum: ForumOption = None) -> None:
        """How often were tags right? Measured by what people have corrected"""
        await self._show_report(interaction, chosen(interaction, forum))

    async def press_setup(self, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Show the settings of a forum in a new message."""
        await self._show_setup(interaction, pressed_forum(interaction, press.detail.place))

    async def press_dry_run(self, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Begin a dry run."""
        await self._show_dry_run(interaction, pressed_forum(interaction, press.detail.place))

    async def press_report(self, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Show the report."""
        await self._show_report(interaction, pressed_forum(interaction, press.detail.place))

    async def choose(self, action: Action, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Save a choice on the page, then draw it again; after a failure with what was set before."""
        forum = pressed_forum(interaction, press.detail.place)
        now = discord.utils.utcnow().timestamp()
        await defer(interaction)
        await self._save(interaction, forum, lambda known: changed(known, action.name, press.detail, forum, now))

    async def use(self, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Save a threshold that was chosen under a dry run."""
        forum = pressed_forum(interaction, press.detail.place)
        try:
            settings = await self._change(forum, lambda known: changed(known, parts.USE.name, press.detail, forum, 0))
        except FAILURES as error:
            raise not_saved(error) from error
        # Translators: {share} is a threshold, such as "80 %".
        sentence = _(
            "Saved: tags fit {forum} from {share}.",
            forum=forum.mention,
            share=percent(round(settings.threshold * 100) / 100, 0),
        )
        await respond(interaction, sentence, ephemeral=True)

    async def open_tag(self, interaction: Interaction, press: Press[None, Pressed]) -> None:
        """Open the settings of the chosen tag."""
        forum = pressed_forum(interaction, press.detail.place)
        tag = forum.get_tag(int(value)) if (value := next(iter(press.detail.values), "")).isdecimal() else None
        if tag is None:
            raise InvalidRequest(NEVER_OFFERED)
        settings = await self._services.certain_settings(forum)
        await send_modal(interaction, tag_modal(forum, tag.id, settings.of_tag(tag.id)))

    async def save_tag(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Save the settings of a tag, and draw the page again."""
        forum_id, _, tag_id = press.detail.options.partition(":")
        if not forum_id.isdecimal() or not tag_id.isdecimal():
            raise InvalidRequest(NEVER_OFFERED)
        forum = pressed_forum(interaction, int(forum_id))
        if forum.get_tag(int(tag_id)) is None:
            raise InvalidRequest(later("This tag was deleted meanwhile, so there is nothing to save."))
        own = submitted(interaction)
        await defer(interaction)
        await self._save(interaction, forum, lambda known: with_tag(known, int(tag_id), own, forum))

    async def _show_setup(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        await defer(interaction, thinking=True, ephemeral=True)
        await self._draw(interaction, forum)

    async def _draw(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        settings = await self._services.certain_settings(forum)
        page = setup_page(forum, settings, reads_messages=self._services.reads_messages)
        await until_accepted(lambda: interaction.edit_original_response(view=page, allowed_mentions=NO_MENTIONS))

    async def _save(self, interaction: Interaction, forum: discord.ForumChannel, change: Change) -> None:
        """Save, then draw the page again: what it shows is what is kept."""
        try:
            await self._change(forum, change)
        except FAILURES as error:
            with contextlib.suppress(SettingsUnknown):  # then the page stays as it is, and the sentence is true anyway
                await self._draw(interaction, forum)
            raise not_saved(error) from error
        except InvalidRequest:
            await self._draw(interaction, forum)
            raise
        await self._draw(interaction, forum)

    async def _change(self, forum: discord.ForumChannel, change: Change) -> ForumSettings:
        server = await self._services.servers.change(
            forum.guild.id, lambda known: with_forum(known, forum.id, change(known.forum_tags.of_forum(forum.id)))
        )
        return server.forum_tags.of_forum(forum.id)

    async def _show_dry_run(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        if forum.id in self._dry_runs:
            raise InvalidRequest(RUNNING.filled(forum=forum.mention))
        settings = await self._services.certain_settings(forum)
        labels = Labels.of(forum.available_tags, settings)
        if not labels.tags:
            raise InvalidRequest(NO_TAGS.filled(forum=forum.mention))
        self._dry_runs.add(forum.id)
        try:
            await defer(interaction, thinking=True, ephemeral=True)
            posts = await last_posts(forum, POSTS)
            if not posts:
                raise InvalidRequest(NO_POSTS.filled(forum=forum.mention))
            progress = partial(tell_progress, interaction, len(posts))
            run = await dry_run(self._services, posts, labels, interaction.user.id, progress)
            await self._show(interaction, *dry_run_reply(forum, run, settings))
        except FAILURES as error:
            log.warning("a dry run has failed: %s", describe(error))
            raise Unanswered(NOT_READ) from error
        finally:
            self._dry_runs.discard(forum.id)

    async def _show_report(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        await defer(interaction, thinking=True, ephemeral=True)
        try:
            records = await self._corrections.records(forum)
        except FAILURES as error:
            log.warning("a report has failed: %s", describe(error))
            raise Unanswered(NOT_READ) from error
        await self._show(interaction, *report(forum, len(records), tally(records.values())))

    async def _show(self, interaction: Interaction, reply: Reply, view: discord.ui.View | None) -> None:
        picture = None if reply.drawing is None else await self.bot.studio.draw(reply.drawing.draw)

        async def content() -> Edit:
            embed, files = reply.with_picture(picture)
            return {"content": None, "embed": embed, "attachments": files, "view": view}

        await edit_for_good(interaction, content)

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        """Judge a new post."""
        await self._tagger.welcome(thread)

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """Judge the posts that were created while the bot was away."""
        for guild in [one for one in self.bot.guilds if one.shard_id == shard_id]:
            await self._tagger.catch_up(guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Judge the posts that were created while Discord had an outage."""
        await self._tagger.catch_up(guild)

    @commands.Cog.listener()
    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        """Count the corrections of a post."""
        if (guild := self.bot.get_guild(event.guild_id)) is not None:
            await self._kept(self._corrections.follow(event, guild))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        """Forget a post."""
        await self._kept(self._services.store.forum_posts.forget(event.thread_id))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget a forum."""
        settings = await self._services.servers.settings(channel.guild.id)
        if channel.id in settings.forum_tags.forums:
            await self._kept(
                self._services.servers.change(channel.guild.id, partial(without_forum, forum_id=channel.id))
            )
            await self._kept(self._services.store.forum_posts.forget_forum(channel.id))

    async def _kept(self, work: Any) -> None:
        """Await a change of the database that nobody waits for."""
        try:
            await work
        except FAILURES as error:
            log.warning("a change in a forum cannot be kept: %s", describe(error))


async def _decide(decide: Callable[..., Any], interaction: Interaction, press: Press[None, Pressed]) -> None:
    await decide(interaction, press.detail)


def not_saved(error: BaseException) -> Unanswered:
    """Return the error for people whose change was not saved."""
    log.warning("the settings of a forum cannot be saved: %s", describe(error))
    return Unanswered(NOT_SAVED)


async def tell_progress(interaction: Interaction, posts: int, done: int) -> None:
    """Say how far a dry run is; raise if the interaction is gone."""
    try:
        await interaction.edit_original_response(
            content=plural(
                "Trying it on {count} post: {done} done.", "Trying it on {count} posts: {done} done.", posts, done=done
            ),
            allowed_mentions=NO_MENTIONS,
        )
    except Exception as error:
        if is_gone(error):
            raise
        log.info("the progress of a dry run cannot be shown: %s", describe(error))


async def setup(bot: Glassbox) -> None:
    """Add the cog to the bot. discord.py calls this."""
    await bot.add_cog(ForumTags(bot))
