"""What the parts of forum tags share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import discord

from bot.errors import GlassboxError, describe
from bot.forums.record import PostRecord
from bot.inference.backend import Backend
from bot.servers.directory import Servers
from bot.servers.features import MessageFeature
from bot.servers.gate import Access
from bot.servers.topics.forums import ForumSettings
from bot.sharding.standing import Standing
from bot.storage import RequestStore
from bot.storage.opt_outs import ReadAlong

log = logging.getLogger(__name__)

Change = Callable[[PostRecord], PostRecord]


@dataclass(frozen=True)
class Services:
    """The backend, the store, and what the bot may read.

    Attributes:
        reads_messages: whether the bot has the Message Content intent.
    """

    backend: Backend
    store: RequestStore
    servers: Servers
    access: Access
    standing: Standing
    reads_messages: bool

    async def settings(self, forum: discord.ForumChannel) -> ForumSettings:
        """Return the settings of a forum; the defaults, which are off, if the database fails."""
        return (await self.servers.settings(forum.guild.id)).forum_tags.of_forum(forum.id)

    async def certain_settings(self, forum: discord.ForumChannel) -> ForumSettings:
        """Return the settings of a forum; raise `SettingsUnknown` if the database fails."""
        return (await self.servers.certain(forum.guild.id)).forum_tags.of_forum(forum.id)

    async def wants_tags(self, thread: discord.Thread) -> bool:
        """Return whether a post may get tags; raise `FAILURES`."""
        try:
            author = await self._author(thread)
        except GlassboxError as error:
            log.info("a post gets no tags, because its author's roles are not known: %s", describe(error))
            return False
        if not await self.access.allows_in(MessageFeature.FORUM_TAGS, thread.guild, thread, author):
            return False
        return not await self.store.opt_outs.among([thread.owner_id], ReadAlong.FORUM_TAGS)

    async def _author(self, thread: discord.Thread) -> discord.abc.Snowflake:
        """Return the author of a post: with their roles if rules are about any, otherwise perhaps only their id.

        Raises:
            GlassboxError: they have left the server, or Discord does not say who they are.
        """
        guild_id, person = thread.guild.id, thread.owner_id
        if thread.owner is not None or not await self.access.depends_on_roles(MessageFeature.FORUM_TAGS, guild_id):
            return thread.owner or discord.Object(person)
        found = await self.standing.of(guild_id, person, thread.id, thread.parent_id)
        return discord.Object(person) if found is None else found.member

    async def record(self, post: int) -> PostRecord | None:
        """Return what is kept about a judged post; raise `FAILURES`."""
        found = await self.store.forum_posts.find(post)
        return None if found is None else PostRecord.read(found)

    async def change(self, post: int, change: Change, *, done: bool = False) -> PostRecord | None:
        """Change what is kept about a judged post, and return it; raise `FAILURES`.

        Args:
            change: returns the new record of a `PostRecord`.
            done: see `ForumPosts.change`.
        """

        def work(content: str) -> str:
            if (record := PostRecord.read(content)) is None:
                return content
            changed = change(record)
            return content if changed is record else changed.model_dump_json()

        found = await self.store.forum_posts.change(post, work, done=done)
        return None if found is None else PostRecord.read(found)


def forum_of(thread: discord.Thread) -> discord.ForumChannel | None:
    """Return the forum or media channel that a post is in; None for other threads."""
    parent = thread.parent
    return parent if isinstance(parent, discord.ForumChannel) else None
