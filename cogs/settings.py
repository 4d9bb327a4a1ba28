"""`/settings`: what a server sets for itself."""

from __future__ import annotations

import logging

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import GlassboxError, InvalidRequest, NotAllowedHere, describe
from bot.locales.message import later
from bot.replies.acknowledgement import defer, respond_with, send_modal
from bot.replies.checkpoints.choice import offered_everywhere
from bot.replies.components.modals import Submission
from bot.replies.components.press import Press
from bot.replies.pending import Edit, edit_for_good
from bot.replies.settings.chat import PROMPT, with_prompt
from bot.replies.settings.controls import CHANGE, Choice, SettingsControl
from bot.replies.settings.page import TOPIC, Change, NotSaved, Operator, Shown, TopicPage, layout
from bot.replies.settings.pages import PAGES, page_of
from bot.servers.features import ALWAYS_ALLOWED, feature_of
from bot.servers.gate import asked_by
from bot.storage.database import FAILURES

log = logging.getLogger(__name__)

FEATURE = "settings"
NO_SERVER = later("Settings are a server's. Please open them in a server that has added me.")
MANAGERS_ONLY = later(
    "Please ask somebody with the permission Manage Server: only they can see and change my settings here."
)


class Settings(Cog):
    """`/settings`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self._bot = bot
        self._servers = bot.servers
        bot.add_dynamic_items(SettingsControl)
        bot.handle(CHANGE, self.choose, feature=FEATURE)
        bot.handle(PROMPT, self.submit, feature=FEATURE, modal=True)

    @app_commands.command()
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.default_permissions(manage_guild=True)
    async def settings(self, interaction: Interaction) -> None:
        """What I do in this server: answers, access, quotas, chat, flags, retention"""
        shown = await self._shown(interaction)
        await respond_with(interaction, layout(PAGES[0], PAGES, shown))

    async def choose(self, interaction: Interaction, press: Press[None, Choice]) -> None:
        """Show another page, or change what somebody has chosen."""
        choice = press.detail
        if choice.field.topic == TOPIC:
            page = page_of(choice.value)
            await self._show(interaction, page, await self._shown(interaction))
            return
        page = page_of(choice.field.topic)
        if choice.field.name in page.looks:
            await self._show(interaction, page, await self._shown(interaction, choice.value))
            return
        shown = await self._shown(interaction, choice.field.focus)
        if (modal := page.modal(choice, shown)) is not None:
            await send_modal(interaction, modal)
            return
        try:
            change = page.change(choice, shown)
        except GlassboxError:  # a menu shows what was chosen in it until it is drawn anew
            await self._show(interaction, page, shown)
            raise
        await self._save(interaction, page, shown, change)

    async def submit(self, interaction: Interaction, press: Press[None, Submission]) -> None:
        """Set a system prompt."""
        submitted = press.detail
        shown = await self._shown(interaction, submitted.options)
        await self._save(interaction, page_of("chat"), shown, with_prompt(submitted.options, submitted.text, shown))

    async def _save(self, interaction: Interaction, page: TopicPage, shown: Shown, change: Change) -> None:
        """Save a change, then show it. If it can't be saved, the page shows what holds."""
        await defer(interaction)
        try:
            await self._servers.change(shown.guild.id, change)
        except FAILURES as error:
            await self._show(interaction, page, shown)
            log.warning("what a server has set cannot be saved: %s", describe(error))
            raise NotSaved from None
        except GlassboxError:
            await self._show(interaction, page, shown)
            raise
        await self._show(interaction, page, await self._shown(interaction, shown.focus))

    async def _show(self, interaction: Interaction, page: TopicPage, shown: Shown) -> None:
        await defer(interaction)

        async def content() -> Edit:
            return {"view": layout(page, PAGES, shown)}

        await edit_for_good(interaction, content)

    async def _shown(self, interaction: Interaction, focus: str = "") -> Shown:
        """Return what a page shows to somebody who may see it.

        Raises:
            GlassboxError: they may not, or it is not known.
        """
        # Not `interaction.guild`, which there is also for those who use the bot in a server that has not added it.
        guild = None if interaction.guild_id is None else self._bot.get_guild(interaction.guild_id)
        if guild is None:
            raise InvalidRequest(NO_SERVER)
        if not interaction.permissions.manage_guild:
            raise NotAllowedHere(MANAGERS_ONLY)
        settings = await self._servers.certain(guild.id)
        asked = asked_by(guild.id, interaction.channel, interaction.user)
        return Shown(settings, guild, asked, self._operator(), focus)

    def _operator(self) -> Operator:
        bot = self._bot
        features = {feature_of(command) for command in bot.tree.get_commands()}
        commands = sorted(features - ALWAYS_ALLOWED)
        offered = offered_everywhere(self.backend.status().checkpoints)
        return Operator(
            bot.intents.message_content,
            bot.intents.guild_messages,
            commands,
            {one.name: one.commands for one in offered},
        )

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Catch up on what has happened while the bot was not connected."""
        bot = self._bot
        shards, count = set(bot.shards), bot.shard_count or 1
        try:
            await self._servers.catch_up(
                {guild.id for guild in bot.guilds}, lambda guild_id: (guild_id >> 22) % count in shards
            )
        except FAILURES as error:
            log.warning("the servers that I have left cannot be noted: %s", describe(error))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Begin the 30 days after which everything of a server is deleted."""
        try:
            await self._servers.left(guild.id)
        except FAILURES as error:
            log.warning("a server that I have left cannot be noted: %s", describe(error))

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Keep what a server has set that has taken the bot back."""
        try:
            await self._servers.joined(guild.id)
        except FAILURES as error:
            log.warning("a server that I have joined cannot be noted: %s", describe(error))


setup = Settings.setup
