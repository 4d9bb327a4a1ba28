"""Corrections: people add and remove tags, and the record of the post follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import discord

from bot.forums.record import PostRecord
from bot.forums.services import Services


class Corrections:
    """Follows the tags of judged posts. All methods raise `FAILURES`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def follow(self, event: discord.RawThreadUpdateEvent, guild: discord.Guild) -> None:
        """Note the tags that a post has after an event, if it was judged."""
        forum = guild.get_channel(event.parent_id)
        applied = event.data.get("applied_tags")
        if not isinstance(forum, discord.ForumChannel) or applied is None:
            return
        if forum.id not in (await self._services.servers.settings(guild.id)).forum_tags.forums:
            return
        # Events are handled side by side, so the newest state counts where it is known.
        thread = guild.get_thread(event.thread_id)
        now = [tag.id for tag in thread.applied_tags] if thread is not None else [int(tag) for tag in applied]
        await self._correct(event.thread_id, now, forum)

    async def records(self, forum: discord.ForumChannel) -> Mapping[int, PostRecord]:
        """Return the records of a forum's judged posts, after corrections that were made while the bot was away."""
        found = await self._services.store.forum_posts.of_forum(forum.id)
        records = {post: record for post, content in found.items() if (record := PostRecord.read(content)) is not None}
        for thread in forum.threads:  # the active ones
            if thread.id in records:
                corrected = await self._correct(thread.id, [tag.id for tag in thread.applied_tags], forum)
                records[thread.id] = corrected or records[thread.id]
        return records

    async def _correct(self, post: int, applied: Collection[int], forum: discord.ForumChannel) -> PostRecord | None:
        available = [tag.id for tag in forum.available_tags]
        return await self._services.change(post, lambda record: record.corrected(applied, available), done=True)
